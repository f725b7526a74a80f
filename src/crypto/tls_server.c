/* What all connections to one door share: certificates by name, ALPN, clients' certificates. */
#include "crypto/hash.h"
#include "crypto/tls_inner.h"
#include "crypto/tls_names.h"
#include "crypto/tls_tickets_inner.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdlib.h>

enum { CHAINS_ROOM_FIRST = 4 };

/* --- what the library asks in a handshake ------------------------------------------------------
 */

/* RFC 8737 3: the client offers this protocol and no other. */
static bool offers_acme(SSL *ssl)
{
	static const uint8_t alone[] = "\x00\x0b\x0a" TLS_ACME_PROTOCOL;
	const unsigned char *body = NULL;
	size_t len = 0;
	return SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_application_layer_protocol_negotiation,
					 &body, &len) == 1 &&
	       span_equal(span_of(body, len), span_of(alone, sizeof(alone) - 1));
}

/* Only with a hook: what a client offers is told nowhere else before its certificate is chosen. */
static int client_hello(SSL *ssl, int *alert, void *arg)
{
	(void)alert, (void)arg;
	tls_stream_of(ssl)->offers_acme = offers_acme(ssl);
	return SSL_CLIENT_HELLO_SUCCESS;
}

/* Called in resumed handshakes too, where no certificate is chosen. */
static int name_asked(SSL *ssl, int *alert, void *arg)
{
	struct tls_stream *t = tls_stream_of(ssl);
	const struct tls_server *s = t->server;
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
	(void)arg;
	*alert = SSL_AD_UNRECOGNIZED_NAME;
	if (t->offers_acme) {
		t->acme = name ? s->acme(s->acme_arg, name) : NULL;
		return t->acme ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
	}
	t->bundle = s->alone ? &s->first : name ? tls_names_find(s->names, name) : NULL;
	if (t->bundle)
		return SSL_TLSEXT_ERR_OK;
	if (s->refuse_unknown || s->chains_n == 0)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	t->bundle = &s->first;
	return name ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

static bool bundle_equal(const struct tls_bundle *a, const struct tls_bundle *b)
{
	return memcmp(a, b, sizeof(*a)) == 0; /* pointers only */
}

/* What is shown to most stands in the library's context already. */
static int choose_chain(SSL *ssl, void *arg)
{
	struct tls_stream *t = tls_stream_of(ssl);
	(void)arg;
	if (!t->acme && !t->server->alone && bundle_equal(t->bundle, &t->server->first))
		return 1;
	SSL_certs_clear(ssl);
	if (t->acme) { /* who looks for a proof has none of its own */
		SSL_set_verify(ssl, SSL_VERIFY_NONE, NULL);
		return tls_chain_use(t->acme, ssl);
	}
	for (size_t i = 0; i < TLS_KEYS_N; i++)
		if (t->bundle->by_key[i] && !tls_chain_use(t->bundle->by_key[i], ssl))
			return 0;
	return 1;
}

/* RFC 7301 3.2: the server chooses by its own preference. */
static int choose_protocol(SSL *ssl, const unsigned char **ret, unsigned char *ret_len,
			   const unsigned char *offered, unsigned offered_len, void *arg)
{
	const struct tls_server *s = arg;
	bool acme = tls_stream_of(ssl)->acme != NULL;
	size_t n = acme ? 1 : s->alpn_n;
	if (n == 0)
		return SSL_TLSEXT_ERR_NOACK;
	for (size_t i = 0; i < n; i++) {
		struct span ours = span_text(acme ? TLS_ACME_PROTOCOL : (const char *)s->alpn[i]);
		struct span rest = span_of(offered, offered_len);
		while (rest.len) { /* the library has checked that the lengths add up */
			struct span theirs = span_sub(rest, 1, rest.data[0]);
			if (span_equal(ours, theirs)) {
				*ret = theirs.data;
				*ret_len = (unsigned char)theirs.len;
				return SSL_TLSEXT_ERR_OK;
			}
			rest = span_sub(rest, 1 + theirs.len, rest.len);
		}
	}
	return SSL_TLSEXT_ERR_ALERT_FATAL;
}

/* RFC 6066 8: the library has chosen the certificate by now. */
static int staple(SSL *ssl, void *arg)
{
	const struct tls_stream *t = tls_stream_of(ssl);
	const X509 *shown = SSL_get_certificate(ssl);
	uint8_t *copy = NULL;
	size_t len = 0;
	(void)arg;
	for (size_t i = 0; i < TLS_KEYS_N && t->bundle; i++) {
		struct tls_chain *c = t->bundle->by_key[i];
		if (!c || c->certificate != shown || !tls_chain_staple_copy(c, &copy, &len))
			continue;
		if (SSL_set_tlsext_status_ocsp_resp(ssl, copy, (long)len) == 1)
			return SSL_TLSEXT_ERR_OK;
		OPENSSL_free(copy);
	}
	return SSL_TLSEXT_ERR_NOACK;
}

/* --- setting up --------------------------------------------------------------------------------
 */

bool tls_set_up(SSL_CTX *c, enum tls_version min)
{
	/* The library's macros cast the const away. */
	char groups[] = TLS_GROUPS, signatures[] = TLS_SIGNATURES;
	int version = min == TLS_1_3 ? TLS1_3_VERSION : TLS1_2_VERSION;
	(void)SSL_CTX_set_mode(c, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
					  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
					  /* what a file has is shown, not looked for each time */
					  SSL_MODE_NO_AUTO_CHAIN);
	(void)SSL_CTX_set_options(c, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
	SSL_CTX_set_security_level(c, TLS_SECURITY_LEVEL);
	return SSL_CTX_set_min_proto_version(c, version) == 1 &&
	       SSL_CTX_set_cipher_list(c, TLS_CIPHERS) == 1 &&
	       SSL_CTX_set_ciphersuites(c, TLS_SUITES) == 1 &&
	       SSL_CTX_set1_sigalgs_list(c, signatures) == 1 &&
	       SSL_CTX_set1_groups_list(c, groups) == 1;
}

size_t tls_authorities_add(X509_STORE *store, STACK_OF(X509_NAME) * ret_names, struct span pem)
{
	BIO *text = tls_text_open(pem);
	X509 *x = NULL;
	size_t n = 0;
	while (text && (x = PEM_read_bio_X509(text, NULL, tls_no_phrase, NULL))) {
		X509_NAME *name = ret_names ? X509_NAME_dup(X509_get_subject_name(x)) : NULL;
		bool good = X509_STORE_add_cert(store, x) == 1 &&
			    (!ret_names || (name && sk_X509_NAME_push(ret_names, name) > 0));
		X509_free(x);
		if (!good) {
			X509_NAME_free(name);
			n = 0;
			break;
		}
		n++;
	}
	BIO_free(text);
	ERR_clear_error();
	return n;
}

/* A ticket of one door opens no other one whose clients must prove something else (RFC 8446
 * 4.6.1; the library compares this name). */
static bool set_up_sessions(struct tls_server *s, const struct tls_options *o)
{
	uint8_t id[CRYPTO_SHA256_LEN], verify = (uint8_t)o->verify;
	struct crypto_hash h;
	crypto_hash_init(&h, CRYPTO_SHA256);
	crypto_hash_add(&h, span_text("gatehouse"));
	crypto_hash_add(&h, span_of(&verify, 1));
	crypto_hash_add(&h, o->authorities_pem);
	crypto_hash_add(&h, o->revoked_pem); /* who is revoked later comes back by no ticket */
	crypto_hash_end(&h, id);
	SSL_CTX *c = s->library;
	(void)SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
	(void)SSL_CTX_set_timeout(c, TLS_TICKET_LIFE_S);
	if (!o->tickets)
		(void)SSL_CTX_set_options(c, SSL_OP_NO_TICKET);
	s->tickets = tls_tickets_ref(o->tickets);
	return SSL_CTX_set_num_tickets(c, o->tickets ? 1 : 0) == 1 &&
	       (!o->tickets || tls_tickets_use(c)) &&
	       SSL_CTX_set_session_id_context(c, id, sizeof(id)) == 1;
}

/* Every certificate on the way is looked up, as by RFC 5280 6.1.3 (a) (3). */
static enum err revoked_add(X509_STORE *store, struct span pem)
{
	BIO *text = tls_text_open(pem);
	X509_CRL *list = NULL;
	bool good = true;
	size_t n = 0;
	while (text && good && (list = PEM_read_bio_X509_CRL(text, NULL, tls_no_phrase, NULL))) {
		good = X509_STORE_add_crl(store, list) == 1;
		X509_CRL_free(list);
		n++;
	}
	BIO_free(text);
	ERR_clear_error();
	if (!good)
		return ENOMEM;
	if (n == 0)
		return ERR_ABSENT;
	(void)X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
	return OK;
}

static enum err set_up_clients(SSL_CTX *c, const struct tls_options *o)
{
	if (o->verify == TLS_VERIFY_NONE)
		return OK;
	X509_STORE *store = X509_STORE_new();
	STACK_OF(X509_NAME) *names = sk_X509_NAME_new_null();
	enum err e = !store || !names ? ENOMEM : OK;
	if (!e && tls_authorities_add(store, names, o->authorities_pem) == 0)
		e = ERR_FORMAT;
	if (!e && o->revoked_pem.len)
		e = revoked_add(store, o->revoked_pem);
	if (!e && SSL_CTX_set1_verify_cert_store(c, store) != 1)
		e = ENOMEM;
	X509_STORE_free(store);
	if (e) {
		sk_X509_NAME_pop_free(names, X509_NAME_free);
		return e;
	}
	SSL_CTX_set_client_CA_list(c, names);
	SSL_CTX_set_verify(
		c,
		SSL_VERIFY_PEER |
			(o->verify == TLS_VERIFY_REQUIRED ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0),
		NULL);
	return OK;
}

static enum err set_up(struct tls_server *s, const struct tls_options *o)
{
	ASSERT(o->alpn_n <= TLS_ALPN_MAX);
	for (; s->alpn_n < o->alpn_n; s->alpn_n++)
		ASSERT(span_to_cstr(span_text(o->alpn[s->alpn_n]), (char *)s->alpn[s->alpn_n],
				    TLS_TEXT_MAX));
	s->refuse_unknown = o->refuse_unknown;
	s->acme = o->acme;
	s->acme_arg = o->acme_arg;
	s->wire = tls_wire_method();
	SSL_CTX *c = s->library = SSL_CTX_new(TLS_server_method());
	if (!s->wire || !c || !tls_set_up(c, o->version_min) || !set_up_sessions(s, o))
		return ENOMEM;
	TRY(set_up_clients(c, o));
	(void)SSL_CTX_set_options(c, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
	if (s->acme)
		SSL_CTX_set_client_hello_cb(c, client_hello, NULL);
	(void)SSL_CTX_set_tlsext_servername_callback(c, name_asked);
	(void)SSL_CTX_set_tlsext_status_cb(c, staple);
	SSL_CTX_set_cert_cb(c, choose_chain, NULL);
	if (o->wipes)
		(void)SSL_CTX_set_options(c, SSL_OP_CLEANSE_PLAINTEXT);
	if (s->alpn_n || s->acme)
		SSL_CTX_set_alpn_select_cb(c, choose_protocol, s);
	return tls_names_new(&s->names);
}

enum err tls_server_new(const struct tls_options *options, struct tls_server **ret)
{
	AUTO(tls_server_unref) struct tls_server *s = calloc(1, sizeof(*s));
	if (!s)
		return ENOMEM;
	atomic_init(&s->refs, 1);
	enum err e = set_up(s, options);
	ERR_clear_error();
	TRY(e);
	*ret = TAKE(s);
	return OK;
}

struct tls_server *tls_server_ref(struct tls_server *s)
{
	if (s)
		atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
	return s;
}

void tls_server_unref(struct tls_server *s)
{
	if (!s || atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) != 1)
		return;
	for (size_t i = 0; i < s->chains_n; i++)
		tls_chain_unref(s->chains[i]);
	free(s->chains);
	tls_names_free(s->names);
	tls_tickets_unref(s->tickets);
	if (!s->like) {
		SSL_CTX_free(s->library);
		BIO_meth_free(s->wire);
	}
	tls_server_unref(s->like);
	free(s);
}

/* --- certificates ------------------------------------------------------------------------------
 */

/* Tries it on a connection of its own, so that what the library would refuse is found now. */
static bool is_usable(const struct tls_server *s, const struct tls_chain *c)
{
	SSL *trial = SSL_new(s->library);
	bool good = trial && tls_chain_use(c, trial) && SSL_check_private_key(trial) == 1;
	SSL_free(trial);
	ERR_clear_error();
	return good;
}

static bool make_room(struct tls_server *s)
{
	if (s->chains_n < s->chains_room)
		return true;
	size_t room = s->chains_room ? 2 * s->chains_room : CHAINS_ROOM_FIRST;
	struct tls_chain **chains = realloc(s->chains, room * sizeof(*chains));
	if (!chains)
		return false;
	s->chains = chains;
	s->chains_room = room;
	return true;
}

/* The first chain of all, and those for its first name of other kinds of key. */
static bool first_update(struct tls_server *s)
{
	struct tls_chain *c = s->chains[0];
	const struct tls_bundle *same = c->names_n ? tls_names_find(s->names, c->names[0]) : NULL;
	struct tls_bundle now = same ? *same : (struct tls_bundle){0};
	now.by_key[c->kind] = c;
	for (size_t i = 0; i < TLS_KEYS_N; i++) {
		const struct tls_chain *k = now.by_key[i];
		if (k && k != s->first.by_key[i] &&
		    SSL_CTX_use_cert_and_key(s->library, k->certificate, k->key, k->above, 1) != 1)
			return false;
	}
	s->first = now;
	return true;
}

enum err tls_server_add_chain(struct tls_server *s, struct tls_chain *c)
{
	if (s->chains_n >= TLS_CHAINS_MAX)
		return ERR_LIMIT;
	if (!is_usable(s, c))
		return ERR_REFUSED;
	if (!make_room(s))
		return ENOMEM;
	s->chains[s->chains_n++] = tls_chain_ref(c); /* the names borrow it from here on */
	TRY(tls_names_add(s->names, c));
	return first_update(s) ? OK : ENOMEM;
}

enum err tls_server_add(struct tls_server *s, struct span chain_pem, struct span key_pem)
{
	AUTO(tls_chain_unref) struct tls_chain *c = NULL;
	TRY(tls_chain_new(chain_pem, key_pem, &c));
	return tls_server_add_chain(s, c);
}

enum err tls_server_alone(struct tls_server *like, struct tls_chain *c, struct tls_server **ret)
{
	ASSERT(!like->tickets && !like->acme && !like->like);
	AUTO(tls_server_unref) struct tls_server *s = calloc(1, sizeof(*s));
	if (!s)
		return ENOMEM;
	atomic_init(&s->refs, 1);
	s->like = tls_server_ref(like);
	s->library = like->library;
	s->wire = like->wire;
	s->alone = true;
	if (!is_usable(s, c))
		return ERR_REFUSED;
	if (!make_room(s))
		return ENOMEM;
	s->chains[s->chains_n++] = tls_chain_ref(c);
	s->first.by_key[c->kind] = c;
	*ret = TAKE(s);
	return OK;
}

struct tls_chain *tls_server_chain(const struct tls_server *s, const char *name, unsigned key)
{
	const struct tls_bundle *b = name ? tls_names_find(s->names, name) : NULL;
	if (!b && !s->refuse_unknown)
		b = &s->first;
	return b && key < TLS_KEYS_N ? b->by_key[key] : NULL;
}

/* --- the server of the day ---------------------------------------------------------------------
 */

struct tls_slot {
	CRYPTO_RWLOCK *lock;
	struct tls_server *server;
};

enum err tls_slot_new(struct tls_slot **ret)
{
	struct tls_slot *slot = calloc(1, sizeof(*slot));
	if (!slot)
		return ENOMEM;
	slot->lock = CRYPTO_THREAD_lock_new();
	if (!slot->lock) {
		free(slot);
		return ENOMEM;
	}
	*ret = slot;
	return OK;
}

void tls_slot_free(struct tls_slot *slot)
{
	if (!slot)
		return;
	tls_server_unref(slot->server);
	CRYPTO_THREAD_lock_free(slot->lock);
	free(slot);
}

void tls_slot_set(struct tls_slot *slot, struct tls_server *s)
{
	ASSERT(CRYPTO_THREAD_write_lock(slot->lock) == 1);
	struct tls_server *before = slot->server;
	slot->server = tls_server_ref(s);
	CRYPTO_THREAD_unlock(slot->lock);
	tls_server_unref(before);
}

struct tls_server *tls_slot_get(struct tls_slot *slot)
{
	ASSERT(CRYPTO_THREAD_read_lock(slot->lock) == 1);
	struct tls_server *s = tls_server_ref(slot->server);
	CRYPTO_THREAD_unlock(slot->lock);
	return s;
}
