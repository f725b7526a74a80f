#include "service/dhcp-client/conf.h"

#include "proto/dhcp/option.h"

static const char *const identity_choices[] = {"duid", "mac", NULL};

static const struct config_key probing_keys[] = {
	{.name = "probes",
	 .type = CONFIG_INTEGER,
	 CONFIG_FIELD(struct client_probing_conf, probes),
	 .fallback = "3",
	 .max = 10,
	 .help = "how often is asked who has the address; 0 takes it unasked"},
	{.name = "wait",
	 .type = CONFIG_DURATION,
	 CONFIG_FIELD(struct client_probing_conf, wait_ms),
	 .fallback = "1s",
	 .max = 60000,
	 .help = "the first probe leaves after a random time of at most so long"},
	{.name = "min",
	 .type = CONFIG_DURATION,
	 CONFIG_FIELD(struct client_probing_conf, min_ms),
	 .fallback = "1s",
	 .max = 60000,
	 .help = "shortest time from one probe to the next"},
	{.name = "max",
	 .type = CONFIG_DURATION,
	 CONFIG_FIELD(struct client_probing_conf, max_ms),
	 .fallback = "2s",
	 .max = 60000,
	 .help = "longest time from one probe to the next"},
	{.name = "settle",
	 .type = CONFIG_DURATION,
	 CONFIG_FIELD(struct client_probing_conf, settle_ms),
	 .fallback = "2s",
	 .max = 60000,
	 .help = "answers are waited for so long behind the last probe"},
};

static void check_probing(const void *conf, struct config_at *at)
{
	const struct client_probing_conf *c = conf;
	if (c->min_ms > c->max_ms)
		config_fail(at, "min", "min is above max; write a shorter time");
}

static const struct config_map probing_map = {
	.help = "Looking for another holder of an address before it is used (RFC 5227)",
	.size = sizeof(struct client_probing_conf),
	CONFIG_KEYS(probing_keys),
	.check = check_probing,
};

