/* Requests, responses, whole ones too, and chunked bodies from anywhere: nothing is read past the
 * end, every span lies inside of the input, and a chunked body read in two pieces gives what it
 * gives in one. */
#include "proto/http/whole.h"

#include <stdlib.h>

static void inside(struct span outer, struct span inner)
{
	if (inner.len)
		ASSERT(inner.data >= outer.data &&
		       inner.data + inner.len <= outer.data + outer.len);
}

static void check_head(struct span in, const struct http_head *head)
{
	ASSERT(head->len <= in.len && head->headers_n <= HTTP_HEADERS_MAX);
	for (size_t i = 0; i < head->headers_n; i++) {
		inside(in, head->headers[i].name);
		inside(in, head->headers[i].value);
	}
}

static uint64_t chunked_sum(struct span in, size_t cut, enum parse *ret)
{
	struct http_chunked c = {0};
	uint64_t sum = 0;
	size_t pos = 0, end = cut;
	for (;;) {
		size_t used;
		struct span data;
		*ret = http_chunked_read(&c, span_sub(in, pos, end - pos), &used, &data);
		for (size_t i = 0; i < data.len; i++)
			sum = sum * 31 + data.data[i];
		pos += used;
		if (*ret != PARSE_MORE)
			return sum;
		if (used)
			continue;
		if (end == in.len)
			return sum;
		end = in.len;
	}
}

/* Of a copy, which it may change. */
static void check_whole(struct span in)
{
	static struct http_response res;
	struct span body;
	uint8_t *copy = malloc(in.len ? in.len : 1);
	ASSERT(copy);
	if (in.len)
		memcpy(copy, in.data, in.len);
	enum parse p = http_response_whole(copy, in.len, true, span_text("GET"), &res, &body);
	ASSERT(p != PARSE_MORE);
	if (p == PARSE_DONE) {
		check_head(span_of(copy, in.len), &res.head);
		inside(span_of(copy, in.len), body);
	}
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = span_of(data, size);
	static struct http_request req;
	static struct http_response res;
	if (http_request_read(in, &req) == PARSE_DONE) {
		check_head(in, &req.head);
		inside(in, req.target);
		struct span path, query;
		http_target_split(req.target, &path, &query);
		char buf[256];
		(void)http_percent_decode(path, false, buf, sizeof(buf));
	} else {
		ASSERT(req.head.fault <= HTTP_FAULTS);
	}
	if (http_response_read(in, span_text("GET"), &res) == PARSE_DONE)
		check_head(in, &res.head);
	check_whole(in);
	enum parse whole, pieces;
	uint64_t a = chunked_sum(in, size, &whole);
	uint64_t b = chunked_sum(in, size / 2, &pieces);
	ASSERT(whole == pieces && (whole == PARSE_BAD || a == b));
	return 0;
}
