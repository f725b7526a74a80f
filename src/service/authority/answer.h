/* The engine of the authority: the bytes of a query in, the bytes of its answer into the caller's
 * buffer (RFC 1034 4.3.2). Allocates nothing and knows no socket, no clock and no source of
 * randomness. */
#ifndef AUTHORITY_ANSWER_H
#define AUTHORITY_ANSWER_H

#include "base/err.h"
#include "base/span.h"
#include "proto/dns/code.h"
#include "proto/dns/tsig.h"

struct dns_query;
struct ip_address;
struct keyring;
struct zones;
struct zones_entry;

#define ANSWER_UDP_MAX	    4096 /* bytes; no configuration lets a UDP answer be longer */
#define ANSWER_TCP_MAX	    65535
#define ANSWER_CHAIN_MAX    16 /* CNAMEs and DNAMEs that one answer follows */
#define ANSWER_IDENTITY_MAX 255
#define ANSWER_SECRET_LEN   16

/* What the configuration says about answers; immutable while it is in use. */
struct answer_config {
	uint16_t edns_size; /* bytes of a UDP answer at most, 512..ANSWER_UDP_MAX */
	bool minimal;	    /* no additional section but glue */
	bool round_robin;
	bool cookies;
	uint8_t cookie_secret[ANSWER_SECRET_LEN];
	uint16_t idle_100ms;  /* told in TCP keepalive (RFC 7828) */
	uint8_t identity_len; /* 0: no NSID, and id.server is REFUSED */
	uint8_t identity[ANSWER_IDENTITY_MAX];
	const char *version;  /* version.bind CH TXT; NULL: REFUSED */
	struct keyring *keys; /* borrowed; NULL: none */
};

struct answer_input {
	struct span packet;
	const struct ip_address *client;
	bool tcp;
	uint32_t now_s;	 /* since 1970, for cookies */
	uint32_t random; /* where RRsets begin; need not be secret */
};

enum answer_drop {
	ANSWER_SENT,
	ANSWER_DROP_SHORT, /* no header there, or itself an answer */
	ANSWER_DROP_SPACE, /* the buffer does not hold even an empty answer */
};

/* What was asked and said, for counters and for what the caller does next. */
struct answer_facts {
	uint8_t drop; /* enum answer_drop; the rest is not set unless ANSWER_SENT */
	uint8_t opcode;
	uint16_t rcode; /* 12 bits */
	uint16_t type;	/* 0 when there was no question */
	bool edns, dnssec, truncated, referral;
	/* A zone transfer over TCP that is allowed: nothing was written; the caller makes an axfr
	 * of it. */
	const struct zones_entry *transfer;
	/* An UPDATE whose signature is right, from a key that has a rule in the zone: nothing was
	 * written; the caller hands it to who writes the zone. */
	const struct zones_entry *update;
	struct dns_tsig_reply tsig; /* how the answers of these two are signed */
};

/* Returns the bytes written to out; 0: nothing is to be sent (see ret->drop, ret->transfer and
 * ret->update). */
size_t answer_make(const struct zones *zones, const struct answer_config *conf,
		   const struct answer_input *in, uint8_t *out, size_t out_cap,
		   struct answer_facts *ret);

/* The answer to an UPDATE, signed as the request was. Returns its length. */
size_t answer_update_write(struct span packet, enum dns_rcode rcode, struct dns_tsig_reply *tsig,
			   uint64_t now_s, uint8_t *out, size_t out_cap);

#endif
