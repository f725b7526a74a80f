/* How much is taken at once and how long the phases of a request may take, as the configuration has
 * it. Knows neither who counts and measures nor what is done then. */
#ifndef REVERSE_PROXY_CONF_LIMITS_H
#define REVERSE_PROXY_CONF_LIMITS_H

#include "config/schema.h"

/* Milliseconds; 0: no limit. */
struct reverse_timeouts_conf {
	uint64_t head_ms, idle_ms, client_body_ms, client_read_ms;
	uint64_t connect_ms, first_byte_ms, back_body_ms, back_idle_ms;
	uint64_t tunnel_ms, whole_ms, drain_ms;
};

/* Of all workers together. */
struct reverse_limits_conf {
	uint32_t connections, requests, client_connections;
	uint32_t sessions, client_sessions; /* of datagrams */
	uint64_t memory;		    /* bytes of buffers */
	uint64_t body;			    /* bytes of a request's; 0: any */
};

extern const struct config_map reverse_limits_map;

extern const struct config_map reverse_timeouts_map;

#endif
