#include "proto/http/head1.h"

#include "proto/http/token.h"

#include <assert.h>

static_assert(HTTP_FIELD_IDS <= 64, "a bit for each number");

static enum parse fault(struct http1_head *head, enum http_fault why)
{
	head->fault = why;
	return PARSE_BAD;
}

/* The text of a line from *pos on, without its CRLF; *pos goes past that. bad: what is wrong when
 * another control byte stands in it. */
static enum parse text_read(struct span in, size_t *pos, struct http1_head *head,
			    enum http_fault bad, struct span *ret)
{
	size_t end = http_control_find(in, *pos);
	if (end == in.len)
		return PARSE_MORE;
	if (in.data[end] == '\n')
		return fault(head, HTTP_FAULT_LINE_END);
	if (in.data[end] != '\r')
		return fault(head, bad);
	if (end + 1 == in.len)
		return PARSE_MORE;
	if (in.data[end + 1] != '\n')
		return fault(head, HTTP_FAULT_LINE_END);
	*ret = span_of(in.data + *pos, end - *pos);
	*pos = end + 2;
	return PARSE_DONE;
}

/* A name and its colon. */
static enum parse name_read(struct span in, size_t *pos, struct http1_head *head, struct span *ret)
{
	size_t at = http_token_end(in, *pos);
	if (at == in.len)
		return PARSE_MORE;
	if (in.data[at] == '\n')
		return fault(head, HTTP_FAULT_LINE_END);
	if (at == *pos && (in.data[at] == ' ' || in.data[at] == '\t'))
		return fault(head, HTTP_FAULT_FOLD);
	if (in.data[at] != ':' || at == *pos)
		return fault(head, HTTP_FAULT_FIELD_NAME);
	*ret = span_of(in.data + *pos, at - *pos);
	*pos = at + 1;
	return PARSE_DONE;
}

static struct span blanks_off(struct span s)
{
	while (s.len && (s.data[0] == ' ' || s.data[0] == '\t'))
		s = span_of(s.data + 1, s.len - 1);
	while (s.len && (s.data[s.len - 1] == ' ' || s.data[s.len - 1] == '\t'))
		s.len--;
	return s;
}

/* An empty line at pos: PARSE_BAD when there is none, and no fault. */
static enum parse empty_line(struct span in, size_t pos, struct http1_head *head)
{
	if (pos == in.len)
		return PARSE_MORE;
	if (in.data[pos] != '\r')
		return PARSE_BAD;
	if (pos + 1 == in.len)
		return PARSE_MORE;
	return in.data[pos + 1] == '\n' ? PARSE_DONE : fault(head, HTTP_FAULT_LINE_END);
}

static enum parse fields_read(struct span in, size_t pos, struct http1_head *head)
{
	size_t n = 0;
	uint64_t seen = 0, seen_twice = 0;
	for (;;) {
		enum parse p = empty_line(in, pos, head);
		if (p == PARSE_MORE || head->fault)
			return p;
		if (p == PARSE_DONE)
			break;
		if (n == head->fields_max)
			return fault(head, HTTP_FAULT_TOO_LARGE);
		struct http_field *field = &head->fields[n];
		struct span value;
		p = name_read(in, &pos, head, &field->name);
		if (p == PARSE_DONE)
			p = text_read(in, &pos, head, HTTP_FAULT_FIELD_VALUE, &value);
		if (p != PARSE_DONE)
			return p;
		field->value = blanks_off(value);
		field->id = http_field_id(field->name);
		seen_twice |= seen & UINT64_C(1) << field->id;
		seen |= UINT64_C(1) << field->id;
		n++;
	}
	head->fields_n = n;
	head->seen = seen;
	head->len = pos + 2;
	const uint64_t once = UINT64_C(1) << HTTP_FIELD_HOST |
			      UINT64_C(1) << HTTP_FIELD_CONTENT_LENGTH |
			      UINT64_C(1) << HTTP_FIELD_TRANSFER_ENCODING;
	if (seen_twice & once & ~(UINT64_C(1) << HTTP_FIELD_HOST))
		return fault(head, seen_twice >> HTTP_FIELD_CONTENT_LENGTH & 1 ? HTTP_FAULT_LENGTH
									       : HTTP_FAULT_CODING);
	return seen_twice & once ? fault(head, HTTP_FAULT_HOST) : PARSE_DONE;
}

