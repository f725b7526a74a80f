#include "proto/ip/nat64.h"

#define RESERVED_OCTET 8 /* "u": bits 64 to 71 */

const struct ip_prefix ip_nat64_well_known = {
	.address = {.family = 6, .bytes = {0x00, 0x64, 0xff, 0x9b}}, .bits = 96};

bool ip_nat64_prefix_is_valid(const struct ip_prefix *p)
{
	if (p->address.family != 6 || p->address.bytes[RESERVED_OCTET] != 0)
		return false;
	switch (p->bits) {
	case 32:
	case 40:
	case 48:
	case 56:
	case 64:
	case 96: return true;
	default: return false;
	}
}

/* Where the octet `i` of an IPv4 address stands. */
static size_t place_of(const struct ip_prefix *p, size_t i)
{
	size_t at = p->bits / 8 + i;
	return p->bits < 96 && at >= RESERVED_OCTET ? at + 1 : at;
}

struct ip_address ip_nat64_embed(const struct ip_prefix *p, const struct ip_address *v4)
{
	struct ip_address made = p->address;
	ASSERT(ip_nat64_prefix_is_valid(p) && v4->family == 4);
	for (size_t i = 0; i < 4; i++)
		made.bytes[place_of(p, i)] = v4->bytes[i];
	return made;
}

bool ip_nat64_extract(const struct ip_prefix *p, const struct ip_address *a, struct ip_address *ret)
{
	struct ip_address v4 = {.family = 4};
	ASSERT(ip_nat64_prefix_is_valid(p));
	if (!ip_prefix_contains(p, a) || a->bytes[RESERVED_OCTET] != 0)
		return false;
	for (size_t i = 0; i < 4; i++)
		v4.bytes[i] = a->bytes[place_of(p, i)];
	*ret = v4;
	return true;
}

bool ip_nat64_is_global(const struct ip_address *v4)
{
	static const struct {
		uint8_t bytes[3], bits;
	} special[] = {
		{{0}, 8},
		{{10}, 8},
		{{100, 64}, 10},
		{{127}, 8},
		{{169, 254}, 16},
		{{172, 16}, 12},
		{{192, 0, 0}, 24},
		{{192, 0, 2}, 24},
		{{192, 88, 99}, 24},
		{{192, 168}, 16},
		{{198, 18}, 15},
		{{198, 51, 100}, 24},
		{{203, 0, 113}, 24},
		{{224}, 4},
		{{240}, 4},
	};
	for (size_t i = 0; i < sizeof(special) / sizeof(special[0]); i++) {
		const uint8_t *b = special[i].bytes;
		struct ip_prefix p = {.address = ip_address_v4(b[0], b[1], b[2], 0),
				      .bits = special[i].bits};
		if (ip_prefix_contains(&p, v4))
			return false;
	}
	return v4->family == 4;
}
