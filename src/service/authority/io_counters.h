/* What the authority counts, as places in a worker's row. Knows nothing of who reads it. */
#ifndef AUTHORITY_IO_COUNTERS_H
#define AUTHORITY_IO_COUNTERS_H

#include "os/counters.h"
#include "service/authority/update.h"

#include <stddef.h>

struct answer_facts;

enum authority_counter {
	COUNT_UDP,
	COUNT_TCP,
	COUNT_OPCODE_QUERY,
	COUNT_OPCODE_NOTIFY,
	COUNT_OPCODE_UPDATE,
	COUNT_OPCODE_OTHER,
	COUNT_TYPE_A,
	COUNT_TYPE_AAAA,
	COUNT_TYPE_NS,
	COUNT_TYPE_SOA,
	COUNT_TYPE_MX,
	COUNT_TYPE_TXT,
	COUNT_TYPE_PTR,
	COUNT_TYPE_SRV,
	COUNT_TYPE_SVCB,   /* and HTTPS */
	COUNT_TYPE_DNSSEC, /* DS DNSKEY RRSIG NSEC NSEC3 NSEC3PARAM CDS CDNSKEY */
	COUNT_TYPE_ANY,
	COUNT_TYPE_TRANSFER, /* AXFR, IXFR */
	COUNT_TYPE_OTHER,
	COUNT_RCODE_NOERROR,
	COUNT_RCODE_FORMERR,
	COUNT_RCODE_SERVFAIL,
	COUNT_RCODE_NXDOMAIN,
	COUNT_RCODE_NOTIMP,
	COUNT_RCODE_REFUSED,
	COUNT_RCODE_YXDOMAIN,
	COUNT_RCODE_YXRRSET,
	COUNT_RCODE_NXRRSET,
	COUNT_RCODE_NOTAUTH,
	COUNT_RCODE_NOTZONE,
	COUNT_RCODE_BADVERS,
	COUNT_RCODE_OTHER,
	COUNT_REFERRAL,
	COUNT_TRUNCATED,
	COUNT_EDNS,
	COUNT_DNSSEC_OK,
	COUNT_DROP_SHORT, /* no header, or an answer */
	COUNT_DROP_LONG,  /* a datagram longer than the buffer, a TCP query longer than allowed */
	COUNT_DROP_SPACE,
	COUNT_DROP_SEND, /* the kernel would not take the answer */
	COUNT_TCP_ACCEPTED,
	COUNT_TCP_REFUSED, /* too many */
	COUNT_TCP_IDLE,	   /* closed for silence */
	COUNT_TCP_OPEN,	   /* a gauge */
	COUNT_TRANSFERS,
	COUNT_UPDATE_FIRST, /* one for each enum update_outcome */
	COUNT_UPDATE_LAST = COUNT_UPDATE_FIRST + UPDATE_OUTCOMES - 1,
	COUNT_UPDATE_FULL,   /* the queue to the updater */
	COUNT_UPDATE_UNTOLD, /* events that were left out */
	COUNTERS
};

extern const struct counter_name authority_counter_names[COUNTERS];

void count_rcode(struct counter_row row, uint16_t rcode);

/* One query over one transport. The rcode of an update that is handed over is counted later. */
void count_answer(struct counter_row row, const struct answer_facts *facts, bool tcp);

#endif
