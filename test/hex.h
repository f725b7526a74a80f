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

/* The bytes of such a text into buf, of which size hold; how many. 0 when they do not fit. */
static inline size_t hex_read(const char *hex, uint8_t *buf, size_t size)
{
	size_t len = strlen(hex) / 2;
	if (len > size)
		return 0;
	for (size_t i = 0; i < len; i++) {
		unsigned v = 0;
		(void)sscanf(hex + 2 * i, "%2x", &v);
		buf[i] = (uint8_t)v;
	}
	return len;
}

#endif
