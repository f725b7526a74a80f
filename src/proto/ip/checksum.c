#include "proto/ip/checksum.h"

/* Words of 8 octets, several at once; the wider ones where the processor has them. */
typedef uint64_t words2 __attribute__((vector_size(16))); /* why-typedef: no other way */
typedef uint64_t words8 __attribute__((vector_size(64))); /* why-typedef: the same */

enum { WIDE_MIN = 128 }; /* shorter ones are not worth the question */

/* Half a sum: RFC 1071 2, the order of octets does not matter to it, so it is taken over native
 * words of 4 octets and swapped once at the end; carries gather in the upper half of 64 bits. Takes
 * from `bytes` what is whole vectors. to NULL: nothing is copied. */
#define SUM_OF(words)                                                                              \
	words low = {0}, high = {0}, at;                                                           \
	size_t i = 0;                                                                              \
	for (; i + sizeof(at) <= bytes->len; i += sizeof(at)) {                                    \
		memcpy(&at, bytes->data + i, sizeof(at)); /* why-reader-copy: native words */      \
		if (to)                                                                            \
			memcpy(to + i, &at, sizeof(at));                                           \
		low += at & UINT32_MAX;                                                            \
		high += at >> 32;                                                                  \
	}                                                                                          \
	*bytes = span_of(bytes->data + i, bytes->len - i);                                         \
	for (i = 0; i < sizeof(at) / 8; i++)                                                       \
		sum += low[i] + high[i];                                                           \
	return sum

static uint64_t sum_narrow(uint64_t sum, uint8_t *to, struct span *bytes)
{
	SUM_OF(words2);
}

#if defined(__x86_64__)

__attribute__((target("avx512f"))) static uint64_t sum_wide(uint64_t sum, uint8_t *to,
							    struct span *bytes)
{
	SUM_OF(words8);
}

static bool is_wide(void)
{
	return __builtin_cpu_supports("avx512f");
}

#else

static uint64_t sum_wide(uint64_t sum, uint8_t *to, struct span *bytes)
{
	return sum_narrow(sum, to, bytes);
}

static bool is_wide(void)
{
	return false;
}

#endif

/* Less than a vector: words of 8, 4 and 2 octets as the length has them, without a loop. An odd one
 * at the end is the upper half of its word (RFC 1071 1). */
static uint64_t sum_rest(uint64_t sum, struct span rest)
{
	const uint8_t *at = rest.data;
	uint64_t word8;
	uint32_t word4;
	uint16_t word2;
	if (rest.len & 8) {
		memcpy(&word8, at, sizeof(word8)); /* why-reader-copy: native words */
		sum += (word8 & UINT32_MAX) + (word8 >> 32);
		at += sizeof(word8);
	}
	if (rest.len & 4) {
		memcpy(&word4, at, sizeof(word4)); /* why-reader-copy: native words */
		sum += word4;
		at += sizeof(word4);
	}
	if (rest.len & 2) {
		memcpy(&word2, at, sizeof(word2)); /* why-reader-copy: native words */
		sum += word2;
		at += sizeof(word2);
	}
	if (rest.len & 1)
		sum += __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? *at : (uint64_t)*at << 8;
	return sum;
}

static uint64_t sum_and_copy(uint64_t sum, uint8_t *to, struct span bytes)
{
	struct span rest = bytes;
	if (bytes.len >= WIDE_MIN && is_wide())
		sum = sum_wide(sum, to, &rest);
	if (rest.len >= sizeof(words2))
		sum = sum_narrow(sum, to ? to + (bytes.len - rest.len) : NULL, &rest);
	if (to && rest.len)
		memcpy(to + (bytes.len - rest.len), rest.data, rest.len); /* why-reader-copy: all */
	return sum_rest(sum, rest);
}

uint64_t ip_sum_add(uint64_t sum, struct span bytes)
{
	return sum_and_copy(sum, NULL, bytes);
}

uint64_t ip_sum_copy(uint64_t sum, uint8_t *to, struct span bytes)
{
	return sum_and_copy(sum, to, bytes);
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
