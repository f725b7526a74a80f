#include "service/authority/io_counters.h"

#include "proto/dns/code.h"
#include "proto/dns/type.h"
#include "service/authority/answer.h"

#define QUERIES "gatehouse_authority_queries_total"
#define OPCODES "gatehouse_authority_opcodes_total"
#define TYPES	"gatehouse_authority_query_types_total"
#define RCODES	"gatehouse_authority_rcodes_total"
#define ANSWERS "gatehouse_authority_answers_total"
#define DROPS	"gatehouse_authority_dropped_total"
#define UPDATES "gatehouse_authority_updates_total"
#define TCP	"gatehouse_authority_tcp_total"

#define ROW(row_name, row_label, row_help)                                                         \
	{                                                                                          \
		.name = (row_name), .label = (row_label), .help = (row_help)                       \
	}

const struct counter_name authority_counter_names[COUNTERS] = {
	[COUNT_UDP] = ROW(QUERIES, "transport=\"udp\"", "queries received"),
	[COUNT_TCP] = ROW(QUERIES, "transport=\"tcp\"", "queries received"),
	[COUNT_OPCODE_QUERY] = ROW(OPCODES, "opcode=\"query\"", "queries by opcode"),
	[COUNT_OPCODE_NOTIFY] = ROW(OPCODES, "opcode=\"notify\"", "queries by opcode"),
	[COUNT_OPCODE_UPDATE] = ROW(OPCODES, "opcode=\"update\"", "queries by opcode"),
	[COUNT_OPCODE_OTHER] = ROW(OPCODES, "opcode=\"other\"", "queries by opcode"),
	[COUNT_TYPE_A] = ROW(TYPES, "type=\"A\"", "queries by type"),
	[COUNT_TYPE_AAAA] = ROW(TYPES, "type=\"AAAA\"", "queries by type"),
	[COUNT_TYPE_NS] = ROW(TYPES, "type=\"NS\"", "queries by type"),
	[COUNT_TYPE_SOA] = ROW(TYPES, "type=\"SOA\"", "queries by type"),
	[COUNT_TYPE_MX] = ROW(TYPES, "type=\"MX\"", "queries by type"),
	[COUNT_TYPE_TXT] = ROW(TYPES, "type=\"TXT\"", "queries by type"),
	[COUNT_TYPE_PTR] = ROW(TYPES, "type=\"PTR\"", "queries by type"),
	[COUNT_TYPE_SRV] = ROW(TYPES, "type=\"SRV\"", "queries by type"),
	[COUNT_TYPE_SVCB] = ROW(TYPES, "type=\"SVCB\"", "queries by type"),
	[COUNT_TYPE_DNSSEC] = ROW(TYPES, "type=\"DNSSEC\"", "queries by type"),
	[COUNT_TYPE_ANY] = ROW(TYPES, "type=\"ANY\"", "queries by type"),
	[COUNT_TYPE_TRANSFER] = ROW(TYPES, "type=\"XFR\"", "queries by type"),
	[COUNT_TYPE_OTHER] = ROW(TYPES, "type=\"other\"", "queries by type"),
	[COUNT_RCODE_NOERROR] = ROW(RCODES, "rcode=\"NOERROR\"", "answers by rcode"),
	[COUNT_RCODE_FORMERR] = ROW(RCODES, "rcode=\"FORMERR\"", "answers by rcode"),
	[COUNT_RCODE_SERVFAIL] = ROW(RCODES, "rcode=\"SERVFAIL\"", "answers by rcode"),
	[COUNT_RCODE_NXDOMAIN] = ROW(RCODES, "rcode=\"NXDOMAIN\"", "answers by rcode"),
	[COUNT_RCODE_NOTIMP] = ROW(RCODES, "rcode=\"NOTIMP\"", "answers by rcode"),
	[COUNT_RCODE_REFUSED] = ROW(RCODES, "rcode=\"REFUSED\"", "answers by rcode"),
	[COUNT_RCODE_YXDOMAIN] = ROW(RCODES, "rcode=\"YXDOMAIN\"", "answers by rcode"),
	[COUNT_RCODE_YXRRSET] = ROW(RCODES, "rcode=\"YXRRSET\"", "answers by rcode"),
	[COUNT_RCODE_NXRRSET] = ROW(RCODES, "rcode=\"NXRRSET\"", "answers by rcode"),
	[COUNT_RCODE_NOTAUTH] = ROW(RCODES, "rcode=\"NOTAUTH\"", "answers by rcode"),
	[COUNT_RCODE_NOTZONE] = ROW(RCODES, "rcode=\"NOTZONE\"", "answers by rcode"),
	[COUNT_RCODE_BADVERS] = ROW(RCODES, "rcode=\"BADVERS\"", "answers by rcode"),
	[COUNT_RCODE_OTHER] = ROW(RCODES, "rcode=\"other\"", "answers by rcode"),
	[COUNT_REFERRAL] = ROW(ANSWERS, "kind=\"referral\"", "answers of a kind"),
	[COUNT_TRUNCATED] = ROW(ANSWERS, "kind=\"truncated\"", "answers of a kind"),
	[COUNT_EDNS] = ROW(ANSWERS, "kind=\"edns\"", "answers of a kind"),
	[COUNT_DNSSEC_OK] = ROW(ANSWERS, "kind=\"dnssec\"", "answers of a kind"),
	[COUNT_DROP_SHORT] = ROW(DROPS, "cause=\"not-a-query\"", "queries without an answer"),
	[COUNT_DROP_LONG] = ROW(DROPS, "cause=\"too-long\"", "queries without an answer"),
	[COUNT_DROP_SPACE] = ROW(DROPS, "cause=\"no-space\"", "queries without an answer"),
	[COUNT_DROP_SEND] = ROW(DROPS, "cause=\"send\"", "queries without an answer"),
	[COUNT_TCP_ACCEPTED] = ROW(TCP, "event=\"accepted\"", "TCP connections"),
	[COUNT_TCP_REFUSED] = ROW(TCP, "event=\"refused\"", "TCP connections"),
	[COUNT_TCP_IDLE] = ROW(TCP, "event=\"idle-closed\"", "TCP connections"),
	[COUNT_TCP_OPEN] = {.name = "gatehouse_authority_tcp_open",
			    .help = "TCP connections that are open",
			    .gauge = true},
	[COUNT_TRANSFERS] =
		ROW("gatehouse_authority_transfers_total", NULL, "zone transfers begun"),
	[COUNT_UPDATE_FIRST + UPDATE_CHANGED] =
		ROW(UPDATES, "outcome=\"changed\"", "updates by what became of them"),
	[COUNT_UPDATE_FIRST + UPDATE_UNCHANGED] =
		ROW(UPDATES, "outcome=\"unchanged\"", "updates by what became of them"),
	[COUNT_UPDATE_FIRST + UPDATE_MALFORMED] =
		ROW(UPDATES, "outcome=\"malformed\"", "updates by what became of them"),
	[COUNT_UPDATE_FIRST + UPDATE_PREREQUISITE] =
		ROW(UPDATES, "outcome=\"prerequisite\"", "updates by what became of them"),
	[COUNT_UPDATE_FIRST + UPDATE_FORBIDDEN] =
		ROW(UPDATES, "outcome=\"forbidden\"", "updates by what became of them"),
	[COUNT_UPDATE_FIRST + UPDATE_TOO_LARGE] =
		ROW(UPDATES, "outcome=\"too-large\"", "updates by what became of them"),
	[COUNT_UPDATE_FIRST + UPDATE_CONTRARY] =
		ROW(UPDATES, "outcome=\"contrary\"", "updates by what became of them"),
	[COUNT_UPDATE_FIRST + UPDATE_FAILED] =
		ROW(UPDATES, "outcome=\"failed\"", "updates by what became of them"),
	[COUNT_UPDATE_FULL] =
		ROW(UPDATES, "outcome=\"queue-full\"", "updates by what became of them"),
	[COUNT_UPDATE_UNTOLD] = ROW("gatehouse_authority_update_events_left_out_total", NULL,
				    "updates without an event, because there were too many"),
};

