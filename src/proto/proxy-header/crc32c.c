#include "proto/proxy-header/crc32c.h"

static const uint32_t polynomial = 0x82f63b78; /* its bits in the order in which they go out */

uint32_t proxy_header_crc32c(uint32_t before, struct span bytes)
{
	uint32_t crc = ~before;
	for (size_t i = 0; i < bytes.len; i++) {
		crc ^= bytes.data[i];
		for (unsigned bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? polynomial : 0);
	}
	return ~crc;
}
