#include "service/nat/prefix6.h"

#include "service/nat/conf_v6.h"

/* In one's complement. */
static unsigned add(unsigned a, unsigned b)
{
	unsigned sum = a + b;
	return (sum & 0xffff) + (sum >> 16);
}

static unsigned word_of(const struct ip_address *a, unsigned i)
{
	return (unsigned)a->bytes[2 * i] << 8 | a->bytes[2 * i + 1];
}

static unsigned sum_of(const struct ip_address *a)
{
	unsigned sum = 0;
	for (unsigned i = 0; i < 8; i++)
		sum = add(sum, word_of(a, i));
	return sum;
}

/* 3.4: a prefix up to 48 bits leaves word 3 for the adjustment; 3.5: a longer one takes the first
 * of the interface identifier that can take it. 0: none can. */
static unsigned adjusted_word(unsigned bits, const struct ip_address *a)
{
	if (bits <= 48)
		return word_of(a, 3) != 0xffff ? 3 : 0;
	for (unsigned i = 4; i < 8; i++)
		if (word_of(a, i) != 0xffff)
			return i;
	return 0;
}

static bool has_identifier(const struct ip_address *a)
{
	unsigned all = 0;
	for (unsigned i = 8; i < 16; i++)
		all |= a->bytes[i];
	return all != 0;
}

static void put_bits(struct ip_address *a, const struct ip_prefix *prefix)
{
	for (unsigned i = 0; i < prefix->bits; i++) {
		uint8_t bit = (uint8_t)(0x80 >> i % 8);
		a->bytes[i / 8] =
			(uint8_t)((a->bytes[i / 8] & ~bit) | (prefix->address.bytes[i / 8] & bit));
	}
}

enum nat_prefix6_way nat_prefix6_translate(const struct nat_v6_conf *conf, bool out,
					   struct ip_address *a)
{
	const struct nat_prefix_conf *prefixes = conf->prefixes.items;
	for (size_t i = 0; i < conf->prefixes.n; i++) {
		const struct ip_prefix *from = out ? &prefixes[i].inside : &prefixes[i].outside;
		const struct ip_prefix *to = out ? &prefixes[i].outside : &prefixes[i].inside;
		if (!ip_prefix_contains(from, a))
			continue;
		unsigned word = adjusted_word(from->bits, a);
		if (!has_identifier(a) || word == 0)
			return NAT_PREFIX6_REFUSED;
		/* 3.1: what the prefixes change, this word takes back. */
		unsigned sum = add(word_of(a, word),
				   add(sum_of(&from->address), ~sum_of(&to->address) & 0xffff));
		sum = sum == 0xffff ? 0 : sum;
		put_bits(a, to);
		a->bytes[2 * word] = (uint8_t)(sum >> 8);
		a->bytes[2 * word + 1] = (uint8_t)sum;
		return NAT_PREFIX6_MOVED;
	}
	return NAT_PREFIX6_NONE;
}
