#include "proto/http/whole.h"

#include <string.h>

/* Without move nothing is touched, so that more may follow. */
static enum parse chunks_walk(uint8_t *body, size_t len, bool move, struct span *ret)
{
	struct http_chunked chunked = {0};
	struct span rest = span_of(body, len), data;
	size_t used, done = 0;
	enum parse p;
	do {
		p = http_chunked_read(&chunked, rest, &used, &data);
		if (data.len && move)
			memmove(body + done, data.data, data.len);
		done += data.len;
		rest = span_sub(rest, used, rest.len);
	} while (p == PARSE_MORE && used && rest.len);
	*ret = span_of(body, done);
	return p;
}

static enum parse chunks_read(uint8_t *body, size_t len, struct span *ret)
{
	enum parse p = chunks_walk(body, len, false, ret);
	return p == PARSE_DONE ? chunks_walk(body, len, true, ret) : p;
}

static enum parse body_read(const struct http_head *head, uint8_t *body, size_t len, bool end,
			    struct span *ret)
{
	*ret = span_of(body, 0);
	switch (head->framing) {
	case HTTP_BODY_NONE: return PARSE_DONE;
	case HTTP_BODY_CHUNKED: return chunks_read(body, len, ret);
	case HTTP_BODY_LENGTH:
		if (len < head->content_length)
			return PARSE_MORE;
		*ret = span_of(body, (size_t)head->content_length);
		return PARSE_DONE;
	case HTTP_BODY_UNTIL_CLOSE: break;
	}
	*ret = span_of(body, len);
	return end ? PARSE_DONE : PARSE_MORE;
}

enum parse http_response_whole(uint8_t *in, size_t len, bool end, struct span request_method,
			       struct http_response *ret, struct span *ret_body)
{
	size_t at = 0;
	enum parse p;
	while ((p = http_response_read(span_of(in + at, len - at), request_method, ret)) ==
		       PARSE_DONE &&
	       ret->status < 200)
		at += ret->head.len;
	if (p == PARSE_DONE)
		p = body_read(&ret->head, in + at + ret->head.len, len - at - ret->head.len, end,
			      ret_body);
	else
		ret->head.len = 0;
	return p == PARSE_MORE && end ? PARSE_BAD : p;
}
