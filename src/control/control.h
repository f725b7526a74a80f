/* The control socket of a service: HTTP/1.1 with JSON on a unix socket, in the main thread's loop.
 * Knows no service: verbs, status and metrics are the caller's functions. */
#ifndef CONTROL_CONTROL_H
#define CONTROL_CONTROL_H

#include "base/err.h"
#include "base/span.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct loop;
struct writer;
struct control;	      /* the server */
struct control_reply; /* an answer that is still owed; lives until it is given */
struct control_stream;

#define CONTROL_CLIENTS_MAX 32
#define CONTROL_BODY_MAX    (1 << 20) /* bytes of a request's body */
#define CONTROL_FINISH_MS   1000 /* for who is owed an answer, or has connected and not asked */
#define CONTROL_STREAM_BUFFER                                                                      \
	(1 << 20) /* bytes that wait for a slow reader; then it is cut off                         \
		   */

struct control_request {
	const char *method, *path; /* path: decoded, without the query */
	json_t *query;		   /* object of decoded texts; borrowed; never NULL */
	json_t *body;		   /* borrowed; NULL when there was none */
	unsigned uid;		   /* of the process at the other end */
};

/* The decoded value of a query parameter, or NULL. */
const char *control_request_query(const struct control_request *req, const char *name);

/* A verb gives its answer now, or keeps `reply` and gives it later, exactly once, from the thread
 * of the loop. That the client has gone meanwhile is no error: the answer is dropped. */
struct control_verb {
	const char *method, *path; /* path: exact */
	const char *help;	   /* one line */
	void (*handle)(void *arg, const struct control_request *req, struct control_reply *reply);
};

struct control_face {
	const char *service;
	const struct control_verb *verbs;
	size_t verbs_n;
	json_t *(*status)(void *arg);			 /* a new object; GET /status; NULL: none */
	void (*metrics)(void *arg, struct writer *text); /* Prometheus text; NULL: none */
	void (*reload)(void *arg, struct control_reply *r); /* POST /reload; NULL: not offered */
	/* Somebody is about to see past events: what was held back is to be told by
	 * control_event_at now. NULL: nothing ever is. */
	void (*catch_up)(void *arg);
	void *arg;
};

/* Serves the listening unix socket fd (owned from here on) in loop. Built in: GET / (the list of
 * verbs), /status, /metrics, /events (NDJSON), POST /reload. face: borrowed, with its arrays. */
MUST enum err control_new(struct loop *loop, int fd, const struct control_face *face,
			  struct control **ret);
/* Accepts nobody any more: who connects from here on waits in the socket, for whoever holds it too.
 * Who was accepted gets the answer to what it asks within CONTROL_FINISH_MS; streams end at
 * control_free. Then calls finished(arg) from the loop, once; the caller goes on turning it until
 * then. */
void control_finish(struct control *c, void (*finished)(void *arg), void *arg);
/* Ends all conversations and closes the socket. Replies still owed become no-ops that the keeper
 * must nevertheless give before control_free of their owner's memory. */
void control_free(struct control *c);

/* body is taken. status: an HTTP status code. */
void control_reply_json(struct control_reply *reply, int status, json_t *body);
/* {"error": text} */
void control_reply_error(struct control_reply *reply, int status, const char *text);
void control_reply_text(struct control_reply *reply, int status, const char *content_type,
			struct span text);

/* Answers 200 with an NDJSON stream. closed(arg): called once when the client goes away first; the
 * stream is then only to be ended. */
struct control_stream *control_reply_stream(struct control_reply *reply, void (*closed)(void *arg),
					    void *arg);
/* One line; object is taken. False: the client has gone or reads too slowly; nothing more will go
 * out. */
bool control_stream_write(struct control_stream *s, json_t *object);
/* The end; s is gone. */
void control_stream_end(struct control_stream *s);

/* Tells every reader of /events: {"event": name, "service": …, "time": RFC 3339, fields…}. fields
 * is taken, may be NULL. The last 256 events are kept for readers that come later (GET
 * /events?last=N). */
void control_event(struct control *c, const char *name, json_t *fields);
/* The same of a moment that has passed. time_ms: since 1970. */
void control_event_at(struct control *c, uint64_t time_ms, const char *name, json_t *fields);
/* Whether anybody reads /events now. What happens as often as packets come may be held back while
 * nobody does, and told at once when somebody comes (catch_up). */
bool control_events_read(const struct control *c);

#endif
