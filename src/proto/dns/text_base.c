#include "proto/dns/text.h"

#define NO 0xff /* no digit */

/* Digits of each base at 0x20..0x7f, sixteen in a row. */
/* clang-format off */
static const uint8_t values[3][96] = {
	[DNS_TEXT_HEX] = {
		NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO,
		0, 1, 2, 3, 4, 5, 6, 7, 8, 9, NO, NO, NO, NO, NO, NO,
		NO, 10, 11, 12, 13, 14, 15, NO, NO, NO, NO, NO, NO, NO, NO, NO,
		NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO,
		NO, 10, 11, 12, 13, 14, 15, NO, NO, NO, NO, NO, NO, NO, NO, NO,
		NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO,
	},
	[DNS_TEXT_BASE32HEX] = {
		NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO,
		0, 1, 2, 3, 4, 5, 6, 7, 8, 9, NO, NO, NO, NO, NO, NO,
		NO, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24,
		25, 26, 27, 28, 29, 30, 31, NO, NO, NO, NO, NO, NO, NO, NO, NO,
		NO, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24,
		25, 26, 27, 28, 29, 30, 31, NO, NO, NO, NO, NO, NO, NO, NO, NO,
	},
	[DNS_TEXT_BASE64] = {
		NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, 62, NO, NO, NO, 63,
		52, 53, 54, 55, 56, 57, 58, 59, 60, 61, NO, NO, NO, NO, NO, NO,
		NO, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14,
		15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, NO, NO, NO, NO, NO,
		NO, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40,
		41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, NO, NO, NO, NO, NO,
	},
};
/* clang-format on */

static const uint8_t digit_bits[] = {
	[DNS_TEXT_HEX] = 4, [DNS_TEXT_BASE32HEX] = 5, [DNS_TEXT_BASE64] = 6};

/* One = : only after two or three digits of a group of four. */
static bool take_pad(struct dns_text_decoder *d)
{
	if (d->base != DNS_TEXT_BASE64 || d->pads + d->digits % 4 >= 4 || d->digits % 4 < 2)
		return false;
	d->pads++;
	return true;
}

bool dns_text_decode(struct dns_text_decoder *d, struct span text, struct writer *w,
		     size_t *ret_bad)
{
	const uint8_t *value = values[d->base];
	const unsigned step = digit_bits[d->base];
	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.data[i];
		uint8_t v = c >= 0x20 && c < 0x80 ? value[c - 0x20] : NO;
		if (c == '=' ? !take_pad(d) : v == NO || d->pads) {
			*ret_bad = i;
			return false;
		}
		if (c == '=')
			continue;
		/* A group is 8 digits at most, and 2, 4 and 8 divide 256: the count may wrap. */
		d->digits++;
		d->bits = d->bits << step | v;
		d->bits_len = (uint8_t)(d->bits_len + step);
		if (d->bits_len >= 8) {
			d->bits_len = (uint8_t)(d->bits_len - 8);
			write_u8(w, (uint8_t)(d->bits >> d->bits_len));
			d->bits &= (1U << d->bits_len) - 1;
		}
	}
	return true;
}

bool dns_text_decode_end(const struct dns_text_decoder *d)
{
	if (d->bits != 0 || d->bits_len >= digit_bits[d->base])
		return false;
	return d->base != DNS_TEXT_BASE64 || (d->digits + d->pads) % 4 == 0;
}

bool dns_text_decode_all(enum dns_text_base base, struct span text, struct writer *w)
{
	struct dns_text_decoder d = {.base = base};
	size_t bad;
	return dns_text_decode(&d, text, w, &bad) && dns_text_decode_end(&d);
}

void dns_text_hex_write(struct span bytes, struct writer *w)
{
	static const char digits[] = "0123456789ABCDEF";
	for (size_t i = 0; i < bytes.len; i++) {
		write_u8(w, (uint8_t)digits[bytes.data[i] >> 4]);
		write_u8(w, (uint8_t)digits[bytes.data[i] & 15]);
	}
}

/* The digits of bytes in groups of `step` bits, high bits first, the last filled up with zeros. */
static void encode(struct span bytes, unsigned step, const char *digits, struct writer *w)
{
	uint32_t bits = 0;
	unsigned bits_len = 0;
	for (size_t i = 0; i < bytes.len; i++) {
		bits = (bits << 8 | bytes.data[i]) & 0xffff;
		for (bits_len += 8; bits_len >= step; bits_len -= step)
			write_u8(w,
				 (uint8_t)digits[bits >> (bits_len - step) & ((1U << step) - 1)]);
	}
	if (bits_len)
		write_u8(w, (uint8_t)digits[bits << (step - bits_len) & ((1U << step) - 1)]);
}

void dns_text_base64_write(struct span bytes, struct writer *w)
{
	encode(bytes, 6, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", w);
	for (size_t i = bytes.len; i % 3 != 0; i++)
		write_u8(w, '=');
}

void dns_text_base32hex_write(struct span bytes, struct writer *w)
{
	encode(bytes, 5, "0123456789abcdefghijklmnopqrstuv", w);
}
