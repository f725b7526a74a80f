#include "proxy/access-log/conf_log.h"

static const char *const formats[] = {"off", "json", "combined", NULL};
static const char *const clients[] = {"full", "network", "none", NULL};

static const struct config_key log_keys[] = {
	{.name = "format",
	 .type = CONFIG_CHOICE,
	 CONFIG_FIELD(struct access_log_conf, format),
	 .choices = formats,
	 .fallback = "off",
	 .help = "`json` is an object a line with all that is known; `combined` is what web "
		 "servers "
		 "write. The file is `access.log` in the service's state folder"},
	{.name = "clients",
	 .type = CONFIG_CHOICE,
	 CONFIG_FIELD(struct access_log_conf, clients),
	 .choices = clients,
	 .fallback = "full",
	 .help = "how much of a client's address is written: all of it, only its network (the /24 "
		 "of IPv4, the /48 of IPv6), or nothing"},
	{.name = "file-size",
	 .type = CONFIG_SIZE,
	 CONFIG_FIELD(struct access_log_conf, file_size),
	 .min = 64 << 10,
	 .fallback = "100M",
	 .help = "when the file is as large as this it becomes `access.log.1`, that one "
		 "`access.log.2` and so on; a reload opens it anew, for who moves files away "
		 "himself"},
	{.name = "files",
	 .type = CONFIG_INTEGER,
	 CONFIG_FIELD(struct access_log_conf, files),
	 .min = 1,
	 .max = 10000,
	 .fallback = "10",
	 .help = "how many files are kept, with the one that is being written"},
};

const struct config_map access_log_map = {
	.help = "What of each request is written down",
	.size = sizeof(struct access_log_conf),
	CONFIG_KEYS(log_keys),
	.alone = "format",
	.example = "{format: json, clients: network}",
};
