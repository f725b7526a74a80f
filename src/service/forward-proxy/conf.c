#include "service/forward-proxy/conf.h"

#include "proto/http/token.h"
#include "proto/ip/nat64.h"
#include "proto/ip/prefix.h"
#include "proxy/auth/conf_user.h"
#include "proxy/io_rings.h"
#include "service/forward-proxy/access/bandwidth.h"
#include "service/forward-proxy/access/inside.h"
#include "service/forward-proxy/access/quota.h"
#include "service/forward-proxy/conf_members.h"

static const char *const rings_words[] = {PROXY_RINGS_WORDS, NULL};

static const struct config_key forward_keys[] = {
	{.name = "listen",
	 .type = CONFIG_MAP,
	 .flags = CONFIG_REQUIRED | CONFIG_LIST,
	 CONFIG_FIELD(struct forward_conf, listen),
	 .map = &forward_listen_map,
	 .items_min = 1,
	 .items_max = FORWARD_LISTENS_MAX,
	 .example = "{address: 10.0.0.1}",
	 .help = "the addresses to serve on; where a service runs alone, a change needs a restart"},
	{.name = "certificates",
	 .type = CONFIG_MAP,
	 .flags = CONFIG_LIST,
	 CONFIG_FIELD(struct forward_conf, certificates),
	 .map = &forward_certificate_map,
	 .items_max = FORWARD_CERTIFICATES_MAX,
	 .example = "{chain: /etc/gatehouse/proxy.pem, key: /etc/gatehouse/proxy.key}",
	 .help = "what addresses with `tls` show: the first certificate that is for the name that "
		 "the client asks for; for other names the first of all"},
	{.name = "name",
	 .type = CONFIG_TEXT,
	 CONFIG_FIELD(struct forward_conf, name),
	 .min = 1,
	 .max = 64,
	 .fallback = "gatehouse",
	 .example = "proxy.home.arpa",
	 .help = "what the proxy calls itself in `Via`, in `Proxy-Status` and on its pages. A "
		 "request in whose `Via` it stands more than a few times runs in a circle and is "
		 "refused, so each proxy of a chain should have its own"},
	{.name = "contact",
	 .type = CONFIG_TEXT,
	 CONFIG_FIELD(struct forward_conf, contact),
	 .min = 1,
	 .max = 255,
	 .example = "\"the office, telephone 123\"",
	 .help = "whom people may ask, on pages that say why a request goes nowhere"},
	{.name = "workers",
	 .type = CONFIG_INTEGER,
	 CONFIG_FIELD(struct forward_conf, workers),
	 .fallback = "0",
	 .max = FORWARD_WORKERS_MAX,
	 .help = "threads that serve; 0 is one for each processor; a change needs a restart"},
	{.name = "io-uring",
	 .type = CONFIG_CHOICE,
	 CONFIG_FIELD(struct forward_conf, io_uring),
	 .choices = rings_words,
	 .fallback = "auto",
	 .help = "whether what a worker receives and sends on many connections at the same time "
		 "goes by one system call: `auto` where the kernel lets it (Linux 5.19, "
		 "`kernel.io_uring_disabled`), by rings that can do nothing but receive and send; "
		 "`off` makes none; a change needs a restart"},
	{.name = "clients",
	 .type = CONFIG_PREFIX,
	 .flags = CONFIG_LIST,
	 CONFIG_FIELD(struct forward_conf, clients),
	 .items_min = 1,
	 .items_max = 256,
	 .fallback = "127.0.0.0/8, ::1, 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, fc00::/7, "
		     "fe80::/10",
	 .example = "[10.0.0.0/8, \"2001:db8:1::/48\"]",
	 .help = "networks of those who may use the proxy at all; connections of others are reset"},
	{.name = "resolver",
	 .type = CONFIG_ENDPOINT,
	 .flags = CONFIG_LIST | CONFIG_UNIQUE,
	 CONFIG_FIELD(struct forward_conf, resolver),
	 .port = 53,
	 .items_min = 1,
	 .items_max = FORWARD_CONF_RESOLVERS_MAX,
	 .fallback = "127.0.0.1",
	 .help = "who is asked for the addresses of names, the next when one is silent"},
	{.name = "upstreams",
	 .type = CONFIG_MAP,
	 .flags = CONFIG_LIST,
	 CONFIG_FIELD(struct forward_conf, upstreams),
	 .map = &forward_upstream_map,
	 .items_max = FORWARD_UPSTREAMS_MAX,
	 .example = "[{to: [\"*.onion\"], socks: 127.0.0.1:9050}, {https: proxy.example, except: "
		    "\"*.home.arpa\"}]",
	 .help = "proxies of others by which some destinations, or all, are gone to; the first "
		 "entry that fits decides, and what none fits is gone to directly"},
	{.name = "ports",
	 .type = CONFIG_TEXT,
	 .flags = CONFIG_LIST | CONFIG_UNIQUE,
	 CONFIG_FIELD(struct forward_conf, ports),
	 .min = 1,
	 .max = 11,
	 .items_min = 1,
	 .items_max = PORTS_MAX,
	 .fallback = "80, 1024-65535",
	 .example = "[80, 8080, 8000-8999]",
	 .help = "ports and ranges of them from which http addresses are fetched; others are those "
		 "of mail and the like, whose servers could be made to take a request for theirs"},
	{.name = "connect-ports",
	 .type = CONFIG_TEXT,
	 .flags = CONFIG_LIST | CONFIG_UNIQUE,
	 CONFIG_FIELD(struct forward_conf, tunnel_ports),
	 .min = 1,
	 .max = 11,
	 .items_min = 1,
	 .items_max = PORTS_MAX,
	 .fallback = "443",
	 .example = "[443, 8443]",
	 .help = "ports and ranges of them to which CONNECT opens a tunnel (RFC 9110 9.3.6); 443 "
		 "alone leaves out FTP, mail and remote shells"},
	{.name = "socks-ports",
	 .type = CONFIG_TEXT,
	 .flags = CONFIG_LIST | CONFIG_UNIQUE,
	 CONFIG_FIELD(struct forward_conf, socks_ports),
	 .min = 1,
	 .max = 11,
	 .items_min = 1,
	 .items_max = PORTS_MAX,
	 .fallback = "80, 443, 1024-65535",
	 .example = "[22, 80, 443]",
	 .help = "ports and ranges of them to which clients are connected by SOCKS"},
	{.name = "tunnels",
	 .type = CONFIG_MAP,
	 CONFIG_FIELD(struct forward_conf, tunnels),
	 .map = &forward_tunnels_map,
	 .help = "what is looked at in tunnels"},
	{.name = "inspection",
	 .type = CONFIG_MAP,
	 CONFIG_FIELD(struct forward_conf, inspection),
	 CONFIG_PRESENT(struct forward_conf, has_inspection),
	 .map = &forward_inspect_map,
	 .help = "what chosen clients exchange with servers by TLS is decrypted here, judged and "
		 "kept "
		 "as requests in the clear are, and encrypted anew with certificates of the "
		 "proxy's "
		 "own authority, which those clients must have installed; nobody's is unless set; "
		 "turned on first by a restart"},
	{.name = "allow-inside",
	 .type = CONFIG_PREFIX,
	 .flags = CONFIG_LIST,
	 CONFIG_FIELD(struct forward_conf, allow_inside),
	 .items_max = 256,
	 .example = "[10.0.9.0/24]",
	 .help = "networks of the inside that may be gone to all the same. No address of a private "
		 "network, of this machine, of a link or of a cloud's metadata may otherwise, "
		 "whatever name leads there. An entry opens only what lies in one such block, and "
		 "what is this machine's own only one by one"},
	{.name = "nat64",
	 .type = CONFIG_PREFIX,
	 .flags = CONFIG_LIST | CONFIG_UNIQUE,
	 CONFIG_FIELD(struct forward_conf, nat64),
	 .items_max = 8,
	 .example = "[\"2001:db8:64::/96\"]",
	 .help = "prefixes of the site's translators to IPv4 beside 64:ff9b::/96 (RFC 6052): what "
		 "lies behind one is judged as the IPv4 address that it stands for"},
	{.name = "access",
	 .type = CONFIG_MAP,
	 CONFIG_FIELD(struct forward_conf, access),
	 .map = &forward_access_map,
	 .help = "who of the `clients` may go where: users, and rules of which the first that fits "
		 "decides"},
	{.name = "answers",
	 .type = CONFIG_MAP,
	 .flags = CONFIG_LIST,
	 CONFIG_FIELD(struct forward_conf, answers),
	 .map = &forward_answer_map,
	 .items_max = FORWARD_ANSWERS_MAX,
	 .example = "[{types: [\"video/*\"], groups: [kids]}, {larger-than: 1G}]",
	 .help = "which answers may reach whom, by type and size, also those that are kept; the "
		 "first rule that fits decides, and what none fits passes. What is in tunnels is "
		 "not seen"},
	{.name = "bandwidth",
	 .type = CONFIG_MAP,
	 .flags = CONFIG_LIST,
	 CONFIG_FIELD(struct forward_conf, bandwidth),
	 .map = &forward_bandwidth_map,
	 .items_max = BANDWIDTH_LIMITS_MAX,
	 .example = "[{down: 2M, up: 512K}, {by: all, from: [192.168.7.0/24], down: 5M}]",
	 .help = "how much bodies and tunnels may move in a second; of the limits that fit a "
		 "client "
		 "all hold. What the cache gives counts as what servers give; a datagram of SOCKS "
		 "goes or is dropped"},
	{.name = "quotas",
	 .type = CONFIG_MAP,
	 .flags = CONFIG_LIST,
	 CONFIG_FIELD(struct forward_conf, quotas),
	 .map = &forward_quota_map,
	 .items_max = QUOTAS_MAX,
	 .example = "[{name: guests, bytes: 10G, every: month}]",
	 .help = "how much clients may move in a day, a week or a month; of the quotas that fit a "
		 "client all hold. What counts is what counts for `bandwidth`, and heads"},
	{.name = "privacy",
	 .type = CONFIG_MAP,
	 CONFIG_FIELD(struct forward_conf, privacy),
	 .map = &forward_privacy_map,
	 .help = "what requests in the clear tell servers of who sent them"},
	{.name = "pac",
	 .type = CONFIG_MAP,
	 CONFIG_FIELD(struct forward_conf, pac),
	 CONFIG_PRESENT(struct forward_conf, has_pac),
	 .map = &forward_pac_map,
	 .help = "the script by which browsers find the proxy; none is served unless set"},
	{.name = "policy",
	 .type = CONFIG_BOOL,
	 CONFIG_FIELD(struct forward_conf, policy),
	 .fallback = "off",
	 .help = "obey the section `policy`: hosts that it blocks for a client, by address or "
		 "user, "
		 "are refused, and search engines are gone to under their names for safe search; "
		 "turned on by a restart"},
	{.name = "limits",
	 .type = CONFIG_MAP,
	 CONFIG_FIELD(struct forward_conf, limits),
	 .map = &forward_limits_map,
	 .help = "how much is taken at once"},
	{.name = "timeouts",
	 .type = CONFIG_MAP,
	 CONFIG_FIELD(struct forward_conf, timeouts),
	 .map = &forward_timeouts_map,
	 .help = "how long the phases of a request may take"},
	{.name = "cache",
	 .type = CONFIG_MAP,
	 CONFIG_FIELD(struct forward_conf, cache),
	 CONFIG_PRESENT(struct forward_conf, has_cache),
	 .map = &proxy_cache_map,
	 .help = "answers to requests for http addresses are kept and given to who asks the same "
		 "(RFC 9111); `cache: {}` is enough. What is fetched by CONNECT is between the "
		 "client and the server, unless `inspection` says otherwise"},
	{.name = "cache-rules",
	 .type = CONFIG_MAP,
	 CONFIG_FIELD(struct forward_conf, cache_rules),
	 .map = &proxy_cache_rules_map,
	 .example = "{longest: 1d, stale-if-error: 1h}",
	 .help = "what is kept, for how long and for whom, where answers do not say it well; `no` "
		 "keeps nothing"},
	{.name = "access-log",
	 .type = CONFIG_MAP,
	 CONFIG_FIELD(struct forward_conf, access_log),
	 .map = &access_log_map,
	 .help = "what of each request is written down"},
};

