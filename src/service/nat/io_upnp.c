/* UPnP's HTTP server: one request a connection, from neighbours only. */
#include "base/writer.h"
#include "crypto/random.h"
#include "os/fd.h"
#include "os/log.h"
#include "os/tcp.h"
#include "proto/http/http1.h"
#include "proto/upnp/soap.h"
#include "service/nat/io_ports.h"

#include <stdio.h>
#include <stdlib.h>

enum {
	HEAD_MAX = 4096,
	IN_MAX = HEAD_MAX + SOAP_BODY_MAX + 1024, /* chunk sizes and their line ends as well */
	OUT_HEAD_MAX = 512,
	LIFE_MS = 10 * 1000,
	EACH_MAX = 4, /* connections of one host */
};

struct upnp_connection {
	struct ports_io *io; /* borrowed */
	struct upnp_connection *next, **link;
	struct loop_watch watch;
	struct loop_timer life;
	int fd;
	struct ip_endpoint client, local;
	struct http_request request; /* spans into in */
	bool has_head, finished;     /* finished: the answer is out, its end is waited for */
	struct http_chunked chunked;
	size_t chunked_at; /* octets of the body that are dealt with */
	size_t in_len, body_len;
	uint8_t in[IN_MAX], body[SOAP_BODY_MAX];
	uint8_t *out; /* owned; NULL until there is an answer */
	size_t out_len, out_at;
};

static void connection_free(struct upnp_connection *x)
{
	struct ports_io *io = x->io;
	*x->link = x->next;
	if (x->next)
		x->next->link = x->link;
	loop_remove(io->loop, &x->watch);
	loop_timer_cancel(io->loop, &x->life);
	fd_done(&x->fd);
	free(x->out);
	free(x);
	if (io->connections_n-- == PORTS_CONNECTIONS_MAX)
		loop_timer_set_after(io->loop, &io->http_again, 0);
}

static void life_over(void *arg)
{
	connection_free(arg);
}

/* --- the answer --- */

static const char *content_type(unsigned status)
{
	return status == 200 || status == 500 ? "text/xml; charset=\"utf-8\"" : NULL;
}

static void answer_write(struct upnp_connection *x, unsigned status, struct span body)
{
	char length[24];
	struct writer w = writer_of(x->out, OUT_HEAD_MAX);
	(void)snprintf(length, sizeof(length), "%zu", body.len);
	http_write_status(&w, status);
	if (content_type(status))
		http_write_header(&w, "Content-Type", span_text(content_type(status)));
	http_write_header(&w, "Content-Length", span_text(length));
	http_write_header(&w, "Connection", span_text("close"));
	http_write_header(&w, "Server", span_text("Linux UPnP/2.0 gatehouse/1"));
	if (status == 405)
		http_write_header(&w, "Allow", span_text("GET, HEAD, POST"));
	write_text(&w, "EXT:\r\n\r\n");
	ASSERT(!w.bad);
	if (!span_is(x->request.method, "HEAD") && body.len) {
		memmove(x->out + w.pos, body.data, body.len);
		w.pos += body.len;
	}
	x->out_len = w.pos;
}

/* The body is made behind the room for the head, and moved up to it. False: no memory. */
static bool answer_make(struct upnp_connection *x, const struct ports_place *place, unsigned status)
{
	struct ports_io *io = x->io;
	uint64_t salt = 0;
	x->out = malloc(OUT_HEAD_MAX + UPNP_BODY_MAX);
	if (!x->out || crypto_random(&salt, sizeof(salt)))
		return false;
	struct writer body = writer_of(x->out + OUT_HEAD_MAX, UPNP_BODY_MAX);
	struct upnp_request req = {.client = x->client,
				   .local = x->local,
				   .zone = place ? place->zone : "",
				   .http = &x->request,
				   .body = span_of(x->body, x->body_len)};
	if (!status && place)
		status = upnp_answer(&io->upnp, loop_now_ms(io->loop), salt | 1, &req, &body);
	ports_io_changed(io);
	answer_write(x, status ? status : 403, writer_span(&body));
	return true;
}

