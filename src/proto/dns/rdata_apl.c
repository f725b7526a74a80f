/* APL: RFC 3123. */
#include "proto/dns/rdata_field.h"

#define FAMILY_IPV4 1
#define FAMILY_IPV6 2
#define NEGATED	    0x80u
#define LEN_MASK    0x7fu

enum err dns_apl_check(struct reader *r)
{
	while (reader_left(r)) {
		unsigned family = read_u16(r), prefix = read_u8(r);
		struct span part = read_span(r, read_u8(r) & LEN_MASK);
		unsigned bytes = family == FAMILY_IPV4 ? 4 : 16;
		bool known = family == FAMILY_IPV4 || family == FAMILY_IPV6;
		if (known && (prefix > bytes * 8 || part.len > bytes))
			return ERR_FORMAT;
		/* RFC 3123 4: trailing zero octets do not appear. */
		if (part.len && part.data[part.len - 1] == 0)
			return ERR_FORMAT;
	}
	return reader_end(r);
}

/* [!]family:address/prefix */
static enum err parse_item(struct dns_text_lexer *l, struct span word, struct writer *w)
{
	bool negated = word.data[0] == '!';
	struct span rest = span_sub(word, negated, word.len);
	size_t colon = span_find(rest, ':');
	uint64_t family, prefix;
	if (!span_to_u64(span_sub(rest, 0, colon), UINT16_MAX, &family) ||
	    (family != FAMILY_IPV4 && family != FAMILY_IPV6))
		return dns_text_fail_at(l, negated, "an address family, 1 or 2, and a colon");
	rest = span_sub(rest, colon + 1, rest.len);
	size_t slash = span_find(rest, '/');
	uint8_t address[16];
	struct writer a = writer_of(address, sizeof(address));
	struct span text = span_sub(rest, 0, slash);
	size_t text_at = (size_t)(text.data - word.data);
	if (!(family == FAMILY_IPV4 ? dns_field_ipv4(text, &a) : dns_field_ipv6(text, &a)))
		return dns_text_fail_at(l, text_at, "an address of the family and a slash");
	if (!span_to_u64(span_sub(rest, slash + 1, rest.len), a.pos * 8, &prefix))
		return dns_text_fail_at(l, text_at + slash + (slash < rest.len),
					"a prefix length of the family");
	while (a.pos && address[a.pos - 1] == 0)
		a.pos--;
	write_u16(w, (uint16_t)family);
	write_u8(w, (uint8_t)prefix);
	write_u8(w, (uint8_t)(a.pos | (negated ? NEGATED : 0)));
	write_bytes(w, address, a.pos);
	return OK;
}

enum err dns_apl_parse(struct dns_text_lexer *l, struct writer *w)
{
	while (dns_text_more(l)) {
		struct span word;
		TRY(dns_text_word(l, "[!]family:address/prefix", &word));
		TRY(parse_item(l, word, w));
	}
	return OK;
}

bool dns_apl_format(struct reader *r, struct writer *w)
{
	for (bool first = true; reader_left(r); first = false) {
		unsigned family = read_u16(r), prefix = read_u8(r), len = read_u8(r);
		uint8_t address[16] = {0};
		struct span part = read_span(r, len & LEN_MASK);
		if ((family != FAMILY_IPV4 && family != FAMILY_IPV6) || part.len > sizeof(address))
			return false;
		struct writer a = writer_of(address, sizeof(address));
		write_span(&a, part);
		write_format(w, "%s%s%u:", first ? "" : " ", len & NEGATED ? "!" : "", family);
		dns_field_address_write(span_of(address, family == FAMILY_IPV4 ? 4 : 16), w);
		write_format(w, "/%u", prefix);
	}
	return true;
}
