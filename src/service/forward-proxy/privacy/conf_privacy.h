/* What requests may tell of clients, as the configuration has it. Knows no request. */
#ifndef FORWARD_PROXY_PRIVACY_CONF_PRIVACY_H
#define FORWARD_PROXY_PRIVACY_CONF_PRIVACY_H

#include "service/forward-proxy/access/conf_access.h"

struct privacy_levels;

struct forward_privacy_rule_conf {
	struct forward_rule_conf who; /* from, groups, users, to */
	int level;		      /* enum privacy_level */
};

struct forward_privacy_conf {
	int level; /* enum privacy_level */
	const char *user_agent, *accept_language;
	struct config_list rules; /* struct forward_privacy_rule_conf */
};

extern const struct config_map forward_privacy_map;

/* Compiles c into ret, which points into it and into a. ENOMEM. */
MUST enum err forward_privacy(struct arena *a, const struct forward_privacy_conf *c,
			      struct privacy_levels *ret);

#endif