static const struct config_key uplink_keys[] = {
	{.name = "interface",
	 .type = CONFIG_TEXT,
	 .flags = CONFIG_ENTRY_NAME,
	 CONFIG_FIELD(struct client_uplink_conf, interface),
	 .min = 1,
	 .max = CLIENT_INTERFACE_MAX,
	 .help = "The link that leads to the server"},
	{.name = "metric",
	 .type = CONFIG_INTEGER,
	 CONFIG_FIELD(struct client_uplink_conf, metric),
	 .fallback = "100",
	 .min = 1,
	 .max = 1000000,
	 .help = "of the routes that a lease brings; of several uplinks the lowest is used"},
	{.name = "identity",
	 .type = CONFIG_CHOICE,
	 CONFIG_FIELD(struct client_uplink_conf, identity),
	 .choices = identity_choices,
	 .fallback = "duid",
	 .help = "who we say we are: `duid`, this machine and the link (RFC 4361), or `mac`, the "
		 "link's address alone"},
	{.name = "host-name",
	 .type = CONFIG_TEXT,
	 CONFIG_FIELD(struct client_uplink_conf, host_name),
	 .min = 1,
	 .max = UPLINK_TEXT_MAX,
	 .example = "gateway",
	 .help = "a name to tell the server (option 12)"},
	{.name = "fqdn",
	 .type = CONFIG_NAME,
	 CONFIG_FIELD(struct client_uplink_conf, fqdn),
	 .example = "gateway.example.com",
	 .help = "a whole name to tell the server (option 81), for its DNS"},
	{.name = "vendor-class",
	 .type = CONFIG_TEXT,
	 CONFIG_FIELD(struct client_uplink_conf, vendor_class),
	 .min = 1,
	 .max = UPLINK_TEXT_MAX,
	 .example = "gatehouse",
	 .help = "what we say we are made by (option 60); some providers ask for a certain one"},
	{.name = "request",
	 .type = CONFIG_TEXT,
	 .flags = CONFIG_LIST | CONFIG_UNIQUE,
	 CONFIG_FIELD(struct client_uplink_conf, request),
	 .min = 1,
	 .max = 64,
	 .items_max = UPLINK_OPTIONS_MAX,
	 .fallback = "1, 121, 3, 33, 6, 15, 119, 26, 42, 58, 59",
	 .example = "[subnet-mask, classless-static-routes, routers, 6]",
	 .help = "options that the server is asked for, by name or number"},
	{.name = "servers-allowed",
	 .type = CONFIG_PREFIX,
	 .flags = CONFIG_LIST,
	 CONFIG_FIELD(struct client_uplink_conf, servers_allowed),
	 .example = "[192.0.2.1, 198.51.100.0/24]",
	 .help = "servers that are believed, the dearest first; all, unless set"},
	{.name = "addresses-allowed",
	 .type = CONFIG_PREFIX,
	 .flags = CONFIG_LIST,
	 CONFIG_FIELD(struct client_uplink_conf, addresses_allowed),
	 .example = "[203.0.113.0/24]",
	 .help = "addresses that are taken; all, unless set"},
	{.name = "addresses-refused",
	 .type = CONFIG_PREFIX,
	 .flags = CONFIG_LIST,
	 CONFIG_FIELD(struct client_uplink_conf, addresses_refused),
	 .example = "[192.168.100.0/24]",
	 .help = "addresses that are not taken though they are allowed: those of the networks "
		 "inside, or what a modem gives without its line"},
	{.name = "lease",
	 .type = CONFIG_DURATION,
	 CONFIG_FIELD(struct client_uplink_conf, lease_ms),
	 .min = LEASE_MIN_S * 1000,
	 .max = INT64_C(31536000000),
	 .example = "12h",
	 .help = "the lease time to ask for; the server's choice, unless set"},
	{.name = "start-delay",
	 .type = CONFIG_DURATION,
	 CONFIG_FIELD(struct client_uplink_conf, start_delay_ms),
	 .fallback = "10s",
	 .max = 600000,
	 .help = "the first message leaves after a random time from 1s to this, so that after a "
		 "power cut not all ask at once (RFC 2131 4.4.1)"},
	{.name = "offer-wait",
	 .type = CONFIG_DURATION,
	 CONFIG_FIELD(struct client_uplink_conf, offer_wait_ms),
	 .fallback = "1s",
	 .max = 60000,
	 .help = "how long other offers are waited for once there is one"},
	{.name = "message-max",
	 .type = CONFIG_INTEGER,
	 CONFIG_FIELD(struct client_uplink_conf, message_max),
	 .fallback = "1500",
	 .min = 576,
	 .max = 1500,
	 .help = "the longest packet that a server may send, in octets (option 57)"},
	{.name = "broadcast",
	 .type = CONFIG_BOOL,
	 CONFIG_FIELD(struct client_uplink_conf, broadcast),
	 .fallback = "off",
	 .help = "ask the server to answer by broadcast"},
	{.name = "rapid-commit",
	 .type = CONFIG_BOOL,
	 CONFIG_FIELD(struct client_uplink_conf, rapid_commit),
	 .fallback = "off",
	 .help = "take a lease in two messages where the server can (RFC 4039)"},
	{.name = "force-renew",
	 .type = CONFIG_BOOL,
	 CONFIG_FIELD(struct client_uplink_conf, force_renew),
	 .fallback = "on",
	 .help = "let the server ask for a renewal, when it proves who it is (RFC 6704)"},
	{.name = "ipv6-only",
	 .type = CONFIG_BOOL,
	 CONFIG_FIELD(struct client_uplink_conf, ipv6_only),
	 .fallback = "off",
	 .help = "go without an IPv4 address where the network prefers that (RFC 8925); it is "
		 "asked "
		 "again after the time that the server says, at least 5 minutes, or when the link "
		 "comes back"},
	{.name = "keep-unconfirmed",
	 .type = CONFIG_BOOL,
	 CONFIG_FIELD(struct client_uplink_conf, keep_unconfirmed),
	 .fallback = "on",
	 .help = "after a restart, use a lease that is not over though no server answers (RFC "
		 "2131 3.2)"},
	{.name = "defend-always",
	 .type = CONFIG_BOOL,
	 CONFIG_FIELD(struct client_uplink_conf, defend_always),
	 .fallback = "off",
	 .help = "keep an address though another host claims it again and again (RFC 5227 2.4 c); "
		 "else two claims within 10 seconds make us ask for another one, which anybody on "
		 "the link can bring about"},
	{.name = "release-on-stop",
	 .type = CONFIG_BOOL,
	 CONFIG_FIELD(struct client_uplink_conf, release_on_stop),
	 .fallback = "off",
	 .help = "give the address back when the service stops; else it is asked for again at the "
		 "next start"},
	{.name = "routes",
	 .type = CONFIG_BOOL,
	 CONFIG_FIELD(struct client_uplink_conf, routes),
	 .fallback = "on",
	 .help = "set the routes of a lease, the default route among them"},
	{.name = "mtu",
	 .type = CONFIG_BOOL,
	 CONFIG_FIELD(struct client_uplink_conf, mtu),
	 .fallback = "on",
	 .help = "set the link's MTU as a lease says"},
	{.name = "resolver",
	 .type = CONFIG_BOOL,
	 CONFIG_FIELD(struct client_uplink_conf, resolver),
	 .fallback = "on",
	 .help = "write the DNS servers of a lease where `resolver-file` says, and tell them as "
		 "`forwarders`"},
	{.name = "ipv4",
	 .type = CONFIG_BOOL,
	 CONFIG_FIELD(struct client_uplink_conf, ipv4),
	 .fallback = "on",
	 .help = "ask for an IPv4 address"},
	{.name = "ipv6",
	 .type = CONFIG_MAP,
	 CONFIG_FIELD(struct client_uplink_conf, v6),
	 CONFIG_PRESENT(struct client_uplink_conf, has_v6),
	 .map = &client_v6_map,
	 .help = "DHCPv6: addresses and delegated prefixes"},
	{.name = "probing",
	 .type = CONFIG_MAP,
	 CONFIG_FIELD(struct client_uplink_conf, probing),
	 .map = &probing_map,
	 .help = "looking for another holder of an address before it is used"},
};

