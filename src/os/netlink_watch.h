/* That something changed about links, addresses, routes, neighbours or queueing disciplines, in the
 * network namespace of the thread that opened it. Knows not what: whoever is told asks anew
 * (os/netlink_route.h), or keeps os/links.h. Needs no capability. */
#ifndef OS_NETLINK_WATCH_H
#define OS_NETLINK_WATCH_H

#include "base/err.h"

/* Bits. */
enum {
	NETLINK_LINKS = 1 << 0,
	NETLINK_ADDRESSES = 1 << 1,
	NETLINK_ROUTES = 1 << 2,
	NETLINK_NEIGHBOURS = 1 << 3, /* each step of their states; many */
	NETLINK_QDISCS = 1 << 4,
};

struct netlink_watch {
	int fd;	       /* to be watched for LOOP_READ */
	unsigned what; /* bits */
};

MUST enum err netlink_watch_open(unsigned what, struct netlink_watch *ret);
void netlink_watch_done(struct netlink_watch *watch);

/* Takes in all that was told; bits: what has changed since the last time, 0: nothing. What the
 * kernel could not tell, as there was too much, counts as everything. */
MUST enum err netlink_watch_read(struct netlink_watch *watch, unsigned *ret_bits);

#endif
