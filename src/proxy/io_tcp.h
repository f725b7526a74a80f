/* Plain TCP as a transport: edge-triggered, registered once for a connection's life. Knows nothing
 * of what the bytes say.
 */
#ifndef PROXY_IO_TCP_H
#define PROXY_IO_TCP_H

#include "base/slab.h"
#include "os/loop.h"
#include "proxy/transport.h"

struct proxy_counts;
struct proxy_race_way;
struct proxy_buffers;
struct proxy_sending;
struct ring;

/* What those of one worker share. */
struct proxy_tcps {
	struct loop *loop;	       /* borrowed */
	struct proxy_buffers *buffers; /* borrowed */
	struct slab tcps;
	struct ring *ring;	     /* borrowed; NULL: each by a call of its own */
	struct proxy_counts *counts; /* borrowed; with a ring */
};

void proxy_tcps_init(struct proxy_tcps *all, struct loop *loop, struct proxy_buffers *buffers,
		     size_t max);
/* What many of them receive at once is received by the ring; loop_on_ready is taken for that. */
void proxy_tcps_ring(struct proxy_tcps *all, struct ring *ring, struct proxy_counts *counts);
/* The way of struct proxy_worker_io: by the ring, if there is one, those over plain TCP. */
void proxy_tcps_send_many(struct proxy_tcps *all, struct proxy_sending *list, size_t n);
/* All must be closed; accepts zeroed storage. */
void proxy_tcps_done(struct proxy_tcps *all);

/* Over a connected socket. Takes fd over, on failure too. ERR_LIMIT. */
MUST enum err proxy_tcp_new(struct proxy_tcps *all, int fd, struct proxy_transport **ret);
/* Over one whose connect goes on; PROXY_OPENED or PROXY_BROKEN tells. first: copied; sent before
 * everything else. */
MUST enum err proxy_tcp_connecting(struct proxy_tcps *all, int fd, struct span first,
				   struct proxy_transport **ret);
/* To whichever of several addresses takes one first; tells as above. */
MUST enum err proxy_tcp_racing(struct proxy_tcps *all, const struct proxy_race_way *way,
			       struct span first, struct proxy_transport **ret);

#endif
