#include "service/dhcp/conf.h"

#include "service/dhcp/conf_check.h"
#include "service/dhcp/conf_option.h"
#include "service/dhcp/conf_relay.h"
#include "service/dhcp/relay.h"
#include "service/dhcp/site.h"

#define SCOPE(S, member)  CONFIG_FIELD(S, scope.member)
#define MANNER(S, member) CONFIG_FIELD(S, manner.member), CONFIG_PRESENT(S, manner.said.member)

#define LEASE_MAX_MS 4294967294000LL /* what 32 bits of seconds hold below "infinite" */

static const struct config_key vendor_keys[] = {
	{.name = "vendor-class",
	 .type = CONFIG_TEXT,
	 .flags = CONFIG_LIST,
	 CONFIG_FIELD(struct dhcp_vendor_conf, vendor_class),
	 .min = 1,
	 .max = 255,
	 .example = "\"ubnt*\"",
	 .help = "what the client says of its maker (option 60); `*` is anything. Who matches gets "
		 "the options in option 43"},
	{.name = "enterprise",
	 .type = CONFIG_INTEGER,
	 CONFIG_FIELD(struct dhcp_vendor_conf, enterprise),
	 .min = 1,
	 .max = 4294967295,
	 .example = "3561",
	 .help = "IANA's number of the maker: the options go into option 125 instead of 43"},
	{.name = "options",
	 .type = CONFIG_TABLE,
	 .flags = CONFIG_REQUIRED,
	 .table = &dhcp_vendor_table_conf,
	 CONFIG_FIELD(struct dhcp_vendor_conf, options),
	 .items_min = 1,
	 .items_max = 254,
	 .example = "{\"1/address\": 192.0.2.1}",
	 .help = "the options by the maker's own numbers"},
};

static const struct config_map vendor_map = {
	.help = "Options that a maker of devices numbers itself",
	.size = sizeof(struct dhcp_vendor_conf),
	CONFIG_KEYS(vendor_keys),
	.check = dhcp_check_vendor,
};

/* What each place can say. more: CONFIG_NARROWER but for the section itself; lease: the fallback of
 * lease-time. */
