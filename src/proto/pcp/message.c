#include "proto/pcp/message.h"

#include "base/reader.h"
#include "base/writer.h"

#include <string.h>

enum {
	RESPONSE_BIT = 0x80,
	OPTIONS_MAX = PCP_MESSAGE_MAX / 4,
	OPTION_MANDATORY_MAX = 127, /* RFC 6887 7.3: those below 128 must be understood */
	PREFIX_V4 = 96,		    /* bits of ::ffff:0:0/96 */
	THIRD_PARTY_LEN = 16,
	FILTER_LEN = 20,
};

const char *pcp_result_name(enum pcp_result result)
{
	static const char *const names[PCP_RESULTS] = {
		"SUCCESS",	     "UNSUPP_VERSION",	       "NOT_AUTHORIZED",
		"MALFORMED_REQUEST", "UNSUPP_OPCODE",	       "UNSUPP_OPTION",
		"MALFORMED_OPTION",  "NETWORK_FAILURE",	       "NO_RESOURCES",
		"UNSUPP_PROTOCOL",   "USER_EX_QUOTA",	       "CANNOT_PROVIDE_EXTERNAL",
		"ADDRESS_MISMATCH",  "EXCESSIVE_REMOTE_PEERS",
	};
	return (unsigned)result < PCP_RESULTS ? names[result] : "unassigned";
}

static struct ip_address read_address(struct reader *r)
{
	struct ip_address a = ip_address_of(read_span(r, 16));
	return ip_address_unmap(&a);
}

void pcp_write_address(struct writer *w, const struct ip_address *a)
{
	static const uint8_t mapped[12] = {[10] = 0xff, 0xff}, zeros[16] = {0};
	if (a->family == 4)
		write_bytes(w, mapped, sizeof(mapped));
	if (a->family)
		write_span(w, ip_address_span(a));
	else
		write_bytes(w, zeros, sizeof(zeros));
}

/* --- options (RFC 6887 7.3 and 13) --- */

static enum pcp_result third_party_read(struct reader *body, struct pcp_request *q)
{
	if (q->third_party)
		return PCP_MALFORMED_OPTION; /* 13.1: at most once */
	if (body->len != THIRD_PARTY_LEN)
		return PCP_MALFORMED_OPTION;
	q->third_party = true;
	q->third = read_address(body);
	/* 13.1: "If the address in the THIRD_PARTY option is the same as the source address ... the
	 * PCP server MUST return MALFORMED_REQUEST". */
	return ip_address_equal(&q->third, &q->client) ? PCP_MALFORMED_REQUEST : PCP_SUCCESS;
}

static enum pcp_result filter_read(struct reader *body, struct pcp_request *q)
{
	if (body->len != FILTER_LEN)
		return PCP_MALFORMED_OPTION;
	reader_skip(body, 1);
	uint8_t bits = read_u8(body);
	struct pcp_filter f = {.port = read_u16(body)};
	struct ip_address remote = read_address(body);
	/* 13.3: lengths count as IPv6's: 96 + 24 for an IPv4 /24. 0 stands for no filter. */
	unsigned base = remote.family == 4 ? PREFIX_V4 : 0;
	if (bits > 128 || (bits && bits < base))
		return PCP_MALFORMED_OPTION;
	if (bits)
		f.remote = ip_prefix_of(&remote, bits - base);
	if (!bits)
		q->filters_n = 0; /* those before it in this message are gone as well */
	if (q->filters_n == PCP_FILTERS_MAX)
		return PCP_EXCESSIVE_REMOTE_PEERS;
	q->filters[q->filters_n++] = f;
	return PCP_SUCCESS;
}

static enum pcp_result option_read(uint8_t code, struct reader *body, struct pcp_request *q)
{
	switch (code) {
	case PCP_THIRD_PARTY:
		return q->opcode == PCP_ANNOUNCE ? PCP_MALFORMED_OPTION : third_party_read(body, q);
	case PCP_PREFER_FAILURE: /* 13.2: for MAP, no body, at most once */
		if (q->opcode != PCP_MAP || body->len || q->prefer_failure)
			return PCP_MALFORMED_OPTION;
		q->prefer_failure = true;
		return PCP_SUCCESS;
	case PCP_FILTER: /* 13.3: for MAP */
		return q->opcode == PCP_MAP ? filter_read(body, q) : PCP_MALFORMED_OPTION;
	default: return code <= OPTION_MANDATORY_MAX ? PCP_UNSUPP_OPTION : PCP_SUCCESS;
	}
}

static enum pcp_result options_read(struct reader *r, struct pcp_request *q)
{
	static const uint8_t zeros[4];
	for (size_t n = 0; n < OPTIONS_MAX && reader_left(r); n++) {
		uint8_t code = read_u8(r);
		reader_skip(r, 1);
		uint16_t len = read_u16(r);
		struct reader body = reader_sub(r, len);
		/* 7.3: "the Option Length ... padded with zeros to a multiple of 4 octets" */
		struct span pad = read_span(r, (4u - len % 4u) % 4u);
		if (r->bad || memcmp(pad.len ? pad.data : zeros, zeros, pad.len) != 0)
			return PCP_MALFORMED_OPTION;
		enum pcp_result result = option_read(code, &body, q);
		if (result)
			return result;
	}
	return PCP_SUCCESS;
}

