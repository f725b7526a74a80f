#include "proto/ip/checksum.h"

/* A native word of 4 octets from unaligned memory; the compiler makes it one load. */
static uint32_t word32(const uint8_t *at)
{
	uint32_t word;
	memcpy(&word, at, sizeof(word)); /* why-reader-copy: the sum is over native words */
	return word;
}

/* RFC 1071 2: the order of octets does not matter to the sum, so it is taken over native words and
 * swapped once at the end; carries gather in the upper half of 64 bits. */
uint64_t ip_sum_add(uint64_t sum, struct span bytes)
{
	const uint8_t *at = bytes.data;
	size_t left = bytes.len;
	for (; left >= 4; left -= 4, at += 4)
		sum += word32(at);
	uint8_t tail[4] = {0};
	for (size_t i = 0; i < left; i++)
		tail[i] = at[i];
	return sum + word32(tail);
}

uint16_t ip_sum_finish(uint64_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	uint16_t folded = (uint16_t)~sum;
	if (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__)
		folded = (uint16_t)(folded >> 8 | folded << 8);
	return folded;
}

uint16_t ip_checksum(struct span bytes)
{
	return ip_sum_finish(ip_sum_add(0, bytes));
}

uint64_t ip_sum_pseudo(struct span source, struct span destination, uint8_t protocol, uint32_t len)
{
	uint64_t sum = ip_sum_add(ip_sum_add(0, source), destination);
	return ip_sum_add_u16(ip_sum_add_u32(sum, len), protocol);
}
