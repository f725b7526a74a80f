#include "proto/http2/head.h"

#include "proto/http/token.h"

static const char *const texts[HTTP2_FAULTS] = {
	[HTTP2_FAULT_NONE] = "no fault",
	[HTTP2_FAULT_METHOD] = "the method is no token",
	[HTTP2_FAULT_SCHEME] = "the scheme is neither http nor https",
	[HTTP2_FAULT_AUTHORITY] = "the authority is missing, no host, or another than Host",
	[HTTP2_FAULT_PATH] = "the path has a byte or a form that is not allowed",
	[HTTP2_FAULT_PROTOCOL] = "the protocol is no token",
	[HTTP2_FAULT_STATUS] = "the status is not one of HTTP/2",
	[HTTP2_FAULT_FIELD] = "a field has a byte that is not allowed",
	[HTTP2_FAULT_FRAMING] = "pseudo-header fields, fields of a connection, or a wrong length",
};

const char *http2_fault_text(enum http2_fault fault)
{
	return texts[fault < HTTP2_FAULTS ? fault : HTTP2_FAULT_NONE];
}

/* RFC 9113 8.3.1: Host and :authority name the same, and there is one of them. */
static enum http2_fault check_host(struct http2_head *h)
{
	for (size_t i = 0; i < h->fields_n; i++) {
		const struct http2_field *f = &h->fields[i];
		if (f->name.len != 4 || !span_is(f->name, "host"))
			continue;
		if (h->authority.len == 0)
			h->authority = f->value;
		else if (!span_equal_nocase(h->authority, f->value))
			return HTTP2_FAULT_AUTHORITY;
	}
	return h->authority.len && http_is_host(h->authority) ? HTTP2_FAULT_NONE
							      : HTTP2_FAULT_AUTHORITY;
}

enum http2_fault http2_request_check(struct http2_head *h)
{
	if (!http_is_token(h->method))
		return HTTP2_FAULT_METHOD;
	enum http2_fault fault = check_host(h);
	if (fault)
		return fault;
	if (span_is(h->method, "CONNECT") && h->protocol.len == 0)
		return http_is_target(h->method, h->authority) ? HTTP2_FAULT_NONE
							       : HTTP2_FAULT_AUTHORITY;
	if (h->protocol.len && !http_is_token(h->protocol))
		return HTTP2_FAULT_PROTOCOL;
	if (!span_is(h->scheme, "https") && !span_is(h->scheme, "http"))
		return HTTP2_FAULT_SCHEME;
	/* Extended CONNECT has the path of a GET (RFC 8441 4). */
	struct span as = h->protocol.len ? span_text("GET") : h->method;
	bool origin = h->path.len && (h->path.data[0] == '/' || span_is(h->path, "*"));
	return origin && http_is_target(as, h->path) ? HTTP2_FAULT_NONE : HTTP2_FAULT_PATH;
}

enum http2_fault http2_response_check(const struct http2_head *h)
{
	bool known = h->status >= 100 && h->status <= 599 && h->status != 101;
	return known ? HTTP2_FAULT_NONE : HTTP2_FAULT_STATUS;
}
