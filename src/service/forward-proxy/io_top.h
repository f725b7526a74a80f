/* Which hosts are gone to most, and which clients go: counted by each worker, shown by the main
 * thread. How much of a client's address is kept is what the access log may write of it.
 */
#ifndef FORWARD_PROXY_IO_TOP_H
#define FORWARD_PROXY_IO_TOP_H

#include "service/forward-proxy/busiest.h"

#include <pthread.h>

struct control_reply;
struct control_request;
struct forward_exchange;
struct proxy_exchange;

/* Of one worker. The lock is held by who counts for one look, and by who shows for a copy. */
struct forward_top {
	pthread_mutex_t lock;
	struct busiest hosts, clients;
};

/* ENOMEM. */
MUST enum err forward_top_new(struct forward_top **ret);
void forward_top_free(struct forward_top *t); /* accepts NULL */

/* An exchange that went somewhere is over. */
void forward_top_add(struct forward_top *t, const struct proxy_exchange *x,
		     const struct forward_exchange *e);

/* GET /hosts, GET /clients: ?limit= */
void forward_top_hosts(struct forward_top *const *all, size_t n, const struct control_request *req,
		       struct control_reply *reply);
void forward_top_clients(struct forward_top *const *all, size_t n,
			 const struct control_request *req, struct control_reply *reply);

#endif
