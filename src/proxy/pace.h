/* How fast the bytes of an exchange may move, each way, and how many at all: what was granted and
 * what is left of it. Knows neither who grants nor how much there is: that is the service's `ask`
 * and `room`.
 *
 * Who has bytes asks how many may go now; for the rest it waits as for a receiver that takes no
 * more, and is told when the time has come. Where there is no room any more the exchange ends.
 */
#ifndef PROXY_PACE_H
#define PROXY_PACE_H

#include "proxy/deadline.h"

#include <stddef.h>

enum proxy_pace_direction { PROXY_PACE_UP, PROXY_PACE_DOWN };

struct proxy_exchange;
struct proxy_pace;

struct proxy_pace_way {
	struct proxy_deadline deadline; /* until at_ms, while somebody waits */
	uint64_t at_ms;			/* what is left may go from then on */
	size_t left;			/* SIZE_MAX: there is no limit */
};

/* Embedded in its owner, who sets the calls; the rest is zeroed. */
struct proxy_pace {
	/* Another grant: how many bytes, at least 1, and in what time they may go. SIZE_MAX: there
	 * is no limit that way, nor will be. */
	size_t (*ask)(struct proxy_pace *p, enum proxy_pace_direction way, uint64_t now_ms,
		      uint32_t *ret_wait_ms);
	/* So many bytes of the last grant were not used, and will not be. */
	void (*give_back)(struct proxy_pace *p, enum proxy_pace_direction way, size_t left);
	/* How many bytes may still go that way, ever; 0: the exchange ends as PROXY_QUOTA. Asked
	 * ahead of each move. NULL: there is no end. */
	uint64_t (*room)(struct proxy_pace *p, enum proxy_pace_direction way);
	/* So many have gone, of those that others hold back too. NULL: nobody counts. */
	void (*count)(struct proxy_pace *p, enum proxy_pace_direction way, size_t n);
	struct proxy_exchange *x; /* the core's; NULL: not begun */
	struct proxy_pace_way ways[2];
};

/* How many of `want` may go now; 0: the time is waited for, or the exchange ends later in this
 * turn. want > 0. */
size_t proxy_pace_may(struct proxy_pace *p, enum proxy_pace_direction way, size_t want);
/* So many have gone; more than might is no debt. */
void proxy_pace_took(struct proxy_pace *p, enum proxy_pace_direction way, size_t n);
/* Does somebody wait for his time? */
static inline bool proxy_pace_waits(const struct proxy_pace *p)
{
	return p->ways[PROXY_PACE_UP].deadline.at_ms || p->ways[PROXY_PACE_DOWN].deadline.at_ms;
}

/* The bodies and the tunnel of x, which has no pace, go by p from now on, until x is over or
 * proxy_pace_stop. From within face.request, or from outside of any call of x's. */
void proxy_exchange_pace(struct proxy_exchange *x, struct proxy_pace *p);
/* What p grants is about to change: what was granted and not used is given back, and who waits asks
 * anew after this turn. Accepts one that was not begun. */
void proxy_pace_anew(struct proxy_pace *p);
/* Gives back what was granted and not used. Accepts one that was not begun. */
void proxy_pace_stop(struct proxy_pace *p);

#endif
