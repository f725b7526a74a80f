/* HTTP/1.1 messages as RFC 9112 frames them: bytes to spans and back, with every ambiguity of
 * framing refused. Knows no connection, no semantics of methods beyond framing, and copies nothing.
 */
#ifndef PROTO_HTTP_HTTP1_H
#define PROTO_HTTP_HTTP1_H

#include "base/err.h"
#include "base/parse.h"
#include "base/span.h"
#include "proto/http/field.h"

struct writer;

#define HTTP_HEADERS_MAX   100	 /* header fields of a message */
#define HTTP_HEAD_MAX	   65536 /* bytes of a head; more is PARSE_BAD */
#define HTTP_CHUNK_EXT_MAX 256	 /* bytes of one chunk's extensions */
#define HTTP_TRAILER_MAX   8192	 /* bytes of a trailer section */

/* Why a message was refused: one counter each, and the text of a 400. */
enum http_fault {
	HTTP_FAULT_NONE,
	HTTP_FAULT_REQUEST_LINE, /* RFC 9112 3 */
	HTTP_FAULT_METHOD,
	HTTP_FAULT_TARGET,
	HTTP_FAULT_VERSION,	      /* RFC 9112 2.3 */
	HTTP_FAULT_STATUS_LINE,	      /* RFC 9112 4 */
	HTTP_FAULT_LINE_END,	      /* bare CR or bare LF: RFC 9112 2.2 */
	HTTP_FAULT_FOLD,	      /* obs-fold: RFC 9112 5.2 */
	HTTP_FAULT_FIELD_NAME,	      /* white space or another byte no token has: RFC 9112 5.1 */
	HTTP_FAULT_FIELD_VALUE,	      /* a control byte: RFC 9110 5.5 */
	HTTP_FAULT_HOST,	      /* none, two, or not one host: RFC 9112 3.2 */
	HTTP_FAULT_LENGTH,	      /* Content-Length repeated or no plain number: RFC 9112 6.3 */
	HTTP_FAULT_CODING,	      /* Transfer-Encoding other than one "chunked": RFC 9112 6.1 */
	HTTP_FAULT_LENGTH_AND_CODING, /* RFC 9112 6.1: what request smuggling is made of */
	HTTP_FAULT_TOO_LARGE,	      /* HTTP_HEAD_MAX or HTTP_HEADERS_MAX: answer 431 */
	HTTP_FAULT_CHUNK,	      /* RFC 9112 7.1 */
	HTTP_FAULTS,
};

/* One line without a full stop; never NULL. */
const char *http_fault_text(enum http_fault fault);

enum http_framing {
	HTTP_BODY_NONE,
	HTTP_BODY_LENGTH,      /* content_length bytes follow, maybe 0 */
	HTTP_BODY_CHUNKED,     /* read with http_chunked_read */
	HTTP_BODY_UNTIL_CLOSE, /* responses only */
};

struct http_head {
	uint8_t version_minor; /* 0 or 1 */
	size_t len;	       /* bytes of the head, the empty line included */
	struct http_field headers[HTTP_HEADERS_MAX];
	size_t headers_n;
	enum http_framing framing;
	uint64_t content_length; /* HTTP_BODY_LENGTH */
	bool keep_alive;	 /* RFC 9112 9.3 */
	enum http_fault fault;	 /* set with PARSE_BAD */
};

struct http_request {
	struct span method, target; /* target: as received, in a form that the method allows */
	struct span host;	    /* value of Host; empty in HTTP/1.0 without one */
	bool expect_continue;	    /* RFC 9110 10.1.1 */
	struct http_head head;
};

struct http_response {
	uint16_t status;
	struct span reason;
	struct http_head head;
};

/* Reads one request's head at the start of in; call again with more bytes after PARSE_MORE. All
 * spans point into in. RFC 9112 2.2: one empty line ahead of the request is passed over. */
enum parse http_request_read(struct span in, struct http_request *ret);

/* Reads one response's head. request_method decides on the body (RFC 9112 6.3: HEAD, CONNECT). */
enum parse http_response_read(struct span in, struct span request_method,
			      struct http_response *ret);

/* The first field of that name (any case), or NULL. */
const struct http_field *http_head_find(const struct http_head *head, const char *name);
/* One of the comma-separated tokens of all fields of that name (any case) is token. */
bool http_head_has_token(const struct http_head *head, const char *name, const char *token);

/* A chunked body on its way in (RFC 9112 7.1); all zero at the start. */
struct http_chunked {
	uint64_t left; /* of the chunk's data */
	enum {
		HTTP_CHUNK_SIZE,
		HTTP_CHUNK_DATA,
		HTTP_CHUNK_END,
		HTTP_CHUNK_TRAILER,
		HTTP_CHUNK_DONE
	} at;
	size_t trailer_len; /* bytes of trailer fields passed so far */
};

/* Reads on at the start of in: *ret_used bytes are dealt with, of which *ret_data is body (maybe
 * empty). PARSE_DONE: the body and its trailers have ended. PARSE_MORE: go on with what follows
 * ret_used bytes, when there is more. Trailer fields are checked and dropped (RFC 9112 7.1.2 allows
 * it). */
enum parse http_chunked_read(struct http_chunked *c, struct span in, size_t *ret_used,
			     struct span *ret_data);

/* Splits "/a/b?c=d" (origin form) at the question mark. */
void http_target_split(struct span target, struct span *ret_path, struct span *ret_query);

/* Decodes %XX (and + as a blank when form is set) into buf with a NUL; false: torn, a NUL byte, or
 * too long. */
bool http_percent_decode(struct span in, bool form, char *buf, size_t size);
/* Encodes all but RFC 3986's unreserved bytes. */
void http_percent_encode(struct writer *w, struct span in);

/* "HTTP/1.1 404 Not Found\r\n". */
void http_write_status(struct writer *w, unsigned status);
/* "Name: value\r\n"; marks w bad for a name or value that would tear the message. */
void http_write_header(struct writer *w, const char *name, struct span value);
/* The reason phrase of RFC 9110 15; "Unknown" for others. */
const char *http_reason(unsigned status);

#endif
