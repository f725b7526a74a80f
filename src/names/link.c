#include "names/link.h"

#include "base/reader.h"
#include "base/writer.h"
#include "os/fd.h"
#include "os/tcp.h"
#include "os/udp.h"

enum {
	ANSWERS_TURN = 64,
	TCP_MS = 5000,
};

void names_link_init(struct names_link *l)
{
	l->fd = l->tcp.fd = -1;
}

/* --- TCP: what an answer with TC asks for --- */

static void tcp_end(struct names_link *l)
{
	if (l->tcp.fd < 0)
		return;
	loop_timer_cancel(l->loop, &l->tcp.timer);
	loop_remove(l->loop, &l->tcp.watch);
	fd_done(&l->tcp.fd);
}

/* The engine waits no longer than for UDP, and asks again. */
static void tcp_late(void *arg)
{
	tcp_end(arg);
}

static enum err tcp_step(struct names_link *l)
{
	struct names_tcp *t = &l->tcp;
	size_t len = 0;

	if (t->out_at < t->out_len) {
		TRY(tcp_write(t->fd, span_of(t->out + t->out_at, t->out_len - t->out_at), &len));
		t->out_at += len;
		if (t->out_at == t->out_len)
			TRY(loop_modify(l->loop, &t->watch, LOOP_READ));
		return OK;
	}
	TRY(tcp_read(t->fd, t->in + t->in_len, sizeof(t->in) - t->in_len, &len));
	t->in_len += len;
	struct reader r = reader_of(t->in, t->in_len);
	struct span message = read_span(&r, read_u16(&r));
	if (r.bad)
		return t->in_len < sizeof(t->in) ? OK : ERR_LIMIT;
	l->answer(l->arg, message);
	return ERR_CLOSED;
}

static void tcp_ready(void *arg, uint32_t events)
{
	struct names_link *l = arg;
	(void)events;

	if (tcp_step(l))
		tcp_end(l);
}

static void tcp_send(struct names_link *l, const struct names_send *s)
{
	struct names_tcp *t = &l->tcp;

	if (t->fd >= 0 || s->message.len > sizeof(t->out) - 2 ||
	    tcp_connect(&s->to, NULL, &t->fd)) {
		l->dropped_out++;
		return;
	}
	struct writer w = writer_of(t->out, sizeof(t->out));
	write_u16(&w, (uint16_t)s->message.len);
	write_span(&w, s->message);
	t->out_len = w.pos;
	t->out_at = t->in_len = 0;
	loop_timer_init(&t->timer, tcp_late, l);
	loop_timer_set_after(l->loop, &t->timer, TCP_MS);
	if (loop_add(l->loop, &t->watch, t->fd, LOOP_WRITE, tcp_ready, l))
		tcp_end(l);
}

/* --- UDP --- */

static void socket_close(struct names_link *l)
{
	if (l->fd < 0)
		return;
	loop_remove(l->loop, &l->watch);
	fd_done(&l->fd);
}

static void ready(void *arg, uint32_t events)
{
	struct names_link *l = arg;
	uint8_t buf[4096];
	(void)events;

	for (unsigned i = 0; i < ANSWERS_TURN; i++) {
		size_t len = 0;
		/* ECONNREFUSED: nobody is there; the engine's time for an answer passes. */
		if (udp_read(l->fd, buf, sizeof(buf), &len) || len == 0)
			return;
		if (len <= sizeof(buf))
			l->answer(l->arg, span_of(buf, len));
	}
}

/* Connected: the kernel passes only what the server sends. */
static bool socket_open(struct names_link *l)
{
	if (l->fd >= 0)
		return true;
	if (udp_connect(&l->server, NULL, 0, &l->fd))
		return false;
	if (loop_add(l->loop, &l->watch, l->fd, LOOP_READ, ready, l)) {
		fd_done(&l->fd);
		return false;
	}
	return true;
}

void names_link_send(struct names_link *l, const struct names_send *s)
{
	if (s->tcp)
		tcp_send(l, s);
	else if (!socket_open(l) || udp_write(l->fd, s->message))
		l->dropped_out++;
}

void names_link_set(struct names_link *l, struct loop *loop, const struct ip_endpoint *server)
{
	names_link_close(l);
	l->loop = loop;
	l->server = *server;
}

void names_link_close(struct names_link *l)
{
	socket_close(l);
	tcp_end(l);
}
