/* What one side of an HTTP/1 connection sent, read by the strict parsers as it comes: its messages,
 * their bodies with the coding taken off, and the first fault. For fuzz targets; knows no proxy.
 */
#ifndef PROXY_STRICT1_TEST_H
#define PROXY_STRICT1_TEST_H

#include "proto/http/http1.h"

enum { STRICT_SIZE = 1 << 18, STRICT_MESSAGES = 4096 };

struct strict_message {
	struct span method, target; /* of a request; into the log */
	uint16_t status;	    /* of a response: final, or 101 */
	uint32_t id;		    /* of its field X-Id; UINT32_MAX: none */
	uint32_t body_at;	    /* in bodies */
	uint32_t body_len;	    /* so far */
	uint32_t end;		    /* in the log: where it ends, when it is whole */
	bool whole, has_length;
};

enum strict_at { STRICT_HEAD, STRICT_LENGTH, STRICT_CHUNKED, STRICT_CLOSE };

struct strict {
	bool responses;
	bool bad;
	enum strict_at at;
	uint64_t left;
	struct http_chunked chunk;
	size_t len, read, bodies_len, messages_n;
	size_t messages_max; /* what follows them are bytes of a tunnel */
	/* The method that the next response answers. */
	struct span (*method)(void *arg, size_t nth);
	void *arg;
	struct strict_message messages[STRICT_MESSAGES];
	uint8_t log[STRICT_SIZE], bodies[STRICT_SIZE];
};

/* The storage's arrays stay as they are. */
static inline void strict_reset(struct strict *s, bool responses)
{
	s->responses = responses;
	s->bad = false;
	s->at = STRICT_HEAD;
	s->len = s->read = s->bodies_len = s->messages_n = 0;
	s->messages_max = STRICT_MESSAGES;
	s->method = NULL;
}

static inline struct strict_message *strict_last(struct strict *s)
{
	return &s->messages[s->messages_n - 1];
}

static inline void strict_body(struct strict *s, struct span data)
{
	ASSERT(s->bodies_len + data.len <= STRICT_SIZE);
	if (data.len)
		memcpy(s->bodies + s->bodies_len, data.data, data.len);
	s->bodies_len += data.len;
	strict_last(s)->body_len += (uint32_t)data.len;
}

static inline void strict_whole(struct strict *s)
{
	strict_last(s)->whole = true;
	strict_last(s)->end = (uint32_t)s->read;
	s->at = STRICT_HEAD;
}

static inline uint32_t strict_id(const struct http_head *head)
{
	const struct http_field *f = http_head_find(head, "X-Id");
	uint64_t id = UINT32_MAX;
	return f && span_to_u64(f->value, UINT32_MAX, &id) ? (uint32_t)id : UINT32_MAX;
}

static inline void strict_begin(struct strict *s, const struct http_head *head)
{
	static const enum strict_at at[] = {[HTTP_BODY_NONE] = STRICT_HEAD,
					    [HTTP_BODY_LENGTH] = STRICT_LENGTH,
					    [HTTP_BODY_CHUNKED] = STRICT_CHUNKED,
					    [HTTP_BODY_UNTIL_CLOSE] = STRICT_CLOSE};
	struct strict_message *m = strict_last(s);
	m->id = strict_id(head);
	m->body_at = (uint32_t)s->bodies_len;
	m->has_length = head->framing == HTTP_BODY_LENGTH;
	s->read += head->len;
	s->left = head->content_length;
	s->chunk = (struct http_chunked){0};
	s->at = at[head->framing];
	if (s->at == STRICT_HEAD)
		strict_whole(s);
}

static inline bool strict_request(struct strict *s)
{
	static struct http_request req;
	enum parse p = http_request_read(span_of(s->log + s->read, s->len - s->read), &req);
	s->bad = p == PARSE_BAD;
	if (p != PARSE_DONE)
		return false;
	ASSERT(s->messages_n < STRICT_MESSAGES);
	s->messages[s->messages_n++] =
		(struct strict_message){.method = req.method, .target = req.target};
	strict_begin(s, &req.head);
	return true;
}

static inline bool strict_response(struct strict *s)
{
	static struct http_response res;
	struct span method = s->method ? s->method(s->arg, s->messages_n) : span_text("GET");
	enum parse p =
		http_response_read(span_of(s->log + s->read, s->len - s->read), method, &res);
	s->bad = p == PARSE_BAD;
	if (p != PARSE_DONE)
		return false;
	if (res.status < 200 && res.status != 101) {
		s->read += res.head.len;
		return true;
	}
	ASSERT(s->messages_n < STRICT_MESSAGES);
	s->messages[s->messages_n++] = (struct strict_message){.status = res.status};
	strict_begin(s, &res.head);
	if (res.status == 101 || (span_is(method, "CONNECT") && res.status / 100 == 2)) {
		strict_last(s)->whole = false;
		s->at = STRICT_CLOSE;
	}
	return true;
}

/* One step; false: nothing more for now. */
static inline bool strict_step(struct strict *s)
{
	struct span in = span_of(s->log + s->read, s->len - s->read), data;
	size_t used = 0;
	enum parse p;
	switch (s->at) {
	case STRICT_HEAD:
		if (!in.len || s->messages_n == s->messages_max)
			return false;
		return s->responses ? strict_response(s) : strict_request(s);
	case STRICT_LENGTH:
		used = s->left < in.len ? (size_t)s->left : in.len;
		strict_body(s, span_of(in.data, used));
		s->left -= used;
		s->read += used;
		if (!s->left)
			strict_whole(s);
		return used > 0 || !s->left;
	case STRICT_CHUNKED:
		p = http_chunked_read(&s->chunk, in, &used, &data);
		s->bad = p == PARSE_BAD;
		if (p != PARSE_BAD)
			strict_body(s, data);
		s->read += used;
		if (p == PARSE_DONE)
			strict_whole(s);
		return p == PARSE_DONE || (p == PARSE_MORE && used);
	case STRICT_CLOSE:
		strict_body(s, in);
		s->read = s->len;
		return false;
	}
	return false;
}

static inline void strict_feed(struct strict *s, struct span bytes)
{
	ASSERT(s->len + bytes.len <= STRICT_SIZE);
	if (bytes.len)
		memcpy(s->log + s->len, bytes.data, bytes.len);
	s->len += bytes.len;
	while (!s->bad && strict_step(s))
		;
}

#endif
