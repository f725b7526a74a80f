#include "service/reverse-proxy/io_stream.h"

#include "base/writer.h"
#include "os/fd.h"
#include "os/tcp.h"
#include "proto/proxy-header/header.h"
#include "proto/tls/client_hello.h"
#include "proxy/buffer.h"
#include "proxy/worker.h"
#include "service/reverse-proxy/balance/pool.h"
#include "service/reverse-proxy/io_snapshot.h"
#include "service/reverse-proxy/io_worker.h"

#include <stdlib.h>

enum {
	ACCEPT_AT_ONCE = 64,
	PAUSE_MS = 100, /* without descriptors for one more */
};

struct stream;

struct side {
	struct stream *of;
	int fd;
	struct loop_watch watch;
	uint32_t events; /* as the watch has them; 0: not watched */
};

/* One direction. */
struct way {
	struct side *from, *to;
	struct proxy_buffer *waiting; /* for `to`; NULL: nothing */
	bool ended;		      /* `from` writes no more */
	bool finished;		      /* and `to` knows */
	uint64_t bytes;
};

enum phase { HELLO, CONNECT, RELAY };

struct stream {
	struct reverse_streams *of;
	struct reverse_view *view;		/* held */
	const struct reverse_stream_conf *conf; /* borrowed from the view */
	const struct pool *pool;		/* likewise; NULL: not known yet */
	struct pool_place place;
	bool placed;
	struct pool_tried tried;
	enum phase phase;
	struct side client, server;
	struct way up, down;
	struct ip_endpoint peer, local;
	uint64_t begun_us, connect_us; /* connect_us: how long it took; 0: not yet */
	uint64_t used_ms;
	struct loop_timer timer;
	struct stream *next, *previous;
};

struct door {
	struct reverse_streams *of;
	struct ip_endpoint at;
	int fd; /* borrowed */
	struct loop_watch watch;
	struct loop_timer pause;
};

struct reverse_streams {
	struct reverse_streams_options options;
	struct door *doors;
	struct stream *first;
	size_t n;
};

static struct loop *loop_of(const struct stream *s)
{
	return &s->of->options.worker->loop;
}

static struct proxy_buffers *buffers_of(const struct stream *s)
{
	return &proxy_io_worker(s->of->options.worker->io)->buffers;
}

/* --- the end ---------------------------------------------------------------------------------- */

static void leave(struct stream *s, enum pool_result_kind kind)
{
	const struct pool_result result = {.kind = kind,
					   .latency_us = s->connect_us,
					   .bytes_in = s->down.bytes,
					   .bytes_out = s->up.bytes};
	if (s->placed)
		pool_done(s->pool, &s->place, loop_now_ms(loop_of(s)), &result);
	s->placed = false;
}

static void side_close(struct side *side)
{
	loop_remove(loop_of(side->of), &side->watch);
	side->events = 0;
	fd_done(&side->fd);
}

/* torn: both sides see that it did not end as it should. */
static void stream_end(struct stream *s, enum pool_result_kind kind, bool torn)
{
	struct reverse_streams *all = s->of;
	if (torn && s->client.fd >= 0)
		err_ignore(tcp_reset_on_close(s->client.fd));
	if (torn && s->server.fd >= 0)
		err_ignore(tcp_reset_on_close(s->server.fd));
	leave(s, kind);
	side_close(&s->client);
	side_close(&s->server);
	loop_timer_cancel(loop_of(s), &s->timer);
	proxy_buffer_give(buffers_of(s), s->up.waiting);
	proxy_buffer_give(buffers_of(s), s->down.waiting);
	*(s->previous ? &s->previous->next : &all->first) = s->next;
	if (s->next)
		s->next->previous = s->previous;
	reverse_view_leave(s->view);
	free(s);
	if (--all->n == 0)
		all->options.emptied(all->options.worker);
}

/* --- what is waited for ----------------------------------------------------------------------- */

static void ready(void *arg, uint32_t events);

/* One that is not watched at all is not told of its end either, which would come again and again.
 */
static enum err side_want(struct side *side, uint32_t events)
{
	struct loop *loop = loop_of(side->of);
	enum err e = OK;
	if (events == side->events)
		return OK;
	if (!events)
		loop_remove(loop, &side->watch);
	else if (side->watch.added)
		e = loop_modify(loop, &side->watch, events);
	else
		e = loop_add(loop, &side->watch, side->fd, events, ready, side);
	side->events = events;
	return e;
}

