/* The keys of `nat`. */
#include "service/nat/conf.h"

static const char *const attach_choices[] = {"auto", "xdp", "xdp-generic", "tc", "nftables", NULL};
static const char *const mapping_choices[] = {"endpoint-independent", "address-dependent",
					      "address-and-port-dependent", NULL};
static const char *const filtering_choices[] = {"address-and-port-dependent",
						"endpoint-independent", NULL};
static const char *const action_choices[] = {"allow", "drop", "reject", NULL};

static const struct config_key zone_keys[] = {
	{.name = "name",
	 .type = CONFIG_TEXT,
	 .flags = CONFIG_ENTRY_NAME,
	 CONFIG_FIELD(struct nat_zone_conf, name),
	 .min = 1,
	 .max = 31,
	 .help = "name of the zone, for the rules"},
	{.name = "interfaces",
	 .type = CONFIG_TEXT,
	 .flags = CONFIG_LIST | CONFIG_UNIQUE,
	 CONFIG_FIELD(struct nat_zone_conf, interfaces),
	 .min = 1,
	 .max = NAT_INTERFACE_MAX,
	 .items_max = NAT_INTERFACES_MAX,
	 .example = "guest0",
	 .help = "the devices of the zone; one that is not there yet is attached when it appears"},
	{.name = "networks",
	 .type = CONFIG_PREFIX,
	 .flags = CONFIG_LIST | CONFIG_UNIQUE,
	 CONFIG_FIELD(struct nat_zone_conf, networks),
	 .items_max = 256,
	 .example = "192.168.20.0/24",
	 .help = "networks whose hosts may send from this zone, beside those that its devices and "
		 "the routes through them have"},
	{.name = "translate",
	 .type = CONFIG_BOOL,
	 CONFIG_FIELD(struct nat_zone_conf, translate),
	 .fallback = "on",
	 .help = "off: the world knows the addresses of its hosts; they leave as they are, and the "
		 "rules say what may come to them"},
};

static const struct config_map zone_map = {
	.help = "Devices whose hosts the rules treat alike",
	.size = sizeof(struct nat_zone_conf),
	CONFIG_KEYS(zone_keys),
	CONFIG_LINE(struct nat_zone_conf, line),
	.example = "{interfaces: guest0}",
};

static const struct config_key host_keys[] = {
	{.name = "name",
	 .type = CONFIG_TEXT,
	 .flags = CONFIG_ENTRY_NAME,
	 CONFIG_FIELD(struct nat_host_conf, name),
	 .min = 1,
	 .max = 253,
	 .help = "its address, or its name in the DNS"},
	{.name = "open",
	 .type = CONFIG_BOOL,
	 CONFIG_FIELD(struct nat_host_conf, open),
	 CONFIG_PRESENT(struct nat_host_conf, has_open),
	 .help = "whether anybody may answer on a port that the host has opened by sending (a full "
		 "cone, what game consoles ask for); `filtering`, unless set"},
	{.name = "mapping",
	 .type = CONFIG_CHOICE,
	 CONFIG_FIELD(struct nat_host_conf, mapping),
	 CONFIG_PRESENT(struct nat_host_conf, has_mapping),
	 .choices = mapping_choices,
	 .flags = CONFIG_NARROWER,
	 .help = "as `mapping` of all"},
	{.name = "limit",
	 .type = CONFIG_INTEGER,
	 CONFIG_FIELD(struct nat_host_conf, limit),
	 .fallback = "0",
	 .max = NAT_FLOWS_MAX,
	 .help = "flows of this host at once; 0 is `host-flows` of `limits`"},
};

static const struct config_map host_map = {
	.help = "What differs for one host inside",
	.size = sizeof(struct nat_host_conf),
	CONFIG_KEYS(host_keys),
	CONFIG_LINE(struct nat_host_conf, line),
	.example = "{open: on}",
};

