/* The script for browsers, as the configuration has it. Knows no request. */
#ifndef FORWARD_PROXY_PAC_CONF_PAC_H
#define FORWARD_PROXY_PAC_CONF_PAC_H

#include "config/schema.h"

struct arena;

struct forward_pac_conf {
	struct config_list proxies, direct; /* const char * */
	bool plain_names, fallback;
};

extern const struct config_map forward_pac_map;

/* The script's text, in a. ENOMEM. */
MUST enum err forward_pac_text(struct arena *a, const struct forward_pac_conf *c, struct span *ret);

#endif
