/* A client's connection that speaks HTTP/1: requests one after another, each an exchange; or SOCKS:
 * one request, for a tunnel; or what was taken on its way elsewhere, a tunnel too. Knows no back
 * end.
 */
#ifndef PROXY_FRONT1_H
#define PROXY_FRONT1_H

#include "proxy/deadline.h"
#include "proxy/face.h"
#include "proxy/later.h"
#include "proxy/socks.h"
#include "proxy/wire1.h"

enum proxy_front1_state {
	PROXY_FRONT1_HEAD,   /* between requests, or in the middle of a head */
	PROXY_FRONT1_BODY,   /* of a request that has an exchange */
	PROXY_FRONT1_ANSWER, /* the request is whole; its answer is not */
	PROXY_FRONT1_TUNNEL,
	PROXY_FRONT1_HOLD,   /* what was asked for lasts as long as the connection */
	PROXY_FRONT1_DRAIN,  /* the answer has gone; the rest of a small body is thrown away */
	PROXY_FRONT1_LINGER, /* we have ended; the client's bytes are thrown away until it has too
			      */
	PROXY_FRONT1_LAST,   /* without an exchange: what it was given arrives, then the end */
};

struct proxy_front1 {
	struct proxy_front front; /* first */
	struct proxy_deadline deadline;
	struct proxy_later later;
	struct proxy_wire1 wire;
	struct proxy_connection c;
	struct proxy_exchange *x;	      /* borrowed; NULL between requests */
	struct proxy_front1 *next, *previous; /* of the worker's */
	uint32_t head_ms, idle_ms, head_max, requests_max;
	uint64_t last_by_ms;	 /* with PROXY_FRONT1_LAST: until when */
	uint32_t scanned;	 /* bytes of a head that were parsed and were not whole */
	uint8_t state;		 /* enum proxy_front1_state */
	uint8_t request_version; /* 10 or 11, of the request that runs */
	bool keep_alive;	 /* after this answer */
	bool head_sent;		 /* the answer's head was composed */
	bool http2_plain;
	bool opaque;			  /* no protocol of ours: face.h */
	struct proxy_socks socks;	  /* versions 0: HTTP */
	struct proxy_buffer *credentials; /* what a client of SOCKS has said; owned */
	bool broken;			  /* writing failed */
	bool torn;			  /* closed by a reset */
	bool turning;
};

/* The connection is open (TLS too) and speaks HTTP/1. Takes t over; c is copied. NULL: no room, t
 * is closed and the face was told. */
struct proxy_front1 *proxy_front1_new(struct proxy_worker *w, struct proxy_transport *t,
				      const struct proxy_connection *c,
				      const struct proxy_admission *admission);
/* Idle connections of the worker are closed, others after the answer that runs. */
void proxy_front1_drain(struct proxy_worker *w);
/* All are closed, whatever they do. */
void proxy_front1_end_all(struct proxy_worker *w);

#endif
