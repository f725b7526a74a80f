#include "proxy/convert2.h"

#include "base/writer.h"
#include "crypto/hash.h"
#include "crypto/random.h"
#include "proxy/convert1.h"
#include "proxy/exchange.h"

#include <string.h>

/* ---- in ---- */

/* Copies into one piece of the exchange's store. */
struct store {
	uint8_t *at;
	size_t left;
};

static struct span keep(struct store *s, struct span bytes)
{
	ASSERT(bytes.len <= s->left);
	uint8_t *at = s->at;
	if (bytes.len)
		memcpy(at, bytes.data, bytes.len);
	s->at += bytes.len;
	s->left -= bytes.len;
	return span_of(at, bytes.len);
}

/* RFC 9113 8.2.3: several Cookie fields are one, joined by "; ". */
static const char crumb[] = "; ";

static size_t room_of(const struct http2_head *read)
{
	size_t size = read->method.len + read->scheme.len + read->authority.len + read->path.len +
		      read->protocol.len;
	for (size_t i = 0; i < read->fields_n; i++)
		size += read->fields[i].name.len + read->fields[i].value.len + sizeof(crumb) - 1;
	return size;
}

static struct span name_of(struct store *s, struct span name, uint16_t id)
{
	return id == HTTP_FIELD_OTHER ? keep(s, name) : http_field_name(id);
}

static void join_cookies(struct proxy_head *head, struct store *s, const struct http2_head *read)
{
	uint8_t *start = s->at;
	size_t n = 0;
	for (size_t i = 0; i < read->fields_n; i++) {
		if (!span_is(read->fields[i].name, "cookie"))
			continue;
		if (n++)
			(void)keep(s, span_text(crumb));
		(void)keep(s, read->fields[i].value);
	}
	head->fields[head->fields_n++] =
		(struct http_field){.name = http_field_name(HTTP_FIELD_COOKIE),
				    .value = span_of(start, (size_t)(s->at - start)),
				    .id = HTTP_FIELD_COOKIE};
}

/* One field: a member, or among the others. What belongs to a connection was refused by the
 * session. */
static void take_field(struct proxy_head *head, struct store *s, const struct http2_field *f)
{
	uint16_t id = http_field_id(f->name);
	switch (id) {
	case HTTP_FIELD_CONTENT_LENGTH:
		head->has_length = span_to_u64(f->value, UINT64_MAX, &head->length);
		return;
	case HTTP_FIELD_TE: head->te_trailers = true; return; /* RFC 9113 8.2.2: nothing else */
	case HTTP_FIELD_HOST:
	case HTTP_FIELD_HTTP2_SETTINGS:
	case HTTP_FIELD_COOKIE: return;
	case HTTP_FIELD_EXPECT: /* RFC 9110 10.1.1 knows one */
		if (!span_equal_nocase(f->value, span_text("100-continue")))
			return;
		head->expect_continue = true;
		break;
	default: break;
	}
	if (proxy_field_is_disguised(&(struct http_field){.name = f->name, .id = id}))
		return;
	head->fields[head->fields_n++] = (struct http_field){
		.name = name_of(s, f->name, id), .value = keep(s, f->value), .id = id};
}

static enum err take_fields(struct proxy_head *head, struct store *s, const struct http2_head *read)
{
	bool cookie = false;
	if (read->fields_n > PROXY_FIELDS_RECEIVED)
		return ERR_LIMIT;
	for (size_t i = 0; i < read->fields_n; i++) {
		cookie |= span_is(read->fields[i].name, "cookie");
		take_field(head, s, &read->fields[i]);
	}
	if (cookie)
		join_cookies(head, s, read);
	return OK;
}

static void encode_base64(const uint8_t *in, size_t len, uint8_t *to)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	for (size_t i = 0; i < len; i += 3) {
		uint32_t v = (uint32_t)in[i] << 16;
		v |= i + 1 < len ? (uint32_t)in[i + 1] << 8 : 0;
		v |= i + 2 < len ? in[i + 2] : 0;
		*to++ = (uint8_t)digits[v >> 18];
		*to++ = (uint8_t)digits[v >> 12 & 63];
		*to++ = i + 1 < len ? (uint8_t)digits[v >> 6 & 63] : '=';
		*to++ = i + 2 < len ? (uint8_t)digits[v & 63] : '=';
	}
}

enum { NONCE = 16, NONCE_TEXT = 24, ACCEPT_TEXT = 28 };

static bool is_websocket(const struct proxy_head *head)
{
	return span_equal_nocase(head->protocol, span_text("websocket"));
}

