/* One request and its answer: where it stands, what it may take, its two ends, and what becomes of
 * it. Knows no HTTP version, no transport, no route.
 *
 *	front: proxy_exchange_begin -> face.request -> verdict
 *	  FORWARD: face.pick -> hop -> back.head, back.body … -> proxy_exchange_response
 *	           -> face.response -> filters -> front.head, front.body … -> face.done
 *	  ANSWER, FILE, SOURCE: front.head, front.body … -> face.done
 *	  WAIT: nothing until proxy_exchange_resume, which asks the face again
 */
#ifndef PROXY_EXCHANGE_H
#define PROXY_EXCHANGE_H

#include "proto/ip/address.h"
#include "proxy/chain2.h"
#include "proxy/deadline.h"
#include "proxy/end.h"
#include "proxy/head.h"
#include "proxy/later.h"

struct proxy_worker;
struct proxy_connection;
struct proxy_hop;
struct proxy_filter;
struct proxy_buffer;
struct proxy_source;
struct proxy_splice;
struct proxy_relay;
struct proxy_pace;

/* What the service allows an exchange; immutable, borrowed from its snapshot for the exchange's
 * life. Times in ms, 0: no limit. */
struct proxy_limits {
	uint32_t wait_ms;	   /* in WAIT: a queue, an authentication */
	uint32_t first_byte_ms;	   /* from the request's end to the answer's head */
	uint32_t back_body_ms;	   /* the answer's body stands still */
	uint32_t client_body_ms;   /* the request's body stands still */
	uint32_t client_read_ms;   /* the client takes nothing of the answer */
	uint32_t client_rate_min;  /* bytes/s of a request's body after client_body_ms; 0: any */
	uint32_t tunnel_ms;	   /* a tunnel stands still in both directions */
	uint32_t first_bytes_ms;   /* from a tunnel's first byte until face.first_bytes is sure */
	uint32_t whole_ms;	   /* from the head to the end; not tunnels */
	uint64_t request_body_max; /* bytes; UINT64_MAX: any */
	uint8_t tries_max;	   /* back ends tried in all; 0 counts as 1 */
	bool retry_any_method;	   /* also methods that are not idempotent, once it was sent */
};

enum proxy_verdict_kind {
	PROXY_FORWARD, /* to what face.pick answers; x->request as it stands by then */
	PROXY_ANSWER,  /* x->response and answer */
	PROXY_FILE,    /* x->response and file */
	PROXY_SOURCE,  /* x->response and source */
	PROXY_TUNNEL,  /* CONNECT: to what face.pick answers; 200 and bytes */
	PROXY_WAIT,    /* until proxy_exchange_resume */
	PROXY_DROP,    /* close the connection without an answer (HTTP/2: reset the stream) */
};

/* A body that the service makes while it is taken. */
struct proxy_source {
	/* The bytes that are there now (maybe none), and whether they are the last. They stay until
	 * `taken`. An error: the body is torn. When there is more after none: proxy_exchange_go. */
	enum err (*peek)(struct proxy_source *s, struct span *ret, bool *ret_end);
	void (*taken)(struct proxy_source *s, size_t len);
	void (*close)(struct proxy_source *s); /* always once, whole or not */
};

struct proxy_verdict {
	enum proxy_verdict_kind kind;
	const struct proxy_limits *limits; /* NULL: the worker's own */
	/* x->response: status and fields are the face's; length and body are set here. */
	struct span answer; /* lives as long as the exchange: proxy_exchange_store, or static */
	struct {
		int fd; /* borrowed until face.done */
		uint64_t offset, len;
	} file;
	struct proxy_source *source;
	/* PROXY_SOURCE: x->response.has_length and length are the face's. */
	/* The client's connection ends with this answer (HTTP/1.x): what follows on it may not be
	 * what it seems. */
	bool close;
	/* With a tunnel: face.first_bytes is asked before the server gets any of the client's. */
	bool first_bytes;
};

/* Milliseconds of the worker's clock, 0: has not happened; us: microseconds. */
struct proxy_times {
	uint64_t begin_us;  /* the first byte of the request, or the exchange itself if kept */
	uint64_t head_us;   /* the whole head */
	uint64_t picked_us; /* the back end that answered was chosen */
	uint64_t open_us;   /* its connection was there, new or kept */
	uint64_t first_us;  /* the answer's head */
	uint64_t end_us;
};

enum proxy_phase {
	PROXY_PHASE_NEW,
	PROXY_PHASE_VERDICT, /* WAIT in request */
	PROXY_PHASE_PICK,    /* WAIT in pick */
	PROXY_PHASE_CONNECT,
	PROXY_PHASE_SENT,   /* the head went to the back end; its answer is awaited */
	PROXY_PHASE_ANSWER, /* an answer's head was passed on */
	PROXY_PHASE_TUNNEL,
	PROXY_PHASE_OVER,
};

