/* Routes as the configuration has them. Knows no request. */
#ifndef REVERSE_PROXY_CONF_ROUTE_H
#define REVERSE_PROXY_CONF_ROUTE_H

#include "config/schema.h"

struct reverse_conf;

enum { REVERSE_ROUTES_MAX = 65536 };

struct reverse_route_conf {
	struct config_list host, path; /* const char *; none: any */
	const char *to;		       /* the name of a pool, or the address of a server */
	uint32_t line;
};

extern const struct config_map reverse_route_map;

/* That each goes to what there is. */
void reverse_route_check(const struct reverse_conf *conf, struct config_at *at);

#endif
