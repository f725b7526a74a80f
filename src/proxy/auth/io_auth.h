/* Passwords hashed for all workers by one thread, so that no worker waits: a desk for each worker,
 * where exchanges wait and answers come back. Knows no rule and no route. */
#ifndef PROXY_AUTH_IO_AUTH_H
#define PROXY_AUTH_IO_AUTH_H

#include "base/err.h"
#include "base/span.h"

#include <stdbool.h>

struct auth_desk;
struct auth_hasher;
struct auth_user;
struct loop;

/* What became of a password. */
enum auth_proof {
	AUTH_PROOF_WRONG,
	AUTH_PROOF_RIGHT,
	AUTH_PROOF_UNTOLD, /* who keeps it could not be asked: nobody looked at it */
};

/* More wait nowhere: who comes then is told to come again (503). */
enum { AUTH_WAITING_MAX = 64 };

MUST enum err auth_hasher_new(struct auth_hasher **ret);
/* Starts the thread; after the sandbox. */
MUST enum err auth_hasher_start(struct auth_hasher *h);
/* Users whose records begin so are judged by call, in the thread, which may wait there for a while.
 * Before the thread starts. prefix: static; arg: borrowed. */
void auth_hasher_elsewhere(struct auth_hasher *h, const char *prefix,
			   enum auth_proof (*call)(void *arg, struct span name,
						   struct span password, const char *record),
			   void *arg);
/* Ends the thread after what it is at. Desks must not ask any more. Accepts NULL. */
void auth_hasher_free(struct auth_hasher *h);

/* loop: of the worker, woken when an answer waits; its wake hook calls auth_desk_take. */
MUST enum err auth_desk_new(struct auth_hasher *h, struct loop *loop, struct auth_desk **ret);
/* After auth_hasher_free. Accepts NULL. */
void auth_desk_free(struct auth_desk *d);

/* Is the password of these credentials (the base64 of "name:password") user's? who: given to call;
 * *ret_ticket, never 0: for auth_desk_forget. decoy: the answer is no, and costs the same.
 * ERR_LIMIT: too many wait; ERR_FORMAT. In the worker's thread, as all below. */
MUST enum err auth_desk_ask(struct auth_desk *d, void *who, struct span credentials,
			    const struct auth_user *user, bool decoy, uint64_t *ret_ticket);
/* The one who asked has gone. 0: nothing. */
void auth_desk_forget(struct auth_desk *d, uint64_t ticket);
/* Calls for each answer that has come. */
void auth_desk_take(struct auth_desk *d, void (*call)(void *arg, void *who, enum auth_proof proof),
		    void *arg);

#endif