static const struct http_field *find(const struct http1_head *head, uint16_t id)
{
	for (size_t i = 0; i < head->fields_n; i++)
		if (head->fields[i].id == id)
			return &head->fields[i];
	ASSERT(false); /* asked only for what was seen */
	return NULL;
}

bool http1_has_token(const struct http1_head *head, uint16_t id, const char *token)
{
	if (!http1_has(head, id))
		return false;
	for (size_t i = 0; i < head->fields_n; i++) {
		if (head->fields[i].id != id)
			continue;
		struct span rest = head->fields[i].value;
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

/* RFC 9112 6.1 and 6.3, of the choices that they leave the strictest: a length stands once as plain
 * digits; "chunked" stands once and alone; both together, or a coding in HTTP/1.0, are refused. */
static enum parse framing_read(struct http1_head *head)
{
	bool length = http1_has(head, HTTP_FIELD_CONTENT_LENGTH);
	bool coding = http1_has(head, HTTP_FIELD_TRANSFER_ENCODING);
	head->content_length = 0;
	head->framing = HTTP_BODY_NONE;
	if (length && coding)
		return fault(head, HTTP_FAULT_LENGTH_AND_CODING);
	if (coding) {
		if (head->version_minor == 0 ||
		    !span_equal_nocase(find(head, HTTP_FIELD_TRANSFER_ENCODING)->value,
				       span_text("chunked")))
			return fault(head, HTTP_FAULT_CODING);
		head->framing = HTTP_BODY_CHUNKED;
	}
	if (length) {
		if (!span_to_u64(find(head, HTTP_FIELD_CONTENT_LENGTH)->value, INT64_MAX,
				 &head->content_length))
			return fault(head, HTTP_FAULT_LENGTH);
		head->framing = HTTP_BODY_LENGTH;
	}
	/* RFC 9112 9.3: in this order. */
	if (http1_has_token(head, HTTP_FIELD_CONNECTION, "close"))
		head->keep_alive = false;
	else
		head->keep_alive = head->version_minor == 1 ||
				   http1_has_token(head, HTTP_FIELD_CONNECTION, "keep-alive");
	return PARSE_DONE;
}

static bool version_read(struct span version, struct http1_head *head)
{
	if (version.len != 8 || memcmp(version.data, "HTTP/1.", 7) != 0 ||
	    (version.data[7] != '0' && version.data[7] != '1'))
		return false;
	head->version_minor = (uint8_t)(version.data[7] - '0');
	return true;
}

/* RFC 9112 2.3: of another version, but one. */
static bool is_version(struct span s)
{
	return s.len == 8 && memcmp(s.data, "HTTP/", 5) == 0 && s.data[5] >= '0' &&
	       s.data[5] <= '9' && s.data[6] == '.' && s.data[7] >= '0' && s.data[7] <= '9';
}

/* RFC 9112 3: exactly two single blanks. */
static enum parse request_line(struct span line, struct http1_head *head)
{
	size_t first = span_find(line, ' ');
	struct span rest = span_sub(line, first + 1, line.len);
	size_t second = span_find(rest, ' ');
	head->method = span_sub(line, 0, first);
	head->target = span_sub(rest, 0, second);
	if (first == line.len || second == rest.len)
		return fault(head, HTTP_FAULT_REQUEST_LINE);
	if (!http_is_token(head->method))
		return fault(head, HTTP_FAULT_METHOD);
	if (!http_is_target(head->method, head->target))
		return fault(head, HTTP_FAULT_TARGET);
	struct span version = span_sub(rest, second + 1, rest.len);
	if (!version_read(version, head))
		return fault(head,
			     is_version(version) ? HTTP_FAULT_VERSION : HTTP_FAULT_REQUEST_LINE);
	return PARSE_DONE;
}

/* A head that is not whole after HTTP_HEAD_MAX bytes never will be. */
static enum parse bounded(enum parse p, struct span in, struct http1_head *head)
{
	if (p == PARSE_MORE && in.len >= HTTP_HEAD_MAX)
		return fault(head, HTTP_FAULT_TOO_LARGE);
	if (p == PARSE_DONE && head->len > HTTP_HEAD_MAX)
		return fault(head, HTTP_FAULT_TOO_LARGE);
	return p;
}

/* RFC 9112 3.2: a 1.1 request has exactly one Host; more than one is refused in 1.0 too. */
static enum parse host_read(struct http1_head *head)
{
	bool there = http1_has(head, HTTP_FIELD_HOST);
	head->host = there ? find(head, HTTP_FIELD_HOST)->value : (struct span){0};
	if ((!there && head->version_minor == 1) || (there && !http_is_host(head->host)))
		return fault(head, HTTP_FAULT_HOST);
	return PARSE_DONE;
}

static enum parse request_read(struct span in, struct http1_head *ret)
{
	size_t pos = 0;
	struct span line;
	enum parse p = empty_line(in, pos, ret);
	if (p == PARSE_MORE || ret->fault)
		return p;
	if (p == PARSE_DONE)
		pos += 2;
	p = text_read(in, &pos, ret, HTTP_FAULT_REQUEST_LINE, &line);
	if (p == PARSE_DONE)
		p = request_line(line, ret);
	if (p == PARSE_DONE)
		p = fields_read(in, pos, ret);
	if (p == PARSE_DONE)
		p = framing_read(ret);
	return p == PARSE_DONE ? host_read(ret) : p;
}

enum parse http1_request_head(struct span in, struct http1_head *ret)
{
	ret->fault = HTTP_FAULT_NONE;
	return bounded(request_read(in, ret), in, ret);
}

/* RFC 9112 4: "HTTP/1.1 200 OK"; the reason may be empty, its blank may not be missing. */
static enum parse status_line(struct span line, struct http1_head *head)
{
	uint64_t status = 0;
	if (!version_read(span_sub(line, 0, 8), head))
		return fault(head, HTTP_FAULT_VERSION);
	if (line.len < 13 || line.data[8] != ' ' || line.data[12] != ' ' ||
	    !span_to_u64(span_sub(line, 9, 3), 999, &status) || status < 100)
		return fault(head, HTTP_FAULT_STATUS_LINE);
	head->status = (uint16_t)status;
	head->reason = span_sub(line, 13, line.len);
	return PARSE_DONE;
}

static enum parse response_read(struct span in, struct http1_head *ret)
{
	size_t pos = 0;
	struct span line;
	enum parse p = text_read(in, &pos, ret, HTTP_FAULT_STATUS_LINE, &line);
	if (p == PARSE_DONE)
		p = status_line(line, ret);
	if (p == PARSE_DONE)
		p = fields_read(in, pos, ret);
	if (p == PARSE_DONE)
		p = framing_read(ret);
	if (p == PARSE_DONE && ret->framing == HTTP_BODY_NONE)
		ret->framing = HTTP_BODY_UNTIL_CLOSE;
	return p;
}

enum parse http1_response_head(struct span in, struct http1_head *ret)
{
	ret->fault = HTTP_FAULT_NONE;
	return bounded(response_read(in, ret), in, ret);
}

enum parse http1_trailers(struct span in, struct http1_head *ret)
{
	ret->fault = HTTP_FAULT_NONE;
	enum parse p = fields_read(in, 0, ret);
	if ((p == PARSE_MORE && in.len >= HTTP_TRAILER_MAX) ||
	    (p == PARSE_DONE && ret->len > HTTP_TRAILER_MAX))
		return fault(ret, HTTP_FAULT_TOO_LARGE);
	return p;
}

static int hex_digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

enum parse http1_chunk_size(struct span in, size_t *ret_used, uint64_t *ret_size)
{
	uint64_t n = 0;
	size_t i = 0;
	for (; i < in.len && i < 16 && hex_digit(in.data[i]) >= 0; i++)
		n = n << 4 | (uint64_t)hex_digit(in.data[i]);
	if (i == in.len && i < 16)
		return PARSE_MORE;
	if (i == 0 || i == 16 || (in.data[i] != '\r' && in.data[i] != ';'))
		return PARSE_BAD;
	size_t end = http_control_find(in, i);
	if (end - i > HTTP_CHUNK_EXT_MAX)
		return PARSE_BAD;
	if (end == in.len || (end + 1 == in.len && in.data[end] == '\r'))
		return PARSE_MORE;
	if (in.data[end] != '\r' || in.data[end + 1] != '\n')
		return PARSE_BAD;
	*ret_used = end + 2;
	*ret_size = n;
	return PARSE_DONE;
}
