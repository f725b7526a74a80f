#include "service/resolver/conf.h"

#include "proto/ip/prefix.h"

static const char *const minimise_choices[] = {"on", "strict", "off", NULL};
static const char *const answers_choices[] = {"full", "minimal", NULL};

#define TTL_MOST_MS 604800000 /* a week: RFC 8767 4 */

#define ZONE_KEYS                                                                                  \
	{.name = "zone",                                                                           \
	 .type = CONFIG_NAME,                                                                      \
	 .flags = CONFIG_REQUIRED,                                                                 \
	 CONFIG_FIELD(struct resolver_zone_conf, zone),                                            \
	 .help = "the name at the top of what is asked there; `.` is everything",                  \
	 .example = "home.arpa"},                                                                  \
		{.name = "to",                                                                     \
		 .type = CONFIG_ENDPOINT,                                                          \
		 .flags = CONFIG_REQUIRED | CONFIG_LIST | CONFIG_UNIQUE,                           \
		 CONFIG_FIELD(struct resolver_zone_conf, to),                                      \
		 .port = 53,                                                                       \
		 .items_min = 1,                                                                   \
		 .items_max = DELEGATION_ADDRESSES_MAX,                                            \
		 .help = "the servers to ask",                                                     \
		 .example = "[\"192.0.2.1\", \"127.0.0.1:5300\"]"},

static const struct config_key zone_keys[] = {ZONE_KEYS};

static const struct config_key stub_keys[] = {
	ZONE_KEYS{.name = "hold",
		  .type = CONFIG_DURATION,
		  CONFIG_FIELD(struct resolver_zone_conf, hold_ms),
		  CONFIG_PRESENT(struct resolver_zone_conf, hold_own),
		  .max = TTL_MOST_MS,
		  .example = "5s",
		  .help = "answers from these servers are held at most so long, also that a name "
			  "is not "
			  "there; unless set, none is held when all of `to` are loopback "
			  "addresses, so that "
			  "a name is seen the moment that an update added it, and otherwise as "
			  "long as the "
			  "zone says"},
};

static const struct config_map zone_map = {
	.help = "A zone that is asked of servers of your choice",
	.size = sizeof(struct resolver_zone_conf),
	CONFIG_KEYS(zone_keys),
	.example = "{zone: home.arpa, to: [\"192.0.2.1\"]}",
};

static const struct config_map stub_map = {
	.help = "A zone that is asked of its own servers, which are given here",
	.size = sizeof(struct resolver_zone_conf),
	CONFIG_KEYS(stub_keys),
	.example = "{zone: home.arpa, to: [\"127.0.0.1:5300\"]}",
};

struct ttl_conf {
	uint64_t min_ms, max_ms, negative_max_ms;
};

static const struct config_key ttl_keys[] = {
	{.name = "min",
	 .type = CONFIG_DURATION,
	 CONFIG_FIELD(struct ttl_conf, min_ms),
	 .fallback = "0s",
	 .max = TTL_MOST_MS,
	 .help = "records are held at least so long, whatever their zone says"},
	{.name = "max",
	 .type = CONFIG_DURATION,
	 CONFIG_FIELD(struct ttl_conf, max_ms),
	 .fallback = "1d",
	 .min = 1000,
	 .max = TTL_MOST_MS,
	 .help = "records are held at most so long"},
	{.name = "negative-max",
	 .type = CONFIG_DURATION,
	 CONFIG_FIELD(struct ttl_conf, negative_max_ms),
	 .fallback = "1h",
	 .max = TTL_MOST_MS,
	 .help = "that a name or a type does not exist is held at most so long (RFC 2308)"},
};

static void check_ttl(const void *conf, struct config_at *at)
{
	const struct ttl_conf *ttl = conf;
	if (ttl->min_ms > ttl->max_ms)
		config_fail(at, "min", "min is above max; write a shorter time");
}

static const struct config_map ttl_map = {
	.help = "Bounds of the time for which answers are held",
	.size = sizeof(struct ttl_conf),
	CONFIG_KEYS(ttl_keys),
	.check = check_ttl,
};

struct tcp_conf {
	uint32_t clients;
	uint64_t idle_ms;
};

static const struct config_key tcp_keys[] = {
	{.name = "clients",
	 .type = CONFIG_INTEGER,
	 CONFIG_FIELD(struct tcp_conf, clients),
	 .fallback = "256",
	 .min = 1,
	 .max = 65536,
	 .help = "connections that each worker holds at once; one more closes the longest silent "
		 "one"},
	{.name = "idle",
	 .type = CONFIG_DURATION,
	 CONFIG_FIELD(struct tcp_conf, idle_ms),
	 .fallback = "10s",
	 .min = 100,
	 .max = 3600000,
	 .help = "a connection without a query for this long is closed"},
};

static const struct config_map tcp_map = {
	.help = "Clients that ask over TCP",
	.size = sizeof(struct tcp_conf),
	CONFIG_KEYS(tcp_keys),
};

