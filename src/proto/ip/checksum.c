#include "proto/ip/checksum.h"

/* Two words of 8 octets at once, on any machine that has vectors of 16. */
typedef uint64_t pair __attribute__((vector_size(16))); /* why-typedef: no other way to write one */

static pair pair_at(const uint8_t *at)
{
	pair words;
	memcpy(&words, at, sizeof(words)); /* why-reader-copy: the sum is over native words */
	return words;
}

/* RFC 1071 2: the order of octets does not matter to the sum, so it is taken over native words of 4
 * octets and swapped once at the end; carries gather in the upper half of 64 bits. */
static uint64_t sum_pair(uint64_t sum, pair words)
{
	for (size_t i = 0; i < 2; i++)
		sum += (words[i] & UINT32_MAX) + (words[i] >> 32);
	return sum;
}

static uint64_t sum_tail(uint64_t sum, const uint8_t *at, size_t left)
{
	uint8_t tail[16] = {0};
	for (size_t i = 0; i < left; i++)
		tail[i] = at[i];
	return sum_pair(sum, pair_at(tail));
}

uint64_t ip_sum_add(uint64_t sum, struct span bytes)
{
	const uint8_t *at = bytes.data;
	size_t left = bytes.len;
	pair low = {0}, high = {0};
	for (; left >= 16; left -= 16, at += 16) {
		pair words = pair_at(at);
		low += words & UINT32_MAX;
		high += words >> 32;
	}
	sum += low[0] + low[1] + high[0] + high[1];
	return left ? sum_tail(sum, at, left) : sum;
}

uint64_t ip_sum_copy(uint64_t sum, uint8_t *to, struct span bytes)
{
	const uint8_t *at = bytes.data;
	size_t left = bytes.len;
	pair low = {0}, high = {0};
	for (; left >= 16; left -= 16, at += 16, to += 16) {
		pair words = pair_at(at);
		memcpy(to, &words, sizeof(words));
		low += words & UINT32_MAX;
		high += words >> 32;
	}
	sum += low[0] + low[1] + high[0] + high[1];
	for (size_t i = 0; i < left; i++)
		to[i] = at[i];
	return left ? sum_tail(sum, at, left) : sum;
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
