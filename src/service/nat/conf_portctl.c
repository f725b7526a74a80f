#include "service/nat/conf_portctl.h"

#include "service/nat/conf.h"
#include "service/nat/portctl_rules.h"

#include <stdlib.h>

enum {
	ALLOW_MAX = 64,
	FROM_MAX = 64,
	MAPPINGS_MAX = 65536,
	LIFETIME_MAX_S = 365 * 24 * 3600,
};

static const struct config_key allow_keys[] = {
	{.name = "from",
	 .type = CONFIG_TEXT,
	 .flags = CONFIG_LIST | CONFIG_UNIQUE,
	 CONFIG_FIELD(struct portctl_allow_conf, from),
	 .min = 1,
	 .max = 253,
	 .items_max = FROM_MAX,
	 .example = "[inside, 192.168.7.20]",
	 .help = "who may: zones, addresses, networks; everybody inside, unless set"},
	{.name = "traffic",
	 .type = CONFIG_TEXT,
	 .flags = CONFIG_LIST | CONFIG_UNIQUE,
	 CONFIG_FIELD(struct portctl_allow_conf, traffic),
	 .min = 1,
	 .max = 40,
	 .items_max = PORTCTL_TRAFFIC_MAX / NAT_TRAFFICS_MAX,
	 .fallback = "1024-65535",
	 .example = "[443/tcp, 1024-65535/udp]",
	 .help = "the ports, of the host and of the public address: `443/tcp`, `8000-8010/udp`, or "
		 "`53` for both protocols"},
};

/* False: not of TCP or UDP, or no traffic at all. */
static bool ports_read(const char *text, struct nat_traffics *ret)
{
	if (nat_traffic_parse(span_text(text), ret))
		return false;
	for (size_t i = 0; i < ret->n; i++)
		if (ret->items[i].proto != NAT_PROTO_TCP && ret->items[i].proto != NAT_PROTO_UDP)
			return false;
	return true;
}

static void check_allow(const void *conf, struct config_at *at)
{
	const struct portctl_allow_conf *c = conf;
	const char *const *traffic = c->traffic.items;
	struct nat_traffics ports;
	for (size_t i = 0; i < c->traffic.n; i++)
		if (!ports_read(traffic[i], &ports))
			config_fail_item(at, "traffic", i,
					 "'%s' is no ports of TCP or UDP; write 8080/tcp, "
					 "1024-65535/udp, or 8080 for both",
					 traffic[i]);
}

static const struct config_map allow_map = {
	.help = "Who may open which ports",
	.size = sizeof(struct portctl_allow_conf),
	CONFIG_KEYS(allow_keys),
	.check = check_allow,
	.example = "{from: inside, traffic: 1024-65535}",
};

static const struct config_key portctl_keys[] = {
	{.name = "pcp",
	 .type = CONFIG_BOOL,
	 CONFIG_FIELD(struct portctl_conf, pcp),
	 .fallback = "off",
	 .help = "hosts inside may ask by PCP (RFC 6887)"},
	{.name = "nat-pmp",
	 .type = CONFIG_BOOL,
	 CONFIG_FIELD(struct portctl_conf, nat_pmp),
	 .fallback = "off",
	 .help = "hosts inside may ask by NAT-PMP (RFC 6886)"},
	{.name = "upnp",
	 .type = CONFIG_BOOL,
	 CONFIG_FIELD(struct portctl_conf, upnp),
	 .fallback = "off",
	 .help = "hosts inside may ask by UPnP: this machine is an Internet gateway device 2"},
	{.name = "allow",
	 .type = CONFIG_MAP,
	 .flags = CONFIG_LIST,
	 CONFIG_FIELD(struct portctl_conf, allow),
	 .map = &allow_map,
	 .items_max = ALLOW_MAX,
	 .help = "who may open which ports; without any, all hosts inside ports 1024 to 65535"},
	{.name = "mappings",
	 .type = CONFIG_INTEGER,
	 CONFIG_FIELD(struct portctl_conf, mappings),
	 .fallback = "1024",
	 .min = 1,
	 .max = MAPPINGS_MAX,
	 .help = "mappings at once: so many of IPv4 hosts, and so many of IPv6 hosts"},
	{.name = "host-mappings",
	 .type = CONFIG_INTEGER,
	 CONFIG_FIELD(struct portctl_conf, host_mappings),
	 .fallback = "32",
	 .min = 1,
	 .max = MAPPINGS_MAX,
	 .help = "mappings of one address inside"},
	{.name = "lifetime-min",
	 .type = CONFIG_DURATION,
	 CONFIG_FIELD(struct portctl_conf, lifetime_min_ms),
	 .fallback = "2m",
	 .min = 1000,
	 .max = INT64_C(1000) * LIFETIME_MAX_S,
	 .help = "a mapping lives at least so long, unless its host deletes it"},
	{.name = "lifetime-max",
	 .type = CONFIG_DURATION,
	 CONFIG_FIELD(struct portctl_conf, lifetime_max_ms),
	 .fallback = "1d",
	 .min = 1000,
	 .max = INT64_C(1000) * LIFETIME_MAX_S,
	 .help = "and at most so long, unless its host asks again"},
	{.name = "third-party",
	 .type = CONFIG_PREFIX,
	 .flags = CONFIG_LIST,
	 CONFIG_FIELD(struct portctl_conf, third_party),
	 .items_max = FROM_MAX,
	 .example = "[192.168.7.2]",
	 .help = "hosts that may open ports of other hosts by PCP; nobody, unless set"},
	{.name = "upnp-port",
	 .type = CONFIG_INTEGER,
	 CONFIG_FIELD(struct portctl_conf, upnp_port),
	 .fallback = "1900",
	 .min = 1,
	 .max = 65535,
	 .help = "the TCP port of UPnP's HTTP; hosts learn it by discovery"},
};