static const struct config_key forward_keys[] = {
	{.name = "from",
	 .type = CONFIG_TEXT,
	 .flags = CONFIG_REQUIRED | CONFIG_LIST | CONFIG_UNIQUE,
	 CONFIG_FIELD(struct nat_forward_conf, from),
	 .min = 1,
	 .max = 32,
	 .items_min = 1,
	 .items_max = 64,
	 .example = "443/tcp",
	 .help = "the public ports: `443/tcp`, `8000-8010/udp`, or `53` for both protocols"},
	{.name = "to",
	 .type = CONFIG_TEXT,
	 .flags = CONFIG_REQUIRED,
	 CONFIG_FIELD(struct nat_forward_conf, to),
	 .min = 1,
	 .max = 280,
	 .example = "nas:443",
	 .help = "the host inside, by address or name, and the port that the first public one goes "
		 "to; without a port it stays the same. A name is asked for again as its answer "
		 "ages, so that it follows the host's lease"},
	{.name = "for",
	 .type = CONFIG_TEXT,
	 .flags = CONFIG_LIST | CONFIG_UNIQUE,
	 CONFIG_FIELD(struct nat_forward_conf, allow),
	 .min = 1,
	 .max = 253,
	 .items_max = 64,
	 .example = "[198.51.100.0/24]",
	 .help = "who may come in by it: zones, addresses, networks, names; everybody, unless set"},
	{.name = "address",
	 .type = CONFIG_ADDRESS,
	 CONFIG_FIELD(struct nat_forward_conf, address),
	 .example = "203.0.113.5",
	 .help = "the one public address that it is for; all of them, unless set"},
};

static const struct config_map forward_map = {
	.help = "Public ports that lead to a host inside; from inside as well",
	.size = sizeof(struct nat_forward_conf),
	CONFIG_KEYS(forward_keys),
	CONFIG_LINE(struct nat_forward_conf, line),
	.example = "{from: 443/tcp, to: \"nas:443\"}",
};

static const struct config_key rule_keys[] = {
	{.name = "action",
	 .type = CONFIG_CHOICE,
	 .flags = CONFIG_REQUIRED,
	 CONFIG_FIELD(struct nat_rule_conf, action),
	 .choices = action_choices,
	 .help = "`drop` says nothing to the sender; `reject` answers TCP by a reset, all else by "
		 "an "
		 "ICMP error"},
	{.name = "from",
	 .type = CONFIG_TEXT,
	 .flags = CONFIG_LIST | CONFIG_UNIQUE,
	 CONFIG_FIELD(struct nat_rule_conf, from),
	 .min = 1,
	 .max = 253,
	 .items_max = 64,
	 .example = "guests",
	 .help = "who begins: zones, addresses, networks, names; anybody, unless set"},
	{.name = "to",
	 .type = CONFIG_TEXT,
	 .flags = CONFIG_LIST | CONFIG_UNIQUE,
	 CONFIG_FIELD(struct nat_rule_conf, to),
	 .min = 1,
	 .max = 253,
	 .items_max = 64,
	 .example = "[inside, 192.0.2.1]",
	 .help = "to whom, in the same words; `gateway` is this machine. Behind a forward it is "
		 "the "
		 "host inside"},
	{.name = "traffic",
	 .type = CONFIG_TEXT,
	 .flags = CONFIG_LIST | CONFIG_UNIQUE,
	 CONFIG_FIELD(struct nat_rule_conf, traffic),
	 .min = 1,
	 .max = 40,
	 .items_max = 64,
	 .example = "[22/tcp, ping]",
	 .help = "`443/tcp`, `8000-8010/udp`, `53` for both, `tcp`, `ping`, `icmp/3/4`, "
		 "`icmpv6/echo-request`, `gre`, `esp`, `47/ip`; any, unless set"},
	{.name = "source-ports",
	 .type = CONFIG_TEXT,
	 CONFIG_FIELD(struct nat_rule_conf, source_ports),
	 .min = 1,
	 .max = 16,
	 .example = "1024-65535",
	 .help = "ports of the sender"},
	{.name = "rate",
	 .type = CONFIG_TEXT,
	 CONFIG_FIELD(struct nat_rule_conf, rate),
	 .min = 1,
	 .max = 16,
	 .example = "10/s",
	 .help = "the rule matches new flows up to this rate only: `10/s`, `5/m`, `1/h`. What is "
		 "over it goes on to the next rule"},
	{.name = "burst",
	 .type = CONFIG_INTEGER,
	 CONFIG_FIELD(struct nat_rule_conf, burst),
	 .fallback = "5",
	 .min = 1,
	 .max = 1000000,
	 .help = "how many may come at once before `rate` counts"},
	{.name = "log",
	 .type = CONFIG_BOOL,
	 CONFIG_FIELD(struct nat_rule_conf, log),
	 .fallback = "off",
	 .help = "tell of each new flow that the rule decided about, in the events"},
};

