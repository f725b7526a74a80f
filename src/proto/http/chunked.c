/* The chunked coding on its way in, RFC 9112 7.1, and nothing but its grammar: digits without a
 * prefix, sign or blank, CRLF alone as a line end. */
#include "proto/http/head1.h"
#include "proto/http/token.h"

/* Where the CRLF stands, s.len when it is not all here. *bad: a bare CR or LF. */
static size_t line_end(struct span s, bool *bad)
{
	for (size_t i = 0; i < s.len; i++) {
		if (s.data[i] == '\n') {
			*bad = true;
			return s.len;
		}
		if (s.data[i] == '\r') {
			if (i + 1 == s.len)
				return s.len;
			*bad = s.data[i + 1] != '\n';
			return *bad ? s.len : i;
		}
	}
	return s.len;
}

static enum parse size_line(struct http_chunked *c, struct span in, size_t *used)
{
	uint64_t size = 0;
	enum parse p = http1_chunk_size(in, used, &size);
	if (p != PARSE_DONE)
		return p;
	c->left = size;
	c->at = size ? HTTP_CHUNK_DATA : HTTP_CHUNK_TRAILER;
	return PARSE_DONE;
}

static enum parse data_end(struct http_chunked *c, struct span in, size_t *used)
{
	if (in.len && in.data[0] != '\r')
		return PARSE_BAD;
	if (in.len < 2)
		return PARSE_MORE;
	if (in.data[1] != '\n')
		return PARSE_BAD;
	c->at = HTTP_CHUNK_SIZE;
	*used = 2;
	return PARSE_DONE;
}

static enum parse trailer_line(struct http_chunked *c, struct span in, size_t *used)
{
	bool bad = false;
	size_t end = line_end(in, &bad);
	if (end == in.len)
		return bad || in.len + c->trailer_len > HTTP_TRAILER_MAX ? PARSE_BAD : PARSE_MORE;
	struct span line = span_sub(in, 0, end);
	*used = end + 2;
	if (line.len == 0) {
		c->at = HTTP_CHUNK_DONE;
		return PARSE_DONE;
	}
	size_t colon = span_find(line, ':');
	c->trailer_len += *used;
	if (colon == line.len || c->trailer_len > HTTP_TRAILER_MAX ||
	    !http_is_token(span_sub(line, 0, colon)) ||
	    !http_is_field_value(span_sub(line, colon + 1, line.len)))
		return PARSE_BAD;
	return PARSE_DONE;
}

enum parse http_chunked_read(struct http_chunked *c, struct span in, size_t *ret_used,
			     struct span *ret_data)
{
	size_t pos = 0;
	*ret_used = 0;
	*ret_data = (struct span){0};
	while (c->at != HTTP_CHUNK_DONE) {
		struct span rest = span_sub(in, pos, in.len);
		size_t used = 0;
		enum parse p = PARSE_DONE;
		if (c->at == HTTP_CHUNK_DATA) {
			struct span data =
				span_sub(rest, 0, c->left < rest.len ? (size_t)c->left : rest.len);
			c->left -= data.len;
			if (c->left == 0)
				c->at = HTTP_CHUNK_END;
			*ret_used = pos + data.len;
			*ret_data = data;
			return PARSE_MORE;
		}
		if (c->at == HTTP_CHUNK_SIZE)
			p = size_line(c, rest, &used);
		else if (c->at == HTTP_CHUNK_END)
			p = data_end(c, rest, &used);
		else
			p = trailer_line(c, rest, &used);
		pos += used;
		*ret_used = pos;
		if (p != PARSE_DONE)
			return p;
	}
	return PARSE_DONE;
}
