/* The client's side: how a server must prove itself, and the sessions that are remembered. */
#include "crypto/hash.h"
#include "crypto/secret.h"
#include "crypto/tls_inner.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

enum { ALPN_WIRE_MAX = TLS_ALPN_MAX * TLS_TEXT_MAX };

struct tls_client {
	atomic_size_t refs;
	SSL_CTX *library;
	BIO_METHOD *wire;
	struct tls_chain *chain; /* counted, or NULL */
	bool checks_name, no_sessions, has_pin, asks_status;
	uint8_t pin[TLS_PIN_LEN];
};

struct tls_peer {
	atomic_size_t refs;
	struct tls_client *client; /* counted */
	char *name;		   /* owned; NULL: none */
	char *protocol;		   /* owned; to be offered alone; NULL: those of the client */
	bool is_address;
	CRYPTO_RWLOCK *lock;
	uint8_t *session; /* of the last connection, DER; owned; NULL: none */
	size_t session_len;
};

/* --- checks ------------------------------------------------------------------------------------
 */

/* In place of the library's: the key alone counts, whatever its certificate says. */
static int pin_check(X509_STORE_CTX *about, void *arg)
{
	const struct tls_client *c = arg;
	uint8_t hash[CRYPTO_SHA256_LEN], *der = NULL;
	const X509 *x = X509_STORE_CTX_get0_cert(about);
	int len = x ? i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), &der) : -1;
	bool good = len > 0;
	if (good) {
		crypto_sha256(span_of(der, (size_t)len), hash);
		good = crypto_equal(span_of(hash, sizeof(hash)), span_of(c->pin, sizeof(c->pin)));
	}
	OPENSSL_free(der);
	X509_STORE_CTX_set_error(about, good ? X509_V_OK : X509_V_ERR_CERT_UNTRUSTED);
	return good;
}

static enum err set_up_checks(struct tls_client *c, const struct tls_client_options *o)
{
	unsigned ways =
		(o->authorities_pem.len ? 1u : 0) + (o->has_pin ? 1u : 0) + (o->unchecked ? 1u : 0);
	if (ways != 1)
		return ERR_REFUSED;
	SSL_CTX_set_verify(c->library, o->unchecked ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, NULL);
	if (o->has_pin) {
		c->has_pin = true;
		memcpy(c->pin, o->pin, sizeof(c->pin));
		SSL_CTX_set_cert_verify_callback(c->library, pin_check, c);
	}
	c->checks_name = o->authorities_pem.len > 0;
	return c->checks_name && tls_authorities_add(SSL_CTX_get_cert_store(c->library), NULL,
						     o->authorities_pem) == 0
		       ? ERR_FORMAT
		       : OK;
}

/* --- sessions ----------------------------------------------------------------------------------
 */

static void session_drop(uint8_t *der, size_t len)
{
	crypto_wipe(der, len);
	free(der);
}

/* Kept as bytes, not as the library's object: that one is marked as used up by the first connection
 * that resumes it, and its mark passes on to the sessions that come after. */
static int session_keep(SSL *ssl, SSL_SESSION *session)
{
	enum { GIVE_BACK = 0 }; /* the library keeps its count */
	struct tls_peer *p = tls_stream_of(ssl)->peer;
	int len = i2d_SSL_SESSION(session, NULL);
	uint8_t *der = len > 0 ? malloc((size_t)len) : NULL, *at = der;
	if (!p || !der || i2d_SSL_SESSION(session, &at) != len ||
	    CRYPTO_THREAD_write_lock(p->lock) != 1) {
		free(der);
		return GIVE_BACK;
	}
	uint8_t *before = p->session;
	size_t before_len = p->session_len;
	p->session = der;
	p->session_len = (size_t)len;
	CRYPTO_THREAD_unlock(p->lock);
	session_drop(before, before_len);
	return GIVE_BACK;
}

static void session_offer(struct tls_peer *p, SSL *ssl)
{
	if (CRYPTO_THREAD_read_lock(p->lock) != 1)
		return;
	const uint8_t *at = p->session;
	SSL_SESSION *session = at ? d2i_SSL_SESSION(NULL, &at, (long)p->session_len) : NULL;
	CRYPTO_THREAD_unlock(p->lock);
	if (session && SSL_SESSION_is_resumable(session))
		(void)SSL_set_session(ssl, session);
	SSL_SESSION_free(session);
}

/* --- life --------------------------------------------------------------------------------------
 */

static bool set_up_alpn(SSL_CTX *c, const struct tls_client_options *o)
{
	uint8_t wire[ALPN_WIRE_MAX];
	size_t len = 0;
	ASSERT(o->alpn_n <= TLS_ALPN_MAX);
	for (size_t i = 0; i < o->alpn_n; i++) {
		size_t n = strlen(o->alpn[i]);
		ASSERT(n > 0 && n < TLS_TEXT_MAX);
		wire[len++] = (uint8_t)n;
		memcpy(wire + len, o->alpn[i], n);
		len += n;
	}
	return len == 0 || SSL_CTX_set_alpn_protos(c, wire, (unsigned)len) == 0;
}

/* Only asked of who has none to show. */
static int certificate_asked(SSL *ssl, X509 **certificate, EVP_PKEY **key)
{
	enum { GO_ON_WITHOUT = 0 };
	(void)certificate, (void)key;
	tls_stream_of(ssl)->asks_certificate = true;
	return GO_ON_WITHOUT;
}

