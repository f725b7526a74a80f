/* One connection, over memory or over a wire. */
#include "crypto/tls.h"

#include "crypto/tls_inner.h"
#include "crypto/tls_tickets_inner.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

/* --- life --------------------------------------------------------------------------------------
 */

struct tls_stream *tls_stream_of(SSL *ssl)
{
	return SSL_get_app_data(ssl);
}

static enum err stream_new(SSL_CTX *library, struct tls_stream **ret)
{
	AUTO(tls_stream_free) struct tls_stream *t = calloc(1, sizeof(*t));
	if (!t)
		return ENOMEM;
	t->library = SSL_new(library);
	if (!t->library || SSL_set_app_data(t->library, t) != 1) {
		ERR_clear_error();
		return ENOMEM;
	}
	*ret = TAKE(t);
	return OK;
}

/* Of a server: the rest of both ways. */
static void stream_serve(struct tls_stream *t, struct tls_server *s)
{
	t->server = tls_server_ref(s);
	t->bundle = &s->first;
	if (s->tickets && !tls_tickets_has_keys(s->tickets)) {
		(void)SSL_set_options(t->library, SSL_OP_NO_TICKET);
		(void)SSL_set_num_tickets(t->library, 0);
	}
	SSL_set_accept_state(t->library);
}

enum err tls_stream_new(struct tls_server *s, struct tls_stream **ret)
{
	AUTO(tls_stream_free) struct tls_stream *t = NULL;
	if (s->chains_n == 0 && !s->acme)
		return ERR_ABSENT;
	TRY(stream_new(s->library, &t));
	BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());
	if (!in || !out) {
		BIO_free(in);
		BIO_free(out);
		ERR_clear_error();
		return ENOMEM;
	}
	SSL_set_bio(t->library, in, out);
	t->in = in;
	t->out = out;
	stream_serve(t, s);
	*ret = TAKE(t);
	return OK;
}

enum err tls_stream_over(SSL_CTX *library, BIO_METHOD *method, const struct tls_wire *wire,
			 struct tls_stream **ret)
{
	AUTO(tls_stream_free) struct tls_stream *t = NULL;
	TRY(stream_new(library, &t));
	BIO *b = BIO_new(method);
	if (!b) {
		ERR_clear_error();
		return ENOMEM;
	}
	t->wire = *wire;
	BIO_set_data(b, t);
	BIO_set_init(b, 1);
	SSL_set_bio(t->library, b, b);
	SSL_set_read_ahead(t->library, 1); /* a record's head and body in one call of the wire */
	*ret = TAKE(t);
	return OK;
}

enum err tls_stream_accept(struct tls_server *s, const struct tls_wire *wire,
			   struct tls_stream **ret)
{
	if (s->chains_n == 0 && !s->acme)
		return ERR_ABSENT;
	struct tls_stream *t = NULL;
	TRY(tls_stream_over(s->library, s->wire, wire, &t));
	stream_serve(t, s);
	*ret = t;
	return OK;
}

void tls_stream_free(struct tls_stream *t)
{
	if (!t)
		return;
	SSL_free(t->library);
	tls_server_unref(t->server);
	tls_peer_unref(t->peer);
	tls_chain_unref(t->acme);
	free(t);
}

/* --- what went wrong ---------------------------------------------------------------------------
 */

/* By the library's number: the other side's certificate, or what it says of ours. */
static bool is_about_certificates(int reason)
{
	switch (reason) {
	case SSL_R_CERTIFICATE_VERIFY_FAILED:
	case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
	case SSL_R_SSLV3_ALERT_NO_CERTIFICATE:
	case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
	case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
	case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
	case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
	case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
	case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
	case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED: return true;
	default: return false;
	}
}

static enum err fail(struct tls_stream *t, enum err why, const char *text)
{
	t->failed = true;
	t->why = why;
	t->fault = text ? text : "broken";
	return why;
}

