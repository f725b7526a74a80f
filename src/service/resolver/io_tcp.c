/* Clients over TCP (RFC 7766): many queries at once, answered as they become known; bounded in
 * number, in what they may have open and in what waits for them; closed when silent. */
#include "os/clock.h"
#include "os/fd.h"
#include "os/tcp.h"
#include "service/resolver/io_worker.h"

#include <stdlib.h>

#define ACCEPT_RETRY_MS 100u
#define ACCEPTS_MAX	16u
#define QUERY_MAX	4096u /* a longer query ends the connection */
#define PENDING_MAX	100u  /* queries of one connection without an answer yet */
#define ANSWER_MAX	65535u
#define OUT_CAP		(2u * (2 + ANSWER_MAX))

struct tcp_asker {
	struct resolver_worker *worker;
	struct tcp_asker *older, *newer;
	struct loop_watch watch;
	struct loop_timer idle;
	struct ip_endpoint peer, local;
	uint32_t slot, serial;
	int fd;
	bool ended; /* the client has sent all that it will */
	bool bad;   /* it broke the framing */
	uint32_t events, pending;
	uint32_t in_len, out_at, out_len;
	uint8_t in[2 + QUERY_MAX];
	uint8_t out[OUT_CAP];
};

enum err resolver_tcp_init(struct resolver_worker *w)
{
	slab_init(&w->asker_slab, sizeof(struct tcp_asker), w->askers_max);
	w->askers = calloc(w->askers_max, sizeof(struct tcp_asker *));
	return w->askers ? OK : ENOMEM;
}

static void unlink_asker(struct tcp_asker *c)
{
	struct resolver_worker *w = c->worker;
	*(c->older ? &c->older->newer : &w->oldest) = c->newer;
	*(c->newer ? &c->newer->older : &w->newest) = c->older;
	c->older = c->newer = NULL;
}

static void link_newest(struct tcp_asker *c)
{
	struct resolver_worker *w = c->worker;
	c->older = w->newest;
	c->newer = NULL;
	*(w->newest ? &w->newest->newer : &w->oldest) = c;
	w->newest = c;
}

static void close_asker(struct tcp_asker *c)
{
	struct resolver_worker *w = c->worker;
	unlink_asker(c);
	loop_timer_cancel(&w->loop, &c->idle);
	loop_remove(&w->loop, &c->watch);
	fd_done(&c->fd);
	w->askers[c->slot] = NULL;
	w->askers_n--;
	counter_set_value(w->row, RESOLVER_TCP_OPEN, w->askers_n);
	slab_give(&w->asker_slab, c);
}

void resolver_tcp_done(struct resolver_worker *w)
{
	while (w->oldest)
		close_asker(w->oldest);
	slab_done(&w->asker_slab);
	free(TAKE(w->askers));
}

static void sign_of_life(struct tcp_asker *c)
{
	struct resolver_worker *w = c->worker;
	loop_timer_set_after(&w->loop, &c->idle, w->rules->idle_ms);
	if (w->newest == c)
		return;
	unlink_asker(c);
	link_newest(c);
}

static void idle(void *arg)
{
	struct tcp_asker *c = arg;
	if (c->pending) { /* it waits for us, not we for it */
		sign_of_life(c);
		return;
	}
	counter_add(c->worker->row, RESOLVER_TCP_CLOSED_IDLE, 1);
	close_asker(c);
}

/* Room for one more whole answer; NULL: what waits must be sent first. */
static uint8_t *out_room(struct tcp_asker *c)
{
	if (c->out_at && c->out_len + 2 + ANSWER_MAX > OUT_CAP) {
		memmove(c->out, c->out + c->out_at, c->out_len - c->out_at);
		c->out_len -= c->out_at;
		c->out_at = 0;
	}
	return c->out_len + 2 + ANSWER_MAX > OUT_CAP ? NULL : c->out + c->out_len;
}

static void out_put(struct tcp_asker *c, uint8_t *at, size_t len)
{
	put_u16(at, (uint16_t)len);
	c->out_len += (uint32_t)(2 + len);
}