/* False: the connection is at its end. */
static bool send_on(struct upnp_connection *x)
{
	while (x->out_at < x->out_len) {
		size_t n;
		if (tcp_write(x->fd, span_of(x->out + x->out_at, x->out_len - x->out_at), &n))
			return false;
		if (n == 0)
			return loop_modify(x->io->loop, &x->watch, LOOP_WRITE) == OK;
		x->out_at += n;
	}
	/* The client ends first, so that no reset overtakes what is on its way. */
	x->finished = true;
	return tcp_finish(x->fd) == OK && loop_modify(x->io->loop, &x->watch, LOOP_READ) == OK;
}

/* --- the request --- */

static const struct ports_place *place_of(struct ports_io *io, const struct ip_endpoint *client,
					  const struct ip_endpoint *local)
{
	for (size_t i = 0; i < io->places_n && io->conf->upnp; i++)
		if (ip_address_equal(&io->places[i].address, &local->address) &&
		    ports_place_has(&io->places[i], &client->address))
			return &io->places[i];
	return NULL;
}

/* PARSE_DONE: *ret_status 0, or what is wrong with it. */
static enum parse head_read(struct upnp_connection *x, unsigned *ret_status)
{
	struct span in = span_of(x->in, x->in_len);
	enum parse p = http_request_read(in, &x->request);
	*ret_status = 0;
	if (p == PARSE_BAD) {
		*ret_status = x->request.head.fault == HTTP_FAULT_TOO_LARGE ? 431 : 400;
		return PARSE_DONE;
	}
	if (p == PARSE_MORE && x->in_len < HEAD_MAX)
		return PARSE_MORE;
	x->has_head = p == PARSE_DONE;
	if (!x->has_head || x->request.head.len > HEAD_MAX)
		*ret_status = 431;
	else if (x->request.head.framing == HTTP_BODY_LENGTH &&
		 x->request.head.content_length > SOAP_BODY_MAX)
		*ret_status = 413;
	return PARSE_DONE;
}

static enum parse chunks_read(struct upnp_connection *x, unsigned *ret_status)
{
	size_t head = x->request.head.len;
	for (;;) {
		size_t used;
		struct span data, in = span_of(x->in + head + x->chunked_at,
					       x->in_len - head - x->chunked_at);
		enum parse p = http_chunked_read(&x->chunked, in, &used, &data);
		if (p == PARSE_BAD) {
			*ret_status = 400;
			return PARSE_DONE;
		}
		if (data.len > SOAP_BODY_MAX - x->body_len) {
			*ret_status = 413;
			return PARSE_DONE;
		}
		if (data.len)
			memcpy(x->body + x->body_len, data.data, data.len);
		x->body_len += data.len;
		x->chunked_at += used;
		if (p == PARSE_DONE || used == 0)
			return p;
	}
}

static enum parse body_read(struct upnp_connection *x, unsigned *ret_status)
{
	const struct http_head *h = &x->request.head;
	*ret_status = 0;
	if (h->framing == HTTP_BODY_CHUNKED)
		return chunks_read(x, ret_status);
	if (h->framing != HTTP_BODY_LENGTH)
		return PARSE_DONE;
	if (x->in_len - h->len < h->content_length)
		return PARSE_MORE;
	x->body_len = (size_t)h->content_length;
	memcpy(x->body, x->in + h->len, x->body_len);
	return PARSE_DONE;
}

/* RFC 9110 10.1.1. */
static void go_on(const struct upnp_connection *x)
{
	static const char line[] = "HTTP/1.1 100 Continue\r\n\r\n";
	size_t n;
	if (x->request.expect_continue)
		err_ignore(tcp_write(x->fd, span_text(line), &n)); /* it goes on without, too */
}

