/* The SvcParams of SVCB and HTTPS: RFC 9460 2.2, 7, appendix A; dohpath: RFC 9461; ohttp: RFC 9540.
 */
#include "proto/dns/rdata_field.h"

enum key {
	KEY_MANDATORY,
	KEY_ALPN,
	KEY_NO_DEFAULT_ALPN,
	KEY_PORT,
	KEY_IPV4HINT,
	KEY_ECH,
	KEY_IPV6HINT,
	KEY_DOHPATH,
	KEY_OHTTP,
	KEYS,
	KEY_INVALID = 65535 /* RFC 9460 14.3.2: has no text */
};

static const char *const key_names[KEYS] = {
	[KEY_MANDATORY] = "mandatory",
	[KEY_ALPN] = "alpn",
	[KEY_NO_DEFAULT_ALPN] = "no-default-alpn",
	[KEY_PORT] = "port",
	[KEY_IPV4HINT] = "ipv4hint",
	[KEY_ECH] = "ech",
	[KEY_IPV6HINT] = "ipv6hint",
	[KEY_DOHPATH] = "dohpath",
	[KEY_OHTTP] = "ohttp",
};

/* One or more items, none empty (RFC 9460 7.1.1). */
static bool alpn_right(struct span value)
{
	struct reader r = reader_of_span(value);
	while (reader_left(&r))
		if (read_span(&r, read_u8(&r)).len == 0)
			return false;
	return value.len && !r.bad;
}

/* Keys rise and do not name the list itself (RFC 9460 8). */
static bool mandatory_right(struct span value)
{
	struct reader r = reader_of_span(value);
	for (unsigned last = KEY_MANDATORY; reader_left(&r);) {
		unsigned key = read_u16(&r);
		if (key <= last)
			return false;
		last = key;
	}
	return value.len && !r.bad;
}

static bool value_right(unsigned key, struct span value)
{
	switch (key) {
	case KEY_MANDATORY: return mandatory_right(value);
	case KEY_ALPN: return alpn_right(value);
	case KEY_NO_DEFAULT_ALPN:
	case KEY_OHTTP: return value.len == 0;
	case KEY_PORT: return value.len == 2;
	case KEY_IPV4HINT: return value.len && value.len % 4 == 0;
	case KEY_IPV6HINT: return value.len && value.len % 16 == 0;
	case KEY_ECH:
	case KEY_DOHPATH: return value.len != 0;
	default: return true;
	}
}

/* Every key of the list is among the params; both rise, so one pass does. */
static bool mandatory_present(struct span list, struct span params)
{
	struct reader l = reader_of_span(list), p = reader_of_span(params);
	while (reader_left(&l)) {
		unsigned key = read_u16(&l), have;
		do {
			if (reader_left(&p) == 0)
				return false;
			have = read_u16(&p);
			reader_skip(&p, read_u16(&p));
		} while (have < key);
		if (have != key)
			return false;
	}
	return true;
}

enum err dns_svcparams_check(struct reader *r)
{
	struct span params = span_of(r->data + r->pos, reader_left(r)), mandatory = {0};
	int last = -1;
	while (reader_left(r)) {
		int key = read_u16(r);
		struct span value = read_span(r, read_u16(r));
		if (r->bad || key <= last || !value_right((unsigned)key, value))
			return ERR_FORMAT;
		if (key == KEY_MANDATORY)
			mandatory = value;
		last = key;
	}
	return mandatory_present(mandatory, params) ? reader_end(r) : ERR_FORMAT;
}

static bool key_from_text(struct span text, uint16_t *ret)
{
	uint64_t n;
	for (uint16_t i = 0; i < KEYS; i++)
		if (span_equal_nocase(text, span_text(key_names[i]))) {
			*ret = i;
			return true;
		}
	/* RFC 9460 2.1: no leading zeros. */
	struct span number = span_sub(text, 3, text.len);
	if (!span_equal_nocase(span_sub(text, 0, 3), span_text("key")) || number.len == 0 ||
	    (number.len > 1 && number.data[0] == '0') || !span_to_u64(number, KEY_INVALID - 1, &n))
		return false;
	*ret = (uint16_t)n;
	return true;
}

static void key_write(unsigned key, struct writer *w)
{
	if (key < KEYS)
		write_text(w, key_names[key]);
	else
		write_format(w, "key%u", key);
}

/* The next item of a comma-separated list without escapes, taken off the list. */
static struct span next_item(struct span *list)
{
	size_t comma = span_find(*list, ',');
	struct span item = span_sub(*list, 0, comma);
	*list = comma < list->len ? span_sub(*list, comma + 1, list->len) : (struct span){0};
	return item;
}

static bool parse_addresses(struct span list, unsigned key, struct writer *w)
{
	do {
		bool more = span_find(list, ',') < list.len;
		struct span item = next_item(&list);
		if (!(key == KEY_IPV4HINT ? dns_field_ipv4(item, w) : dns_field_ipv6(item, w)))
			return false;
		if (more && list.len == 0) /* "192.0.2.1," */
			return false;
	} while (list.len);
	return true;
}

