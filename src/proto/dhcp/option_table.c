#include "proto/dhcp/option.h"

#include "base/decimal.h"
#include "base/writer.h"

#define T(type) DHCP_OPTION_##type
enum { S = DHCP_OPTION_SETTABLE, P = DHCP_OPTION_PROTOCOL, C = DHCP_OPTION_CLIENTS };
enum { ANY = UINT16_MAX };

/* By code. RFC 2132 up to 76 (but for 78 and on), then the RFC that IANA's registry names; 150 RFC
 * 5859, 175 Etherboot, 176 Avaya, 249 Microsoft's 121, 252 the expired draft on WPAD. */
/* clang-format off */
static const struct dhcp_option_info table[] = {
	{1, T(ADDRESS), S, 4, 4, "subnet-mask"},
	{2, T(S32), S, 4, 4, "time-offset"},
	{3, T(ADDRESSES), S, 4, ANY, "routers"},
	{4, T(ADDRESSES), S, 4, ANY, "time-servers"},
	{5, T(ADDRESSES), S, 4, ANY, "name-servers"},
	{6, T(ADDRESSES), S, 4, ANY, "domain-name-servers"},
	{7, T(ADDRESSES), S, 4, ANY, "log-servers"},
	{8, T(ADDRESSES), S, 4, ANY, "cookie-servers"},
	{9, T(ADDRESSES), S, 4, ANY, "lpr-servers"},
	{10, T(ADDRESSES), S, 4, ANY, "impress-servers"},
	{11, T(ADDRESSES), S, 4, ANY, "resource-location-servers"},
	{12, T(TEXT), S|C, 1, ANY, "host-name"},
	{13, T(U16), S, 2, 2, "boot-file-size"},
	{14, T(TEXT), S, 1, ANY, "merit-dump"},
	{15, T(TEXT), S, 1, ANY, "domain-name"},
	{16, T(ADDRESS), S, 4, 4, "swap-server"},
	{17, T(TEXT), S, 1, ANY, "root-path"},
	{18, T(TEXT), S, 1, ANY, "extensions-path"},
	{19, T(FLAG), S, 1, 1, "ip-forwarding"},
	{20, T(FLAG), S, 1, 1, "non-local-source-routing"},
	{21, T(ADDRESS_PAIRS), S, 8, ANY, "policy-filter"},
	{22, T(U16), S, 2, 2, "max-datagram-reassembly"},
	{23, T(U8), S, 1, 1, "default-ip-ttl"},
	{24, T(DURATION), S, 4, 4, "path-mtu-aging-timeout"},
	{25, T(U16S), S, 2, ANY, "path-mtu-plateau-table"},
	{26, T(U16), S, 2, 2, "interface-mtu"},
	{27, T(FLAG), S, 1, 1, "all-subnets-local"},
	{28, T(ADDRESS), S, 4, 4, "broadcast-address"},
	{29, T(FLAG), S, 1, 1, "perform-mask-discovery"},
	{30, T(FLAG), S, 1, 1, "mask-supplier"},
	{31, T(FLAG), S, 1, 1, "router-discovery"},
	{32, T(ADDRESS), S, 4, 4, "router-solicitation-address"},
	{33, T(ADDRESS_PAIRS), S, 8, ANY, "static-routes"},
	{34, T(FLAG), S, 1, 1, "trailer-encapsulation"},
	{35, T(DURATION), S, 4, 4, "arp-cache-timeout"},
	{36, T(FLAG), S, 1, 1, "ieee802-3-encapsulation"},
	{37, T(U8), S, 1, 1, "default-tcp-ttl"},
	{38, T(DURATION), S, 4, 4, "tcp-keepalive-interval"},
	{39, T(FLAG), S, 1, 1, "tcp-keepalive-garbage"},
	{40, T(TEXT), S, 1, ANY, "nis-domain"},
	{41, T(ADDRESSES), S, 4, ANY, "nis-servers"},
	{42, T(ADDRESSES), S, 4, ANY, "ntp-servers"},
	{43, T(VENDOR), S|C, 1, ANY, "vendor-specific"},
	{44, T(ADDRESSES), S, 4, ANY, "netbios-name-servers"},
	{45, T(ADDRESSES), S, 4, ANY, "netbios-dd-servers"},
	{46, T(U8), S, 1, 1, "netbios-node-type"},
	{47, T(TEXT), S, 1, ANY, "netbios-scope"},
	{48, T(ADDRESSES), S, 4, ANY, "x-font-servers"},
	{49, T(ADDRESSES), S, 4, ANY, "x-display-managers"},
	{50, T(ADDRESS), C, 4, 4, "requested-address"},
	{51, T(DURATION), P|C, 4, 4, "lease-time"},
	{52, T(U8), P, 1, 1, "overload"},
	{53, T(MESSAGE_TYPE), P|C, 1, 1, "message-type"},
	{54, T(ADDRESS), P|C, 4, 4, "server-identifier"},
	{55, T(CODES), C, 1, ANY, "parameter-request-list"},
	{56, T(TEXT), P, 1, ANY, "message"},
	{57, T(U16), C, 2, 2, "max-message-size"},
	{58, T(DURATION), P, 4, 4, "renewal-time"},
	{59, T(DURATION), P, 4, 4, "rebinding-time"},
	{60, T(TEXT), S|C, 1, ANY, "vendor-class"},
	{61, T(CLIENT_ID), P|C, 2, ANY, "client-identifier"},
	{62, T(TEXT), S, 1, ANY, "netware-ip-domain"},
	{63, T(HEX), S, 1, ANY, "netware-ip-options"},
	{64, T(TEXT), S, 1, ANY, "nisplus-domain"},
	{65, T(ADDRESSES), S, 4, ANY, "nisplus-servers"},
	{66, T(TEXT), S, 1, ANY, "tftp-server-name"},
	{67, T(TEXT), S, 1, ANY, "bootfile-name"},
	{68, T(ADDRESSES), S, 0, ANY, "mobile-ip-home-agents"},
	{69, T(ADDRESSES), S, 4, ANY, "smtp-servers"},
	{70, T(ADDRESSES), S, 4, ANY, "pop3-servers"},
	{71, T(ADDRESSES), S, 4, ANY, "nntp-servers"},
	{72, T(ADDRESSES), S, 4, ANY, "www-servers"},
	{73, T(ADDRESSES), S, 4, ANY, "finger-servers"},
	{74, T(ADDRESSES), S, 4, ANY, "irc-servers"},
	{75, T(ADDRESSES), S, 4, ANY, "streettalk-servers"},
	{76, T(ADDRESSES), S, 4, ANY, "streettalk-directory-servers"},
	{77, T(ITEMS), C, 1, ANY, "user-class"},
	{78, T(FLAG_ADDRESSES), S, 1, ANY, "slp-directory-agents"},
	{79, T(FLAG_TEXT), S, 1, ANY, "slp-service-scope"},
	{80, T(EMPTY), P|C, 0, 0, "rapid-commit"},
	{81, T(FQDN), P|C, 3, ANY, "client-fqdn"},
	{82, T(RELAY), P, 2, ANY, "relay-agent-information"},
	{83, T(HEX), S, 14, ANY, "isns"},
	{85, T(ADDRESSES), S, 4, ANY, "nds-servers"},
	{86, T(TEXT), S, 1, ANY, "nds-tree-name"},
	{87, T(TEXT), S, 1, ANY, "nds-context"},
	{88, T(NAMES), S, 1, ANY, "bcms-domain-names"},
	{89, T(ADDRESSES), S, 4, ANY, "bcms-addresses"},
	{90, T(HEX), P|C, 11, ANY, "authentication"},
	{91, T(DURATION), P, 4, 4, "client-last-transaction-time"},
	{92, T(ADDRESSES), P, 4, ANY, "associated-addresses"},
	{93, T(U16S), C, 2, ANY, "client-architecture"},
	{94, T(HEX), C, 3, 3, "client-network-interface"},
	{95, T(TEXT), S, 1, ANY, "ldap-servers"},
	{97, T(UUID), C, 17, 17, "client-uuid"},
	{98, T(TEXT), S, 1, ANY, "user-authentication"},
	{99, T(HEX), S, 3, ANY, "civic-location"},
	{100, T(TEXT), S, 1, ANY, "tz-posix"},
	{101, T(TEXT), S, 1, ANY, "tz-name"},
	{108, T(DURATION), S, 4, 4, "ipv6-only-preferred"},
	{112, T(ADDRESSES), S, 4, ANY, "netinfo-addresses"},
	{113, T(TEXT), S, 1, ANY, "netinfo-tag"},
	{114, T(TEXT), S, 1, ANY, "captive-portal"},
	{116, T(FLAG), S|C, 1, 1, "auto-configure"},
	{117, T(U16S), S, 2, ANY, "name-service-search"},
	{118, T(ADDRESS), C, 4, 4, "subnet-selection"},
	{119, T(SEARCH), S, 1, ANY, "domain-search"},
	{120, T(SIP_SERVERS), S, 5, ANY, "sip-servers"},
	{121, T(ROUTES), S, 5, ANY, "classless-static-routes"},
	{122, T(HEX), S, 1, ANY, "cablelabs-client-configuration"},
	{123, T(HEX), S, 16, 16, "coordinate-location"},
	{124, T(ENTERPRISES), S|C, 5, ANY, "vendor-identifying-class"},
	{125, T(ENTERPRISES), S|C, 5, ANY, "vendor-identifying-options"},
	{136, T(ADDRESSES), S, 4, ANY, "pana-agents"},
	{137, T(NAME), S, 1, 255, "lost-server"},
	{138, T(ADDRESSES), S, 4, ANY, "capwap-controllers"},
	{139, T(HEX), S, 1, ANY, "mos-addresses"},
	{140, T(HEX), S, 1, ANY, "mos-domain-names"},
	{141, T(NAMES), S, 1, ANY, "sip-ua-domains"},
	{142, T(ADDRESSES), S, 4, ANY, "andsf-addresses"},
	{143, T(HEX), S, 2, ANY, "sztp-redirect"},
	{144, T(HEX), S, 16, 16, "geospatial-location"},
	{145, T(U8S), C, 1, ANY, "forcerenew-nonce-capable"},
	{146, T(HEX), S, 10, ANY, "rdnss-selection"},
	{147, T(NAME), S, 1, 255, "dots-name"},
	{148, T(ADDRESSES), S, 4, ANY, "dots-addresses"},
	{150, T(ADDRESSES), S, 4, ANY, "tftp-servers"},
	{151, T(HEX), P, 1, ANY, "status-code"},
	{152, T(U32), P, 4, 4, "base-time"},
	{153, T(DURATION), P, 4, 4, "start-time-of-state"},
	{154, T(U32), P, 4, 4, "query-start-time"},
	{155, T(U32), P, 4, 4, "query-end-time"},
	{156, T(U8), P, 1, 1, "dhcp-state"},
	{157, T(U8), P, 1, 1, "data-source"},
	{158, T(PCP_SERVERS), S, 5, ANY, "pcp-servers"},
	{159, T(HEX), S, 4, 4, "port-parameters"},
	{160, T(TEXT), S, 1, ANY, "captive-portal-160"},
	{161, T(TEXT), C, 1, ANY, "mud-url"},
	{162, T(HEX), S, 8, ANY, "encrypted-dns"},
	{175, T(HEX), S|C, 1, ANY, "etherboot"},
	{176, T(TEXT), S, 1, ANY, "ip-telephone"},
	{208, T(HEX), S, 4, 4, "pxelinux-magic"},
	{209, T(TEXT), S, 1, ANY, "pxelinux-configuration-file"},
	{210, T(TEXT), S, 1, ANY, "pxelinux-path-prefix"},
	{211, T(DURATION), S, 4, 4, "pxelinux-reboot-time"},
	{212, T(HEX), S, 22, ANY, "sixrd"},
	{213, T(NAME), S, 1, 255, "access-network-domain"},
	{220, T(HEX), P, 1, ANY, "subnet-allocation"},
	{221, T(HEX), P, 1, ANY, "virtual-subnet-selection"},
	{249, T(ROUTES), S, 5, ANY, "ms-classless-static-routes"},
	{252, T(TEXT), S, 1, ANY, "wpad"},
};
/* clang-format on */

