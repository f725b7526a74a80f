/* Readable text of the values of options. */
#include "base/decimal.h"
#include "base/reader.h"
#include "proto/dhcp/fqdn.h"
#include "proto/dhcp/identity.h"
#include "proto/dhcp/option.h"
#include "proto/dhcp/relay.h"
#include "proto/dhcp/suboption.h"
#include "proto/dns/name.h"
#include "proto/ip/address.h"

/* Between the items of a list. */
static void separate(struct writer *w, bool *first)
{
	if (!*first)
		write_text(w, ", ");
	*first = false;
}

static bool is_printable(struct span s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (s.data[i] < ' ' || s.data[i] > '~')
			return false;
	}
	return s.len > 0;
}

/* Bytes of a stranger: what is not printable ASCII as \DDD, so that no terminal obeys them. */
static void put_text(struct writer *w, struct span text)
{
	while (text.len && text.data[text.len - 1] == 0)
		text.len--;
	for (size_t i = 0; i < text.len && !w->bad; i++) {
		uint8_t c = text.data[i];
		if (c >= ' ' && c <= '~' && c != '\\') {
			write_u8(w, c);
			continue;
		}
		write_u8(w, '\\');
		write_u8(w, (uint8_t)('0' + c / 100));
		write_u8(w, (uint8_t)('0' + c / 10 % 10));
		write_u8(w, (uint8_t)('0' + c % 10));
	}
}

/* Text where it is text, octets where not. */
static void put_text_or_hex(struct writer *w, struct span value)
{
	if (is_printable(value))
		put_text(w, value);
	else
		dhcp_hex_write(w, value);
}

static void put_address(struct writer *w, uint32_t address)
{
	for (int shift = 24; shift >= 0; shift -= 8) {
		write_decimal(w, address >> shift & 0xff);
		if (shift)
			write_u8(w, '.');
	}
}

static void put_flag(struct writer *w, uint8_t flag)
{
	write_text(w, flag ? "true" : "false");
}

/* The largest unit that leaves no rest: what dhcp_option_from_text reads. */
static void put_duration(struct writer *w, uint32_t s)
{
	static const struct {
		uint32_t s;
		char unit;
	} units[] = {{604800, 'w'}, {86400, 'd'}, {3600, 'h'}, {60, 'm'}};
	if (s == DHCP_INFINITE_S) {
		write_text(w, "infinite");
		return;
	}
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (s && s % units[i].s == 0) {
			write_decimal(w, s / units[i].s);
			write_u8(w, (uint8_t)units[i].unit);
			return;
		}
	}
	write_decimal(w, s);
	write_u8(w, 's');
}

/* Without the final dot, which people do not write. */
static void put_name(struct writer *w, const struct dns_name *name)
{
	char text[DNS_NAME_TEXT_MAX];
	struct span s = span_text(dns_name_format(name, text));
	write_span(w, s.len > 1 ? span_sub(s, 0, s.len - 1) : s);
}

static void put_message_type(struct writer *w, uint8_t type)
{
	const char *name = dhcp_type_name(type);
	if (name)
		write_text(w, name);
	else
		write_decimal(w, type);
}

static void put_code(struct writer *w, uint8_t code)
{
	char buf[DHCP_OPTION_NAME_MAX];
	write_text(w, dhcp_option_name(code, buf));
}

/* Numbers of 1, 2 or 4 octets. */
static void put_numbers(struct writer *w, struct span value, size_t width)
{
	struct reader r = reader_of_span(value);
	bool first = true;
	while (reader_left(&r) && !w->bad) {
		separate(w, &first);
		write_decimal(w, width == 1   ? read_u8(&r)
				 : width == 2 ? read_u16(&r)
					      : read_u32(&r));
	}
}

static void put_s32(struct writer *w, uint32_t value)
{
	if (value >> 31)
		write_u8(w, '-');
	write_decimal(w, value >> 31 ? 0u - value : value);
}

/* per: how many form one item, a blank between them. */
static void put_addresses(struct writer *w, struct span value, size_t per)
{
	struct reader r = reader_of_span(value);
	for (size_t i = 0; reader_left(&r) && !w->bad; i++) {
		if (i)
			write_text(w, i % per ? " " : ", ");
		put_address(w, read_u32(&r));
	}
}

