#include "crypto/tls.h"

#include "crypto/secret.h"

#include <assert.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

enum {
	SECURITY_LEVEL = 2, /* 112 bits: no RSA below 2048, no SHA-1 */
};

struct chain {
	X509 *certificate;
	EVP_PKEY *key;
	STACK_OF(X509) * above;
};

struct tls_server {
	SSL_CTX *library;
	struct tls_options options;
	struct chain *chains;
	size_t chains_n;
};

struct tls_stream {
	SSL *library;
	BIO *in, *out; /* borrowed from library */
	bool failed;
};

/* --- what all connections share ----------------------------------------------------------------
 */

static void chain_done(struct chain *c)
{
	X509_free(c->certificate);
	EVP_PKEY_free(c->key);
	sk_X509_pop_free(c->above, X509_free);
}

/* RFC 7301 3.2: the server chooses by its own preference. */
static int choose_protocol(SSL *ssl, const unsigned char **ret, unsigned char *ret_len,
			   const unsigned char *offered, unsigned offered_len, void *arg)
{
	const struct tls_server *s = arg;
	(void)ssl;
	for (size_t i = 0; i < s->options.alpn_n; i++) {
		struct span ours = span_text(s->options.alpn[i]);
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

/* The certificate that is for the name that the client asks for. */
static int choose_chain(SSL *ssl, void *arg)
{
	const struct tls_server *s = arg;
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
	const struct chain *chosen = &s->chains[0];
	for (size_t i = 0; name && i < s->chains_n; i++)
		if (X509_check_host(s->chains[i].certificate, name, 0, 0, NULL) == 1) {
			chosen = &s->chains[i];
			break;
		}
	return SSL_use_cert_and_key(ssl, chosen->certificate, chosen->key, chosen->above, 1);
}

static bool set_up(struct tls_server *s)
{
	SSL_CTX *c = s->library;
	char groups[] = "X25519:P-256:P-384"; /* the library's macro casts the const away */
	uint64_t options = SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
			   SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA |
			   SSL_OP_NO_TICKET |
			   SSL_OP_CLEANSE_PLAINTEXT; /* passwords come this way */
	(void)SSL_CTX_set_options(c, options);
	(void)SSL_CTX_set_mode(c, SSL_MODE_RELEASE_BUFFERS);
	(void)SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_security_level(c, SECURITY_LEVEL);
	SSL_CTX_set_cert_cb(c, choose_chain, s);
	if (s->options.alpn_n)
		SSL_CTX_set_alpn_select_cb(c, choose_protocol, s);
	return SSL_CTX_set_num_tickets(c, 0) == 1 &&
	       SSL_CTX_set_session_id_context(c, (const unsigned char *)"gatehouse", 9) == 1 &&
	       SSL_CTX_set_min_proto_version(c, TLS1_2_VERSION) == 1 &&
	       SSL_CTX_set_cipher_list(c, "ECDHE+AESGCM:ECDHE+CHACHA20") == 1 &&
	       SSL_CTX_set1_groups_list(c, groups) == 1;
}

enum err tls_server_new(const struct tls_options *options, struct tls_server **ret)
{
	AUTO(tls_server_unref) struct tls_server *s = calloc(1, sizeof(*s));
	if (!s)
		return ENOMEM;
	ASSERT(options->alpn_n <= TLS_ALPN_MAX);
	s->options = *options;
	s->library = SSL_CTX_new(TLS_server_method());
	if (!s->library || !set_up(s)) {
		ERR_clear_error();
		return ENOMEM;
	}
	*ret = TAKE(s);
	return OK;
}

void tls_server_unref(struct tls_server *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->chains_n; i++)
		chain_done(&s->chains[i]);
	free(s->chains);
	SSL_CTX_free(s->library);
	free(s);
}

static BIO *text_open(struct span text)
{
	return text.len > INT_MAX ? NULL : BIO_new_mem_buf(text.data, (int)text.len);
}

/* No pass phrase is asked for at a terminal. */
static int no_phrase(char *buf, int size, int writing, void *arg)
{
	(void)buf, (void)size, (void)writing, (void)arg;
	return -1;
}

static enum err chain_read(struct span chain_pem, struct span key_pem, struct chain *ret)
{
	BIO *text = text_open(chain_pem), *key = text_open(key_pem);
	X509 *more;
	ret->above = sk_X509_new_null();
	ret->certificate = text ? PEM_read_bio_X509(text, NULL, no_phrase, NULL) : NULL;
	ret->key = key ? PEM_read_bio_PrivateKey(key, NULL, no_phrase, NULL) : NULL;
	bool good = ret->above && ret->certificate && ret->key;
	while (good && (more = PEM_read_bio_X509(text, NULL, no_phrase, NULL)))
		good = sk_X509_push(ret->above, more) > 0;
	BIO_free(text);
	BIO_free(key);
	return good ? OK : ERR_FORMAT;
}

/* Tries it on a connection of its own, so that a weak or foreign key is found now. */
static bool is_usable(const struct tls_server *s, const struct chain *c)
{
	SSL *trial = SSL_new(s->library);
	bool good = trial &&
		    SSL_use_cert_and_key(trial, c->certificate, c->key, c->above, 1) == 1 &&
		    SSL_check_private_key(trial) == 1;
	SSL_free(trial);
	return good;
}

enum err tls_server_add(struct tls_server *s, struct span chain_pem, struct span key_pem)
{
	struct chain c = {0};
	if (s->chains_n >= TLS_CHAINS_MAX)
		return ERR_LIMIT;
	struct chain *chains = realloc(s->chains, (s->chains_n + 1) * sizeof(*chains));
	if (!chains)
		return ENOMEM;
	s->chains = chains;
	enum err e = chain_read(chain_pem, key_pem, &c);
	if (!e && !is_usable(s, &c))
		e = ERR_REFUSED;
	ERR_clear_error();
	if (e)
		chain_done(&c);
	else
		s->chains[s->chains_n++] = c;
	return e;
}

/* --- one connection ----------------------------------------------------------------------------
 */

enum err tls_stream_new(struct tls_server *s, struct tls_stream **ret)
{
	if (s->chains_n == 0)
		return ERR_ABSENT;
	AUTO(tls_stream_free) struct tls_stream *t = calloc(1, sizeof(*t));
	if (!t)
		return ENOMEM;
	t->library = SSL_new(s->library);
	BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());
	if (!t->library || !in || !out) {
		BIO_free(in);
		BIO_free(out);
		ERR_clear_error();
		return ENOMEM;
	}
	SSL_set_bio(t->library, in, out);
	SSL_set_accept_state(t->library);
	t->in = in;
	t->out = out;
	*ret = TAKE(t);
	return OK;
}

