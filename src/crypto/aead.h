/* ChaCha20-Poly1305 (RFC 8439) and XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha): sealed bytes that
 * nobody without the key reads or changes. Knows no packet. */
#ifndef CRYPTO_AEAD_H
#define CRYPTO_AEAD_H

#include "base/err.h"
#include "base/span.h"

enum {
	CRYPTO_AEAD_KEY_LEN = 32,
	CRYPTO_AEAD_TAG_LEN = 16,
	CRYPTO_XAEAD_NONCE_LEN = 24,
	CRYPTO_AEAD_LEN_MAX = 1 << 24, /* of one text here; the cipher takes more */
};

enum crypto_aead_use { CRYPTO_AEAD_SEAL, CRYPTO_AEAD_OPEN };

/* A cipher with its key, made once and used for many packets, by one thread at a time and for one
 * direction. Zeroed storage is an empty one. */
struct crypto_aead {
	void *cipher; /* the library's, or the key alone */
	bool wide;    /* by crypto/chachapoly.h, which this processor is wide enough for */
	enum crypto_aead_use use;
};

/* a: empty, or one that gets another key, which allocates nothing then. ENOMEM, and a as before. */
MUST enum err crypto_aead_init(struct crypto_aead *a, enum crypto_aead_use use,
			       const uint8_t key[CRYPTO_AEAD_KEY_LEN]);
/* The same, and the library's whatever this processor has. a: empty, or one of these. */
MUST enum err crypto_aead_init_library(struct crypto_aead *a, enum crypto_aead_use use,
				       const uint8_t key[CRYPTO_AEAD_KEY_LEN]);
/* Wipes the key; accepts NULL and an empty one. */
void crypto_aead_done(struct crypto_aead *a);

/* The nonce is 32 zero bits, then counter, little-endian, as WireGuard has it (paper, 5.4.6); no
 * associated data. Writes in.len bytes and the tag to ret, which may be where in is. Never twice
 * with one counter. Cannot fail, does not allocate. */
void crypto_aead_seal(struct crypto_aead *a, uint64_t counter, struct span in, uint8_t *ret);

/* in: with its tag. False when it is shorter than a tag or not what was sealed; ret, of in.len -
 * CRYPTO_AEAD_TAG_LEN bytes, then holds bytes to be thrown away. ret may be where in is. */
MUST bool crypto_aead_open(struct crypto_aead *a, uint64_t counter, struct span in, uint8_t *ret);

/* Several texts under one key, as if one by one; for runs of packets of one length, which take less
 * time together. in and ret as above. */
struct crypto_aead_text {
	uint64_t counter;
	struct span in;
	uint8_t *ret;
	bool right; /* out, of open_many: what crypto_aead_open says */
};
void crypto_aead_seal_many(struct crypto_aead *a, struct crypto_aead_text *texts, size_t n);
void crypto_aead_open_many(struct crypto_aead *a, struct crypto_aead_text *texts, size_t n);

/* The same for one text under a key that is used once or seldom, with associated data. ret may be
 * where in is. Cannot fail but by the tag; nothing is allocated. */
void crypto_aead_seal_once(const uint8_t key[CRYPTO_AEAD_KEY_LEN], uint64_t counter,
			   struct span associated, struct span in, uint8_t *ret);
MUST bool crypto_aead_open_once(const uint8_t key[CRYPTO_AEAD_KEY_LEN], uint64_t counter,
				struct span associated, struct span in, uint8_t *ret);

/* With a nonce so long that a random one does not come twice. */
void crypto_xaead_seal(const uint8_t key[CRYPTO_AEAD_KEY_LEN],
		       const uint8_t nonce[CRYPTO_XAEAD_NONCE_LEN], struct span associated,
		       struct span in, uint8_t *ret);
MUST bool crypto_xaead_open(const uint8_t key[CRYPTO_AEAD_KEY_LEN],
			    const uint8_t nonce[CRYPTO_XAEAD_NONCE_LEN], struct span associated,
			    struct span in, uint8_t *ret);

#endif
