/* The two ends of an exchange as they see each other: what a front (the client's side) and a back
 * (the server's side) of any HTTP version can be asked. Knows no version and no transport.
 *
 * A body is pushed: who has bytes offers them, and is told how many were taken. Who took fewer asks
 * for the rest by resume; nobody reads from its connection while it holds bytes that were not
 * taken, and that is all of back pressure. `end`: nothing follows these bytes; trailers, if there
 * are any, stand in the exchange by then. The end has happened only when all bytes were taken.
 */
#ifndef PROXY_END_H
#define PROXY_END_H

#include "base/err.h"
#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>

struct proxy_exchange;
struct proxy_front;
struct proxy_back;
struct proxy_transport;
struct proxy_wire1;

/* Why something ended: a counter and a word of the access log for each. */
enum proxy_cause {
	PROXY_FINE,
	PROXY_CLIENT_FORMAT,	 /* the request is not what the protocol allows: 400 */
	PROXY_CLIENT_HEAD_LIMIT, /* 431 */
	PROXY_CLIENT_BODY_LIMIT, /* 413 */
	PROXY_CLIENT_HEAD_TIME,	 /* 408 */
	PROXY_CLIENT_BODY_TIME,	 /* the client sends no more, or too slowly: 408 */
	PROXY_CLIENT_READ_TIME,	 /* the client takes no more of the answer */
	PROXY_CLIENT_GONE,	 /* closed or reset before the answer had ended */
	PROXY_REFUSED,		 /* the face's own answer: not an error of the core */
	PROXY_NO_BACK,		 /* the face has no back end: 503 */
	PROXY_BUSY,		 /* a limit of ours: exchanges, buffers: 503 */
	PROXY_CONNECT_FAILED,	 /* 502 */
	PROXY_CONNECT_TIME,	 /* 504 */
	PROXY_BACK_TLS,		 /* the handshake failed: 502 */
	PROXY_BACK_CERTIFICATE,	 /* it is not whom it should be, or does not take us: 502 */
	PROXY_BACK_STALE,	 /* a kept-alive connection had ended before it got the request */
	PROXY_BACK_CLOSED,	 /* ended before a whole head: 502 */
	PROXY_BACK_FORMAT,	 /* not what the protocol allows: 502 */
	PROXY_BACK_HEAD_LIMIT,	 /* 502 */
	PROXY_BACK_TIME,	 /* no first byte in time: 504 */
	PROXY_BACK_BODY_TIME,	 /* the body stands still */
	PROXY_BACK_TORN,	 /* ended in the middle of the body */
	PROXY_WHOLE_TIME,	 /* the exchange as a whole took too long: 504 */
	PROXY_DRAINED,		 /* we are going down and could not wait */
	PROXY_UPSTREAM_SIGN_IN,	 /* the proxy that leads on does not take our password: 502 */
	PROXY_UPSTREAM_REFUSED,	 /* it does not let us go there: 403 */
	PROXY_UPSTREAM_FAILED,	 /* it could not connect, or is broken: 502 */
	PROXY_UPSTREAM_FORMAT,	 /* what it says is no answer to CONNECT: 502 */
	PROXY_UPSTREAM_TIME,	 /* it was reached, and did not lead on in time: 504 */
	PROXY_QUOTA,		 /* as much as the client may has moved: 429 */
	PROXY_TRY_ANOTHER,	 /* the face did not want this response */
	PROXY_INTERNAL,		 /* no memory, a face that broke its contract: 500 */
	PROXY_CAUSES,
};

/* "client-format": a word for logs and labels; never NULL. */
const char *proxy_cause_text(enum proxy_cause cause);
/* The status that a client is answered for it when nothing was answered yet; 0: none. */
unsigned proxy_cause_status(enum proxy_cause cause);

/* The client's side. Only flush may end the exchange from within (by proxy_exchange_finish); what a
 * write finds out otherwise is told later (later.h). */
struct proxy_front_ops {
	/* x->response is a 1xx other than 101. May be dropped (HTTP/1.0). */
	void (*interim)(struct proxy_front *f, struct proxy_exchange *x);
	/* x->response, final, or 101. end: no body follows. Composes; flush sends. */
	void (*head)(struct proxy_front *f, struct proxy_exchange *x, bool end);
	/* How many bytes were taken. */
	size_t (*body)(struct proxy_front *f, struct proxy_exchange *x, struct span bytes,
		       bool end);
	/* The rest of a body, len bytes, is to go past this end, from kernel to kernel, to the
	 * transport that it answers; NULL: not now, use body. NULL itself: never. */
	struct proxy_transport *(*splice)(struct proxy_front *f, struct proxy_exchange *x,
					  uint64_t len);
	/* n of them have; gone: no more can. When all have, the message is composed. */
	void (*spliced)(struct proxy_front *f, uint64_t n, bool gone);
	/* Nothing more comes in this turn: send what was composed. */
	void (*flush)(struct proxy_front *f, struct proxy_exchange *x);
	/* The answer cannot be finished: end so that nobody takes it for whole. The exchange is
	 * over when this returns. */
	void (*reset)(struct proxy_front *f, struct proxy_exchange *x, enum proxy_cause cause);
	/* There is room for the request's body: offer again what was not taken. */
	void (*resume)(struct proxy_front *f, struct proxy_exchange *x);
	/* A tunnel's connection, to be relayed past this end: from then on it only calls
	 * proxy_relay_turn, as long as x->relay is there. NULL: not this one; bytes go by body.
	 * NULL itself: never. */
	struct proxy_wire1 *(*relay)(struct proxy_front *f);
	/* A tunnel has ended on both sides: close. The exchange is over when this returns. */
	void (*relayed)(struct proxy_front *f, struct proxy_exchange *x);
};

struct proxy_front {
	const struct proxy_front_ops *ops;
};

/* The server's side. None of these ends the exchange from within. */
struct proxy_back_ops {
	/* x->request. end: no body follows. */
	void (*head)(struct proxy_back *b, struct proxy_exchange *x, bool end);
	size_t (*body)(struct proxy_back *b, struct proxy_exchange *x, struct span bytes, bool end);
	void (*flush)(struct proxy_back *b, struct proxy_exchange *x);
	/* The exchange wants nothing more of it, whole or not; x is not touched after this
	 * returns. A connection that is not at a clean end is closed. */
	void (*cancel)(struct proxy_back *b, struct proxy_exchange *x);
	/* There is room for the answer's body. */
	void (*resume)(struct proxy_back *b, struct proxy_exchange *x);
	/* As a front's. */
	struct proxy_wire1 *(*relay)(struct proxy_back *b);
};

struct proxy_back {
	const struct proxy_back_ops *ops;
};

#endif