static enum authority_counter type_counter(uint16_t type)
{
	switch (type) {
	case DNS_TYPE_A: return COUNT_TYPE_A;
	case DNS_TYPE_AAAA: return COUNT_TYPE_AAAA;
	case DNS_TYPE_NS: return COUNT_TYPE_NS;
	case DNS_TYPE_SOA: return COUNT_TYPE_SOA;
	case DNS_TYPE_MX: return COUNT_TYPE_MX;
	case DNS_TYPE_TXT: return COUNT_TYPE_TXT;
	case DNS_TYPE_PTR: return COUNT_TYPE_PTR;
	case DNS_TYPE_SRV: return COUNT_TYPE_SRV;
	case DNS_TYPE_SVCB:
	case DNS_TYPE_HTTPS: return COUNT_TYPE_SVCB;
	case DNS_TYPE_DS:
	case DNS_TYPE_DNSKEY:
	case DNS_TYPE_RRSIG:
	case DNS_TYPE_NSEC:
	case DNS_TYPE_NSEC3:
	case DNS_TYPE_NSEC3PARAM:
	case DNS_TYPE_CDS:
	case DNS_TYPE_CDNSKEY: return COUNT_TYPE_DNSSEC;
	case DNS_TYPE_ANY: return COUNT_TYPE_ANY;
	case DNS_TYPE_AXFR:
	case DNS_TYPE_IXFR: return COUNT_TYPE_TRANSFER;
	default: return COUNT_TYPE_OTHER;
	}
}

