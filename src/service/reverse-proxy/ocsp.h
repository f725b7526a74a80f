/* The question to a certificate's OCSP server as a message of HTTP, and what its answer carries
 * (RFC 6960 A.1, RFC 5019 5). Does no I/O, knows no clock, and not what an answer says.
 */
#ifndef REVERSE_PROXY_OCSP_H
#define REVERSE_PROXY_OCSP_H

#include "base/err.h"
#include "base/parse.h"
#include "base/span.h"

struct writer;

enum {
	OCSP_HOST_MAX = 254,	    /* octets with the NUL */
	OCSP_QUESTION_MAX = 1024,   /* of a request, DER */
	OCSP_REQUEST_MAX = 4096,    /* of the message that asks */
	OCSP_ANSWER_MAX = 24 << 10, /* of head and body that are looked at */
};

/* Where to ask. */
struct ocsp_server {
	char host[OCSP_HOST_MAX]; /* a name, or an address without brackets */
	uint16_t port;
	struct span authority, path; /* of the URL; path may be empty */
};
/* "http://ocsp.example/x": ERR_FORMAT when it is none, ERR_UNSUPPORTED: another scheme. ret borrows
 * from url. */
MUST enum err ocsp_server_read(struct span url, struct ocsp_server *ret);

/* GET where the question is short enough to be kept by caches on the way, else POST. */
void ocsp_write(struct writer *w, const struct ocsp_server *to, struct span question);

/* What was received so far; end: nothing more comes. PARSE_DONE: *ret is the answer's body, which
 * lies in `in` (whose chunks are moved together there). PARSE_BAD: none, or too long; PARSE_MORE is
 * never said at the end or for OCSP_ANSWER_MAX octets. */
MUST enum parse ocsp_read(uint8_t *in, size_t len, bool end, struct span *ret);

#endif
