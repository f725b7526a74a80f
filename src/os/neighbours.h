/* Who the kernel takes for its neighbours: which hardware address an address of an attached network
 * has, told while that comes, changes and goes, in the network namespace of the thread that opened
 * it. Keeps nothing, needs no capability.
 *
 *	neighbours_open(&n)			before the sandbox
 *	neighbours_ask(&n)			all that there are now will be told
 *	watch n.fd for LOOP_READ		neighbours_read(&n, ...)
 *
 * The kernel learns of a host when that asks for our own hardware address, or when we have to ask
 * for its: so mostly ahead of the first packet of IP that we get, but not always (an IPv6 host that
 * knows us already may use another address at once, and is known with our first answer to it). */
#ifndef OS_NEIGHBOURS_H
#define OS_NEIGHBOURS_H

#include "base/err.h"
#include "proto/ip/address.h"

struct neighbours {
	int fd; /* -1: closed */
};

struct neighbour {
	uint32_t ifindex;
	struct ip_address address;
	bool gone; /* it does not answer, or the kernel has forgotten it */
	uint8_t mac[6];
};

MUST enum err neighbours_open(struct neighbours *ret);
void neighbours_done(struct neighbours *n);

/* What is there is told by neighbours_read from now on, and then that it was all. While the answer
 * to an earlier one is under way, that one ends, and NEIGHBOURS_LOST is told. */
MUST enum err neighbours_ask(struct neighbours *n);

enum neighbours_told {
	NEIGHBOURS_TOLD,
	NEIGHBOURS_ALL,	 /* the answer to neighbours_ask is over */
	NEIGHBOURS_LOST, /* more than the socket holds, a list that changed, a refusal: ask */
};
/* Calls for each neighbour with a hardware address of six octets, and each that is gone. Reads what
 * there is, within bounds. */
MUST enum err neighbours_read(struct neighbours *n,
			      void (*call)(void *arg, const struct neighbour *one), void *arg,
			      enum neighbours_told *ret);

#endif
