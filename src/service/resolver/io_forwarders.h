/* The forwarders that a client of uplinks tells while the resolver runs: their socket, and how long
 * they are good. Knows no rules and no workers. */
#ifndef RESOLVER_IO_FORWARDERS_H
#define RESOLVER_IO_FORWARDERS_H

#include "control/control.h"
#include "control/forwarders.h"
#include "os/loop.h"
#include "proto/ip/address.h"

struct resolver_forwarders {
	struct loop *loop;	 /* borrowed */
	struct control *control; /* NULL: `forwarders: off` */
	struct control_face face;
	struct loop_timer forget;
	struct ip_endpoint at[FORWARDERS_MAX];
	size_t n;
	uint16_t port;		    /* of all of them */
	void (*changed)(void *arg); /* others than before are good */
	void *arg;		    /* borrowed */
};

/* fd: a listening unix socket, owned from here on. */
MUST enum err resolver_forwarders_open(struct resolver_forwarders *f, struct loop *loop, int fd,
				       uint16_t port, void (*changed)(void *arg), void *arg);
void resolver_forwarders_done(struct resolver_forwarders *f); /* accepts one that is not open */

/* {"servers": [...], "forget_s": N} */
json_t *resolver_forwarders_json(const struct resolver_forwarders *f);

#endif
