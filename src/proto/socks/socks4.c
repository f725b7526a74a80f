#include "proto/socks/socks4.h"

#include "base/reader.h"

/* The text before the next NUL, and past it. PARSE_MORE: no NUL yet, and there may come one. */
static enum parse text_read(struct reader *r, size_t max, struct span *ret)
{
	size_t left = reader_left(r);
	struct span rest = span_of(r->data + r->pos, left);
	size_t n = span_find(rest, 0);
	if (n > max)
		return PARSE_BAD;
	if (n == left)
		return PARSE_MORE;
	*ret = read_span(r, n);
	reader_skip(r, 1);
	return PARSE_DONE;
}

/* socks4a: "the first three bytes of DSTIP to NULL and the last byte to a non-zero value". */
static bool means_name(struct span address)
{
	return !address.data[0] && !address.data[1] && !address.data[2] && address.data[3];
}

static enum parse name_read(struct reader *r, struct socks_address *ret)
{
	enum parse p = text_read(r, SOCKS_NAME_MAX, &ret->name);
	if (p == PARSE_DONE && !socks_name_is_good(ret->name))
		return PARSE_BAD;
	return p;
}

enum parse socks4_request_read(struct span in, struct socks4_request *ret)
{
	struct reader r = reader_of_span(in);
	struct socks4_request q = {0};
	if (in.len && read_u8(&r) != SOCKS4_VERSION)
		return PARSE_BAD;
	q.command = read_u8(&r);
	q.to.port = read_u16(&r);
	struct span address = read_span(&r, 4);
	if (reader_check(&r))
		return PARSE_MORE;
	enum parse p = text_read(&r, SOCKS4_USER_MAX, &q.user);
	if (p != PARSE_DONE)
		return p;
	if (!means_name(address)) {
		q.to.address = ip_address_of(address);
	} else {
		p = name_read(&r, &q.to);
		if (p != PARSE_DONE)
			return p;
	}
	q.len = r.pos;
	*ret = q;
	return PARSE_DONE;
}

static bool is_text(struct span s, size_t max)
{
	return s.len <= max && span_find(s, 0) == s.len;
}

void socks4_request_write(struct writer *w, const struct socks4_request *r)
{
	static const uint8_t by_name[4] = {0, 0, 0, 1};
	bool named = r->to.name.len > 0;
	if (!is_text(r->user, SOCKS4_USER_MAX) || (named && !socks_name_is_good(r->to.name)) ||
	    (!named && r->to.address.family != 4)) {
		w->bad = true;
		return;
	}
	write_u8(w, SOCKS4_VERSION);
	write_u8(w, r->command);
	write_u16(w, r->to.port);
	write_bytes(w, named ? by_name : r->to.address.bytes, 4);
	write_span(w, r->user);
	write_u8(w, 0);
	if (!named)
		return;
	write_span(w, r->to.name);
	write_u8(w, 0);
}

void socks4_reply_write(struct writer *w, enum socks4_reply reply, const struct ip_endpoint *bound)
{
	bool known = bound->address.family == 4;
	write_u8(w, 0); /* "VN is the version of the reply code and should be 0" */
	write_u8(w, (uint8_t)reply);
	write_u16(w, known ? bound->port : 0);
	write_u32(w, 0);
	if (known && !w->bad)
		memcpy(w->data + w->pos - 4, bound->address.bytes, 4);
}

enum parse socks4_reply_read(struct span in, enum socks4_reply *ret, struct ip_endpoint *ret_bound)
{
	struct reader r = reader_of_span(in);
	if (in.len && read_u8(&r) != 0)
		return PARSE_BAD;
	uint8_t reply = read_u8(&r);
	if (in.len >= 2 && (reply < SOCKS4_GRANTED || reply > SOCKS4_WRONG_USER))
		return PARSE_BAD;
	uint16_t port = read_u16(&r);
	struct span address = read_span(&r, 4);
	if (reader_check(&r))
		return PARSE_MORE;
	*ret = (enum socks4_reply)reply;
	*ret_bound = (struct ip_endpoint){.address = ip_address_of(address), .port = port};
	return PARSE_DONE;
}
