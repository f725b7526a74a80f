#include "service/reverse-proxy/conf_tls.h"

static const struct config_key certificate_keys[] = {
	{.name = "chain",
	 .type = CONFIG_PATH,
	 .flags = CONFIG_REQUIRED,
	 CONFIG_FIELD(struct reverse_certificate_conf, chain),
	 .example = "/etc/gatehouse/www.pem",
	 .help = "file of the certificate and of those that lead to its root, the server's first "
		 "(PEM); read anew by a reload"},
	{.name = "key",
	 .type = CONFIG_PATH,
	 .flags = CONFIG_REQUIRED,
	 CONFIG_FIELD(struct reverse_certificate_conf, key),
	 .example = "/etc/gatehouse/www.key",
	 .help = "file of its key (PEM, not encrypted), which the services' user must be able to "
		 "read for a reload"},
};

const struct config_map reverse_certificate_map = {
	.help = "A certificate; its names say for which hosts it is",
	.size = sizeof(struct reverse_certificate_conf),
	CONFIG_KEYS(certificate_keys),
	CONFIG_LINE(struct reverse_certificate_conf, line),
};