/* RFC 8441 5: HTTP/2 has no Sec-WebSocket-Key, and RFC 6455 4.1 wants one. */
static enum err upgrade(struct proxy_exchange *x)
{
	struct proxy_head *head = &x->request;
	head->method = span_text("GET");
	head->method_id = PROXY_GET;
	if (!is_websocket(head))
		return OK;
	uint8_t nonce[NONCE];
	uint8_t *text = proxy_exchange_alloc(x, NONCE_TEXT);
	if (!text)
		return ERR_LIMIT;
	TRY(crypto_random(nonce, sizeof(nonce)));
	encode_base64(nonce, sizeof(nonce), text);
	return proxy_head_set(head, span_text("sec-websocket-key"), span_of(text, NONCE_TEXT));
}

static uint8_t body_of(const struct proxy_head *head, bool end)
{
	if (head->has_length)
		return PROXY_BODY_LENGTH;
	return end ? PROXY_BODY_NONE : PROXY_BODY_STREAM;
}

static enum err store_begin(struct proxy_exchange *x, const struct http2_head *read,
			    struct store *ret)
{
	ret->left = room_of(read);
	ret->at = proxy_exchange_alloc(x, ret->left);
	return ret->at ? OK : ERR_LIMIT;
}

enum err proxy_request_from2(struct proxy_exchange *x, const struct http2_head *read)
{
	struct proxy_head *head = &x->request;
	struct store s;
	TRY(store_begin(x, read, &s));
	head->method = keep(&s, read->method);
	head->method_id = proxy_method_id(read->method);
	head->scheme = keep(&s, read->scheme);
	head->authority = keep(&s, read->authority);
	head->path = keep(&s, read->path);
	head->protocol = keep(&s, read->protocol);
	head->version = 20;
	TRY(take_fields(head, &s, read));
	if (head->protocol.len || head->method_id == PROXY_CONNECT) {
		/* RFC 9110 9.3.6: what follows is the tunnel's. Who was told a length would take so
		 * much of the next request for a body. */
		head->has_length = false;
		head->body = PROXY_BODY_NONE;
		return head->protocol.len ? upgrade(x) : OK;
	}
	head->body = body_of(head, read->end);
	return OK;
}

/* RFC 6455 4.2.2, 5.: what the client of HTTP/1.1 awaits. */
static enum err accept_websocket(struct proxy_exchange *x)
{
	static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
	const struct http_field *key =
		proxy_head_find_name(&x->request, span_text("sec-websocket-key"));
	uint8_t *text = proxy_exchange_alloc(x, ACCEPT_TEXT);
	uint8_t both[NONCE_TEXT + sizeof(guid)], hash[CRYPTO_SHA1_LEN];
	if (!key || key->value.len != NONCE_TEXT || !text)
		return ERR_FORMAT;
	struct writer w = writer_of(both, sizeof(both));
	write_span(&w, key->value);
	write_text(&w, guid);
	crypto_sha1(writer_span(&w), hash);
	encode_base64(hash, sizeof(hash), text);
	return proxy_head_set(&x->response, span_text("sec-websocket-accept"),
			      span_of(text, ACCEPT_TEXT));
}

static enum err switch_protocol(struct proxy_exchange *x)
{
	struct proxy_head *head = &x->response;
	head->status = 101;
	head->protocol = x->request.protocol;
	head->body = PROXY_BODY_TUNNEL;
	head->has_length = false;
	return is_websocket(&x->request) ? accept_websocket(x) : OK;
}

enum err proxy_response_from2(struct proxy_exchange *x, const struct http2_head *read)
{
	struct proxy_head *head = &x->response;
	struct store s;
	proxy_head_reset(head);
	TRY(store_begin(x, read, &s));
	head->status = read->status;
	head->version = 20;
	TRY(take_fields(head, &s, read));
	head->body = body_of(head, false);
	if (x->request.protocol.len && read->status / 100 == 2)
		return switch_protocol(x);
	if (x->request.method_id == PROXY_CONNECT && read->status / 100 == 2) {
		head->body = PROXY_BODY_TUNNEL;
		head->has_length = false;
		return OK;
	}
	if (read->end && !head->has_length) {
		/* A client of HTTP/2 sees the end; gRPC's "Trailers-Only" has no length. */
		head->has_length = x->request.version != 20;
		head->body = PROXY_BODY_LENGTH;
	}
	proxy_head_settle_response(head, x->request.method_id);
	return OK;
}

