/* What points at a host by address or by name: IPSECKEY (RFC 4025), AMTRELAY (RFC 8777); and HIP
 * (RFC 8005). */
#include "proto/dns/rdata_field.h"

enum { HOST_NONE, HOST_IPV4, HOST_IPV6, HOST_NAME };

#define DISCOVERY 0x80u /* D of AMTRELAY, above the type: RFC 8777 4.2.2 */
#define KIND_MASK 0x7fu

static bool pass_host(struct reader *r, unsigned kind, struct span *ret)
{
	switch (kind) {
	case HOST_NONE: *ret = (struct span){0}; return true;
	case HOST_IPV4: *ret = read_span(r, 4); return true;
	case HOST_IPV6: *ret = read_span(r, 16); return true;
	case HOST_NAME: *ret = dns_field_name_read(r); return true;
	default: return false;
	}
}

static enum err parse_host(struct dns_text_lexer *l, unsigned kind, const struct dns_name *origin,
			   struct writer *w)
{
	static const char *const expected[] = {"a dot: there is no gateway", "an IPv4 address",
					       "an IPv6 address", "a domain name"};
	struct span word;
	struct dns_name name;
	TRY(dns_text_word(l, expected[kind], &word));
	if (kind == HOST_NAME) {
		TRY(dns_text_name(l, origin, &name));
		write_bytes(w, name.wire, name.len);
		return OK;
	}
	bool right = kind == HOST_NONE	 ? span_is(word, ".")
		     : kind == HOST_IPV4 ? dns_field_ipv4(word, w)
					 : dns_field_ipv6(word, w);
	return right ? OK : dns_text_fail(l, expected[kind]);
}

static void format_host(struct reader *r, unsigned kind, struct writer *w)
{
	struct span host;
	if (kind == HOST_NAME)
		dns_field_name_write(r, w);
	else if (kind == HOST_NONE)
		write_u8(w, '.');
	else if (pass_host(r, kind, &host))
		dns_field_address_write(host, w);
}

enum err dns_gateway_check(struct reader *r)
{
	struct span host;
	reader_skip(r, 1);
	unsigned kind = read_u8(r);
	reader_skip(r, 1);
	return pass_host(r, kind, &host) ? reader_check(r) : ERR_FORMAT;
}

enum err dns_gateway_parse(struct dns_text_lexer *l, const struct dns_name *origin,
			   struct writer *w)
{
	uint64_t precedence, kind, algorithm;
	TRY(dns_field_number(l, 255, "a precedence from 0 to 255", &precedence));
	TRY(dns_field_number(l, HOST_NAME, "a gateway type from 0 to 3", &kind));
	TRY(dns_field_number(l, 255, "an algorithm from 0 to 255", &algorithm));
	write_u8(w, (uint8_t)precedence);
	write_u8(w, (uint8_t)kind);
	write_u8(w, (uint8_t)algorithm);
	return parse_host(l, (unsigned)kind, origin, w);
}

void dns_gateway_format(struct reader *r, struct writer *w)
{
	unsigned precedence = read_u8(r), kind = read_u8(r), algorithm = read_u8(r);
	write_format(w, "%u %u %u ", precedence, kind, algorithm);
	format_host(r, kind, w);
}

enum err dns_relay_check(struct reader *r)
{
	struct span host;
	reader_skip(r, 1);
	if (!pass_host(r, read_u8(r) & KIND_MASK, &host))
		reader_skip_all(r); /* a kind to come: opaque, RFC 8777 4.2.3 */
	return reader_end(r);
}

enum err dns_relay_parse(struct dns_text_lexer *l, const struct dns_name *origin, struct writer *w)
{
	uint64_t precedence, discovery, kind;
	TRY(dns_field_number(l, 255, "a precedence from 0 to 255", &precedence));
	TRY(dns_field_number(l, 1, "the discovery bit, 0 or 1", &discovery));
	TRY(dns_field_number(l, HOST_NAME, "a relay type from 0 to 3", &kind));
	write_u8(w, (uint8_t)precedence);
	write_u8(w, (uint8_t)(kind | (discovery ? DISCOVERY : 0)));
	return parse_host(l, (unsigned)kind, origin, w);
}

bool dns_relay_format(struct reader *r, struct writer *w)
{
	unsigned precedence = read_u8(r), kind = read_u8(r);
	unsigned host = kind & KIND_MASK;
	write_format(w, "%u %u %u ", precedence, kind >> 7, host);
	format_host(r, host, w);
	return host <= HOST_NAME;
}

enum err dns_hip_check(struct reader *r)
{
	size_t hit_len = read_u8(r);
	reader_skip(r, 1);
	size_t key_len = read_u16(r);
	reader_skip(r, hit_len + key_len);
	return hit_len && key_len ? reader_check(r) : ERR_FORMAT;
}

enum err dns_hip_parse(struct dns_text_lexer *l, struct writer *w)
{
	uint64_t algorithm;
	TRY(dns_field_number(l, 255, "an algorithm from 0 to 255", &algorithm));
	size_t head = writer_reserve(w, 4), hit = w->pos;
	TRY(dns_field_digits(l, DNS_TEXT_HEX, true, 1, w));
	struct dns_text_error here = dns_text_here(l);
	size_t key = w->pos;
	TRY(dns_field_digits(l, DNS_TEXT_BASE64, true, 1, w));
	if (key - hit > UINT8_MAX)
		return dns_text_fail_here(l, here, "a HIT of at most 255 bytes");
	if (w->bad || w->pos - key > UINT16_MAX)
		return dns_text_fail(l, "a key of at most 65535 bytes");
	w->data[head] = (uint8_t)(key - hit);
	w->data[head + 1] = (uint8_t)algorithm;
	put_u16(w->data + head + 2, (uint16_t)(w->pos - key));
	return OK;
}

void dns_hip_format(struct reader *r, struct writer *w)
{
	size_t hit_len = read_u8(r);
	write_format(w, "%u ", read_u8(r));
	size_t key_len = read_u16(r);
	dns_text_hex_write(read_span(r, hit_len), w);
	write_u8(w, ' ');
	dns_text_base64_write(read_span(r, key_len), w);
}
