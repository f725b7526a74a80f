/* Bytes as published test vectors write them: hexadecimal text. Knows no vector. */
#ifndef TEST_HEX_H
#define TEST_HEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* Are these the bytes of that lower-case text, all of them? */
static inline bool hex_is(const uint8_t *data, size_t len, const char *hex)
{
	if (strlen(hex) != len * 2)
		return false;
	for (size_t i = 0; i < len; i++) {
		char digits[3];
		(void)snprintf(digits, sizeof(digits), "%02x", data[i]);
		if (memcmp(digits, hex + i * 2, 2) != 0)
			return false;
	}
	return true;
}

#endif