static uint32_t wants(const struct way *gives, const struct way *takes)
{
	return (!gives->ended && !gives->waiting ? (uint32_t)LOOP_READ : 0) |
	       (takes->waiting ? (uint32_t)LOOP_WRITE : 0);
}

static enum err want_all(struct stream *s)
{
	TRY(side_want(&s->client, wants(&s->up, &s->down)));
	return side_want(&s->server, wants(&s->down, &s->up));
}

/* --- bytes ------------------------------------------------------------------------------------ */

static enum err give(struct stream *s, struct way *way)
{
	size_t len = 0;
	TRY(tcp_write(way->to->fd, proxy_buffer_span(way->waiting), &len));
	way->waiting->start += (uint32_t)len;
	way->bytes += len;
	if (way->waiting->start == way->waiting->end)
		proxy_buffer_give(buffers_of(s), TAKE(way->waiting));
	return OK;
}

/* Into an empty buffer, or behind what is there. */
static enum err take(struct stream *s, struct way *way)
{
	size_t len = 0;
	if (!way->waiting)
		way->waiting = proxy_buffer_take(buffers_of(s));
	struct proxy_buffer *b = way->waiting;
	if (!b)
		return ERR_LIMIT;
	enum err e = tcp_read(way->from->fd, b->data + b->end, PROXY_BUFFER_SIZE - b->end, &len);
	way->ended = e == ERR_CLOSED;
	b->end += (uint32_t)len;
	if (b->start == b->end)
		proxy_buffer_give(buffers_of(s), TAKE(way->waiting));
	return way->ended ? OK : e;
}

static enum err pump(struct stream *s, struct way *way, bool readable, struct side **ret_bad)
{
	*ret_bad = way->to;
	if (way->waiting)
		TRY(give(s, way));
	if (!way->waiting && !way->ended && readable) {
		*ret_bad = way->from;
		TRY(take(s, way));
		*ret_bad = way->to;
		if (way->waiting)
			TRY(give(s, way));
	}
	if (way->ended && !way->waiting && !way->finished) {
		way->finished = true;
		/* Who is gone already is seen by the other way. */
		err_ignore(tcp_finish(way->to->fd));
	}
	return OK;
}

static void relay(struct stream *s, struct side *side, uint32_t events)
{
	bool readable = (events & ~(uint32_t)LOOP_WRITE) != 0;
	struct side *bad = side;
	/* A reset, which reads like an end. */
	enum err e = events & LOOP_ERROR ? (enum err)ECONNRESET : OK;
	if (!e)
		e = pump(s, &s->up, readable && side == &s->client, &bad);
	if (!e)
		e = pump(s, &s->down, readable && side == &s->server, &bad);
	s->used_ms = loop_now_ms(loop_of(s));
	if (e) {
		stream_end(s, bad == &s->server ? POOL_RESULT_RESET : POOL_RESULT_ABANDONED, true);
	} else if (s->up.finished && s->down.finished) {
		stream_end(s, POOL_RESULT_ANSWERED, false);
	} else if (want_all(s) != OK) {
		stream_end(s, POOL_RESULT_ABANDONED, true);
	}
}

/* --- to a server ------------------------------------------------------------------------------ */

enum err reverse_stream_pick(struct reverse_worker *w, const struct pool *pool,
			     const struct ip_endpoint *peer, struct pool_tried *tried,
			     struct pool_place *ret)
{
	struct pool_ask ask = {.now_ms = loop_now_ms(&w->loop),
			       .random = reverse_worker_random(w),
			       .hash = pool_hash(ip_address_span(&peer->address)),
			       .has_hash = true,
			       .tried = tried};
	if (tried->n && !pool_may_retry(pool, tried->n))
		return ERR_LIMIT;
	return pool_pick(pool, &ask, ret) == POOL_PICKED ? OK : ERR_LIMIT;
}

static enum err pick(struct stream *s)
{
	TRY(reverse_stream_pick(s->of->options.worker, s->pool, &s->peer, &s->tried, &s->place));
	s->placed = true;
	s->begun_us = loop_now_us(loop_of(s));
	return OK;
}