enum err proxy_trailers_from2(struct proxy_exchange *x, const struct http2_head *read,
			      struct http_field **ret_fields, uint16_t *ret_n)
{
	struct http_field fields[PROXY_TRAILERS_MAX];
	size_t n = 0;
	if (read->too_large || read->fields_n > PROXY_TRAILERS_MAX)
		return ERR_LIMIT;
	for (; n < read->fields_n; n++)
		fields[n] = (struct http_field){.name = read->fields[n].name,
						.value = read->fields[n].value,
						.id = http_field_id(read->fields[n].name)};
	n = proxy_trailers_keep(fields, n);
	*ret_fields = proxy_trailers_store(x, fields, n);
	*ret_n = *ret_fields ? (uint16_t)n : 0;
	return *ret_fields || !n ? OK : ERR_LIMIT;
}

/* ---- out ---- */

static bool has_upper(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.data[i] >= 'A' && s.data[i] <= 'Z')
			return true;
	return false;
}

static bool lower(struct proxy_out2 *out, struct span name, struct span *ret)
{
	*ret = name;
	if (!has_upper(name))
		return true;
	if (name.len > PROXY_NAMES2_MAX - out->names_len)
		return false;
	uint8_t *at = out->names + out->names_len;
	for (size_t i = 0; i < name.len; i++) {
		uint8_t c = name.data[i];
		at[i] = c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
	}
	out->names_len += name.len;
	*ret = span_of(at, name.len);
	return true;
}

/* RFC 7541 7.1.3: what is guessed by trying does not go into a table. */
static bool is_sensitive(uint16_t id)
{
	return id == HTTP_FIELD_AUTHORIZATION || id == HTTP_FIELD_PROXY_AUTHORIZATION;
}

static enum err add(struct proxy_out2 *out, const struct http_field *f)
{
	struct span name = http_field_name(f->id);
	if (f->id == HTTP_FIELD_CONTENT_LENGTH || f->id == HTTP_FIELD_HOST ||
	    http_field_is_hop_by_hop(f->id))
		return OK;
	if (out->fields_n == PROXY_OUT2_MAX || (!name.len && !lower(out, f->name, &name)))
		return ERR_LIMIT;
	out->fields[out->fields_n++] = (struct http2_field){
		.name = name, .value = f->value, .sensitive = is_sensitive(f->id)};
	return OK;
}

static enum err add_all(struct proxy_out2 *out, const struct http_field *fields, size_t n,
			const char *but)
{
	for (size_t i = 0; i < n; i++)
		if (!but || fields[i].id != HTTP_FIELD_OTHER ||
		    !span_equal_nocase(fields[i].name, span_text(but)))
			TRY(add(out, &fields[i]));
	return OK;
}

static void add_plain(struct proxy_out2 *out, const char *name, struct span value)
{
	ASSERT(out->fields_n < PROXY_OUT2_MAX);
	out->fields[out->fields_n++] =
		(struct http2_field){.name = span_text(name), .value = value};
}

static struct span decimal(struct proxy_out2 *out, uint64_t n)
{
	size_t at = sizeof(out->length);
	do {
		out->length[--at] = (uint8_t)('0' + n % 10);
		n /= 10;
	} while (n);
	return span_of(out->length + at, sizeof(out->length) - at);
}

/* Framing fields come first, so that there is always room for them. */
static void begin(const struct proxy_head *head, struct proxy_out2 *out)
{
	out->fields_n = out->names_len = 0;
	if (head->has_length && head->body != PROXY_BODY_TUNNEL)
		add_plain(out, "content-length", decimal(out, head->length));
}

enum err proxy_request_to2(const struct proxy_head *head, struct proxy_out2 *out,
			   struct http2_head *ret)
{
	bool tunnel = head->protocol.len;
	begin(head, out);
	if (head->te_trailers)
		add_plain(out, "te", span_text("trailers"));
	TRY(add_all(out, head->fields, head->fields_n, tunnel ? "sec-websocket-key" : NULL));
	*ret = (struct http2_head){.method = tunnel ? span_text("CONNECT") : head->method,
				   .authority = head->authority,
				   .protocol = head->protocol,
				   .fields = out->fields,
				   .fields_n = out->fields_n};
	if (head->method_id == PROXY_CONNECT)
		return OK;
	ret->scheme = head->scheme;
	ret->path = head->path;
	return OK;
}

enum err proxy_response_to2(const struct proxy_head *head, bool tunnel, struct proxy_out2 *out,
			    struct http2_head *ret)
{
	begin(head, out);
	TRY(add_all(out, head->fields, head->fields_n, tunnel ? "sec-websocket-accept" : NULL));
	*ret = (struct http2_head){
		.status = head->status, .fields = out->fields, .fields_n = out->fields_n};
	if (head->status == 101)
		ret->status = 200;
	return OK;
}

enum err proxy_trailers_to2(const struct http_field *fields, size_t n, struct proxy_out2 *out)
{
	out->fields_n = out->names_len = 0;
	return add_all(out, fields, n, NULL);
}