static const struct config_map rule_map = {
	.help = "A rule of the firewall; the first that matches decides about a new flow",
	.size = sizeof(struct nat_rule_conf),
	CONFIG_KEYS(rule_keys),
	CONFIG_LINE(struct nat_rule_conf, line),
	.example = "{action: allow, from: outside, to: gateway, traffic: 22/tcp}",
};

static const struct config_key plain_keys[] = {
	{.name = "to",
	 .type = CONFIG_TEXT,
	 .flags = CONFIG_LIST | CONFIG_UNIQUE,
	 CONFIG_FIELD(struct nat_plain_conf, to),
	 .min = 1,
	 .max = 253,
	 .items_max = 64,
	 .example = "10.20.0.0/16",
	 .help = "addresses, networks, names; all of the world, unless set"},
	{.name = "traffic",
	 .type = CONFIG_TEXT,
	 .flags = CONFIG_LIST | CONFIG_UNIQUE,
	 CONFIG_FIELD(struct nat_plain_conf, traffic),
	 .min = 1,
	 .max = 40,
	 .items_max = 64,
	 .example = "53",
	 .help = "as `traffic` of a rule; any, unless set"},
};

static const struct config_map plain_map = {
	.help = "Destinations outside that see the hosts' own addresses",
	.size = sizeof(struct nat_plain_conf),
	CONFIG_KEYS(plain_keys),
	CONFIG_LINE(struct nat_plain_conf, line),
	.example = "{to: 10.20.0.0/16}",
};

#define TIMEOUT(word, member, text, explanation)                                                   \
	{                                                                                          \
		.name = word, .type = CONFIG_DURATION,                                             \
		CONFIG_FIELD(struct nat_timeouts_conf, member), .fallback = text, .min = 1000,     \
		.max = 30 * INT64_C(86400000), .help = explanation                                 \
	}

static const struct config_key timeout_keys[] = {
	TIMEOUT("tcp-opening", tcp_opening_ms, "4m",
		"a connection that is not yet open, or half closed; RFC 5382 wants 4 minutes"),
	TIMEOUT("tcp", tcp_ms, "2h4m",
		"an open connection without traffic; RFC 5382 wants 2 hours and 4 minutes"),
	TIMEOUT("tcp-closing", tcp_closing_ms, "4m", "one that was closed or reset (RFC 7857)"),
	TIMEOUT("udp", udp_ms, "5m", "UDP; RFC 4787 wants 2 minutes and recommends 5"),
	TIMEOUT("dns", dns_ms, "30s", "UDP to port 53"),
	TIMEOUT("icmp", icmp_ms, "1m", "queries of ICMP; RFC 5508 wants 1 minute"),
	TIMEOUT("other", other_ms, "10m", "all other protocols"),
	TIMEOUT("fragment", fragment_ms, "15s", "what is known of a datagram in fragments"),
};

static const struct config_map timeout_map = {
	.help = "How long a flow without traffic is kept",
	.size = sizeof(struct nat_timeouts_conf),
	CONFIG_KEYS(timeout_keys),
	.example = "{udp: 2m}",
};

