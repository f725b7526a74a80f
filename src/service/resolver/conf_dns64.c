/* The `dns64` section of the resolver: its keys and checks. */
#include "service/resolver/conf.h"

#include "proto/ip/nat64.h"

#define PREFIXES_MAX 8

static const char prefix_wrong[] = "a translator's prefix has 32, 40, 48, 56, 64 or 96 bits of "
				   "IPv6, and zeros in bits 64 to 71 "
				   "(RFC 6052); write one like 2001:db8:64::/96";

static const struct config_key range_keys[] = {
	{.name = "ipv4",
	 .type = CONFIG_PREFIX,
	 .flags = CONFIG_REQUIRED,
	 CONFIG_FIELD(struct dns64_map, from),
	 .example = "10.0.0.0/8",
	 .help = "IPv4 addresses; where ranges hold one another, the most specific decides"},
	{.name = "prefix",
	 .type = CONFIG_PREFIX,
	 .flags = CONFIG_REQUIRED,
	 CONFIG_FIELD(struct dns64_map, to),
	 .example = "\"2001:db8:64::/96\"",
	 .help = "the prefix of the translator that reaches them"},
};

static void check_range(const void *conf, struct config_at *at)
{
	const struct dns64_map *map = conf;
	if (map->from.address.family != 4)
		config_fail(at, "ipv4", "this is not a range of IPv4; write one like 10.0.0.0/8");
	if (!ip_nat64_prefix_is_valid(&map->to))
		config_fail(at, "prefix", "%s", prefix_wrong);
}

static const struct config_map range_map = {
	.help = "IPv4 addresses with a translator of their own",
	.size = sizeof(struct dns64_map),
	CONFIG_KEYS(range_keys),
	.check = check_range,
	.example = "{ipv4: 10.0.0.0/8, prefix: \"2001:db8:64::/96\"}",
};

static const struct config_key dns64_keys[] = {
	{.name = "prefixes",
	 .type = CONFIG_PREFIX,
	 .flags = CONFIG_LIST | CONFIG_UNIQUE,
	 CONFIG_FIELD(struct resolver_dns64_conf, prefixes),
	 .items_min = 1,
	 .items_max = PREFIXES_MAX,
	 .fallback = "64:ff9b::/96",
	 .example = "\"2001:db8:64::/96\"",
	 .help = "the prefixes of the translators; an address is made with each. With the "
		 "well-known 64:ff9b::/96 none is made for private and other special IPv4 "
		 "addresses (RFC 6052 3.1)"},
	{.name = "ranges",
	 .type = CONFIG_MAP,
	 .flags = CONFIG_LIST,
	 CONFIG_FIELD(struct resolver_dns64_conf, ranges),
	 .map = &range_map,
	 .help = "IPv4 addresses for which another prefix is used than `prefixes`"},
	{.name = "unmapped",
	 .type = CONFIG_PREFIX,
	 .flags = CONFIG_LIST,
	 CONFIG_FIELD(struct resolver_dns64_conf, unmapped),
	 .example = "[192.168.0.0/16]",
	 .help = "IPv4 addresses of which nothing is made"},
	{.name = "clients",
	 .type = CONFIG_PREFIX,
	 .flags = CONFIG_LIST,
	 CONFIG_FIELD(struct resolver_dns64_conf, clients),
	 .fallback = "::/0",
	 .example = "[\"2001:db8:1::/48\"]",
	 .help = "who gets such answers; those who ask over IPv4 have IPv4, and need none"},
	{.name = "exclude",
	 .type = CONFIG_PREFIX,
	 .flags = CONFIG_LIST,
	 CONFIG_FIELD(struct resolver_dns64_conf, exclude),
	 .fallback = "::ffff:0:0/96",
	 .example = "[\"::ffff:0:0/96\", \"2001:db8:bad::/48\"]",
	 .help = "AAAA records in these ranges are taken for absent (RFC 6147 5.1.4)"},
};

static void check_family(const struct config_list *list, const char *key, uint8_t family,
			 struct config_at *at)
{
	const struct ip_prefix *p = list->items;
	for (size_t i = 0; i < list->n; i++)
		if (p[i].address.family != family)
			config_fail_item(at, key, i, "this is not a range of IPv%u; write one",
					 family);
}

static void check_dns64(const void *conf, struct config_at *at)
{
	const struct resolver_dns64_conf *c = conf;
	const struct ip_prefix *p = c->prefixes.items;
	for (size_t i = 0; i < c->prefixes.n; i++)
		if (!ip_nat64_prefix_is_valid(&p[i]))
			config_fail_item(at, "prefixes", i, "%s", prefix_wrong);
	check_family(&c->unmapped, "unmapped", 4, at);
	check_family(&c->exclude, "exclude", 6, at);
}

const struct config_map resolver_dns64_map = {
	.help = "AAAA records for hosts without IPv4, made of A records (RFC 6147). `{}` turns it "
		"on",
	.size = sizeof(struct resolver_dns64_conf),
	CONFIG_KEYS(dns64_keys),
	.check = check_dns64,
	.example = "{prefixes: \"2001:db8:64::/96\"}",
};