/* Keys in any order; on the wire they rise. */
static bool parse_mandatory(struct span list, struct writer *w)
{
	size_t start = w->pos;
	do {
		uint16_t key;
		struct span item = next_item(&list);
		if (!key_from_text(item, &key))
			return false;
		write_u16(w, key);
		if (w->bad)
			return true;
		for (size_t at = w->pos - 2; at > start; at -= 2) {
			uint16_t before = (uint16_t)(w->data[at - 2] << 8 | w->data[at - 1]);
			if (before <= key)
				break;
			put_u16(w->data + at, before);
			put_u16(w->data + at - 2, key);
		}
	} while (list.len);
	return true;
}

/* Items behind commas; \, and \\ inside of an item, under the escapes of a character-string (RFC
 * 9460 A.1). */
static bool parse_alpn(struct span list, struct writer *w)
{
	size_t at = writer_reserve(w, 1);
	for (size_t pos = 0; pos < list.len;) {
		uint8_t c;
		if (!dns_text_unescape(list, &pos, &c) || w->pos - at > 256)
			return false;
		if (c == ',') {
			writer_fill_u8(w, at);
			at = writer_reserve(w, 1);
			continue;
		}
		if (c == '\\' && (!dns_text_unescape(list, &pos, &c) || (c != '\\' && c != ',')))
			return false;
		write_u8(w, c);
	}
	bool fits = w->pos - at <= 256;
	writer_fill_u8(w, at);
	return fits;
}

/* An expression of the URI template has the variable dns (RFC 9461 5, RFC 6570 2.2). */
static bool template_has_dns(struct span text)
{
	for (size_t at = span_find(text, '{'); at < text.len;) {
		struct span rest = span_sub(text, at + 1, text.len);
		struct span list = span_sub(rest, 0, span_find(rest, '}'));
		if (list.len && memchr("+#./;?&", list.data[0], 7))
			list = span_sub(list, 1, list.len);
		while (list.len)
			if (span_is(next_item(&list), "dns"))
				return true;
		at += 1 + span_find(rest, '{');
	}
	return false;
}

static bool dohpath_right(struct span path)
{
	return path.len && path.data[0] == '/' && template_has_dns(path);
}

static const char *parse_value(unsigned key, struct span text, struct writer *w)
{
	uint64_t port;
	size_t start = w->pos;
	switch (key) {
	case KEY_MANDATORY: return parse_mandatory(text, w) ? NULL : "keys behind commas";
	case KEY_ALPN: return parse_alpn(text, w) ? NULL : "protocol names behind commas";
	case KEY_NO_DEFAULT_ALPN:
	case KEY_OHTTP: return "no value";
	case KEY_PORT:
		if (!span_to_u64(text, UINT16_MAX, &port))
			return "a port from 0 to 65535";
		write_u16(w, (uint16_t)port);
		return NULL;
	case KEY_IPV4HINT:
		return parse_addresses(text, key, w) ? NULL : "IPv4 addresses behind commas";
	case KEY_IPV6HINT:
		return parse_addresses(text, key, w) ? NULL : "IPv6 addresses behind commas";
	case KEY_ECH: return dns_text_decode_all(DNS_TEXT_BASE64, text, w) ? NULL : "base64";
	case KEY_DOHPATH:
		if (!dns_text_unescape_all(text, w) ||
		    (!w->bad && !dohpath_right(span_of(w->data + start, w->pos - start))))
			return "a path with the template variable dns, as /dns-query{?dns}";
		return NULL;
	default: return dns_text_unescape_all(text, w) ? NULL : "a value";
	}
}

static void reverse(uint8_t *data, size_t len)
{
	for (size_t i = 0; i < len / 2; i++) {
		uint8_t c = data[i];
		data[i] = data[len - 1 - i];
		data[len - 1 - i] = c;
	}
}

/* Moves the param at `at`, the last, to its place among those from `start` on, which rise. False
 * when the key is there already. */
static bool sort_in(struct writer *w, size_t start, size_t at)
{
	struct reader r = reader_of(w->data + start, at - start);
	unsigned key = (unsigned)w->data[at] << 8 | w->data[at + 1];
	while (reader_left(&r)) {
		size_t before = start + r.pos;
		unsigned have = read_u16(&r);
		reader_skip(&r, read_u16(&r));
		if (have == key)
			return false;
		if (have < key)
			continue;
		reverse(w->data + before, at - before);
		reverse(w->data + at, w->pos - at);
		reverse(w->data + before, w->pos - before);
		break;
	}
	return true;
}