static bool may_read(struct tcp_asker *c)
{
	return !c->ended && !c->bad && c->pending < PENDING_MAX && out_room(c);
}

static void ask_engine(struct tcp_asker *c, struct span query, uint8_t *at)
{
	struct resolver_worker *w = c->worker;
	struct asker from = {.peer = c->peer,
			     .local = c->local,
			     .transport = ENGINE_TCP,
			     .token = (uint64_t)c->serial << 32 | c->slot};
	uint64_t waited = c->pending;
	c->pending++; /* before: the answer may come while the engine is being asked */
	if (w->rules->rules.filter)
		engine_wall_is(w->engine, clock_wall_s());
	size_t len = engine_query(w->engine, clock_ageing_us(), &from, query, at + 2, ANSWER_MAX);
	if (len == 0)
		return;
	c->pending = (uint32_t)waited;
	out_put(c, at, len);
}

/* The whole queries that are in the buffer, as many as there is room for answers. Returns how many.
 */
static unsigned take_queries(struct tcp_asker *c)
{
	uint32_t at = 0;
	unsigned taken = 0;
	while (!c->bad && c->in_len - at >= 2 && c->pending < PENDING_MAX) {
		uint32_t len = (uint32_t)(c->in[at] << 8 | c->in[at + 1]);
		uint8_t *room = out_room(c);
		c->bad = len > QUERY_MAX || len < 12;
		if (c->bad || !room || c->in_len - at < 2 + len)
			break;
		c->bad = c->in[at + 4] & 0x80; /* QR: a reply, which nobody would ever answer */
		if (c->bad)
			break;
		ask_engine(c, span_of(c->in + at + 2, len), room);
		at += 2 + len;
		taken++;
	}
	if (at)
		memmove(c->in, c->in + at, c->in_len - at);
	c->in_len -= at;
	return taken;
}

static enum err send_output(struct tcp_asker *c, bool *ret_progress)
{
	while (c->out_at < c->out_len) {
		size_t len = 0;
		TRY(tcp_write(c->fd, span_of(c->out + c->out_at, c->out_len - c->out_at), &len));
		if (len == 0)
			return OK;
		c->out_at += (uint32_t)len;
		*ret_progress = true;
	}
	c->out_at = c->out_len = 0;
	return OK;
}

static enum err receive(struct tcp_asker *c)
{
	size_t room = sizeof(c->in) - c->in_len, len = 0;
	if (room == 0 || !may_read(c))
		return OK;
	enum err err = tcp_read(c->fd, c->in + c->in_len, room, &len);
	if (err == ERR_CLOSED)
		c->ended = true;
	else if (err)
		return err;
	c->in_len += (uint32_t)len;
	return OK;
}

static enum err wait_for(struct tcp_asker *c)
{
	uint32_t events = 0;
	if (c->out_at < c->out_len)
		events |= LOOP_WRITE;
	if (may_read(c) && c->in_len < sizeof(c->in))
		events |= LOOP_READ;
	if (events == c->events)
		return OK;
	c->events = events;
	return loop_modify(&c->worker->loop, &c->watch, events);
}

/* Whatever can go on now. The asker may be gone after it. */
static void go_on(struct tcp_asker *c, enum err err)
{
	bool progress = false;
	unsigned taken = 0;
	for (unsigned more = 1; !err && more;) {
		more = take_queries(c);
		taken += more;
		err = send_output(c, &progress);
	}
	if (!err && (taken || progress))
		sign_of_life(c);
	if (!err && (c->ended || c->bad) && c->pending == 0 && c->out_at == c->out_len)
		err = ERR_CLOSED;
	if (!err)
		err = wait_for(c);
	if (err)
		close_asker(c);
}

static void asker_ready(void *arg, uint32_t events)
{
	struct tcp_asker *c = arg;
	struct resolver_worker *w = c->worker;
	enum err err = events & LOOP_ERROR ? ERR_CLOSED : OK;
	if (!err && events & (LOOP_READ | LOOP_HANGUP))
		err = receive(c);
	go_on(c, err);
	resolver_upstream_settle(w);
}

