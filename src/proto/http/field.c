#include "proto/http/field.h"

#include "base/err.h"

#include <assert.h>

#define NAME(text)                                                                                 \
	{                                                                                          \
		text, sizeof(text) - 1                                                             \
	}

static const struct {
	const char *text;
	size_t len;
} names[HTTP_FIELD_IDS] = {
	[HTTP_FIELD_OTHER] = NAME(""),
	[HTTP_FIELD_ACCEPT] = NAME("accept"),
	[HTTP_FIELD_ACCEPT_ENCODING] = NAME("accept-encoding"),
	[HTTP_FIELD_ACCEPT_LANGUAGE] = NAME("accept-language"),
	[HTTP_FIELD_ACCEPT_RANGES] = NAME("accept-ranges"),
	[HTTP_FIELD_AGE] = NAME("age"),
	[HTTP_FIELD_ALT_SVC] = NAME("alt-svc"),
	[HTTP_FIELD_AUTHORIZATION] = NAME("authorization"),
	[HTTP_FIELD_CACHE_CONTROL] = NAME("cache-control"),
	[HTTP_FIELD_CACHE_STATUS] = NAME("cache-status"),
	[HTTP_FIELD_CDN_CACHE_CONTROL] = NAME("cdn-cache-control"),
	[HTTP_FIELD_CONNECTION] = NAME("connection"),
	[HTTP_FIELD_CONTENT_ENCODING] = NAME("content-encoding"),
	[HTTP_FIELD_CONTENT_LENGTH] = NAME("content-length"),
	[HTTP_FIELD_CONTENT_RANGE] = NAME("content-range"),
	[HTTP_FIELD_CONTENT_TYPE] = NAME("content-type"),
	[HTTP_FIELD_COOKIE] = NAME("cookie"),
	[HTTP_FIELD_DATE] = NAME("date"),
	[HTTP_FIELD_ETAG] = NAME("etag"),
	[HTTP_FIELD_EXPECT] = NAME("expect"),
	[HTTP_FIELD_EXPIRES] = NAME("expires"),
	[HTTP_FIELD_FORWARDED] = NAME("forwarded"),
	[HTTP_FIELD_HOST] = NAME("host"),
	[HTTP_FIELD_HTTP2_SETTINGS] = NAME("http2-settings"),
	[HTTP_FIELD_IF_MATCH] = NAME("if-match"),
	[HTTP_FIELD_IF_MODIFIED_SINCE] = NAME("if-modified-since"),
	[HTTP_FIELD_IF_NONE_MATCH] = NAME("if-none-match"),
	[HTTP_FIELD_IF_RANGE] = NAME("if-range"),
	[HTTP_FIELD_IF_UNMODIFIED_SINCE] = NAME("if-unmodified-since"),
	[HTTP_FIELD_KEEP_ALIVE] = NAME("keep-alive"),
	[HTTP_FIELD_LAST_MODIFIED] = NAME("last-modified"),
	[HTTP_FIELD_LOCATION] = NAME("location"),
	[HTTP_FIELD_PRAGMA] = NAME("pragma"),
	[HTTP_FIELD_PROXY_AUTHENTICATE] = NAME("proxy-authenticate"),
	[HTTP_FIELD_PROXY_AUTHORIZATION] = NAME("proxy-authorization"),
	[HTTP_FIELD_PROXY_CONNECTION] = NAME("proxy-connection"),
	[HTTP_FIELD_RANGE] = NAME("range"),
	[HTTP_FIELD_REFERER] = NAME("referer"),
	[HTTP_FIELD_RETRY_AFTER] = NAME("retry-after"),
	[HTTP_FIELD_SERVER] = NAME("server"),
	[HTTP_FIELD_SET_COOKIE] = NAME("set-cookie"),
	[HTTP_FIELD_TE] = NAME("te"),
	[HTTP_FIELD_TRACEPARENT] = NAME("traceparent"),
	[HTTP_FIELD_TRACESTATE] = NAME("tracestate"),
	[HTTP_FIELD_TRAILER] = NAME("trailer"),
	[HTTP_FIELD_TRANSFER_ENCODING] = NAME("transfer-encoding"),
	[HTTP_FIELD_UPGRADE] = NAME("upgrade"),
	[HTTP_FIELD_USER_AGENT] = NAME("user-agent"),
	[HTTP_FIELD_VARY] = NAME("vary"),
	[HTTP_FIELD_VIA] = NAME("via"),
	[HTTP_FIELD_WWW_AUTHENTICATE] = NAME("www-authenticate"),
	[HTTP_FIELD_X_FORWARDED_FOR] = NAME("x-forwarded-for"),
	[HTTP_FIELD_X_FORWARDED_HOST] = NAME("x-forwarded-host"),
	[HTTP_FIELD_X_FORWARDED_PROTO] = NAME("x-forwarded-proto"),
	[HTTP_FIELD_X_REAL_IP] = NAME("x-real-ip"),
	[HTTP_FIELD_X_REQUEST_ID] = NAME("x-request-id"),
};

