#include "proxy/io_tcp.h"

#include "os/fd.h"
#include "os/ring.h"
#include "os/tcp.h"
#include "proxy/buffer.h"
#include "proxy/count.h"
#include "proxy/held.h"
#include "proxy/io_race.h"
#include "proxy/sends.h"

enum {
	MANY_MIN = 2, /* below, a ring costs more than it saves */
	SENDS_MAX = LOOP_EVENTS_MAX,
	BUFFERS_SPARED = LOOP_EVENTS_MAX,
};

struct proxy_tcp {
	struct proxy_transport t; /* first */
	struct loop_watch watch;
	struct proxy_tcps *all;
	struct proxy_buffer *first; /* owned; goes out before everything else */
	struct proxy_held held;
	bool hangup;	 /* the other side's end is on its way: a short read is not the last */
	bool connecting; /* connect has not told yet */
	struct proxy_race *race; /* owned: there is no descriptor yet; NULL: there is */
};

static struct proxy_tcp *of(struct proxy_transport *t)
{
	return (struct proxy_tcp *)t;
}

static struct proxy_buffer *tcp_transport_ahead(struct proxy_transport *t,
						struct proxy_buffers *pool, size_t most)
{
	return proxy_held_take(&of(t)->held, t, pool, most);
}

static enum err tcp_transport_read(struct proxy_transport *t, void *buf, size_t size,
				   size_t *ret_len)
{
	if (t->holds)
		return proxy_held_read(&of(t)->held, t, buf, size, ret_len);
	enum err e = tcp_read_or_reset(t->fd, buf, size, ret_len);
	/* A short read means empty: the next byte brings another call. */
	if (!e && *ret_len < size && (!of(t)->hangup || *ret_len == 0))
		t->ready &= (uint8_t)~PROXY_CAN_READ;
	return e;
}

static enum err tcp_transport_peek(struct proxy_transport *t, void *buf, size_t size,
				   size_t *ret_len)
{
	if (t->holds)
		return proxy_held_peek(&of(t)->held, buf, size, ret_len);
	return tcp_peek(t->fd, buf, size, ret_len);
}

static enum err wrote(struct proxy_transport *t, enum err e, size_t sent, size_t size)
{
	/* What the other side said before it went may not have been told yet. */
	if (e)
		t->ready |= PROXY_CAN_READ;
	else if (sent < size)
		t->ready &= (uint8_t)~PROXY_CAN_WRITE;
	return e;
}

static enum err tcp_transport_write(struct proxy_transport *t, const struct span *parts,
				    size_t parts_n, size_t *ret_len)
{
	size_t size = 0;
	for (size_t i = 0; i < parts_n; i++)
		size += parts[i].len;
	enum err e;
	if (parts_n != 1)
		e = tcp_write_parts(t->fd, parts, parts_n, ret_len);
	else if (t->more)
		e = tcp_write_more(t->fd, *parts, ret_len);
	else
		e = tcp_write(t->fd, *parts, ret_len); /* costs the kernel less than parts */
	return wrote(t, e, *ret_len, size);
}

static void tcp_transport_finish(struct proxy_transport *t)
{
	err_ignore(tcp_finish(t->fd)); /* gone already: then the other side knows */
}

static bool tcp_transport_alive(const struct proxy_transport *t)
{
	return !(t->ready & PROXY_BROKEN) && !t->holds && tcp_is_quiet(t->fd);
}

static bool tcp_transport_delivered(const struct proxy_transport *t)
{
	return t->ready & PROXY_BROKEN || tcp_is_delivered(t->fd);
}

static void tcp_transport_peer(const struct proxy_transport *t, struct ip_endpoint *ret)
{
	if (socket_peer(t->fd, ret))
		*ret = (struct ip_endpoint){0};
}

static void tcp_transport_close(struct proxy_transport *t, bool abort)
{
	struct proxy_tcp *tcp = of(t);
	proxy_race_free(tcp->race);
	if (abort && t->fd >= 0)
		err_ignore(tcp_reset_on_close(t->fd)); /* closed the other way, then */
	/* Closing takes it out of the loop's set; what this turn had ready must go as well. */
	loop_forget(tcp->all->loop, &tcp->watch);
	fd_done(&t->fd);
	proxy_held_drop(&tcp->held);
	proxy_buffer_give(tcp->all->buffers, tcp->first);
	slab_give(&tcp->all->tcps, tcp);
}

static const struct proxy_transport_ops tcp_ops = {
	.read = tcp_transport_read,
	.write = tcp_transport_write,
	.finish = tcp_transport_finish,
	.peek = tcp_transport_peek,
	.ahead = tcp_transport_ahead,
	.alive = tcp_transport_alive,
	.delivered = tcp_transport_delivered,
	.peer = tcp_transport_peer,
	.close = tcp_transport_close,
};

static enum err first_send(struct proxy_tcp *tcp)
{
	struct proxy_buffer *first = TAKE(tcp->first);
	size_t n = 0;
	if (!first)
		return OK;
	enum err e = tcp_write(tcp->t.fd, proxy_buffer_span(first), &n);
	if (!e && n != first->end)
		e = ERR_LIMIT; /* a fresh connection has room for it */
	proxy_buffer_give(tcp->all->buffers, first);
	return e;
}

