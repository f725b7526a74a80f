/* Who gets which level: rules of which the first that fits decides. Knows no fields. */
#ifndef FORWARD_PROXY_PRIVACY_LEVELS_H
#define FORWARD_PROXY_PRIVACY_LEVELS_H

#include "service/forward-proxy/access/access.h"
#include "service/forward-proxy/privacy/privacy.h"

struct privacy_rule_of {
	/* Its action is ACCESS_DENY where the level is stricter than `otherwise`: what is not known
	 * of a client is for the worse. */
	struct access_rule who;
	struct privacy_conf conf;
};

/* Borrowed from the configuration. */
struct privacy_levels {
	struct privacy_conf otherwise;
	const struct privacy_rule_of *rules;
	size_t rules_n;
};

/* Never NULL; lives as long as l. */
const struct privacy_conf *privacy_level_of(const struct privacy_levels *l,
					    const struct access_facts *f);

#endif
