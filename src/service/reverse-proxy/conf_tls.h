/* The certificates that clients are shown, as the configuration has them. Reads none of their
 * files.
 */
#ifndef REVERSE_PROXY_CONF_TLS_H
#define REVERSE_PROXY_CONF_TLS_H

#include "config/schema.h"

enum { REVERSE_CERTIFICATES_MAX = 4096 };

struct reverse_certificate_conf {
	const char *chain, *key; /* paths of PEM files */
	uint32_t line;
};

extern const struct config_map reverse_certificate_map;

#endif
