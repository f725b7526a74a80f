#include "service/reverse-proxy/io_acme_https.h"

#include "base/writer.h"
#include "crypto/tls.h"
#include "os/fd.h"
#include "os/tcp.h"
#include "proto/http/whole.h"

#include <stdlib.h>

enum {
	PORT = 443,
	ADDRESS_MS = 8000, /* of each but the last address */
	IN_FIRST = 16 * 1024,
	IN_MAX = ACME_HTTPS_HEAD_MAX + 2 * ACME_ANSWER_MAX, /* a chunked body is longer */
};

/* --- the end --- */

static void connection_close(struct acme_https *h)
{
	if (h->stream)
		(void)span_to_cstr(span_text(tls_fault(h->stream)), h->fault, sizeof(h->fault));
	tls_stream_free(TAKE(h->stream));
	loop_remove(h->loop, &h->watch);
	fd_done(&h->fd);
	h->connected = false;
}

void acme_https_stop(struct acme_https *h)
{
	if (!h->loop)
		return;
	fetch_resolve_stop(&h->resolve);
	connection_close(h);
	loop_timer_cancel(h->loop, &h->timer);
	free(TAKE(h->out));
	free(TAKE(h->in));
	h->out_len = h->out_at = h->in_len = h->in_room = 0;
}

/* The answer may be read until done returns. */
static void over(struct acme_https *h, const struct acme_answer *answer, enum err why)
{
	uint8_t *in = TAKE(h->in);
	acme_https_stop(h);
	h->done(h->arg, answer, why);
	free(in);
}

/* --- the answer --- */

static void tell(struct acme_https *h, const struct http_response *r, struct span body)
{
	struct acme_field fields[HTTP_HEADERS_MAX];
	struct acme_answer answer = {.status = r->status, .fields = fields, .body = body};
	for (size_t i = 0; i < r->head.headers_n; i++)
		fields[answer.fields_n++] =
			(struct acme_field){r->head.headers[i].name, r->head.headers[i].value};
	over(h, &answer, OK);
}

/* ended: the server sends no more. True: it is over, h may run again by now. */
static bool judge(struct acme_https *h, bool ended)
{
	struct http_response r;
	struct span body;
	enum parse p = http_response_whole(h->in, h->in_len, ended,
					   span_text(h->is_head ? "HEAD" : "GET"), &r, &body);
	bool too_long = r.head.len ? r.head.framing == HTTP_BODY_LENGTH &&
					     r.head.content_length > ACME_ANSWER_MAX
				   : h->in_len > ACME_HTTPS_HEAD_MAX;
	if (p == PARSE_MORE && !too_long)
		return false;
	if (p == PARSE_DONE && !too_long)
		tell(h, &r, body);
	else
		over(h, NULL, ended ? ERR_CLOSED : ERR_FORMAT);
	return true;
}

static enum err room_make(struct acme_https *h)
{
	if (h->in_len < h->in_room)
		return OK;
	size_t room = h->in_room ? 2 * h->in_room : IN_FIRST;
	if (h->in_room >= IN_MAX)
		return ERR_LIMIT;
	uint8_t *in = realloc(h->in, room);
	if (!in)
		return ENOMEM;
	h->in = in;
	h->in_room = room;
	return OK;
}

/* --- the connection --- */

static void next_address(struct acme_https *h, enum err why);

/* Judged once for all that has come: who sends by the octet costs no more for it. */
static void read_all(struct acme_https *h)
{
	enum err e = OK;
	size_t from = h->in_len, len = 1;
	while (!e && len) {
		e = room_make(h);
		if (!e)
			e = tls_read(h->stream, h->in + h->in_len, h->in_room - h->in_len, &len);
		h->in_len += e ? 0 : len;
	}
	if ((e == ERR_CLOSED || h->in_len != from) && judge(h, e == ERR_CLOSED))
		return;
	if (e)
		over(h, NULL, e);
}

