/* How much is taken at once and how long the phases of a request may take, as the configuration has
 * it. Knows neither who counts and measures nor what is done then. */
#ifndef FORWARD_PROXY_CONF_LIMITS_H
#define FORWARD_PROXY_CONF_LIMITS_H

#include "config/schema.h"

/* Milliseconds; 0: no limit. */
struct forward_timeouts_conf {
	uint64_t head_ms, idle_ms, client_body_ms, client_read_ms;
	uint64_t connect_ms, upstream_ms, first_byte_ms, origin_body_ms, origin_idle_ms;
	uint64_t hello_ms, tunnel_ms, whole_ms, drain_ms;
};

/* Of all workers together. */
struct forward_limits_conf {
	uint32_t connections, requests, origins, associations;
	uint32_t client_connections, client_associations; /* of one client; 0: any */
	uint64_t memory;				  /* bytes of buffers */
	uint64_t body;					  /* bytes of a request's; 0: any */
};

extern const struct config_map forward_limits_map, forward_timeouts_map;

#endif
