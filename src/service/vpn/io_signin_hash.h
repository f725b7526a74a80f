/* The thread that computes Argon2id, one at a time, for an event loop: questions go there and
 * answers come back through bounded queues, and neither waits for the other. Knows neither users
 * nor peers. */
#ifndef VPN_IO_SIGNIN_HASH_H
#define VPN_IO_SIGNIN_HASH_H

#include "base/span.h"
#include "crypto/password.h"

#include <stdbool.h>

struct hasher;

enum { HASHER_QUEUE_MAX = 16 };

struct hasher_answer {
	uint64_t token;
	bool fits;			  /* of a record that was to be checked */
	bool made;			  /* record is there */
	char record[PASSWORD_RECORD_MAX]; /* of one that was to be made */
};

/* wake: called in the thread when an answer waits. ENOMEM. */
MUST enum err hasher_new(const struct password_cost *cost, void (*wake)(void *arg), void *arg,
			 struct hasher **ret);
/* Starts the thread; after the sandbox. */
MUST enum err hasher_start(struct hasher *h);
/* Ends the thread after what it is at, wipes what waits. Accepts NULL. */
void hasher_free(struct hasher *h);

/* What new records cost from now on. */
void hasher_set(struct hasher *h, const struct password_cost *cost);

/* record NULL: one is to be made. Both are copied. ERR_LIMIT: HASHER_QUEUE_MAX wait. */
MUST enum err hasher_ask(struct hasher *h, uint64_t token, struct span password,
			 const char *record);
/* False: none waits. Wipe ret. */
bool hasher_take(struct hasher *h, struct hasher_answer *ret);
size_t hasher_waiting(struct hasher *h);

#endif
