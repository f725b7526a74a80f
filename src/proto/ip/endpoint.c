#include "base/decimal.h"
#include "base/writer.h"
#include "proto/ip/address.h"
#include "proto/ip/number.h"

/* ADDRESS or, for a link-local IPv6 address, ADDRESS%INDEX. */
static enum err parse_host(struct span text, struct ip_endpoint *ret)
{
	size_t percent = span_find(text, '%');
	TRY(ip_address_parse(span_sub(text, 0, percent), &ret->address));
	if (percent == text.len)
		return OK;
	bool scoped = ret->address.family == 6 && ip_address_is_link_local(&ret->address);
	struct span index = span_sub(text, percent + 1, text.len);
	if (!scoped || !ip_number_parse(index, UINT32_MAX, &ret->scope) || ret->scope == 0)
		return ERR_FORMAT;
	return OK;
}

/* Cuts text into host and port; the port is NULL when none is written. */
static bool split(struct span text, struct span *ret_host, struct span *ret_port)
{
	*ret_port = (struct span){0};
	if (text.len && text.data[0] == '[') {
		size_t end = span_find(text, ']');
		*ret_host = span_sub(text, 1, end - 1);
		struct span rest = span_sub(text, end + 1, text.len);
		/* Only what needs brackets stands in them. */
		if (end == text.len || span_find(*ret_host, ':') == ret_host->len)
			return false;
		if (rest.len == 0)
			return true;
		*ret_port = span_sub(rest, 1, rest.len);
		return rest.data[0] == ':';
	}
	size_t at = span_find(text, '@');
	if (at == text.len) {
		size_t colon = span_find(text, ':');
		struct span behind = span_sub(text, colon + 1, text.len);
		if (colon < text.len && span_find(behind, ':') == behind.len)
			at = colon; /* the only one: no IPv6 address has so few */
	}
	*ret_host = span_sub(text, 0, at);
	if (at < text.len)
		*ret_port = span_sub(text, at + 1, text.len);
	return true;
}

enum err ip_endpoint_parse(struct span text, uint16_t port_default, struct ip_endpoint *ret)
{
	struct ip_endpoint e = {0};
	struct span host, port;
	if (!split(text, &host, &port))
		return ERR_FORMAT;
	TRY(parse_host(host, &e));
	uint32_t number = port_default;
	if (port.data && !ip_number_parse(port, UINT16_MAX, &number))
		return ERR_FORMAT;
	if (number == 0)
		return ERR_FORMAT;
	e.port = (uint16_t)number;
	*ret = e;
	return OK;
}

size_t ip_endpoint_format(const struct ip_endpoint *e, char ret[IP_ENDPOINT_TEXT_MAX])
{
	struct writer w = writer_of(ret, IP_ENDPOINT_TEXT_MAX);
	bool brackets = e->address.family == 6;
	if (brackets)
		write_u8(&w, '[');
	ip_address_write(&w, &e->address);
	if (e->scope) {
		write_u8(&w, '%');
		write_decimal(&w, e->scope);
	}
	if (brackets)
		write_u8(&w, ']');
	write_u8(&w, ':');
	write_decimal(&w, e->port);
	write_u8(&w, 0);
	ASSERT(!w.bad);
	return w.pos - 1;
}

bool ip_endpoint_equal(const struct ip_endpoint *a, const struct ip_endpoint *b)
{
	return a->port == b->port && a->scope == b->scope &&
	       ip_address_equal(&a->address, &b->address);
}
