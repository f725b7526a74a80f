/* Pools of servers as the configuration has them. Knows neither which server is chosen nor how it
 * is reached. */
#ifndef REVERSE_PROXY_CONF_POOL_H
#define REVERSE_PROXY_CONF_POOL_H

#include "config/schema.h"
#include "proto/ip/address.h"

enum { REVERSE_POOLS_MAX = 4096, REVERSE_SERVERS_MAX = 1024, REVERSE_POOL_NAME_MAX = 63 };

struct reverse_server_conf {
	struct ip_endpoint address;
};

struct reverse_pool_conf {
	const char *name;
	struct config_list servers; /* struct reverse_server_conf */
};

extern const struct config_map reverse_pool_map;

#endif