static void check_tls_ports(const struct config_list *list, struct config_at *at)
{
	const char *const *items = list->items;
	struct ports_range r;
	for (size_t i = 0; i < list->n; i++) {
		const struct config_step steps[] = {{"tunnels", 0}, {"tls-ports", i}};
		if (ports_range_read(span_text(items[i]), &r))
			config_fail_inside(at, steps, 2,
					   "'%s' is no port and no range of ports: write a number "
					   "from 1 to 65535, or two with a hyphen between them",
					   items[i]);
	}
}

static void check_ports(const struct config_list *list, const char *key, struct config_at *at)
{
	const char *const *items = list->items;
	struct ports_range r;
	for (size_t i = 0; i < list->n; i++)
		if (ports_range_read(span_text(items[i]), &r))
			config_fail_item(at, key, i,
					 "'%s' is no port and no range of ports: write a number "
					 "from 1 to 65535, or two with a hyphen between them",
					 items[i]);
}

void forward_ports(const struct config_list *list, struct ports *ret)
{
	const char *const *items = list->items;
	ret->n = 0;
	for (size_t i = 0; i < list->n && i < PORTS_MAX; i++)
		if (ports_range_read(span_text(items[i]), &ret->items[ret->n]) == OK)
			ret->n++;
}

static void check_inside(const struct forward_conf *conf, struct config_at *at)
{
	const struct ip_prefix *nat64 = conf->nat64.items, *allow = conf->allow_inside.items;
	bool right = true;
	for (size_t i = 0; i < conf->nat64.n; i++) {
		if (ip_nat64_prefix_is_valid(&nat64[i]))
			continue;
		right = false;
		config_fail_item(at, "nat64", i,
				 "a translator's prefix is of IPv6 and has 32, 40, 48, 56, 64 or "
				 "96 bits (RFC 6052)");
	}
	for (size_t i = 0; right && i < conf->allow_inside.n; i++)
		if (!inside_allow_opens(&allow[i], nat64, conf->nat64.n))
			config_fail_item(at, "allow-inside", i,
					 "this opens nothing: write a part of one block that is "
					 "closed, 10.0.9.0/24 for instance");
}

