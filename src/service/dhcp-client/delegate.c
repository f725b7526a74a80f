#include "service/dhcp-client/delegate.h"

#define NUMBER_BITS 32u

static bool overlaps(const struct ip_prefix *a, const struct ip_prefix *b)
{
	return ip_prefix_contains(a, &b->address) || ip_prefix_contains(b, &a->address);
}

bool delegate_address(const struct ip_prefix *delegated, const struct ip_prefix *excluded,
		      uint32_t subnet_id, uint8_t length, struct ip_address *ret)
{
	if (delegated->address.family != 6 || length < delegated->bits || length > 127)
		return false;
	unsigned room = length - delegated->bits;
	if (room < NUMBER_BITS && subnet_id >> room)
		return false;
	struct ip_prefix subnet = {.address = delegated->address, .bits = length};
	/* Bit by bit: lengths need not end at an octet. */
	for (unsigned i = 0; i < NUMBER_BITS && i < room; i++) {
		unsigned at = length - 1u - i;
		if (subnet_id >> i & 1)
			subnet.address.bytes[at / 8] |= (uint8_t)(0x80u >> at % 8);
	}
	if (excluded->address.family && overlaps(&subnet, excluded))
		return false;
	*ret = subnet.address;
	ret->bytes[15] |= 1;
	return true;
}