/* --- the request --- */

static void opcode_data_read(struct reader *r, struct pcp_request *q)
{
	read_bytes(r, q->nonce, sizeof(q->nonce));
	q->protocol = read_u8(r);
	reader_skip(r, 3);
	q->internal_port = read_u16(r);
	q->external.port = read_u16(r);
	q->external.address = read_address(r);
	if (q->opcode != PCP_PEER)
		return;
	q->remote.port = read_u16(r);
	reader_skip(r, 2);
	q->remote.address = read_address(r);
}

static enum pcp_result request_read(struct span wire, struct pcp_request *q)
{
	struct reader r = reader_of_span(wire);
	q->version = read_u8(&r);
	q->opcode = read_u8(&r);
	if (q->version != PCP_VERSION)
		return PCP_UNSUPP_VERSION;
	/* 8.2: "If the length ... is not a multiple of 4, or is shorter than 24 octets or longer
	 * than 1100". */
	if (wire.len < PCP_HEADER_LEN || wire.len > PCP_MESSAGE_MAX || wire.len % 4)
		return PCP_MALFORMED_REQUEST;
	reader_skip(&r, 2);
	q->lifetime_s = read_u32(&r);
	q->client = read_address(&r);
	if (q->opcode > PCP_PEER)
		return PCP_UNSUPP_OPCODE;
	if (q->opcode != PCP_ANNOUNCE)
		opcode_data_read(&r, q);
	if (r.bad)
		return PCP_MALFORMED_REQUEST;
	return options_read(&r, q);
}

bool pcp_request_read(struct span wire, struct pcp_request *ret, enum pcp_result *ret_result)
{
	if (wire.len < 2 || (wire.data[1] & RESPONSE_BIT))
		return false;
	struct pcp_request q = {0};
	*ret_result = request_read(wire, &q);
	*ret = q;
	return true;
}

/* --- answers --- */

struct head {
	uint8_t opcode;
	enum pcp_result result;
	uint32_t lifetime_s, epoch_s;
};

static void write_head(struct writer *w, const struct head *h)
{
	static const uint8_t reserved[12];
	write_u8(w, PCP_VERSION);
	write_u8(w, h->opcode | RESPONSE_BIT);
	write_u8(w, 0);
	write_u8(w, (uint8_t)h->result);
	write_u32(w, h->lifetime_s);
	write_u32(w, h->epoch_s);
	write_bytes(w, reserved, sizeof(reserved));
}

static void write_option(struct writer *w, enum pcp_option code, uint16_t len)
{
	write_u8(w, (uint8_t)code);
	write_u8(w, 0);
	write_u16(w, len);
}

static void write_filter(struct writer *w, const struct pcp_filter *f)
{
	unsigned base = f->remote.address.family == 4 ? PREFIX_V4 : 0;
	write_option(w, PCP_FILTER, FILTER_LEN);
	write_u8(w, 0);
	write_u8(w, (uint8_t)(f->remote.address.family ? f->remote.bits + base : 0));
	write_u16(w, f->port);
	pcp_write_address(w, &f->remote.address);
}

void pcp_write_answer(struct writer *w, const struct pcp_request *granted, uint32_t lifetime_s,
		      uint32_t epoch_s)
{
	static const uint8_t reserved[3];
	write_head(w, &(struct head){granted->opcode, PCP_SUCCESS, lifetime_s, epoch_s});
	if (granted->opcode == PCP_ANNOUNCE)
		return;
	write_bytes(w, granted->nonce, sizeof(granted->nonce));
	write_u8(w, granted->protocol);
	write_bytes(w, reserved, sizeof(reserved));
	write_u16(w, granted->internal_port);
	write_u16(w, granted->external.port);
	pcp_write_address(w, &granted->external.address);
	if (granted->opcode == PCP_PEER) {
		write_u16(w, granted->remote.port);
		write_u16(w, 0);
		pcp_write_address(w, &granted->remote.address);
	}
	if (granted->third_party) {
		write_option(w, PCP_THIRD_PARTY, THIRD_PARTY_LEN);
		pcp_write_address(w, &granted->third);
	}
	if (granted->prefer_failure)
		write_option(w, PCP_PREFER_FAILURE, 0);
	for (size_t i = 0; i < granted->filters_n; i++)
		write_filter(w, &granted->filters[i]);
}

void pcp_write_error(struct writer *w, struct span request, enum pcp_result result,
		     uint32_t lifetime_s, uint32_t epoch_s)
{
	static const uint8_t zeros[4];
	uint8_t opcode = request.len > 1 ? request.data[1] : 0;
	struct span rest = span_sub(request, PCP_HEADER_LEN, PCP_MESSAGE_MAX - PCP_HEADER_LEN);
	write_head(w, &(struct head){opcode, result, lifetime_s, epoch_s});
	write_span(w, rest);
	write_bytes(w, zeros, (4 - rest.len % 4) % 4);
}

void pcp_write_announce(struct writer *w, uint32_t epoch_s)
{
	write_head(w, &(struct head){PCP_ANNOUNCE, PCP_SUCCESS, 0, epoch_s});
}
