/* The hash of NSEC3 (RFC 5155 5): name to hashed owner label. Knows no records and no proofs. */
#ifndef PROTO_DNS_NSEC3_H
#define PROTO_DNS_NSEC3_H

#include "base/err.h"
#include "base/span.h"

struct dns_name;

#define DNS_NSEC3_SHA1		 1 /* the only algorithm (RFC 5155 11) */
#define DNS_NSEC3_HASH_LEN	 20
#define DNS_NSEC3_LABEL_LEN	 32   /* base32hex of it */
#define DNS_NSEC3_ITERATIONS_MAX 2500 /* what RFC 5155 10.3 allows at most; more is ERR_LIMIT */

/* IH(salt, name, iterations). name: lower case (RFC 5155 5). */
MUST enum err dns_nsec3_hash(const struct dns_name *name, uint16_t iterations, struct span salt,
			     uint8_t ret[DNS_NSEC3_HASH_LEN]);

/* Base32hex in lower case, no NUL. */
void dns_nsec3_label(const uint8_t hash[DNS_NSEC3_HASH_LEN], char ret[DNS_NSEC3_LABEL_LEN]);

/* The owner of the hash's record in the zone: label.zone. ERR_LIMIT when that is over 255 bytes. */
MUST enum err dns_nsec3_owner(const uint8_t hash[DNS_NSEC3_HASH_LEN], const struct dns_name *zone,
			      struct dns_name *ret);

#endif
