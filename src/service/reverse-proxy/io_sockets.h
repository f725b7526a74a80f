/* The listening sockets of the reverse proxy: passed by whoever started it, or opened here. Knows
 * no HTTP and accepts nobody. */
#ifndef REVERSE_PROXY_IO_SOCKETS_H
#define REVERSE_PROXY_IO_SOCKETS_H

#include "os/activation.h"

/* tcp[worker * endpoints + endpoint]. */
struct reverse_sockets {
	int *tcp;
	size_t endpoints, workers;
	int *owned; /* each descriptor once */
	size_t owned_n;
};

/* at: endpoints of them. Errors are logged. */
MUST enum err reverse_sockets_open(struct activation *passed, const struct ip_endpoint *at,
				   size_t endpoints, size_t workers, struct reverse_sockets *ret);
void reverse_sockets_done(struct reverse_sockets *s);

#endif
