/* Questions to servers: each from a socket of its own, connected, from a random port (RFC
 * 5452 9.2), so that the kernel passes nothing but what comes from the server that was asked. */
#include "crypto/random.h"
#include "os/clock.h"
#include "os/fd.h"
#include "os/tcp.h"
#include "service/resolver/io_worker.h"

#include <stdlib.h>

#define PORT_MIN     1024u
#define PORT_TRIES   8u
#define READS_MAX    8u /* datagrams of one socket in a row */
#define QUESTION_MAX 512u
#define MESSAGE_MAX  65535u

struct upstream_tcp {
	uint32_t out_len, out_at, in_len;
	uint8_t out[2 + QUESTION_MAX];
	uint8_t in[2 + MESSAGE_MAX];
};

struct upstream {
	struct resolver_worker *worker;
	struct loop_watch watch;
	struct ask_ref ref;
	struct ip_endpoint to;
	int fd;
	struct upstream_tcp *tcp; /* NULL: UDP */
};

enum err resolver_upstream_init(struct resolver_worker *w, size_t walks_max)
{
	w->asked = calloc(walks_max, sizeof(struct upstream *));
	w->failed = calloc(walks_max, sizeof(*w->failed));
	w->asked_n = walks_max;
	w->ports_at = sizeof(w->ports);
	slab_init(&w->upstreams, sizeof(struct upstream), walks_max);
	slab_init(&w->upstream_tcps, sizeof(struct upstream_tcp), RESOLVER_UPSTREAM_TCP);
	return w->asked && w->failed ? OK : ENOMEM;
}

static void close_upstream(struct upstream *u)
{
	struct resolver_worker *w = u->worker;
	w->asked[u->ref.slot] = NULL;
	loop_remove(&w->loop, &u->watch);
	fd_done(&u->fd);
	slab_give(&w->upstream_tcps, u->tcp);
	slab_give(&w->upstreams, u);
}

void resolver_upstream_done(struct resolver_worker *w)
{
	for (size_t i = 0; i < w->asked_n && w->asked; i++)
		if (w->asked[i])
			close_upstream(w->asked[i]);
	slab_done(&w->upstreams);
	slab_done(&w->upstream_tcps);
	free(TAKE(w->asked));
	free(TAKE(w->failed));
}

void resolver_upstream_forget(void *ctx, struct ask_ref ref)
{
	struct resolver_worker *w = ctx;
	struct upstream *u = w->asked[ref.slot];
	if (u && u->ref.serial == ref.serial)
		close_upstream(u);
}

/* It may not be told now: the engine is in the middle of a call. One for each slot at most. */
static void note_failure(struct resolver_worker *w, struct ask_ref ref, enum err err)
{
	/* These tell of the network, others of one address or of our own troubles. */
	bool no_network = err == (enum err)ENETUNREACH || err == (enum err)EAFNOSUPPORT ||
			  err == (enum err)EADDRNOTAVAIL;
	if (w->failed_n < w->asked_n)
		w->failed[w->failed_n++] = (struct resolver_failure){ref, !no_network};
}

void resolver_upstream_settle(struct resolver_worker *w)
{
	while (w->failed_n) {
		struct resolver_failure f = w->failed[--w->failed_n];
		engine_ask_failed(w->engine, clock_ageing_us(), f.ref, f.sent);
	}
}

static uint16_t random_port(struct resolver_worker *w)
{
	for (;;) {
		if (w->ports_at + 2 > sizeof(w->ports)) {
			if (crypto_random(w->ports, sizeof(w->ports)) != OK)
				return 0; /* the kernel then chooses */
			w->ports_at = 0;
		}
		uint16_t port = (uint16_t)(w->ports[w->ports_at] << 8 | w->ports[w->ports_at + 1]);
		w->ports_at += 2;
		if (port >= PORT_MIN)
			return port;
	}
}

static enum err open_udp(struct resolver_worker *w, const struct ip_endpoint *to,
			 const struct ip_address *source, int *ret_fd)
{
	enum err err = (enum err)EADDRINUSE;
	for (unsigned i = 0; i < PORT_TRIES && err == (enum err)EADDRINUSE; i++)
		err = udp_connect(to, source, random_port(w), ret_fd);
	return err == (enum err)EADDRINUSE ? udp_connect(to, source, 0, ret_fd) : err;
}

static bool is_still(const struct resolver_worker *w, const struct upstream *u, struct ask_ref ref)
{
	return w->asked[ref.slot] == u && u->ref.serial == ref.serial;
}

