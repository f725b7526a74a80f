#include "base/decimal.h"

#include "base/writer.h"

void write_decimal(struct writer *w, uint64_t n)
{
	uint8_t digits[20]; /* of UINT64_MAX */
	size_t at = sizeof(digits);
	do {
		digits[--at] = (uint8_t)('0' + n % 10);
		n /= 10;
	} while (n);
	write_bytes(w, digits + at, sizeof(digits) - at);
}