enum { PROXY_STORE_INLINE = 1024 };

struct proxy_exchange {
	/* Zeroed when it is taken, down to `large`. */
	struct proxy_worker *worker;
	struct proxy_connection *connection; /* the client's; NULL: proxy_client.h */
	struct proxy_front *front;
	struct proxy_back *back; /* NULL while there is none */
	struct proxy_hop *hop;	 /* of the last pick, until face.left */
	void *service;		 /* the face's own, NULL at first */
	const struct proxy_limits *limits;
	struct proxy_verdict verdict;
	struct proxy_filter *filters; /* of the answer's body, the first one first */
	struct proxy_pace *pace;      /* by which bodies go (pace.h); NULL: as fast as they can */

	uint64_t id;		    /* of this worker, never twice */
	uint8_t phase;		    /* enum proxy_phase */
	uint8_t cause;		    /* enum proxy_cause: of the end, or of the last try */
	uint8_t tries;		    /* back ends picked */
	uint8_t stales;		    /* HTTP/2 connections that went away under it */
	bool answered;		    /* a final head went to the front: nothing can be tried again */
	bool request_empty;	    /* it has no body */
	bool request_whole;	    /* all of the request was received, or lies at hand */
	bool request_ended;	    /* the back took all of it */
	bool response_ended;	    /* the whole answer was passed to the front or to the filters */
	bool request_at_hand;	    /* no byte of the request's body is gone: may be tried again */
	bool kept;		    /* the connection to the back end had served before */
	bool personal;		    /* the connection to the back end is the client's alone */
	bool asked;		    /* the hop leads on, was reached, and was asked to */
	uint16_t lead_status;	    /* with CONNECT: what it answered if it does not; 0: nothing */
	struct ip_endpoint reached; /* where the last connection led */
	struct ip_endpoint bound;   /* of UDP ASSOCIATE: where the client's datagrams go to */
	enum err connect_error;	    /* with PROXY_CONNECT_FAILED: what the kernel said */
	struct proxy_times times;
	uint64_t request_bytes, response_bytes; /* of bodies, as received from their senders */
	uint64_t sent_bytes;			/* to the client, of the body after filters */
	/* Of an opaque connection (face.h): what it began with, until the verdict. */
	struct span opening;
	/* As the client sent them, for the log: edits do not reach here. */
	struct span received_authority, received_path;
	/* Trailers of either side (in the store); set before the body's end. */
	struct http_field *request_trailers, *response_trailers;
	uint16_t request_trailers_n, response_trailers_n;

	/* The core's own. */
	struct proxy_buffer *request_buffer, *response_buffer; /* what the heads' spans lie in */
	struct proxy_buffer *store_buffers;
	struct proxy_splice *splice;	/* the answer's body goes from kernel to kernel */
	struct proxy_relay *relay;	/* a tunnel's bytes go past the exchange */
	struct proxy_chain2 first_held; /* of a tunnel, while face.first_bytes wants more */
	uint64_t first_by_ms;		/* when it must be sure; 0: never */
	uint8_t first;			/* how that stands: exchange_first.c */
	struct span at_hand;		/* the whole body, when it came with the head */
	size_t at_hand_sent, answer_sent;
	struct proxy_exchange *next, *previous; /* of the worker's list, or the free ones */
	uint32_t store_used;
	uint8_t late_cause; /* with `later` */
	bool response_held; /* the front did not take all it was offered */
	bool request_held;  /* the back did not */
	bool replace;	    /* what face.response judged, until the back has let go */
	bool torn;	    /* a tunnel did not end in order: who is left sees a reset */

	bool large; /* of the worker's large pages */
	struct proxy_deadline deadline;
	struct proxy_later later;
	struct proxy_head request, response; /* response: an interim one (1xx) too, before */
	_Alignas(16) uint8_t store[PROXY_STORE_INLINE];
};

/* ---- for the face ---- */

/* Memory until the end of the exchange, aligned to 16, not zeroed; NULL when a buffer is not enough
 * (PROXY_BUFFER_SIZE) or there is none. */
MUST void *proxy_exchange_alloc(struct proxy_exchange *x, size_t size);
/* A copy; empty (data NULL) when there is no room. */
struct span proxy_exchange_store(struct proxy_exchange *x, struct span s);

/* After PROXY_WAIT, from the worker's thread: the face is asked again, where it said WAIT. Never
 * from within the face's own call. */