enum { TABLE_LEN = sizeof(table) / sizeof(table[0]) };

/* Other words in use for the same, mostly those of other servers. */
static const struct {
	const char *name;
	uint8_t code;
} other_names[] = {
	{"netmask", 1},
	{"router", 3},
	{"gateway", 3},
	{"dns-servers", 6},
	{"hostname", 12},
	{"boot-size", 13},
	{"mtu", 26},
	{"broadcast", 28},
	{"vendor-encapsulated-options", 43},
	{"dhcp-lease-time", 51},
	{"dhcp-server-identifier", 54},
	{"dhcp-renewal-time", 58},
	{"dhcp-rebinding-time", 59},
	{"vendor-class-identifier", 60},
	{"dhcp-client-identifier", 61},
	{"boot-file-name", 67},
	{"smtp-server", 69},
	{"fqdn", 81},
	{"uuid-guid", 97},
	{"pcode", 100},
	{"tcode", 101},
	{"v6-only-preferred", 108},
	{"v4-captive-portal", 114},
	{"default-url", 114},
	{"search", 119},
	{"classless-routes", 121},
	{"classless-static-route", 121},
	{"rfc3442-classless-static-routes", 121},
	{"vivco", 124},
	{"vivso", 125},
	{"tftp-server-address", 150},
	{"web-proxy-autodiscovery", 252},
};

