/* A header field as received: its name, its value, and a number for the names that this tree looks
 * for. Knows neither which message it stands in nor what the value means.
 */
#ifndef PROTO_HTTP_FIELD_H
#define PROTO_HTTP_FIELD_H

#include "base/span.h"

/* Names that are looked for, so that nobody compares text on the way of a request. In the order of
 * the table in field.c. */
enum http_field_id {
	HTTP_FIELD_OTHER,
	HTTP_FIELD_ACCEPT,
	HTTP_FIELD_ACCEPT_ENCODING,
	HTTP_FIELD_ACCEPT_LANGUAGE,
	HTTP_FIELD_ACCEPT_RANGES,
	HTTP_FIELD_AGE,
	HTTP_FIELD_ALT_SVC,
	HTTP_FIELD_AUTHORIZATION,
	HTTP_FIELD_CACHE_CONTROL,
	HTTP_FIELD_CACHE_STATUS,
	HTTP_FIELD_CDN_CACHE_CONTROL,
	HTTP_FIELD_CONNECTION,
	HTTP_FIELD_CONTENT_ENCODING,
	HTTP_FIELD_CONTENT_LENGTH,
	HTTP_FIELD_CONTENT_RANGE,
	HTTP_FIELD_CONTENT_TYPE,
	HTTP_FIELD_COOKIE,
	HTTP_FIELD_DATE,
	HTTP_FIELD_ETAG,
	HTTP_FIELD_EXPECT,
	HTTP_FIELD_EXPIRES,
	HTTP_FIELD_FORWARDED,
	HTTP_FIELD_HOST,
	HTTP_FIELD_HTTP2_SETTINGS,
	HTTP_FIELD_IF_MATCH,
	HTTP_FIELD_IF_MODIFIED_SINCE,
	HTTP_FIELD_IF_NONE_MATCH,
	HTTP_FIELD_IF_RANGE,
	HTTP_FIELD_IF_UNMODIFIED_SINCE,
	HTTP_FIELD_KEEP_ALIVE,
	HTTP_FIELD_LAST_MODIFIED,
	HTTP_FIELD_LOCATION,
	HTTP_FIELD_PRAGMA,
	HTTP_FIELD_PROXY_AUTHENTICATE,
	HTTP_FIELD_PROXY_AUTHORIZATION,
	HTTP_FIELD_PROXY_CONNECTION,
	HTTP_FIELD_RANGE,
	HTTP_FIELD_REFERER,
	HTTP_FIELD_RETRY_AFTER,
	HTTP_FIELD_SERVER,
	HTTP_FIELD_SET_COOKIE,
	HTTP_FIELD_TE,
	HTTP_FIELD_TRACEPARENT,
	HTTP_FIELD_TRACESTATE,
	HTTP_FIELD_TRAILER,
	HTTP_FIELD_TRANSFER_ENCODING,
	HTTP_FIELD_UPGRADE,
	HTTP_FIELD_USER_AGENT,
	HTTP_FIELD_VARY,
	HTTP_FIELD_VIA,
	HTTP_FIELD_WWW_AUTHENTICATE,
	HTTP_FIELD_X_FORWARDED_FOR,
	HTTP_FIELD_X_FORWARDED_HOST,
	HTTP_FIELD_X_FORWARDED_PROTO,
	HTTP_FIELD_X_REAL_IP,
	HTTP_FIELD_X_REQUEST_ID,
	HTTP_FIELD_IDS,
};

struct http_field {
	struct span name, value; /* value: without the white space around it */
	uint16_t id;		 /* enum http_field_id; HTTP_FIELD_OTHER for names not above */
};

/* Any case. HTTP_FIELD_OTHER when it is none of the above. */
uint16_t http_field_id(struct span name);
/* Lower case, as HTTP/2 writes it; empty for HTTP_FIELD_OTHER. */
struct span http_field_name(uint16_t id);

/* Fields that belong to one connection and are never passed on, whatever Connection names
 * (RFC 9110 7.6.1): Connection, Keep-Alive, Proxy-Connection, TE, Transfer-Encoding, Upgrade, and
 * HTTP2-Settings. */
bool http_field_is_hop_by_hop(uint16_t id);

#endif
