#include "fetch/fetch.h"

#include "base/writer.h"
#include "crypto/tls.h"
#include "fetch/dial.h"
#include "fetch/incoming.h"
#include "fetch/url.h"

#include <stdio.h>
#include <stdlib.h>

enum {
	OUT_MORE = 1024, /* of a question beside what its caller gives */
	BODY_FIRST = 4096,
	READS_A_TURN = 16, /* others have their turn as well */
};

struct fetch_work {
	struct fetch *of;	 /* borrowed */
	struct fetch_question q; /* fields, body and type: only until the question is written */
	struct fetch_url url;
	struct fetch_dial dial;
	struct fetch_incoming incoming;
	struct loop_timer timer; /* the end of patience */
	struct loop_timer again; /* more waits to be read */
	uint64_t until_ms;
	unsigned redirects;
	bool moved;	/* the answer is a redirect, and url is where it leads */
	bool outside;	/* it came from an address outside: no redirect leads inside any more */
	bool told;	/* the sink has something */
	enum err spoke; /* why the last that was open failed; OK: none was */
	struct ip_endpoint resolvers[FETCH_RESOLVERS_MAX];
	uint8_t *fields; /* owned */
	uint8_t *out;	 /* owned */
	size_t out_len, out_at;
	uint8_t *body; /* owned */
	size_t body_len, body_room;
	size_t in_len;
	uint8_t in[FETCH_HEAD_MAX];
};

/* --- the end --- */

static void work_stop(struct fetch_work *w)
{
	fetch_dial_stop(&w->dial);
	loop_timer_cancel(w->of->loop, &w->timer);
	loop_timer_cancel(w->of->loop, &w->again);
}

static void work_free(struct fetch_work *w)
{
	if (!w)
		return;
	fetch_incoming_done(&w->incoming);
	free(w->fields);
	free(w->out);
	free(w->body);
	free(w);
}

void fetch_stop(struct fetch *f)
{
	struct fetch_work *w = TAKE(f->work);
	if (w)
		work_stop(w);
	work_free(w);
}

static void fault_set(struct fetch *f, const char *text)
{
	(void)span_to_cstr(span_sub(span_text(text), 0, sizeof(f->fault) - 1), f->fault,
			   sizeof(f->fault));
}

/* The answer lies in what is freed behind the call, which may ask anew. */
static void over(struct fetch_work *w, const struct fetch_answer *answer, enum err why)
{
	struct fetch *f = w->of;
	f->work = NULL;
	work_stop(w);
	f->done(f->arg, answer, why);
	work_free(w);
}

static void failed(struct fetch_work *w, enum err why)
{
	loop_timer_cancel(w->of->loop, &w->timer);
	loop_timer_cancel(w->of->loop, &w->again);
	if (*fetch_connection_fault(&w->dial.connection))
		fault_set(w->of, fetch_connection_fault(&w->dial.connection));
	w->spoke = why;
	if (w->q.every_address && !w->told)
		fetch_dial_next(&w->dial, why);
	else
		over(w, NULL, why);
}

/* --- the answer --- */