static enum err write_all(struct acme_https *h)
{
	while (h->out_at < h->out_len) {
		size_t len = 0;
		TRY(tls_write_some(h->stream, span_of(h->out + h->out_at, h->out_len - h->out_at),
				   &len));
		h->out_at += len;
		if (len == 0)
			break;
	}
	return OK;
}

/* From the handshake to the last octet. */
static void go_on(struct acme_https *h)
{
	if (!tls_is_open(h->stream)) {
		enum err e = tls_handshake(h->stream);
		if (e) {
			next_address(h, e);
			return;
		}
	}
	if (tls_is_open(h->stream)) {
		enum err e = write_all(h);
		if (e) {
			over(h, NULL, e);
			return;
		}
	}
	bool waits =
		tls_wants_room(h->stream) || (tls_is_open(h->stream) && h->out_at < h->out_len);
	enum err e = loop_modify(h->loop, &h->watch, LOOP_READ | (waits ? LOOP_WRITE : 0));
	if (e)
		over(h, NULL, e);
	else if (tls_is_open(h->stream))
		read_all(h);
}

static enum err wire_receive(void *arg, void *buf, size_t size, size_t *ret_len)
{
	const struct acme_https *h = arg;
	return tcp_read(h->fd, buf, size, ret_len);
}

static enum err wire_send(void *arg, struct span bytes, size_t *ret_len)
{
	const struct acme_https *h = arg;
	return tcp_write(h->fd, bytes, ret_len);
}

static void ready(void *arg, uint32_t events)
{
	struct acme_https *h = arg;
	(void)events;
	if (!h->connected) {
		const struct tls_wire wire = {.receive = wire_receive, .send = wire_send, .arg = h};
		enum err e = tcp_connect_result(h->fd);
		if (!e)
			e = tls_stream_connect(h->peer, &wire, &h->stream);
		if (e) {
			next_address(h, e);
			return;
		}
		h->connected = true;
	}
	go_on(h);
}

static enum err connect_to(struct acme_https *h, const struct ip_address *address)
{
	const struct ip_endpoint to = {.address = *address, .port = h->port};
	TRY(tcp_connect(&to, NULL, &h->fd));
	enum err e = loop_add(h->loop, &h->watch, h->fd, LOOP_WRITE, ready, h);
	if (e)
		fd_done(&h->fd);
	return e;
}

static void next_address(struct acme_https *h, enum err why)
{
	uint64_t now_ms = loop_now_ms(h->loop);
	connection_close(h);
	h->why = why;
	while (h->at < h->found_n) {
		uint64_t until_ms = h->until_ms;
		enum err e = connect_to(h, &h->found[h->at++]);
		if (e) {
			h->why = e;
			continue;
		}
		if (h->at < h->found_n && now_ms + ADDRESS_MS < until_ms)
			until_ms = now_ms + ADDRESS_MS;
		loop_timer_set(h->loop, &h->timer, until_ms);
		return;
	}
	over(h, NULL, h->why);
}

static void late(void *arg)
{
	struct acme_https *h = arg;
	if (loop_now_ms(h->loop) >= h->until_ms)
		over(h, NULL, (enum err)ETIMEDOUT);
	else if (!h->stream || !tls_is_open(h->stream))
		next_address(h, (enum err)ETIMEDOUT);
	else
		loop_timer_set(h->loop, &h->timer, h->until_ms);
}

static void resolved(void *arg, const struct ip_address *found, size_t n)
{
	struct acme_https *h = arg;
	for (h->found_n = 0; h->found_n < n; h->found_n++)
		h->found[h->found_n] = found[h->found_n];
	h->at = 0;
	next_address(h, ERR_ABSENT);
}

/* --- the question --- */

