#include "base/base64url.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

void base64url_write(struct writer *w, struct span octets)
{
	for (size_t i = 0; i < octets.len; i += 3) {
		size_t n = octets.len - i < 3 ? octets.len - i : 3;
		uint32_t bits = 0;
		for (size_t k = 0; k < 3; k++)
			bits = bits << 8 | (k < n ? octets.data[i + k] : 0);
		for (size_t k = 0; k <= n; k++)
			write_u8(w, (uint8_t)digits[bits >> (18 - 6 * k) & 63]);
	}
}

static bool value_of(uint8_t c, uint32_t *ret)
{
	const char *at = c ? strchr(digits, c) : NULL;
	if (at)
		*ret = (uint32_t)(at - digits);
	return at != NULL;
}

enum err base64url_read(struct span text, struct writer *w)
{
	if (text.len % 4 == 1)
		return ERR_FORMAT;
	for (size_t i = 0; i < text.len; i += 4) {
		size_t n = text.len - i < 4 ? text.len - i : 4;
		uint32_t bits = 0;
		for (size_t k = 0; k < 4; k++) {
			uint32_t v = 0;
			if (k < n && !value_of(text.data[i + k], &v))
				return ERR_FORMAT;
			bits = bits << 6 | v;
		}
		for (size_t k = 0; k + 1 < n; k++)
			write_u8(w, (uint8_t)(bits >> (16 - 8 * k)));
		if (n < 4 && bits & (n == 2 ? 0xffffU : 0xffU))
			return ERR_FORMAT;
	}
	return writer_check(w);
}

bool base64url_is(struct span text)
{
	for (size_t i = 0; i < text.len; i++) {
		uint32_t v;
		if (!value_of(text.data[i], &v))
			return false;
	}
	return true;
}
