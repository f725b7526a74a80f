#include "service/forward-proxy/conf_tunnels.h"

#include "service/forward-proxy/ports.h"

static const char *const others[] = {"pass", "refuse", NULL};

static const struct config_key tunnels_keys[] = {
	{.name = "tls-ports",
	 .type = CONFIG_TEXT,
	 .flags = CONFIG_LIST | CONFIG_UNIQUE,
	 CONFIG_FIELD(struct forward_tunnels_conf, tls_ports),
	 .min = 1,
	 .max = 11,
	 .items_max = PORTS_MAX,
	 .fallback = "443",
	 .example = "[443, 8443]",
	 .help = "ports and ranges of them at which the name that a client asks the server for in "
		 "its ClientHello (SNI) is judged as a name that it connects to is, by `access` "
		 "and `policy`; `[]`: none. Not for protocols in which a client that begins as "
		 "TLS does means something else"},
	{.name = "other",
	 .type = CONFIG_CHOICE,
	 CONFIG_FIELD(struct forward_tunnels_conf, other),
	 .choices = others,
	 .fallback = "pass",
	 .help = "what becomes of a tunnel to such a port in which the client does not begin with "
		 "TLS"},
};

const struct config_map forward_tunnels_map = {
	.help = "What is looked at in tunnels, by CONNECT and SOCKS, without decrypting anything",
	.size = sizeof(struct forward_tunnels_conf),
	CONFIG_KEYS(tunnels_keys),
};