static unsigned connected(struct proxy_tcp *tcp, uint32_t events)
{
	if (events & (LOOP_ERROR | LOOP_HANGUP))
		tcp->t.error = tcp_connect_result(tcp->t.fd);
	tcp->connecting = false;
	if (!tcp->t.error)
		tcp->t.error = first_send(tcp);
	return tcp->t.error ? PROXY_BROKEN : PROXY_OPENED | PROXY_CAN_WRITE;
}

static void ready(void *arg, uint32_t events)
{
	struct proxy_tcp *tcp = arg;
	unsigned marks = 0;
	if (tcp->connecting) {
		if (!(events & (LOOP_WRITE | LOOP_ERROR | LOOP_HANGUP)))
			return;
		marks = connected(tcp, events);
	}
	if (events & (LOOP_READ_HANGUP | LOOP_HANGUP | LOOP_ERROR))
		tcp->hangup = tcp->held.more = true;
	if (events & (LOOP_READ | LOOP_READ_HANGUP | LOOP_HANGUP | LOOP_ERROR))
		marks |= PROXY_CAN_READ;
	if (events & LOOP_WRITE && !(tcp->t.ready & PROXY_CAN_WRITE))
		marks |= PROXY_CAN_WRITE;
	if (events & (LOOP_HANGUP | LOOP_ERROR) && !(marks & PROXY_BROKEN)) {
		tcp->t.error = ERR_CLOSED;
		marks |= PROXY_BROKEN;
	}
	tcp->t.ready |= (uint8_t)marks;
	if (marks && tcp->t.call)
		tcp->t.call(tcp->t.owner, marks);
}

void proxy_tcps_init(struct proxy_tcps *all, struct loop *loop, struct proxy_buffers *buffers,
		     size_t max)
{
	all->loop = loop;
	all->buffers = buffers;
	slab_init(&all->tcps, sizeof(struct proxy_tcp), max);
}

/* The ring's part of a list, as far as it takes them; others, and what it did not try, are written
 * one by one. */
static void send_portion(struct proxy_tcps *all, struct proxy_sending *list, size_t n)
{
	struct ring_item items[SENDS_MAX];
	struct proxy_sending *whose[SENDS_MAX];
	size_t k = 0;
	for (size_t i = 0; i < n; i++) {
		struct proxy_sending *s = &list[i];
		if (s->t->ops != &tcp_ops || of(s->t)->connecting)
			continue;
		items[k] = (struct ring_item){.fd = s->t->fd,
					      .from = s->bytes.data,
					      .len = s->bytes.len,
					      .more = s->t->more};
		whose[k++] = s;
	}
	if (!all->ring || k < MANY_MIN)
		k = 0;
	if (k) {
		ring_send_many(all->ring, items, k);
		proxy_count_add(all->counts, PROXY_COUNT_RING_SENT, k);
	}
	for (size_t i = 0, next = 0; i < n; i++) {
		struct proxy_sending *s = &list[i];
		bool tried = next < k && whose[next] == s;
		int32_t result = tried ? items[next++].result : RING_UNDONE;
		if (result == RING_UNDONE) {
			s->e = proxy_transport_write(s->t, &s->bytes, 1, &s->sent);
			continue;
		}
		enum err e = tcp_ring_sent(result, &s->sent);
		s->e = wrote(s->t, e, s->sent, s->bytes.len);
	}
}

void proxy_tcps_send_many(struct proxy_tcps *all, struct proxy_sending *list, size_t n)
{
	for (size_t i = 0; i < n; i += SENDS_MAX)
		send_portion(all, list + i, n - i < SENDS_MAX ? n - i : SENDS_MAX);
}

/* Empty it is given back. */
static void received(struct proxy_tcp *tcp, struct proxy_buffer *b, int32_t result)
{
	size_t n = 0;
	enum err e = result == RING_UNDONE ? OK : tcp_ring_received(result, &n);
	if (!e && !n) {
		proxy_buffer_give(tcp->all->buffers, b);
		return;
	}
	b->end = (uint32_t)n;
	proxy_held_keep(&tcp->held, &tcp->t, b, e);
	tcp->held.more = n == PROXY_BUFFER_SIZE || tcp->hangup;
}

/* Into a buffer for each, while there are more than others may need: who has none reads by himself.
 */
static void receive_many(struct proxy_tcps *all, struct proxy_tcp *const *tcps, size_t n)
{
	struct ring_item items[LOOP_EVENTS_MAX];
	struct proxy_buffer *buffers[LOOP_EVENTS_MAX];
	size_t some = 0;
	for (; some < n && proxy_buffers_left(all->buffers) > BUFFERS_SPARED &&
	       (buffers[some] = proxy_buffer_take(all->buffers));
	     some++)
		items[some] = (struct ring_item){.fd = tcps[some]->t.fd,
						 .to = buffers[some]->data,
						 .len = PROXY_BUFFER_SIZE};
	ring_receive_many(all->ring, items, some);
	for (size_t i = some; i-- > 0;)
		received(tcps[i], buffers[i], items[i].result);
	proxy_count_add(all->counts, PROXY_COUNT_RING_RECEIVED, some);
}