static void check_portctl(const void *conf, struct config_at *at)
{
	const struct portctl_conf *c = conf;
	if (c->lifetime_min_ms > c->lifetime_max_ms)
		config_fail(at, "lifetime-min", "lifetime-min is above lifetime-max");
}

const struct config_map portctl_conf_map = {
	.help = "Ports that hosts inside open for themselves",
	.size = sizeof(struct portctl_conf),
	CONFIG_KEYS(portctl_keys),
	.check = check_portctl,
	.example = "{pcp: on, upnp: on, allow: {from: inside}}",
};

void portctl_conf_check(const struct nat_conf *nat, const struct portctl_conf *c,
			struct config_at *at)
{
	const struct portctl_allow_conf *allow = c->allow.items;
	for (size_t i = 0; i < c->allow.n; i++)
		for (size_t k = 0; k < allow[i].from.n; k++) {
			const char *text = ((const char *const *)allow[i].from.items)[k];
			struct config_step steps[] = {
				{"port-control", CONFIG_STEP_WHOLE}, {"allow", i}, {"from", k}};
			struct nat_who who;
			if (nat_who_parse(nat, span_text(text), &who) || who.kind == NAT_WHO_NAME)
				config_fail_inside(at, steps, 3,
						   "'%s' is no zone, address or network; a "
						   "host's name cannot stand here",
						   text);
			else if (who.kind == NAT_WHO_ZONE &&
				 !(nat_conf_zones_inside(nat) >> who.zone & 1))
				config_fail_inside(at, steps, 3, "'%s' is no zone inside", text);
		}
}

/* --- to rules --- */

struct compiled {
	struct portctl_rules rules;
	struct portctl_rule *list;
	const char **zones;
	struct ip_prefix *hosts;
};

static void traffic_add(struct portctl_rule *rule, const char *text)
{
	struct nat_traffics ports;
	if (!ports_read(text, &ports))
		return; /* judged by check_allow */
	for (size_t i = 0; i < ports.n && rule->traffic_n < PORTCTL_TRAFFIC_MAX; i++)
		rule->traffic[rule->traffic_n++] = (struct portctl_traffic){
			ports.items[i].proto, ports.items[i].first, ports.items[i].last};
}

/* zones, hosts: room for FROM_MAX each. */
static void rule_fill(struct portctl_rule *rule, const struct nat_conf *nat,
		      const struct portctl_allow_conf *c, const char **zones,
		      struct ip_prefix *hosts)
{
	const char *const *from = c->from.items, *const *traffic = c->traffic.items;
	for (size_t i = 0; i < c->from.n; i++) {
		struct nat_who who;
		if (nat_who_parse(nat, span_text(from[i]), &who))
			continue; /* judged by portctl_conf_check */
		if (who.kind == NAT_WHO_ZONE)
			zones[rule->zones_n++] = nat_conf_zone_name(nat, who.zone);
		else if (who.kind == NAT_WHO_PREFIX)
			hosts[rule->hosts_n++] = who.prefix;
	}
	rule->zones = zones;
	rule->hosts = hosts;
	for (size_t i = 0; i < c->traffic.n; i++)
		traffic_add(rule, traffic[i]);
}

enum err portctl_rules_new(const struct nat_conf *nat, const struct portctl_conf *c,
			   struct portctl_rules **ret)
{
	size_t n = c->allow.n ? c->allow.n : 1;
	struct compiled *made = calloc(1, sizeof(*made));
	if (made) {
		made->list = calloc(n, sizeof(*made->list));
		made->zones = calloc(n * FROM_MAX, sizeof(*made->zones));
		made->hosts = calloc(n * FROM_MAX, sizeof(*made->hosts));
	}
	if (!made || !made->list || !made->zones || !made->hosts) {
		portctl_rules_free(made ? &made->rules : NULL);
		return (enum err)ENOMEM;
	}
	const struct portctl_allow_conf *allow = c->allow.items;
	for (size_t i = 0; i < c->allow.n; i++)
		rule_fill(&made->list[i], nat, &allow[i], made->zones + i * FROM_MAX,
			  made->hosts + i * FROM_MAX);
	if (c->allow.n == 0)
		traffic_add(&made->list[0], "1024-65535");
	made->rules = (struct portctl_rules){
		.rules = made->list,
		.rules_n = n,
		.mappings_max = c->mappings,
		.host_mappings_max = c->host_mappings,
		.lifetime_min_s = (uint32_t)(c->lifetime_min_ms / 1000),
		.lifetime_max_s = (uint32_t)(c->lifetime_max_ms / 1000),
		.third_party = c->third_party.items,
		.third_party_n = c->third_party.n,
	};
	*ret = &made->rules;
	return OK;
}

void portctl_rules_free(struct portctl_rules *rules)
{
	if (!rules)
		return;
	struct compiled *made = (struct compiled *)rules; /* its first member */
	free(made->list);
	free(made->zones);
	free(made->hosts);
	free(made);
}
