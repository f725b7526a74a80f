/* One question to an OCSP server: its name, a connection to the first of its addresses that
 * answers, and the answer as it came. Main thread. Knows not what is asked nor whether an answer is
 * good.
 */
#ifndef REVERSE_PROXY_IO_OCSP_H
#define REVERSE_PROXY_IO_OCSP_H

#include "fetch/resolve.h"
#include "service/reverse-proxy/ocsp.h"

/* answer: empty when there is none, then why says why (a fixed text). Borrowed. Called in a turn of
 * the loop, never in reverse_ocsp_ask; may ask again. */
typedef void reverse_ocsp_call(void *arg, struct span answer, const char *why);

/* Storage is the caller's and may not move. */
struct reverse_ocsp {
	struct loop *loop; /* borrowed */
	reverse_ocsp_call *call;
	void *arg; /* borrowed */
	struct fetch_resolve resolve;
	size_t at_n, at_next; /* of resolve.found; the one to try next */
	uint16_t port;
	int fd; /* -1: none */
	bool sent;
	struct loop_watch watch;
	struct loop_timer timer;    /* the end of the connection that runs */
	struct ocsp_exchange *work; /* owned; NULL: nothing runs */
};

void reverse_ocsp_init(struct reverse_ocsp *o, struct loop *loop, reverse_ocsp_call *call,
		       void *arg);
/* Begins; one that runs is forgotten. ENOMEM; ERR_LIMIT: the
 * question is too long; ERR_FORMAT: the server's name is none. */
MUST enum err reverse_ocsp_ask(struct reverse_ocsp *o, struct fetch_resolvers resolvers,
			       const struct ocsp_server *to, struct span question);
static inline bool reverse_ocsp_runs(const struct reverse_ocsp *o)
{
	return o->work != NULL;
}
/* Nothing is told any more. Accepts one that does not run. */
void reverse_ocsp_stop(struct reverse_ocsp *o);

#endif
