#include "service/nat/conf_log.h"

#include "proto/ipfix/message.h"

enum { FILES_MAX = 1000 };

static const struct config_key log_keys[] = {
	{.name = "file",
	 .type = CONFIG_BOOL,
	 CONFIG_FIELD(struct nat_log_conf, file),
	 .fallback = "off",
	 .help = "to `translations.json` in the service's state folder, a line of JSON for each"},
	{.name = "file-size",
	 .type = CONFIG_SIZE,
	 CONFIG_FIELD(struct nat_log_conf, file_size),
	 .fallback = "64M",
	 .min = 64 * 1024,
	 .max = INT64_C(1) << 40,
	 .help = "when the file is as large as this it becomes `translations.json.1`, that one "
		 "`.2`, and so on"},
	{.name = "files",
	 .type = CONFIG_INTEGER,
	 CONFIG_FIELD(struct nat_log_conf, files),
	 .fallback = "8",
	 .min = 1,
	 .max = FILES_MAX,
	 .help = "how many files are kept, with the one that is being written"},
	{.name = "collector",
	 .type = CONFIG_ENDPOINT,
	 CONFIG_FIELD(struct nat_log_conf, collector),
	 .port = IPFIX_PORT,
	 .example = "192.0.2.9",
	 .help = "to whom the same is sent by IPFIX over UDP (RFC 7011, RFC 8158)"},
	{.name = "domain",
	 .type = CONFIG_INTEGER,
	 CONFIG_FIELD(struct nat_log_conf, domain),
	 .fallback = "1",
	 .min = 0,
	 .max = UINT32_MAX,
	 .help = "the observation domain by which the collector knows this translator"},
	{.name = "templates",
	 .type = CONFIG_DURATION,
	 CONFIG_FIELD(struct nat_log_conf, templates_ms),
	 .fallback = "10m",
	 .min = 1000,
	 .max = INT64_C(86400000),
	 .help = "how often IPFIX templates are sent again, for a collector that was not there"},
	{.name = "mappings",
	 .type = CONFIG_BOOL,
	 CONFIG_FIELD(struct nat_log_conf, mappings),
	 .fallback = "on",
	 .help = "each public port that a host is given and gives back. With `port-block` the "
		 "blocks "
		 "are enough, and are always logged"},
	{.name = "flows",
	 .type = CONFIG_BOOL,
	 CONFIG_FIELD(struct nat_log_conf, flows),
	 .fallback = "off",
	 .help = "each flow's beginning and end, with its octets"},
	{.name = "destinations",
	 .type = CONFIG_BOOL,
	 CONFIG_FIELD(struct nat_log_conf, destinations),
	 .fallback = "off",
	 .help = "whom a host has spoken with; RFC 6888 REQ-12 says not to keep that unless the "
		 "law wants it"},
};

static void check(const void *conf, struct config_at *at)
{
	const struct nat_log_conf *c = conf;
	if (c->destinations && !c->flows)
		config_fail(at, "destinations",
			    "a mapping has no destination; write `flows: on` as well");
}

const struct config_map nat_log_conf_map = {
	.help = "A log of translations, for whoever must say later which host a public port was",
	.size = sizeof(struct nat_log_conf),
	CONFIG_KEYS(log_keys),
	.check = check,
	.example = "{file: on}",
};
