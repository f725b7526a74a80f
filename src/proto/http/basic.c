#include "proto/http/basic.h"

#include "base/writer.h"

enum err basic_read(struct span value, struct span *ret_base64)
{
	struct span s = span_trim(value);
	size_t end = span_find(s, ' ');
	if (!span_equal_nocase(span_sub(s, 0, end), span_text("basic")))
		return ERR_ABSENT;
	struct span base64 = span_trim(span_sub(s, end, s.len));
	if (base64.len == 0 || base64.len % 4)
		return ERR_FORMAT;
	if (base64.len / 4 * 3 > BASIC_MAX)
		return ERR_LIMIT;
	*ret_base64 = base64;
	return OK;
}

static int digit(uint8_t c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Four digits, of which the last `pads` are '='. */
static enum err group_read(struct span four, unsigned pads, struct writer *w)
{
	uint32_t bits = 0;
	for (unsigned i = 0; i < 4 - pads; i++) {
		int d = digit(four.data[i]);
		if (d < 0)
			return ERR_FORMAT;
		bits |= (uint32_t)d << (18 - 6 * i);
	}
	/* Bits that no byte takes are zero (RFC 4648 3.5). */
	if (pads && bits & ((1u << (8 * pads)) - 1))
		return ERR_FORMAT;
	for (unsigned i = 0; i < 3 - pads; i++)
		write_u8(w, (uint8_t)(bits >> (16 - 8 * i)));
	return OK;
}

enum err basic_decode(struct span base64, uint8_t buf[BASIC_MAX], struct span *ret_name,
		      struct span *ret_password)
{
	if (base64.len == 0 || base64.len % 4)
		return ERR_FORMAT;
	struct writer w = writer_of(buf, BASIC_MAX);
	for (size_t at = 0; at < base64.len; at += 4) {
		struct span four = span_sub(base64, at, 4);
		bool last = at + 4 == base64.len;
		unsigned pads = !last ? 0 : four.data[3] != '=' ? 0 : four.data[2] != '=' ? 1 : 2;
		TRY(group_read(four, pads, &w));
	}
	if (w.bad)
		return ERR_FORMAT;
	struct span all = writer_span(&w);
	for (size_t i = 0; i < all.len; i++)
		if (all.data[i] < 0x20 || all.data[i] == 0x7f)
			return ERR_FORMAT;
	size_t colon = span_find(all, ':');
	if (colon == all.len)
		return ERR_FORMAT;
	*ret_name = span_sub(all, 0, colon);
	*ret_password = span_sub(all, colon + 1, all.len);
	return OK;
}

static uint8_t byte_at(struct span name, struct span password, size_t i)
{
	if (i < name.len)
		return name.data[i];
	return i == name.len ? ':' : password.data[i - name.len - 1];
}

void basic_write(struct writer *w, struct span name, struct span password)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t len = name.len + 1 + password.len;
	if (span_find(name, ':') < name.len || (len + 2) / 3 * 3 > BASIC_MAX) {
		w->bad = true;
		return;
	}
	write_text(w, "Basic ");
	for (size_t at = 0; at < len; at += 3) {
		size_t n = len - at < 3 ? len - at : 3;
		uint32_t bits = 0;
		for (size_t i = 0; i < n; i++)
			bits |= (uint32_t)byte_at(name, password, at + i) << (16 - 8 * i);
		for (size_t i = 0; i < 4; i++)
			write_u8(w, i <= n ? (uint8_t)digits[bits >> (18 - 6 * i) & 63] : '=');
	}
}
