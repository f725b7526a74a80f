#include "base/reader.h"
#include "proto/dhcp/fqdn.h"
#include "proto/dhcp/option.h"
#include "proto/dhcp/relay.h"
#include "proto/dhcp/suboption.h"
#include "proto/dns/name.h"

/* RFC 2132 2: NULs at the end are deleted; inside there are none. */
static bool is_text(struct span value)
{
	while (value.len && value.data[value.len - 1] == 0)
		value.len--;
	return value.len && span_find(value, 0) == value.len;
}

static bool is_flag(struct span value)
{
	return value.len == 1 && value.data[0] <= 1;
}

static bool is_list_of(struct span value, size_t width)
{
	return value.len && value.len % width == 0;
}

static bool is_names(struct span value)
{
	struct reader r = reader_of_span(value);
	struct dns_name name;
	while (reader_left(&r)) {
		if (dns_name_read_plain(&r, &name))
			return false;
	}
	return value.len > 0;
}

static bool is_name(struct span value)
{
	return value.len && dns_name_wire_len(value) == value.len;
}

static bool is_search(struct span value)
{
	size_t at = 0;
	struct dns_name name;
	while (at < value.len) {
		if (dhcp_search_next(value, &at, &name))
			return false;
	}
	return value.len > 0;
}

/* RFC 3361 3: an octet that says what follows, names (0) or addresses (1). */
static bool is_sip_servers(struct span value)
{
	struct span rest = span_sub(value, 1, value.len);
	if (value.len == 0)
		return false;
	if (value.data[0] == 0)
		return is_search(rest) && is_names(rest);
	return value.data[0] == 1 && is_list_of(rest, 4);
}

static bool is_routes(struct span value)
{
	struct reader r = reader_of_span(value);
	struct dhcp_route route;
	while (dhcp_route_next(&r, &route))
		;
	return value.len && reader_end(&r) == OK;
}

/* RFC 7291 4: the addresses of each server with their length in octets in front. */
static bool is_pcp_servers(struct span value)
{
	struct reader r = reader_of_span(value);
	struct span addresses;
	while (dhcp_item_next(&r, &addresses)) {
		if (!is_list_of(addresses, 4))
			return false;
	}
	return value.len && reader_end(&r) == OK;
}

static bool is_enterprises(struct span value)
{
	struct reader r = reader_of_span(value);
	struct dhcp_enterprise e;
	while (dhcp_enterprise_next(&r, &e))
		;
	return value.len && reader_end(&r) == OK;
}

/* RFC 3004 4: each user class has a length of at least 1. */
static bool is_items(struct span value)
{
	struct reader r = reader_of_span(value);
	struct span item;
	while (dhcp_item_next(&r, &item)) {
		if (item.len == 0)
			return false;
	}
	return value.len && reader_end(&r) == OK;
}

static bool is_fqdn(struct span value)
{
	struct dhcp_fqdn f;
	return dhcp_fqdn_read(value, &f) == OK;
}

static bool is_relay(struct span value)
{
	struct dhcp_relay_info i;
	return value.len && dhcp_relay_info_read(value, &i) == OK;
}

static bool is_of_type(enum dhcp_option_type type, struct span v)
{
	switch (type) {
	case DHCP_OPTION_EMPTY: return v.len == 0;
	case DHCP_OPTION_FLAG: return is_flag(v);
	case DHCP_OPTION_U8: return v.len == 1;
	case DHCP_OPTION_U16: return v.len == 2;
	case DHCP_OPTION_U32:
	case DHCP_OPTION_S32:
	case DHCP_OPTION_DURATION:
	case DHCP_OPTION_ADDRESS: return v.len == 4;
	case DHCP_OPTION_U8S:
	case DHCP_OPTION_CODES: return v.len > 0;
	case DHCP_OPTION_U16S: return is_list_of(v, 2);
	case DHCP_OPTION_U32S:
	case DHCP_OPTION_ADDRESSES: return is_list_of(v, 4);
	case DHCP_OPTION_ADDRESS_PAIRS: return is_list_of(v, 8);
	case DHCP_OPTION_TEXT: return is_text(v);
	case DHCP_OPTION_NAME: return is_name(v);
	case DHCP_OPTION_NAMES: return is_names(v);
	case DHCP_OPTION_SEARCH: return is_search(v);
	case DHCP_OPTION_SIP_SERVERS: return is_sip_servers(v);
	case DHCP_OPTION_ROUTES: return is_routes(v);
	case DHCP_OPTION_PCP_SERVERS: return is_pcp_servers(v);
	case DHCP_OPTION_FLAG_ADDRESSES: return v.len % 4 == 1 && is_flag(span_sub(v, 0, 1));
	case DHCP_OPTION_FLAG_TEXT: return is_flag(span_sub(v, 0, 1));
	case DHCP_OPTION_ENTERPRISES: return is_enterprises(v);
	case DHCP_OPTION_ITEMS: return is_items(v);
	case DHCP_OPTION_MESSAGE_TYPE: return v.len == 1 && v.data[0] != 0;
	case DHCP_OPTION_CLIENT_ID: return v.len >= 2;
	case DHCP_OPTION_FQDN: return is_fqdn(v);
	case DHCP_OPTION_RELAY: return is_relay(v);
	case DHCP_OPTION_UUID: return v.len == 17;
	case DHCP_OPTION_HEX:
	case DHCP_OPTION_VENDOR:
	case DHCP_OPTION_TYPES: break;
	}
	return true;
}

enum err dhcp_option_check_type(enum dhcp_option_type type, struct span value)
{
	return is_of_type(type, value) ? OK : ERR_FORMAT;
}

/* Numbers below which RFC 2132 allows none; 0: any. */
unsigned dhcp_option_least(uint8_t code)
{
	switch (code) {
	case 22: return 576; /* 4.4 */
	case 23: return 1;   /* 4.5 */
	case 25: return 68;  /* 4.7 */
	case 26: return 68;  /* 5.1 */
	case 37: return 1;   /* 7.1 */
	default: return 0;
	}
}

/* Numbers of one octet or of two. */
static enum err check_least(struct span value, size_t width, unsigned min)
{
	struct reader r = reader_of_span(value);
	while (reader_left(&r)) {
		unsigned number = width == 1 ? read_u8(&r) : read_u16(&r);
		if (number < min)
			return ERR_FORMAT;
	}
	return reader_end(&r);
}

enum err dhcp_option_check(uint8_t code, struct span value)
{
	const struct dhcp_option_info *o = dhcp_option_by_code(code);
	if (!o)
		return OK;
	if (value.len < o->min || value.len > o->max)
		return ERR_FORMAT;
	/* Only the list of mobile IP home agents may be empty (RFC 2132 8.13). */
	if (value.len == 0)
		return OK;
	TRY(dhcp_option_check_type((enum dhcp_option_type)o->type, value));
	unsigned least = dhcp_option_least(code);
	if (least)
		TRY(check_least(value, o->type == DHCP_OPTION_U8 ? 1 : 2, least));
	return OK;
}