#define SCOPE_KEYS(S, more, lease)                                                                 \
	{.name = "options",                                                                        \
	 .type = CONFIG_TABLE,                                                                     \
	 .flags = (more),                                                                          \
	 .table = &dhcp_option_table_conf,                                                         \
	 SCOPE(S, options),                                                                        \
	 .items_max = 254,                                                                         \
	 .example = "{routers: 192.168.7.1, domain-name: home.arpa}",                              \
	 .help = "options for clients that ask for them; the nearest place that has one "          \
		 "wins: reservation, class, pool, network, all"},                                  \
		{.name = "always",                                                                 \
		 .type = CONFIG_TEXT,                                                              \
		 .flags = (more) | CONFIG_LIST | CONFIG_UNIQUE,                                    \
		 SCOPE(S, always),                                                                 \
		 .min = 1,                                                                         \
		 .max = 64,                                                                        \
		 .items_max = 254,                                                                 \
		 .example = "[captive-portal]",                                                    \
		 .help = "names or numbers of options that are sent also when a client does not "  \
			 "ask for them"},                                                          \
		{.name = "vendor-options",                                                         \
		 .type = CONFIG_MAP,                                                               \
		 .flags = (more) | CONFIG_LIST,                                                    \
		 .map = &vendor_map,                                                               \
		 SCOPE(S, vendor),                                                                 \
		 .items_max = 256,                                                                 \
		 .help = "options that makers of devices number themselves"},                      \
		{.name = "lease-time",                                                             \
		 .type = CONFIG_DURATION,                                                          \
		 .flags = (more),                                                                  \
		 SCOPE(S, lease_ms),                                                               \
		 .min = 10000,                                                                     \
		 .max = LEASE_MAX_MS,                                                              \
		 .fallback = (lease),                                                              \
		 .help = "how long a client has its address before it must have renewed it"},      \
		{.name = "lease-time-min",                                                         \
		 .type = CONFIG_DURATION,                                                          \
		 .flags = (more),                                                                  \
		 SCOPE(S, lease_min_ms),                                                           \
		 .min = 10000,                                                                     \
		 .max = LEASE_MAX_MS,                                                              \
		 .example = "10m",                                                                 \
		 .help = "the shortest time that a client gets when it asks for one; 5m, or "      \
			 "`lease-time` if that is less, unless said"},                             \
		{.name = "lease-time-max",                                                         \
		 .type = CONFIG_DURATION,                                                          \
		 .flags = (more),                                                                  \
		 SCOPE(S, lease_max_ms),                                                           \
		 .min = 10000,                                                                     \
		 .max = LEASE_MAX_MS,                                                              \
		 .example = "2d",                                                                  \
		 .help = "the longest time that a client gets when it asks for one; "              \
			 "`lease-time` unless said"},                                              \
		{.name = "renew-time",                                                             \
		 .type = CONFIG_DURATION,                                                          \
		 .flags = (more),                                                                  \
		 SCOPE(S, renew_ms),                                                               \
		 .min = 1000,                                                                      \
		 .max = LEASE_MAX_MS,                                                              \
		 .example = "1h",                                                                  \
		 .help = "when a client begins to renew (T1); half of its lease unless said, "     \
			 "and whenever its lease is shorter than that"},                           \
		{.name = "rebind-time",                                                            \
		 .type = CONFIG_DURATION,                                                          \
		 .flags = (more),                                                                  \
		 SCOPE(S, rebind_ms),                                                              \
		 .min = 1000,                                                                      \
		 .max = LEASE_MAX_MS,                                                              \
		 .example = "10h",                                                                 \
		 .help = "when a client begins to ask any server (T2); seven eighths of its "      \
			 "lease unless said, and whenever its lease is shorter than that"},        \
		{.name = "next-server",                                                            \
		 .type = CONFIG_ADDRESS,                                                           \
		 .flags = (more),                                                                  \
		 SCOPE(S, next_server),                                                            \
		 .example = "192.168.7.5",                                                         \
		 .help = "where a client that boots from the network gets its file by TFTP"},      \
		{.name = "server-name",                                                            \
		 .type = CONFIG_TEXT,                                                              \
		 .flags = (more),                                                                  \
		 SCOPE(S, server_name),                                                            \
		 .min = 1,                                                                         \
		 .max = 63,                                                                        \
		 .example = "boot.home.arpa",                                                      \
		 .help = "the name of that server (sname and option 66)"},                         \
	{                                                                                          \
		.name = "boot-file", .type = CONFIG_TEXT, .flags = (more), SCOPE(S, boot_file),    \
		.min = 1, .max = 255, .example = "snponly.efi",                                    \
		.help = "what a client boots from the network: a path, or a URL for firmware "     \
			"that boots by HTTP (file and option 67)"                                  \
	}

/* How addresses are given away; site(x): the fallback where it is said for all networks. */
#define NOT_SITE(x) NULL
#define IN_SITE(x)  (x)
#define MANNER_KEYS(S, more, site)                                                                 \
	{.name = "probe",                                                                          \
	 .type = CONFIG_BOOL,                                                                      \
	 .flags = (more),                                                                          \
	 MANNER(S, probe),                                                                         \
	 .fallback = site("on"),                                                                   \
	 .help = "look for a holder of an address, by ARP or through a relay by ICMP echo, "       \
		 "before it is offered to a client that did not have it"},                         \
		{.name = "probe-time",                                                             \
		 .type = CONFIG_DURATION,                                                          \
		 .flags = (more),                                                                  \
		 MANNER(S, probe_ms),                                                              \
		 .fallback = site("500ms"),                                                        \
		 .min = 10,                                                                        \
		 .max = 5000,                                                                      \
		 .help = "how long an answer to that is waited for"},                              \
		{.name = "decline-time",                                                           \
		 .type = CONFIG_DURATION,                                                          \
		 .flags = (more),                                                                  \
		 MANNER(S, decline_ms),                                                            \
		 .fallback = site("1h"),                                                           \
		 .min = 1000,                                                                      \
		 .max = LEASE_MAX_MS,                                                              \
		 .help = "how long an address rests that somebody else was found to use"},         \
		{.name = "offer-time",                                                             \
		 .type = CONFIG_DURATION,                                                          \
		 .flags = (more),                                                                  \
		 MANNER(S, offer_ms),                                                              \
		 .fallback = site("1m"),                                                           \
		 .min = 1000,                                                                      \
		 .max = 3600000,                                                                   \
		 .help = "how long an offered address is kept for the client"},                    \
		{.name = "rapid-commit",                                                           \
		 .type = CONFIG_BOOL,                                                              \
		 .flags = (more),                                                                  \
		 MANNER(S, rapid_commit),                                                          \
		 .fallback = site("off"),                                                          \
		 .help = "give the address at once to clients that ask for it (RFC 4039); only "   \
			 "where this is the one server of the link"},                              \
		{.name = "authoritative",                                                          \
		 .type = CONFIG_BOOL,                                                              \
		 .flags = (more),                                                                  \
		 MANNER(S, authoritative),                                                         \
		 .fallback = site("off"),                                                          \
		 .help = "tell a client that comes with an address which is wrong for its link "   \
			 "so, also when no lease of it is known"},                                 \
		{.name = "clients-per-second",                                                     \
		 .type = CONFIG_INTEGER,                                                           \
		 .flags = (more),                                                                  \
		 MANNER(S, per_second),                                                            \
		 .fallback = site("100"),                                                          \
		 .min = 0,                                                                         \
		 .max = 1000000,                                                                   \
		 .help = "how many new clients of one interface, or of one port of a relay, are "  \
			 "served in a second; 0 is no limit"},                                     \
	{                                                                                          \
		.name = "leases-per-port", .type = CONFIG_INTEGER, .flags = (more),                \
		MANNER(S, per_port), .fallback = site("0"), .min = 0, .max = 1000000,              \
		.help = "how many leases one port of a relay (its circuit-id) has at once; 0 is "  \
			"no limit"                                                                 \
	}

