#include "fetch/connection.h"

#include "crypto/tls.h"
#include "os/fd.h"
#include "os/tcp.h"

void fetch_connection_init(struct fetch_connection *c, struct loop *loop,
			   fetch_connection_call *call, void *arg)
{
	*c = (struct fetch_connection){.loop = loop, .call = call, .arg = arg, .fd = -1};
}

static void ready(void *arg, uint32_t events)
{
	struct fetch_connection *c = arg;
	(void)events;
	c->call(c->arg);
}

enum err fetch_connection_begin(struct fetch_connection *c, const struct ip_endpoint *to,
				struct tls_peer *peer)
{
	ASSERT(c->fd < 0);
	c->peer = peer;
	TRY(tcp_connect(to, NULL, &c->fd));
	c->events = LOOP_WRITE;
	enum err e = loop_add(c->loop, &c->watch, c->fd, c->events, ready, c);
	if (e)
		fd_done(&c->fd);
	return e;
}

static enum err want(struct fetch_connection *c, uint32_t events)
{
	if (events == c->events)
		return OK;
	c->events = events;
	return loop_modify(c->loop, &c->watch, events);
}

static enum err wire_receive(void *arg, void *buf, size_t size, size_t *ret_len)
{
	const struct fetch_connection *c = arg;
	return tcp_read(c->fd, buf, size, ret_len);
}

static enum err wire_send(void *arg, struct span bytes, size_t *ret_len)
{
	const struct fetch_connection *c = arg;
	return tcp_write(c->fd, bytes, ret_len);
}

enum err fetch_connection_open(struct fetch_connection *c, bool *ret_open)
{
	const struct tls_wire wire = {wire_receive, wire_send, c};
	if (!c->connected) {
		TRY(tcp_connect_result(c->fd));
		c->connected = true;
		if (c->peer)
			TRY(tls_stream_connect(c->peer, &wire, &c->tls));
	}
	if (c->tls && !tls_is_open(c->tls))
		TRY(tls_handshake(c->tls));
	*ret_open = !c->tls || tls_is_open(c->tls);
	return *ret_open ? OK : want(c, tls_wants_room(c->tls) ? LOOP_WRITE : LOOP_READ);
}

enum err fetch_connection_read(struct fetch_connection *c, void *buf, size_t size, size_t *ret_len)
{
	return c->tls ? tls_read(c->tls, buf, size, ret_len) : tcp_read(c->fd, buf, size, ret_len);
}

enum err fetch_connection_write(struct fetch_connection *c, struct span bytes, size_t *ret_len)
{
	return c->tls ? tls_write_some(c->tls, bytes, ret_len) : tcp_write(c->fd, bytes, ret_len);
}

enum err fetch_connection_wait(struct fetch_connection *c, bool for_room)
{
	bool room = for_room || (c->tls && tls_wants_room(c->tls));
	return want(c, room ? LOOP_READ | LOOP_WRITE : LOOP_READ);
}

const char *fetch_connection_fault(const struct fetch_connection *c)
{
	return c->tls ? tls_fault(c->tls) : "";
}

bool fetch_connection_said_end(const struct fetch_connection *c)
{
	/* RFC 8446 6.1: an end without close_notify may be an attacker's. */
	return !c->tls || !*tls_fault(c->tls);
}

void fetch_connection_close(struct fetch_connection *c)
{
	tls_stream_free(TAKE(c->tls));
	if (c->loop)
		loop_remove(c->loop, &c->watch);
	if (c->loop)
		fd_done(&c->fd);
	c->connected = false;
}
