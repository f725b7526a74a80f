/* The sockets of the service: those passed to it, else those it opens itself. Knows nothing of what
 * is served on them. */
#ifndef AUTHORITY_IO_SOCKETS_H
#define AUTHORITY_IO_SOCKETS_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

struct activation;
struct ip_endpoint;

/* For worker w and endpoint i: udp[w * endpoints + i] and tcp[…]. Descriptors may appear more than
 * once when fewer were passed than there are workers: shared tells. */
struct sockets {
	size_t endpoints, workers;
	int *udp, *tcp;
	int *owned; /* each descriptor once */
	size_t owned_n;
	bool shared;
};

/* Errors are logged. */
MUST enum err sockets_open(struct activation *activation, const struct ip_endpoint *listen,
			   size_t listen_n, size_t workers, struct sockets *ret);
/* Accepts zeroed storage. */
void sockets_done(struct sockets *s);

#endif
