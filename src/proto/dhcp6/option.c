#include "proto/dhcp6/option.h"

#define S DHCP6_OPTION_SETTABLE
#define P DHCP6_OPTION_PROTOCOL
#define C DHCP6_OPTION_CLIENTS

static const struct dhcp6_option_info table[] = {
	{DHCP6_OPT_CLIENTID, DHCP6_OPTION_HEX, P, "client-id"},
	{DHCP6_OPT_SERVERID, DHCP6_OPTION_HEX, P, "server-id"},
	{DHCP6_OPT_IA_NA, DHCP6_OPTION_HEX, P, "ia-na"},
	{DHCP6_OPT_IA_TA, DHCP6_OPTION_HEX, P, "ia-ta"},
	{DHCP6_OPT_IAADDR, DHCP6_OPTION_HEX, P, "ia-address"},
	{DHCP6_OPT_ORO, DHCP6_OPTION_U16S, P | C, "option-request"},
	{DHCP6_OPT_PREFERENCE, DHCP6_OPTION_U8, P, "preference"},
	{DHCP6_OPT_ELAPSED_TIME, DHCP6_OPTION_U16, P | C, "elapsed-time"},
	{DHCP6_OPT_RELAY_MSG, DHCP6_OPTION_HEX, P, "relay-message"},
	{DHCP6_OPT_AUTH, DHCP6_OPTION_HEX, P, "authentication"},
	{DHCP6_OPT_UNICAST, DHCP6_OPTION_ADDRESS, P, "server-unicast"},
	{DHCP6_OPT_STATUS_CODE, DHCP6_OPTION_HEX, P, "status-code"},
	{DHCP6_OPT_RAPID_COMMIT, DHCP6_OPTION_EMPTY, P, "rapid-commit"},
	{DHCP6_OPT_USER_CLASS, DHCP6_OPTION_ITEMS, P | C, "user-class"},
	{DHCP6_OPT_VENDOR_CLASS, DHCP6_OPTION_ENTERPRISE, P | C, "vendor-class"},
	{DHCP6_OPT_VENDOR_OPTS, DHCP6_OPTION_ENTERPRISE, S, "vendor-options"},
	{DHCP6_OPT_INTERFACE_ID, DHCP6_OPTION_HEX, P, "interface-id"},
	{DHCP6_OPT_RECONF_MSG, DHCP6_OPTION_U8, P, "reconfigure-message"},
	{DHCP6_OPT_RECONF_ACCEPT, DHCP6_OPTION_EMPTY, P, "reconfigure-accept"},
	{DHCP6_OPT_SIP_DOMAINS, DHCP6_OPTION_NAMES, S, "sip-domains"},
	{DHCP6_OPT_SIP_SERVERS, DHCP6_OPTION_ADDRESSES, S, "sip-servers"},
	{DHCP6_OPT_DNS_SERVERS, DHCP6_OPTION_ADDRESSES, S, "dns-servers"},
	{DHCP6_OPT_DOMAIN_LIST, DHCP6_OPTION_NAMES, S, "domain-search"},
	{DHCP6_OPT_IA_PD, DHCP6_OPTION_HEX, P, "ia-pd"},
	{DHCP6_OPT_IAPREFIX, DHCP6_OPTION_HEX, P, "ia-prefix"},
	{DHCP6_OPT_NIS_SERVERS, DHCP6_OPTION_ADDRESSES, S, "nis-servers"},
	{DHCP6_OPT_NISP_SERVERS, DHCP6_OPTION_ADDRESSES, S, "nisplus-servers"},
	{DHCP6_OPT_NIS_DOMAIN, DHCP6_OPTION_NAME, S, "nis-domain"},
	{DHCP6_OPT_NISP_DOMAIN, DHCP6_OPTION_NAME, S, "nisplus-domain"},
	{DHCP6_OPT_SNTP_SERVERS, DHCP6_OPTION_ADDRESSES, S, "sntp-servers"},
	{DHCP6_OPT_INFORMATION_REFRESH_TIME, DHCP6_OPTION_DURATION, S, "information-refresh-time"},
	{DHCP6_OPT_BCMCS_DOMAINS, DHCP6_OPTION_NAMES, S, "bcmcs-domains"},
	{DHCP6_OPT_BCMCS_SERVERS, DHCP6_OPTION_ADDRESSES, S, "bcmcs-servers"},
	{DHCP6_OPT_REMOTE_ID, DHCP6_OPTION_ENTERPRISE, P | C, "remote-id"},
	{DHCP6_OPT_SUBSCRIBER_ID, DHCP6_OPTION_HEX, P | C, "subscriber-id"},
	{DHCP6_OPT_CLIENT_FQDN, DHCP6_OPTION_HEX, P, "fqdn"},
	{DHCP6_OPT_NEW_POSIX_TIMEZONE, DHCP6_OPTION_TEXT, S, "posix-timezone"},
	{DHCP6_OPT_NEW_TZDB_TIMEZONE, DHCP6_OPTION_TEXT, S, "tzdb-timezone"},
	{DHCP6_OPT_ERO, DHCP6_OPTION_U16S, P | C, "echo-request"},
	{DHCP6_OPT_NTP_SERVER, DHCP6_OPTION_NTP, S, "ntp-servers"},
	{DHCP6_OPT_BOOTFILE_URL, DHCP6_OPTION_TEXT, S, "bootfile-url"},
	{DHCP6_OPT_BOOTFILE_PARAM, DHCP6_OPTION_ITEMS, S, "bootfile-param"},
	{DHCP6_OPT_CLIENT_ARCH_TYPE, DHCP6_OPTION_U16S, P | C, "client-arch"},
	{DHCP6_OPT_NII, DHCP6_OPTION_HEX, P | C, "network-interface"},
	{DHCP6_OPT_AFTR_NAME, DHCP6_OPTION_NAME, S, "aftr-name"},
	{DHCP6_OPT_PD_EXCLUDE, DHCP6_OPTION_HEX, P, "pd-exclude"},
	{DHCP6_OPT_CLIENT_LINKLAYER_ADDR, DHCP6_OPTION_HEX, P | C, "client-link-layer-address"},
	{DHCP6_OPT_SOL_MAX_RT, DHCP6_OPTION_DURATION, S, "sol-max-rt"},
	{DHCP6_OPT_INF_MAX_RT, DHCP6_OPTION_DURATION, S, "inf-max-rt"},
	{DHCP6_OPT_CAPTIVE_PORTAL, DHCP6_OPTION_TEXT, S, "captive-portal"},
};