/* Who is in which group is the policy's to say. */
static void check_groups(const struct forward_conf *conf, struct config_at *at)
{
	const struct forward_rule_conf *rules = conf->access.rules.items;
	for (size_t i = 0; i < conf->access.rules.n && !conf->policy; i++) {
		const struct config_step steps[] = {{"access", 0}, {"rules", i}, {"groups", 0}};
		if (rules[i].groups.n)
			config_fail_inside(at, steps, 3,
					   "groups are those of the section `policy`: write "
					   "`policy: on` too");
	}
}

/* Whom the item of a list is for. */
static void check_whom(const struct forward_conf *conf, struct config_at *at,
		       struct config_step item, const struct config_list *groups,
		       const struct config_list *names)
{
	const struct proxy_user_conf *users = conf->access.users.items;
	const struct config_step to_groups[] = {item, {"groups", 0}};
	if (groups->n && !conf->policy)
		config_fail_inside(at, to_groups, 2,
				   "groups are those of the section `policy`: write "
				   "`policy: on` too");
	for (size_t k = 0; k < names->n; k++) {
		const char *name = ((const char *const *)names->items)[k];
		const struct config_step steps[] = {item, {"users", k}};
		/* The tunnels' users come and go without this file. */
		bool found =
			(strcmp(name, "*") == 0 && conf->access.users.n) || conf->access.vpn_users;
		for (size_t u = 0; u < conf->access.users.n && !found; u++)
			found = strcmp(users[u].name, name) == 0;
		if (!found)
			config_fail_inside(at, steps, 2, "there is no user '%s' in `access`", name);
	}
}

