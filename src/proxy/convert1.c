#include "proxy/convert1.h"

#define BIT(id) (UINT64_C(1) << HTTP_FIELD_##id)

/* RFC 9110 7.6.1, and those that became members. */
static const uint64_t of_connection = BIT(CONNECTION) | BIT(KEEP_ALIVE) | BIT(PROXY_CONNECTION) |
				      BIT(TE) | BIT(TRANSFER_ENCODING) | BIT(UPGRADE) |
				      BIT(HTTP2_SETTINGS) | BIT(CONTENT_LENGTH) | BIT(HOST);

/* RFC 9110 6.5.1: not in trailers. */
static const uint64_t not_in_trailers =
	of_connection | BIT(TRAILER) | BIT(CONTENT_ENCODING) | BIT(CONTENT_TYPE) |
	BIT(CONTENT_RANGE) | BIT(AUTHORIZATION) | BIT(PROXY_AUTHORIZATION) |
	BIT(PROXY_AUTHENTICATE) | BIT(WWW_AUTHENTICATE) | BIT(COOKIE) | BIT(SET_COOKIE) |
	BIT(EXPECT) | BIT(RANGE) | BIT(IF_MATCH) | BIT(IF_NONE_MATCH) | BIT(IF_RANGE) |
	BIT(IF_MODIFIED_SINCE) | BIT(IF_UNMODIFIED_SINCE) | BIT(CACHE_CONTROL) | BIT(VARY) |
	BIT(AGE) | BIT(DATE) | BIT(EXPIRES) | BIT(LOCATION) | BIT(RETRY_AFTER) | BIT(FORWARDED) |
	BIT(X_FORWARDED_FOR) | BIT(X_FORWARDED_HOST) | BIT(X_FORWARDED_PROTO) | BIT(X_REAL_IP);

static size_t drop(struct http_field *fields, size_t n, uint64_t ids)
{
	size_t kept = 0;
	for (size_t i = 0; i < n; i++) {
		if (ids >> fields[i].id & 1)
			continue;
		if (kept != i)
			fields[kept] = fields[i];
		kept++;
	}
	return kept;
}

size_t proxy_trailers_keep(struct http_field *fields, size_t n)
{
	return drop(fields, n, not_in_trailers);
}

/* Calls for each token of all fields of that number. */
static void each_token(const struct http1_head *read, uint16_t id,
		       void (*call)(struct proxy_head *head, struct span token),
		       struct proxy_head *head)
{
	struct span values[PROXY_FIELDS_RECEIVED]; /* the call may move the fields */
	size_t n = 0;
	ASSERT(read->fields_n <= PROXY_FIELDS_RECEIVED);
	for (size_t i = 0; i < read->fields_n; i++)
		if (read->fields[i].id == id)
			values[n++] = read->fields[i].value;
	for (size_t i = 0; i < n; i++) {
		struct span rest = values[i];
		while (rest.len) {
			size_t comma = span_find(rest, ',');
			call(head, span_trim(span_sub(rest, 0, comma)));
			rest = span_sub(rest, comma + 1, rest.len);
		}
	}
}

/* RFC 9110 7.6.1: what Connection names goes too; what is always passed on stays. */
static void named_drop(struct proxy_head *head, struct span name)
{
	if (name.len && !span_equal_nocase(name, span_text("close")) &&
	    !span_equal_nocase(name, span_text("keep-alive")))
		(void)proxy_head_remove_name(head, name);
}

static void te_read(struct proxy_head *head, struct span token)
{
	head->te_trailers |=
		span_equal_nocase(span_sub(token, 0, span_find(token, ';')), span_text("trailers"));
}

/* The first protocol that is offered; h2c is not passed on (RFC 9113 3.1 dropped it). */
static void upgrade_read(struct proxy_head *head, struct span token)
{
	if (!head->protocol.len && !span_equal_nocase(token, span_text("h2c")))
		head->protocol = token;
}

static void fields_settle(struct proxy_head *head, const struct http1_head *read)
{
	/* RFC 9110 7.8: what HTTP/1.0 says of it is passed over. */
	if (http1_has(read, HTTP_FIELD_UPGRADE) && read->version_minor &&
	    http1_has_token(read, HTTP_FIELD_CONNECTION, "upgrade"))
		each_token(read, HTTP_FIELD_UPGRADE, upgrade_read, head);
	if (http1_has(read, HTTP_FIELD_TE))
		each_token(read, HTTP_FIELD_TE, te_read, head);
	head->fields_n = (uint16_t)read->fields_n;
	if (http1_has(read, HTTP_FIELD_CONNECTION))
		each_token(read, HTTP_FIELD_CONNECTION, named_drop, head);
	head->fields_n = (uint16_t)drop(head->fields, head->fields_n, of_connection);
	head->has_length = read->framing == HTTP_BODY_LENGTH;
	head->length = read->content_length;
	head->version = read->version_minor ? 11 : 10;
}

