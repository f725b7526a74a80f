/* The heads of requests and responses, and the rules of RFC 9112 6.3 on what body follows. */
#include "proto/http/http1.h"

#include "proto/http/token.h"

/* One line of a head: what stands before CRLF. */
static enum parse line_read(struct span in, size_t *pos, struct span *ret, enum http_fault *fault)
{
	for (size_t i = *pos; i < in.len; i++) {
		uint8_t c = in.data[i];
		if (c == '\n') {
			*fault = HTTP_FAULT_LINE_END; /* no CR before it */
			return PARSE_BAD;
		}
		if (c != '\r')
			continue;
		if (i + 1 == in.len)
			return PARSE_MORE;
		if (in.data[i + 1] != '\n') {
			*fault = HTTP_FAULT_LINE_END;
			return PARSE_BAD;
		}
		*ret = span_sub(in, *pos, i - *pos);
		*pos = i + 2;
		return PARSE_DONE;
	}
	return PARSE_MORE;
}

static bool header_read(struct span line, struct http_header *ret, enum http_fault *fault)
{
	if (line.data[0] == ' ' || line.data[0] == '\t') {
		*fault = HTTP_FAULT_FOLD;
		return false;
	}
	size_t colon = span_find(line, ':');
	struct span name = span_sub(line, 0, colon);
	if (colon == line.len || !http_is_token(name)) {
		*fault = HTTP_FAULT_FIELD_NAME;
		return false;
	}
	struct span value = span_trim(span_sub(line, colon + 1, line.len));
	if (!http_is_field_value(value)) {
		*fault = HTTP_FAULT_FIELD_VALUE;
		return false;
	}
	*ret = (struct http_header){.name = name, .value = value};
	return true;
}

/* The fields and the empty line that ends them. */
static enum parse headers_read(struct span in, size_t pos, struct http_head *head)
{
	head->headers_n = 0;
	for (;;) {
		struct span line;
		enum parse p = line_read(in, &pos, &line, &head->fault);
		if (p != PARSE_DONE)
			return p;
		if (line.len == 0) {
			head->len = pos;
			return PARSE_DONE;
		}
		if (head->headers_n == HTTP_HEADERS_MAX) {
			head->fault = HTTP_FAULT_TOO_LARGE;
			return PARSE_BAD;
		}
		if (!header_read(line, &head->headers[head->headers_n], &head->fault))
			return PARSE_BAD;
		head->headers_n++;
	}
}

const struct http_header *http_head_find(const struct http_head *head, const char *name)
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

static size_t count(const struct http_head *head, const char *name)
{
	size_t n = 0;
	for (size_t i = 0; i < head->headers_n; i++)
		n += span_equal_nocase(head->headers[i].name, span_text(name));
	return n;
}

/* RFC 9112 6.1 and 6.3, of the choices that they leave the strictest: a length stands once as plain
 * digits; "chunked" stands once and alone; both together, or a coding in HTTP/1.0, are refused. */
static bool framing_read(struct http_head *head)
{
	const struct http_header *length = http_head_find(head, "content-length");
	const struct http_header *coding = http_head_find(head, "transfer-encoding");
	head->framing = HTTP_BODY_NONE;
	head->content_length = 0;
	if (length && coding) {
		head->fault = HTTP_FAULT_LENGTH_AND_CODING;
		return false;
	}
	if (coding) {
		if (head->version_minor == 0 || count(head, "transfer-encoding") != 1 ||
		    !span_equal_nocase(coding->value, span_text("chunked"))) {
			head->fault = HTTP_FAULT_CODING;
			return false;
		}
		head->framing = HTTP_BODY_CHUNKED;
	}
	if (length) {
		if (count(head, "content-length") != 1 ||
		    !span_to_u64(length->value, INT64_MAX, &head->content_length)) {
			head->fault = HTTP_FAULT_LENGTH;
			return false;
		}
		head->framing = HTTP_BODY_LENGTH;
	}
	return true;
}

static void keep_alive_read(struct http_head *head)
{
	/* RFC 9112 9.3: in this order. */
	if (http_head_has_token(head, "connection", "close"))
		head->keep_alive = false;
	else
		head->keep_alive = head->version_minor == 1 ||
				   http_head_has_token(head, "connection", "keep-alive");
}

static bool version_read(struct span version, struct http_head *head)
{
	if (version.len != 8 || !span_is(span_sub(version, 0, 7), "HTTP/1.") ||
	    (version.data[7] != '0' && version.data[7] != '1')) {
		head->fault = HTTP_FAULT_VERSION;
		return false;
	}
	head->version_minor = (uint8_t)(version.data[7] - '0');
	return true;
}

