/* Passwords as Argon2id records (RFC 9106), which carry their own salt and costs. Knows neither
 * whose a password is nor what makes one good. */
#ifndef CRYPTO_PASSWORD_H
#define CRYPTO_PASSWORD_H

#include "base/err.h"
#include "base/span.h"

enum {
	PASSWORD_LEN_MAX = 1024,   /* bytes */
	PASSWORD_RECORD_MAX = 128, /* bytes of a record with its NUL */
};

/* What a guess costs. RFC 9106 4: 64 MiB and 3 passes where memory is dear. */
struct password_cost {
	uint64_t memory_bytes; /* 8 KiB to 4 GiB */
	uint32_t passes;       /* 1 to 100 */
};

/* A record of the password, with a fresh salt: text that ends with a NUL, zeros behind it. Takes as
 * long as cost says: not for a thread that others wait for. ERR_LIMIT: the password is too long, or
 * a cost out of bounds; ENOMEM. */
MUST enum err password_make(struct span password, const struct password_cost *cost,
			    char ret[PASSWORD_RECORD_MAX]);

/* Is this the password of that record? Takes as long as the record says. ERR_REFUSED: no, or none
 * of our records; ENOMEM: it cannot be told. */
MUST enum err password_check(struct span password, const char *record);

/* A record of that cost which no password is known to fit: it is random, and checked at the same
 * price as any other. ERR_LIMIT as above; EIO. */
MUST enum err password_decoy(const struct password_cost *cost, char ret[PASSWORD_RECORD_MAX]);

/* Was the record made at another cost? True also for what is no record. */
bool password_is_stale(const char *record, const struct password_cost *cost);

#endif
