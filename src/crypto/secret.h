/* Bytes that must not leak: kept in place, compared in constant time, wiped when done. Knows
 * nothing of what they open. */
#ifndef CRYPTO_SECRET_H
#define CRYPTO_SECRET_H

#include "base/err.h"
#include "base/span.h"

/* In time that depends on the lengths only; false when they differ. */
MUST bool crypto_equal(struct span a, struct span b);

/* Zeros that the compiler does not optimise away; accepts NULL with len 0. */
void crypto_wipe(void *buf, size_t len);

enum { SECRET_LEN_MAX = 512 };

/* Zeroed storage is an empty secret. */
struct secret {
	uint16_t len;
	uint8_t bytes[SECRET_LEN_MAX];
};

/* Replaces what was there; ERR_LIMIT over SECRET_LEN_MAX, and the secret is as before. */
MUST enum err secret_set(struct secret *s, struct span value);
/* Wipes; accepts NULL. For AUTO_DONE. */
void secret_done(struct secret *s);

static inline struct span secret_span(const struct secret *s)
{
	return span_of(s->bytes, s->len);
}

#endif
