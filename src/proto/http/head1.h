/* The head of one HTTP/1 message in one pass: start line, fields with their numbers, framing. Knows
 * no connection, copies nothing, zeroes nothing, and refuses every ambiguity (RFC 9112).
 *
 * http1.h stands on it for those who want a message with storage of its own.
 */
#ifndef PROTO_HTTP_HEAD1_H
#define PROTO_HTTP_HEAD1_H

#include "proto/http/field.h"
#include "proto/http/http1.h"

/* Filled up to what a result other than PARSE_DONE needs: fault with PARSE_BAD. */
struct http1_head {
	struct http_field *fields; /* in: where they go */
	size_t fields_max;	   /* in: how many fit; more is PARSE_BAD */
	size_t fields_n;
	struct span method, target; /* a request's */
	struct span reason;	    /* a response's */
	struct span host;	    /* a request's Host; empty without one */
	uint64_t seen;		    /* bit n: a field of number n is there */
	uint64_t content_length;
	size_t len; /* bytes of the head, the empty line included */
	uint16_t status;
	uint8_t version_minor;
	enum http_framing framing;
	enum http_fault fault;
	bool keep_alive; /* RFC 9112 9.3 */
};

/* At the start of in; all spans point into it. RFC 9112 2.2: one empty line ahead of the request is
 * passed over. */
enum parse http1_request_head(struct span in, struct http1_head *ret);
/* The framing is that of the fields alone: HTTP_BODY_UNTIL_CLOSE without any. Who knows the
 * request's method settles the rest (RFC 9112 6.3: HEAD, CONNECT, 1xx, 204, 304). */
enum parse http1_response_head(struct span in, struct http1_head *ret);
/* Fields until an empty line, as a trailer section has them; len counts from the start of in. */
enum parse http1_trailers(struct span in, struct http1_head *ret);

static inline bool http1_has(const struct http1_head *head, uint16_t id)
{
	return head->seen >> id & 1;
}

/* One of the comma-separated tokens of all fields of that number (any case) is token. */
bool http1_has_token(const struct http1_head *head, uint16_t id, const char *token);

/* "1a;name=value" CRLF at the start of in (RFC 9112 7.1): PARSE_DONE with how many bytes it takes
 * and the size; at most 15 digits, extensions of HTTP_CHUNK_EXT_MAX bytes are passed over. */
enum parse http1_chunk_size(struct span in, size_t *ret_used, uint64_t *ret_size);

#endif