static bool is_redirect(unsigned status)
{
	return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

static enum err take_head(void *arg, const struct http_response *r)
{
	struct fetch_work *w = arg;
	const struct http_field *to = http_head_find(&r->head, "Location");
	bool follows = w->q.redirects_max && strcmp(w->q.method, "POST") != 0;
	if (follows && to && is_redirect(r->status)) {
		if (w->redirects++ >= w->q.redirects_max) {
			fault_set(w->of, "too many redirects");
			return ERR_LIMIT;
		}
		enum err e = fetch_url_follow(&w->url, to->value, &w->url);
		if (e)
			fault_set(w->of, e == ERR_REFUSED ? "a redirect leads away from https"
							  : "a redirect leads nowhere");
		w->moved = !e;
		w->outside = w->outside || !fetch_dial_is_inside(&w->dial);
		return e;
	}
	if (!w->q.only_200 || r->status == 200)
		return OK;
	(void)snprintf(w->of->fault, sizeof(w->of->fault), "the server's answer is %u %s",
		       (unsigned)r->status, http_reason(r->status));
	return ERR_REFUSED;
}

static enum err keep(struct fetch_work *w, struct span piece)
{
	size_t room = w->body_room ? w->body_room : BODY_FIRST;
	while (room - w->body_len < piece.len)
		room *= 2;
	if (room != w->body_room) {
		uint8_t *body = realloc(w->body, room);
		if (!body)
			return ENOMEM;
		w->body = body;
		w->body_room = room;
	}
	memcpy(w->body + w->body_len, piece.data, piece.len);
	w->body_len += piece.len;
	return OK;
}

static enum err take_body(void *arg, struct span piece)
{
	struct fetch_work *w = arg;
	if (w->moved)
		return OK;
	if (!w->of->sink)
		return keep(w, piece);
	if (w->incoming.response.status != 200)
		return OK;
	w->told = true;
	return w->of->sink(w->of->arg, piece);
}

static enum err begin(struct fetch_work *w);

/* The answer is there. */
static void finish(struct fetch_work *w)
{
	const struct fetch_answer answer = {&w->incoming.response, span_of(w->body, w->body_len)};
	if (!w->moved) {
		over(w, &answer, OK);
		return;
	}
	loop_timer_cancel(w->of->loop, &w->timer);
	loop_timer_cancel(w->of->loop, &w->again);
	enum err e = begin(w);
	if (e)
		over(w, NULL, e);
}

/* --- the connection --- */

static void idle_set(struct fetch_work *w)
{
	uint64_t at_ms = loop_now_ms(w->of->loop) + w->q.idle_ms;
	loop_timer_set(w->of->loop, &w->timer, at_ms < w->until_ms ? at_ms : w->until_ms);
}

static void late(void *arg)
{
	failed(arg, (enum err)ETIMEDOUT);
}

/* *ret_over: nothing more is to be read. */
static enum err read_some(struct fetch_work *w, size_t *ret_len, bool *ret_over)
{
	struct fetch_connection *c = &w->dial.connection;
	size_t used = 0;
	*ret_len = 0;
	if (w->in_len == sizeof(w->in))
		return ERR_LIMIT;
	enum err e =
		fetch_connection_read(c, w->in + w->in_len, sizeof(w->in) - w->in_len, ret_len);
	if (e == ERR_CLOSED) {
		*ret_over = true;
		return fetch_incoming_end(&w->incoming, fetch_connection_said_end(c));
	}
	TRY(e);
	if (!*ret_len)
		return OK;
	w->in_len += *ret_len;
	TRY(fetch_incoming_take(&w->incoming, span_of(w->in, w->in_len), &used, ret_over));
	memmove(w->in, w->in + used, w->in_len - used);
	w->in_len -= used;
	*ret_over = *ret_over || w->moved;
	return OK;
}

static void read_all(struct fetch_work *w)
{
	size_t len = 1;
	bool ended = false;
	for (unsigned i = 0; len && i < READS_A_TURN; i++) {
		enum err e = read_some(w, &len, &ended);
		if (e) {
			failed(w, e);
			return;
		}
		if (ended) {
			finish(w);
			return;
		}
		if (len)
			idle_set(w);
	}
	if (len)
		loop_timer_set_after(w->of->loop, &w->again, 0);
}

static enum err write_all(struct fetch_work *w)
{
	struct fetch_connection *c = &w->dial.connection;
	size_t len = 1;
	while (len && w->out_at < w->out_len) {
		TRY(fetch_connection_write(c, span_of(w->out + w->out_at, w->out_len - w->out_at),
					   &len));
		w->out_at += len;
		if (len)
			idle_set(w);
	}
	return fetch_connection_wait(c, w->out_at < w->out_len);
}

static void go_on(void *arg)
{
	struct fetch_work *w = arg;
	enum err e = write_all(w);
	/* A server that has answered need not take all of a question. */
	if (e != ERR_CLOSED && e)
		failed(w, e);
	else
		read_all(w);
}

static void dialled(void *arg, enum err why)
{
	struct fetch_work *w = arg;
	if (why) {
		/* What a server said tells more than that another one is not there. */
		if (*w->dial.fault && !w->spoke)
			fault_set(w->of, w->dial.fault);
		over(w, NULL, w->spoke ? w->spoke : why);
		return;
	}
	fetch_incoming_done(&w->incoming);
	w->incoming = (struct fetch_incoming){.taker = {take_head, take_body, w},
					      .method = w->q.method,
					      .gzip = w->q.gzip,
					      .body_max = w->q.body_max};
	w->in_len = w->out_at = w->body_len = 0;
	w->dial.connection.call = go_on;
	w->dial.connection.arg = w;
	idle_set(w);
	go_on(w);
}

/* --- the question --- */

static enum err write_question(struct fetch_work *w)
{
	const struct fetch_question *q = &w->q;
	size_t size = OUT_MORE + sizeof(w->url.target) + sizeof(w->url.authority) + q->fields.len +
		      q->body.len;
	free(TAKE(w->out));
	w->out = malloc(size);
	if (!w->out)
		return ENOMEM;
	struct writer to = writer_of(w->out, size);
	write_format(&to, "%s %s HTTP/1.1\r\n", q->method, w->url.target);
	http_write_header(&to, "Host", span_text(w->url.authority));
	http_write_header(&to, "User-Agent", span_text(q->agent));
	if (q->gzip)
		http_write_header(&to, "Accept-Encoding", span_text("gzip"));
	write_span(&to, q->fields);
	http_write_header(&to, "Connection", span_text("close"));
	if (q->type) {
		http_write_header(&to, "Content-Type", span_text(q->type));
		write_format(&to, "Content-Length: %zu\r\n", q->body.len);
	}
	write_text(&to, "\r\n");
	if (q->type)
		write_span(&to, q->body);
	w->out_len = to.pos;
	return writer_check(&to);
}

/* The peer of the last question is kept: what its sessions are for. */
static enum err peer_make(struct fetch *f, const struct fetch_url *url)
{
	if (!url->tls)
		return OK;
	if (!f->client)
		return ERR_UNSUPPORTED;
	if (f->peer && strcmp(f->host, url->host) == 0)
		return OK;
	tls_peer_unref(TAKE(f->peer));
	free(TAKE(f->host));
	f->host = strdup(url->host);
	return f->host ? tls_peer_new(f->client, url->host, &f->peer) : (enum err)ENOMEM;
}

static enum err begin(struct fetch_work *w)
{
	struct fetch *f = w->of;
	fetch_dial_stop(&w->dial);
	w->moved = false;
	TRY(peer_make(f, &w->url));
	TRY(write_question(w));
	const struct fetch_dial_to to = {.resolvers = w->q.resolvers,
					 .host = w->url.host,
					 .port = w->url.port,
					 .peer = w->url.tls ? f->peer : NULL,
					 .address_ms = w->q.address_ms,
					 .until_ms = w->until_ms,
					 .outside = w->outside,
					 .may = w->q.may,
					 .may_arg = w->q.may_arg};
	return fetch_dial(&w->dial, &to);
}

/* What a redirect asks with again. */
static enum err copies_make(struct fetch_work *w)
{
	struct fetch_question *q = &w->q;
	for (size_t i = 0; i < q->resolvers.n; i++)
		w->resolvers[i] = q->resolvers.items[i];
	q->resolvers.items = w->resolvers;
	w->fields = malloc(q->fields.len + 1);
	if (!w->fields)
		return ENOMEM;
	if (q->fields.len)
		memcpy(w->fields, q->fields.data, q->fields.len);
	q->fields.data = w->fields;
	return OK;
}

static enum err work_new(struct fetch *f, const struct fetch_question *q, struct fetch_work **ret)
{
	struct fetch_work *w = calloc(1, sizeof(*w));
	if (!w)
		return ENOMEM;
	w->of = f;
	w->q = *q;
	if (!f->sink && w->q.body_max > FETCH_BODY_MAX)
		w->q.body_max = FETCH_BODY_MAX;
	w->until_ms = loop_now_ms(f->loop) + q->total_ms;
	fetch_dial_init(&w->dial, f->loop, dialled, w);
	loop_timer_init(&w->timer, late, w);
	loop_timer_init(&w->again, go_on, w);
	enum err e = fetch_url_read(span_text(q->url), &w->url);
	if (!e)
		e = copies_make(w);
	if (!e)
		e = begin(w);
	if (e) {
		work_stop(w);
		work_free(w);
		return e;
	}
	w->q.body = (struct span){0}; /* it is written; a redirect has none */
	w->q.type = w->q.url = NULL;
	*ret = w;
	return OK;
}

enum err fetch_ask(struct fetch *f, const struct fetch_question *q)
{
	ASSERT(q->resolvers.n <= FETCH_RESOLVERS_MAX);
	if (f->work)
		return ERR_EXISTS;
	f->fault[0] = '\0';
	return work_new(f, q, &f->work);
}

void fetch_init(struct fetch *f, struct loop *loop, fetch_done *done, void *arg)
{
	*f = (struct fetch){.loop = loop, .done = done, .arg = arg};
}

void fetch_trust(struct fetch *f, struct tls_client *client)
{
	fetch_stop(f);
	tls_peer_unref(TAKE(f->peer));
	free(TAKE(f->host));
	tls_client_unref(f->client);
	f->client = client ? tls_client_ref(client) : NULL;
}

void fetch_free(struct fetch *f)
{
	fetch_stop(f);
	tls_peer_unref(TAKE(f->peer));
	free(TAKE(f->host));
	tls_client_unref(TAKE(f->client));
}
