/* A check of a server: the question, what its answer is worth, and how many of them change one's
 * mind. Does no I/O and knows no clock.
 */
#ifndef REVERSE_PROXY_CHECK_H
#define REVERSE_PROXY_CHECK_H

#include "base/parse.h"
#include "base/writer.h"
#include "service/reverse-proxy/balance/backend.h"
#include "service/reverse-proxy/conf_check.h"

enum {
	REVERSE_CHECK_QUESTION_MAX = 2048,
	REVERSE_CHECK_ANSWER_MAX = 16 << 10, /* of head and body that are looked at */
};

/* The request of an HTTP check, to the server at that address. */
void reverse_check_ask(const struct reverse_check_conf *c, const struct ip_endpoint *at,
		       struct writer *w);

/* What was received so far; end: nothing more comes. PARSE_DONE: the server is well; PARSE_BAD: it
 * is not, or its answer is none; PARSE_MORE: it cannot be told yet, never said at the end or for
 * REVERSE_CHECK_ANSWER_MAX bytes. */
MUST enum parse reverse_check_judge(const struct reverse_check_conf *c, struct span in, bool end);

/* What came by HTTP/2 so far; zeroed storage: nothing did. */
struct reverse_check_answer {
	uint16_t status;      /* 0: no head yet; 1xx are passed over */
	bool is_grpc;	      /* by its content type */
	uint32_t grpc_status; /* of the head or of the trailers; 0: none was there */
	bool ended;	      /* in order, and whole */
	bool broken;	      /* nothing more comes, although it did not end */
	bool cut;	      /* there was more body than this: */
	struct span body;     /* at most REVERSE_CHECK_ANSWER_MAX, borrowed */
};

/* In grpc_status: 0 of the wire, all is well; and what is no number of the protocol's. */
#define REVERSE_CHECK_GRPC_FINE UINT32_MAX
#define REVERSE_CHECK_GRPC_NONE 17

/* As reverse_check_judge, of a check by HTTP or gRPC. *ret_why: a fixed text, of PARSE_BAD. */
MUST enum parse reverse_check_judge2(const struct reverse_check_conf *c,
				     const struct reverse_check_answer *a, const char **ret_why);

/* Zeroed storage: nothing is known. */
struct reverse_opinion {
	enum backend_checked is;
	uint32_t others; /* checks in a row that said the other thing */
};

/* After each check. True: the opinion changed. */
bool reverse_opinion_add(struct reverse_opinion *o, const struct reverse_check_conf *c, bool good);

#endif
