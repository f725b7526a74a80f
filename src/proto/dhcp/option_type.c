#include "proto/dhcp/option.h"

/* What is known of each type apart from its octets. */
struct type {
	const char *name; /* NULL: of one option only */
	const char *expected;
	bool list;
};

static const struct type types[DHCP_OPTION_TYPES] = {
	[DHCP_OPTION_HEX] = {"hex", "octets in hexadecimal, like 0a:0b:0c", false},
	[DHCP_OPTION_EMPTY] = {"empty", "true (the option has no value)", false},
	[DHCP_OPTION_FLAG] = {"flag", "true or false", false},
	[DHCP_OPTION_U8] = {"u8", "a number from 0 to 255", false},
	[DHCP_OPTION_U16] = {"u16", "a number from 0 to 65535", false},
	[DHCP_OPTION_U32] = {"u32", "a number from 0 to 4294967295", false},
	[DHCP_OPTION_S32] = {"s32", "a number from -2147483648 to 2147483647", false},
	[DHCP_OPTION_DURATION] = {"duration", "a duration like 90s, 15m, 12h, 7d or infinite",
				  false},
	[DHCP_OPTION_U8S] = {"u8-list", "numbers from 0 to 255", true},
	[DHCP_OPTION_U16S] = {"u16-list", "numbers from 0 to 65535", true},
	[DHCP_OPTION_U32S] = {"u32-list", "numbers from 0 to 4294967295", true},
	[DHCP_OPTION_ADDRESS] = {"address", "an IPv4 address", false},
	[DHCP_OPTION_ADDRESSES] = {"addresses", "an IPv4 address", true},
	[DHCP_OPTION_ADDRESS_PAIRS] = {"address-pairs",
				       "two IPv4 addresses with a blank between, or a prefix",
				       true},
	[DHCP_OPTION_TEXT] = {"text", "text without control characters", false},
	[DHCP_OPTION_NAME] = {"name", "a domain name", false},
	[DHCP_OPTION_NAMES] = {"names", "a domain name", true},
	[DHCP_OPTION_SEARCH] = {"search", "a domain name", true},
	[DHCP_OPTION_SIP_SERVERS] = {NULL, "domain names, or IPv4 addresses, not both", true},
	[DHCP_OPTION_ROUTES] = {"routes", "a prefix and a router, like 10.0.0.0/8 192.0.2.1", true},
	[DHCP_OPTION_PCP_SERVERS] = {NULL, "IPv4 addresses of one server, blanks between", true},
	[DHCP_OPTION_FLAG_ADDRESSES] = {NULL, "true or false, then IPv4 addresses", true},
	[DHCP_OPTION_FLAG_TEXT] = {NULL, "true or false, a blank, and text", false},
	[DHCP_OPTION_VENDOR] = {"vendor", "octets in hexadecimal, like 01:02:0a:0b", false},
	[DHCP_OPTION_ENTERPRISES] = {"enterprises",
				     "an enterprise number, a blank, and octets in hexadecimal",
				     true},
	[DHCP_OPTION_ITEMS] = {"items", "text of 1 to 255 octets", true},
	[DHCP_OPTION_CODES] = {NULL, "the name or number of an option", true},
	[DHCP_OPTION_MESSAGE_TYPE] = {NULL, "a message type like DISCOVER", false},
	[DHCP_OPTION_CLIENT_ID] = {NULL, "octets in hexadecimal, at least two", false},
	[DHCP_OPTION_FQDN] = {NULL, "octets in hexadecimal, at least three", false},
	[DHCP_OPTION_RELAY] = {NULL, "octets in hexadecimal", false},
	[DHCP_OPTION_UUID] = {NULL, "a UUID like 00112233-4455-6677-8899-aabbccddeeff", false},
};

const char *dhcp_option_type_name(enum dhcp_option_type type)
{
	return types[type].name;
}

bool dhcp_option_type_by_name(struct span name, enum dhcp_option_type *ret)
{
	for (unsigned i = 0; i < DHCP_OPTION_TYPES; i++) {
		if (types[i].name && span_equal_nocase(span_text(types[i].name), name)) {
			*ret = (enum dhcp_option_type)i;
			return true;
		}
	}
	return false;
}

bool dhcp_option_type_is_list(enum dhcp_option_type type)
{
	return types[type].list;
}

const char *dhcp_option_expected(enum dhcp_option_type type)
{
	return types[type].expected;
}
