/* Proxies of others that lead to some destinations, as the configuration has them. Knows no
 * connection. */
#ifndef FORWARD_PROXY_CONF_UPSTREAM_H
#define FORWARD_PROXY_CONF_UPSTREAM_H

#include "config/schema.h"
#include "proto/ip/address.h"

struct arena;
struct upstream;

enum { FORWARD_UPSTREAMS_MAX = 64 };

struct forward_upstream_conf {
	struct config_list to; /* const char * */
	struct ip_endpoint socks;
	bool has_socks;
	const char *user;
	struct span password;
};

extern const struct config_map forward_upstream_map;

/* list: of struct forward_upstream_conf, judged. What ret points to lies in it and in a. ENOMEM. */
MUST enum err forward_upstreams(struct arena *a, const struct config_list *list,
				const struct upstream **ret);

#endif
