/* Values of options from text. */
#include "proto/dhcp/identity.h"
#include "proto/dhcp/message.h"
#include "proto/dhcp/option.h"
#include "proto/dhcp/suboption.h"
#include "proto/dns/name.h"
#include "proto/ip/address.h"
#include "proto/ip/number.h"
#include "proto/ip/prefix.h"

/* The first word of *text, which then begins behind it and the blanks after it. */
static struct span next_word(struct span *text)
{
	size_t len = span_find(*text, ' ');
	struct span word = span_sub(*text, 0, len);
	*text = span_trim(span_sub(*text, len, text->len));
	return word;
}

static enum err number(struct span text, uint32_t max, uint32_t *ret)
{
	uint64_t any;
	if (ip_number_parse(text, max, ret))
		return OK;
	/* Right but too large? */
	return text.len > 1 && text.data[0] != '0' && span_to_u64(text, UINT64_MAX, &any) &&
			       any > max
		       ? ERR_LIMIT
		       : ERR_FORMAT;
}

/* A number of 1, 2 or 4 octets. */
static enum err put_number(struct span text, size_t width, struct writer *w)
{
	uint32_t n;
	TRY(number(text, width == 1 ? UINT8_MAX : width == 2 ? UINT16_MAX : UINT32_MAX, &n));
	if (width == 1)
		write_u8(w, (uint8_t)n);
	else if (width == 2)
		write_u16(w, (uint16_t)n);
	else
		write_u32(w, n);
	return OK;
}

static enum err put_s32(struct span text, struct writer *w)
{
	bool negative = text.len && text.data[0] == '-';
	uint32_t n;
	TRY(number(negative ? span_sub(text, 1, text.len) : text,
		   (uint32_t)INT32_MAX + (negative ? 1u : 0u), &n));
	write_u32(w, negative ? 0u - n : n);
	return OK;
}

static enum err put_flag(struct span text, struct writer *w)
{
	if (span_is(text, "true"))
		write_u8(w, 1);
	else if (span_is(text, "false"))
		write_u8(w, 0);
	else
		return ERR_FORMAT;
	return OK;
}

/* Seconds in a unit; 0: no unit. */
static uint32_t unit_s(uint8_t unit)
{
	switch (unit) {
	case 's': return 1;
	case 'm': return 60;
	case 'h': return 3600;
	case 'd': return 86400;
	case 'w': return 604800;
	default: return 0;
	}
}

/* 1d12h: each unit once, the larger first; a number alone is seconds. */
static enum err put_duration(struct span text, struct writer *w)
{
	uint64_t sum = 0;
	uint32_t last = UINT32_MAX, n;
	if (span_is(text, "infinite")) {
		write_u32(w, DHCP_INFINITE_S);
		return OK;
	}
	if (number(text, UINT32_MAX, &n) != ERR_FORMAT) {
		TRY(number(text, UINT32_MAX, &n));
		write_u32(w, n);
		return OK;
	}
	while (text.len) {
		size_t digits = 0;
		while (digits < text.len && text.data[digits] >= '0' && text.data[digits] <= '9')
			digits++;
		uint32_t unit = digits < text.len ? unit_s(text.data[digits]) : 0;
		if (unit == 0 || unit >= last)
			return ERR_FORMAT;
		TRY(number(span_sub(text, 0, digits), UINT32_MAX, &n));
		sum += (uint64_t)n * unit;
		last = unit;
		text = span_sub(text, digits + 1, text.len);
	}
	if (last == UINT32_MAX)
		return ERR_FORMAT;
	if (sum >= DHCP_INFINITE_S)
		return ERR_LIMIT;
	write_u32(w, (uint32_t)sum);
	return OK;
}

static enum err put_address(struct span text, struct writer *w)
{
	struct ip_address a;
	if (ip_address_parse(text, &a) || a.family != 4)
		return ERR_FORMAT;
	write_span(w, ip_address_span(&a));
	return OK;
}

