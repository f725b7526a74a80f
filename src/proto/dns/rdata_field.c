#include "proto/dns/rdata_field.h"

#include "proto/ip/address.h"

enum err dns_field_number(struct dns_text_lexer *l, uint64_t max, const char *expected,
			  uint64_t *ret)
{
	struct span word;
	TRY(dns_text_word(l, expected, &word));
	return span_to_u64(word, max, ret) ? OK : dns_text_fail(l, expected);
}

static bool read_address(unsigned family, struct span text, struct writer *w)
{
	struct ip_address a;
	if (ip_address_parse(text, &a) || a.family != family)
		return false;
	write_span(w, ip_address_span(&a));
	return true;
}

bool dns_field_ipv4(struct span text, struct writer *w)
{
	return read_address(4, text, w);
}

bool dns_field_ipv6(struct span text, struct writer *w)
{
	return read_address(6, text, w);
}

void dns_field_address_write(struct span address, struct writer *w)
{
	char text[IP_ADDRESS_TEXT_MAX];
	struct ip_address a = ip_address_of(address);
	if (a.family)
		write_bytes(w, text, ip_address_format(&a, text));
}

enum err dns_field_digits(struct dns_text_lexer *l, enum dns_text_base base, bool one, size_t min,
			  struct writer *w)
{
	static const char *const expected[] = {
		[DNS_TEXT_HEX] = "hexadecimal digits, two for each byte",
		[DNS_TEXT_BASE32HEX] = "base32hex without padding",
		[DNS_TEXT_BASE64] = "base64 with its padding",
	};
	struct dns_text_decoder d = {.base = base};
	size_t start = w->pos;
	struct dns_text_error here = {0};
	for (bool first = true; first ? min || dns_text_more(l) : !one && dns_text_more(l);
	     first = false) {
		struct span word;
		size_t bad;
		TRY(dns_text_word(l, expected[base], &word));
		if (first)
			here = dns_text_here(l);
		if (!dns_text_decode(&d, word, w, &bad))
			return dns_text_fail_at(l, bad, expected[base]);
	}
	if (!dns_text_decode_end(&d) || (w->pos - start < min && !w->bad))
		return dns_text_fail_here(l, here, expected[base]);
	return OK;
}

struct span dns_field_name_read(struct reader *r)
{
	struct span left = span_of(r->data + r->pos, reader_left(r));
	size_t len = dns_name_wire_len(left);
	if (len == 0) {
		reader_fail(r);
		return (struct span){0};
	}
	return read_span(r, len);
}

void dns_field_name_write(struct reader *r, struct writer *w)
{
	char text[DNS_NAME_TEXT_MAX];
	write_text(w, dns_name_format_span(dns_field_name_read(r), text));
}