static const struct config_key resolver_keys[] = {
	{.name = "listen",
	 .type = CONFIG_ENDPOINT,
	 .flags = CONFIG_LIST | CONFIG_UNIQUE,
	 CONFIG_FIELD(struct resolver_conf, listen),
	 .port = 53,
	 .items_min = 1,
	 .items_max = 64,
	 .fallback = "127.0.0.1:53",
	 .example = "[\"192.0.2.53\", \"[2001:db8::53]:53\"]",
	 .help = "the addresses to serve on, over UDP and TCP each; where a service runs "
		 "alone, a change needs a restart"},
	{.name = "workers",
	 .type = CONFIG_INTEGER,
	 CONFIG_FIELD(struct resolver_conf, workers),
	 .fallback = "0",
	 .max = 256,
	 .help = "threads that answer; 0 is one for each processor; where a service runs alone, "
		 "a change needs a restart"},
	{.name = "access",
	 .type = CONFIG_PREFIX,
	 .flags = CONFIG_LIST,
	 CONFIG_FIELD(struct resolver_conf, access),
	 .fallback = "127.0.0.0/8, ::1, 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, "
		     "169.254.0.0/16, fc00::/7, fe80::/10",
	 .help = "who may ask; others are REFUSED",
	 .example = "[192.0.2.0/24, \"2001:db8::/32\"]"},
	{.name = "root-hints",
	 .type = CONFIG_PATH,
	 CONFIG_FIELD(struct resolver_conf, root_hints),
	 .example = "named.root",
	 .help = "a file with the names and addresses of the root's servers; those of the public "
		 "root are built in"},
	{.name = "roots",
	 .type = CONFIG_ADDRESS,
	 .flags = CONFIG_LIST | CONFIG_UNIQUE,
	 CONFIG_FIELD(struct resolver_conf, roots),
	 .items_max = DELEGATION_ADDRESSES_MAX,
	 .example = "[198.41.0.4]",
	 .help = "plain addresses of the root's servers, instead of root-hints"},
	{.name = "prime",
	 .type = CONFIG_BOOL,
	 CONFIG_FIELD(struct resolver_conf, prime),
	 .fallback = "on",
	 .help = "ask the root's servers who they are, and believe that rather than the hints (RFC "
		 "8109)"},
	{.name = "forward",
	 .type = CONFIG_MAP,
	 .flags = CONFIG_LIST,
	 CONFIG_FIELD(struct resolver_conf, forward),
	 .map = &zone_map,
	 .help = "zones for which other resolvers are asked"},
	{.name = "forwarders",
	 .type = CONFIG_BOOL,
	 CONFIG_FIELD(struct resolver_conf, forwarders),
	 .fallback = "off",
	 .help = "ask the name servers that `dhcp-client: forwarders` tells for all that forward "
		 "and "
		 "stub do not name; without any, the root's"},
	{.name = "stub",
	 .type = CONFIG_MAP,
	 .flags = CONFIG_LIST,
	 CONFIG_FIELD(struct resolver_conf, stub),
	 .map = &stub_map,
	 .help = "zones whose authoritative servers are given here"},
	{.name = "minimise",
	 .type = CONFIG_CHOICE,
	 CONFIG_FIELD(struct resolver_conf, minimise),
	 .choices = minimise_choices,
	 .fallback = "on",
	 .help = "show servers only as much of a name as they need (RFC 9156): `on` asks for the "
		 "whole name where the part is denied, `strict` does not"},
	{.name = "upstream-ipv4",
	 .type = CONFIG_BOOL,
	 CONFIG_FIELD(struct resolver_conf, upstream_ipv4),
	 .fallback = "on",
	 .help = "ask servers over IPv4"},
	{.name = "upstream-ipv6",
	 .type = CONFIG_BOOL,
	 CONFIG_FIELD(struct resolver_conf, upstream_ipv6),
	 .fallback = "on",
	 .help = "ask servers over IPv6"},
	{.name = "outgoing",
	 .type = CONFIG_ADDRESS,
	 .flags = CONFIG_LIST | CONFIG_UNIQUE,
	 CONFIG_FIELD(struct resolver_conf, outgoing),
	 .example = "[192.0.2.53]",
	 .help = "addresses of this machine to ask servers from; the system chooses unless set"},
	{.name = "ask-loopback",
	 .type = CONFIG_BOOL,
	 CONFIG_FIELD(struct resolver_conf, ask_loopback),
	 .fallback = "off",
	 .help = "ask servers at loopback addresses when a delegation names them; forward and stub "
		 "may always"},
	{.name = "answers",
	 .type = CONFIG_CHOICE,
	 CONFIG_FIELD(struct resolver_conf, answers),
	 .choices = answers_choices,
	 .fallback = "minimal",
	 .help = "`full` adds the servers of the zone and addresses of what is named, as far as "
		 "they are known"},
	{.name = "ttl",
	 .type = CONFIG_MAP,
	 CONFIG_FIELD(struct resolver_conf, ttl),
	 .map = &ttl_map,
	 .help = "bounds of the time for which answers are held"},
	{.name = "edns-size",
	 .type = CONFIG_INTEGER,
	 CONFIG_FIELD(struct resolver_conf, edns_size),
	 .fallback = "1232",
	 .min = 512,
	 .max = 4096,
	 .help = "the longest message over UDP, in octets, to clients and from servers"},
	{.name = "cache",
	 .type = CONFIG_SIZE,
	 CONFIG_FIELD(struct resolver_conf, cache),
	 .fallback = "64M",
	 .min = 1 << 20,
	 .max = INT64_C(1) << 40,
	 .help = "memory for all that is remembered, of all workers together; a change needs a "
		 "restart"},
	{.name = "queries",
	 .type = CONFIG_INTEGER,
	 CONFIG_FIELD(struct resolver_conf, queries),
	 .fallback = "4096",
	 .min = 16,
	 .max = 1 << 20,
	 .help = "resolutions under way at once in each worker; a change needs a restart"},
	{.name = "tcp",
	 .type = CONFIG_MAP,
	 CONFIG_FIELD(struct resolver_conf, tcp),
	 .map = &tcp_map,
	 .help = "clients that ask over TCP"},
	{.name = "upstream-port",
	 .type = CONFIG_INTEGER,
	 CONFIG_FIELD(struct resolver_conf, upstream_port),
	 .fallback = "53",
	 .min = 1,
	 .max = 65535,
	 .help = "the port of servers found by delegations; another one is for laboratories"},
	{.name = "special-names",
	 .type = CONFIG_BOOL,
	 CONFIG_FIELD(struct resolver_conf, special_names),
	 .fallback = "on",
	 .help = "answer localhost, the reverse zones of private addresses and the like here, and "
		 "ask "
		 "nobody (RFC 6761, RFC 6303)"},
	{.name = "dns64",
	 .type = CONFIG_MAP,
	 CONFIG_FIELD(struct resolver_conf, dns64),
	 CONFIG_PRESENT(struct resolver_conf, dns64_on),
	 .map = &resolver_dns64_map,
	 .help = "addresses for hosts without IPv4, which a NAT64 translates; off unless written"},
	{.name = "policy",
	 .type = CONFIG_MAP,
	 CONFIG_FIELD(struct resolver_conf, policy),
	 CONFIG_PRESENT(struct resolver_conf, policy_on),
	 .map = &resolver_filter_map,
	 .help = "obey the section `policy`; off unless written, and turned on by a restart"},
	{.name = "identity",
	 .type = CONFIG_TEXT,
	 CONFIG_FIELD(struct resolver_conf, identity),
	 .min = 1,
	 .max = 255,
	 .example = "resolver1",
	 .help = "what this server says when asked for id.server (RFC 4892); nothing unless set"},
	{.name = "version",
	 .type = CONFIG_BOOL,
	 CONFIG_FIELD(struct resolver_conf, version),
	 .fallback = "off",
	 .help = "tell the program's version to those who ask for version.server"},
};

