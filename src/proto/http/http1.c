/* Messages with storage of their own, over the parser of heads (head1.h), and the rules of RFC 9112
 * 6.3 on what body follows a response. */
#include "proto/http/http1.h"

#include "proto/http/head1.h"

const struct http_field *http_head_find(const struct http_head *head, const char *name)
{
	struct span wanted = span_text(name);
	for (size_t i = 0; i < head->headers_n; i++)
		if (span_equal_nocase(head->headers[i].name, wanted))
			return &head->headers[i];
	return NULL;
}

bool http_head_has_token(const struct http_head *head, const char *name, const char *token)
{
	for (size_t i = 0; i < head->headers_n; i++) {
		if (!span_equal_nocase(head->headers[i].name, span_text(name)))
			continue;
		struct span rest = head->headers[i].value;
		while (rest.len) {
			size_t comma = span_find(rest, ',');
			if (span_equal_nocase(span_trim(span_sub(rest, 0, comma)),
					      span_text(token)))
				return true;
			rest = span_sub(rest, comma + 1, rest.len);
		}
	}
	return false;
}

static void head_fill(struct http_head *head, const struct http1_head *read)
{
	head->version_minor = read->version_minor;
	head->len = read->len;
	head->headers_n = read->fields_n;
	head->framing = read->framing;
	head->content_length = read->content_length;
	head->keep_alive = read->keep_alive;
}

enum parse http_request_read(struct span in, struct http_request *ret)
{
	struct http1_head read = {.fields = ret->head.headers, .fields_max = HTTP_HEADERS_MAX};
	enum parse p = http1_request_head(in, &read);
	ret->head.fault = read.fault;
	if (p != PARSE_DONE)
		return p;
	head_fill(&ret->head, &read);
	ret->method = read.method;
	ret->target = read.target;
	ret->host = read.host;
	ret->expect_continue = read.version_minor == 1 &&
			       http1_has_token(&read, HTTP_FIELD_EXPECT, "100-continue");
	return PARSE_DONE;
}

/* RFC 9112 6.3, rules 1, 2 and 8. */
static void response_framing(struct span request_method, struct http_response *ret)
{
	bool tunnel = span_is(request_method, "CONNECT") && ret->status / 100 == 2;
	if (span_is(request_method, "HEAD") || ret->status / 100 == 1 || ret->status == 204 ||
	    ret->status == 304 || tunnel) {
		ret->head.framing = HTTP_BODY_NONE;
		ret->head.content_length = 0;
	} else if (ret->head.framing == HTTP_BODY_UNTIL_CLOSE) {
		ret->head.keep_alive = false;
	}
}

enum parse http_response_read(struct span in, struct span request_method, struct http_response *ret)
{
	struct http1_head read = {.fields = ret->head.headers, .fields_max = HTTP_HEADERS_MAX};
	enum parse p = http1_response_head(in, &read);
	ret->head.fault = read.fault;
	if (p != PARSE_DONE)
		return p;
	head_fill(&ret->head, &read);
	ret->status = read.status;
	ret->reason = read.reason;
	response_framing(request_method, ret);
	return PARSE_DONE;
}