/* Where a name's number stands, by slot_of: no two names share a slot (field_test.c checks). */
static const uint8_t slots[256] = {
	[3] = HTTP_FIELD_WWW_AUTHENTICATE,
	[5] = HTTP_FIELD_TRANSFER_ENCODING,
	[8] = HTTP_FIELD_ACCEPT_RANGES,
	[14] = HTTP_FIELD_ACCEPT_ENCODING,
	[24] = HTTP_FIELD_TRAILER,
	[26] = HTTP_FIELD_RETRY_AFTER,
	[27] = HTTP_FIELD_X_FORWARDED_FOR,
	[35] = HTTP_FIELD_X_REQUEST_ID,
	[40] = HTTP_FIELD_USER_AGENT,
	[41] = HTTP_FIELD_ACCEPT_LANGUAGE,
	[53] = HTTP_FIELD_PROXY_AUTHORIZATION,
	[54] = HTTP_FIELD_LAST_MODIFIED,
	[61] = HTTP_FIELD_HOST,
	[67] = HTTP_FIELD_SERVER,
	[76] = HTTP_FIELD_RANGE,
	[77] = HTTP_FIELD_IF_RANGE,
	[79] = HTTP_FIELD_CACHE_STATUS,
	[80] = HTTP_FIELD_EXPECT,
	[82] = HTTP_FIELD_ALT_SVC,
	[92] = HTTP_FIELD_PROXY_CONNECTION,
	[98] = HTTP_FIELD_EXPIRES,
	[99] = HTTP_FIELD_TRACEPARENT,
	[104] = HTTP_FIELD_TE,
	[109] = HTTP_FIELD_CONTENT_ENCODING,
	[110] = HTTP_FIELD_IF_MATCH,
	[117] = HTTP_FIELD_AUTHORIZATION,
	[119] = HTTP_FIELD_COOKIE,
	[123] = HTTP_FIELD_IF_UNMODIFIED_SINCE,
	[135] = HTTP_FIELD_SET_COOKIE,
	[136] = HTTP_FIELD_X_REAL_IP,
	[142] = HTTP_FIELD_IF_MODIFIED_SINCE,
	[143] = HTTP_FIELD_IF_NONE_MATCH,
	[146] = HTTP_FIELD_PRAGMA,
	[147] = HTTP_FIELD_CACHE_CONTROL,
	[148] = HTTP_FIELD_ACCEPT,
	[154] = HTTP_FIELD_X_FORWARDED_PROTO,
	[158] = HTTP_FIELD_REFERER,
	[163] = HTTP_FIELD_ETAG,
	[165] = HTTP_FIELD_CDN_CACHE_CONTROL,
	[166] = HTTP_FIELD_CONNECTION,
	[173] = HTTP_FIELD_KEEP_ALIVE,
	[182] = HTTP_FIELD_FORWARDED,
	[183] = HTTP_FIELD_VIA,
	[188] = HTTP_FIELD_CONTENT_TYPE,
	[189] = HTTP_FIELD_CONTENT_RANGE,
	[194] = HTTP_FIELD_LOCATION,
	[208] = HTTP_FIELD_X_FORWARDED_HOST,
	[209] = HTTP_FIELD_PROXY_AUTHENTICATE,
	[210] = HTTP_FIELD_TRACESTATE,
	[218] = HTTP_FIELD_HTTP2_SETTINGS,
	[227] = HTTP_FIELD_DATE,
	[238] = HTTP_FIELD_CONTENT_LENGTH,
	[247] = HTTP_FIELD_UPGRADE,
	[250] = HTTP_FIELD_AGE,
	[255] = HTTP_FIELD_VARY,
};

static_assert(HTTP_FIELD_IDS <= UINT8_MAX, "a number fits into a slot");

/* Length, first, middle and last byte, letters in lower case. */
static unsigned slot_of(struct span name)
{
	unsigned first = name.data[0] | 0x20u, last = name.data[name.len - 1] | 0x20u;
	unsigned middle = name.data[name.len / 2] | 0x20u;
	return ((unsigned)name.len + first * 47 + last * 11 + middle * 7) & 255;
}

uint16_t http_field_id(struct span name)
{
	if (name.len == 0)
		return HTTP_FIELD_OTHER;
	uint8_t id = slots[slot_of(name)];
	return id && name.len == names[id].len && span_equal_nocase(name, http_field_name(id))
		       ? id
		       : HTTP_FIELD_OTHER;
}

struct span http_field_name(uint16_t id)
{
	ASSERT(id < HTTP_FIELD_IDS);
	return span_of(names[id].text, names[id].len);
}

bool http_field_is_hop_by_hop(uint16_t id)
{
	switch (id) {
	case HTTP_FIELD_CONNECTION:
	case HTTP_FIELD_KEEP_ALIVE:
	case HTTP_FIELD_PROXY_CONNECTION:
	case HTTP_FIELD_TE:
	case HTTP_FIELD_TRANSFER_ENCODING:
	case HTTP_FIELD_UPGRADE:
	case HTTP_FIELD_HTTP2_SETTINGS: return true;
	default: return false;
	}
}