static const char *const allocate_choices[] = {"dynamic", "automatic", "fixed", NULL};

static const struct config_key pool_keys[] = {
	{.name = "range",
	 .type = CONFIG_RANGE,
	 .flags = CONFIG_REQUIRED,
	 CONFIG_FIELD(struct dhcp_pool_conf, range),
	 .example = "192.168.7.100-192.168.7.199",
	 .help = "its first and last address"},
	{.name = "allocate",
	 .type = CONFIG_CHOICE,
	 CONFIG_FIELD(struct dhcp_pool_conf, allocate),
	 .choices = allocate_choices,
	 .fallback = "automatic",
	 .help = "`dynamic`: an address whose lease ended is anybody's again; `automatic`: the "
		 "same, but who had an address gets it back whenever it can be; `fixed`: only "
		 "clients with a reservation are answered"},
	{.name = "classes",
	 .type = CONFIG_TEXT,
	 .flags = CONFIG_LIST | CONFIG_UNIQUE,
	 CONFIG_FIELD(struct dhcp_pool_conf, classes),
	 .min = 1,
	 .max = 64,
	 .items_max = DHCP_CLASSES_MAX,
	 .example = "[phones]",
	 .help = "only for clients of one of these classes"},
	{.name = "warn-percent",
	 .type = CONFIG_INTEGER,
	 CONFIG_FIELD(struct dhcp_pool_conf, warn_percent),
	 .fallback = "90",
	 .min = 0,
	 .max = 100,
	 .help = "tell by an event when so much of it is in use; 0 is never"},
	SCOPE_KEYS(struct dhcp_pool_conf, CONFIG_NARROWER, NULL),
};

static const struct config_map pool_map = {
	.help = "A range of addresses to give away",
	.size = sizeof(struct dhcp_pool_conf),
	CONFIG_KEYS(pool_keys),
	.check = dhcp_check_pool,
	.example = "{range: 192.168.7.100-192.168.7.199}",
};

