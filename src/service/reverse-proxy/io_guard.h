/* The guard of a request's route, asked in a worker. Knows no rule (guard/guard.h) and no field of
 * the configuration. */
#ifndef REVERSE_PROXY_IO_GUARD_H
#define REVERSE_PROXY_IO_GUARD_H

#include "proxy/auth/io_auth.h"

#include <stdbool.h>

struct proxy_exchange;
struct proxy_verdict;
struct reverse_exchange;
struct reverse_worker;

/* How far a request has come with its proof. */
enum reverse_proof {
	REVERSE_PROOF_NEW,
	REVERSE_PROOF_HASHING, /* the hash thread has the password */
	REVERSE_PROOF_RIGHT,
	REVERSE_PROOF_WRONG,
	REVERSE_PROOF_ASKING, /* forward authentication (io_ask.h) */
};

/* Once the route is known, and again after each wait. 0: it may go on, or *ret says PROXY_WAIT;
 * else the status that answers. */
unsigned reverse_guard_judge(struct reverse_worker *w, struct reverse_exchange *e,
			     struct proxy_verdict *ret);
/* The fields that belong to such an answer: how to sign in, when to come again. */
void reverse_guard_fields(const struct reverse_exchange *e, unsigned status);
/* Those that its `secure` gives each answer of the route. */
void reverse_guard_secure(const struct reverse_exchange *e);
/* What the hash thread found (io_auth.h); goes on with the exchange. */
void reverse_guard_hashed(void *arg, void *who, enum auth_proof proof);
/* The exchange is over: nobody waits for its answer. */
void reverse_guard_leave(struct reverse_worker *w, struct reverse_exchange *e);

#endif
