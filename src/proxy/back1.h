/* A connection to a back end that speaks HTTP/1, or plain bytes (the far side of CONNECT): one
 * exchange at a time, kept between them. Knows no client.
 */
#ifndef PROXY_BACK1_H
#define PROXY_BACK1_H

#include "proxy/deadline.h"
#include "proxy/end.h"
#include "proxy/later.h"
#include "proxy/wire1.h"

struct proxy_hop;
struct proxy_worker;

enum proxy_back1_state {
	PROXY_BACK1_CONNECT,
	PROXY_BACK1_LEAD,   /* a proxy of others is asked to go on to the target */
	PROXY_BACK1_SECURE, /* with which TLS is begun then */
	PROXY_BACK1_IDLE,
	PROXY_BACK1_HEAD, /* the answer's head is awaited */
	PROXY_BACK1_BODY,
	PROXY_BACK1_TUNNEL,
	PROXY_BACK1_LAST, /* without an exchange: what it was given arrives, then a reset */
};

struct proxy_back1 {
	struct proxy_back back; /* first */
	struct proxy_deadline deadline;
	struct proxy_later later;
	struct proxy_wire1 wire;
	struct proxy_worker *w;
	struct proxy_hop *hop;
	struct proxy_exchange *x; /* borrowed; NULL: idle, or the last */
	/* Of the hop's idle ones, last used first; or of the worker's last ones. */
	struct proxy_back1 *next, *previous;
	uint64_t last_by_ms;   /* with PROXY_BACK1_LAST: until when */
	struct ip_endpoint to; /* where it leads */
	/* What is said to a proxy that leads on; NULL: there is none, or it has. */
	struct proxy_buffer *lead;
	/* Whose connection it is for alone, by proxy_connection.id, as its server knows it by that
	 * (binding.h); 0: anybody's. */
	uint64_t client;
	uint32_t requests;
	uint8_t state; /* enum proxy_back1_state */
	uint8_t lead_step;
	uint8_t lead_cause; /* enum proxy_cause: why it does not */
	bool keep_alive;    /* of the answer that is being read */
	bool broken;	    /* writing failed; an answer may still be there */
	bool answer_began;  /* bytes of the answer came */
	bool turning;
	bool by_connect; /* with lead: to an HTTP proxy, not a SOCKS server */
	bool raced;	 /* it began to several */
};

/* Connects for x, whose back it becomes. */
void proxy_back1_connect(struct proxy_worker *w, struct proxy_hop *hop, struct proxy_exchange *x);
/* Takes over a connection that was opened for x by somebody else (ALPN chose HTTP/1.1), and leads
 * to `to`. */
void proxy_back1_adopt(struct proxy_worker *w, struct proxy_hop *hop, struct proxy_transport *t,
		       const struct ip_endpoint *to, struct proxy_exchange *x);
/* Keeps one that was opened otherwise, and leads to `to`; or closes it, when there are enough. */
void proxy_back1_keep(struct proxy_worker *w, struct proxy_hop *hop, struct proxy_transport *t,
		      const struct ip_endpoint *to);
/* The kept connection that was used last, of those that are x's or anybody's, goes on with x;
 * false: there is none. */
MUST bool proxy_back1_reuse(struct proxy_hop *hop, struct proxy_exchange *x);
/* Closes an idle one. */
void proxy_back1_close(struct proxy_back1 *b);
/* Those that are PROXY_BACK1_LAST end now. */
void proxy_back1_end_last(struct proxy_worker *w);

#endif
