/* The keys of IPv6, judged. */
#include "service/nat/conf_v6.h"

#include "proto/ip/nat64.h"

static const struct config_key prefix_keys[] = {
	{.name = "inside",
	 .type = CONFIG_PREFIX,
	 .flags = CONFIG_REQUIRED,
	 CONFIG_FIELD(struct nat_prefix_conf, inside),
	 .example = "fd01:203:405::/48",
	 .help = "the prefix that hosts inside have"},
	{.name = "outside",
	 .type = CONFIG_PREFIX,
	 .flags = CONFIG_REQUIRED,
	 CONFIG_FIELD(struct nat_prefix_conf, outside),
	 .example = "2001:470:1::/48",
	 .help = "the prefix of the same length that the world sees instead"},
};

const struct config_map nat_prefix_conf_map = {
	.help = "A prefix of IPv6 that is another one outside (RFC 6296)",
	.size = sizeof(struct nat_prefix_conf),
	CONFIG_KEYS(prefix_keys),
	CONFIG_LINE(struct nat_prefix_conf, line),
	.example = "{inside: \"fd01:203:405::/48\", outside: \"2001:470:1::/48\"}",
};

static bool overlap(const struct ip_prefix *a, const struct ip_prefix *b)
{
	const struct ip_prefix *wide = a->bits < b->bits ? a : b, *narrow = wide == a ? b : a;
	return ip_prefix_contains(wide, &narrow->address);
}

static void check_prefix(const struct nat_v6_conf *c, size_t i, struct config_at *at)
{
	const struct nat_prefix_conf *all = c->prefixes.items, *mine = &all[i];
	if (mine->inside.address.family != 6 || mine->outside.address.family != 6 ||
	    mine->inside.bits != mine->outside.bits || mine->inside.bits == 0 ||
	    mine->inside.bits > NAT_CONF_PREFIX_BITS_MAX) {
		config_fail_item(at, "nptv6", i,
				 "write two prefixes of IPv6 of the same length, up to /%d",
				 NAT_CONF_PREFIX_BITS_MAX);
		return;
	}
	if (ip_address_is_private(&mine->outside.address)) {
		config_fail_item(at, "nptv6", i,
				 "the outside prefix is private; nobody outside can answer to it");
		return;
	}
	if (overlap(&mine->inside, &mine->outside))
		config_fail_item(at, "nptv6", i, "the two prefixes overlap");
	for (size_t o = 0; o < i; o++)
		if (overlap(&mine->inside, &all[o].inside) ||
		    overlap(&mine->outside, &all[o].outside)) {
			config_fail_item(at, "nptv6", i,
					 "a prefix is translated in line %u already", all[o].line);
			return;
		}
}

void nat_v6_conf_check(const struct nat_v6_conf *c, struct config_at *at)
{
	for (size_t i = 0; i < c->prefixes.n; i++)
		check_prefix(c, i, at);
	if (c->nat64.address.family && !ip_nat64_prefix_is_valid(&c->nat64))
		config_fail(at, "nat64",
			    "a prefix for NAT64 is of IPv6 and has 32, 40, 48, 56, 64 or 96 bits, "
			    "bits 64 to 71 zero; write 64:ff9b::/96");
	if (!c->forward && (c->prefixes.n || c->nat64.address.family))
		config_fail(at, "ipv6",
			    "`nptv6` and `nat64` need it; leave it on, or leave them out");
}
