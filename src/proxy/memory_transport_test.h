/* A transport in memory, whose other end a test plays. For tests and fuzz targets; knows no proxy.
 */
#ifndef PROXY_MEMORY_TRANSPORT_TEST_H
#define PROXY_MEMORY_TRANSPORT_TEST_H

#include "proxy/buffer.h"
#include "proxy/held.h"

#include <stdlib.h>

/* A fuzz target takes less. */
#ifndef MEMORY_SIZE
#define MEMORY_SIZE (1 << 20)
#endif

/* What comes for owners who expect it is received ahead of them, as io_tcp.c does by a ring; and
 * how often which way was taken. */
struct memory_ring {
	bool on;
	size_t spared; /* buffers that it leaves to others */
	unsigned received, ends;
	unsigned taken;	   /* over, with their buffers */
	unsigned reads;	   /* of what was held */
	unsigned parts;	   /* of those, that left some of it */
	unsigned followed; /* more came while something was held */
	unsigned dropped;  /* closed with something held */
	unsigned short_of; /* buffers: each is read by itself */
};

/* One end of a connection, the proxy's; a test plays the other. */
struct memory {
	struct proxy_transport t; /* first */
	struct memory_ring *ring; /* borrowed; NULL: never */
	struct proxy_held held;
	unsigned marks; /* of what nobody was told yet */
	unsigned event; /* the number of the first of that; 0: none */
	bool in_vain;	/* what it was told of last had been read by then */
	uint8_t *in;	/* what the test sent and nobody read: in_start..in_end */
	size_t in_start, in_end;
	uint8_t *out; /* what the proxy wrote */
	size_t out_end;
	size_t write_ends[4]; /* out_end after each of the first writes */
	size_t writes;
	size_t window;	 /* bytes that may still be written */
	size_t read_max; /* bytes of one read */
	bool in_eof;	 /* the test has ended */
	bool reset;	 /* the test has reset */
	bool gone;	 /* likewise, and what it had sent before is to be read yet */
	bool queued;	 /* what the proxy wrote has not arrived */
	bool finished;	 /* the proxy has ended */
	bool closed;	 /* the proxy has closed; the struct is the test's */
	bool aborted;
};

/* Of what has come, without a look at what was received ahead. */
static inline enum err memory_receive(struct memory *m, void *buf, size_t size, size_t *ret_len)
{
	size_t n = m->in_end - m->in_start;
	if (m->reset || (m->gone && !n))
		return (enum err)ECONNRESET;
	if (!n && m->in_eof)
		return ERR_CLOSED;
	n = n < size ? n : size;
	if (n)
		memcpy(buf, m->in + m->in_start, n);
	m->in_start += n;
	*ret_len = n;
	return OK;
}

static inline enum err memory_read(struct proxy_transport *t, void *buf, size_t size,
				   size_t *ret_len)
{
	struct memory *m = (struct memory *)t;
	size = size < m->read_max ? size : m->read_max;
	if (t->holds) {
		enum err e = proxy_held_read(&m->held, t, buf, size, ret_len);
		m->ring->reads++;
		m->ring->parts += t->holds;
		return e;
	}
	TRY(memory_receive(m, buf, size, ret_len));
	if (m->in_start == m->in_end && !m->in_eof)
		t->ready &= (uint8_t)~PROXY_CAN_READ;
	return OK;
}

static inline enum err memory_peek(struct proxy_transport *t, void *buf, size_t size,
				   size_t *ret_len)
{
	struct memory *m = (struct memory *)t;
	if (t->holds)
		return proxy_held_peek(&m->held, buf, size, ret_len);
	size_t n = m->in_end - m->in_start;
	if (!n && m->in_eof)
		return ERR_CLOSED;
	n = n < size ? n : size;
	if (n)
		memcpy(buf, m->in + m->in_start, n);
	*ret_len = n;
	return OK;
}

/* A read would tell something. */
static inline bool memory_has(const struct memory *m)
{
	return m->t.holds || m->in_start < m->in_end || m->in_eof || m->gone || m->reset;
}