/* key or key=value or key="value" */
static enum err parse_param(struct dns_text_lexer *l, size_t start, struct writer *w)
{
	struct span word;
	uint16_t key;
	TRY(dns_text_word(l, "a SvcParam, key=value", &word));
	size_t equals = span_find(word, '='), at = w->pos;
	if (!key_from_text(span_sub(word, 0, equals), &key))
		return dns_text_fail(l, "a SvcParam key, as alpn or key65000");
	struct span value = span_sub(word, equals + 1, word.len);
	bool quoted = value.len >= 2 && value.data[0] == '"' && value.data[value.len - 1] == '"';
	if (quoted)
		value = span_sub(value, 1, value.len - 2);
	write_u16(w, key);
	size_t len_at = writer_reserve(w, 2);
	bool bare = equals == word.len && (key == KEY_NO_DEFAULT_ALPN || key == KEY_OHTTP);
	const char *wrong = bare ? NULL : parse_value(key, value, w);
	if (wrong)
		return dns_text_fail_at(l, equals < word.len ? equals + 1 : 0, wrong);
	writer_fill_u16(w, len_at);
	if (w->bad)
		return OK;
	if (!value_right(key, span_of(w->data + at + 4, w->pos - at - 4)))
		return dns_text_fail_at(l, equals < word.len ? equals + 1 : 0,
					key == KEY_MANDATORY
						? "keys, each once, not mandatory itself"
						: "a value that is not empty");
	if (!sort_in(w, start, at))
		return dns_text_fail(l, "each key once");
	return OK;
}

static bool has_key(struct span params, uint16_t key)
{
	uint8_t list[2];
	put_u16(list, key);
	return mandatory_present(span_of(list, sizeof(list)), params);
}

/* RFC 9460 2.4.3 and 7.1.1: zone files are held to it, what comes by wire is not. */
static bool alpn_consistent(struct span params)
{
	return !has_key(params, KEY_NO_DEFAULT_ALPN) || has_key(params, KEY_ALPN);
}

enum err dns_svcparams_parse(struct dns_text_lexer *l, struct writer *w)
{
	size_t start = w->pos;
	enum err e = OK;
	l->pairs = true;
	while (e == OK && dns_text_more(l))
		e = parse_param(l, start, w);
	l->pairs = false;
	if (e || w->bad)
		return e;
	struct span params = span_of(w->data + start, w->pos - start);
	struct reader r = reader_of_span(params);
	if (dns_svcparams_check(&r))
		return dns_text_fail(l, "every key that mandatory lists");
	if (!alpn_consistent(params))
		return dns_text_fail(l, "alpn, which no-default-alpn demands");
	return OK;
}

static void format_alpn(struct span value, struct writer *w)
{
	struct reader r = reader_of_span(value);
	write_u8(w, '"');
	for (bool first = true; reader_left(&r); first = false) {
		struct span item = read_span(&r, read_u8(&r));
		if (!first)
			write_u8(w, ',');
		for (size_t i = 0; i < item.len; i++) {
			uint8_t c = item.data[i];
			if (c == ',')
				write_text(w, "\\\\,");
			else if (c == '\\')
				write_text(w, "\\\\\\\\");
			else if (c == '"')
				write_text(w, "\\\"");
			else if (c < 0x20 || c > 0x7e)
				write_format(w, "\\%03u", c);
			else
				write_u8(w, c);
		}
	}
	write_u8(w, '"');
}

/* Numbers or addresses of `step` bytes each, behind commas. */
static void format_list(unsigned key, struct span value, size_t step, struct writer *w)
{
	struct reader r = reader_of_span(value);
	for (bool first = true; reader_left(&r); first = false) {
		struct span item = read_span(&r, step);
		if (!first)
			write_u8(w, ',');
		if (key != KEY_MANDATORY)
			dns_field_address_write(item, w);
		else if (item.len)
			key_write((unsigned)item.data[0] << 8 | item.data[1], w);
	}
}

static void format_value(unsigned key, struct span value, struct writer *w)
{
	struct reader r = reader_of_span(value);
	switch (key) {
	case KEY_MANDATORY: format_list(key, value, 2, w); break;
	case KEY_ALPN: format_alpn(value, w); break;
	case KEY_PORT: write_format(w, "%u", read_u16(&r)); break;
	case KEY_IPV4HINT: format_list(key, value, 4, w); break;
	case KEY_IPV6HINT: format_list(key, value, 16, w); break;
	case KEY_ECH: dns_text_base64_write(value, w); break;
	default: dns_text_quote(value, w); break;
	}
}

bool dns_svcparams_format(struct reader *r, struct writer *w)
{
	if (!alpn_consistent(span_of(r->data + r->pos, reader_left(r))))
		return false;
	for (bool first = true; reader_left(r); first = false) {
		unsigned key = read_u16(r);
		struct span value = read_span(r, read_u16(r));
		if (key == KEY_INVALID || (key == KEY_DOHPATH && !dohpath_right(value)))
			return false;
		if (!first)
			write_u8(w, ' ');
		key_write(key, w);
		if (value.len) {
			write_u8(w, '=');
			format_value(key, value, w);
		}
	}
	return true;
}
