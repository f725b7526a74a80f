#include "service/forward-proxy/access/destination.h"

#include "base/writer.h"
#include "proto/ip/number.h"

static bool is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

enum { UNKNOWN = 1, AMBIGUOUS = 2 };

/* Known is what may stand in a name: letters, digits, dots, hyphens, and the underscore that names
 * in use have. Ambiguous are bytes that say something else to one reader than to another: escapes
 * and zones (%), user names (@), other ends of a host (/ \ ? #), and what is not ASCII, which some
 * fold to ASCII. */
static const uint8_t classes[256] = {
	[0x00 ... ' '] = AMBIGUOUS,
	['!' ... '"'] = UNKNOWN,
	['#'] = AMBIGUOUS,
	['$'] = UNKNOWN,
	['%'] = AMBIGUOUS,
	['&' ... ','] = UNKNOWN,
	['/'] = AMBIGUOUS,
	[':' ... '>'] = UNKNOWN,
	['?' ... '@'] = AMBIGUOUS,
	['['] = UNKNOWN,
	['\\'] = AMBIGUOUS,
	[']' ... '^'] = UNKNOWN,
	['`'] = UNKNOWN,
	['{' ... '~'] = UNKNOWN,
	[0x7f ... 0xff] = AMBIGUOUS,
};

static enum err bytes_check(struct span host)
{
	uint8_t found = 0;
	for (size_t i = 0; i < host.len; i++)
		found |= classes[host.data[i]];
	return found & AMBIGUOUS ? ERR_REFUSED : found ? ERR_FORMAT : OK;
}

static struct span last_label(struct span name)
{
	size_t at = name.len;
	while (at > 0 && name.data[at - 1] != '.')
		at--;
	return span_sub(name, at, name.len);
}

/* Would somebody read a host with this last label as an IPv4 address? Digits in any base that
 * inet_aton(3) knows; a top-level domain is never numeric (RFC 3696 2). */
static bool is_numeric(struct span label)
{
	bool hex = label.len >= 2 && label.data[0] == '0' && (label.data[1] | 0x20) == 'x';
	for (size_t i = hex ? 2 : 0; i < label.len; i++) {
		uint8_t c = label.data[i];
		if (!is_digit(c) && !(hex && (c | 0x20) >= 'a' && (c | 0x20) <= 'f'))
			return false;
	}
	return label.len > 0;
}

static enum err labels_check(struct span name)
{
	size_t len = 0;
	for (size_t i = 0; i <= name.len; i++) {
		if (i < name.len && name.data[i] != '.') {
			len++;
			continue;
		}
		if (len == 0 || len > DESTINATION_LABEL_MAX)
			return ERR_FORMAT;
		len = 0;
	}
	return OK;
}

static enum err name_read(struct span host, struct destination *ret)
{
	bool dot = host.len && host.data[host.len - 1] == '.';
	struct span name = span_sub(host, 0, host.len - dot);
	TRY(bytes_check(name));
	struct span last = last_label(name);
	if (is_numeric(last)) {
		/* Four decimal numbers without leading zeros, and nothing else, are an address. */
		if (dot || ip_address_parse(name, &ret->address) != OK)
			return ERR_REFUSED;
		return OK;
	}
	if (name.len == 0 || name.len > DESTINATION_NAME_MAX)
		return ERR_FORMAT;
	TRY(labels_check(name));
	for (size_t i = 0; i < name.len; i++) {
		uint8_t c = name.data[i];
		ret->name[i] = (char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
	}
	ret->name[name.len] = 0;
	ret->name_len = (uint8_t)name.len;
	return OK;
}

/* Without brackets. */
static enum err ipv6_read(struct span text, struct destination *ret)
{
	struct ip_address a;
	if (span_find(text, '%') < text.len)
		return ERR_REFUSED; /* a zone is an interface of ours */
	TRY(ip_address_parse(text, &a));
	if (a.family != 6)
		return ERR_FORMAT;
	ret->address = ip_address_unmap(&a);
	return OK;
}

static enum err port_read(struct span text, struct destination *ret)
{
	uint32_t port;
	if (!ip_number_parse(text, UINT16_MAX, &port) || port == 0)
		return ERR_FORMAT;
	ret->port = (uint16_t)port;
	return OK;
}

/* Of a name what there is of it. */
static void keep(const struct destination *d, struct destination *ret)
{
	ret->address = d->address;
	ret->port = d->port;
	ret->name_len = d->name_len;
	memcpy(ret->name, d->name, (size_t)d->name_len + 1);
}

enum err destination_read(struct span text, uint16_t port_default, struct destination *ret)
{
	struct destination d;
	destination_clear(&d);
	d.port = port_default;
	bool bracket = text.len && text.data[0] == '[';
	size_t end = bracket ? span_find(text, ']') : span_find(text, ':');
	if (span_find(text, '@') < text.len)
		return ERR_REFUSED; /* user:password@host: whose host is it? */
	if (bracket && end == text.len)
		return ERR_FORMAT;
	TRY(bracket ? ipv6_read(span_sub(text, 1, end - 1), &d)
		    : name_read(span_sub(text, 0, end), &d));
	struct span rest = span_sub(text, end + bracket, text.len);
	if (rest.len && rest.data[0] != ':')
		return ERR_FORMAT;
	if (rest.len)
		TRY(port_read(span_sub(rest, 1, rest.len), &d));
	if (d.port == 0)
		return ERR_FORMAT;
	keep(&d, ret);
	return OK;
}

enum err destination_read_host(struct span host, uint16_t port, struct destination *ret)
{
	struct destination d;
	destination_clear(&d);
	d.port = port;
	if (port == 0)
		return ERR_FORMAT;
	TRY(span_find(host, ':') < host.len ? ipv6_read(host, &d) : name_read(host, &d));
	keep(&d, ret);
	return OK;
}

bool destination_is_localhost(const struct destination *d)
{
	struct span name = destination_name(d);
	return name.len && span_is(last_label(name), "localhost");
}

size_t destination_host_format(const struct destination *d, char ret[DESTINATION_TEXT_MAX + 1])
{
	char address[IP_ADDRESS_TEXT_MAX];
	struct writer w = writer_of(ret, DESTINATION_TEXT_MAX);
	if (d->address.family == 0) {
		write_span(&w, destination_name(d));
	} else {
		size_t len = ip_address_format(&d->address, address);
		write_text(&w, d->address.family == 6 ? "[" : "");
		write_bytes(&w, address, len);
		write_text(&w, d->address.family == 6 ? "]" : "");
	}
	ret[w.pos] = 0;
	return w.pos;
}