/* The next one that can be tried; without any the client sees its connection end. */
static void connect_next(struct stream *s)
{
	uint64_t connect_ms = s->view->snapshot->site->conf->timeouts.connect_ms;
	s->phase = CONNECT;
	for (;;) {
		side_close(&s->server);
		if (pick(s) != OK || side_want(&s->client, 0) != OK) {
			stream_end(s, POOL_RESULT_ABANDONED, true);
			return;
		}
		enum err e = tcp_connect(&s->place.member->backend->at, NULL, &s->server.fd);
		if (!e)
			e = side_want(&s->server, LOOP_WRITE);
		if (!e)
			break;
		if (err_is_shortage(e)) {
			stream_end(s, POOL_RESULT_ABANDONED, true);
			return;
		}
		leave(s, POOL_RESULT_CONNECT_FAILED);
	}
	if (connect_ms)
		loop_timer_set_after(loop_of(s), &s->timer, connect_ms);
}

/* Who the client is, before its first byte; a new connection takes it whole. */
static enum err write_header(struct stream *s)
{
	uint8_t room[PROXY_HEADER_WRITE_MAX];
	struct writer w = writer_of(room, sizeof(room));
	const struct proxy_header header = {
		.version = s->conf->header == REVERSE_STREAM_HEADER_1 ? 1 : 2,
		.transport = PROXY_HEADER_STREAM,
		.source = s->peer,
		.destination = s->local};
	size_t len;
	if (s->conf->header == REVERSE_STREAM_HEADER_OFF)
		return OK;
	proxy_header_write(&w, &header);
	TRY(writer_check(&w));
	TRY(tcp_write(s->server.fd, writer_span(&w), &len));
	return len == w.pos ? OK : ERR_LIMIT;
}

static void connected(struct stream *s)
{
	uint64_t idle_ms = s->view->snapshot->site->conf->timeouts.tunnel_ms;
	enum err e = tcp_connect_result(s->server.fd);
	if (!e)
		e = write_header(s);
	if (e) {
		leave(s, POOL_RESULT_CONNECT_FAILED);
		connect_next(s);
		return;
	}
	s->connect_us = loop_now_us(loop_of(s)) - s->begun_us;
	s->connect_us += s->connect_us == 0;
	s->phase = RELAY;
	if (idle_ms)
		loop_timer_set_after(loop_of(s), &s->timer, idle_ms);
	else
		loop_timer_cancel(loop_of(s), &s->timer);
	relay(s, &s->server, LOOP_WRITE);
}

/* --- from a client ---------------------------------------------------------------------------- */

/* To the pool of that name. */
static void lead(struct stream *s, const char *name)
{
	const char *pool = reverse_stream_pool(s->conf, name);
	size_t number = pool ? reverse_pool_find(s->view->snapshot->site->conf, pool) : SIZE_MAX;
	if (number == SIZE_MAX) {
		stream_end(s, POOL_RESULT_ABANDONED, true);
		return;
	}
	s->pool = s->view->snapshot->pools[number];
	connect_next(s);
}

static void hello(struct stream *s)
{
	struct client_hello h;
	enum err e = take(s, &s->up);
	if (e || s->up.ended) {
		stream_end(s, POOL_RESULT_ABANDONED, e != OK);
		return;
	}
	if (!s->up.waiting)
		return;
	switch (client_hello_read(proxy_buffer_span(s->up.waiting), &h)) {
	case PARSE_DONE: lead(s, h.name); return;
	case PARSE_BAD: break;
	case PARSE_MORE:
		if (s->up.waiting->end < PROXY_BUFFER_SIZE)
			return;
		break;
	}
	stream_end(s, POOL_RESULT_ABANDONED, true);
}

static void ready(void *arg, uint32_t events)
{
	struct side *side = arg;
	struct stream *s = side->of;
	switch (s->phase) {
	case HELLO: hello(s); return;
	case CONNECT: connected(s); return;
	case RELAY: relay(s, side, events); return;
	}
}

static void timed_out(void *arg)
{
	struct stream *s = arg;
	uint64_t idle_ms = s->view->snapshot->site->conf->timeouts.tunnel_ms;
	switch (s->phase) {
	case HELLO: stream_end(s, POOL_RESULT_ABANDONED, true); return;
	case CONNECT:
		leave(s, POOL_RESULT_TIMEOUT);
		connect_next(s);
		return;
	case RELAY: break;
	}
	if (s->used_ms + idle_ms > loop_now_ms(loop_of(s)))
		loop_timer_set(loop_of(s), &s->timer, s->used_ms + idle_ms);
	else
		stream_end(s, POOL_RESULT_ANSWERED, true);
}

