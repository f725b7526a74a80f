#include "service/reverse-proxy/check.h"

#include "proto/http/http1.h"
#include "service/reverse-proxy/check_grpc.h"

void reverse_check_ask(const struct reverse_check_conf *c, const struct ip_endpoint *at,
		       struct writer *w)
{
	char text[IP_ENDPOINT_TEXT_MAX];
	(void)ip_endpoint_format(at, text);
	write_format(w, "%s %s HTTP/1.1\r\n", c->method, c->http);
	http_write_header(w, "Host", span_text(c->host ? c->host : text));
	write_text(w, "User-Agent: gatehouse-check\r\nAccept: */*\r\nConnection: close\r\n\r\n");
}

static bool contains(struct span in, const char *text)
{
	return in.len && memmem(in.data, in.len, text, strlen(text)) != NULL;
}

/* Does the body, as far as it is there, hold the text? The end of a chunk is no end of the body,
 * and where it cuts the text in two it is found all the same. */
static enum parse judge_chunks(struct span in, const char *text)
{
	uint8_t body[REVERSE_CHECK_ANSWER_MAX];
	struct writer w = writer_of(body, sizeof(body));
	struct http_chunked chunked = {0};
	enum parse p;
	do {
		struct span data;
		size_t used;
		p = http_chunked_read(&chunked, in, &used, &data);
		write_span(&w, data);
		in = span_sub(in, used, in.len);
		if (!used)
			break;
	} while (p == PARSE_MORE && in.len);
	if (contains(writer_span(&w), text))
		return PARSE_DONE;
	return p == PARSE_MORE ? PARSE_MORE : PARSE_BAD;
}

static enum parse judge_body(const struct http_head *head, struct span body, const char *text)
{
	switch (head->framing) {
	case HTTP_BODY_NONE: return PARSE_BAD;
	case HTTP_BODY_CHUNKED: return judge_chunks(body, text);
	case HTTP_BODY_LENGTH:
		if (body.len > head->content_length)
			body.len = (size_t)head->content_length;
		if (contains(body, text))
			return PARSE_DONE;
		return body.len == head->content_length ? PARSE_BAD : PARSE_MORE;
	case HTTP_BODY_UNTIL_CLOSE: break;
	}
	return contains(body, text) ? PARSE_DONE : PARSE_MORE;
}

/* 1xx are passed over, RFC 9110 15.2. */
static enum parse judge(const struct reverse_check_conf *c, struct span in)
{
	struct http_response r;
	do {
		enum parse p = http_response_read(in, span_text(c->method), &r);
		if (p != PARSE_DONE)
			return p;
		in = span_sub(in, r.head.len, in.len);
	} while (r.status < 200 && r.status != 101);
	if (!reverse_check_expects(c, r.status))
		return PARSE_BAD;
	return c->body ? judge_body(&r.head, in, c->body) : PARSE_DONE;
}

enum parse reverse_check_judge(const struct reverse_check_conf *c, struct span in, bool end)
{
	enum parse p = judge(c, in);
	bool last = end || in.len >= REVERSE_CHECK_ANSWER_MAX;
	return p == PARSE_MORE && last ? PARSE_BAD : p;
}

static enum parse judge_http2(const struct reverse_check_conf *c,
			      const struct reverse_check_answer *a)
{
	bool over = a->ended || a->broken;
	if (!a->status)
		return over ? PARSE_BAD : PARSE_MORE;
	if (!reverse_check_expects(c, a->status))
		return PARSE_BAD;
	if (!c->body || contains(a->body, c->body))
		return PARSE_DONE;
	return over || a->cut ? PARSE_BAD : PARSE_MORE;
}

enum parse reverse_check_judge2(const struct reverse_check_conf *c,
				const struct reverse_check_answer *a, const char **ret_why)
{
	if (reverse_check_kind(c) == REVERSE_CHECK_GRPC)
		return reverse_check_grpc_judge(a, ret_why);
	enum parse p = judge_http2(c, a);
	if (p == PARSE_BAD)
		*ret_why = "not the answer that is expected";
	return p;
}

bool reverse_opinion_add(struct reverse_opinion *o, const struct reverse_check_conf *c, bool good)
{
	enum backend_checked says = good ? BACKEND_WELL : BACKEND_ILL;
	if (o->is == says) {
		o->others = 0;
		return false;
	}
	o->others++;
	if (o->is != BACKEND_UNCHECKED && o->others < (good ? c->rise : c->fall))
		return false;
	*o = (struct reverse_opinion){.is = says};
	return true;
}