static const struct config_key reservation_keys[] = {
	{.name = "mac",
	 .type = CONFIG_TEXT,
	 CONFIG_FIELD(struct dhcp_reservation_conf, mac),
	 .min = 1,
	 .max = 17,
	 .example = "\"02:00:00:00:00:01\"",
	 .help = "for the client with this hardware address, unless it has a reservation by "
		 "client-id"},
	{.name = "client-id",
	 .type = CONFIG_TEXT,
	 CONFIG_FIELD(struct dhcp_reservation_conf, client_id),
	 .min = 1,
	 .max = 1024,
	 .example = "\"hex:01:02:00:00:00:00:01\"",
	 .help = "for the client with this identifier (option 61): its text, or its octets behind "
		 "hex:"},
	{.name = "circuit-id",
	 .type = CONFIG_TEXT,
	 CONFIG_FIELD(struct dhcp_reservation_conf, circuit_id),
	 .min = 1,
	 .max = 1024,
	 .example = "\"port 7\"",
	 .help = "for whoever is behind this port of a relay (option 82), unless it has a "
		 "reservation by client-id or mac: text, or octets behind hex:"},
	{.name = "remote-id",
	 .type = CONFIG_TEXT,
	 CONFIG_FIELD(struct dhcp_reservation_conf, remote_id),
	 .min = 1,
	 .max = 1024,
	 .example = "\"hex:02:00:00:00:00:99\"",
	 .help = "and of which relay; goes with `circuit-id`"},
	{.name = "address",
	 .type = CONFIG_ADDRESS,
	 CONFIG_FIELD(struct dhcp_reservation_conf, address),
	 .example = "192.168.7.10",
	 .help = "the address that it gets, inside a pool or not; without one it gets any"},
	{.name = "name",
	 .type = CONFIG_TEXT,
	 CONFIG_FIELD(struct dhcp_reservation_conf, name),
	 .min = 1,
	 .max = 63,
	 .example = "nas",
	 .help = "its host name, whatever the client says"},
	SCOPE_KEYS(struct dhcp_reservation_conf, CONFIG_NARROWER, NULL),
};

static const struct config_map reservation_map = {
	.help = "What one client gets",
	.size = sizeof(struct dhcp_reservation_conf),
	CONFIG_KEYS(reservation_keys),
	.check = dhcp_check_reservation,
	.example = "{mac: \"02:00:00:00:00:01\", address: 192.168.7.10, name: nas}",
};

static const struct config_key network_keys[] = {
	{.name = "subnet",
	 .type = CONFIG_PREFIX,
	 .flags = CONFIG_REQUIRED,
	 CONFIG_FIELD(struct dhcp_network_conf, subnet),
	 .example = "192.168.7.0/24",
	 .help = "its addresses"},
	{.name = "name",
	 .type = CONFIG_TEXT,
	 CONFIG_FIELD(struct dhcp_network_conf, name),
	 .min = 1,
	 .max = 64,
	 .example = "office",
	 .help = "what it is called in events and lists; the subnet unless set"},
	{.name = "interface",
	 .type = CONFIG_TEXT,
	 CONFIG_FIELD(struct dhcp_network_conf, interface),
	 .min = 1,
	 .max = 15,
	 .example = "lan0",
	 .help = "where its clients are; the interface that has an address of the subnet unless "
		 "set"},
	{.name = "link",
	 .type = CONFIG_TEXT,
	 CONFIG_FIELD(struct dhcp_network_conf, link),
	 .min = 1,
	 .max = 64,
	 .example = "building-2",
	 .help = "networks with the same word here are on one link: a client there gets an address "
		 "of the first that has one"},
	{.name = "server-id",
	 .type = CONFIG_ADDRESS,
	 CONFIG_FIELD(struct dhcp_network_conf, server_id),
	 .example = "192.168.7.1",
	 .help = "the address by which clients know this server; the one that they reach it by "
		 "unless set"},
	{.name = "pools",
	 .type = CONFIG_MAP,
	 .flags = CONFIG_LIST,
	 .map = &pool_map,
	 CONFIG_FIELD(struct dhcp_network_conf, pools),
	 .help = "the addresses to give away; they are taken from the first pool that has one for "
		 "the client"},
	{.name = "reservations",
	 .type = CONFIG_MAP,
	 .flags = CONFIG_LIST,
	 .map = &reservation_map,
	 CONFIG_FIELD(struct dhcp_network_conf, reservations),
	 .items_max = 1000000,
	 .help = "clients that get an address or options of their own"},
	MANNER_KEYS(struct dhcp_network_conf, CONFIG_NARROWER, NOT_SITE),
	SCOPE_KEYS(struct dhcp_network_conf, CONFIG_NARROWER, NULL),
};

static const struct config_map network_map = {
	.help = "An IPv4 network and its addresses",
	.size = sizeof(struct dhcp_network_conf),
	CONFIG_KEYS(network_keys),
	.check = dhcp_check_network,
	.example = "subnet: 192.168.7.0/24\n"
		   "options: {routers: 192.168.7.1}\n"
		   "pools: [{range: 192.168.7.100-192.168.7.199}]",
};

