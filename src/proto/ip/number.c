#include "proto/ip/number.h"

#include "base/writer.h"

bool ip_number_parse(struct span text, uint32_t max, uint32_t *ret)
{
	uint64_t number;
	if (text.len > 1 && text.data[0] == '0')
		return false;
	if (!span_to_u64(text, max, &number))
		return false;
	*ret = (uint32_t)number;
	return true;
}

void ip_number_write(struct writer *w, uint32_t number)
{
	uint8_t digits[10];
	size_t n = 0;
	do {
		digits[n++] = (uint8_t)('0' + number % 10);
		number /= 10;
	} while (number);
	while (n)
		write_u8(w, digits[--n]);
}
