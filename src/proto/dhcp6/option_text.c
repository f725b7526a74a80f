/* Options to text and back. Not in it: their table. */
#include "base/reader.h"
#include "proto/dhcp6/message.h"
#include "proto/dhcp6/option.h"
#include "proto/dns/name.h"
#include "proto/ip/address.h"

/* --- from text --- */

static enum err number_from_text(struct span text, uint64_t max, uint64_t *ret)
{
	return span_to_u64(text, UINT64_MAX, ret) ? *ret > max ? ERR_LIMIT : OK : ERR_FORMAT;
}

static enum err write_number(struct span text, unsigned octets, struct writer *w)
{
	uint64_t n;
	TRY(number_from_text(text, (UINT64_C(1) << octets * 8) - 1, &n));
	if (octets == 1)
		write_u8(w, (uint8_t)n);
	else if (octets == 2)
		write_u16(w, (uint16_t)n);
	else
		write_u32(w, (uint32_t)n);
	return OK;
}

static enum err duration_from_text(struct span text, struct writer *w)
{
	static const struct {
		char unit;
		uint32_t seconds;
	} units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'w', 604800}};
	uint32_t scale = 1;
	uint64_t n;
	if (span_is(text, "infinite")) {
		write_u32(w, DHCP6_INFINITY);
		return OK;
	}
	for (size_t i = 0; text.len && i < sizeof(units) / sizeof(units[0]); i++)
		if (text.data[text.len - 1] == (uint8_t)units[i].unit) {
			scale = units[i].seconds;
			text.len--;
			break;
		}
	TRY(number_from_text(text, (DHCP6_INFINITY - 1) / scale, &n));
	write_u32(w, (uint32_t)n * scale);
	return OK;
}

static int hex_digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Pairs of digits, with one kind of sign between all of them or none. */
static enum err hex_from_text(struct span text, struct writer *w)
{
	struct reader r = reader_of_span(text);
	uint8_t sign =
		text.len > 2 && (text.data[2] == ':' || text.data[2] == '-') ? text.data[2] : 0;
	if (!text.len)
		return ERR_FORMAT;
	while (reader_left(&r)) {
		int high = hex_digit(read_u8(&r)), low = hex_digit(read_u8(&r));
		if (high < 0 || low < 0)
			return ERR_FORMAT;
		write_u8(w, (uint8_t)(high << 4 | low));
		if (sign && reader_left(&r) && (read_u8(&r) != sign || !reader_left(&r)))
			return ERR_FORMAT;
	}
	return OK;
}

static enum err address_from_text(struct span text, struct writer *w)
{
	struct ip_address a;
	TRY(ip_address_parse(text, &a));
	if (a.family != 6)
		return ERR_FORMAT;
	write_span(w, ip_address_span(&a));
	return OK;
}

static enum err name_from_text(struct span text, struct writer *w)
{
	struct dns_name name;
	TRY(dns_name_from_text(text, NULL, &name));
	if (dns_name_is_root(&name))
		return ERR_FORMAT;
	write_span(w, dns_name_span(&name));
	return OK;
}

static bool is_printable(struct span text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.data[i] < 0x20 || text.data[i] == 0x7f)
			return false;
	return text.len > 0;
}

/* RFC 5908 4: suboptions 1 (address), 2 (multicast group), 3 (name). */
static enum err ntp_from_text(struct span text, struct writer *w)
{
	struct ip_address a;
	bool address = ip_address_parse(text, &a) == OK;
	if (address && a.family != 6)
		return ERR_FORMAT;
	size_t at = dhcp6_option_begin(w, !address ? 3 : ip_address_is_multicast(&a) ? 2 : 1);
	if (address)
		write_span(w, ip_address_span(&a));
	else
		TRY(name_from_text(text, w));
	dhcp6_option_end(w, at);
	return OK;
}

static enum err enterprise_from_text(struct span text, struct writer *w)
{
	size_t blank = span_find(text, ' ');
	TRY(write_number(span_sub(text, 0, blank), 4, w));
	struct span rest = span_trim(span_sub(text, blank, text.len));
	return rest.len ? hex_from_text(rest, w) : OK;
}

static enum err append(enum dhcp6_option_type type, struct span text, struct writer *w)
{
	switch (type) {
	case DHCP6_OPTION_EMPTY: return span_is(text, "true") ? OK : ERR_FORMAT;
	case DHCP6_OPTION_U8: return write_number(text, 1, w);
	case DHCP6_OPTION_U16:
	case DHCP6_OPTION_U16S: return write_number(text, 2, w);
	case DHCP6_OPTION_U32: return write_number(text, 4, w);
	case DHCP6_OPTION_DURATION: return duration_from_text(text, w);
	case DHCP6_OPTION_ADDRESS:
	case DHCP6_OPTION_ADDRESSES: return address_from_text(text, w);
	case DHCP6_OPTION_NAME:
	case DHCP6_OPTION_NAMES: return name_from_text(text, w);
	case DHCP6_OPTION_NTP: return ntp_from_text(text, w);
	case DHCP6_OPTION_ENTERPRISE: return enterprise_from_text(text, w);
	case DHCP6_OPTION_ITEMS:
		if (!is_printable(text) || text.len > UINT16_MAX)
			return ERR_FORMAT;
		write_u16(w, (uint16_t)text.len);
		write_span(w, text);
		return OK;
	case DHCP6_OPTION_TEXT:
		if (!is_printable(text))
			return ERR_FORMAT;
		write_span(w, text);
		return OK;
	default: return hex_from_text(text, w);
	}
}

enum err dhcp6_option_from_text(enum dhcp6_option_type type, struct span text, struct writer *w)
{
	size_t before = w->pos;
	enum err err = append(type, text, w);
	if (!err)
		err = writer_check(w);
	if (err)
		writer_rewind(w, before);
	return err;
}

