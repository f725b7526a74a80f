/* A whole answer, composed once and then copied to each who asks: its message, where its TTLs are
 * and where it may be cut. Knows neither how it was found nor where it is kept. */
#ifndef RESOLVER_REPLY_H
#define RESOLVER_REPLY_H

#include "base/err.h"
#include "base/span.h"
#include "proto/dns/message.h"

#define REPLY_EDE_NONE	 0xffffu
#define REPLY_TTLS_MAX	 4096u /* records; an answer with more is not composed */
#define REPLY_PACKED_MAX (DNS_MESSAGE_MAX + REPLY_TTLS_MAX * 2 + 64)

/* What a resolution found: rows of packed RRsets (rrset.h) with the TTLs of this moment. */
struct reply_parts {
	struct span name; /* of the question, wire form */
	uint16_t type, class;
	uint16_t rcode; /* of 12 bits */
	uint16_t ede;	/* enum dns_ede or REPLY_EDE_NONE */
	bool aa;
	struct span answer, authority, additional;
};

/* Who gets it, and how. */
struct reply_to {
	uint16_t id;
	uint16_t flags;	      /* of the query: RD and CD are echoed */
	struct span question; /* as it came, with the letters' case */
	bool edns, do_bit;
	uint16_t edns_size; /* ours, for the OPT */
	size_t limit;	    /* bytes that the client and the transport take */
};

/* Composes parts into packed (cap bytes, at least REPLY_PACKED_MAX for any answer); sigs: with
 * DNSSEC records. scratch: DNS_MESSAGE_MAX bytes. ERR_LIMIT: more than a message holds. */
MUST enum err reply_compose(const struct reply_parts *parts, bool sigs, uint8_t *scratch,
			    uint8_t *packed, size_t cap, size_t *ret_len);

/* The message for one client, age_s after it was composed: id, flags, question and TTLs set, the
 * addresses turned by `turn` places (round robin), OPT added, cut to the limit as RFC 2181 9 wants.
 * out has room for `to->limit` bytes. Returns its length; 0 when not even a header with the
 * question fits. */
size_t reply_write(struct span packed, const struct reply_to *to, uint32_t age_s, uint32_t turn,
		   uint8_t *out);

/* An answer without records: for errors that are known before anything was resolved. question may
 * be empty. */
size_t reply_write_bare(const struct reply_to *to, unsigned rcode, uint16_t ede, uint8_t *out);

/* Least TTL of all records; UINT32_MAX when there are none. */
uint32_t reply_least_ttl(struct span packed);

#endif
