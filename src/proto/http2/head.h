/* What stands in front of a body in HTTP/2 (RFC 9113 8.3), as spans, and the checks by which a
 * request or a response is well formed beyond its frames. Knows no stream and keeps nothing. */
#ifndef PROTO_HTTP2_HEAD_H
#define PROTO_HTTP2_HEAD_H

#include "base/err.h"
#include "base/span.h"

#define HTTP2_FIELDS_MAX                                                                           \
	128 /* of one head or trailer section, pseudo-header fields not counted                    \
	     */

struct http2_field {
	struct span name, value; /* name: lower case */
	bool sensitive;		 /* RFC 7541 7.1.3: never indexed by anybody on the way */
};

struct http2_head {
	/* Of a request; all empty in a response and in trailers. CONNECT has no scheme and path;
	 * extended CONNECT (RFC 8441) has them and protocol. authority: Host when there is no
	 * :authority. */
	struct span method, scheme, authority, path, protocol;
	uint16_t status; /* of a response; 100 to 199 is not the last head */
	const struct http2_field *fields;
	size_t fields_n;
	size_t size; /* of one that was received, as RFC 9113 6.5.2 counts it */
	bool end;    /* neither body nor trailers follow */
	/* The head was larger than the limits: some of its fields are missing. Answer 431, or treat
	 * the response as broken. */
	bool too_large;
};

/* Why a head was refused: one counter each. The stream is reset with PROTOCOL_ERROR (RFC 9113
 * 8.1.1). */
enum http2_fault {
	HTTP2_FAULT_NONE,
	HTTP2_FAULT_METHOD,    /* not a token */
	HTTP2_FAULT_SCHEME,    /* neither http nor https */
	HTTP2_FAULT_AUTHORITY, /* none, not one host, or another than Host: RFC 9113 8.3.1 */
	HTTP2_FAULT_PATH,      /* a byte outside of RFC 3986, or a form the method has not */
	HTTP2_FAULT_PROTOCOL,  /* :protocol not a token: RFC 8441 4 */
	HTTP2_FAULT_STATUS,    /* not 100 to 599, or 101: RFC 9113 8.6 */
	HTTP2_FAULT_FIELD,     /* RFC 9113 8.2.1: a byte that no name or value may have */
	HTTP2_FAULT_FRAMING,   /* pseudo-header fields, fields of a connection (8.2.2), or a
				* length that the DATA frames do not keep (8.1.1) */
	HTTP2_FAULTS,
};

/* One line without a full stop; never NULL. */
const char *http2_fault_text(enum http2_fault fault);

/* The pseudo-header fields of a request against each other and against Host, which becomes the
 * authority when there is no other (RFC 9113 8.3.1). That there is one of each that must be, and
 * what names and values are made of, was checked with the frames. */
enum http2_fault http2_request_check(struct http2_head *h);
enum http2_fault http2_response_check(const struct http2_head *h);

#endif