/* All that was received ahead, where one read would take it. */
static inline struct proxy_buffer *memory_ahead(struct proxy_transport *t,
						struct proxy_buffers *pool, size_t most)
{
	struct memory *m = (struct memory *)t;
	struct proxy_buffer *b =
		proxy_held_take(&m->held, t, pool, most < m->read_max ? most : m->read_max);
	m->ring->taken += b != NULL;
	return b;
}

/* Nobody was told of it yet: as io_tcp.c receives what many of its loop's turn have to say. */
static inline void memory_receive_ahead(struct memory *m)
{
	struct memory_ring *r = m->ring;
	size_t n = 0;
	if (!(m->marks & PROXY_CAN_READ))
		return;
	if (m->t.holds) {
		m->held.more = true;
		r->followed++;
		return;
	}
	if (!r || !r->on || !m->t.expects || !(m->t.ready & PROXY_OPENED))
		return;
	struct proxy_buffer *b = proxy_buffers_left(m->held.pool) > r->spared
					 ? proxy_buffer_take(m->held.pool)
					 : NULL;
	if (!b) {
		r->short_of++;
		return;
	}
	enum err e = memory_receive(m, b->data, PROXY_BUFFER_SIZE, &n);
	if (!e && !n) {
		proxy_buffer_give(m->held.pool, b);
		return;
	}
	b->end = (uint32_t)n;
	proxy_held_keep(&m->held, &m->t, b, e);
	m->held.more = m->in_start < m->in_end;
	r->received++;
	r->ends += e != OK;
}

static inline enum err memory_write(struct proxy_transport *t, const struct span *parts,
				    size_t parts_n, size_t *ret_len)
{
	struct memory *m = (struct memory *)t;
	size_t sent = 0;
	ASSERT(!m->finished);
	if (m->reset || m->gone)
		return ERR_CLOSED;
	for (size_t i = 0; i < parts_n; i++) {
		size_t n = parts[i].len < m->window ? parts[i].len : m->window;
		ASSERT(m->out_end + n <= MEMORY_SIZE);
		if (n)
			memcpy(m->out + m->out_end, parts[i].data, n);
		m->out_end += n;
		m->window -= n;
		sent += n;
		if (n < parts[i].len) {
			t->ready &= (uint8_t)~PROXY_CAN_WRITE;
			break;
		}
	}
	if (sent && m->writes < sizeof(m->write_ends) / sizeof(*m->write_ends))
		m->write_ends[m->writes++] = m->out_end;
	*ret_len = sent;
	return OK;
}

static inline void memory_finish(struct proxy_transport *t)
{
	((struct memory *)t)->finished = true;
}

static inline bool memory_delivered(const struct proxy_transport *t)
{
	return !((const struct memory *)t)->queued;
}

static inline void memory_close(struct proxy_transport *t, bool abort)
{
	struct memory *m = (struct memory *)t;
	ASSERT(!m->closed);
	m->closed = true;
	m->aborted = abort;
	m->event = 0;
	if (t->holds)
		m->ring->dropped++;
	proxy_held_drop(&m->held);
	t->holds = false;
}

static const struct proxy_transport_ops memory_ops = {
	.read = memory_read,
	.peek = memory_peek,
	.ahead = memory_ahead,
	.write = memory_write,
	.finish = memory_finish,
	.delivered = memory_delivered,
	.close = memory_close,
};

static inline struct memory *memory_new(void)
{
	struct memory *m = calloc(1, sizeof(*m));
	ASSERT(m);
	m->t.ops = &memory_ops;
	m->t.fd = -1;
	m->in = malloc(MEMORY_SIZE);
	m->out = malloc(MEMORY_SIZE);
	ASSERT(m->in && m->out);
	m->window = m->read_max = SIZE_MAX;
	m->t.ready = PROXY_CAN_WRITE | PROXY_OPENED;
	return m;
}

static inline void memory_free(struct memory *m)
{
	if (!m)
		return;
	free(m->in);
	free(m->out);
	free(m);
}

#endif