/* A name of the table, or a number that can be an option's; false: neither. */
static bool option_code(const char *text, uint8_t *ret)
{
	const struct dhcp_option_info *info = dhcp_option_by_name(span_text(text));
	uint64_t number;
	if (info) {
		*ret = info->code;
		return true;
	}
	if (!span_to_u64(span_text(text), DHCP_OPT_END - 1, &number) || number == DHCP_OPT_PAD)
		return false;
	*ret = (uint8_t)number;
	return true;
}

static void check_family(const struct config_list *list, const char *key, struct config_at *at)
{
	const struct ip_prefix *items = list->items;
	for (size_t i = 0; i < list->n; i++)
		if (items[i].address.family != 4)
			config_fail_item(at, key, i, "only IPv4 addresses stand here");
}

static void check_uplink(const void *conf, struct config_at *at)
{
	const struct client_uplink_conf *c = conf;
	const char *const *request = c->request.items;
	uint8_t code;
	for (size_t i = 0; i < c->request.n; i++)
		if (!option_code(request[i], &code))
			config_fail_item(at, "request", i,
					 "'%s' is no option; write a name such as routers, or a "
					 "number from 1 to 254",
					 request[i]);
	check_family(&c->servers_allowed, "servers-allowed", at);
	check_family(&c->addresses_allowed, "addresses-allowed", at);
	check_family(&c->addresses_refused, "addresses-refused", at);
	if (c->host_name && c->fqdn.len)
		config_fail(at, "host-name", "fqdn says it already; write one of the two");
	for (const char *name = c->interface; *name; name++)
		if (*name == '/' || *name <= ' ')
			config_fail(at, NULL, "'%s' cannot be the name of a link", c->interface);
}

static const struct config_map uplink_map = {
	.help = "One link whose address comes from a server",
	.size = sizeof(struct client_uplink_conf),
	CONFIG_KEYS(uplink_keys),
	.check = check_uplink,
	.example = "{metric: 100, servers-allowed: [192.0.2.1]}",
};

static const struct config_key client_keys[] = {
	{.name = "uplinks",
	 .type = CONFIG_DICTIONARY,
	 .flags = CONFIG_REQUIRED,
	 CONFIG_FIELD(struct client_conf, uplinks),
	 .map = &uplink_map,
	 .items_min = 1,
	 .items_max = CLIENT_UPLINKS_MAX,
	 .help = "the links whose addresses come from servers, by name"},
	{.name = "resolver-file",
	 .type = CONFIG_BOOL,
	 CONFIG_FIELD(struct client_conf, resolver_file),
	 .fallback = "off",
	 .help = "write the DNS servers and search lists of the leases to `resolv.conf` in the "
		 "state directory of this service, which others may then read; /etc/resolv.conf "
		 "can be a link to it"},
	{.name = "forwarders",
	 .type = CONFIG_BOOL,
	 CONFIG_FIELD(struct client_conf, forwarders),
	 .fallback = "off",
	 .help = "tell the DNS servers of the leases to this machine's resolver, which asks them "
		 "when `resolver: forwarders` is on"},
};

const struct config_map dhcp_client_conf_map = {
	.help = "The client of the gateway's uplinks: asks servers for addresses and sets them",
	.size = sizeof(struct client_conf),
	CONFIG_KEYS(client_keys),
};
