/* What requests may tell of clients, as the configuration has it. Knows no request. */
#ifndef FORWARD_PROXY_PRIVACY_CONF_PRIVACY_H
#define FORWARD_PROXY_PRIVACY_CONF_PRIVACY_H

#include "config/schema.h"

struct privacy_conf;

struct forward_privacy_conf {
	int level; /* enum privacy_level */
	const char *user_agent, *accept_language;
};

extern const struct config_map forward_privacy_map;

/* Points into c. */
void forward_privacy(const struct forward_privacy_conf *c, struct privacy_conf *ret);

#endif
