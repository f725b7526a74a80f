#include "proto/http/forwarded.h"

#include "base/writer.h"
#include "proto/http/token.h"

static bool is_blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

static void skip_blanks(struct span *s)
{
	while (s->len && is_blank(s->data[0]))
		*s = span_sub(*s, 1, s->len);
}

static bool take(struct span *s, uint8_t c)
{
	if (s->len == 0 || s->data[0] != c)
		return false;
	*s = span_sub(*s, 1, s->len);
	return true;
}

/* The bytes of a token at the start; 0: none. */
static size_t token_len(struct span s)
{
	size_t n = 0;
	while (n < s.len && http_is_token(span_sub(s, n, 1)))
		n++;
	return n;
}

/* quoted-string (RFC 9110 5.6.4) at the start, quotes included; 0: torn. */
static size_t quoted_len(struct span s)
{
	for (size_t n = 1; n < s.len; n++) {
		if (s.data[n] == '"')
			return n + 1;
		if (s.data[n] == '\\')
			n++;
	}
	return 0;
}

static enum err put(struct forwarded_element *e, struct span name, struct span value)
{
	static const char *const names[] = {"for", "by", "host", "proto"};
	struct span *const places[] = {&e->client, &e->by, &e->host, &e->proto};
	for (size_t i = 0; i < 4; i++)
		if (span_equal_nocase(name, span_text(names[i]))) {
			if (places[i]->len)
				return ERR_FORMAT;
			*places[i] = value;
		}
	return OK; /* RFC 7239 5: others are extensions */
}

static enum err read_pair(struct span *s, struct forwarded_element *e)
{
	size_t n = token_len(*s);
	struct span name = span_sub(*s, 0, n);
	*s = span_sub(*s, n, s->len);
	if (n == 0 || !take(s, '='))
		return ERR_FORMAT;
	n = s->len && s->data[0] == '"' ? quoted_len(*s) : token_len(*s);
	if (n == 0)
		return ERR_FORMAT;
	struct span value = span_sub(*s, 0, n);
	*s = span_sub(*s, n, s->len);
	return put(e, name, value);
}

static enum err read_element(struct span *s, struct forwarded_element *ret)
{
	*ret = (struct forwarded_element){0};
	do {
		skip_blanks(s);
		if (s->len && s->data[0] != ';' && s->data[0] != ',')
			TRY(read_pair(s, ret));
		skip_blanks(s);
	} while (take(s, ';'));
	return OK;
}

enum err forwarded_read(struct span value, struct forwarded_element ret[FORWARDED_ELEMENTS_MAX],
			size_t *ret_n)
{
	size_t n = 0;
	do {
		struct forwarded_element one;
		TRY(read_element(&value, &one));
		if (n == FORWARDED_ELEMENTS_MAX) {
			memmove(&ret[0], &ret[1], (n - 1) * sizeof(ret[0]));
			n--;
		}
		ret[n++] = one;
	} while (take(&value, ','));
	if (value.len)
		return ERR_FORMAT;
	*ret_n = n;
	return OK;
}

static struct span unquote(struct span s)
{
	bool quoted = s.len >= 2 && s.data[0] == '"' && s.data[s.len - 1] == '"';
	return quoted ? span_sub(s, 1, s.len - 2) : s;
}

/* ":8080" or ":_hidden" behind a node, or nothing. */
static enum err port_read(struct span s, uint16_t *ret)
{
	*ret = 0;
	if (s.len == 0)
		return OK;
	uint64_t port;
	if (s.data[0] != ':' || s.len == 1)
		return ERR_FORMAT;
	struct span text = span_sub(s, 1, s.len);
	if (text.data[0] == '_')
		return OK;
	if (text.len > 5 || !span_to_u64(text, UINT16_MAX, &port))
		return ERR_FORMAT;
	*ret = (uint16_t)port;
	return OK;
}

enum err forwarded_node_read(struct span node, struct ip_endpoint *ret)
{
	struct span s = span_trim(unquote(node));
	struct ip_endpoint e = {0};
	if (s.len == 0)
		return ERR_FORMAT;
	if (s.data[0] == '_' || span_equal_nocase(span_sub(s, 0, 7), span_text("unknown")))
		return ERR_ABSENT;
	if (s.data[0] == '[') {
		size_t end = span_find(s, ']');
		if (end == s.len)
			return ERR_FORMAT;
		TRY(ip_address_parse(span_sub(s, 1, end - 1), &e.address));
		if (e.address.family != 6)
			return ERR_FORMAT;
		TRY(port_read(span_sub(s, end + 1, s.len), &e.port));
	} else if (ip_address_parse(s, &e.address) != OK) {
		size_t colon = span_find(s, ':');
		TRY(ip_address_parse(span_sub(s, 0, colon), &e.address));
		TRY(port_read(span_sub(s, colon, s.len), &e.port));
	}
	*ret = e;
	return OK;
}

bool forwarded_item_before(struct span *list, struct span *ret)
{
	while (list->len) {
		size_t start = list->len;
		while (start && list->data[start - 1] != ',')
			start--;
		*ret = span_trim(span_sub(*list, start, list->len));
		*list = span_sub(*list, 0, start ? start - 1 : 0);
		if (ret->len)
			return true;
	}
	return false;
}

static void write_value(struct writer *w, struct span s)
{
	if (http_is_token(s)) {
		write_span(w, s);
		return;
	}
	write_u8(w, '"');
	for (size_t i = 0; i < s.len; i++) {
		if (s.data[i] == '"' || s.data[i] == '\\')
			write_u8(w, '\\');
		write_u8(w, s.data[i]);
	}
	write_u8(w, '"');
}

static void write_address(struct writer *w, const struct ip_address *a)
{
	if (a->family == 6)
		write_text(w, "\"[");
	ip_address_write(w, a);
	if (a->family == 6)
		write_text(w, "]\"");
}

void forwarded_write(struct writer *w, const struct ip_address *client, struct span host,
		     struct span proto, const struct ip_endpoint *by)
{
	write_text(w, "for=");
	write_address(w, client);
	if (host.len) {
		write_text(w, ";host=");
		write_value(w, host);
	}
	if (proto.len) {
		write_text(w, ";proto=");
		write_value(w, proto);
	}
	if (by) {
		char text[IP_ENDPOINT_TEXT_MAX];
		write_text(w, ";by=");
		write_value(w, span_of(text, ip_endpoint_format(by, text)));
	}
}