static const struct config_key limit_keys[] = {
	{.name = "flows",
	 .type = CONFIG_INTEGER,
	 CONFIG_FIELD(struct nat_limits_conf, flows),
	 .fallback = "131072",
	 .min = NAT_FLOWS_MIN,
	 .max = NAT_FLOWS_MAX,
	 .help = "flows at once. The memory for them is taken at the start; `gatehouse status nat` "
		 "shows how much. Another number takes effect when the tables are made anew: after "
		 "`gatehouse nat detach`"},
	{.name = "flows-ipv6",
	 .type = CONFIG_INTEGER,
	 CONFIG_FIELD(struct nat_limits_conf, flows6),
	 .fallback = "65535",
	 .min = NAT_FLOWS_MIN,
	 .max = NAT_FLOWS_MAX,
	 .help = "flows of IPv6 at once, with those of NAT64, which may have half as many public "
		 "ports. The same holds for their memory"},
	{.name = "host-flows",
	 .type = CONFIG_INTEGER,
	 CONFIG_FIELD(struct nat_limits_conf, host_flows),
	 .fallback = "8192",
	 .min = 1,
	 .max = NAT_FLOWS_MAX,
	 .help = "flows of one host inside at once, so that none can fill the table"},
	{.name = "events",
	 .type = CONFIG_INTEGER,
	 CONFIG_FIELD(struct nat_limits_conf, events),
	 .fallback = "1000",
	 .min = 0,
	 .max = NAT_EVENTS_MAX,
	 .help = "what `gatehouse events` is told of flows each second at most; 0 is nothing. What "
		 "`log` must have comes whatever the number"},
};

static const struct config_map limit_map = {
	.help = "Bounds of the tables",
	.size = sizeof(struct nat_limits_conf),
	CONFIG_KEYS(limit_keys),
	.example = "{flows: 1000000}",
};