static struct stream *stream_new(struct reverse_streams *all, int fd)
{
	struct stream *s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->of = all;
	s->view = reverse_view_use(all->options.worker->view);
	s->client = (struct side){.of = s, .fd = fd};
	s->server = (struct side){.of = s, .fd = -1};
	s->up = (struct way){.from = &s->client, .to = &s->server};
	s->down = (struct way){.from = &s->server, .to = &s->client};
	loop_timer_init(&s->timer, timed_out, s);
	s->next = all->first;
	if (all->first)
		all->first->previous = s;
	all->first = s;
	all->n++;
	return s;
}

static void begin(struct door *d, int fd, const struct ip_endpoint *peer,
		  const struct ip_endpoint *local)
{
	struct reverse_streams *all = d->of;
	const struct reverse_conf *conf = all->options.worker->view->snapshot->site->conf;
	const struct reverse_stream_conf *mine =
		reverse_stream_at(conf, REVERSE_STREAM_TCP, &d->at);
	struct stream *s = mine && all->n < all->options.streams_max ? stream_new(all, fd) : NULL;
	if (!s) {
		fd_done(&fd);
		return;
	}
	s->conf = mine;
	s->peer = *peer;
	s->local = *local;
	if (mine->sni.n == 0) {
		lead(s, "");
	} else if (side_want(&s->client, LOOP_READ) != OK) {
		stream_end(s, POOL_RESULT_ABANDONED, true);
	} else {
		s->phase = HELLO;
		if (conf->timeouts.head_ms)
			loop_timer_set_after(loop_of(s), &s->timer, conf->timeouts.head_ms);
	}
}

/* --- doors ------------------------------------------------------------------------------------ */

static void come(void *arg, uint32_t events)
{
	struct door *d = arg;
	struct loop *loop = &d->of->options.worker->loop;
	(void)events;
	for (int i = 0; i < ACCEPT_AT_ONCE; i++) {
		struct ip_endpoint peer, local;
		int fd = -1;
		enum err e = tcp_accept(d->fd, &fd, &peer, &local);
		if (e == EAGAIN)
			return;
		if (e) {
			loop_remove(loop, &d->watch);
			loop_timer_set_after(loop, &d->pause, PAUSE_MS);
			return;
		}
		begin(d, fd, &peer, &local);
	}
}

static void open_door(void *arg)
{
	struct door *d = arg;
	struct loop *loop = &d->of->options.worker->loop;
	if (loop_add(loop, &d->watch, d->fd, LOOP_READ, come, d) != OK)
		loop_timer_set_after(loop, &d->pause, PAUSE_MS);
}

enum err reverse_streams_new(const struct reverse_streams_options *options,
			     struct reverse_streams **ret)
{
	struct reverse_streams *s = calloc(1, sizeof(*s));
	if (!s)
		return ENOMEM;
	s->options = *options;
	s->doors = calloc(options->n + 1, sizeof(*s->doors));
	if (!s->doors) {
		free(TAKE(s));
		return ENOMEM;
	}
	for (size_t i = 0; i < options->n; i++) {
		struct door *d = &s->doors[i];
		*d = (struct door){.of = s, .at = options->at[i], .fd = options->fds[i]};
		loop_timer_init(&d->pause, open_door, d);
		open_door(d);
	}
	*ret = s;
	return OK;
}

void reverse_streams_unlisten(struct reverse_streams *s)
{
	for (size_t i = 0; s && i < s->options.n; i++) {
		loop_remove(&s->options.worker->loop, &s->doors[i].watch);
		loop_timer_cancel(&s->options.worker->loop, &s->doors[i].pause);
	}
}

size_t reverse_streams_open(const struct reverse_streams *s)
{
	return s->n;
}

void reverse_streams_free(struct reverse_streams *s)
{
	if (!s)
		return;
	reverse_streams_unlisten(s);
	while (s->first)
		stream_end(s->first, POOL_RESULT_ABANDONED, true);
	free(s->doors);
	free(s);
}
