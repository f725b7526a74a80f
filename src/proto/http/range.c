#include "proto/http/range.h"

#include "base/decimal.h"
#include "base/writer.h"

/* int-range or suffix-range (RFC 9110 14.1.1). ERR_ABSENT: malformed; ERR_REFUSED: outside. */
static enum err one_read(struct span s, uint64_t size, struct range *ret)
{
	size_t dash = span_find(s, '-');
	struct span a = span_sub(s, 0, dash), b = span_sub(s, dash + 1, s.len);
	uint64_t first = 0, last = size - 1, n;
	if (dash == s.len || (a.len == 0 && b.len == 0))
		return ERR_ABSENT;
	if (a.len == 0) {
		if (!span_to_u64(b, INT64_MAX, &n))
			return ERR_ABSENT;
		if (n == 0 || size == 0)
			return ERR_REFUSED;
		*ret = (struct range){n >= size ? 0 : size - n, size - 1};
		return OK;
	}
	if (!span_to_u64(a, INT64_MAX, &first))
		return ERR_ABSENT;
	if (b.len && (!span_to_u64(b, INT64_MAX, &last) || last < first))
		return ERR_ABSENT;
	if (first >= size)
		return ERR_REFUSED;
	*ret = (struct range){first, last < size ? last : size - 1};
	return OK;
}

enum err range_read(struct span value, uint64_t size, struct range ret[RANGES_MAX], size_t *ret_n)
{
	struct span unit = span_sub(value, 0, 6);
	if (!span_equal_nocase(unit, span_text("bytes=")))
		return ERR_ABSENT;
	struct span rest = span_sub(value, 6, value.len);
	size_t n = 0;
	bool any = false;
	uint64_t sum = 0;
	while (rest.len) {
		size_t end = span_find(rest, ',');
		struct span one = span_trim(span_sub(rest, 0, end));
		rest = span_sub(rest, end + 1, rest.len);
		if (one.len == 0)
			continue;
		any = true;
		if (n == RANGES_MAX)
			return ERR_ABSENT;
		enum err e = one_read(one, size, &ret[n]);
		if (e == ERR_ABSENT)
			return e;
		if (e)
			continue;
		sum += ret[n].last - ret[n].first + 1;
		n++;
	}
	if (!any || (n > 1 && sum > size))
		return ERR_ABSENT;
	if (n == 0)
		return ERR_REFUSED;
	*ret_n = n;
	return OK;
}

void range_write_content_range(struct writer *w, const struct range *r, uint64_t size)
{
	write_text(w, "bytes ");
	if (r) {
		write_decimal(w, r->first);
		write_u8(w, '-');
		write_decimal(w, r->last);
	} else {
		write_u8(w, '*');
	}
	write_u8(w, '/');
	write_decimal(w, size);
}

void range_write_part(struct writer *w, const char *boundary, struct span type,
		      const struct range *r, uint64_t size)
{
	write_text(w, "\r\n--");
	write_text(w, boundary);
	if (!r) {
		write_text(w, "--\r\n");
		return;
	}
	write_text(w, "\r\n");
	if (type.len) {
		write_text(w, "Content-Type: ");
		write_span(w, type);
		write_text(w, "\r\n");
	}
	write_text(w, "Content-Range: ");
	range_write_content_range(w, r, size);
	write_text(w, "\r\n\r\n");
}

uint64_t range_multipart_len(const char *boundary, struct span type, const struct range *ranges,
			     size_t n, uint64_t size)
{
	uint64_t sum = 0;
	for (size_t i = 0; i <= n; i++) {
		uint8_t buf[RANGE_PART_HEAD_MAX];
		struct writer w = writer_of(buf, sizeof(buf));
		range_write_part(&w, boundary, type, i < n ? &ranges[i] : NULL, size);
		sum += w.pos + (i < n ? ranges[i].last - ranges[i].first + 1 : 0);
	}
	return sum;
}