static void many_ready(void *arg, struct loop_watch *const *watches, const uint32_t *events,
		       size_t n)
{
	struct proxy_tcp *tcps[LOOP_EVENTS_MAX];
	size_t found = 0;
	for (size_t i = 0; i < n; i++) {
		if (watches[i]->call != ready || !(events[i] & LOOP_READ))
			continue;
		struct proxy_tcp *tcp = watches[i]->arg;
		if (tcp->t.holds)
			tcp->held.more = true;
		else if (tcp->t.expects && !tcp->connecting)
			tcps[found++] = tcp;
	}
	if (found >= MANY_MIN)
		receive_many(arg, tcps, found);
}

void proxy_tcps_ring(struct proxy_tcps *all, struct ring *ring, struct proxy_counts *counts)
{
	all->ring = ring;
	all->counts = counts;
	loop_on_ready(all->loop, many_ready, all);
}

void proxy_tcps_done(struct proxy_tcps *all)
{
	if (all->ring)
		loop_on_ready(all->loop, NULL, NULL);
	all->ring = NULL;
	slab_done(&all->tcps);
}

/* Without a descriptor yet. */
static enum err tcp_bare(struct proxy_tcps *all, struct proxy_tcp **ret)
{
	struct proxy_tcp *tcp = slab_take(&all->tcps);
	if (!tcp)
		return ERR_LIMIT;
	tcp->all = all;
	tcp->t.ops = &tcp_ops;
	tcp->t.fd = -1;
	tcp->held.pool = all->buffers;
	*ret = tcp;
	return OK;
}

static enum err tcp_watch(struct proxy_tcp *tcp, int fd)
{
	TRY(loop_add(tcp->all->loop, &tcp->watch, fd,
		     LOOP_READ | LOOP_WRITE | LOOP_READ_HANGUP | LOOP_EDGE, ready, tcp));
	tcp->t.fd = fd;
	return OK;
}

static enum err tcp_new(struct proxy_tcps *all, int fd, struct proxy_tcp **ret)
{
	AUTO_DONE(fd_done) int owned = fd;
	struct proxy_tcp *tcp;
	TRY(tcp_bare(all, &tcp));
	enum err e = tcp_watch(tcp, fd);
	if (e) {
		slab_give(&all->tcps, tcp);
		return e;
	}
	(void)fd_take(&owned);
	*ret = tcp;
	return OK;
}

enum err proxy_tcp_new(struct proxy_tcps *all, int fd, struct proxy_transport **ret)
{
	struct proxy_tcp *tcp;
	TRY(tcp_new(all, fd, &tcp));
	tcp->t.ready = PROXY_CAN_READ | PROXY_CAN_WRITE | PROXY_OPENED;
	*ret = &tcp->t;
	return OK;
}

static enum err first_keep(struct proxy_tcp *tcp, struct span first)
{
	if (!first.len)
		return OK;
	tcp->first = proxy_buffer_take(tcp->all->buffers);
	if (!tcp->first || first.len > PROXY_BUFFER_SIZE)
		return ERR_LIMIT;
	memcpy(tcp->first->data, first.data, first.len);
	tcp->first->end = (uint32_t)first.len;
	return OK;
}

enum err proxy_tcp_connecting(struct proxy_tcps *all, int fd, struct span first,
			      struct proxy_transport **ret)
{
	struct proxy_tcp *tcp;
	TRY(tcp_new(all, fd, &tcp));
	tcp->connecting = true;
	enum err e = first_keep(tcp, first);
	if (e)
		tcp_transport_close(&tcp->t, false);
	else
		*ret = &tcp->t;
	return e;
}

/* ---- several addresses ---- */

static void race_over(void *arg, enum err e, int fd)
{
	struct proxy_tcp *tcp = arg;
	tcp->race = NULL;
	tcp->connecting = false;
	if (!e) {
		e = tcp_watch(tcp, fd);
		if (e)
			fd_done(&fd);
	}
	if (!e)
		e = first_send(tcp);
	tcp->t.error = e;
	unsigned marks = e ? PROXY_BROKEN : PROXY_OPENED | PROXY_CAN_WRITE;
	tcp->t.ready |= (uint8_t)marks;
	if (tcp->t.call)
		tcp->t.call(tcp->t.owner, marks);
}

enum err proxy_tcp_racing(struct proxy_tcps *all, const struct proxy_race_way *way,
			  struct span first, struct proxy_transport **ret)
{
	struct proxy_tcp *tcp;
	TRY(tcp_bare(all, &tcp));
	tcp->connecting = true;
	const struct proxy_race_call call = {race_over, tcp};
	enum err e = first_keep(tcp, first);
	if (!e)
		e = proxy_race_new(all->loop, way, call, &tcp->race);
	if (e)
		tcp_transport_close(&tcp->t, false);
	else
		*ret = &tcp->t;
	return e;
}