void tls_stream_free(struct tls_stream *t)
{
	if (!t)
		return;
	SSL_free(t->library);
	free(t);
}

size_t tls_room(const struct tls_stream *t)
{
	size_t waits = BIO_ctrl_pending(t->in);
	return waits < TLS_INPUT_MAX ? TLS_INPUT_MAX - waits : 0;
}

enum err tls_receive(struct tls_stream *t, struct span wire)
{
	size_t taken = 0;
	ASSERT(wire.len <= tls_room(t));
	if (wire.len && BIO_write_ex(t->in, wire.data, wire.len, &taken) != 1)
		return ENOMEM;
	return OK;
}

/* What the library's last answer on this connection means. */
static enum err meaning(struct tls_stream *t, int answer)
{
	int why = SSL_get_error(t->library, answer);
	ERR_clear_error();
	if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE)
		return OK;
	if (why == SSL_ERROR_ZERO_RETURN)
		return ERR_CLOSED;
	t->failed = true;
	return ERR_FORMAT;
}

enum err tls_read(struct tls_stream *t, void *buf, size_t size, size_t *ret_len)
{
	size_t len = 0;
	if (t->failed)
		return ERR_FORMAT;
	ERR_clear_error();
	if (!SSL_is_init_finished(t->library)) {
		int answer = SSL_do_handshake(t->library);
		if (answer != 1) {
			TRY(meaning(t, answer));
			*ret_len = 0;
			return OK;
		}
	}
	int answer = SSL_read_ex(t->library, buf, size, &len);
	if (answer != 1)
		TRY(meaning(t, answer));
	*ret_len = len;
	return OK;
}

enum err tls_write(struct tls_stream *t, struct span plain)
{
	size_t len = 0;
	if (t->failed || !SSL_is_init_finished(t->library))
		return ERR_REFUSED;
	if (plain.len == 0)
		return OK;
	ERR_clear_error();
	int answer = SSL_write_ex(t->library, plain.data, plain.len, &len);
	if (answer == 1)
		return OK;
	TRY(meaning(t, answer));
	return ENOMEM; /* memory always takes all, so there was none */
}

void tls_finish(struct tls_stream *t)
{
	if (!t->failed && SSL_is_init_finished(t->library))
		(void)SSL_shutdown(t->library);
	ERR_clear_error();
}

size_t tls_output(struct tls_stream *t, void *buf, size_t size)
{
	size_t len = 0;
	return BIO_read_ex(t->out, buf, size, &len) == 1 ? len : 0;
}

bool tls_is_open(const struct tls_stream *t)
{
	return !t->failed && SSL_is_init_finished(t->library);
}
