#include "proto/http/traceparent.h"

/* Lower case only: 3.2.2.3 asks for it, and so one id has one form. */
static bool read_hex(struct span text, uint8_t *ret)
{
	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.data[i], v;
		if (c >= '0' && c <= '9')
			v = (uint8_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			v = (uint8_t)(c - 'a' + 10);
		else
			return false;
		ret[i / 2] = (uint8_t)(i % 2 ? ret[i / 2] | v : v << 4);
	}
	return true;
}

static bool is_zero(const uint8_t *bytes, size_t len)
{
	uint8_t any = 0;
	for (size_t i = 0; i < len; i++)
		any |= bytes[i];
	return any == 0;
}

/* version "-" trace-id "-" parent-id "-" trace-flags */
enum err traceparent_read(struct span value, struct traceparent *ret)
{
	struct traceparent t;
	uint8_t version;
	if (value.len < TRACEPARENT_TEXT || value.data[2] != '-' || value.data[35] != '-' ||
	    value.data[52] != '-')
		return ERR_FORMAT;
	if (!read_hex(span_sub(value, 0, 2), &version) ||
	    !read_hex(span_sub(value, 3, 32), t.trace_id) ||
	    !read_hex(span_sub(value, 36, 16), t.parent_id) ||
	    !read_hex(span_sub(value, 53, 2), &t.flags))
		return ERR_FORMAT;
	/* 3.2.2.1: ff is no version; 4.3: behind what is known a dash stands, or nothing. */
	if (version == 0xff || (version == 0 && value.len != TRACEPARENT_TEXT) ||
	    (value.len > TRACEPARENT_TEXT && value.data[TRACEPARENT_TEXT] != '-'))
		return ERR_FORMAT;
	if (is_zero(t.trace_id, sizeof(t.trace_id)) || is_zero(t.parent_id, sizeof(t.parent_id)))
		return ERR_FORMAT;
	*ret = t;
	return OK;
}

void traceparent_hex(const uint8_t *bytes, size_t len, uint8_t *ret)
{
	static const char digits[] = "0123456789abcdef";
	for (size_t i = 0; i < len; i++) {
		ret[2 * i] = (uint8_t)digits[bytes[i] >> 4];
		ret[2 * i + 1] = (uint8_t)digits[bytes[i] & 15];
	}
}

void traceparent_write(const struct traceparent *t, uint8_t ret[TRACEPARENT_TEXT])
{
	ret[0] = ret[1] = '0';
	ret[2] = ret[35] = ret[52] = '-';
	traceparent_hex(t->trace_id, sizeof(t->trace_id), ret + 3);
	traceparent_hex(t->parent_id, sizeof(t->parent_id), ret + 36);
	/* 3.2.2.5.1: of the flags, only those that are known are passed on. */
	uint8_t flags = t->flags & TRACEPARENT_SAMPLED;
	traceparent_hex(&flags, 1, ret + 53);
}