static void put_names(struct writer *w, struct span value)
{
	size_t at = 0;
	bool first = true;
	struct dns_name name;
	while (at < value.len && !w->bad && dhcp_search_next(value, &at, &name) == OK) {
		separate(w, &first);
		put_name(w, &name);
	}
}

static void put_routes(struct writer *w, struct span value)
{
	struct reader r = reader_of_span(value);
	struct dhcp_route route;
	bool first = true;
	while (dhcp_route_next(&r, &route) && !w->bad) {
		separate(w, &first);
		put_address(w, route.destination);
		write_u8(w, '/');
		write_decimal(w, route.bits);
		write_u8(w, ' ');
		put_address(w, route.router);
	}
}

static void put_pcp_servers(struct writer *w, struct span value)
{
	struct reader r = reader_of_span(value);
	struct span addresses;
	bool first = true;
	while (dhcp_item_next(&r, &addresses) && !w->bad) {
		separate(w, &first);
		put_addresses(w, addresses, SIZE_MAX);
	}
}

static void put_items(struct writer *w, struct span value)
{
	struct reader r = reader_of_span(value);
	struct span item;
	bool first = true;
	while (dhcp_item_next(&r, &item) && !w->bad) {
		separate(w, &first);
		put_text(w, item);
	}
}

static void put_enterprises(struct writer *w, struct span value)
{
	struct reader r = reader_of_span(value);
	struct dhcp_enterprise e;
	bool first = true;
	while (dhcp_enterprise_next(&r, &e) && !w->bad) {
		separate(w, &first);
		write_decimal(w, e.number);
		write_u8(w, ' ');
		dhcp_hex_write(w, e.data);
	}
}

/* Suboptions if it is a list of them and nothing else (RFC 2132 8.4: "SHOULD"), else octets. */
static void put_vendor(struct writer *w, struct span value)
{
	struct reader r = reader_of_span(value);
	struct dhcp_suboption s;
	bool first = true;
	size_t at = w->pos;
	while (dhcp_suboption_next(&r, &s) && !w->bad) {
		separate(w, &first);
		write_decimal(w, s.code);
		write_u8(w, '=');
		dhcp_hex_write(w, s.value);
	}
	if (reader_end(&r)) {
		writer_rewind(w, at);
		dhcp_hex_write(w, value);
	}
}

static const char *relay_name(uint8_t code)
{
	switch (code) {
	case DHCP_RELAY_CIRCUIT_ID: return "circuit-id";
	case DHCP_RELAY_REMOTE_ID: return "remote-id";
	case DHCP_RELAY_LINK_SELECTION: return "link-selection";
	case DHCP_RELAY_SUBSCRIBER_ID: return "subscriber-id";
	case DHCP_RELAY_FLAGS: return "relay-flags";
	case DHCP_RELAY_SERVER_ID_OVERRIDE: return "server-id-override";
	default: return NULL;
	}
}

static void put_relay(struct writer *w, struct span value)
{
	struct reader r = reader_of_span(value);
	struct dhcp_suboption s;
	bool first = true;
	while (dhcp_suboption_next(&r, &s) && !w->bad) {
		const char *name = relay_name(s.code);
		separate(w, &first);
		if (name)
			write_text(w, name);
		else
			write_decimal(w, s.code);
		write_u8(w, ' ');
		if (s.code == DHCP_RELAY_LINK_SELECTION || s.code == DHCP_RELAY_SERVER_ID_OVERRIDE)
			put_addresses(w, s.value, SIZE_MAX);
		else
			put_text_or_hex(w, s.value);
	}
}

static void put_fqdn(struct writer *w, struct span value)
{
	static const char letters[] = "SOEN";
	struct dhcp_fqdn f;
	if (dhcp_fqdn_read(value, &f))
		return;
	for (unsigned i = 0; i < 4; i++) {
		if (f.flags >> i & 1)
			write_u8(w, (uint8_t)letters[i]);
	}
	if (f.flags)
		write_u8(w, ' ');
	put_name(w, &f.name);
}

static void put_uuid(struct writer *w, struct span value)
{
	if (value.data[0] != 0) {
		dhcp_hex_write(w, value);
		return;
	}
	for (size_t i = 1; i < value.len; i++) {
		static const char digits[] = "0123456789abcdef";
		if (i == 5 || i == 7 || i == 9 || i == 11)
			write_u8(w, '-');
		write_u8(w, (uint8_t)digits[value.data[i] >> 4]);
		write_u8(w, (uint8_t)digits[value.data[i] & 15]);
	}
}

