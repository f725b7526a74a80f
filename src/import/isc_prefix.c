#include "import/isc_prefix.h"

static uint64_t top_bits(const struct ip_address *a, unsigned bits)
{
	uint64_t value = 0;

	for (size_t i = 0; i < 8; i++)
		value = value << 8 | a->bytes[i];
	return value >> (64 - bits);
}

/* 2 to `wide` prefixes from `low` on. */
static void pool_add(struct import_site *s, struct import_network *n, uint64_t low, unsigned bits,
		     unsigned wide, uint32_t line)
{
	struct ip_address address = {.family = 6};
	char text[IP_PREFIX_TEXT_MAX];

	for (size_t i = 0; i < 8; i++)
		address.bytes[i] = (uint8_t)(low << (64 - bits) >> (56 - 8 * i));
	struct ip_prefix pool = ip_prefix_of(&address, bits - wide);
	size_t len = ip_prefix_format(&pool, text);
	import_prefix_pool_add(s, n, span_of(text, len), bits, line);
}

void isc_prefixes_add(struct import_site *s, struct import_network *n, const struct ip_range *range,
		      unsigned bits, uint32_t line)
{
	uint64_t low = top_bits(&range->first, bits), high = top_bits(&range->last, bits);

	while (low <= high && !s->failed) {
		unsigned wide = 0;
		while (wide + 1 < bits && (low >> wide & 1) == 0 &&
		       high - low >= ((uint64_t)2 << wide) - 1)
			wide++;
		pool_add(s, n, low, bits, wide, line);
		uint64_t next = low + ((uint64_t)1 << wide);
		if (next <= low)
			return; /* beyond the last prefix that there is */
		low = next;
	}
}