static enum err client_set_up(struct tls_client *c, const struct tls_client_options *o)
{
	c->wire = tls_wire_method();
	c->library = SSL_CTX_new(TLS_client_method());
	if (!c->wire || !c->library || !tls_set_up(c->library, o->version_min) ||
	    !set_up_alpn(c->library, o))
		return ENOMEM;
	c->no_sessions = o->no_sessions;
	(void)SSL_CTX_set_session_cache_mode(
		c->library, o->no_sessions ? SSL_SESS_CACHE_OFF
					   : SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(c->library, session_keep);
	SSL_CTX_set_client_cert_cb(c->library, certificate_asked);
	c->chain = tls_chain_ref(o->chain);
	if (c->chain && SSL_CTX_use_cert_and_key(c->library, c->chain->certificate, c->chain->key,
						 c->chain->above, 1) != 1)
		return ERR_REFUSED;
	c->asks_status = o->status;
	if (o->staples)
		tls_client_check_staples(c->library);
	return set_up_checks(c, o);
}

enum err tls_client_new(const struct tls_client_options *options, struct tls_client **ret)
{
	AUTO(tls_client_unref) struct tls_client *c = calloc(1, sizeof(*c));
	if (!c)
		return ENOMEM;
	atomic_init(&c->refs, 1);
	enum err e = client_set_up(c, options);
	ERR_clear_error();
	TRY(e);
	*ret = TAKE(c);
	return OK;
}

struct tls_client *tls_client_ref(struct tls_client *c)
{
	if (c)
		atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
	return c;
}

void tls_client_unref(struct tls_client *c)
{
	if (!c || atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) != 1)
		return;
	SSL_CTX_free(c->library);
	BIO_meth_free(c->wire);
	tls_chain_unref(c->chain);
	free(c);
}

enum err tls_peer_new(struct tls_client *c, const char *name, struct tls_peer **ret)
{
	if (!name && c->checks_name)
		return ERR_REFUSED;
	AUTO(tls_peer_unref) struct tls_peer *p = calloc(1, sizeof(*p));
	if (!p)
		return ENOMEM;
	atomic_init(&p->refs, 1);
	p->client = tls_client_ref(c);
	p->lock = CRYPTO_THREAD_lock_new();
	p->name = name ? strdup(name) : NULL;
	if (!p->lock || (name && !p->name))
		return ENOMEM;
	ASN1_OCTET_STRING *address = name ? a2i_IPADDRESS(name) : NULL;
	p->is_address = address != NULL;
	ASN1_OCTET_STRING_free(address);
	ERR_clear_error();
	*ret = TAKE(p);
	return OK;
}

enum err tls_peer_offer(struct tls_peer *p, const char *protocol)
{
	ASSERT(*protocol && strlen(protocol) < TLS_TEXT_MAX);
	p->protocol = strdup(protocol);
	return p->protocol ? OK : (enum err)ENOMEM;
}

static bool offer(const struct tls_peer *p, SSL *ssl)
{
	uint8_t wire[TLS_TEXT_MAX];
	size_t n = p->protocol ? strlen(p->protocol) : 0;
	if (!n)
		return true;
	wire[0] = (uint8_t)n;
	memcpy(wire + 1, p->protocol, n);
	return SSL_set_alpn_protos(ssl, wire, (unsigned)n + 1) == 0;
}

struct tls_peer *tls_peer_ref(struct tls_peer *p)
{
	if (p)
		atomic_fetch_add_explicit(&p->refs, 1, memory_order_relaxed);
	return p;
}

void tls_peer_unref(struct tls_peer *p)
{
	if (!p || atomic_fetch_sub_explicit(&p->refs, 1, memory_order_acq_rel) != 1)
		return;
	session_drop(p->session, p->session_len);
	CRYPTO_THREAD_lock_free(p->lock);
	free(p->name);
	free(p->protocol);
	tls_client_unref(p->client);
	free(p);
}

bool tls_wants_status(const struct tls_stream *t)
{
	return t->peer && t->peer->client->asks_status && !t->staple_good;
}

/* Whom to ask for, and whose certificate it must be (RFC 6125; RFC 6066 3 for addresses). */
static bool name_peer(const struct tls_peer *p, SSL *ssl)
{
	X509_VERIFY_PARAM *check = SSL_get0_param(ssl);
	if (!p->name)
		return true;
	if (!p->is_address && SSL_set_tlsext_host_name(ssl, p->name) != 1)
		return false;
	if (!p->client->checks_name)
		return true;
	X509_VERIFY_PARAM_set_hostflags(check, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return p->is_address ? X509_VERIFY_PARAM_set1_ip_asc(check, p->name) == 1
			     : X509_VERIFY_PARAM_set1_host(check, p->name, 0) == 1;
}

enum err tls_stream_connect(struct tls_peer *p, const struct tls_wire *wire,
			    struct tls_stream **ret)
{
	AUTO(tls_stream_free) struct tls_stream *t = NULL;
	TRY(tls_stream_over(p->client->library, p->client->wire, wire, &t));
	t->peer = tls_peer_ref(p);
	if (!name_peer(p, t->library) || !offer(p, t->library)) {
		ERR_clear_error();
		return ENOMEM;
	}
	SSL_set_connect_state(t->library);
	if (!p->client->no_sessions)
		session_offer(p, t->library);
	*ret = TAKE(t);
	return OK;
}
