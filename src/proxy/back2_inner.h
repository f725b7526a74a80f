/* What the files of an HTTP/2 back share. Knows what back2.h knows; nobody else includes it. */
#ifndef PROXY_BACK2_INNER_H
#define PROXY_BACK2_INNER_H

#include "proxy/back2.h"
#include "proxy/chain2.h"
#include "proxy/deadline.h"
#include "proxy/exchange.h"
#include "proxy/hop.h"
#include "proxy/later.h"
#include "proxy/share2.h"
#include "proxy/worker.h"

struct back2_stream;

struct proxy_back2 {
	struct proxy_worker *w;
	struct proxy_share2 *share;
	struct proxy_hop *hop;
	struct proxy_transport *t;
	struct http2_session *s;		     /* NULL while connecting */
	struct proxy_back2 *next, *previous;	     /* of the hop's */
	struct proxy_back2 *all_next, *all_previous; /* of the share's */
	struct proxy_deadline deadline;
	struct proxy_later later;
	struct proxy_chain2 out;
	/* All, also those that wait for the connection; the oldest first. */
	struct back2_stream *streams, *streams_last;
	struct back2_stream *todo, **todo_end;
	struct ip_endpoint to; /* of several addresses the first, until one took it */
	uint64_t read_ms;      /* when the back end last said something */
	uint32_t streams_n;
	uint32_t requests; /* streams so far, those that wait too */
	uint32_t opened_n; /* streams so far that did not wait any more */
	uint64_t reads;	   /* that brought something */
	bool raced;	   /* it began to several */
	bool settled;	   /* the back end's SETTINGS are there */
	bool requests_sent;
	bool closing; /* takes no new streams */
	bool asked;   /* a PING is out */
	bool lives;   /* it answered one, and said nothing of a stream since */
	uint8_t why;  /* enum proxy_cause: of the end, when more is known than that it came */
	bool receiving, turning, gone;
};

struct back2_stream {
	struct proxy_back back; /* first */
	struct proxy_back2 *b;
	struct proxy_exchange *x;	      /* NULL: over */
	struct back2_stream *next, *previous; /* of the connection's */
	struct back2_stream *todo_next;
	uint32_t id;		/* 0: the session does not know it */
	uint32_t code;		/* how it was closed */
	struct proxy_chain2 in; /* of the answer's body, not taken by the exchange */
	struct span offer;	/* of the request's body, while the exchange offers it */
	uint64_t heard;		/* the connection's reads when the request was sent */
	bool queued;
	bool opened;		/* x was told */
	bool head_in;		/* the answer's final head came */
	bool in_ended, in_told; /* the answer's end came; and x has it */
	bool pushing, flush;
	bool held, wanted; /* as a front's stream */
	bool end, end_sent;
	bool closed;  /* by the session, with `code` */
	bool refused; /* x does not want the answer */
	bool broken;
};

extern const struct proxy_back_ops back2_ops;

void back2_queue(struct back2_stream *st);
void back2_act(struct back2_stream *st);
void back2_push(struct back2_stream *st);
void back2_compose(struct proxy_back2 *b);
struct back2_stream *back2_stream_new(struct proxy_back2 *b, struct proxy_exchange *x);
void back2_stream_free(struct back2_stream *st);
/* Why a stream fails whose connection is lost. */
enum proxy_cause back2_torn_cause(const struct back2_stream *st);

/* Events of the session. */
void back2_on_response(void *of, void *stream, const struct http2_head *head);
void back2_on_data(void *of, void *stream, struct span data);
void back2_on_end(void *of, void *stream, const struct http2_head *trailers);
void back2_on_closed(void *of, void *stream, uint32_t code);
struct http2_body back2_on_body(void *of, void *stream, size_t max);
void back2_on_body_copy(void *of, void *stream, uint8_t *to, size_t len);

#endif