/* RFC 9112 3: exactly two single blanks. */
static bool request_line_read(struct span line, struct http_request *ret)
{
	size_t first = span_find(line, ' ');
	struct span rest = span_sub(line, first + 1, line.len);
	size_t second = span_find(rest, ' ');
	ret->method = span_sub(line, 0, first);
	ret->target = span_sub(rest, 0, second);
	if (first == line.len || second == rest.len) {
		ret->head.fault = HTTP_FAULT_REQUEST_LINE;
		return false;
	}
	if (!http_is_token(ret->method)) {
		ret->head.fault = HTTP_FAULT_METHOD;
		return false;
	}
	if (!http_is_target(ret->method, ret->target)) {
		ret->head.fault = HTTP_FAULT_TARGET;
		return false;
	}
	return version_read(span_sub(rest, second + 1, rest.len), &ret->head);
}

/* RFC 9112 3.2: a 1.1 request has exactly one Host; more than one is refused in 1.0 too. */
static bool host_read(struct http_request *ret)
{
	size_t n = count(&ret->head, "host");
	const struct http_header *host = http_head_find(&ret->head, "host");
	ret->host = host ? host->value : (struct span){0};
	if (n > 1 || (n == 0 && ret->head.version_minor == 1) ||
	    (host && !http_is_host(host->value))) {
		ret->head.fault = HTTP_FAULT_HOST;
		return false;
	}
	return true;
}

/* A head that is not whole after HTTP_HEAD_MAX bytes never will be. */
static enum parse more_or_too_large(struct span in, struct http_head *head)
{
	if (in.len < HTTP_HEAD_MAX)
		return PARSE_MORE;
	head->fault = HTTP_FAULT_TOO_LARGE;
	return PARSE_BAD;
}

static enum parse head_end(enum parse p, struct span in, struct http_head *head)
{
	if (p == PARSE_MORE)
		return more_or_too_large(in, head);
	if (p == PARSE_DONE && head->len > HTTP_HEAD_MAX) {
		head->fault = HTTP_FAULT_TOO_LARGE;
		return PARSE_BAD;
	}
	return p;
}

enum parse http_request_read(struct span in, struct http_request *ret)
{
	size_t pos = 0;
	struct span line;
	ret->head.fault = HTTP_FAULT_NONE;
	enum parse p = line_read(in, &pos, &line, &ret->head.fault);
	if (p == PARSE_DONE && line.len == 0)
		p = line_read(in, &pos, &line, &ret->head.fault);
	if (p != PARSE_DONE)
		return head_end(p, in, &ret->head);
	if (!request_line_read(line, ret))
		return PARSE_BAD;
	p = head_end(headers_read(in, pos, &ret->head), in, &ret->head);
	if (p != PARSE_DONE)
		return p;
	if (!framing_read(&ret->head) || !host_read(ret))
		return PARSE_BAD;
	keep_alive_read(&ret->head);
	ret->expect_continue = ret->head.version_minor == 1 &&
			       http_head_has_token(&ret->head, "expect", "100-continue");
	return PARSE_DONE;
}

/* RFC 9112 4: "HTTP/1.1 200 OK"; the reason may be empty, its blank may not be missing. */
static bool status_line_read(struct span line, struct http_response *ret)
{
	uint64_t status = 0;
	if (!version_read(span_sub(line, 0, 8), &ret->head))
		return false;
	if (line.len < 13 || line.data[8] != ' ' || line.data[12] != ' ' ||
	    !span_to_u64(span_sub(line, 9, 3), 999, &status) || status < 100 ||
	    !http_is_field_value(span_sub(line, 13, line.len))) {
		ret->head.fault = HTTP_FAULT_STATUS_LINE;
		return false;
	}
	ret->status = (uint16_t)status;
	ret->reason = span_sub(line, 13, line.len);
	return true;
}

/* RFC 9112 6.3, rules 1, 2 and 8. */
static void response_framing(struct span request_method, struct http_response *ret)
{
	bool tunnel = span_is(request_method, "CONNECT") && ret->status / 100 == 2;
	if (span_is(request_method, "HEAD") || ret->status / 100 == 1 || ret->status == 204 ||
	    ret->status == 304 || tunnel) {
		ret->head.framing = HTTP_BODY_NONE;
		ret->head.content_length = 0;
	} else if (ret->head.framing == HTTP_BODY_NONE) {
		ret->head.framing = HTTP_BODY_UNTIL_CLOSE;
		ret->head.keep_alive = false;
	}
}

enum parse http_response_read(struct span in, struct span request_method, struct http_response *ret)
{
	size_t pos = 0;
	struct span line;
	ret->head.fault = HTTP_FAULT_NONE;
	enum parse p = line_read(in, &pos, &line, &ret->head.fault);
	if (p != PARSE_DONE)
		return head_end(p, in, &ret->head);
	if (!status_line_read(line, ret))
		return PARSE_BAD;
	p = head_end(headers_read(in, pos, &ret->head), in, &ret->head);
	if (p != PARSE_DONE)
		return p;
	if (!framing_read(&ret->head))
		return PARSE_BAD;
	keep_alive_read(&ret->head);
	response_framing(request_method, ret);
	return PARSE_DONE;
}