const struct dhcp_option_info *dhcp_option_by_code(uint8_t code)
{
	size_t low = 0, high = TABLE_LEN;
	while (low < high) {
		size_t middle = (low + high) / 2;
		if (table[middle].code < code)
			low = middle + 1;
		else
			high = middle;
	}
	return low < TABLE_LEN && table[low].code == code ? &table[low] : NULL;
}

const struct dhcp_option_info *dhcp_option_by_name(struct span name)
{
	for (size_t i = 0; i < TABLE_LEN; i++) {
		if (span_equal_nocase(span_text(table[i].name), name))
			return &table[i];
	}
	for (size_t i = 0; i < sizeof(other_names) / sizeof(other_names[0]); i++) {
		if (span_equal_nocase(span_text(other_names[i].name), name))
			return dhcp_option_by_code(other_names[i].code);
	}
	return NULL;
}

const struct dhcp_option_info *dhcp_option_table(size_t *ret_len)
{
	*ret_len = TABLE_LEN;
	return table;
}

const char *dhcp_option_name(uint8_t code, char buf[DHCP_OPTION_NAME_MAX])
{
	const struct dhcp_option_info *o = dhcp_option_by_code(code);
	if (o)
		return o->name;
	struct writer w = writer_of(buf, DHCP_OPTION_NAME_MAX);
	write_text(&w, "option-");
	write_decimal(&w, code);
	write_u8(&w, 0);
	return buf;
}
