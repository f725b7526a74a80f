/* For tests of TLS: our two sides joined by two bounded pipes in memory. Knows nothing of
 * certificates. */
#ifndef CRYPTO_TLS_PAIR_TEST_H
#define CRYPTO_TLS_PAIR_TEST_H

#include "crypto/tls.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { PIPE_MAX = 1 << 16 };

struct pipe_half {
	uint8_t bytes[PIPE_MAX];
	size_t len, max; /* max: how many it holds */
	size_t chunk;	 /* at most that many in one call */
	bool ended;
	size_t carried; /* bytes so far */
};

struct tls_pair {
	struct pipe_half up, down; /* up: to the server */
	struct tls_stream *server, *client;
	enum err server_err, client_err;
};

struct pair_end {
	struct pipe_half *in, *out;
};

static inline enum err pair_receive(void *arg, void *buf, size_t size, size_t *ret_len)
{
	struct pipe_half *p = ((struct pair_end *)arg)->in;
	size_t n = p->len < size ? p->len : size;
	if (n > p->chunk)
		n = p->chunk;
	if (n == 0 && p->ended)
		return ERR_CLOSED;
	if (n)
		memcpy(buf, p->bytes, n);
	memmove(p->bytes, p->bytes + n, p->len - n);
	p->len -= n;
	*ret_len = n;
	return OK;
}

static inline enum err pair_send(void *arg, struct span bytes, size_t *ret_len)
{
	struct pipe_half *p = ((struct pair_end *)arg)->out;
	size_t n = p->max - p->len < bytes.len ? p->max - p->len : bytes.len;
	if (n > p->chunk)
		n = p->chunk;
	memcpy(p->bytes + p->len, bytes.data, n);
	p->len += n;
	p->carried += n;
	*ret_len = n;
	return OK;
}

/* Ends are static: one pair at a time in a test. */
static inline void pair_dial(struct tls_pair *p, struct tls_server *s, struct tls_peer *peer)
{
	static struct pair_end server_end, client_end;
	tls_stream_free(p->server);
	tls_stream_free(p->client);
	p->server = p->client = NULL;
	p->up.len = p->down.len = 0;
	p->up.ended = p->down.ended = false;
	p->up.max = p->down.max = PIPE_MAX;
	p->up.chunk = p->down.chunk = PIPE_MAX;
	p->server_err = p->client_err = OK;
	server_end = (struct pair_end){&p->up, &p->down};
	client_end = (struct pair_end){&p->down, &p->up};
	struct tls_wire at_server = {pair_receive, pair_send, &server_end};
	struct tls_wire at_client = {pair_receive, pair_send, &client_end};
	assert_int_equal(tls_stream_accept(s, &at_server, &p->server), OK);
	assert_int_equal(tls_stream_connect(peer, &at_client, &p->client), OK);
}

/* Until nothing moves any more. */
static inline void pair_shake(struct tls_pair *p)
{
	char byte;
	size_t n;
	for (size_t i = 0; i < 20000; i++) {
		size_t before = p->up.carried + p->down.carried;
		if (!p->client_err && !tls_is_open(p->client))
			p->client_err = tls_handshake(p->client);
		if (!p->server_err && !tls_is_open(p->server))
			p->server_err = tls_handshake(p->server);
		/* tickets and alerts that come behind the handshake */
		if (!p->client_err && tls_is_open(p->client))
			p->client_err = tls_read(p->client, &byte, 1, &n);
		if (p->up.carried + p->down.carried == before)
			break;
	}
}

static inline void pair_done(struct tls_pair *p)
{
	tls_stream_free(p->server);
	tls_stream_free(p->client);
	p->server = p->client = NULL;
}

#endif
