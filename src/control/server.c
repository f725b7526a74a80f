/* The control socket's server: who is connected, which verb a request means, the verbs that every
 * service has, and the readers of events. */
#include "base/writer.h"
#include "control/connection.h"
#include "os/clock.h"
#include "os/fd.h"
#include "os/log.h"
#include "os/unix.h"

#include <malloc.h>
#include <stdlib.h>
#include <time.h>

enum {
	EVENTS_KEPT = 256,
	METRICS_MAX = 16 << 20, /* thousands of pools; what is not written is no memory */
	QUERY_MAX = 64,		/* parameters of a request */
	TEXT_MAX = 2048,
};

struct event_reader {
	struct control *control; /* borrowed */
	struct control_stream *stream;
	struct event_reader *next, **link;
};

struct control {
	struct loop *loop;		 /* borrowed */
	const struct control_face *face; /* borrowed */
	struct loop_watch watch;
	struct loop_timer accept_again;
	struct loop_timer finish;
	void (*finished)(void *arg); /* NULL: it goes on */
	void *finished_arg;	     /* borrowed from the caller of control_finish */
	int fd;
	struct control_connection *connections;
	size_t connections_n;
	struct event_reader *readers;
	json_t *events[EVENTS_KEPT]; /* a ring */
	size_t events_n;	     /* ever */
};

const char *control_request_query(const struct control_request *req, const char *name)
{
	return json_string_value(json_object_get(req->query, name));
}

/* "a=b&c=d" to an object; NULL when a part cannot be decoded. */
static json_t *query_read(struct span query)
{
	json_t *object = json_object();
	for (size_t n = 0; query.len && n < QUERY_MAX; n++) {
		size_t end = span_find(query, '&');
		struct span part = span_sub(query, 0, end);
		size_t equals = span_find(part, '=');
		char name[64], value[TEXT_MAX];
		if (!http_percent_decode(span_sub(part, 0, equals), true, name, sizeof(name)) ||
		    !http_percent_decode(span_sub(part, equals + 1, part.len), true, value,
					 sizeof(value)) ||
		    json_object_set_new(object, name, json_string(value))) {
			json_decref(object);
			return NULL;
		}
		query = span_sub(query, end + 1, query.len);
	}
	return object;
}

/* --- what every service answers ----------------------------------------------------------------
 */

static void verbs_handle(const struct control *c, struct control_reply *reply)
{
	static const char *const built_in[][3] = {
		{"GET", "/status", "what the service is and how it does"},
		{"GET", "/metrics", "counters as Prometheus text"},
		{"GET", "/events",
		 "events as they happen, one JSON object a line (?last=N: N past ones first)"},
	};
	json_t *list = json_array();
	for (size_t i = 0; i < sizeof(built_in) / sizeof(built_in[0]); i++)
		json_array_append_new(list,
				      json_pack("{s:s,s:s,s:s}", "method", built_in[i][0], "path",
						built_in[i][1], "help", built_in[i][2]));
	if (c->face->reload)
		json_array_append_new(list,
				      json_pack("{s:s,s:s,s:s}", "method", "POST", "path",
						"/reload", "help", "read the configuration anew"));
	for (size_t i = 0; i < c->face->verbs_n; i++)
		json_array_append_new(
			list, json_pack("{s:s,s:s,s:s}", "method", c->face->verbs[i].method, "path",
					c->face->verbs[i].path, "help", c->face->verbs[i].help));
	control_reply_json(reply, 200,
			   json_pack("{s:s,s:o}", "service", c->face->service, "verbs", list));
}

static void metrics_handle(const struct control *c, struct control_reply *reply)
{
	uint8_t *text = malloc(METRICS_MAX);
	if (!text) {
		control_reply_error(reply, 500, "out of memory");
		return;
	}
	struct writer w = writer_of(text, METRICS_MAX);
	c->face->metrics(c->face->arg, &w);
	if (w.bad)
		control_reply_error(reply, 500, "the metrics are larger than their bound");
	else
		control_reply_text(reply, 200, "text/plain; version=0.0.4; charset=utf-8",
				   writer_span(&w));
	free(text);
}

static void reader_gone(void *arg)
{
	struct event_reader *r = arg;
	*r->link = r->next;
	if (r->next)
		r->next->link = r->link;
	control_stream_end(r->stream);
	free(r);
}