static enum err parse_prefix(struct span text, struct ip_prefix *ret)
{
	if (span_find(text, '/') == text.len)
		return ERR_FORMAT;
	TRY(ip_prefix_parse(text, ret));
	return ret->address.family == 4 ? OK : ERR_FORMAT;
}

static enum err put_pair(struct span text, struct writer *w)
{
	struct span first = next_word(&text);
	if (text.len) {
		TRY(put_address(first, w));
		return put_address(text, w);
	}
	struct ip_prefix p;
	TRY(parse_prefix(first, &p));
	write_span(w, ip_address_span(&p.address));
	write_u32(w, p.bits ? ~0u << (32 - p.bits) : 0);
	return OK;
}

/* Printable: no control characters, not even DEL; octets above ASCII may be UTF-8. */
static enum err put_text(struct span text, struct writer *w)
{
	for (size_t i = 0; i < text.len; i++) {
		if (text.data[i] < ' ' || text.data[i] == 0x7f)
			return ERR_FORMAT;
	}
	if (text.len == 0)
		return ERR_FORMAT;
	write_span(w, text);
	return OK;
}

static enum err put_name(struct span text, bool compress, struct writer *w)
{
	struct dns_name name;
	TRY(dns_name_from_text(text, NULL, &name));
	if (compress)
		dhcp_search_write(w, &name);
	else
		write_span(w, dns_name_span(&name));
	return OK;
}

static enum err put_sip_server(struct span text, struct writer *w)
{
	struct ip_address a;
	bool is_address = ip_address_parse(text, &a) == OK;
	if (w->pos == 0)
		write_u8(w, is_address);
	else if (w->data[0] != is_address)
		return ERR_FORMAT; /* RFC 3361 3: one kind for all */
	return is_address ? put_address(text, w) : put_name(text, false, w);
}

static enum err put_route(struct span text, struct writer *w)
{
	struct ip_prefix p;
	uint8_t router[4];
	struct writer at = writer_of(router, sizeof(router));
	TRY(parse_prefix(next_word(&text), &p));
	TRY(put_address(text, &at));
	struct dhcp_route route = {.bits = p.bits};
	route.destination = dhcp_addresses_at(ip_address_span(&p.address), 0);
	route.router = dhcp_addresses_at(writer_span(&at), 0);
	dhcp_route_write(w, &route);
	return OK;
}

static enum err put_pcp_server(struct span text, struct writer *w)
{
	size_t at = writer_reserve(w, 1);
	do {
		TRY(put_address(next_word(&text), w));
	} while (text.len);
	writer_fill_u8(w, at);
	return OK;
}

static enum err put_flag_text(struct span text, struct writer *w)
{
	TRY(put_flag(next_word(&text), w));
	return text.len ? put_text(text, w) : OK;
}

static enum err put_enterprise(struct span text, struct writer *w)
{
	uint32_t n;
	TRY(number(next_word(&text), UINT32_MAX, &n));
	write_u32(w, n);
	size_t at = writer_reserve(w, 1);
	TRY(dhcp_hex_parse(text, w));
	writer_fill_u8(w, at);
	return OK;
}

static enum err put_item(struct span text, struct writer *w)
{
	size_t at = writer_reserve(w, 1);
	TRY(put_text(text, w));
	writer_fill_u8(w, at);
	return OK;
}

static enum err put_code(struct span text, struct writer *w)
{
	static const char unnamed[] = "option-"; /* what dhcp_option_name says */
	const size_t prefix_len = sizeof(unnamed) - 1;
	const struct dhcp_option_info *o = dhcp_option_by_name(text);
	uint32_t code;
	if (span_is(span_sub(text, 0, prefix_len), unnamed))
		text = span_sub(text, prefix_len, text.len);
	if (o)
		code = o->code;
	else
		TRY(number(text, DHCP_OPT_END - 1, &code));
	if (code == DHCP_OPT_PAD)
		return ERR_LIMIT;
	write_u8(w, (uint8_t)code);
	return OK;
}

