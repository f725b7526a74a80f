/* Of more names than can be remembered those that are asked for most: hosts, clients. Knows no
 * request and no time.
 *
 * Space-Saving (Metwally, Agrawal, El Abbadi 2005): one that is not among them takes the place, and
 * the number, of the least. Whoever has more than one of BUSIEST_MAX of all is among them, and
 * a number is too large by `over` at most.
 */
#ifndef FORWARD_PROXY_BUSIEST_H
#define FORWARD_PROXY_BUSIEST_H

#include "base/table.h"

enum { BUSIEST_MAX = 256, BUSIEST_TEXT_MAX = 128 };

struct busiest_row {
	uint64_t requests, bytes; /* bytes: since it took the place */
	uint64_t over;
	uint8_t len;
	char text[BUSIEST_TEXT_MAX];
};

struct busiest {
	struct table table;
	size_t n, next; /* next: those before it have more than least */
	uint64_t least;
	struct busiest_row rows[BUSIEST_MAX];
};

void busiest_init(struct busiest *b, struct hash_key key);
void busiest_done(struct busiest *b); /* accepts zeroed storage */
/* text: cut at BUSIEST_TEXT_MAX. Without memory nothing is counted. */
void busiest_add(struct busiest *b, struct span text, uint64_t bytes);

/* For what several have counted: makes rows of one text one, and sorts them, the most asked for
 * first. Returns how many are left. */
size_t busiest_merge(struct busiest_row *rows, size_t n);

#endif