/* Names that others use for the same: Kea's, dnsmasq's and those of DHCP for IPv4. */
static const struct {
	const char *name;
	uint16_t code;
} aliases[] = {
	{"dns-server", DHCP6_OPT_DNS_SERVERS},
	{"name-servers", DHCP6_OPT_DNS_SERVERS},
	{"domain-name-servers", DHCP6_OPT_DNS_SERVERS},
	{"domain-list", DHCP6_OPT_DOMAIN_LIST},
	{"search", DHCP6_OPT_DOMAIN_LIST},
	{"ntp-server", DHCP6_OPT_NTP_SERVER},
	{"vendor-opts", DHCP6_OPT_VENDOR_OPTS},
	{"boot-file-url", DHCP6_OPT_BOOTFILE_URL},
	{"new-posix-timezone", DHCP6_OPT_NEW_POSIX_TIMEZONE},
	{"new-tzdb-timezone", DHCP6_OPT_NEW_TZDB_TIMEZONE},
	{"v6-captive-portal", DHCP6_OPT_CAPTIVE_PORTAL},
};

#define TABLE_LEN (sizeof(table) / sizeof(table[0]))

const struct dhcp6_option_info *dhcp6_option_by_code(uint16_t code)
{
	for (size_t i = 0; i < TABLE_LEN; i++)
		if (table[i].code == code)
			return &table[i];
	return NULL;
}

const struct dhcp6_option_info *dhcp6_option_by_name(struct span name)
{
	for (size_t i = 0; i < TABLE_LEN; i++)
		if (span_equal_nocase(name, span_text(table[i].name)))
			return &table[i];
	for (size_t i = 0; i < sizeof(aliases) / sizeof(aliases[0]); i++)
		if (span_equal_nocase(name, span_text(aliases[i].name)))
			return dhcp6_option_by_code(aliases[i].code);
	return NULL;
}

const struct dhcp6_option_info *dhcp6_option_table(size_t *ret_len)
{
	*ret_len = TABLE_LEN;
	return table;
}

const char *dhcp6_option_name(uint16_t code, char buf[DHCP6_OPTION_NAME_MAX])
{
	const struct dhcp6_option_info *info = dhcp6_option_by_code(code);
	if (info)
		return info->name;
	struct writer w = writer_of(buf, DHCP6_OPTION_NAME_MAX);
	write_format(&w, "option-%u%c", code, 0);
	return buf;
}

static const struct {
	const char *name, *expected;
	bool list;
} types[DHCP6_OPTION_TYPES] = {
	[DHCP6_OPTION_HEX] = {"hex", "octets in hex such as 01ab or 01:ab", false},
	[DHCP6_OPTION_EMPTY] = {"empty", "true", false},
	[DHCP6_OPTION_U8] = {"u8", "a number from 0 to 255", false},
	[DHCP6_OPTION_U16] = {"u16", "a number from 0 to 65535", false},
	[DHCP6_OPTION_U32] = {"u32", "a number from 0 to 4294967295", false},
	[DHCP6_OPTION_DURATION] = {"duration", "a duration such as 12h, or infinite", false},
	[DHCP6_OPTION_U16S] = {"u16s", "a number from 0 to 65535", true},
	[DHCP6_OPTION_ADDRESS] = {"address", "an IPv6 address", false},
	[DHCP6_OPTION_ADDRESSES] = {"addresses", "an IPv6 address", true},
	[DHCP6_OPTION_TEXT] = {"text", "printable text", false},
	[DHCP6_OPTION_NAME] = {"name", "a domain name", false},
	[DHCP6_OPTION_NAMES] = {"names", "a domain name", true},
	[DHCP6_OPTION_ITEMS] = {"items", "printable text", true},
	[DHCP6_OPTION_NTP] = {"ntp", "an IPv6 address or a domain name", true},
	[DHCP6_OPTION_ENTERPRISE] = {"enterprise",
				     "an enterprise number and octets in hex, such as 9 01ab",
				     false},
};

const char *dhcp6_option_type_name(enum dhcp6_option_type type)
{
	ASSERT(type < DHCP6_OPTION_TYPES);
	return types[type].name;
}

bool dhcp6_option_type_by_name(struct span name, enum dhcp6_option_type *ret)
{
	for (unsigned i = 0; i < DHCP6_OPTION_TYPES; i++)
		if (span_is(name, types[i].name)) {
			*ret = (enum dhcp6_option_type)i;
			return true;
		}
	return false;
}

bool dhcp6_option_type_is_list(enum dhcp6_option_type type)
{
	ASSERT(type < DHCP6_OPTION_TYPES);
	return types[type].list;
}

const char *dhcp6_option_expected(enum dhcp6_option_type type)
{
	ASSERT(type < DHCP6_OPTION_TYPES);
	return types[type].expected;
}