static void put_flag_and(struct writer *w, struct span value, enum dhcp_option_type type)
{
	struct span rest = span_sub(value, 1, value.len);
	put_flag(w, value.data[0]);
	if (rest.len && type == DHCP_OPTION_FLAG_ADDRESSES) {
		write_text(w, ", ");
		put_addresses(w, rest, 1);
	} else if (rest.len) {
		write_u8(w, ' ');
		put_text(w, rest);
	}
}

static void put_codes(struct writer *w, struct span value)
{
	bool first = true;
	for (size_t i = 0; i < value.len && !w->bad; i++) {
		separate(w, &first);
		put_code(w, value.data[i]);
	}
}

static void put_sip_servers(struct writer *w, struct span value)
{
	struct span rest = span_sub(value, 1, value.len);
	if (value.data[0])
		put_addresses(w, rest, 1);
	else
		put_names(w, rest);
}

/* Types of a fixed width: the value's octets have been checked. */
static void put_plain(struct writer *w, enum dhcp_option_type type, struct span value)
{
	struct reader r = reader_of_span(value);
	switch (type) {
	case DHCP_OPTION_FLAG: put_flag(w, read_u8(&r)); break;
	case DHCP_OPTION_S32: put_s32(w, read_u32(&r)); break;
	case DHCP_OPTION_DURATION: put_duration(w, read_u32(&r)); break;
	case DHCP_OPTION_MESSAGE_TYPE: put_message_type(w, read_u8(&r)); break;
	case DHCP_OPTION_EMPTY: write_text(w, "true"); break;
	default: dhcp_hex_write(w, value);
	}
}

void dhcp_option_format_type(enum dhcp_option_type type, struct span value, struct writer *w)
{
	if (dhcp_option_check_type(type, value)) {
		/* Some clients send their user class as bare text. */
		put_text_or_hex(w, value);
		return;
	}
	switch (type) {
	case DHCP_OPTION_U8:
	case DHCP_OPTION_U8S: put_numbers(w, value, 1); break;
	case DHCP_OPTION_U16:
	case DHCP_OPTION_U16S: put_numbers(w, value, 2); break;
	case DHCP_OPTION_U32:
	case DHCP_OPTION_U32S: put_numbers(w, value, 4); break;
	case DHCP_OPTION_ADDRESS:
	case DHCP_OPTION_ADDRESSES: put_addresses(w, value, 1); break;
	case DHCP_OPTION_ADDRESS_PAIRS: put_addresses(w, value, 2); break;
	case DHCP_OPTION_TEXT: put_text(w, value); break;
	case DHCP_OPTION_NAME:
	case DHCP_OPTION_NAMES:
	case DHCP_OPTION_SEARCH: put_names(w, value); break;
	case DHCP_OPTION_SIP_SERVERS: put_sip_servers(w, value); break;
	case DHCP_OPTION_ROUTES: put_routes(w, value); break;
	case DHCP_OPTION_PCP_SERVERS: put_pcp_servers(w, value); break;
	case DHCP_OPTION_FLAG_ADDRESSES:
	case DHCP_OPTION_FLAG_TEXT: put_flag_and(w, value, type); break;
	case DHCP_OPTION_VENDOR: put_vendor(w, value); break;
	case DHCP_OPTION_ENTERPRISES: put_enterprises(w, value); break;
	case DHCP_OPTION_ITEMS: put_items(w, value); break;
	case DHCP_OPTION_CODES: put_codes(w, value); break;
	case DHCP_OPTION_CLIENT_ID: dhcp_client_id_format(value, w); break;
	case DHCP_OPTION_FQDN: put_fqdn(w, value); break;
	case DHCP_OPTION_RELAY: put_relay(w, value); break;
	case DHCP_OPTION_UUID: put_uuid(w, value); break;
	default: put_plain(w, type, value);
	}
}

void dhcp_option_format(uint8_t code, struct span value, struct writer *w)
{
	const struct dhcp_option_info *o = dhcp_option_by_code(code);
	dhcp_option_format_type(o ? (enum dhcp_option_type)o->type : DHCP_OPTION_HEX, value, w);
}
