#include "service/dhcp/conf6.h"

#include "service/dhcp/conf6_check.h"
#include "service/dhcp/conf6_option.h"
#include "service/dhcp/ra.h"
#include "service/dhcp/relay6.h"

#define TIME_MAX_MS 4294967294000LL /* what 32 bits of seconds hold below "infinite" */

static const char *const allocate_choices[] = {"dynamic", "automatic", "fixed", NULL};

/* What each place can say; the fallbacks are those of the outermost one, NULL elsewhere. */
#define SCOPE_KEYS(S)                                                                              \
	{.name = "options",                                                                        \
	 .type = CONFIG_TABLE,                                                                     \
	 .table = &v6_option_table_conf,                                                           \
	 CONFIG_FIELD(S, scope.options),                                                           \
	 .items_max = 256,                                                                         \
	 .example = "{dns-servers: \"2001:db8::53\", domain-search: home.arpa}",                   \
	 .help = "options for clients here that ask for them; the nearest place that has one "     \
		 "wins: reservation, class, network, all"},                                        \
	{                                                                                          \
		.name = "always", .type = CONFIG_TEXT, .flags = CONFIG_LIST | CONFIG_UNIQUE,       \
		CONFIG_FIELD(S, scope.always), .min = 1, .max = 64, .items_max = 64,               \
		.example = "[captive-portal]",                                                     \
		.help = "names or numbers of options that are sent also when a client does not "   \
			"ask for them"                                                             \
	}

#define TIME_KEYS(S, preferred, valid)                                                             \
	{.name = "preferred",                                                                      \
	 .type = CONFIG_DURATION,                                                                  \
	 CONFIG_FIELD(S, scope.preferred_ms),                                                      \
	 .min = 1000,                                                                              \
	 .max = TIME_MAX_MS,                                                                       \
	 .fallback = (preferred),                                                                  \
	 .example = "1h",                                                                          \
	 .help = "how long a client begins new connections from an address"},                      \
		{.name = "valid",                                                                  \
		 .type = CONFIG_DURATION,                                                          \
		 CONFIG_FIELD(S, scope.valid_ms),                                                  \
		 .min = 1000,                                                                      \
		 .max = TIME_MAX_MS,                                                               \
		 .fallback = (valid),                                                              \
		 .example = "2h",                                                                  \
		 .help = "how long a client has its address or prefix before it must have "        \
			 "renewed it; `preferred` of a place further out is cut to it"},           \
		{.name = "renew",                                                                  \
		 .type = CONFIG_DURATION,                                                          \
		 CONFIG_FIELD(S, scope.renew_ms),                                                  \
		 .min = 1000,                                                                      \
		 .max = TIME_MAX_MS,                                                               \
		 .example = "30m",                                                                 \
		 .help = "when a client begins to renew (T1); half of `preferred` unless said"},   \
	{                                                                                          \
		.name = "rebind", .type = CONFIG_DURATION, CONFIG_FIELD(S, scope.rebind_ms),       \
		.min = 1000, .max = TIME_MAX_MS, .example = "48m",                                 \
		.help = "when a client begins to ask any server (T2); four fifths of "             \
			"`preferred` unless said"                                                  \
	}

#define POOL_KEYS(S)                                                                               \
	{.name = "classes",                                                                        \
	 .type = CONFIG_TEXT,                                                                      \
	 .flags = CONFIG_LIST | CONFIG_UNIQUE,                                                     \
	 CONFIG_FIELD(S, classes),                                                                 \
	 .min = 1,                                                                                 \
	 .max = 64,                                                                                \
	 .example = "[phones]",                                                                    \
	 .help = "only for clients of one of these classes"},                                      \
		{.name = "allocate",                                                               \
		 .type = CONFIG_CHOICE,                                                            \
		 CONFIG_FIELD(S, allocate),                                                        \
		 .choices = allocate_choices,                                                      \
		 .fallback = "automatic",                                                          \
		 .help = "`dynamic`: what ended is anybody's again; `automatic`: who had a lease " \
			 "gets it "                                                                \
			 "back whenever it can; `fixed`: only who has a reservation is given "     \
			 "one"},                                                                   \
	{                                                                                          \
		.name = "warn", .type = CONFIG_INTEGER, CONFIG_FIELD(S, warn_percent), .max = 100, \
		.fallback = "0", .example = "90",                                                  \
		.help = "percent of the pool in use at which an event says so; 0: never"           \
	}

