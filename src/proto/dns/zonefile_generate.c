#include "proto/dns/zonefile_generate.h"

bool dns_generate_range(struct span text, uint32_t *ret_start, uint32_t *ret_stop,
			uint32_t *ret_step)
{
	uint64_t start, stop, step = 1;
	size_t dash = span_find(text, '-'), slash = span_find(text, '/');
	if (slash < dash || dash == text.len)
		return false;
	if (!span_to_u64(span_sub(text, 0, dash), DNS_GENERATE_NUMBER_MAX, &start) ||
	    !span_to_u64(span_sub(text, dash + 1, slash - dash - 1), DNS_GENERATE_NUMBER_MAX,
			 &stop))
		return false;
	if (slash < text.len &&
	    !span_to_u64(span_sub(text, slash + 1, text.len), DNS_GENERATE_NUMBER_MAX, &step))
		return false;
	if (start > stop || step == 0)
		return false;
	*ret_start = (uint32_t)start;
	*ret_stop = (uint32_t)stop;
	*ret_step = (uint32_t)step;
	return true;
}

struct format {
	int64_t offset;
	unsigned width;
	uint8_t base;
};

/* What stands between the braces. */
static bool read_format(struct span text, struct format *ret)
{
	uint64_t offset, width = 0;
	size_t comma = span_find(text, ',');
	struct span number = span_sub(text, 0, comma);
	struct span rest = span_sub(text, comma + 1, text.len);
	bool negative = number.len && number.data[0] == '-';
	bool sign = negative || (number.len && number.data[0] == '+');
	if (!span_to_u64(span_sub(number, sign, number.len), DNS_GENERATE_NUMBER_MAX, &offset))
		return false;
	*ret = (struct format){.offset = negative ? -(int64_t)offset : (int64_t)offset,
			       .base = 'd'};
	if (comma == text.len)
		return true;
	comma = span_find(rest, ',');
	struct span base = span_sub(rest, comma + 1, rest.len);
	if (!span_to_u64(span_sub(rest, 0, comma), DNS_GENERATE_WIDTH_MAX, &width))
		return false;
	ret->width = (unsigned)width;
	if (comma == rest.len)
		return true;
	if (base.len != 1 || !memchr("doxXnN", base.data[0], 6))
		return false;
	ret->base = base.data[0];
	return true;
}

static void write_nibbles(uint64_t n, unsigned width, bool upper, struct writer *w)
{
	const char *digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";
	do {
		write_u8(w, (uint8_t)digits[n & 15]);
		n >>= 4;
		width -= width > 0;
		if (n || width) {
			write_u8(w, '.');
			width -= width > 0;
		}
	} while (n || width);
}

static void write_number(uint64_t number, const struct format *f, struct writer *w)
{
	unsigned long long n = number;
	int width = (int)f->width;
	switch (f->base) {
	case 'o': write_format(w, "%0*llo", width, n); break;
	case 'x': write_format(w, "%0*llx", width, n); break;
	case 'X': write_format(w, "%0*llX", width, n); break;
	case 'n':
	case 'N': write_nibbles(number, f->width, f->base == 'N', w); break;
	default: write_format(w, "%0*llu", width, n); break;
	}
}

/* What follows a dollar; ret_len: bytes of it. */
static bool expand_dollar(struct span rest, uint32_t n, size_t *ret_len, struct writer *w)
{
	struct format f = {.base = 'd'};
	*ret_len = 0;
	if (rest.len && rest.data[0] == '$') {
		*ret_len = 1;
		write_u8(w, '$');
		return true;
	}
	if (rest.len && rest.data[0] == '{') {
		size_t end = span_find(rest, '}');
		if (end == rest.len || !read_format(span_sub(rest, 1, end - 1), &f))
			return false;
		*ret_len = end + 1;
	}
	if ((int64_t)n + f.offset < 0)
		return false;
	write_number((uint64_t)((int64_t)n + f.offset), &f, w);
	return true;
}

bool dns_generate_expand(struct span template, uint32_t n, struct writer *w)
{
	for (size_t i = 0; i < template.len; i++) {
		uint8_t c = template.data[i];
		if (c == '$') {
			size_t len;
			if (!expand_dollar(span_sub(template, i + 1, template.len), n, &len, w))
				return false;
			i += len;
			continue;
		}
		write_u8(w, c);
		if (c == '\\' && i + 1 < template.len)
			write_u8(w, template.data[++i]);
	}
	return true;
}
