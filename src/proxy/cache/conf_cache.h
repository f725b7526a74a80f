/* What is kept of answers, as the configuration has it: how much in all, and by each route. Knows
 * no request. */
#ifndef PROXY_CACHE_CONF_CACHE_H
#define PROXY_CACHE_CONF_CACHE_H

#include "config/schema.h"

struct cache_policy;

struct proxy_cache_disk_conf {
	const char *folder;    /* NULL: the service's own */
	uint64_t size, object; /* bytes: of the file, of one answer's body */
};

/* Of all routes together. */
struct proxy_cache_conf {
	uint64_t memory, object; /* bytes: of everything, of one answer's body */
	bool has_disk;
	struct proxy_cache_disk_conf disk;
};

struct proxy_cache_rules_conf {
	bool on;
	bool heuristics, clients, status;
	bool ignore_query;
	uint64_t default_ms, longest_ms, stale_validate_ms, stale_error_ms;
	uint64_t wait_ms; /* for another request for the same; 0: nobody waits */
	/* const char * each. */
	struct config_list ignore_arguments, by_headers, by_cookies;
	struct config_list bypass_headers, bypass_cookies;
};

extern const struct config_map proxy_cache_map, proxy_cache_rules_map;

void proxy_cache_policy(const struct proxy_cache_rules_conf *c, struct cache_policy *ret);

/* Where the disk's folder is made (struct service, folder); NULL: it is in the service's state. */
const char *proxy_cache_folder(const struct proxy_cache_conf *conf);
/* The longest body that is written to the disk. */
uint64_t proxy_cache_disk_object(const struct proxy_cache_conf *conf);

/* That a body that may be kept fits. */
void proxy_cache_check(const struct proxy_cache_conf *conf, struct config_at *at);

#endif
