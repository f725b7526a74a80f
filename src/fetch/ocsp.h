/* The question to a certificate's OCSP server as a URL and a body (RFC 6960 A.1, RFC 5019 5). Does
 * no I/O, knows no clock, and not what an answer says.
 */
#ifndef FETCH_OCSP_H
#define FETCH_OCSP_H

#include "base/err.h"
#include "base/span.h"

enum {
	OCSP_QUESTION_MAX = 1024,   /* of a request, DER */
	OCSP_URL_MAX = 1024,	    /* octets with the NUL */
	OCSP_ANSWER_MAX = 24 << 10, /* of a body that is looked at */
};

#define OCSP_QUESTION_TYPE "application/ocsp-request"
#define OCSP_ANSWER_TYPE   "application/ocsp-response"

/* Where it is asked at a server's URL ("http://ocsp.example/x"). *ret_get: by GET, as the question
 * is short enough for caches on the way to keep its answer, and is in the URL; else it is the body
 * of a POST. ERR_LIMIT: the server's URL is too long. */
MUST enum err ocsp_url(struct span server, struct span question, char ret[OCSP_URL_MAX],
		       bool *ret_get);

#endif
