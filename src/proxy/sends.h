/* What connections have composed in one turn of the loop, sent together at its end: a call of the
 * kernel for many costs less than one for each. Knows transports and bytes, and not who composes.
 */
#ifndef PROXY_SENDS_H
#define PROXY_SENDS_H

#include "proxy/transport.h"

struct proxy_worker;

/* One of many writes (proxy_worker_io.send_many): t and bytes are the caller's, e and sent become
 * what proxy_transport_write of the one part would tell, and t's marks too. */
struct proxy_sending {
	struct proxy_transport *t; /* can be written to */
	struct span bytes;
	enum err e;
	size_t sent;
};

struct proxy_send;
/* It was sent, as far as it went. Anything may be added from within. */
typedef void proxy_send_call(struct proxy_send *s, const struct proxy_sending *said);

/* Embedded in what has bytes. */
struct proxy_send {
	proxy_send_call *call;
	uint32_t at; /* in the list, from 1 on; 0: not in it */
};

/* In a turn; what is more goes at once. */
enum { PROXY_SENDS_MAX = 128 };

struct proxy_sends {
	bool open; /* a turn runs, which ends by proxy_sends_run */
	uint32_t n;
	struct proxy_send *who[PROXY_SENDS_MAX]; /* borrowed; NULL: it has left */
	struct proxy_sending list[PROXY_SENDS_MAX];
};

/* Accepts NULL. */
static inline bool proxy_sends_take(const struct proxy_sends *s)
{
	return s && s->open && s->n < PROXY_SENDS_MAX;
}
/* Must take, and not have it yet. t and bytes stay as they are until s->call or
 * proxy_sends_leave. */
static inline void proxy_sends_add(struct proxy_sends *all, struct proxy_send *s,
				   struct proxy_transport *t, struct span bytes)
{
	all->list[all->n] = (struct proxy_sending){.t = t, .bytes = bytes};
	all->who[all->n++] = s;
	s->at = all->n;
}
/* It is not called any more, nor sent if it was not. Whoever leaves from within the call of another
 * may be sent already: he closes, and does not send the same bytes once more. */
static inline void proxy_sends_leave(struct proxy_sends *all, struct proxy_send *s)
{
	if (!s->at)
		return;
	all->who[s->at - 1] = NULL;
	s->at = 0;
}
/* Sends all that are in the list of w, then calls them; those that are added by then, too. */
void proxy_sends_run(struct proxy_worker *w);

#endif
