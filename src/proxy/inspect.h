/* The inside of a tunnel whose client is answered here in the server's place: to the tunnel it is a
 * back, to the client's TLS a transport, with a buffer between them. Knows neither why, nor what is
 * said in it.
 *
 * The tunnel's exchange lives on under it: its limits, its pace and its log count what the client
 * sends and gets, whichever way it came (HTTP/1, a stream of HTTP/2, SOCKS). Nothing calls across
 * from one side to the other but at the end of a turn, as both may end in any call.
 */
#ifndef PROXY_INSPECT_H
#define PROXY_INSPECT_H

#include "proxy/chain2.h"
#include "proxy/deadline.h"
#include "proxy/end.h"
#include "proxy/later.h"

struct proxy_admission;
struct proxy_connection;
struct proxy_worker;

struct proxy_inspect {
	struct proxy_back back; /* first */
	struct proxy_transport
		t; /* of the client's connection inside; its owner's from _enter on */
	struct proxy_worker *w;
	struct proxy_exchange *x;	/* the tunnel; borrowed; NULL: it is over */
	struct proxy_transport *server; /* while it shakes hands; owned; NULL: before, and after */
	struct proxy_deadline deadline;
	struct proxy_later later;
	struct proxy_chain2 in; /* of the client, not yet read */
	uint8_t events;		/* that t's owner is to be told of */
	bool entered;		/* t has an owner, or had one */
	bool closed;		/* he has let go */
	bool held;		/* the client has more than was taken */
	bool flush, resume;	/* the tunnel is to be told of */
	bool ended;		/* the client sends no more */
	bool finished;		/* it gets no more */
	bool telling;
};

/* In the place of x's back, which is gone. NULL: no room. */
MUST struct proxy_inspect *proxy_inspect_new(struct proxy_exchange *x);
/* Lets go of x, which has another back or none, before anybody has entered. */
void proxy_inspect_drop(struct proxy_inspect *i);
/* Those bytes (taken over) came first; c begins its handshake over all that the client sends. */
void proxy_inspect_enter(struct proxy_inspect *i, struct proxy_chain2 *first,
			 const struct proxy_connection *c, const struct proxy_admission *admission);

#endif
