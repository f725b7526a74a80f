/* The tiers of a proxy's cache: made as the configuration says, and told about. Knows no request.
 */
#ifndef PROXY_CACHE_IO_CACHE_TIERS_H
#define PROXY_CACHE_IO_CACHE_TIERS_H

#include "http-cache/memory.h"
#include "os/shared_file.h"

struct cache_disk;
struct config_global;
struct plan;
struct proxy_cache_conf;
struct service_life;

struct proxy_cache_tiers {
	struct cache_memory *memory;
	struct cache_disk *disk; /* NULL: none is wanted, or it cannot be had */
	struct shared_file gone; /* what the disk is not told yet of what was forgotten */
	uint64_t errors, torn;	 /* that were told */
};

/* What is to be there when the service starts. */
MUST enum err proxy_cache_tiers_plan(const struct proxy_cache_conf *conf,
				     const struct config_global *global, const char *service,
				     struct plan *p);
/* Before the sandbox, where there is a disk. */
void proxy_cache_tiers_begin(struct proxy_cache_tiers *t, const struct proxy_cache_conf *conf,
			     struct service_life *life);
/* Once what is in the service's own folders (service_life_state, service_life_folder) can be
 * opened, and before threads of workers; wake: of struct cache_memory_options. What is wrong with
 * the disk is logged, and the cache does without. */
MUST enum err proxy_cache_tiers_open(struct proxy_cache_tiers *t,
				     const struct proxy_cache_conf *conf,
				     const struct service_life *life,
				     void (*wake)(void *arg, unsigned thread), void *arg);
/* Each second: errors of the disk go to the log. */
void proxy_cache_tiers_tell(struct proxy_cache_tiers *t);
/* When no worker's thread runs any more, and each can still be woken: what waits is written.
 * Accepts zeroed storage. */
void proxy_cache_tiers_stop(struct proxy_cache_tiers *t);
/* When no exchange is left. Accepts zeroed storage. */
void proxy_cache_tiers_done(struct proxy_cache_tiers *t);

#endif
