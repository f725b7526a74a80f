/* The keys of `ipv6` of an uplink. */
#include "service/dhcp-client/conf.h"

static const struct config_key delegate_keys[] = {
	{.name = "interface",
	 .type = CONFIG_TEXT,
	 .flags = CONFIG_REQUIRED,
	 CONFIG_FIELD(struct client_delegate_conf, interface),
	 .min = 1,
	 .max = CLIENT_INTERFACE_MAX,
	 .example = "lan0",
	 .help = "the link that gets the first address of the subnet"},
	{.name = "subnet-id",
	 .type = CONFIG_INTEGER,
	 CONFIG_FIELD(struct client_delegate_conf, subnet_id),
	 .fallback = "0",
	 .max = UINT32_MAX,
	 .help = "number of the subnet within the delegated prefix"},
	{.name = "length",
	 .type = CONFIG_INTEGER,
	 CONFIG_FIELD(struct client_delegate_conf, length),
	 .fallback = "64",
	 .min = 48,
	 .max = 127,
	 .help = "length of the subnet's prefix; hosts configure themselves only in one of 64"},
};

static const struct config_map delegate_map = {
	.help = "A link that gets a part of the delegated prefix",
	.size = sizeof(struct client_delegate_conf),
	CONFIG_KEYS(delegate_keys),
	.example = "{interface: lan0, subnet-id: 1}",
};

static const struct config_key v6_keys[] = {
	{.name = "address",
	 .type = CONFIG_BOOL,
	 CONFIG_FIELD(struct client_v6_conf, address),
	 .fallback = "on",
	 .help = "ask for an address of the uplink itself"},
	{.name = "prefix",
	 .type = CONFIG_BOOL,
	 CONFIG_FIELD(struct client_v6_conf, prefix),
	 .fallback = "on",
	 .help = "ask for a prefix to delegate"},
	{.name = "prefix-length",
	 .type = CONFIG_INTEGER,
	 CONFIG_FIELD(struct client_v6_conf, prefix_length),
	 .fallback = "0",
	 .max = 64,
	 .help = "the length to ask for; 0 leaves it to the server"},
	{.name = "delegate",
	 .type = CONFIG_MAP,
	 .flags = CONFIG_LIST,
	 CONFIG_FIELD(struct client_v6_conf, delegate),
	 .map = &delegate_map,
	 .items_max = CLIENT_DELEGATES_MAX,
	 .help = "the links that get subnets of the prefix; the rest of it is unreachable"},
	{.name = "request",
	 .type = CONFIG_INTEGER,
	 .flags = CONFIG_LIST | CONFIG_UNIQUE,
	 CONFIG_FIELD(struct client_v6_conf, request),
	 .min = 1,
	 .max = 65535,
	 .items_max = UPLINK6_REQUEST_MAX,
	 .fallback = "23, 24, 56",
	 .help = "options that the server is asked for, by number"},
	{.name = "rapid-commit",
	 .type = CONFIG_BOOL,
	 CONFIG_FIELD(struct client_v6_conf, rapid_commit),
	 .fallback = "off",
	 .help = "take a lease in two messages where the server can"},
	{.name = "reconfigure",
	 .type = CONFIG_BOOL,
	 CONFIG_FIELD(struct client_v6_conf, reconfigure),
	 .fallback = "on",
	 .help = "let the server ask for a renewal, when it proves who it is (RFC 8415 20.4)"},
	{.name = "servers-allowed",
	 .type = CONFIG_PREFIX,
	 .flags = CONFIG_LIST,
	 CONFIG_FIELD(struct client_v6_conf, servers_allowed),
	 .example = "[\"fe80::1\"]",
	 .help = "source addresses of servers that are believed; all, unless set"},
	{.name = "leases-allowed",
	 .type = CONFIG_PREFIX,
	 .flags = CONFIG_LIST,
	 CONFIG_FIELD(struct client_v6_conf, leases_allowed),
	 .example = "[\"2001:db8::/32\"]",
	 .help = "addresses and prefixes that are taken; all, unless set"},
};

static void check_family(const struct config_list *list, const char *key, struct config_at *at)
{
	const struct ip_prefix *items = list->items;
	for (size_t i = 0; i < list->n; i++)
		if (items[i].address.family != 6)
			config_fail_item(at, key, i, "only IPv6 addresses stand here");
}

static void check_v6(const void *conf, struct config_at *at)
{
	const struct client_v6_conf *c = conf;
	const struct client_delegate_conf *d = c->delegate.items;
	check_family(&c->servers_allowed, "servers-allowed", at);
	check_family(&c->leases_allowed, "leases-allowed", at);
	if (c->delegate.n && !c->prefix)
		config_fail(at, "delegate", "prefix is off; nothing can be delegated");
	for (size_t i = 0; i < c->delegate.n; i++)
		for (size_t k = 0; k < i; k++)
			if (d[i].subnet_id == d[k].subnet_id && d[i].length == d[k].length)
				config_fail_item(at, "delegate", i,
						 "the subnet %u is given to %s already",
						 (unsigned)d[i].subnet_id, d[k].interface);
}

const struct config_map client_v6_map = {
	.help = "DHCPv6 on this uplink; that it is written turns it on. Routes come by router "
		"advertisements, which are the kernel's business: accept_ra is 2 where it forwards",
	.size = sizeof(struct client_v6_conf),
	CONFIG_KEYS(v6_keys),
	.check = check_v6,
	.example = "{delegate: [{interface: lan0, subnet-id: 1}]}",
};

void client_rules6_fill(const struct client_uplink_conf *conf, const uint8_t mac[IP_MAC_LEN],
			struct span duid, struct client_rules6 *ret)
{
	const struct client_v6_conf *c = &conf->v6;
	const int64_t *request = c->request.items;
	size_t n = 0;
	for (; n < c->request.n && n < UPLINK6_REQUEST_MAX; n++)
		ret->request[n] = (uint16_t)request[n];
	ret->rules = (struct uplink6_rules){
		.duid = duid,
		.iaid = client_iaid(mac),
		.address = c->address,
		.prefix = c->prefix,
		.prefix_length = (uint8_t)c->prefix_length,
		.request = ret->request,
		.request_n = n,
		.rapid_commit = c->rapid_commit,
		.reconfigure = c->reconfigure,
		.servers_allowed = c->servers_allowed.items,
		.servers_allowed_n = c->servers_allowed.n,
		.leases_allowed = c->leases_allowed.items,
		.leases_allowed_n = c->leases_allowed.n,
		.release_on_stop = conf->release_on_stop,
	};
}
