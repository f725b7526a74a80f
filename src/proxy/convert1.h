/* HTTP/1 heads into heads without a version, and back into bytes. Knows no connection and no
 * exchange.
 */
#ifndef PROXY_CONVERT1_H
#define PROXY_CONVERT1_H

#include "proto/http/head1.h"
#include "proxy/head.h"

/* The fields were read into head->fields. What belongs to the connection leaves them (RFC 9110
 * 7.6.1) and becomes members. secure: the scheme of origin form. */
void proxy_request_from1(struct proxy_head *head, const struct http1_head *read, bool secure);
/* request: what it answers. */
void proxy_response_from1(struct proxy_head *head, const struct http1_head *read,
			  const struct proxy_head *request);
/* Trailers that may be passed on (RFC 9110 6.5.1): those that say nothing of framing, routing,
 * credentials or the content stay, in their order; returns how many. */
size_t proxy_trailers_keep(struct http_field *fields, size_t n);

/* How the other side is told where the message ends and what becomes of the connection. */
struct proxy_write1 {
	bool chunked;
	bool close;		   /* Connection: close */
	bool keep_alive;	   /* Connection: keep-alive, for HTTP/1.0 */
	bool absolute;		   /* the target in absolute form: an upstream proxy */
	struct span authorization; /* of Proxy-Authorization, for it; empty: none */
};

/* Bytes that the head takes, exactly; then writes them at `at`. */
size_t proxy_request_size1(const struct proxy_head *head, const struct proxy_write1 *how);
void proxy_request_write1(const struct proxy_head *head, const struct proxy_write1 *how,
			  uint8_t *at);
size_t proxy_response_size1(const struct proxy_head *head, const struct proxy_write1 *how);
void proxy_response_write1(const struct proxy_head *head, const struct proxy_write1 *how,
			   uint8_t *at);

#endif
