/* DHCP unique identifiers: the four kinds, their check and their text (RFC 8415 11, RFC 6355).
 * Knows nothing of messages, and is shared by DHCP for IPv4 (RFC 4361) and for IPv6. */
#ifndef PROTO_DHCP_DUID_H
#define PROTO_DHCP_DUID_H

#include "base/err.h"
#include "base/span.h"

struct writer;

enum duid_type { DUID_LLT = 1, DUID_EN = 2, DUID_LL = 3, DUID_UUID = 4 };

enum {
	DUID_LEN_MAX = 130, /* RFC 8415 11.1: 128 octets and the type's two */
	DUID_LEN_MIN = 3,
	DUID_TEXT_MAX = DUID_LEN_MAX * 3, /* with the NUL */
};

struct duid {
	uint8_t len; /* 0: none */
	uint8_t bytes[DUID_LEN_MAX];
};

static inline struct span duid_span(const struct duid *d)
{
	return span_of(d->bytes, d->len);
}

/* RFC 8415 11.2: seconds since 2000-01-01 UTC, cut to 32 bits. unix_s: seconds since 1970. */
uint32_t duid_time(uint64_t unix_s);

/* ERR_LIMIT when the address or identifier is empty or too long. */
MUST enum err duid_make_llt(uint16_t htype, uint32_t time, struct span link_address,
			    struct duid *ret);
MUST enum err duid_make_ll(uint16_t htype, struct span link_address, struct duid *ret);
MUST enum err duid_make_en(uint32_t enterprise, struct span identifier, struct duid *ret);
void duid_make_uuid(const uint8_t uuid[16], struct duid *ret);

/* A length that RFC 8415 allows; the octets are opaque (11: compared, never interpreted), so a kind
 * that nobody knows is right too. ERR_FORMAT. */
MUST enum err duid_check(struct span wire);
/* A copy. ERR_FORMAT as duid_check. */
MUST enum err duid_from_span(struct span wire, struct duid *ret);

/* enum duid_type, or what stands there; 0 when shorter than a type. */
unsigned duid_type(struct span wire);
/* The link-layer address in an LLT or LL (and its hardware type), else an empty span. For people
 * and for finding a host by its address, never for equality of clients. */
struct span duid_link_address(struct span wire, uint16_t *ret_htype);

/* Lower-case hex with colons: "00:03:00:01:02:00:00:00:00:01". */
void duid_write(struct writer *w, struct span wire);
size_t duid_format(struct span wire, char ret[DUID_TEXT_MAX]); /* "" past DUID_LEN_MAX */
/* Hex with colons, with hyphens or with nothing between; ERR_FORMAT. */
MUST enum err duid_parse(struct span text, struct duid *ret);

#endif
