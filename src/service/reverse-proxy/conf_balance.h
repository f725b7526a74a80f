/* How a server of a pool is chosen, and what is held against those that fail, as the configuration
 * has it. Knows no server. */
#ifndef REVERSE_PROXY_CONF_BALANCE_H
#define REVERSE_PROXY_CONF_BALANCE_H

#include "config/schema.h"
#include "service/reverse-proxy/balance/pool.h"

struct reverse_hash_conf {
	enum pool_hash_by by;
	const char *name; /* of the header or cookie */
	uint32_t load_pct;
};

struct reverse_sticky_conf {
	const char *cookie; /* NULL: not sticky */
	enum pool_same_site same_site;
	bool secure, http_only;
	uint64_t max_age_ms;
};

extern const struct config_map reverse_hash_map;
extern const struct config_map reverse_sticky_map;
extern const struct config_map reverse_eject_map;   /* struct pool_outlier */
extern const struct config_map reverse_breaker_map; /* struct pool_breaker */
extern const struct config_map reverse_retry_map;   /* struct pool_retry */
extern const struct config_map reverse_queue_map;   /* struct pool_wait */

#endif
