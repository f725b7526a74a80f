/* The listening sockets of a proxy: passed by whoever started it, or opened here. Knows
 * no HTTP and accepts nobody. */
#ifndef PROXY_IO_SOCKETS_H
#define PROXY_IO_SOCKETS_H

#include "os/activation.h"

/* fds[worker * endpoints + endpoint]. */
struct proxy_sockets {
	int *fds;
	size_t endpoints, workers;
	/* By endpoint: whether TPROXY may lead to it. Borrowed while they are opened; NULL: none.
	 */
	const bool *transparent;
	int *owned; /* each descriptor once */
	size_t owned_n;
};

/* ret: with how many endpoints and workers there are, and which are transparent, else zeroed. kind:
 * ACTIVATION_TCP, or ACTIVATION_UDP, where workers beyond those sockets that were passed have none,
 * -1: a client's datagrams are one worker's. Errors are logged. */
MUST enum err proxy_sockets_open(struct activation *passed, enum activation_kind kind,
				 const struct ip_endpoint *at, struct proxy_sockets *ret);
void proxy_sockets_done(struct proxy_sockets *s);

#endif
