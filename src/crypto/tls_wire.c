/* The calls of a wire as the library's own source and sink of bytes. */
#include "crypto/tls_inner.h"

#include <limits.h>

static int wire_read(BIO *b, char *buf, int size)
{
	struct tls_stream *t = BIO_get_data(b);
	size_t n = 0;
	BIO_clear_retry_flags(b);
	if (size <= 0 || t->wire_err)
		return 0;
	t->wire_err = t->wire.receive(t->wire.arg, buf, (size_t)size, &n);
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
	enum err e = t->wire.send(t->wire.arg, span_of(buf, (size_t)len), &n);
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
