/* How much of a name to show to the servers on the way to it (RFC 9156). Knows neither zones nor
 * servers: it counts labels. */
#ifndef RESOLVER_MINIMISE_H
#define RESOLVER_MINIMISE_H

#include <stdbool.h>

/* RFC 9156 2.3. */
#define MINIMISE_COUNT_MAX 10u
#define MINIMISE_ONE_LABEL 4u

enum minimise {
	MINIMISE_ON, /* relaxed: what a server denies or fails of a part is asked again of the whole
		      */
	MINIMISE_STRICT, /* a part that does not exist ends the walk */
	MINIMISE_OFF,
};

struct minimise_state {
	unsigned labels; /* that are known to hold no further cut, or are the zone's */
	unsigned steps;	 /* parts asked so far for this name */
	bool whole;	 /* from now on the whole name is asked */
};

void minimise_start(struct minimise_state *m, enum minimise mode);
/* A cut: the zone has this many labels. */
void minimise_at_zone(struct minimise_state *m, unsigned zone_labels);
/* How many labels of a name of `labels` to ask now: more than the zone has, at most all. */
unsigned minimise_next(const struct minimise_state *m, unsigned labels);
/* A part of that many labels was asked, and is no cut. */
void minimise_passed(struct minimise_state *m, unsigned labels);

#endif
