#include "proxy/records.h"

#include <string.h>

enum {
	HEADER = 5,
	CONTENT_MAX = (1 << 14) + 2048, /* RFC 5246 6.2.3; RFC 8446 5.2 has less */
	TYPE_MIN = 20,			/* change_cipher_spec */
	TYPE_MAX = 24,			/* heartbeat */
	MAJOR = 3,
};

static size_t lesser(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* The header is whole. */
static void open_record(struct proxy_records *r)
{
	size_t content = (size_t)r->header[3] << 8 | r->header[4];
	r->header_len = 0;
	r->other = r->header[0] < TYPE_MIN || r->header[0] > TYPE_MAX || r->header[1] != MAJOR ||
		   content > CONTENT_MAX;
	r->left = r->other ? 0 : (uint16_t)content;
}

void proxy_records_went(struct proxy_records *r, struct span bytes)
{
	for (size_t at = 0; at < bytes.len && !r->other;) {
		size_t n =
			lesser(r->left ? r->left : (size_t)HEADER - r->header_len, bytes.len - at);
		if (r->left) {
			r->left = (uint16_t)(r->left - n);
		} else {
			memcpy(r->header + r->header_len, bytes.data + at, n);
			r->header_len = (uint8_t)(r->header_len + n);
			if (r->header_len == HEADER)
				open_record(r);
		}
		at += n;
	}
}

size_t proxy_records_cut(const struct proxy_records *r, struct span bytes)
{
	struct proxy_records at = *r;
	size_t n = 0;
	if (!at.left) {
		n = lesser((size_t)HEADER - at.header_len, bytes.len);
		proxy_records_went(&at, span_sub(bytes, 0, n));
	}
	return at.other ? bytes.len : n + lesser(at.left, bytes.len - n);
}
