#include "service/reverse-proxy/conf_pool.h"

static const struct config_key server_keys[] = {
	{.name = "address",
	 .type = CONFIG_ENDPOINT,
	 .flags = CONFIG_REQUIRED,
	 CONFIG_FIELD(struct reverse_server_conf, address),
	 .example = "10.0.0.11:80",
	 .help = "where it listens"},
};

static const struct config_map server_map = {
	.help = "A server",
	.size = sizeof(struct reverse_server_conf),
	CONFIG_KEYS(server_keys),
	.alone = "address",
};

static const struct config_key pool_keys[] = {
	{.name = "name",
	 .type = CONFIG_TEXT,
	 .flags = CONFIG_ENTRY_NAME,
	 CONFIG_FIELD(struct reverse_pool_conf, name),
	 .min = 1,
	 .max = REVERSE_POOL_NAME_MAX,
	 .help = "what routes call it"},
	{.name = "servers",
	 .type = CONFIG_MAP,
	 .flags = CONFIG_REQUIRED | CONFIG_LIST,
	 CONFIG_FIELD(struct reverse_pool_conf, servers),
	 .map = &server_map,
	 .items_min = 1,
	 .items_max = REVERSE_SERVERS_MAX,
	 .example = "[\"10.0.0.11:80\", \"10.0.0.12:80\"]",
	 .help = "who answers"},
};

const struct config_map reverse_pool_map = {
	.help = "Servers that do the same",
	.size = sizeof(struct reverse_pool_conf),
	CONFIG_KEYS(pool_keys),
	.alone = "servers",
};
