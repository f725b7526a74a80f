/* What the files of an HTTP/2 front share. Knows what front2.h knows; nobody else includes it. */
#ifndef PROXY_FRONT2_INNER_H
#define PROXY_FRONT2_INNER_H

#include "proxy/chain2.h"
#include "proxy/deadline.h"
#include "proxy/exchange.h"
#include "proxy/face.h"
#include "proxy/front2.h"
#include "proxy/later.h"
#include "proxy/share2.h"
#include "proxy/worker.h"

struct front2_stream;

struct proxy_front2 {
	struct proxy_worker *w;
	struct proxy_share2 *share;
	struct proxy_connection c;
	struct proxy_transport *t;
	struct http2_session *s;
	struct proxy_front2 *next, *previous; /* of the share's */
	struct proxy_deadline deadline;
	struct proxy_later later;
	struct proxy_chain2 out;		/* composed, not written */
	struct front2_stream *streams;		/* all */
	struct front2_stream *todo, **todo_end; /* something happened to them */
	uint32_t head_ms, idle_ms, head_max, requests_max;
	uint8_t drain; /* enum front2_drain */
	uint8_t wait;  /* enum front2_wait, of the deadline; and what c.exchanges was then */
	uint32_t wait_exchanges;
	bool receiving; /* within http2_session_receive: nothing is composed */
	bool turning;
	bool gone; /* the transport ended, or broke */
};

enum front2_drain { FRONT2_SERVING, FRONT2_NOTICE, FRONT2_LAST };

enum front2_wait {
	FRONT2_WAIT_NONE,
	FRONT2_WAIT_STREAMS,
	FRONT2_WAIT_IDLE,
	FRONT2_WAIT_HEAD,
	FRONT2_WAIT_NOTICE,
	FRONT2_WAIT_LAST,
};

struct front2_stream {
	struct proxy_front front; /* first */
	struct proxy_front2 *f;
	struct proxy_exchange *x;	       /* NULL: over, or there never was one */
	struct front2_stream *next, *previous; /* of the connection's */
	struct front2_stream *todo_next;
	uint32_t id;		/* 0: the session knows it no more */
	uint32_t code;		/* with id 0: how it was closed */
	struct proxy_chain2 in; /* of the request's body, not taken by the back */
	struct span offer;	/* of the answer's body, while the back offers it */
	bool queued;		/* in todo */
	bool begun;		/* x was told */
	bool in_ended, in_told; /* the request's end came; and x knows */
	bool pushing;		/* within front2_push */
	bool flush;		/* the back has bytes of this turn */
	bool held;		/* the back offered more than we took */
	bool wanted;		/* and now we could take some */
	bool end;		/* nothing follows the offer */
	bool end_sent;		/* composed */
	bool tunnel;		/* extended CONNECT, or CONNECT */
	bool broken;		/* it cannot go on */
	bool unwanted;		/* the rest of a request that was answered without an exchange */
	bool deaf; /* the answer's body is dropped: it is none that a tunnel may have */
};

extern const struct proxy_front_ops front2_ops;

/* Looks at the stream in the turn that runs, or in a later one. */
void front2_queue(struct front2_stream *st);
/* Does what is to be done for it; may free it. */
void front2_act(struct front2_stream *st);
/* Offers what is held of the request's body. */
void front2_push(struct front2_stream *st);
void front2_stream_free(struct front2_stream *st);
/* Frames into f->out, as many as there is room for. */
void front2_compose(struct proxy_front2 *f);

/* Events of the session. */
void *front2_on_request(void *of, uint32_t id, const struct http2_head *head);
void front2_on_data(void *of, void *stream, struct span data);
void front2_on_end(void *of, void *stream, const struct http2_head *trailers);
void front2_on_closed(void *of, void *stream, uint32_t code);
struct http2_body front2_on_body(void *of, void *stream, size_t max);
void front2_on_body_copy(void *of, void *stream, uint8_t *to, size_t len);

#endif
