/* Requests that wait for a place at a pool whose back ends are all full: one line for each pool and
 * worker, in the order in which they came, bounded in length and time. Knows no request: the
 * storage of a waiter is inside its own.
 *
 *	POOL_FULL:	wait_join(&line, policy, &exchange->waiter, now_ms); ERR_LIMIT: 503
 *	a place at that pool was given back, and every WAIT_LOOK_MS (places that other workers gave
 *	back):		while ((w = wait_first(&line)) && pool_pick(…) == POOL_PICKED) wait_leave
 *	in time:	while ((w = wait_late(&line, now_ms))) 503
 * Who comes while wait_first is not NULL joins the line: nobody overtakes.
 */
#ifndef REVERSE_PROXY_BALANCE_WAIT_H
#define REVERSE_PROXY_BALANCE_WAIT_H

#include "service/reverse-proxy/balance/pool.h"

enum { WAIT_LOOK_MS = 5 };

struct wait_line;

/* Zeroed storage waits nowhere. */
struct waiter {
	struct wait_line *line; /* NULL: not in one */
	struct waiter *next, *previous;
	uint64_t until_ms;
};

/* Zeroed storage is an empty line. Of one worker, for one pool's state: outlives the pool. */
struct wait_line {
	struct waiter *first, *last;
	size_t n;
};

/* At the end of the line. ERR_LIMIT: it has policy.wait.length already; counted in state. */
MUST enum err wait_join(struct wait_line *line, const struct pool *p, struct waiter *w,
			uint64_t now_ms);
/* Accepts one that waits nowhere. */
void wait_leave(struct waiter *w);
struct waiter *wait_first(const struct wait_line *line);
/* The first whose time is over, taken out; NULL: none. */
struct waiter *wait_late(struct wait_line *line, struct pool_state *state, uint64_t now_ms);

#endif
