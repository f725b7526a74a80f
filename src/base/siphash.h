/* SipHash (Aumasson and Bernstein, "SipHash: a fast short-input PRF"): a keyed hash whose
 * collisions a stranger who lacks the key cannot choose. Knows neither what is hashed nor where the
 * key is from; not a hash for signatures. */
#ifndef BASE_SIPHASH_H
#define BASE_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

enum { SIPHASH_KEY_LEN = 16 };

/* The two little-endian words of a 16-byte key. */
struct hash_key {
	uint64_t k0, k1;
};

struct hash_key hash_key_of(const uint8_t key[SIPHASH_KEY_LEN]);

/* SipHash-2-4: for what leaves the process (DNS cookies, RFC 9018 4.4). The published output is the
 * result's 8 bytes in little-endian order. */
uint64_t siphash24(const uint8_t key[SIPHASH_KEY_LEN], const void *data, size_t len);

/* SipHash-1-3: for hash tables, whose hashes nobody outside sees. */
uint64_t siphash13(const uint8_t key[SIPHASH_KEY_LEN], const void *data, size_t len);
uint64_t siphash13_of(struct hash_key key, const void *data, size_t len);

#endif