static void check_zones(const struct config_list *list, const char *key, struct config_at *at)
{
	const struct resolver_zone_conf *zones = list->items;
	char text[DNS_NAME_TEXT_MAX];
	for (size_t i = 0; i < list->n; i++)
		for (size_t k = 0; k < i; k++)
			if (dns_name_equal(&zones[i].zone, &zones[k].zone))
				config_fail_item(at, key, i, "the zone %s is named twice",
						 dns_name_format(&zones[i].zone, text));
}

static void check(const void *conf, struct config_at *at)
{
	const struct resolver_conf *c = conf;
	const struct resolver_zone_conf *forward = c->forward.items, *stub = c->stub.items;
	char text[DNS_NAME_TEXT_MAX];
	check_zones(&c->forward, "forward", at);
	check_zones(&c->stub, "stub", at);
	for (size_t i = 0; i < c->stub.n; i++)
		for (size_t k = 0; k < c->forward.n; k++)
			if (dns_name_equal(&stub[i].zone, &forward[k].zone))
				config_fail_item(at, "stub", i, "the zone %s is forwarded as well",
						 dns_name_format(&stub[i].zone, text));
	for (size_t i = 0; i < c->forward.n; i++)
		if (c->forwarders && dns_name_is_root(&forward[i].zone))
			config_fail_item(at, "forward", i,
					 "forwarders is on: those that are told are for this zone");
	if (c->root_hints && c->roots.n)
		config_fail(at, "roots", "root-hints says it already; write one of the two");
	if (!c->upstream_ipv4 && !c->upstream_ipv6)
		config_fail(at, "upstream-ipv6", "upstream-ipv4 is off too; leave one of them on");
}

const struct config_map resolver_conf_map = {
	.help = "The recursive resolver: asks servers for others and remembers what they said",
	.size = sizeof(struct resolver_conf),
	CONFIG_KEYS(resolver_keys),
	.check = check,
};
