#include "acme/renewal.h"

enum {
	BACKOFF_S = 60,
	BACKOFF_MAX_S = 6 * 3600,
	BACKOFF_DOUBLINGS = 9,	    /* past the longest */
	PATIENCE_MAX_S = 7 * 86400, /* an authority may ask for more; it is asked again then */
};

/* A number below n by chance; 0 for none. */
static uint64_t below(uint64_t n, uint64_t chance)
{
	return n ? chance % n : 0;
}

uint64_t acme_renewal_due_s(uint64_t from_s, uint64_t until_s, const struct acme_window *window,
			    uint64_t chance)
{
	if (until_s <= from_s)
		return from_s;
	uint64_t life = until_s - from_s;
	if (window && window->until_s > window->from_s && window->from_s < until_s) {
		uint64_t end = window->until_s < until_s ? window->until_s : until_s;
		return window->from_s + below(end - window->from_s, chance);
	}
	return from_s + life / 3 * 2 + below(life / 20, chance);
}

uint64_t acme_backoff_s(unsigned failures, uint64_t retry_after_s, uint64_t chance)
{
	unsigned doublings = failures ? failures - 1 : 0;
	uint64_t wait = (uint64_t)BACKOFF_S
			<< (doublings < BACKOFF_DOUBLINGS ? doublings : BACKOFF_DOUBLINGS);
	if (wait > BACKOFF_MAX_S)
		wait = BACKOFF_MAX_S;
	wait = wait / 2 + below(wait / 2 + 1, chance);
	if (retry_after_s > PATIENCE_MAX_S)
		retry_after_s = PATIENCE_MAX_S;
	return wait > retry_after_s ? wait : retry_after_s;
}