static void events_handle(struct control *c, const struct control_request *req,
			  struct control_reply *reply)
{
	uint64_t last = 0;
	const char *text = control_request_query(req, "last");
	if (text && !span_to_u64(span_text(text), EVENTS_KEPT, &last)) {
		control_reply_error(reply, 400, "last: expected a number up to 256");
		return;
	}
	struct event_reader *r = calloc(1, sizeof(*r));
	if (!r) {
		control_reply_error(reply, 500, "out of memory");
		return;
	}
	if (c->face->catch_up)
		c->face->catch_up(c->face->arg);
	r->control = c;
	r->stream = control_reply_stream(reply, reader_gone, r);
	r->next = c->readers;
	r->link = &c->readers;
	if (r->next)
		r->next->link = &r->next;
	c->readers = r;
	size_t kept = c->events_n < EVENTS_KEPT ? c->events_n : EVENTS_KEPT;
	size_t n = last < kept ? (size_t)last : kept;
	for (size_t i = c->events_n - n; i < c->events_n; i++)
		if (!control_stream_write(r->stream, json_incref(c->events[i % EVENTS_KEPT])))
			return;
}

bool control_events_read(const struct control *c)
{
	return c && c->readers;
}

void control_event(struct control *c, const char *name, json_t *fields)
{
	control_event_at(c, clock_wall_ms(), name, fields);
}

void control_event_at(struct control *c, uint64_t now_ms, const char *name, json_t *fields)
{
	if (!c) {
		json_decref(fields);
		return;
	}
	char time[40];
	time_t now_s = (time_t)(now_ms / 1000);
	struct tm tm;
	size_t n =
		gmtime_r(&now_s, &tm) ? strftime(time, sizeof(time), "%Y-%m-%dT%H:%M:%S", &tm) : 0;
	(void)snprintf(time + n, sizeof(time) - n, ".%03uZ", (unsigned)(now_ms % 1000));
	json_t *event = json_pack("{s:s,s:s,s:s}", "time", time, "service", c->face->service,
				  "event", name);
	if (fields)
		json_object_update(event, fields);
	json_decref(fields);
	json_t **slot = &c->events[c->events_n++ % EVENTS_KEPT];
	json_decref(*slot);
	*slot = event;
	for (struct event_reader *r = c->readers; r; r = r->next)
		(void)control_stream_write(r->stream,
					   json_incref(event)); /* a slow one is cut off */
}

/* --- from a request to its verb ----------------------------------------------------------------
 */

static const struct control_verb *verb_find(const struct control *c, const char *path,
					    struct span method, bool *ret_other)
{
	*ret_other = false;
	for (size_t i = 0; i < c->face->verbs_n; i++) {
		const struct control_verb *v = &c->face->verbs[i];
		if (strcmp(v->path, path) != 0)
			continue;
		if (span_is(method, v->method) ||
		    (span_is(method, "HEAD") && strcmp(v->method, "GET") == 0))
			return v;
		*ret_other = true;
	}
	return NULL;
}

/* The verbs that every service has; false: path is none of them. */
static bool built_in(struct control *c, const struct control_request *req, bool get,
		     struct control_reply *reply)
{
	static const char *const paths[] = {"/", "/status", "/metrics", "/events"};
	size_t i = 0;
	while (i < 4 && strcmp(paths[i], req->path) != 0)
		i++;
	bool reload = c->face->reload && strcmp(req->path, "/reload") == 0;
	if ((i == 4 && !reload) || (i == 1 && !c->face->status) || (i == 2 && !c->face->metrics))
		return false;
	if (reload ? strcmp(req->method, "POST") != 0 : !get)
		control_reply_error(reply, 405, reload ? "use POST" : "use GET");
	else if (reload)
		c->face->reload(c->face->arg, reply);
	else if (i == 0)
		verbs_handle(c, reply);
	else if (i == 1)
		control_reply_json(reply, 200, c->face->status(c->face->arg));
	else if (i == 2)
		metrics_handle(c, reply);
	else
		events_handle(c, req, reply);
	return true;
}

static void dispatch(struct control *c, const struct control_connection *x,
		     struct control_request *req, struct control_reply *reply)
{
	bool get = span_is(x->request.method, "GET") || x->head_only;
	bool other;
	if (built_in(c, req, get, reply))
		return;
	const struct control_verb *v = verb_find(c, req->path, x->request.method, &other);
	if (v)
		v->handle(c->face->arg, req, reply);
	else if (other)
		control_reply_error(reply, 405, "this path takes another method; GET / lists them");
	else
		control_reply_error(reply, 404, "no such path; GET / lists them");
}

void control_dispatch(struct control *c, struct control_connection *x, struct control_reply *reply)
{
	struct span path, query;
	char decoded[TEXT_MAX], method[32];
	json_error_t error;
	http_target_split(x->request.target, &path, &query);
	json_t *parameters = query_read(query);
	json_t *body = x->body_len ? json_loadb((const char *)x->body, x->body_len,
						JSON_REJECT_DUPLICATES, &error)
				   : NULL;
	if (!parameters || !http_percent_decode(path, false, decoded, sizeof(decoded)) ||
	    !span_to_cstr(x->request.method, method, sizeof(method)))
		control_reply_error(reply, 400, "the target cannot be decoded");
	else if (x->body_len && !body)
		control_reply_error(reply, 400, "the body is not JSON");
	else {
		struct control_request req = {.method = method,
					      .path = decoded,
					      .query = parameters,
					      .body = body,
					      .uid = x->uid};
		dispatch(c, x, &req, reply);
	}
	json_decref(parameters);
	json_decref(body);
}

