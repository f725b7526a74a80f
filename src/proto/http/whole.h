/* A response of HTTP/1.1 that is wanted whole, with its head and its body in one buffer: for small
 * answers to questions of ours. Knows no connection. */
#ifndef PROTO_HTTP_WHOLE_H
#define PROTO_HTTP_WHOLE_H

#include "proto/http/http1.h"

/* What was received so far; end: nothing more comes. PARSE_DONE: all of it is there, and *ret_body
 * lies in `in`, where the chunks of a chunked one were moved together. PARSE_MORE: ret->head.len is
 * 0 until the head is there; never said at the end. Responses of 1xx ahead of it are passed over.
 * PARSE_BAD: torn, or cut off. Bounds are the caller's. */
enum parse http_response_whole(uint8_t *in, size_t len, bool end, struct span request_method,
			       struct http_response *ret, struct span *ret_body);

#endif
