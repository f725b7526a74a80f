/* Transaction signatures, TSIG (RFC 8945): who holds a key proves it for one message, and the
 * answer is proved in return. Knows nothing of what the messages ask, nor of where keys come from.
 */
#ifndef PROTO_DNS_TSIG_H
#define PROTO_DNS_TSIG_H

#include "crypto/hash.h"
#include "crypto/secret.h"
#include "proto/dns/name.h"

#define DNS_TSIG_FUDGE_S 300 /* RFC 8945 10 */
/* Octets of the longest TSIG record that is written here: names, fixed fields, MAC, other data. */
#define DNS_TSIG_LEN_MAX (DNS_NAME_MAX + 10 + 24 + 16 + CRYPTO_HASH_LEN_MAX + 6)

struct dns_tsig_key {
	struct dns_name name; /* lower case */
	enum crypto_hash_kind algorithm;
	struct secret secret;
};

/* "hmac-sha256" and the like, case aside. ERR_UNSUPPORTED for hmac-md5, which RFC 8945 6 wants to
 * die out, and ERR_FORMAT for what is no algorithm's name. */
MUST enum err dns_tsig_algorithm_from_text(struct span text, enum crypto_hash_kind *ret);
const char *dns_tsig_algorithm_text(enum crypto_hash_kind algorithm);

/* The record at the end of a message; spans are views of the message. */
struct dns_tsig {
	struct dns_name key, algorithm;
	uint64_t time_s; /* 48 bits, since 1970 */
	uint16_t fudge_s, original_id, error;
	struct span mac, other;
	size_t at; /* where the record begins: what is before it was signed */
};

/* at: struct dns_message.tsig_at. ERR_FORMAT when the record is torn, its class is not ANY, its TTL
 * not 0, or octets follow it (RFC 8945 4.2, 5.1). */
MUST enum err dns_tsig_read(struct span message, size_t at, struct dns_tsig *ret);

enum dns_tsig_verdict {
	DNS_TSIG_GOOD,
	DNS_TSIG_FORMERR,
	DNS_TSIG_BADKEY, /* no such key, or it is for another algorithm */
	DNS_TSIG_BADSIG,
	DNS_TSIG_BADTIME,
	DNS_TSIG_BADTRUNC, /* shorter than the whole MAC: allowed by the RFC, not by us */
};

/* The number in the TSIG's error field: 0, or enum dns_rcode 16 and above. */
uint16_t dns_tsig_error_of(enum dns_tsig_verdict v);

/* What a MAC is made over besides the message (RFC 8945 4.3). */
struct dns_tsig_chain {
	struct span
		prior_mac; /* of the request, or of the message before in a stream; empty: none */
	bool timers_only;  /* the second and later messages of a stream, RFC 8945 5.3.1 */
};

/* The checks of RFC 8945 5.2.2 to 5.2.4 in their order; BADKEY never. The key's name was compared
 * by the caller; its algorithm is compared here (BADKEY). */
enum dns_tsig_verdict dns_tsig_verify(struct span message, const struct dns_tsig *t,
				      const struct dns_tsig_key *key,
				      const struct dns_tsig_chain *chain, uint64_t now_s);

struct dns_tsig_sign {
	const struct dns_tsig_key *key;
	struct dns_tsig_chain chain;
	uint64_t time_s;
	uint16_t error;
	uint64_t other_time_s; /* told when error is BADTIME */
};

/* Appends the record to a message of len octets in buf (cap) and counts it. Returns the new length,
 * 0 when it does not fit. ret_mac, CRYPTO_HASH_LEN_MAX octets of which crypto_hash_len are filled:
 * for the message that answers or follows; may be NULL. */
size_t dns_tsig_sign(uint8_t *buf, size_t len, size_t cap, const struct dns_tsig_sign *sign,
		     uint8_t *ret_mac);

/* --- for servers: from the request to its answer --- */

/* What the answer's record needs of the request. Zeroed: the request had none. */
struct dns_tsig_reply {
	bool present;
	enum dns_tsig_verdict verdict;
	const struct dns_tsig_key *key;	 /* borrowed; NULL: an unsigned error */
	struct dns_name name, algorithm; /* as asked, for unsigned errors */
	uint64_t request_time_s;
	uint16_t original_id, fudge_s;
	uint8_t mac_len, mac[CRYPTO_HASH_LEN_MAX]; /* the request's, later the last message's */
	bool later;				   /* a message of the stream was signed */
};

/* The key of that name, or NULL. */
typedef const struct dns_tsig_key *dns_tsig_find(const void *arg, const struct dns_name *name);

/* Judges the request. tsig_at 0: there is none, and ret->present is false. DNS_TSIG_FORMERR: answer
 * FORMERR without a record. Every other verdict but GOOD: answer NOTAUTH, with the record. */
enum dns_tsig_verdict dns_tsig_check(struct span message, size_t tsig_at, dns_tsig_find *find,
				     const void *arg, uint64_t now_s, struct dns_tsig_reply *ret);

/* Octets that dns_tsig_reply_sign will add, at most; 0 when the request had no TSIG. */
size_t dns_tsig_reply_len(const struct dns_tsig_reply *r);

/* Closes the answer: signed by the key, or with the error and no MAC (BADKEY, BADSIG). The next
 * call signs the next message of a stream. Returns the new length; 0: no room. */
size_t dns_tsig_reply_sign(struct dns_tsig_reply *r, uint8_t *buf, size_t len, size_t cap,
			   uint64_t now_s);

#endif