static void check_inspection(const struct forward_conf *conf, struct config_at *at)
{
	const struct forward_inspect_conf *c = &conf->inspection;
	check_whom(conf, at, (struct config_step){"inspection", 0}, &c->groups, &c->users);
}

/* Who of them there is, and who has signed in, is told by the tables of devices. */
static void check_vpn_users(const struct forward_conf *conf, struct config_at *at)
{
	const struct config_step steps[] = {{"access", CONFIG_STEP_WHOLE},
					    {"vpn-users", CONFIG_STEP_WHOLE}};
	if (conf->access.vpn_users && !conf->policy)
		config_fail_inside(at, steps, 2,
				   "who is a user of a tunnel is told by the section `policy`: "
				   "write `policy: on` too");
}

static void check_bandwidth(const struct forward_conf *conf, struct config_at *at)
{
	const struct forward_bandwidth_conf *limits = conf->bandwidth.items;
	for (size_t i = 0; i < conf->bandwidth.n; i++)
		check_whom(conf, at, (struct config_step){"bandwidth", i}, &limits[i].groups,
			   &limits[i].users);
}

static void check_quotas(const struct forward_conf *conf, struct config_at *at)
{
	const struct forward_quota_conf *quotas = conf->quotas.items;
	for (size_t i = 0; i < conf->quotas.n; i++) {
		const struct config_step name[] = {{"quotas", i}, {"name", 0}};
		check_whom(conf, at, name[0], &quotas[i].groups, &quotas[i].users);
		for (size_t k = 0; k < i; k++)
			if (strcmp(quotas[i].name, quotas[k].name) == 0)
				config_fail_inside(at, name, 2, "there is a quota '%s' already",
						   quotas[i].name);
	}
}

