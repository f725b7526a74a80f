/* The addresses of names as one worker knows them: kept for as long as the DNS says, asked for once
 * by however many wait. Does no I/O and knows no clock; who asks is io_names.h.
 *
 *	request: names_find -> NAMES_WAIT: the waiter stands in line at the name
 *	turn:	 while ((k = names_due(n))) ask for k
 *	answer:	 names_take(n, k, …); while ((w = names_told(n))) w's request asks again
 *	and where names_take was told that more may come: names_late(n, k, …)
 */
#ifndef FORWARD_PROXY_NAMES_H
#define FORWARD_PROXY_NAMES_H

#include "base/slab.h"
#include "base/table.h"
#include "proto/ip/address.h"

enum {
	/* Of a name: all that two answers tell, as all are judged; how many are tried is another
	 * matter. */
	NAMES_ADDRESSES_MAX = 32,
	NAMES_TEXT_MAX = 253,
};

struct name;
struct name_waiter;

struct name_list {
	struct name *first, *last;
};

struct names {
	struct table table; /* by the name's text */
	struct slab slab;
	struct name_list used; /* known ones, the last used first */
	struct name_list due;  /* to be asked for */
	struct name_waiter *told;
	size_t max;
};

/* Embedded in what waits; zeroed: does not. */
struct name_waiter {
	struct name_waiter *next, **link; /* link: where the pointer to this one is */
};

enum names_found {
	NAMES_KNOWN,
	NAMES_ABSENT, /* there is no such name, or it has no address */
	NAMES_UNTOLD, /* no resolver could tell */
	NAMES_WAIT,
	NAMES_FULL, /* as many as there is room for are being asked for */
};

/* In the order in which they are to be tried. */
struct names_addresses {
	size_t n;
	struct ip_address items[NAMES_ADDRESSES_MAX]; /* n are set */
};

static inline void names_addresses_set(struct names_addresses *a, const struct ip_address *one)
{
	a->n = 1;
	a->items[0] = *one;
}

/* What the resolvers said of A and AAAA. told: an answer came, of n addresses or none. */
struct names_answer {
	struct {
		bool told;
		const struct ip_address *items; /* n */
		size_t n;
		uint32_t ttl_s; /* with n */
	} of[2];
	/* Nobody is to wait longer for what is not told; names_late follows. */
	bool more_comes;
};

/* max: names at once. key: random. */
void names_init(struct names *n, struct hash_key key, size_t max);
/* Nobody may wait. Accepts zeroed storage. */
void names_done(struct names *n);

/* text: lower case, without the last dot, at most NAMES_TEXT_MAX octets. w: not in line; may be
 * NULL, then NAMES_WAIT only says that it is asked for. *ret with NAMES_KNOWN. */
enum names_found names_find(struct names *n, struct span text, uint64_t now_ms,
			    struct name_waiter *w, struct names_addresses *ret);
/* Out of whatever line it stands in. */
void names_leave(struct name_waiter *w);

static inline bool names_are_due(const struct names *n)
{
	return n->due.last;
}
/* The next one to be asked for, until names_take; NULL: none. */
struct name *names_due(struct names *n);
struct span names_text(const struct name *k);
/* k may be gone afterwards. Those who waited for it are told. */
void names_take(struct names *n, struct name *k, uint64_t now_ms,
		const struct names_answer *answer);
/* The other type as well, or it will not come any more: from now on who asks finds the addresses of
 * both. k: not named by names_due since its names_take, or it is for the question that came after;
 * then nothing is done. It may be gone afterwards. */
void names_late(struct names *n, struct name *k, uint64_t now_ms,
		const struct names_answer *answer);
/* One that is told and in no line any more; NULL: all are. */
struct name_waiter *names_told(struct names *n);

/* That address took a connection: it is tried first from now on. */
void names_worked(struct names *n, struct span text, const struct ip_address *a);

#endif