/* False: the connection is at its end. */
static bool turn(struct upnp_connection *x)
{
	unsigned status = 0;
	enum parse p = PARSE_DONE;
	if (!x->has_head) {
		p = head_read(x, &status);
		if (p == PARSE_DONE && !status)
			go_on(x);
	}
	if (p == PARSE_DONE && !status)
		p = body_read(x, &status);
	if (p == PARSE_MORE && x->in_len < IN_MAX)
		return true;
	if (p == PARSE_MORE)
		status = 413;
	return answer_make(x, place_of(x->io, &x->client, &x->local), status) && send_on(x);
}

static bool read_on(struct upnp_connection *x)
{
	size_t n;
	if (x->finished) { /* what it still says is nothing to us; its end is ours */
		uint8_t rest[512];
		return tcp_read(x->fd, rest, sizeof(rest), &n) == OK;
	}
	if (tcp_read(x->fd, x->in + x->in_len, IN_MAX - x->in_len, &n))
		return false;
	x->in_len += n;
	return n == 0 || turn(x);
}

static void ready(void *arg, uint32_t events)
{
	struct upnp_connection *x = arg;
	(void)events;
	if (!(x->out && !x->finished ? send_on(x) : read_on(x)))
		connection_free(x);
}

/* --- who is connected --- */

static size_t connections_of(const struct ports_io *io, const struct ip_address *host)
{
	size_t n = 0;
	for (const struct upnp_connection *x = io->connections; x; x = x->next)
		n += ip_address_equal(&x->client.address, host);
	return n;
}

/* Takes fd. */
static void connection_new(struct ports_io *io, int fd, const struct ip_endpoint *client,
			   const struct ip_endpoint *local)
{
	AUTO_DONE(fd_done) int owned = fd;
	struct upnp_connection *x = calloc(1, sizeof(*x));
	if (!x)
		return;
	x->io = io;
	x->client = *client;
	x->local = *local;
	if (loop_add(io->loop, &x->watch, fd, LOOP_READ, ready, x)) {
		free(x);
		return;
	}
	x->fd = fd_take(&owned);
	x->next = io->connections;
	x->link = &io->connections;
	if (x->next)
		x->next->link = &x->next;
	io->connections = x;
	io->connections_n++;
	loop_timer_init(&x->life, life_over, x);
	loop_timer_set_after(io->loop, &x->life, LIFE_MS);
}

static void accept_ready(void *arg, uint32_t events)
{
	struct ports_io *io = arg;
	(void)events;
	while (io->connections_n < PORTS_CONNECTIONS_MAX) {
		struct ip_endpoint client, local;
		int fd;
		enum err e = tcp_accept(io->http_fd, &fd, &client, &local);
		if (e == (enum err)EAGAIN)
			return;
		if (e) {
			loop_remove(io->loop, &io->http_watch);
			loop_timer_set_after(io->loop, &io->http_again, 1000);
			log_warning("UPnP cannot accept", LOG_ERR(e));
			return;
		}
		if (place_of(io, &client, &local) &&
		    connections_of(io, &client.address) < EACH_MAX) {
			connection_new(io, fd, &client, &local);
			continue;
		}
		io->strangers++;
		err_ignore(tcp_reset_on_close(fd)); /* else it is closed in another manner */
		fd_done(&fd);
	}
	loop_remove(io->loop, &io->http_watch); /* the others wait in the kernel's queue */
}

static void accept_again(void *arg)
{
	struct ports_io *io = arg;
	if (!io->http_watch.added &&
	    loop_add(io->loop, &io->http_watch, io->http_fd, LOOP_READ, accept_ready, io))
		loop_timer_set_after(io->loop, &io->http_again, 1000);
}

enum err ports_http_begin(struct ports_io *io)
{
	loop_timer_init(&io->http_again, accept_again, io);
	if (io->http_fd < 0)
		return OK;
	return loop_add(io->loop, &io->http_watch, io->http_fd, LOOP_READ, accept_ready, io);
}

void ports_http_done(struct ports_io *io)
{
	while (io->connections)
		connection_free(io->connections);
	loop_remove(io->loop, &io->http_watch);
	loop_timer_cancel(io->loop, &io->http_again);
}