/* RFC 9112 3.2.2: the authority of absolute form counts, not Host. */
static void target_read(struct proxy_head *head, const struct http1_head *read)
{
	struct span target = read->target;
	head->absolute = false;
	if (head->method_id == PROXY_CONNECT) {
		head->authority = target;
		head->path = (struct span){0};
		return;
	}
	head->authority = read->host;
	head->path = target;
	if (target.data[0] == '/' || span_is(target, "*"))
		return;
	size_t colon = span_find(target, ':');
	struct span rest = span_sub(target, colon + 3, target.len);
	size_t end = 0;
	while (end < rest.len && rest.data[end] != '/' && rest.data[end] != '?')
		end++;
	head->absolute = true;
	head->scheme = span_sub(target, 0, colon);
	head->authority = span_sub(rest, 0, end);
	head->path = span_sub(rest, end, rest.len);
	if (!head->path.len)
		head->path = span_text(head->method_id == PROXY_OPTIONS ? "*" : "/");
}

/* RFC 9110 10.1.1: one expectation is known, and is passed on. */
static bool is_nonsense(const struct http_field *f)
{
	if (f->id == HTTP_FIELD_EXPECT)
		return !span_equal_nocase(f->value, span_text("100-continue"));
	return proxy_field_is_disguised(f);
}

static void drop_nonsense(struct proxy_head *head)
{
	size_t kept = 0, expectations = 0;
	for (size_t i = 0; i < head->fields_n; i++) {
		const struct http_field *f = &head->fields[i];
		if (is_nonsense(f) || (f->id == HTTP_FIELD_EXPECT && expectations++))
			continue;
		head->fields[kept++] = *f;
	}
	head->fields_n = (uint16_t)kept;
}

void proxy_request_from1(struct proxy_head *head, const struct http1_head *read, bool secure)
{
	head->method = read->method;
	head->method_id = proxy_method_id(read->method);
	head->scheme = span_text(secure ? "https" : "http");
	head->protocol = (struct span){0};
	head->te_trailers = false;
	target_read(head, read);
	head->expect_continue = read->version_minor == 1 &&
				http1_has_token(read, HTTP_FIELD_EXPECT, "100-continue");
	fields_settle(head, read);
	drop_nonsense(head);
	switch (read->framing) {
	case HTTP_BODY_LENGTH: head->body = PROXY_BODY_LENGTH; break;
	case HTTP_BODY_CHUNKED: head->body = PROXY_BODY_STREAM; break;
	default: head->body = PROXY_BODY_NONE; break;
	}
}

void proxy_response_from1(struct proxy_head *head, const struct http1_head *read,
			  const struct proxy_head *request)
{
	head->status = read->status;
	head->reason = read->reason;
	head->protocol = (struct span){0};
	fields_settle(head, read);
	head->body = read->framing == HTTP_BODY_LENGTH ? PROXY_BODY_LENGTH : PROXY_BODY_STREAM;
	if (read->status == 101 ||
	    (request->method_id == PROXY_CONNECT && read->status / 100 == 2)) {
		head->body = PROXY_BODY_TUNNEL;
		head->has_length = false;
		return;
	}
	proxy_head_settle_response(head, request->method_id);
}

/* ---- bytes ---- */

static size_t decimal_size(uint64_t n)
{
	size_t digits = 1;
	while (n >= 10) {
		n /= 10;
		digits++;
	}
	return digits;
}

static uint8_t *put(uint8_t *at, struct span s)
{
	if (s.len)
		memcpy(at, s.data, s.len);
	return at + s.len;
}

#define PUT(at, text) put(at, span_of(text, sizeof(text) - 1))
#define SIZE(text)    (sizeof(text) - 1)

static uint8_t *put_decimal(uint8_t *at, uint64_t n)
{
	size_t digits = decimal_size(n);
	for (size_t i = digits; i > 0; i--, n /= 10)
		at[i - 1] = (uint8_t)('0' + n % 10);
	return at + digits;
}

static size_t fields_size(const struct proxy_head *head)
{
	size_t size = 0;
	for (size_t i = 0; i < head->fields_n; i++)
		size += head->fields[i].name.len + head->fields[i].value.len + SIZE(": \r\n");
	return size;
}