#define MATCH(member) CONFIG_FIELD(struct dhcp_match_conf, member)
#define PATTERNS(word, member, wanted, text)                                                       \
	{                                                                                          \
		.name = (word), .type = CONFIG_TEXT, .flags = CONFIG_LIST, MATCH(member),          \
		.min = 1, .max = 1024, .example = (wanted), .help = (text)                         \
	}

static const struct config_key match_keys[] = {
	PATTERNS("vendor-class", vendor_class, "\"PXEClient*\"",
		 "what the client says of its maker (option 60): a text in which `*` is anything, "
		 "or octets behind hex:"),
	PATTERNS("user-class", user_class, "iPXE",
		 "what it says of its use (option 77), any of its items or the whole"),
	PATTERNS("mac", mac, "[\"02:00:5e:*\"]", "hardware addresses, whole or as far as `*`"),
	PATTERNS("client-id", client_id, "\"hex:ff*\"", "its identifier (option 61)"),
	PATTERNS("circuit-id", circuit_id, "\"eth0/1/*\"",
		 "which port of the relay it is behind (option 82)"),
	PATTERNS("remote-id", remote_id, "\"hex:02:00:00:00:00:99\"",
		 "which relay that is (option 82)"),
	PATTERNS("subscriber-id", subscriber_id, "\"customer-*\"",
		 "whom the relay says it is (option 82)"),
	{.name = "architecture",
	 .type = CONFIG_TEXT,
	 .flags = CONFIG_LIST,
	 MATCH(architecture),
	 .min = 1,
	 .max = 32,
	 .items_max = 64,
	 .example = "[uefi-x64]",
	 .help = "what boots from the network (option 93): a number of IANA's registry, or "
		 "bios, uefi-x86, uefi-x64, uefi-arm32, uefi-arm64, uefi-riscv64, and the same "
		 "with http- for firmware that boots by HTTP"},
};

static const struct config_map match_map = {
	.help = "Who belongs to it: all that is written here must be so, and of a list any item",
	.size = sizeof(struct dhcp_match_conf),
	CONFIG_KEYS(match_keys),
	.check = dhcp_check_match,
};

static const struct config_key class_keys[] = {
	{.name = "name",
	 .type = CONFIG_TEXT,
	 .flags = CONFIG_REQUIRED,
	 CONFIG_FIELD(struct dhcp_class_conf, name),
	 .min = 1,
	 .max = 64,
	 .example = "phones",
	 .help = "what pools call it"},
	{.name = "match",
	 .type = CONFIG_MAP,
	 .flags = CONFIG_REQUIRED,
	 .map = &match_map,
	 CONFIG_FIELD(struct dhcp_class_conf, match),
	 .example = "{vendor-class: \"PXEClient*\"}",
	 .help = "who belongs to it: all that is written must be so, and of a list any item"},
	SCOPE_KEYS(struct dhcp_class_conf, CONFIG_NARROWER, NULL),
};

static const struct config_map class_map = {
	.help = "Clients that have something in common",
	.size = sizeof(struct dhcp_class_conf),
	CONFIG_KEYS(class_keys),
	.check = dhcp_check_class,
	.example = "{name: uefi, match: {architecture: uefi-x64}, boot-file: snponly.efi}",
};

static const struct config_key split_keys[] = {
	{.name = "buckets",
	 .type = CONFIG_TEXT,
	 .flags = CONFIG_LIST | CONFIG_REQUIRED,
	 CONFIG_FIELD(struct dhcp_split_conf, buckets),
	 .min = 1,
	 .max = 16,
	 .items_max = 256,
	 .example = "0-127",
	 .help = "which of the 256 hash buckets of clients this server answers (RFC 3074)"},
	{.name = "wait",
	 .type = CONFIG_DURATION,
	 CONFIG_FIELD(struct dhcp_split_conf, wait_ms),
	 .fallback = "4s",
	 .min = 0,
	 .max = 600000,
	 .help = "a client that has waited longer than this is answered anyhow"},
};

static const struct config_map split_map = {
	.help = "Two servers or more that share the clients of a link between them",
	.size = sizeof(struct dhcp_split_conf),
	CONFIG_KEYS(split_keys),
	.check = dhcp_check_split,
};