static enum err put_message_type(struct span text, struct writer *w)
{
	for (unsigned type = DHCP_DISCOVER; type < DHCP_TYPES; type++) {
		if (span_equal_nocase(span_text(dhcp_type_name(type)), text)) {
			write_u8(w, (uint8_t)type);
			return OK;
		}
	}
	return ERR_FORMAT;
}

/* RFC 4578 2.3: type 0, then the 16 octets in the order that the text has them. */
static enum err put_uuid(struct span text, struct writer *w)
{
	static const uint8_t groups[] = {8, 4, 4, 4, 12};
	size_t at = 0;
	write_u8(w, 0);
	if (text.len != 36)
		return ERR_FORMAT;
	for (size_t i = 0; i < sizeof(groups); i++) {
		if (i && text.data[at++] != '-')
			return ERR_FORMAT;
		size_t before = w->pos;
		TRY(dhcp_hex_parse(span_sub(text, at, groups[i]), w));
		if (w->pos - before != groups[i] / 2u)
			return ERR_FORMAT; /* 0a-0b-0c is hex too, and shorter */
		at += groups[i];
	}
	return OK;
}

static enum err put_empty(struct span text)
{
	return span_is(text, "true") ? OK : ERR_FORMAT;
}

static enum err put(enum dhcp_option_type type, struct span text, struct writer *w)
{
	switch (type) {
	case DHCP_OPTION_EMPTY: return put_empty(text);
	case DHCP_OPTION_FLAG: return put_flag(text, w);
	case DHCP_OPTION_U8:
	case DHCP_OPTION_U8S: return put_number(text, 1, w);
	case DHCP_OPTION_U16:
	case DHCP_OPTION_U16S: return put_number(text, 2, w);
	case DHCP_OPTION_U32:
	case DHCP_OPTION_U32S: return put_number(text, 4, w);
	case DHCP_OPTION_S32: return put_s32(text, w);
	case DHCP_OPTION_DURATION: return put_duration(text, w);
	case DHCP_OPTION_ADDRESS:
	case DHCP_OPTION_ADDRESSES: return put_address(text, w);
	case DHCP_OPTION_ADDRESS_PAIRS: return put_pair(text, w);
	case DHCP_OPTION_TEXT: return put_text(text, w);
	case DHCP_OPTION_NAME:
	case DHCP_OPTION_NAMES: return put_name(text, false, w);
	case DHCP_OPTION_SEARCH: return put_name(text, true, w);
	case DHCP_OPTION_SIP_SERVERS: return put_sip_server(text, w);
	case DHCP_OPTION_ROUTES: return put_route(text, w);
	case DHCP_OPTION_PCP_SERVERS: return put_pcp_server(text, w);
	case DHCP_OPTION_FLAG_ADDRESSES:
		return w->pos == 0 ? put_flag(text, w) : put_address(text, w);
	case DHCP_OPTION_FLAG_TEXT: return put_flag_text(text, w);
	case DHCP_OPTION_ENTERPRISES: return put_enterprise(text, w);
	case DHCP_OPTION_ITEMS: return put_item(text, w);
	case DHCP_OPTION_CODES: return put_code(text, w);
	case DHCP_OPTION_MESSAGE_TYPE: return put_message_type(text, w);
	case DHCP_OPTION_UUID: return put_uuid(text, w);
	case DHCP_OPTION_HEX:
	case DHCP_OPTION_VENDOR:
	case DHCP_OPTION_CLIENT_ID:
	case DHCP_OPTION_FQDN:
	case DHCP_OPTION_RELAY:
	case DHCP_OPTION_TYPES: break;
	}
	return dhcp_hex_parse(text, w);
}

enum err dhcp_option_from_text(enum dhcp_option_type type, struct span text, struct writer *w)
{
	size_t at = w->pos;
	enum err e = put(type, span_trim(text), w);
	if (e == OK)
		e = writer_check(w);
	if (e)
		writer_rewind(w, at);
	return e;
}