static const struct config_key pool_keys[] = {
	{.name = "range",
	 .type = CONFIG_RANGE,
	 .flags = CONFIG_REQUIRED,
	 CONFIG_FIELD(struct v6_pool_conf, range),
	 .example = "\"2001:db8:7::1000-2001:db8:7::1fff\"",
	 .help = "the addresses"},
	POOL_KEYS(struct v6_pool_conf),
};

static const struct config_map pool_map = {
	.help = "Addresses that are given to clients",
	.size = sizeof(struct v6_pool_conf),
	CONFIG_KEYS(pool_keys),
	.check = v6_check_pool,
};

static const struct config_key prefix_pool_keys[] = {
	{.name = "prefix",
	 .type = CONFIG_PREFIX,
	 .flags = CONFIG_REQUIRED,
	 CONFIG_FIELD(struct v6_prefix_pool_conf, prefix),
	 .example = "\"2001:db8:f000::/36\"",
	 .help = "what is cut into prefixes"},
	{.name = "delegated-length",
	 .type = CONFIG_INTEGER,
	 CONFIG_FIELD(struct v6_prefix_pool_conf, delegated_length),
	 .min = 1,
	 .max = 127,
	 .fallback = "56",
	 .help = "the length of each prefix that a router gets"},
	{.name = "exclude-length",
	 .type = CONFIG_INTEGER,
	 CONFIG_FIELD(struct v6_prefix_pool_conf, exclude_length),
	 .max = 127,
	 .fallback = "0",
	 .example = "64",
	 .help = "keep the first subnet of this length out of what the router may use, for the "
		 "link "
		 "to it (RFC 6603), where it understands that; 0: none"},
	POOL_KEYS(struct v6_prefix_pool_conf),
};

static const struct config_map prefix_pool_map = {
	.help = "Prefixes that are delegated to routers",
	.size = sizeof(struct v6_prefix_pool_conf),
	CONFIG_KEYS(prefix_pool_keys),
	.check = v6_check_prefix_pool,
};

static const struct config_key reservation_keys[] = {
	{.name = "duid",
	 .type = CONFIG_TEXT,
	 CONFIG_FIELD(struct v6_reservation_conf, duid),
	 .min = 1,
	 .max = 400,
	 .example = "\"00:03:00:01:02:00:00:00:00:01\"",
	 .help = "the client's DUID, in hex"},
	{.name = "iaid",
	 .type = CONFIG_INTEGER,
	 CONFIG_FIELD(struct v6_reservation_conf, iaid),
	 CONFIG_PRESENT(struct v6_reservation_conf, has_iaid),
	 .min = 0,
	 .max = 4294967295,
	 .example = "1",
	 .help = "only this identity association of it; any unless set"},
	{.name = "mac",
	 .type = CONFIG_TEXT,
	 CONFIG_FIELD(struct v6_reservation_conf, mac),
	 .min = 1,
	 .max = 64,
	 .example = "\"02:00:00:00:00:01\"",
	 .help = "the client's link-layer address instead, as its DUID holds it or a relay tells "
		 "it "
		 "(RFC 6939)"},
	{.name = "address",
	 .type = CONFIG_ADDRESS,
	 CONFIG_FIELD(struct v6_reservation_conf, address),
	 .example = "\"2001:db8:7::10\"",
	 .help = "its address, inside or outside of the pools"},
	{.name = "prefix",
	 .type = CONFIG_PREFIX,
	 CONFIG_FIELD(struct v6_reservation_conf, prefix),
	 .example = "\"2001:db8:f100::/56\"",
	 .help = "the prefix that is delegated to it"},
	{.name = "name",
	 .type = CONFIG_TEXT,
	 CONFIG_FIELD(struct v6_reservation_conf, name),
	 .min = 1,
	 .max = 253,
	 .example = "printer",
	 .help = "its host name, whatever it calls itself"},
	SCOPE_KEYS(struct v6_reservation_conf),
};

static const struct config_map reservation_map = {
	.help = "What one client gets",
	.size = sizeof(struct v6_reservation_conf),
	CONFIG_KEYS(reservation_keys),
	.check = v6_check_reservation,
};

