/* Who is let in, as the configuration has it. Knows no request. */
#ifndef REVERSE_PROXY_CONF_GUARD_H
#define REVERSE_PROXY_CONF_GUARD_H

#include "config/schema.h"

struct arena;
struct guard_rules;

struct reverse_rate_conf {
	const char *limit; /* "100/s" */
	uint32_t burst;	   /* 0: as many as the limit's number */
	const char *by;	   /* "client", "route", "header NAME", "cookie NAME" */
	bool shared;	   /* with the gateways that share `store` */
};

struct reverse_basic_conf {
	const char *realm;
	struct config_list users; /* struct proxy_user_conf; none: no basic authentication */
};

struct reverse_forward_conf {
	const char *to; /* a pool's name */
	const char *path, *host;
	uint64_t timeout_ms;
	struct config_list copy; /* const char * */
};

struct reverse_guard_conf {
	struct config_list allow, deny;			    /* struct ip_prefix */
	struct config_list allow_countries, deny_countries; /* const char *: "KR" */
	struct config_list rate;			    /* struct reverse_rate_conf */
	struct reverse_basic_conf basic;
	struct reverse_forward_conf forward;
	bool has_forward;
	bool secure;
};

extern const struct config_map reverse_guard_map;

/* The place of the first limit that is shared; SIZE_MAX: none is. */
size_t reverse_guard_shared(const struct reverse_guard_conf *c);

/* Compiles c into ret, which points into it and into a. *rate: the number of the next rate limit of
 * the snapshot. forward.pool is the caller's to fill. ENOMEM. */
MUST enum err reverse_guard_rules(struct arena *a, const struct reverse_guard_conf *c,
				  uint32_t *rate, struct guard_rules *ret);

#endif
