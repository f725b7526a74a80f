#include "proto/dns/name.h"

/* RFC 1035 5.1. A name under construction: the open label's length octet is at wire[label_at]. */
struct spelling {
	size_t len, label_at;
	uint8_t wire[DNS_NAME_MAX];
};

static bool is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

/* \DDD or \X at the backslash; past it. False when cut short or above 255. */
static bool read_escape(struct reader *r, uint8_t *ret)
{
	uint8_t c = read_u8(r);
	if (r->bad)
		return false;
	if (!is_digit(c)) {
		*ret = c;
		return true;
	}
	uint8_t d = read_u8(r), e = read_u8(r);
	if (r->bad || !is_digit(d) || !is_digit(e))
		return false;
	int value = (c - '0') * 100 + (d - '0') * 10 + (e - '0');
	if (value > UINT8_MAX)
		return false;
	*ret = (uint8_t)value;
	return true;
}

/* Closes the open label and opens the next. */
static enum err close_label(struct spelling *s)
{
	size_t n = s->len - s->label_at - 1;
	if (n == 0)
		return ERR_FORMAT; /* "a..b", ".a" */
	if (n > DNS_LABEL_MAX || s->len >= DNS_NAME_MAX)
		return ERR_LIMIT;
	s->wire[s->label_at] = (uint8_t)n;
	s->label_at = s->len++;
	return OK;
}

/* All labels; the last one is left open, and empty when the text ended in a dot. */
static enum err spell(struct span text, struct spelling *s)
{
	struct reader r = reader_of_span(text);
	while (reader_left(&r)) {
		uint8_t c = read_u8(&r);
		if (c == '.') {
			TRY(close_label(s));
			continue;
		}
		if (c == '\\' && !read_escape(&r, &c))
			return ERR_FORMAT;
		if (s->len >= DNS_NAME_MAX)
			return ERR_LIMIT;
		s->wire[s->len++] = c;
	}
	return OK;
}

enum err dns_name_from_text_case(struct span text, const struct dns_name *origin,
				 struct dns_name *ret)
{
	if (text.len == 0)
		return ERR_FORMAT;
	if (span_is(text, ".")) {
		*ret = DNS_NAME_ROOT;
		return OK;
	}
	if (span_is(text, "@")) {
		if (!origin)
			return ERR_FORMAT;
		memmove(ret, origin, offsetof(struct dns_name, wire) + origin->len);
		return OK;
	}
	struct spelling s;
	s.label_at = 0;
	s.len = 1;
	TRY(spell(text, &s));
	const struct dns_name root = DNS_NAME_ROOT;
	const struct dns_name *end = &root;
	if (s.len > s.label_at + 1) {
		TRY(close_label(&s));
		end = origin ? origin : &root;
	}
	if (s.label_at + end->len > DNS_NAME_MAX)
		return ERR_LIMIT;
	struct dns_name out;
	memcpy(out.wire, s.wire, s.label_at);
	memcpy(out.wire + s.label_at, end->wire, end->len);
	out.len = (uint8_t)(s.label_at + end->len);
	memcpy(ret, &out, offsetof(struct dns_name, wire) + out.len);
	return OK;
}

enum err dns_name_from_text(struct span text, const struct dns_name *origin, struct dns_name *ret)
{
	TRY(dns_name_from_text_case(text, origin, ret));
	dns_name_lower(ret);
	return OK;
}

/* What would end a name or mean more than itself in a master file. */
static bool is_special(uint8_t c)
{
	return c == '.' || c == '\\' || c == '"' || c == ';' || c == '(' || c == ')' || c == '@' ||
	       c == '$';
}

static size_t format_octet(uint8_t c, char *at)
{
	size_t n = 0;
	if (c > ' ' && c < 0x7f) {
		if (is_special(c))
			at[n++] = '\\';
		at[n++] = (char)c;
		return n;
	}
	at[n++] = '\\';
	at[n++] = (char)('0' + c / 100);
	at[n++] = (char)('0' + c / 10 % 10);
	at[n++] = (char)('0' + c % 10);
	return n;
}

const char *dns_name_format_span(struct span wire, char buf[DNS_NAME_TEXT_MAX])
{
	size_t n = 0;
	if (wire.len == 0 || dns_name_wire_len(wire) != wire.len) {
		buf[n++] = '?';
		buf[n] = '\0';
		return buf;
	}
	if (wire.len == 1)
		buf[n++] = '.';
	for (struct span rest = wire; rest.len > 1; rest = dns_name_parent_span(rest)) {
		struct span label = dns_name_first_label(rest);
		for (size_t i = 0; i < label.len; i++)
			n += format_octet(label.data[i], buf + n);
		buf[n++] = '.';
	}
	buf[n] = '\0';
	return buf;
}

const char *dns_name_format(const struct dns_name *n, char buf[DNS_NAME_TEXT_MAX])
{
	return dns_name_format_span(dns_name_span(n), buf);
}
