/* Whose first octets are looked at of those that come through tunnels, as the configuration has it.
 * Knows no tunnel. */
#ifndef FORWARD_PROXY_CONF_TUNNELS_H
#define FORWARD_PROXY_CONF_TUNNELS_H

#include "config/schema.h"

enum { FORWARD_OTHER_PASS, FORWARD_OTHER_REFUSE };

struct forward_tunnels_conf {
	struct config_list tls_ports; /* const char *; forward_ports reads them */
	int other;		      /* FORWARD_OTHER_PASS… */
};

extern const struct config_map forward_tunnels_map;

#endif
