/* The sockets that the resolver serves on: passed by whoever started it, or opened here. Knows no
 * packets. */
#ifndef RESOLVER_IO_SOCKETS_H
#define RESOLVER_IO_SOCKETS_H

#include "os/activation.h"

/* udp[worker * endpoints + endpoint]; tcp likewise. */
struct resolver_sockets {
	int *udp, *tcp;
	size_t endpoints, workers;
	bool shared; /* fewer sockets were passed than there are workers: some wait on the same */
	int *owned;  /* each descriptor once */
	size_t owned_n;
};

/* Errors are logged. */
MUST enum err resolver_sockets_open(struct activation *passed, const struct ip_endpoint *listen,
				    size_t listen_n, size_t workers, struct resolver_sockets *ret);
void resolver_sockets_done(struct resolver_sockets *s);

#endif
