/* The tag of chachapoly.c, for that file alone. Knows no stream cipher. */
#ifndef CRYPTO_CHACHAPOLY_INNER_H
#define CRYPTO_CHACHAPOLY_INNER_H

#include "base/span.h"

/* A function for processors that have it. */
#define WIDE __attribute__((target("avx512f,avx512vl,avx512dq,avx512bw,avx2")))

/* A function that is a part of its caller, as vectors do not travel well. */
#define WHOLE __attribute__((always_inline))

/* RFC 8439 2.8 without associated data: Poly1305 of the text, zeros to a multiple of 16, and both
 * lengths. */
void chachapoly_tag(const uint8_t one_time[32], struct span text, uint8_t ret[16]);

/* The same for four texts of one length, at least 32 octets. */
struct chachapoly_four {
	const uint8_t *one_time[4], *text[4]; /* borrowed */
	uint8_t tag[4][16];
};
void chachapoly_tag_four(struct chachapoly_four *four, size_t len);

#endif