static const struct config_key network_keys[] = {
	{.name = "subnet",
	 .type = CONFIG_PREFIX,
	 .flags = CONFIG_REQUIRED,
	 CONFIG_FIELD(struct v6_network_conf, subnet),
	 .example = "\"2001:db8:7::/64\"",
	 .help = "its addresses"},
	{.name = "name",
	 .type = CONFIG_TEXT,
	 CONFIG_FIELD(struct v6_network_conf, name),
	 .min = 1,
	 .max = 63,
	 .example = "lan",
	 .help = "what it is called in events and counters; its subnet unless set"},
	{.name = "interface",
	 .type = CONFIG_TEXT,
	 CONFIG_FIELD(struct v6_network_conf, interface),
	 .min = 1,
	 .max = 15,
	 .example = "lan0",
	 .help = "the interface that it is on; one that has an address of it unless set, or none "
		 "where relays forward"},
	{.name = "link",
	 .type = CONFIG_TEXT,
	 CONFIG_FIELD(struct v6_network_conf, link),
	 .min = 1,
	 .max = 63,
	 .example = "floor2",
	 .help = "networks of one link have the same word here, or the same interface; a client "
		 "gets an address of the first that has one free"},
	{.name = "pools",
	 .type = CONFIG_MAP,
	 .flags = CONFIG_LIST,
	 CONFIG_FIELD(struct v6_network_conf, pools),
	 .map = &pool_map,
	 .items_max = 256,
	 .help = "addresses to give"},
	{.name = "prefix-pools",
	 .type = CONFIG_MAP,
	 .flags = CONFIG_LIST,
	 CONFIG_FIELD(struct v6_network_conf, prefix_pools),
	 .map = &prefix_pool_map,
	 .items_max = 256,
	 .help = "prefixes to delegate"},
	{.name = "reservations",
	 .type = CONFIG_MAP,
	 .flags = CONFIG_LIST,
	 CONFIG_FIELD(struct v6_network_conf, reservations),
	 .map = &reservation_map,
	 .help = "what certain clients get"},
	{.name = "rapid-commit",
	 .type = CONFIG_BOOL,
	 CONFIG_FIELD(struct v6_network_conf, rapid_commit),
	 .fallback = "off",
	 .help = "answer a client that wants so with its lease at once (RFC 8415 18.3.1); for "
		 "links "
		 "with one server"},
	{.name = "preference",
	 .type = CONFIG_INTEGER,
	 CONFIG_FIELD(struct v6_network_conf, preference),
	 .max = 255,
	 .fallback = "0",
	 .help = "clients prefer the server with the highest; 255 is taken without waiting for "
		 "others"},
	{.name = "reconfigure",
	 .type = CONFIG_BOOL,
	 CONFIG_FIELD(struct v6_network_conf, reconfigure),
	 .fallback = "on",
	 .help = "give clients that accept it a key, by which they can be told to renew"},
	{.name = "create-on-renew",
	 .type = CONFIG_BOOL,
	 CONFIG_FIELD(struct v6_network_conf, create_on_renew),
	 .fallback = "on",
	 .help = "a client that renews what nobody knows gets a new lease, rather than the word "
		 "that "
		 "there is none"},
	{.name = "decline-time",
	 .type = CONFIG_DURATION,
	 CONFIG_FIELD(struct v6_network_conf, decline_ms),
	 .min = 1000,
	 .max = 31536000000,
	 .fallback = "1d",
	 .help = "an address that a client found taken rests this long"},
	{.name = "per-second",
	 .type = CONFIG_INTEGER,
	 CONFIG_FIELD(struct v6_network_conf, per_second),
	 .max = 1000000,
	 .fallback = "0",
	 .example = "50",
	 .help = "new leases a second at most; 0: no limit"},
	TIME_KEYS(struct v6_network_conf, NULL, NULL),
	SCOPE_KEYS(struct v6_network_conf),
};

static const struct config_map network_map = {
	.help = "An IPv6 network",
	.size = sizeof(struct v6_network_conf),
	CONFIG_KEYS(network_keys),
	.check = v6_check_network,
	.example = "{subnet: \"2001:db8:7::/64\", interface: lan0,\n"
		   " pools: {range: \"2001:db8:7::1000-2001:db8:7::1fff\"}}",
};

#define PATTERNS(word, member, wanted, text)                                                       \
	{                                                                                          \
		.name = (word), .type = CONFIG_TEXT, .flags = CONFIG_LIST,                         \
		CONFIG_FIELD(struct v6_match_conf, member), .min = 1, .max = 1024,                 \
		.example = (wanted), .help = (text)                                                \
	}

