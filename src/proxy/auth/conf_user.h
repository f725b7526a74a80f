/* A user of a proxy, as the configuration has it. Knows no rule. */
#ifndef PROXY_AUTH_CONF_USER_H
#define PROXY_AUTH_CONF_USER_H

#include "config/schema.h"

enum { PROXY_USERS_MAX = 10000, PROXY_USER_NAME_MAX = 128 /* octets */ };

struct proxy_user_conf {
	const char *name;
	const char *password; /* a record: crypt(3)'s or the suite's own */
};

extern const struct config_map proxy_user_map;

#endif
