/* The calls of a wire as the library's own source and sink of bytes. */
#include "crypto/tls_inner.h"

#include <limits.h>
#include <openssl/err.h>

/* What the library has noted in this thread, the first first. */
enum { NOTES_MAX = 8 };

struct notes {
	unsigned long codes[NOTES_MAX];
	size_t n;
};

/* The wire may be another connection of the library's (TLS inside TLS), which takes all that is
 * noted in its thread for its own, and leaves nothing of it: an alert on its way there would lose
 * why it is sent. */
static void notes_take(struct notes *n)
{
	unsigned long code;
	n->n = 0;
	while ((code = ERR_get_error()))
		if (n->n < NOTES_MAX)
			n->codes[n->n++] = code;
}

static void notes_put(const struct notes *n)
{
	if (ERR_peek_error()) /* mostly there is nothing, and clearing is dear */
		ERR_clear_error();
	for (size_t i = 0; i < n->n; i++) {
		ERR_new();
		ERR_set_error(ERR_GET_LIB(n->codes[i]), ERR_GET_REASON(n->codes[i]), NULL);
	}
}

static enum err receive(struct tls_stream *t, char *buf, size_t size, size_t *ret_len)
{
	struct notes noted;
	notes_take(&noted);
	enum err e = t->wire.receive(t->wire.arg, buf, size, ret_len);
	notes_put(&noted);
	return e;
}

static enum err send(struct tls_stream *t, struct span bytes, size_t *ret_len)
{
	struct notes noted;
	notes_take(&noted);
	enum err e = t->wire.send(t->wire.arg, bytes, ret_len);
	notes_put(&noted);
	return e;
}

static int wire_read(BIO *b, char *buf, int size)
{
	struct tls_stream *t = BIO_get_data(b);
	size_t n = 0;
	BIO_clear_retry_flags(b);
	if (size <= 0 || t->wire_err)
		return 0;
	t->wire_err = receive(t, buf, (size_t)size, &n);
	if (t->wire_err)
		return 0;
	if (n == 0) {
		BIO_set_retry_read(b);
		return -1;
	}
	return (int)n;
}

static int wire_write(BIO *b, const char *buf, int len)
{
	struct tls_stream *t = BIO_get_data(b);
	size_t n = 0;
	BIO_clear_retry_flags(b);
	if (len <= 0)
		return 0;
	enum err e = send(t, span_of(buf, (size_t)len), &n);
	if (e) {
		t->wire_err = e;
		return -1;
	}
	if (n == 0) {
		BIO_set_retry_write(b);
		return -1;
	}
	return (int)n;
}

static long wire_control(BIO *b, int command, long number, void *pointer)
{
	const struct tls_stream *t = BIO_get_data(b);
	(void)number, (void)pointer;
	if (command == BIO_CTRL_FLUSH)
		return 1;
	if (command == BIO_CTRL_EOF)
		return t->wire_err != OK;
	return 0;
}

BIO_METHOD *tls_wire_method(void)
{
	BIO_METHOD *m = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "wire");
	if (m && BIO_meth_set_read(m, wire_read) == 1 && BIO_meth_set_write(m, wire_write) == 1 &&
	    BIO_meth_set_ctrl(m, wire_control) == 1)
		return m;
	BIO_meth_free(m);
	return NULL;
}