/* What the library's last answer on this connection means. */
static enum err meaning(struct tls_stream *t, int answer)
{
	int why = SSL_get_error(t->library, answer);
	unsigned long code = ERR_peek_error();
	int reason = ERR_GET_REASON(code);
	ERR_clear_error();
	if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE)
		return OK;
	if (why == SSL_ERROR_ZERO_RETURN)
		return ERR_CLOSED;
	if (t->wire_err)
		return fail(t, t->wire_err, "the wire ended");
	if (t->staple_fault)
		return fail(t, ERR_REFUSED, t->staple_fault);
	if (reason == SSL_R_CERTIFICATE_VERIFY_FAILED)
		return fail(t, ERR_REFUSED,
			    X509_verify_cert_error_string(SSL_get_verify_result(t->library)));
	return fail(t, is_about_certificates(reason) ? ERR_REFUSED : ERR_FORMAT,
		    ERR_reason_error_string(code));
}

const char *tls_fault(const struct tls_stream *t)
{
	return t->fault ? t->fault : "";
}

/* --- the handshake -----------------------------------------------------------------------------
 */

/* A session outlives its handshake, not the certificate that was shown in it. */
static bool is_expired(SSL *ssl)
{
	const X509 *x = SSL_session_reused(ssl) ? SSL_get0_peer_certificate(ssl) : NULL;
	return x && X509_cmp_current_time(X509_get0_notAfter(x)) < 0;
}

enum err tls_handshake(struct tls_stream *t)
{
	if (t->failed)
		return t->why;
	if (t->is_open)
		return OK;
	ERR_clear_error();
	int answer = SSL_do_handshake(t->library);
	if (answer != 1)
		return meaning(t, answer);
	if (t->server && is_expired(t->library))
		return fail(t, ERR_REFUSED, "certificate has expired since the session began");
	t->is_open = true;
	return OK;
}

bool tls_is_open(const struct tls_stream *t)
{
	return !t->failed && t->is_open;
}

/* --- bytes -------------------------------------------------------------------------------------
 */

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

size_t tls_output(struct tls_stream *t, void *buf, size_t size)
{
	size_t len = 0;
	return BIO_read_ex(t->out, buf, size, &len) == 1 ? len : 0;
}

enum err tls_read(struct tls_stream *t, void *buf, size_t size, size_t *ret_len)
{
	size_t len = 0;
	if (!t->is_open || t->failed)
		TRY(tls_handshake(t));
	if (t->is_open) {
		ERR_clear_error();
		int answer = SSL_read_ex(t->library, buf, size, &len);
		if (answer != 1)
			TRY(meaning(t, answer));
	}
	*ret_len = len;
	return OK;
}

bool tls_has_more(const struct tls_stream *t)
{
	return SSL_has_pending(t->library) == 1;
}

enum err tls_write(struct tls_stream *t, struct span plain)
{
	size_t len = 0;
	if (plain.len == 0)
		return tls_is_open(t) ? OK : ERR_REFUSED;
	while (plain.len) {
		TRY(tls_write_some(t, plain, &len));
		if (len == 0)
			return ENOMEM; /* memory always takes all, so there was none */
		plain = span_sub(plain, len, plain.len);
	}
	return OK;
}

enum err tls_write_some(struct tls_stream *t, struct span plain, size_t *ret_len)
{
	size_t done = 0, len = 0;
	if (!tls_is_open(t))
		return ERR_REFUSED;
	while (done < plain.len) {
		ERR_clear_error();
		int answer = SSL_write_ex(t->library, plain.data + done, plain.len - done, &len);
		if (answer != 1) {
			TRY(meaning(t, answer));
			break;
		}
		done += len;
	}
	*ret_len = done;
	return OK;
}

bool tls_sends_ticket(const struct tls_stream *t)
{
	return SSL_get_state(t->library) == TLS_ST_SW_SESSION_TICKET;
}

bool tls_wants_room(const struct tls_stream *t)
{
	return SSL_want_write(t->library);
}

void tls_record_limit(struct tls_stream *t, size_t bytes)
{
	ASSERT(bytes >= 512 && bytes <= TLS_RECORD_MAX);
	(void)SSL_set_max_send_fragment(t->library, (long)bytes);
}

void tls_finish(struct tls_stream *t)
{
	ERR_clear_error();
	if (!t->failed && t->is_open)
		(void)SSL_shutdown(t->library);
	ERR_clear_error();
}