static uint8_t *put_field(uint8_t *at, struct span name, struct span value)
{
	at = put(at, name);
	at = PUT(at, ": ");
	at = put(at, value);
	return PUT(at, "\r\n");
}

static uint8_t *put_fields(uint8_t *at, const struct proxy_head *head)
{
	for (size_t i = 0; i < head->fields_n; i++)
		at = put_field(at, head->fields[i].name, head->fields[i].value);
	return at;
}

/* Framing and Connection, alike in both directions; the empty line ends it. */
static size_t end_size(const struct proxy_head *head, const struct proxy_write1 *how)
{
	size_t size = SIZE("\r\n");
	if (head->has_length)
		size += SIZE("Content-Length: \r\n") + decimal_size(head->length);
	if (how->chunked)
		size += SIZE("Transfer-Encoding: chunked\r\n");
	if (head->protocol.len)
		size += SIZE("Connection: upgrade\r\nUpgrade: \r\n") + head->protocol.len;
	else if (how->close)
		size += SIZE("Connection: close\r\n");
	else if (how->keep_alive)
		size += SIZE("Connection: keep-alive\r\n");
	return size;
}

static uint8_t *put_end(uint8_t *at, const struct proxy_head *head, const struct proxy_write1 *how)
{
	if (head->has_length) {
		at = PUT(at, "Content-Length: ");
		at = put_decimal(at, head->length);
		at = PUT(at, "\r\n");
	}
	if (how->chunked)
		at = PUT(at, "Transfer-Encoding: chunked\r\n");
	if (head->protocol.len) {
		at = PUT(at, "Connection: upgrade\r\nUpgrade: ");
		at = put(at, head->protocol);
		at = PUT(at, "\r\n");
	} else if (how->close) {
		at = PUT(at, "Connection: close\r\n");
	} else if (how->keep_alive) {
		at = PUT(at, "Connection: keep-alive\r\n");
	}
	return PUT(at, "\r\n");
}

/* TE goes with a Connection of its own: fields of one name may stand twice (RFC 9110 5.3). */
static const char te[] = "TE: trailers\r\nConnection: TE\r\n";

size_t proxy_request_size1(const struct proxy_head *head, const struct proxy_write1 *how)
{
	size_t size = head->method.len + SIZE("  HTTP/1.1\r\n") + fields_size(head) +
		      end_size(head, how) + SIZE("Host: \r\n") + head->authority.len;
	if (head->method_id == PROXY_CONNECT)
		size += head->authority.len;
	else if (!how->absolute || !span_is(head->path, "*"))
		size += head->path.len;
	if (how->authorization.len)
		size += SIZE("Proxy-Authorization: \r\n") + how->authorization.len;
	if (how->absolute)
		size += head->scheme.len + SIZE("://") + head->authority.len;
	return size + (head->te_trailers ? SIZE(te) : 0);
}

void proxy_request_write1(const struct proxy_head *head, const struct proxy_write1 *how,
			  uint8_t *at)
{
	at = put(at, head->method);
	at = PUT(at, " ");
	if (how->absolute) {
		at = put(at, head->scheme);
		at = PUT(at, "://");
		at = put(at, head->authority);
	}
	if (head->method_id == PROXY_CONNECT)
		at = put(at, head->authority);
	else if (!how->absolute || !span_is(head->path, "*")) /* RFC 9112 3.2.4 */
		at = put(at, head->path);
	at = PUT(at, " HTTP/1.1\r\n");
	at = put_field(at, span_text("Host"), head->authority);
	if (how->authorization.len)
		at = put_field(at, span_text("Proxy-Authorization"), how->authorization);
	at = put_fields(at, head);
	if (head->te_trailers)
		at = PUT(at, te);
	(void)put_end(at, head, how);
}

static struct span reason_of(const struct proxy_head *head)
{
	return head->reason.len ? head->reason : span_text(http_reason(head->status));
}

size_t proxy_response_size1(const struct proxy_head *head, const struct proxy_write1 *how)
{
	return SIZE("HTTP/1.1 200 \r\n") + reason_of(head).len + fields_size(head) +
	       end_size(head, how);
}

void proxy_response_write1(const struct proxy_head *head, const struct proxy_write1 *how,
			   uint8_t *at)
{
	at = PUT(at, "HTTP/1.1 ");
	at = put_decimal(at, head->status);
	at = PUT(at, " ");
	at = put(at, reason_of(head));
	at = PUT(at, "\r\n");
	at = put_fields(at, head);
	(void)put_end(at, head, how);
}