void resolver_tcp_answer(struct resolver_worker *w, const struct asker *to, struct span message)
{
	uint32_t slot = (uint32_t)to->token;
	struct tcp_asker *c = slot < w->askers_max ? w->askers[slot] : NULL;
	bool progress = false;
	if (!c || c->serial != (uint32_t)(to->token >> 32))
		return; /* it has gone */
	c->pending--;
	uint8_t *room = out_room(c);
	if (!room) { /* it asks and does not read */
		c->bad = true;
		return;
	}
	memcpy(room + 2, message.data, message.len); /* at most ANSWER_MAX, for which room is */
	out_put(c, room, message.len);
	/* The rest when the socket takes it, or says that it is gone; not here, in the middle of
	 * the engine's call. */
	if (send_output(c, &progress) != OK)
		c->bad = true;
	c->events = LOOP_WRITE;
	if (loop_modify(&w->loop, &c->watch, LOOP_WRITE) != OK)
		c->bad = true;
}

/* A place for one more: the longest silent one that is owed nothing makes room. */
static struct tcp_asker *take_asker(struct resolver_worker *w)
{
	if (w->askers_n >= w->askers_max) {
		struct tcp_asker *c = w->oldest;
		while (c && (c->pending || c->out_at < c->out_len))
			c = c->newer;
		if (!c)
			return NULL;
		counter_add(w->row, RESOLVER_TCP_CLOSED_IDLE, 1);
		close_asker(c);
	}
	return slab_take(&w->asker_slab);
}

static uint32_t free_slot(const struct resolver_worker *w)
{
	uint32_t slot = 0;
	while (w->askers[slot])
		slot++;
	return slot;
}

static void admit(struct resolver_worker *w, int fd, const struct ip_endpoint *peer,
		  const struct ip_endpoint *local)
{
	struct tcp_asker *c = take_asker(w);
	if (!c) {
		counter_add(w->row, RESOLVER_TCP_REFUSED, 1);
		fd_done(&fd);
		return;
	}
	c->worker = w;
	c->fd = fd;
	c->peer = *peer;
	c->local = *local;
	c->slot = free_slot(w);
	c->serial = ++w->asker_serial;
	c->events = LOOP_READ;
	w->askers[c->slot] = c;
	w->askers_n++;
	loop_timer_init(&c->idle, idle, c);
	link_newest(c);
	counter_add(w->row, RESOLVER_TCP_ACCEPTED, 1);
	counter_set_value(w->row, RESOLVER_TCP_OPEN, w->askers_n);
	loop_timer_set_after(&w->loop, &c->idle, w->rules->idle_ms);
	if (loop_add(&w->loop, &c->watch, fd, c->events, asker_ready, c) != OK)
		close_asker(c);
}

void resolver_tcp_ready(void *arg, uint32_t events)
{
	struct resolver_tcp *t = arg;
	struct resolver_worker *w = t->worker;
	(void)events;
	for (unsigned i = 0; i < ACCEPTS_MAX; i++) {
		struct ip_endpoint peer, local;
		int fd = -1;
		enum err err = tcp_accept(t->fd, &fd, &peer, &local);
		if (err == (enum err)EAGAIN)
			return;
		if (err) { /* out of descriptors: the queue stays, so do not spin on it */
			loop_remove(&w->loop, &t->watch);
			loop_timer_set_after(&w->loop, &t->retry, ACCEPT_RETRY_MS);
			return;
		}
		admit(w, fd, &peer, &local);
	}
}

void resolver_tcp_retry(void *arg)
{
	struct resolver_tcp *t = arg;
	if (loop_add(&t->worker->loop, &t->watch, t->fd, LOOP_READ, resolver_tcp_ready, t) != OK)
		loop_timer_set_after(&t->worker->loop, &t->retry, ACCEPT_RETRY_MS);
}
