/* HTTP/2 heads into heads without a version, and back. Knows no connection and no stream.
 *
 * A tunnel by extended CONNECT (RFC 8441) is, without a version, what it is in HTTP/1.1: a GET with
 * a protocol, answered by 101.
 */
#ifndef PROXY_CONVERT2_H
#define PROXY_CONVERT2_H

#include "proto/http2/head.h"
#include "proxy/head.h"

struct proxy_exchange;

/* Into x->request, copied into its store. ERR_LIMIT: no room. */
MUST enum err proxy_request_from2(struct proxy_exchange *x, const struct http2_head *read);
/* Into x->response. */
MUST enum err proxy_response_from2(struct proxy_exchange *x, const struct http2_head *read);
/* Into *ret_fields, in the store of x: those that may be passed on. */
MUST enum err proxy_trailers_from2(struct proxy_exchange *x, const struct http2_head *read,
				   struct http_field **ret_fields, uint16_t *ret_n);

enum { PROXY_NAMES2_MAX = 2048, PROXY_OUT2_MAX = PROXY_FIELDS_MAX + 2 };

/* Storage of a head on its way out: fields with names in lower case. */
struct proxy_out2 {
	struct http2_field fields[PROXY_OUT2_MAX];
	size_t fields_n;
	uint8_t names[PROXY_NAMES2_MAX];
	size_t names_len;
	uint8_t length[20];
};

/* ret points into out, x and head. ERR_LIMIT: too many fields, or too long names. */
MUST enum err proxy_request_to2(const struct proxy_head *head, struct proxy_out2 *out,
				struct http2_head *ret);
/* tunnel: it answers an extended CONNECT. */
MUST enum err proxy_response_to2(const struct proxy_head *head, bool tunnel, struct proxy_out2 *out,
				 struct http2_head *ret);
MUST enum err proxy_trailers_to2(const struct http_field *fields, size_t n, struct proxy_out2 *out);

#endif
