#include "proto/ip/prefix.h"

#include "base/decimal.h"
#include "base/writer.h"
#include "proto/ip/number.h"

static unsigned bits_max(const struct ip_address *a)
{
	return (unsigned)ip_address_len(a) * 8;
}

/* Of byte i: the bits that lie beyond the first `bits` of the address. */
static uint8_t host_mask(size_t i, unsigned bits)
{
	if (bits >= (i + 1) * 8)
		return 0;
	return bits <= i * 8 ? 0xff : (uint8_t)(0xff >> bits % 8);
}

struct ip_prefix ip_prefix_of(const struct ip_address *a, unsigned bits)
{
	if (bits > bits_max(a))
		bits = bits_max(a);
	struct ip_prefix p = {.address = *a, .bits = (uint8_t)bits};
	for (size_t i = 0; i < ip_address_len(a); i++)
		p.address.bytes[i] &= (uint8_t)~host_mask(i, bits);
	return p;
}

/* ADDRESS/BITS or ADDRESS, with whatever bits are set beyond. */
static enum err parse_parts(struct span text, struct ip_address *ret_address, uint32_t *ret_bits)
{
	size_t slash = span_find(text, '/');
	TRY(ip_address_parse(span_sub(text, 0, slash), ret_address));
	*ret_bits = bits_max(ret_address);
	if (slash < text.len &&
	    !ip_number_parse(span_sub(text, slash + 1, text.len), *ret_bits, ret_bits))
		return ERR_FORMAT;
	return OK;
}

enum err ip_prefix_parse(struct span text, struct ip_prefix *ret)
{
	struct ip_address address;
	uint32_t bits;
	TRY(parse_parts(text, &address, &bits));
	struct ip_prefix p = ip_prefix_of(&address, bits);
	if (!ip_address_equal(&p.address, &address))
		return ERR_REFUSED;
	*ret = p;
	return OK;
}

enum err ip_prefix_parse_masked(struct span text, struct ip_prefix *ret)
{
	struct ip_address address;
	uint32_t bits;
	TRY(parse_parts(text, &address, &bits));
	*ret = ip_prefix_of(&address, bits);
	return OK;
}

size_t ip_prefix_format(const struct ip_prefix *p, char ret[IP_PREFIX_TEXT_MAX])
{
	struct writer w = writer_of(ret, IP_PREFIX_TEXT_MAX);
	ip_address_write(&w, &p->address);
	if (p->address.family) {
		write_u8(&w, '/');
		write_decimal(&w, p->bits);
	}
	write_u8(&w, 0);
	ASSERT(!w.bad);
	return w.pos - 1;
}

bool ip_prefix_contains(const struct ip_prefix *p, const struct ip_address *a)
{
	if (p->address.family == 0 || p->address.family != a->family)
		return false;
	unsigned bits = p->bits < bits_max(a) ? p->bits : bits_max(a);
	size_t whole = bits / 8;
	if (memcmp(p->address.bytes, a->bytes, whole) != 0)
		return false;
	return bits % 8 == 0 ||
	       ((p->address.bytes[whole] ^ a->bytes[whole]) & ~host_mask(whole, bits)) == 0;
}

bool ip_prefix_equal(const struct ip_prefix *a, const struct ip_prefix *b)
{
	return a->bits == b->bits && ip_address_equal(&a->address, &b->address);
}

struct ip_range ip_prefix_range(const struct ip_prefix *p)
{
	struct ip_range r = {.first = p->address, .last = p->address};
	for (size_t i = 0; i < ip_address_len(&r.last); i++)
		r.last.bytes[i] |= host_mask(i, p->bits);
	return r;
}

struct ip_range ip_prefix_hosts(const struct ip_prefix *p)
{
	struct ip_range r = ip_prefix_range(p);
	if (p->address.family == 4 && p->bits < 31) {
		r.first.bytes[3] |= 1;
		r.last.bytes[3] &= 0xfe;
	}
	return r;
}

enum err ip_range_parse(struct span text, struct ip_range *ret)
{
	size_t hyphen = span_find(text, '-');
	struct ip_range r;
	if (hyphen == text.len) {
		struct ip_prefix p;
		TRY(ip_prefix_parse(text, &p));
		*ret = ip_prefix_range(&p);
		return OK;
	}
	TRY(ip_address_parse(span_trim(span_sub(text, 0, hyphen)), &r.first));
	TRY(ip_address_parse(span_trim(span_sub(text, hyphen + 1, text.len)), &r.last));
	if (r.first.family != r.last.family || ip_address_compare(&r.first, &r.last) > 0)
		return ERR_FORMAT;
	*ret = r;
	return OK;
}

size_t ip_range_format(const struct ip_range *r, char ret[IP_RANGE_TEXT_MAX])
{
	struct writer w = writer_of(ret, IP_RANGE_TEXT_MAX);
	ip_address_write(&w, &r->first);
	if (!ip_address_equal(&r->first, &r->last)) {
		write_u8(&w, '-');
		ip_address_write(&w, &r->last);
	}
	write_u8(&w, 0);
	ASSERT(!w.bad);
	return w.pos - 1;
}

bool ip_range_contains(const struct ip_range *r, const struct ip_address *a)
{
	return a->family != 0 && ip_address_compare(&r->first, a) <= 0 &&
	       ip_address_compare(a, &r->last) <= 0;
}