static const struct config_key dhcp_keys[] = {
	{.name = "interfaces",
	 .type = CONFIG_TEXT,
	 .flags = CONFIG_LIST | CONFIG_UNIQUE,
	 CONFIG_FIELD(struct dhcp_conf, interfaces),
	 .min = 1,
	 .max = 15,
	 .items_max = 256,
	 .example = "[lan0]",
	 .help = "where to answer; every interface that has an address of a network unless set"},
	{.name = "networks",
	 .type = CONFIG_MAP,
	 .flags = CONFIG_LIST,
	 .map = &network_map,
	 CONFIG_FIELD(struct dhcp_conf, networks),
	 .items_max = 4096,
	 .help = "the IPv4 networks to serve"},
	{.name = "classes",
	 .type = CONFIG_MAP,
	 .flags = CONFIG_LIST,
	 .map = &class_map,
	 CONFIG_FIELD(struct dhcp_conf, classes),
	 .items_max = DHCP_CLASSES_MAX,
	 .help = "clients that have something in common; of a client's classes the first that has "
		 "an option wins"},
	{.name = "relay",
	 .type = CONFIG_MAP,
	 .flags = CONFIG_LIST,
	 .map = &dhcp_relay_conf_map,
	 CONFIG_FIELD(struct dhcp_conf, relays),
	 .items_max = RELAY_LINKS_MAX,
	 .help = "links whose clients are served by servers elsewhere"},
	{.name = "names",
	 .type = CONFIG_MAP,
	 .map = &dhcp_names_conf_map,
	 CONFIG_FIELD(struct dhcp_conf, names),
	 .help = "leases become names in the DNS"},
	{.name = "ipv6",
	 .type = CONFIG_MAP,
	 .map = &v6_conf_map,
	 CONFIG_FIELD(struct dhcp_conf, v6),
	 CONFIG_PRESENT(struct dhcp_conf, has_v6),
	 .help = "the same for IPv6: addresses, prefixes, router advertisements and relays"},
	SCOPE_KEYS(struct dhcp_conf, 0, "12h"),
	MANNER_KEYS(struct dhcp_conf, 0, IN_SITE),
	{.name = "load-split",
	 .type = CONFIG_MAP,
	 .map = &split_map,
	 CONFIG_FIELD(struct dhcp_conf, split),
	 .help = "share the clients of a link with other servers; all are answered unless set"},
	{.name = "store",
	 .type = CONFIG_TEXT,
	 CONFIG_FIELD(struct dhcp_conf, store),
	 .min = 1,
	 .max = 1024,
	 .fallback = "sqlite",
	 .example = "postgresql://dhcp@db.home.arpa/dhcp",
	 .help = "where leases are kept: `sqlite` in the service's own directory, or the URL of a "
		 "PostgreSQL database that several servers may share (needs libpq5)"},
	{.name = "store-password",
	 .type = CONFIG_SECRET,
	 CONFIG_FIELD(struct dhcp_conf, store_password),
	 .min = 1,
	 .max = 256,
	 .example = "file:dhcp.password",
	 .help = "for the database, where it wants one"},
	{.name = "leases-max",
	 .type = CONFIG_INTEGER,
	 CONFIG_FIELD(struct dhcp_conf, leases_max),
	 .fallback = "0",
	 .min = 0,
	 .max = 16777216,
	 .help = "how many leases and offers are kept in memory at once; 0 is as many as the pools "
		 "and reservations have addresses, but at most 1048576"},
	{.name = "waiting-max",
	 .type = CONFIG_INTEGER,
	 CONFIG_FIELD(struct dhcp_conf, waiting_max),
	 .fallback = "4096",
	 .min = 16,
	 .max = 1048576,
	 .help = "how many exchanges wait for a probe or the store at once; who comes then has to "
		 "ask again"},
};

const struct config_map dhcp_conf_map = {
	.help = "The address server: gives IPv4 hosts their addresses and what else they need to "
		"know",
	.size = sizeof(struct dhcp_conf),
	CONFIG_KEYS(dhcp_keys),
	.check = dhcp_check_site,
	.example = "options: {domain-name-servers: 192.168.7.1, domain-name: home.arpa}\n"
		   "networks:\n"
		   "  - subnet: 192.168.7.0/24\n"
		   "    options: {routers: 192.168.7.1}\n"
		   "    pools: [{range: 192.168.7.100-192.168.7.199}]\n"
		   "    reservations:\n"
		   "      - {mac: \"02:00:00:00:00:01\", address: 192.168.7.10, name: nas}",
};