static const struct config_key nat_keys[] = {
	{.name = "outside",
	 .type = CONFIG_TEXT,
	 .flags = CONFIG_REQUIRED | CONFIG_LIST | CONFIG_UNIQUE,
	 CONFIG_FIELD(struct nat_conf, outside),
	 .min = 1,
	 .max = NAT_INTERFACE_MAX,
	 .items_min = 1,
	 .items_max = NAT_INTERFACES_MAX,
	 .example = "wan0",
	 .help = "the devices that lead to the world; what leaves there has a public source"},
	{.name = "inside",
	 .type = CONFIG_TEXT,
	 .flags = CONFIG_LIST | CONFIG_UNIQUE,
	 CONFIG_FIELD(struct nat_conf, inside),
	 .min = 1,
	 .max = NAT_INTERFACE_MAX,
	 .items_max = NAT_INTERFACES_MAX,
	 .example = "lan0",
	 .help = "the devices of the zone `inside`, whose hosts may reach the world, all zones and "
		 "this machine, unless a rule says otherwise"},
	{.name = "zones",
	 .type = CONFIG_DICTIONARY,
	 CONFIG_FIELD(struct nat_conf, zones),
	 .map = &zone_map,
	 .items_max = NAT_CONF_ZONES_MAX,
	 .help = "further zones inside, by name. Their hosts may reach the world, and of this "
		 "machine DNS, DHCP, NTP and ping; nothing else, unless a rule says so. `inside` "
		 "here adds to that zone"},
	{.name = "addresses",
	 .type = CONFIG_RANGE,
	 .flags = CONFIG_LIST | CONFIG_UNIQUE,
	 CONFIG_FIELD(struct nat_conf, addresses),
	 .items_max = NAT_PUBLICS,
	 .example = "[203.0.113.8-203.0.113.15]",
	 .help = "public IPv4 addresses of translated hosts; those of the outside devices, unless "
		 "set. With several outside devices one belongs to the device in whose network it "
		 "is, else to the first"},
	{.name = "attach",
	 .type = CONFIG_CHOICE,
	 CONFIG_FIELD(struct nat_conf, attach),
	 .choices = attach_choices,
	 .fallback = "auto",
	 .help = "where the programs stand: `auto` chooses for each device, and says why in the "
		 "status; `tc` has all of it in the traffic control hooks; `xdp` adds the driver's "
		 "hook before it, `xdp-generic` the one for drivers that have none. `nftables` "
		 "needs no "
		 "right to load programs and gives less; `auto` falls back to it where programs "
		 "cannot be loaded"},
	{.name = "veth-peers",
	 .type = CONFIG_BOOL,
	 CONFIG_FIELD(struct nat_conf, veth_peers),
	 .fallback = "off",
	 .help = "what leaves by a veth whose other end is in another network namespace, as a "
		 "container's, is put straight into that end: less work for each packet. Whoever "
		 "stands on the way out of the veth sees nothing of these packets: captures, "
		 "filters, its counters; nor do XDP programs at the other end. A veth with a "
		 "queueing discipline keeps it, and is left by as ever"},
	{.name = "mapping",
	 .type = CONFIG_CHOICE,
	 CONFIG_FIELD(struct nat_conf, mapping),
	 .choices = mapping_choices,
	 .fallback = "endpoint-independent",
	 .help = "whether a host's port has one public port for all the world, or one for each far "
		 "address, or for each far address and port (RFC 4787 4.1); RFC 4787 wants the "
		 "first"},
	{.name = "filtering",
	 .type = CONFIG_CHOICE,
	 CONFIG_FIELD(struct nat_conf, filtering),
	 .choices = filtering_choices,
	 .fallback = "address-and-port-dependent",
	 .help = "who may answer on a public port that a host has by sending: whom it has sent to, "
		 "or anybody (RFC 4787 5)"},
	{.name = "parity",
	 .type = CONFIG_BOOL,
	 CONFIG_FIELD(struct nat_conf, parity),
	 .fallback = "off",
	 .help = "a public port of UDP is odd where the host's own is odd (RFC 4787 4.2.2)"},
	{.name = "ports",
	 .type = CONFIG_TEXT,
	 CONFIG_FIELD(struct nat_conf, ports),
	 .min = 3,
	 .max = 16,
	 .fallback = "1024-65535",
	 .help = "the public ports to choose from when the host's own is taken"},
	{.name = "port-block",
	 .type = CONFIG_INTEGER,
	 CONFIG_FIELD(struct nat_conf, port_block),
	 .fallback = "0",
	 .max = 32768,
	 .help = "give each host a block of so many public ports, so that a log of blocks is "
		 "enough "
		 "(RFC 6888, RFC 7422); 0: none"},
	{.name = "hosts",
	 .type = CONFIG_DICTIONARY,
	 CONFIG_FIELD(struct nat_conf, hosts),
	 .map = &host_map,
	 .items_max = NAT_CONF_HOSTS_MAX,
	 .help = "what differs for some hosts, by address or name"},
	{.name = "forward",
	 .type = CONFIG_MAP,
	 .flags = CONFIG_LIST,
	 CONFIG_FIELD(struct nat_conf, forward),
	 .map = &forward_map,
	 .items_max = NAT_CONF_FORWARDS_MAX,
	 .help = "public ports that lead to hosts inside"},
	{.name = "firewall",
	 .type = CONFIG_MAP,
	 .flags = CONFIG_LIST,
	 CONFIG_FIELD(struct nat_conf, firewall),
	 .map = &rule_map,
	 .items_max = NAT_CONF_RULES_MAX,
	 .help = "rules in their order, before those that hold anyway: inside may begin to "
		 "everywhere, other zones to the world; from outside nothing may begin but ping to "
		 "this machine and the answers of DHCP"},
	{.name = "untranslated",
	 .type = CONFIG_MAP,
	 .flags = CONFIG_LIST,
	 CONFIG_FIELD(struct nat_conf, plain),
	 .map = &plain_map,
	 .items_max = NAT_CONF_PLAIN_MAX,
	 .help = "destinations outside to which hosts go with their own addresses, by the same "
		 "rules "
		 "and with flows (RFC 6888 REQ-6): who is there must have a route back. Nothing "
		 "else "
		 "leaves with a private source"},
	{.name = "intercept",
	 .type = CONFIG_MAP,
	 .flags = CONFIG_LIST,
	 CONFIG_FIELD(struct nat_conf, takes),
	 .map = &nat_take_conf_map,
	 .items_max = NAT_CONF_TAKES_MAX,
	 .help = "connections to the world that are led to a proxy of this machine on their way, "
		 "so that clients need no settings: what the firewall refuses is refused all the "
		 "same, and what the machine itself sends is never led there. The first entry that "
		 "fits decides"},
	{.name = "port-control",
	 .type = CONFIG_MAP,
	 CONFIG_FIELD(struct nat_conf, port_control),
	 .map = &portctl_conf_map,
	 .help = "ports that hosts inside open for themselves; off, unless one of its protocols is "
		 "on"},
	{.name = "bogons",
	 .type = CONFIG_BOOL,
	 CONFIG_FIELD(struct nat_conf, bogons),
	 .fallback = "on",
	 .help = "drop what comes from outside with a source that nobody there can have: private, "
		 "reserved, loopback (RFC 6890); networks of the outside devices excepted"},
	{.name = "answer-unasked",
	 .type = CONFIG_BOOL,
	 CONFIG_FIELD(struct nat_conf, answer_unasked),
	 .fallback = "on",
	 .help = "whether who calls a TCP port that nobody has opened is told so by ICMP, six "
		 "seconds later (RFC 5382 REQ-4); off: never"},
	{.name = "timeouts",
	 .type = CONFIG_MAP,
	 CONFIG_FIELD(struct nat_conf, timeouts),
	 .map = &timeout_map,
	 .help = "how long a silent flow is kept"},
	{.name = "limits",
	 .type = CONFIG_MAP,
	 CONFIG_FIELD(struct nat_conf, limits),
	 .map = &limit_map,
	 .help = "bounds of the tables"},
	{.name = "log",
	 .type = CONFIG_MAP,
	 CONFIG_FIELD(struct nat_conf, log),
	 .map = &nat_log_conf_map,
	 .help = "a log of which host had which public port; off, unless a file or a collector is "
		 "named"},
	{.name = "ipv6",
	 .type = CONFIG_BOOL,
	 CONFIG_FIELD(struct nat_conf, v6.forward),
	 .fallback = "on",
	 .help = "forward IPv6 between the zones, by the same rules and with flows as for IPv4; "
		 "off: "
		 "only this machine speaks it"},
	{.name = "nptv6",
	 .type = CONFIG_MAP,
	 .flags = CONFIG_LIST,
	 CONFIG_FIELD(struct nat_conf, v6.prefixes),
	 .map = &nat_prefix_conf_map,
	 .items_max = NAT_CONF_PREFIXES_MAX,
	 .help = "prefixes of IPv6 that are others outside (RFC 6296): no port changes, and each "
		 "host "
		 "has an address of its own there"},
	{.name = "nat64",
	 .type = CONFIG_PREFIX,
	 CONFIG_FIELD(struct nat_conf, v6.nat64),
	 .example = "64:ff9b::/96",
	 .help = "the prefix under which hosts that have IPv6 only reach IPv4 (RFC 6146), through "
		 "the "
		 "public addresses and ports of IPv4; the resolver's `dns64` tells them. "
		 "64:ff9b::/96 leads to addresses of the internet only (RFC 6052)"},
	{.name = "resolver",
	 .type = CONFIG_ENDPOINT,
	 .flags = CONFIG_LIST,
	 CONFIG_FIELD(struct nat_conf, resolver),
	 .port = 53,
	 .items_max = 4,
	 .fallback = "127.0.0.1",
	 .help = "who is asked for the names of hosts, the next when one is silent"},
	{.name = "domain",
	 .type = CONFIG_NAME,
	 CONFIG_FIELD(struct nat_conf, domain),
	 .example = "home.arpa",
	 .help = "the domain of names of one label: `nas` is then `nas.home.arpa`"},
};

const struct config_map nat_conf_map = {
	.help = "Translation: one public address for many hosts, with a firewall and forwarded "
		"ports",
	.size = sizeof(struct nat_conf),
	CONFIG_KEYS(nat_keys),
	.check = nat_conf_check,
	.example = "outside: wan0\ninside: lan0\nforward:\n  - {from: 443/tcp, to: \"nas:443\"}",
};
