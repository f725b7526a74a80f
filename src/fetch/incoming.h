/* One answer of HTTP/1.1 (RFC 9112) as it comes in pieces: its head, then its body out of framing
 * and gzip, to whoever asked, within bounds. Knows no connection and no clock.
 */
#ifndef FETCH_INCOMING_H
#define FETCH_INCOMING_H

#include "base/err.h"
#include "base/span.h"
#include "proto/http/http1.h"

struct expand;

enum { FETCH_HEAD_MAX = 16 * 1024 /* with interim answers ahead of it */ };

/* Whom an answer is told to. An error ends it, and is what fetch_incoming_take returns. */
struct fetch_taker {
	/* Its head, once; interim ones (1xx) are passed over. */
	enum err (*head)(void *arg, const struct http_response *r);
	enum err (*body)(void *arg, struct span piece);
	void *arg; /* borrowed */
};

/* Zeroed storage is one that fetch_incoming_done accepts. */
struct fetch_incoming {
	struct fetch_taker taker;
	const char *method; /* borrowed: of the question */
	bool gzip;	    /* it was asked for; else a coded body is refused */
	uint64_t body_max;  /* octets, as they are told */
	/* Private. */
	uint8_t *head; /* owned: a copy, to which response points; NULL: not there yet */
	size_t seen;   /* octets at the start of what is offered that are no whole head */
	size_t interim_len;
	struct http_response response;
	uint64_t left; /* HTTP_BODY_LENGTH */
	struct http_chunked chunked;
	struct expand *expand; /* owned; NULL: the body is not coded */
	uint64_t body_len;
	bool over;
};

/* Accepts one that was never begun. */
void fetch_incoming_done(struct fetch_incoming *in);

/* What came by the wire and was not used yet. *ret_used octets were; the rest is offered again with
 * more behind it. A reader who has FETCH_HEAD_MAX octets of which nothing is used holds no answer.
 * *ret_over: the answer is whole; what follows it is not looked at. ERR_FORMAT: no answer, or torn;
 * ERR_LIMIT: its head or its body is too long; ERR_UNSUPPORTED: a coding that was not asked for;
 * ENOMEM. */
MUST enum err fetch_incoming_take(struct fetch_incoming *in, struct span wire, size_t *ret_used,
				  bool *ret_over);
/* The wire has ended; said: the other side said so, and nobody between us. OK: that is the answer's
 * end. ERR_CLOSED: it was cut off. */
MUST enum err fetch_incoming_end(struct fetch_incoming *in, bool said);

#endif