/* --- the check, and to text: one walk serves both --- */

/* Where items are written to; w NULL: only judged. */
struct lister {
	struct writer *w;
	bool begun;
};

static void item_begins(struct lister *l)
{
	if (l->w && l->begun)
		write_text(l->w, ", ");
	l->begun = true;
}

/* A stranger's bytes for people: printable ASCII as it is, the rest as \DDD. */
static void write_escaped(struct writer *w, struct span text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.data[i] >= 0x20 && text.data[i] < 0x7f && text.data[i] != '\\')
			write_u8(w, text.data[i]);
		else
			write_format(w, "\\%03u", text.data[i]);
}

static void write_hex(struct writer *w, struct span octets)
{
	for (size_t i = 0; i < octets.len; i++)
		write_format(w, i ? ":%02x" : "%02x", octets.data[i]);
}

static enum err walk_number(struct lister *l, struct reader *r, unsigned octets)
{
	uint32_t n = octets == 1 ? read_u8(r) : octets == 2 ? read_u16(r) : read_u32(r);
	TRY(reader_check(r));
	item_begins(l);
	if (l->w)
		write_format(l->w, "%u", n);
	return OK;
}

static enum err walk_address(struct lister *l, struct reader *r)
{
	struct span raw = read_span(r, 16);
	TRY(reader_check(r));
	struct ip_address a = ip_address_of(raw);
	item_begins(l);
	if (l->w)
		ip_address_write(l->w, &a);
	return OK;
}

static enum err walk_name(struct lister *l, struct reader *r)
{
	struct dns_name name;
	char text[DNS_NAME_TEXT_MAX];
	TRY(dns_name_read_plain(r, &name));
	item_begins(l);
	if (l->w)
		write_text(l->w, dns_name_format(&name, text));
	return OK;
}

static enum err walk_item(struct lister *l, struct reader *r)
{
	struct span item;
	if (!dhcp6_item_next(r, &item))
		return ERR_FORMAT;
	item_begins(l);
	if (l->w)
		write_escaped(l->w, item);
	return OK;
}

static enum err walk_ntp(struct lister *l, struct reader *r)
{
	struct dhcp6_option o;
	if (!dhcp6_option_next(r, &o))
		return ERR_FORMAT;
	struct reader body = reader_of_span(o.body);
	if (o.code == 1 || o.code == 2)
		TRY(walk_address(l, &body));
	else if (o.code == 3)
		TRY(walk_name(l, &body));
	else
		return ERR_FORMAT;
	return reader_end(&body);
}

static enum err walk_enterprise(struct lister *l, struct reader *r)
{
	TRY(walk_number(l, r, 4));
	struct span rest = read_span(r, reader_left(r));
	if (l->w && rest.len) {
		write_text(l->w, " ");
		write_hex(l->w, rest);
	}
	return OK;
}

static enum err walk_text(struct lister *l, struct reader *r)
{
	struct span all = read_span(r, reader_left(r));
	if (l->w)
		write_escaped(l->w, all);
	return OK;
}

static enum err walk_hex(struct lister *l, struct reader *r)
{
	struct span all = read_span(r, reader_left(r));
	if (l->w)
		write_hex(l->w, all);
	return OK;
}

/* One item, or all of what is no list. */
static enum err walk_one(enum dhcp6_option_type type, struct lister *l, struct reader *r)
{
	switch (type) {
	case DHCP6_OPTION_EMPTY:
		if (l->w)
			write_text(l->w, "true");
		return OK;
	case DHCP6_OPTION_U8: return walk_number(l, r, 1);
	case DHCP6_OPTION_U16:
	case DHCP6_OPTION_U16S: return walk_number(l, r, 2);
	case DHCP6_OPTION_U32:
	case DHCP6_OPTION_DURATION: return walk_number(l, r, 4);
	case DHCP6_OPTION_ADDRESS:
	case DHCP6_OPTION_ADDRESSES: return walk_address(l, r);
	case DHCP6_OPTION_NAME:
	case DHCP6_OPTION_NAMES: return walk_name(l, r);
	case DHCP6_OPTION_NTP: return walk_ntp(l, r);
	case DHCP6_OPTION_ENTERPRISE: return walk_enterprise(l, r);
	case DHCP6_OPTION_ITEMS: return walk_item(l, r);
	case DHCP6_OPTION_TEXT: return walk_text(l, r);
	default: return walk_hex(l, r);
	}
}

static enum err walk(enum dhcp6_option_type type, struct lister *l, struct span value)
{
	struct reader r = reader_of_span(value);
	if (dhcp6_option_type_is_list(type))
		while (reader_left(&r))
			TRY(walk_one(type, l, &r));
	else
		TRY(walk_one(type, l, &r));
	return reader_end(&r);
}

enum err dhcp6_option_check_type(enum dhcp6_option_type type, struct span value)
{
	struct lister l = {0};
	return walk(type, &l, value);
}

void dhcp6_option_format_type(enum dhcp6_option_type type, struct span value, struct writer *w)
{
	struct lister l = {.w = w};
	struct reader r = reader_of_span(value);
	if (dhcp6_option_check_type(type, value) == OK)
		err_ignore(walk(type, &l, value)); /* just judged right */
	else
		err_ignore(walk_hex(&l, &r)); /* cannot fail */
}

void dhcp6_option_format(uint16_t code, struct span value, struct writer *w)
{
	const struct dhcp6_option_info *info = dhcp6_option_by_code(code);
	dhcp6_option_format_type(info ? (enum dhcp6_option_type)info->type : DHCP6_OPTION_HEX,
				 value, w);
}