/* Does the proxy listen there? */
static bool is_own_door(const struct forward_door *doors, size_t n, const struct destination *d)
{
	const struct inside_rules none = {0};
	bool loopback = inside_judge(&none, &d->address) == INSIDE_LOOPBACK;
	for (size_t i = 0; i < n; i++) {
		struct ip_address at = ip_address_unmap(&doors[i].at.address);
		bool same = ip_address_equal(&at, &d->address) ||
			    (loopback && inside_judge(&none, &at) == INSIDE_UNSPECIFIED);
		if (same && doors[i].at.port == d->port)
			return true;
	}
	return false;
}

/* A way that leads to ourselves leads nowhere. */
static void check_upstreams(const struct forward_conf *conf, struct config_at *at)
{
	const struct forward_upstream_conf *u = conf->upstreams.items;
	struct forward_door doors[FORWARD_ADDRESSES_MAX];
	size_t n = forward_doors(conf, doors, FORWARD_ADDRESSES_MAX);
	for (size_t i = 0; i < conf->upstreams.n; i++) {
		const char *key = u[i].socks.n ? "socks" : u[i].http.n ? "http" : "https";
		for (size_t k = 0; k < forward_upstream_servers(&u[i])->n; k++) {
			const struct config_step steps[] = {{"upstreams", i}, {key, k}};
			struct destination d;
			forward_upstream_server(&u[i], k, &d);
			if (d.address.family && is_own_door(doors, n, &d))
				config_fail_inside(at, steps, 2,
						   "this is the proxy's own address: requests "
						   "would come back for ever. It is for another "
						   "proxy's");
		}
	}
}

static void check(const void *section, struct config_at *at)
{
	const struct forward_conf *conf = section;
	forward_listen_check(conf, at);
	if (!http_is_token(span_text(conf->name)))
		config_fail(at, "name", "'%s' is no name: letters, digits, dots and hyphens",
			    conf->name);
	check_ports(&conf->ports, "ports", at);
	check_ports(&conf->tunnel_ports, "connect-ports", at);
	check_ports(&conf->socks_ports, "socks-ports", at);
	check_tls_ports(&conf->tunnels.tls_ports, at);
	check_inside(conf, at);
	check_groups(conf, at);
	check_vpn_users(conf, at);
	check_bandwidth(conf, at);
	check_inspection(conf, at);
	check_quotas(conf, at);
	forward_members_check(conf, at);
	check_upstreams(conf, at);
	proxy_cache_check(&conf->cache, at);
}

const struct config_map forward_conf_map = {
	.help = "The forward proxy: out on behalf of clients",
	.size = sizeof(struct forward_conf),
	CONFIG_KEYS(forward_keys),
	.check = check,
	.example = "listen: {address: 10.0.0.1}\n"
		   "clients: [10.0.0.0/24]",
};