/* --- who is connected ---------------------------------------------------------------------------
 */

/* Whether somebody waits for an answer, or may still ask. */
static bool answers_owed(const struct control *c)
{
	for (const struct control_connection *x = c->connections; x; x = x->next)
		if (!x->stream)
			return true;
	return false;
}

void control_forget(struct control *c, struct control_connection *x)
{
	*x->link = x->next;
	if (x->next)
		x->next->link = x->link;
	if (c->connections_n-- == CONTROL_CLIENTS_MAX && !c->finished)
		loop_timer_set_after(c->loop, &c->accept_again, 0);
	if (c->finished && !x->stream && !answers_owed(c))
		loop_timer_set_after(c->loop, &c->finish, 0);
}

static void accept_pause(struct control *c)
{
	loop_remove(c->loop, &c->watch);
}

static void accept_ready(void *arg, uint32_t events)
{
	struct control *c = arg;
	(void)events;
	for (;;) {
		int fd;
		if (c->connections_n == CONTROL_CLIENTS_MAX) {
			accept_pause(c); /* the others wait in the kernel's queue */
			return;
		}
		enum err e = unix_accept(c->fd, &fd);
		if (e == (enum err)EAGAIN)
			return;
		if (e) {
			accept_pause(c);
			loop_timer_set_after(c->loop, &c->accept_again, 1000);
			log_warning("control socket cannot accept", LOG_ERR(e));
			return;
		}
		struct unix_peer peer;
		struct control_connection *x;
		if (unix_peer(fd, &peer)) {
			fd_done(&fd); /* it has gone again */
			continue;
		}
		if (connection_new(c, c->loop, fd, peer.uid, &x))
			continue; /* memory is short; fd is closed */
		x->next = c->connections;
		x->link = &c->connections;
		if (x->next)
			x->next->link = &x->next;
		c->connections = x;
		c->connections_n++;
	}
}

static void accept_resume(void *arg)
{
	struct control *c = arg;
	if (c->watch.added)
		return;
	if (loop_add(c->loop, &c->watch, c->fd, LOOP_READ, accept_ready, c))
		loop_timer_set_after(c->loop, &c->accept_again, 1000);
}

static void finish_over(void *arg)
{
	struct control *c = arg;
	c->finished(c->finished_arg);
}

void control_finish(struct control *c, void (*finished)(void *arg), void *arg)
{
	c->finished = finished;
	c->finished_arg = arg;
	accept_pause(c);
	loop_timer_cancel(c->loop, &c->accept_again);
	/* Whatever an answer does to other connections: each is sought anew. */
	for (struct control_connection *x = c->connections; x;) {
		bool next = x->stream || x->last;
		if (!next)
			connection_finish(x);
		x = next ? x->next : c->connections;
	}
	loop_timer_set_after(c->loop, &c->finish, answers_owed(c) ? CONTROL_FINISH_MS : 0);
}

/* Passwords and keys are asked and answered as JSON: nothing of it outlives its use. */
static void json_free_wiped(void *block)
{
	if (block)
		explicit_bzero(block, malloc_usable_size(block));
	free(block);
}

enum err control_new(struct loop *loop, int fd, const struct control_face *face,
		     struct control **ret)
{
	AUTO_DONE(fd_done) int owned = fd;
	TRY(fd_set_nonblocking(fd, true));
	struct control *c = calloc(1, sizeof(*c));
	if (!c)
		return (enum err)ENOMEM;
	c->loop = loop;
	c->face = face;
	json_set_alloc_funcs(malloc, json_free_wiped);
	loop_timer_init(&c->accept_again, accept_resume, c);
	loop_timer_init(&c->finish, finish_over, c);
	enum err e = loop_add(loop, &c->watch, fd, LOOP_READ, accept_ready, c);
	if (e) {
		free(c);
		return e;
	}
	c->fd = fd_take(&owned);
	*ret = c;
	return OK;
}

void control_free(struct control *c)
{
	if (!c)
		return;
	while (c->connections)
		connection_free(c->connections);
	loop_remove(c->loop, &c->watch);
	loop_timer_cancel(c->loop, &c->accept_again);
	loop_timer_cancel(c->loop, &c->finish);
	fd_done(&c->fd);
	for (size_t i = 0; i < EVENTS_KEPT; i++)
		json_decref(c->events[i]);
	free(c);
}
