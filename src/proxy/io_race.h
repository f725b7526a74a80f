/* A connection to whichever of several addresses takes one first (RFC 8305 5): the next is begun
 * when the last has failed or was silent for a while, and the others go on meanwhile, a few of
 * them: the one that was silent the longest gives way. Knows nothing of what is said over it.
 */
#ifndef PROXY_IO_RACE_H
#define PROXY_IO_RACE_H

#include "os/loop.h"
#include "proto/ip/address.h"

enum { PROXY_RACE_MAX = 8, PROXY_RACE_AT_ONCE = 3, PROXY_RACE_DELAY_MS = 250 };

struct proxy_race;

struct proxy_race_call {
	/* It is over, and the race gone: fd is connected and the callee's; or e says why the last
	 * one failed, and fd is -1. Once, in a turn of the loop, not after _free. */
	void (*over)(void *arg, enum err e, int fd);
	void *arg; /* borrowed */
};

struct proxy_race_way {
	/* In the order in which they are begun; more than PROXY_RACE_MAX are passed over. */
	const struct ip_endpoint *to; /* n, at least one */
	size_t n;
	const struct ip_address *from; /* NULL: any */
	bool speaks;		       /* as tcp_connect_to_speak */
};

/* way: copied. ENOMEM. */
MUST enum err proxy_race_new(struct loop *loop, const struct proxy_race_way *way,
			     struct proxy_race_call call, struct proxy_race **ret);
void proxy_race_free(struct proxy_race *r); /* accepts NULL */

#endif