void proxy_exchange_resume(struct proxy_exchange *x);
/* A source or a filter has bytes again. */
void proxy_exchange_go(struct proxy_exchange *x);
/* Ends it from outside, a drain for instance: answered by the cause's status when nothing was. */
void proxy_exchange_end(struct proxy_exchange *x, enum proxy_cause cause);
/* The same from within a filter of its own, when the turn is over. */
void proxy_exchange_end_later(struct proxy_exchange *x, enum proxy_cause cause);
/* Puts a filter behind the others; in face.response only. */
void proxy_exchange_filter(struct proxy_exchange *x, struct proxy_filter *f);

/* ---- for fronts ---- */

/* A new one with its request still to fill; NULL: PROXY_BUSY. */
MUST struct proxy_exchange *proxy_exchange_take(struct proxy_worker *w, struct proxy_connection *c,
						struct proxy_front *f);
/* For the sweep: after a peak large pages go back that nobody uses. */
void proxy_exchanges_trim(struct proxy_worker *w);
/* Frees those that are free: all must be. */
void proxy_exchanges_done(struct proxy_worker *w);
/* Of one that was not begun: as if it had never been. */
void proxy_exchange_give(struct proxy_exchange *x);
/* x->request is whole. end: it has no body. Everything may have happened when it returns, the end
 * of x too. */
void proxy_exchange_begin(struct proxy_exchange *x, bool end);
/* How many bytes were taken; see end.h. Trailers before end: x->request_trailers. */
MUST size_t proxy_exchange_request_body(struct proxy_exchange *x, struct span bytes, bool end);
/* Of what was offered in this turn nothing more comes. */
void proxy_exchange_request_flush(struct proxy_exchange *x);
/* The client has gone, or broke the rules; the front is not called again. */
void proxy_exchange_abort(struct proxy_exchange *x, enum proxy_cause cause);
/* There is room again for the answer. */
void proxy_exchange_response_resume(struct proxy_exchange *x);
/* The last byte of the answer has left: x is over and gone when it returns. The request may not be
 * over: its front decides what becomes of the connection. */
void proxy_exchange_finish(struct proxy_exchange *x);

/* ---- for backs: none of their ops ends an exchange from within; what a write finds out is told
 * later (later.h). None but `flush` of a front does. ---- */

/* The connection is there, new or kept: x->request is sent from within by back.head and back.body.
 */
void proxy_exchange_opened(struct proxy_exchange *x, bool kept);
/* Before that: the hop leads on to another, was reached, and is asked to now. */
void proxy_exchange_asking(struct proxy_exchange *x);
void proxy_exchange_interim(struct proxy_exchange *x); /* x->response: a 1xx */
/* x->response; its framing members are those of its own fields, or a tunnel's. end: no body. False:
 * the answer is not wanted; the back lets go of x, then calls proxy_exchange_refused. */
MUST bool proxy_exchange_response(struct proxy_exchange *x, bool end);
void proxy_exchange_refused(struct proxy_exchange *x);
MUST size_t proxy_exchange_response_body(struct proxy_exchange *x, struct span bytes, bool end);
void proxy_exchange_response_flush(struct proxy_exchange *x);
void proxy_exchange_request_resume(struct proxy_exchange *x);
/* The connection broke or the answer is wrong; the back has let go of x. It goes to another one if
 * it may. unsent: surely nothing of the request was processed (RFC 9113 8.7; not connected). */
void proxy_exchange_failed(struct proxy_exchange *x, enum proxy_cause cause, bool unsent);
/* The back has the whole answer passed on (response_ended) and let go of x. */
void proxy_exchange_back_done(struct proxy_exchange *x);

/* ---- for both ---- */

/* A copy of trailer fields, all in the store; NULL when there is no room. */
MUST struct http_field *proxy_trailers_store(struct proxy_exchange *x,
					     const struct http_field *fields, size_t n);

/* ---- for backs: bodies from kernel to kernel ---- */

enum proxy_splicing {
	PROXY_SPLICE_NOT,  /* offer the bytes by body */
	PROXY_SPLICE_WAIT, /* until one of the two transports is ready, or resume */
	PROXY_SPLICE_MORE, /* in a later turn, without being told */
	PROXY_SPLICE_DONE, /* the answer was passed on whole (response_ended) */
	PROXY_SPLICE_TORN, /* `from` has ended, or broke */
};

/* The next left bytes that `from` will read are the rest of the answer's body; *ret_got of them
 * were read. Once it was not PROXY_SPLICE_NOT it goes on so to the end. */
enum proxy_splicing proxy_exchange_splice(struct proxy_exchange *x, struct proxy_transport *from,
					  uint64_t left, uint64_t *ret_got);

#endif
