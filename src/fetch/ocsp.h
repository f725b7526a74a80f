/* The question to a certificate's OCSP server as one of HTTP (RFC 6960 A.1, RFC 5019 5). Does no
 * I/O, knows no clock, and not what an answer says.
 */
#ifndef FETCH_OCSP_H
#define FETCH_OCSP_H

#include "base/err.h"
#include "base/span.h"

struct fetch_question;

enum {
	OCSP_QUESTION_MAX = 1024, /* of a request, DER */
	OCSP_URL_MAX = 1024,	  /* octets with the NUL */
};

/* Sets what such questions have alike; resolvers, times, and where may be gone to are left to the
 * caller. server: its URL ("http://ocsp.example/x"). question: DER, by GET and in the URL if it is
 * short enough for caches on the way to keep its answer, else the body of a POST; it and url are
 * borrowed by *ret. ERR_LIMIT: the server's URL is too long. */
MUST enum err ocsp_question(struct span server, struct span question, char url[OCSP_URL_MAX],
			    struct fetch_question *ret);

#endif