/* "https://host:port/path" into its parts. */
static enum err url_read(const char *url, char host[ACME_HTTPS_HOST_MAX], uint16_t *ret_port,
			 struct span *ret_authority, const char **ret_path)
{
	static const char scheme[] = "https://";
	if (strncmp(url, scheme, strlen(scheme)) != 0)
		return ERR_FORMAT;
	const char *begin = url + strlen(scheme), *end = begin + strcspn(begin, "/?#");
	struct span authority = span_of(begin, (size_t)(end - begin)), name = authority, digits;
	uint64_t port = PORT;
	bool bracket = name.len && name.data[0] == '[';
	size_t close = bracket ? span_find(name, ']') : 0, colon;
	if (bracket && close == name.len)
		return ERR_FORMAT;
	colon = close + span_find(span_sub(name, close, name.len), ':');
	digits = span_sub(name, colon + 1, name.len);
	if (colon < name.len && (!span_to_u64(digits, UINT16_MAX, &port) || port == 0))
		return ERR_FORMAT;
	name = span_sub(name, 0, colon);
	if (bracket)
		name = span_sub(name, 1, name.len - 2);
	if (name.len == 0 || *end != '/' || !span_to_cstr(name, host, ACME_HTTPS_HOST_MAX))
		return ERR_FORMAT;
	*ret_port = (uint16_t)port;
	*ret_authority = authority;
	*ret_path = end;
	return OK;
}

static enum err question_make(struct acme_https *h, const struct acme_request *r,
			      struct span authority, const char *path)
{
	size_t size = 1024 + authority.len + strlen(path) + r->body.len;
	h->out = malloc(size);
	if (!h->out)
		return ENOMEM;
	struct writer w = writer_of(h->out, size);
	write_format(&w, "%s %s HTTP/1.1\r\n", r->method, path);
	http_write_header(&w, "Host", authority);
	/* RFC 8555 6.1: a User-Agent that names the client. */
	http_write_header(&w, "User-Agent", span_text("gatehouse (ACME)"));
	http_write_header(&w, "Accept-Language", span_text("en"));
	http_write_header(&w, "Connection", span_text("close"));
	if (r->type) {
		http_write_header(&w, "Content-Type", span_text(r->type));
		write_format(&w, "Content-Length: %zu\r\n", r->body.len);
	}
	write_text(&w, "\r\n");
	write_span(&w, r->body);
	h->out_len = w.pos;
	return writer_check(&w);
}

static enum err peer_make(struct acme_https *h, const char *host)
{
	if (h->peer && strcmp(h->host, host) == 0)
		return OK;
	tls_peer_unref(TAKE(h->peer));
	(void)span_to_cstr(span_text(host), h->host, sizeof(h->host));
	return tls_peer_new(h->client, host, &h->peer);
}

enum err acme_https_ask(struct acme_https *h, struct fetch_resolvers resolvers,
			const struct acme_request *request)
{
	char host[ACME_HTTPS_HOST_MAX];
	struct span authority;
	const char *path;
	if (h->out)
		return ERR_EXISTS;
	TRY(url_read(request->url, host, &h->port, &authority, &path));
	TRY(peer_make(h, host));
	enum err e = question_make(h, request, authority, path);
	if (!e)
		e = fetch_resolve(&h->resolve, resolvers, host);
	if (e) {
		free(TAKE(h->out));
		return e;
	}
	h->fault[0] = '\0';
	h->is_head = strcmp(request->method, "HEAD") == 0;
	h->until_ms = loop_now_ms(h->loop) + ACME_HTTPS_MS;
	loop_timer_set(h->loop, &h->timer, h->until_ms);
	return OK;
}

void acme_https_init(struct acme_https *h, struct loop *loop, acme_https_done *done, void *arg)
{
	*h = (struct acme_https){.loop = loop, .done = done, .arg = arg, .fd = -1};
	fetch_resolve_init(&h->resolve, loop, resolved, h);
	loop_timer_init(&h->timer, late, h);
}

void acme_https_trust(struct acme_https *h, struct tls_client *client)
{
	acme_https_stop(h);
	tls_peer_unref(TAKE(h->peer));
	tls_client_unref(h->client);
	h->client = tls_client_ref(client);
}

void acme_https_free(struct acme_https *h)
{
	acme_https_stop(h);
	tls_peer_unref(TAKE(h->peer));
	tls_client_unref(TAKE(h->client));
}
