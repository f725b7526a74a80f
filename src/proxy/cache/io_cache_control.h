/* What is kept, for people: the verbs of the cache on a service's control socket, and its numbers.
 * Knows neither the service nor its workers. */
#ifndef PROXY_CACHE_IO_CACHE_CONTROL_H
#define PROXY_CACHE_IO_CACHE_CONTROL_H

#include "control/control.h"
#include "proxy/cache/io_cache.h"

/* All that the workers keep together; borrowed for the call. */
struct proxy_cache_all {
	struct cache_memory *memory;
	const struct proxy_cache_desk *const *desks; /* desks_n, one of each worker */
	size_t desks_n;
};

/* ?prefix=&limit= */
void proxy_cache_show(const struct proxy_cache_all *all, const struct control_request *req,
		      struct control_reply *reply);
/* ?url=|prefix=|tag=|all= */
void proxy_cache_purge(const struct proxy_cache_all *all, const struct control_request *req,
		       struct control_reply *reply);
/* ?url= */
void proxy_cache_why(const struct proxy_cache_all *all, const struct control_request *req,
		     struct control_reply *reply);

/* service: its part of the names, "reverse_proxy". */
void proxy_cache_metrics(const struct proxy_cache_all *all, const char *service, struct writer *w);

#endif