static void udp_ready(void *arg, uint32_t events)
{
	struct upstream *u = arg;
	struct resolver_worker *w = u->worker;
	struct ask_ref ref = u->ref;
	(void)events;
	for (unsigned i = 0; i < READS_MAX && is_still(w, u, ref); i++) {
		size_t len = 0;
		enum err err = udp_read(u->fd, w->datagram, sizeof(w->datagram), &len);
		if (err)
			engine_ask_failed(w->engine, clock_ageing_us(), ref, true);
		else if (len == 0)
			break;
		else if (len <= sizeof(w->datagram))
			(void)engine_receive(w->engine, clock_ageing_us(), ref, &u->to,
					     span_of(w->datagram, len));
	}
	resolver_upstream_settle(w);
}

static enum err tcp_send_rest(struct upstream *u)
{
	struct upstream_tcp *t = u->tcp;
	size_t len = 0;
	if (t->out_at == t->out_len)
		return OK;
	TRY(tcp_write(u->fd, span_of(t->out + t->out_at, t->out_len - t->out_at), &len));
	t->out_at += (uint32_t)len;
	if (t->out_at < t->out_len)
		return OK;
	return loop_modify(&u->worker->loop, &u->watch, LOOP_READ);
}

/* Reads what is there. *ret_whole: a message is complete. */
static enum err tcp_receive(struct upstream *u, bool *ret_whole)
{
	struct upstream_tcp *t = u->tcp;
	for (;;) {
		size_t len = 0, want = 2;
		if (t->in_len >= 2)
			want = 2 + (size_t)(t->in[0] << 8 | t->in[1]);
		*ret_whole = t->in_len >= 2 && t->in_len == want;
		if (*ret_whole)
			return OK;
		TRY(tcp_read(u->fd, t->in + t->in_len, want - t->in_len, &len));
		if (len == 0)
			return OK;
		t->in_len += (uint32_t)len;
	}
}

static enum err tcp_step(struct upstream *u, uint32_t events, bool *ret_whole)
{
	if (events & (LOOP_ERROR | LOOP_HANGUP | LOOP_WRITE))
		TRY(tcp_connect_result(u->fd));
	TRY(tcp_send_rest(u));
	return events & (LOOP_READ | LOOP_HANGUP) ? tcp_receive(u, ret_whole) : OK;
}

static void tcp_ready(void *arg, uint32_t events)
{
	struct upstream *u = arg;
	struct resolver_worker *w = u->worker;
	bool whole = false;
	enum err err = tcp_step(u, events, &whole);
	if (err) {
		engine_ask_failed(w->engine, clock_ageing_us(), u->ref, true);
	} else if (whole) {
		struct upstream_tcp *t = u->tcp;
		size_t len = t->in_len - 2;
		t->in_len = 0; /* another may follow, if this was none */
		/* The engine forgets the question, and with it the buffer, before it has done with
		 * the bytes. */
		memcpy(w->datagram, t->in + 2, len); /* at most 65535, as datagram holds */
		(void)engine_receive(w->engine, clock_ageing_us(), u->ref, &u->to,
				     span_of(w->datagram, len));
	}
	resolver_upstream_settle(w);
}

static enum err open_tcp(struct upstream *u, const struct ip_address *source, struct span message)
{
	struct resolver_worker *w = u->worker;
	if (message.len > QUESTION_MAX)
		return ERR_LIMIT;
	u->tcp = slab_take(&w->upstream_tcps);
	if (!u->tcp)
		return ERR_LIMIT;
	struct writer out = writer_of(u->tcp->out, sizeof(u->tcp->out));
	write_u16(&out, (uint16_t)message.len);
	write_span(&out, message);
	u->tcp->out_len = (uint32_t)out.pos;
	TRY(tcp_connect(&u->to, source, &u->fd));
	return loop_add(&w->loop, &u->watch, u->fd, LOOP_READ | LOOP_WRITE, tcp_ready, u);
}

static enum err open_and_ask(struct upstream *u, enum engine_transport transport,
			     const struct ip_address *source, struct span message)
{
	struct resolver_worker *w = u->worker;
	if (transport == ENGINE_TCP)
		return open_tcp(u, source, message);
	TRY(open_udp(w, &u->to, source, &u->fd));
	TRY(loop_add(&w->loop, &u->watch, u->fd, LOOP_READ, udp_ready, u));
	return udp_write(u->fd, message);
}

void resolver_upstream_ask(void *ctx, struct ask_ref ref, enum engine_transport transport,
			   const struct ip_endpoint *to, const struct ip_address *source,
			   struct span message)
{
	struct resolver_worker *w = ctx;
	struct upstream *u = slab_take(&w->upstreams);
	ASSERT(u && !w->asked[ref.slot]); /* as many as walks, and a walk has one question out */
	u->worker = w;
	u->ref = ref;
	u->to = *to;
	u->fd = -1;
	w->asked[ref.slot] = u;
	enum err err = open_and_ask(u, transport, source, message);
	if (!err)
		return;
	close_upstream(u);
	note_failure(w, ref, err);
}
