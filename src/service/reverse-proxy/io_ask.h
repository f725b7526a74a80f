/* Forward authentication: another server is asked about a request before it goes on, and its answer
 * is what the client gets unless it is yes. Knows no rule but guard_forward. */
#ifndef REVERSE_PROXY_IO_ASK_H
#define REVERSE_PROXY_IO_ASK_H

#include "base/err.h"

struct guard_forward;
struct proxy_verdict;
struct reverse_exchange;
struct reverse_question; /* in the exchange's storage */
struct reverse_worker;

/* Once, and again after each PROXY_WAIT. 0: the server said yes (2xx) and its fields are in the
 * request, or *ret says PROXY_WAIT; else the status that answers: the server's own when it is 3xx
 * or 401; 403 for another one; 503 when it could not be asked. */
unsigned reverse_ask(struct reverse_worker *w, struct reverse_exchange *e,
		     const struct guard_forward *rules, struct proxy_verdict *ret);
/* The fields of the server's own no, behind those that are in the answer. */
void reverse_ask_fields(const struct reverse_exchange *e);
/* The exchange is over: the question too. */
void reverse_ask_leave(struct reverse_exchange *e);

#endif