static const struct config_key match_keys[] = {
	PATTERNS("vendor-class", vendor_class, "\"acme*\"",
		 "what the client says of its maker (option 16), any of its items: a text in which "
		 "`*` is anything, or octets behind hex:"),
	PATTERNS("user-class", user_class, "iPXE", "what it says of its use (option 15), any item"),
	PATTERNS(
		"mac", mac, "[\"02:00:5e:*\"]",
		"link-layer addresses, whole or as far as `*`: as a relay tells them, or the DUID"),
	PATTERNS("duid", duid, "\"hex:0003*\"", "its DUID (option 1)"),
	PATTERNS("interface-id", interface_id, "\"eth0/1/*\"",
		 "which port of the relay it is behind (option 18), of the nearest that says so"),
	PATTERNS("remote-id", remote_id, "\"hex:020000000099\"",
		 "which relay that is (option 37), behind its enterprise number"),
	PATTERNS("subscriber-id", subscriber_id, "\"customer-*\"",
		 "whom the relay says it is (option 38)"),
};

static const struct config_map match_map = {
	.help = "Who belongs to it: all that is written here must be so, and of a list any item",
	.size = sizeof(struct v6_match_conf),
	CONFIG_KEYS(match_keys),
	.check = v6_check_match,
};

static const struct config_key class_keys[] = {
	{.name = "name",
	 .type = CONFIG_TEXT,
	 .flags = CONFIG_REQUIRED,
	 CONFIG_FIELD(struct v6_class_conf, name),
	 .min = 1,
	 .max = 64,
	 .example = "phones",
	 .help = "what pools call it"},
	{.name = "match",
	 .type = CONFIG_MAP,
	 .flags = CONFIG_REQUIRED,
	 .map = &match_map,
	 CONFIG_FIELD(struct v6_class_conf, match),
	 .example = "{vendor-class: \"acme*\"}",
	 .help = "who belongs to it: all that is written must be so, and of a list any item"},
	SCOPE_KEYS(struct v6_class_conf),
	TIME_KEYS(struct v6_class_conf, NULL, NULL),
};

static const struct config_map class_map = {
	.help = "Clients that have something in common",
	.size = sizeof(struct v6_class_conf),
	CONFIG_KEYS(class_keys),
	.check = v6_check_class,
};

static const struct config_key v6_keys[] = {
	{.name = "networks",
	 .type = CONFIG_MAP,
	 .flags = CONFIG_LIST,
	 CONFIG_FIELD(struct v6_conf, networks),
	 .map = &network_map,
	 .items_max = 1024,
	 .help = "IPv6 networks whose hosts are served by DHCPv6"},
	{.name = "classes",
	 .type = CONFIG_MAP,
	 .flags = CONFIG_LIST,
	 CONFIG_FIELD(struct v6_conf, classes),
	 .map = &class_map,
	 .items_max = DHCP_CLASSES_MAX,
	 .help = "clients that have something in common; of a client's classes the first that has "
		 "an option says it"},
	{.name = "advertise",
	 .type = CONFIG_MAP,
	 .flags = CONFIG_LIST,
	 CONFIG_FIELD(struct v6_conf, advertise),
	 .map = &v6_advertise_map,
	 .items_max = RA_INTERFACES_MAX,
	 .help = "router advertisements"},
	{.name = "relay",
	 .type = CONFIG_MAP,
	 .flags = CONFIG_LIST,
	 CONFIG_FIELD(struct v6_conf, relays),
	 .map = &v6_relay_map,
	 .items_max = RELAY6_LINKS_MAX,
	 .help = "links whose clients are served elsewhere"},
	{.name = "leases-max",
	 .type = CONFIG_INTEGER,
	 CONFIG_FIELD(struct v6_conf, leases_max),
	 .min = 1,
	 .max = 1 << 24,
	 .fallback = "65536",
	 .help = "leases in memory at most; a change needs a restart"},
	{.name = "waiting-max",
	 .type = CONFIG_INTEGER,
	 CONFIG_FIELD(struct v6_conf, waiting_max),
	 .min = 16,
	 .max = 65536,
	 .fallback = "512",
	 .help = "exchanges that wait for the store at most; a change needs a restart"},
	{.name = "leases-per-client",
	 .type = CONFIG_INTEGER,
	 CONFIG_FIELD(struct v6_conf, leases_per_client),
	 .min = 1,
	 .max = 65536,
	 .fallback = "16",
	 .help = "addresses and prefixes of one DUID at most"},
	TIME_KEYS(struct v6_conf, "1h", "2h"),
	SCOPE_KEYS(struct v6_conf),
};

const struct config_map v6_conf_map = {
	.help = "IPv6: DHCPv6 (RFC 8415), router advertisements (RFC 4861) and the relay agent",
	.size = sizeof(struct v6_conf),
	CONFIG_KEYS(v6_keys),
	.check = v6_check,
};
