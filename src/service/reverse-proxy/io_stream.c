#include "service/reverse-proxy/io_stream.h"

#include "base/writer.h"
#include "os/fd.h"
#include "os/tcp.h"
#include "proto/proxy-header/header.h"
#include "proto/tls/client_hello.h"
#include "proxy/buffer.h"
#include "proxy/hop.h"
#include "proxy/relay.h"
#include "proxy/worker.h"
#include "service/reverse-proxy/balance/pool.h"
#include "service/reverse-proxy/io_snapshot.h"
#include "service/reverse-proxy/io_stream_log.h"
#include "service/reverse-proxy/io_worker.h"
#include "service/reverse-proxy/stream_end.h"

#include <stdlib.h>
#include <string.h>

enum {
	ACCEPT_AT_ONCE = 64,
	PAUSE_MS = 100, /* without descriptors for one more */
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
	struct proxy_transport *client;
	struct proxy_transport *server; /* NULL: none yet */
	struct proxy_buffer *hello;	/* what the client has said before there is a server */
	struct proxy_relay relay;
	struct ip_endpoint peer, local;
	uint64_t accepted_us;
	uint64_t begun_us, connect_us; /* connect_us: how long it took; 0: not yet */
	/* For the log. */
	const char *pool_name;		/* borrowed from the view; NULL: not known yet */
	const struct pool_member *last; /* likewise: of the last place; NULL: none */
	char *name;			/* that the client asked for; NULL: none, or not kept */
	enum proxy_cause failed;	/* why there is no server yet */
	struct loop_timer timer;	/* until there is a relay, which has its own */
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

static struct proxy_worker *core_of(const struct stream *s)
{
	return proxy_io_worker(s->of->options.worker->io);
}

static void ready(void *owner, unsigned events);

/* --- the end ---------------------------------------------------------------------------------- */

static void leave(struct stream *s, enum pool_result_kind kind)
{
	const struct pool_result result = {.kind = kind,
					   .latency_us = s->connect_us,
					   .bytes_in = s->relay.ways[PROXY_RELAY_DOWN].bytes,
					   .bytes_out = s->relay.ways[PROXY_RELAY_UP].bytes};
	if (s->placed)
		pool_done(s->pool, &s->place, loop_now_ms(loop_of(s)), &result);
	s->placed = false;
}

static void log_end(const struct stream *s, enum proxy_cause cause, enum stream_how how)
{
	struct stream_end e = {
		.kind = REVERSE_STREAM_TCP,
		.peer = s->peer,
		.at = s->local,
		.cause = cause,
		.how = how,
		.name = s->name,
		.pool = s->pool_name,
		.server = s->last ? s->last->name : NULL,
		.led = s->phase == RELAY,
		.tries = (uint8_t)s->tried.n,
		.up = s->relay.ways[PROXY_RELAY_UP].bytes,
		.down = s->relay.ways[PROXY_RELAY_DOWN].bytes,
		.begun_us = s->accepted_us,
		.connect_us = s->connect_us,
	};
	reverse_stream_log(s->view, &e);
}

static void stream_free(struct stream *s, enum pool_result_kind kind, bool torn)
{
	struct reverse_streams *all = s->of;
	proxy_relay_stop(&s->relay);
	leave(s, kind);
	proxy_transport_close(s->client, torn);
	proxy_transport_close(s->server, torn);
	loop_timer_cancel(loop_of(s), &s->timer);
	proxy_buffer_give(&core_of(s)->buffers, s->hello);
	*(s->previous ? &s->previous->next : &all->first) = s->next;
	if (s->next)
		s->next->previous = s->previous;
	reverse_view_leave(s->view);
	free(s->name);
	free(s);
	if (--all->n == 0)
		all->options.emptied(all->options.worker);
}

/* Both sides see that it did not end as it should. */
static void stream_tear(struct stream *s, enum pool_result_kind kind, enum proxy_cause cause)
{
	log_end(s, cause, STREAM_CLOSED);
	stream_free(s, kind, true);
}

static void stream_end(struct stream *s, enum stream_how how)
{
	log_end(s, PROXY_FINE, how);
	stream_free(s, POOL_RESULT_ANSWERED, how != STREAM_CLOSED);
}

static void relayed(struct proxy_relay *r, enum proxy_relay_end how)
{
	struct stream *s = r->owner;
	switch (how) {
	case PROXY_RELAY_ENDED: stream_end(s, STREAM_CLOSED); return;
	case PROXY_RELAY_IDLE: stream_end(s, STREAM_IDLE); return;
	case PROXY_RELAY_BUSY: stream_tear(s, POOL_RESULT_ABANDONED, PROXY_BUSY); return;
	case PROXY_RELAY_BROKE: break;
	}
	if (r->broken == PROXY_RELAY_DOWN)
		stream_tear(s, POOL_RESULT_RESET, PROXY_BACK_TORN);
	else
		stream_tear(s, POOL_RESULT_ABANDONED, PROXY_CLIENT_GONE);
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
	s->last = s->place.member;
	s->begun_us = loop_now_us(loop_of(s));
	return OK;
}

/* Who the client is, before its first byte. */
static enum err header_write(const struct stream *s, struct writer *w)
{
	const struct proxy_header header = {
		.version = s->conf->header == REVERSE_STREAM_HEADER_1 ? 1 : 2,
		.transport = PROXY_HEADER_STREAM,
		.source = s->peer,
		.destination = s->local};
	if (s->conf->header != REVERSE_STREAM_HEADER_OFF)
		proxy_header_write(w, &header);
	return writer_check(w);
}

static enum err connect_to(struct stream *s, const struct ip_endpoint *to)
{
	uint8_t room[PROXY_HEADER_WRITE_MAX];
	struct writer w = writer_of(room, sizeof(room));
	struct proxy_worker *core = core_of(s);
	const struct proxy_hop hop = {.to = *to};
	TRY(header_write(s, &w));
	TRY(core->io->connect(core, &hop, NULL, writer_span(&w), &s->server));
	s->server->owner = s;
	s->server->call = ready;
	return OK;
}

/* The next one that can be tried; without any the client sees its connection end. */
static void connect_next(struct stream *s)
{
	uint64_t connect_ms = s->view->snapshot->site->conf->timeouts.connect_ms;
	s->phase = CONNECT;
	proxy_transport_close(TAKE(s->server), false);
	for (;;) {
		if (pick(s) != OK) {
			stream_tear(s, POOL_RESULT_ABANDONED, s->failed);
			return;
		}
		enum err e = connect_to(s, &s->place.member->backend->at);
		if (!e)
			break;
		if (err_is_shortage(e) || e == ERR_LIMIT) {
			stream_tear(s, POOL_RESULT_ABANDONED, PROXY_BUSY);
			return;
		}
		s->failed = PROXY_CONNECT_FAILED;
		leave(s, POOL_RESULT_CONNECT_FAILED);
	}
	if (connect_ms)
		loop_timer_set_after(loop_of(s), &s->timer, connect_ms);
}

static void connected(struct stream *s)
{
	uint64_t idle_ms = s->view->snapshot->site->conf->timeouts.tunnel_ms;
	if (s->client->ready & PROXY_BROKEN) {
		stream_tear(s, POOL_RESULT_ABANDONED, PROXY_CLIENT_GONE);
		return;
	}
	if (s->server->ready & PROXY_BROKEN) {
		s->failed = PROXY_CONNECT_FAILED;
		leave(s, POOL_RESULT_CONNECT_FAILED);
		connect_next(s);
		return;
	}
	if (!(s->server->ready & PROXY_OPENED))
		return;
	s->connect_us = loop_now_us(loop_of(s)) - s->begun_us;
	s->connect_us += s->connect_us == 0;
	s->phase = RELAY;
	loop_timer_cancel(loop_of(s), &s->timer);
	proxy_relay_begin(&s->relay, core_of(s), s->client, s->server, (uint32_t)idle_ms, relayed);
	s->relay.owner = s;
	s->relay.ways[PROXY_RELAY_UP].held = TAKE(s->hello);
	proxy_relay_turn(&s->relay);
}

/* --- from a client ---------------------------------------------------------------------------- */

/* To the pool of that name. */
static void lead(struct stream *s, const char *name)
{
	const char *pool = reverse_stream_pool(s->conf, name);
	size_t number = pool ? reverse_pool_find(s->view->snapshot->site->conf, pool) : SIZE_MAX;
	if (*name && reverse_stream_is_logged(s->view))
		s->name = strdup(name); /* NULL: the line is without it */
	if (number == SIZE_MAX) {
		stream_tear(s, POOL_RESULT_ABANDONED, PROXY_REFUSED);
		return;
	}
	s->pool_name = pool;
	s->pool = s->view->snapshot->pools[number];
	connect_next(s);
}

/* Behind what is there. */
static enum err hello_read(struct stream *s)
{
	size_t n = 0;
	if (!s->hello)
		s->hello = proxy_buffer_take(&core_of(s)->buffers);
	struct proxy_buffer *b = s->hello;
	if (!b)
		return ERR_LIMIT;
	TRY(proxy_transport_read(s->client, b->data + b->end, PROXY_BUFFER_SIZE - b->end, &n));
	b->end += (uint32_t)n;
	return OK;
}

static void hello(struct stream *s)
{
	struct client_hello h;
	while (s->client->ready & (PROXY_CAN_READ | PROXY_BROKEN)) {
		enum err e = hello_read(s);
		if (e == ERR_CLOSED) {
			log_end(s, PROXY_CLIENT_GONE, STREAM_CLOSED);
			stream_free(s, POOL_RESULT_ABANDONED, false);
			return;
		}
		if (e) {
			stream_tear(s, POOL_RESULT_ABANDONED,
				    e == ERR_LIMIT ? PROXY_BUSY : PROXY_CLIENT_GONE);
			return;
		}
		enum parse p = client_hello_read(proxy_buffer_span(s->hello), &h);
		if (p == PARSE_DONE) {
			lead(s, h.name);
			return;
		}
		if (p == PARSE_BAD || s->hello->end == PROXY_BUFFER_SIZE) {
			stream_tear(s, POOL_RESULT_ABANDONED,
				    p == PARSE_BAD ? PROXY_CLIENT_FORMAT : PROXY_CLIENT_HEAD_LIMIT);
			return;
		}
	}
	if (!s->hello->end)
		proxy_buffer_give(&core_of(s)->buffers, TAKE(s->hello));
}

static void ready(void *owner, unsigned events)
{
	struct stream *s = owner;
	(void)events;
	switch (s->phase) {
	case HELLO: hello(s); return;
	case CONNECT: connected(s); return;
	case RELAY: proxy_relay_turn(&s->relay); return;
	}
}

static void timed_out(void *arg)
{
	struct stream *s = arg;
	if (s->phase == HELLO) {
		stream_tear(s, POOL_RESULT_ABANDONED, PROXY_CLIENT_HEAD_TIME);
		return;
	}
	s->failed = PROXY_CONNECT_TIME;
	leave(s, POOL_RESULT_TIMEOUT);
	connect_next(s);
}

/* Takes fd over, on failure too. */
static struct stream *stream_new(struct reverse_streams *all, int fd)
{
	struct proxy_transport *client;
	if (proxy_io_accepted(all->options.worker->io, fd, &client))
		return NULL;
	struct stream *s = calloc(1, sizeof(*s));
	if (!s) {
		proxy_transport_close(client, true);
		return NULL;
	}
	s->of = all;
	s->view = reverse_view_use(all->options.worker->view);
	s->client = client;
	client->owner = s;
	client->call = ready;
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
	if (!mine || all->n >= all->options.streams_max) {
		fd_done(&fd);
		return;
	}
	struct stream *s = stream_new(all, fd);
	if (!s)
		return;
	s->conf = mine;
	s->peer = *peer;
	s->local = *local;
	s->accepted_us = loop_now_us(loop_of(s));
	s->failed = PROXY_NO_BACK;
	if (mine->sni.n == 0) {
		lead(s, "");
		return;
	}
	s->phase = HELLO;
	if (conf->timeouts.head_ms)
		loop_timer_set_after(loop_of(s), &s->timer, conf->timeouts.head_ms);
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
		stream_tear(s->first, POOL_RESULT_ABANDONED, PROXY_DRAINED);
	free(s->doors);
	free(s);
}
