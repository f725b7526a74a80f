#include "crypto/tls_tickets.h"

#include "crypto/secret.h"
#include "crypto/tls_inner.h"
#include "crypto/tls_tickets_inner.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdlib.h>

enum { NAME_LEN = 16, MAC_LEN = 32, CIPHER_LEN = 32, IV_LEN = 16 };
_Static_assert(NAME_LEN + MAC_LEN + CIPHER_LEN == TLS_TICKET_KEY_LEN, "RFC 5077 4");

struct tls_tickets {
	atomic_size_t refs;
	CRYPTO_RWLOCK *lock;
	EVP_CIPHER *cipher; /* looked up once, not in each handshake */
	struct tls_ticket_key keys[TLS_TICKET_KEYS];
	size_t keys_n, seals;
	atomic_bool has_keys;
	atomic_uint_fast64_t sealed, opened, unknown;
};

enum err tls_tickets_new(struct tls_tickets **ret)
{
	struct tls_tickets *t = calloc(1, sizeof(*t));
	if (!t)
		return ENOMEM;
	atomic_init(&t->refs, 1);
	t->lock = CRYPTO_THREAD_lock_new();
	t->cipher = EVP_CIPHER_fetch(NULL, "AES-256-CBC", NULL);
	if (!t->lock || !t->cipher) {
		ERR_clear_error();
		tls_tickets_unref(t);
		return ENOMEM;
	}
	*ret = t;
	return OK;
}

struct tls_tickets *tls_tickets_ref(struct tls_tickets *t)
{
	if (t)
		atomic_fetch_add_explicit(&t->refs, 1, memory_order_relaxed);
	return t;
}

void tls_tickets_unref(struct tls_tickets *t)
{
	if (!t || atomic_fetch_sub_explicit(&t->refs, 1, memory_order_acq_rel) != 1)
		return;
	CRYPTO_THREAD_lock_free(t->lock);
	EVP_CIPHER_free(t->cipher);
	crypto_wipe(t->keys, sizeof(t->keys));
	free(t);
}

void tls_tickets_set(struct tls_tickets *t, const struct tls_ticket_key *keys, size_t n,
		     size_t seals)
{
	ASSERT(n <= TLS_TICKET_KEYS && (n == 0 || seals < n));
	if (CRYPTO_THREAD_write_lock(t->lock) != 1)
		return;
	crypto_wipe(t->keys, sizeof(t->keys));
	if (n)
		memcpy(t->keys, keys, n * sizeof(keys[0]));
	t->keys_n = n;
	t->seals = seals;
	atomic_store(&t->has_keys, n > 0);
	CRYPTO_THREAD_unlock(t->lock);
}

void tls_tickets_counts(struct tls_tickets *t, struct tls_tickets_counts *ret)
{
	*ret = (struct tls_tickets_counts){.sealed = atomic_load(&t->sealed),
					   .opened = atomic_load(&t->opened),
					   .unknown = atomic_load(&t->unknown)};
}

bool tls_tickets_has_keys(struct tls_tickets *t)
{
	return atomic_load_explicit(&t->has_keys, memory_order_relaxed);
}

/* --- in a handshake ----------------------------------------------------------------------------
 */

/* The sealing one, or with a name that of the name; false: there is none. */
static bool key_get(struct tls_tickets *t, const uint8_t *name, struct tls_ticket_key *ret,
		    bool *ret_seals)
{
	bool found = false;
	if (CRYPTO_THREAD_read_lock(t->lock) != 1)
		return false;
	for (size_t i = 0; i < t->keys_n && !found; i++) {
		found = name ? memcmp(t->keys[i].bytes, name, NAME_LEN) == 0 : i == t->seals;
		if (found) {
			*ret = t->keys[i];
			*ret_seals = i == t->seals;
		}
	}
	CRYPTO_THREAD_unlock(t->lock);
	return found;
}

static bool mac_begin(EVP_MAC_CTX *mac, struct tls_ticket_key *key)
{
	char digest[] = "SHA256";
	OSSL_PARAM params[] = {OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY,
								 key->bytes + NAME_LEN, MAC_LEN),
			       OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
			       OSSL_PARAM_construct_end()};
	return EVP_MAC_CTX_set_params(mac, params) == 1;
}

/* The library's contract: 1 sealed or opened, 2 opened and to be renewed, 0 none, below 0 failed.
 */
static int ticket(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
		  EVP_MAC_CTX *mac, int seal)
{
	struct tls_tickets *t = tls_stream_of(ssl)->server->tickets;
	struct tls_ticket_key key;
	bool seals = false;
	if (!key_get(t, seal ? NULL : name, &key, &seals)) {
		if (!seal)
			atomic_fetch_add_explicit(&t->unknown, 1, memory_order_relaxed);
		return 0;
	}
	bool good = !seal || RAND_bytes(iv, IV_LEN) == 1;
	const uint8_t *secret = key.bytes + NAME_LEN + MAC_LEN;
	good = good && EVP_CipherInit_ex(cipher, t->cipher, NULL, secret, iv, seal) == 1 &&
	       mac_begin(mac, &key);
	if (seal)
		memcpy(name, key.bytes, NAME_LEN);
	crypto_wipe(&key, sizeof(key));
	if (!good)
		return -1;
	atomic_fetch_add_explicit(seal ? &t->sealed : &t->opened, 1, memory_order_relaxed);
	/* RFC 8446 C.4: a client uses a ticket once, so it gets another for the next time */
	return seal || (seals && SSL_version(ssl) != TLS1_3_VERSION) ? 1 : 2;
}

bool tls_tickets_use(SSL_CTX *c)
{
	return SSL_CTX_set_tlsext_ticket_key_evp_cb(c, ticket) == 1;
}
