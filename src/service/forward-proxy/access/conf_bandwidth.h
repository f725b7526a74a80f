/* How much may move in a time, as the configuration has it. Knows no request. */
#ifndef FORWARD_PROXY_ACCESS_CONF_BANDWIDTH_H
#define FORWARD_PROXY_ACCESS_CONF_BANDWIDTH_H

#include "config/schema.h"

struct arena;
struct bandwidth_limits;

struct forward_bandwidth_conf {
	struct config_list from;	  /* struct ip_prefix */
	struct config_list groups, users; /* const char * */
	int by;				  /* enum bandwidth_by */
	uint64_t down, up;		  /* octets a second; 0: no limit */
};

extern const struct config_map forward_bandwidth_map;

/* Compiles a list of them into ret, which points into it and into a. ENOMEM. */
MUST enum err forward_bandwidth_limits(struct arena *a, const struct config_list *list,
				       struct bandwidth_limits *ret);

#endif
