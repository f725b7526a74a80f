/* No table is indexed by, and no branch depends on, a character of a key: its bits would be seen in
 * the time that takes. */
#include "proto/wireguard/key.h"

#include "crypto/secret.h"

/* All ones when low <= v <= high, else zeros; all of them below 2^31. */
static uint32_t within(uint32_t v, uint32_t low, uint32_t high)
{
	return ((v - low) >> 31 | (high - v) >> 31) - 1;
}

/* The six bits of a digit of base64 (RFC 4648 4); *ret_bad gets bits when it is none. */
static uint32_t base64_value(uint8_t c, uint32_t *ret_bad)
{
	uint32_t upper = within(c, 'A', 'Z'), lower = within(c, 'a', 'z'),
		 digit = within(c, '0', '9'), plus = within(c, '+', '+'),
		 slash = within(c, '/', '/');
	*ret_bad |= ~(upper | lower | digit | plus | slash);
	return (upper & (uint32_t)(c - 'A')) | (lower & (uint32_t)(c - 'a' + 26)) |
	       (digit & (uint32_t)(c - '0' + 52)) | (plus & 62) | (slash & 63);
}

static char base64_digit(uint32_t v)
{
	return (char)((within(v, 0, 25) & (v + 'A')) | (within(v, 26, 51) & (v - 26 + 'a')) |
		      (within(v, 52, 61) & (v - 52 + '0')) | (within(v, 62, 62) & '+') |
		      (within(v, 63, 63) & '/'));
}

enum err wg_key_read_base64(struct span text, uint8_t ret[WG_KEY_LEN])
{
	uint8_t key[WG_KEY_LEN];
	uint32_t bad = 0, bits = 0;
	if (text.len != WG_KEY_BASE64_LEN || text.data[WG_KEY_BASE64_LEN - 1] != '=')
		return ERR_FORMAT;
	/* 43 digits are 258 bits: 32 bytes and two bits. */
	for (size_t i = 0, n = 0; i < WG_KEY_BASE64_LEN - 1; i++) {
		bits = bits << 6 | base64_value(text.data[i], &bad);
		if (i % 4 != 0)
			key[n++] = (uint8_t)(bits >> (6 - 2 * (i % 4)));
	}
	bad |= bits & 3;
	if (!bad)
		memcpy(ret, key, sizeof(key));
	crypto_wipe(key, sizeof(key));
	return bad ? ERR_FORMAT : OK;
}

void wg_key_write_base64(const uint8_t key[WG_KEY_LEN], char ret[WG_KEY_BASE64_LEN + 1])
{
	uint32_t bits = 0;
	size_t n = 0;
	for (size_t i = 0; i < WG_KEY_LEN; i++) {
		bits = bits << 8 | key[i];
		ret[n++] = base64_digit(bits >> (2 + 2 * (i % 3)) & 63);
		if (i % 3 == 2)
			ret[n++] = base64_digit(bits & 63);
	}
	ret[n++] = base64_digit(bits << 2 & 63);
	ret[n++] = '=';
	ret[n] = '\0';
}

static uint32_t hex_value(uint8_t c, uint32_t *ret_bad)
{
	uint32_t digit = within(c, '0', '9'), lower = within(c, 'a', 'f'),
		 upper = within(c, 'A', 'F');
	*ret_bad |= ~(digit | lower | upper);
	return (digit & (uint32_t)(c - '0')) | (lower & (uint32_t)(c - 'a' + 10)) |
	       (upper & (uint32_t)(c - 'A' + 10));
}

static char hex_digit(uint32_t v)
{
	return (char)((within(v, 0, 9) & (v + '0')) | (within(v, 10, 15) & (v - 10 + 'a')));
}

enum err wg_key_read_hex(struct span text, uint8_t ret[WG_KEY_LEN])
{
	uint8_t key[WG_KEY_LEN];
	uint32_t bad = 0;
	if (text.len != WG_KEY_HEX_LEN)
		return ERR_FORMAT;
	for (size_t i = 0; i < WG_KEY_LEN; i++) {
		uint32_t high = hex_value(text.data[2 * i], &bad);
		key[i] = (uint8_t)(high << 4 | hex_value(text.data[2 * i + 1], &bad));
	}
	if (!bad)
		memcpy(ret, key, sizeof(key));
	crypto_wipe(key, sizeof(key));
	return bad ? ERR_FORMAT : OK;
}

void wg_key_write_hex(const uint8_t key[WG_KEY_LEN], char ret[WG_KEY_HEX_LEN + 1])
{
	for (size_t i = 0; i < WG_KEY_LEN; i++) {
		ret[2 * i] = hex_digit(key[i] >> 4);
		ret[2 * i + 1] = hex_digit(key[i] & 15);
	}
	ret[WG_KEY_HEX_LEN] = '\0';
}

bool wg_key_is_zero(const uint8_t key[WG_KEY_LEN])
{
	static const uint8_t zeros[WG_KEY_LEN];
	return crypto_equal(span_of(key, WG_KEY_LEN), span_of(zeros, sizeof(zeros)));
}