static enum authority_counter rcode_counter(uint16_t rcode)
{
	switch (rcode) {
	case DNS_RCODE_NOERROR: return COUNT_RCODE_NOERROR;
	case DNS_RCODE_FORMERR: return COUNT_RCODE_FORMERR;
	case DNS_RCODE_SERVFAIL: return COUNT_RCODE_SERVFAIL;
	case DNS_RCODE_NXDOMAIN: return COUNT_RCODE_NXDOMAIN;
	case DNS_RCODE_NOTIMP: return COUNT_RCODE_NOTIMP;
	case DNS_RCODE_REFUSED: return COUNT_RCODE_REFUSED;
	case DNS_RCODE_YXDOMAIN: return COUNT_RCODE_YXDOMAIN;
	case DNS_RCODE_YXRRSET: return COUNT_RCODE_YXRRSET;
	case DNS_RCODE_NXRRSET: return COUNT_RCODE_NXRRSET;
	case DNS_RCODE_NOTAUTH: return COUNT_RCODE_NOTAUTH;
	case DNS_RCODE_NOTZONE: return COUNT_RCODE_NOTZONE;
	case DNS_RCODE_BADVERS: return COUNT_RCODE_BADVERS;
	default: return COUNT_RCODE_OTHER;
	}
}

static enum authority_counter opcode_counter(uint8_t opcode)
{
	switch (opcode) {
	case DNS_OPCODE_QUERY: return COUNT_OPCODE_QUERY;
	case DNS_OPCODE_NOTIFY: return COUNT_OPCODE_NOTIFY;
	case DNS_OPCODE_UPDATE: return COUNT_OPCODE_UPDATE;
	default: return COUNT_OPCODE_OTHER;
	}
}

void count_rcode(struct counter_row row, uint16_t rcode)
{
	counter_add(row, rcode_counter(rcode), 1);
}

void count_answer(struct counter_row row, const struct answer_facts *facts, bool tcp)
{
	counter_add(row, tcp ? COUNT_TCP : COUNT_UDP, 1);
	if (facts->drop != ANSWER_SENT) {
		counter_add(row,
			    facts->drop == ANSWER_DROP_SHORT ? COUNT_DROP_SHORT : COUNT_DROP_SPACE,
			    1);
		return;
	}
	counter_add(row, opcode_counter(facts->opcode), 1);
	counter_add(row, type_counter(facts->type), 1);
	if (!facts->update)
		count_rcode(row, facts->rcode);
	if (facts->edns)
		counter_add(row, COUNT_EDNS, 1);
	if (facts->dnssec)
		counter_add(row, COUNT_DNSSEC_OK, 1);
	if (facts->referral)
		counter_add(row, COUNT_REFERRAL, 1);
	if (facts->truncated)
		counter_add(row, COUNT_TRUNCATED, 1);
	if (facts->transfer)
		counter_add(row, COUNT_TRANSFERS, 1);
}
