/* Who a request's Basic credentials say it is, and which of them were found right a moment ago, so
 * that a password is not hashed for each request. Knows no message, no rule and no clock; hashing
 * is io_auth.h's. */
#ifndef PROXY_AUTH_BASIC_AUTH_H
#define PROXY_AUTH_BASIC_AUTH_H

#include "base/err.h"
#include "base/span.h"

struct auth_known;

/* Borrowed from the configuration. */
struct auth_user {
	const char *name;
	const char *record; /* Argon2id, yescrypt, bcrypt or SHA-512 crypt */
};

struct auth_users {
	const struct auth_user *items;
	size_t n;
};

enum auth_answer {
	AUTH_RIGHT, /* user, and it was found right lately */
	AUTH_NONE,  /* no credentials, or none that could be right */
	AUTH_HASH,  /* the password must be hashed first */
};

struct auth_claim {
	/* Who it is said to be; NULL with AUTH_HASH: nobody of that name, hash something of the
	 * same price and say no. */
	const struct auth_user *user;
	struct span credentials; /* the base64 of "name:password"; points into value */
};

/* value: of an Authorization or Proxy-Authorization field. */
enum auth_answer auth_judge(const struct auth_users *users, struct auth_known *known,
			    struct span value, uint64_t now_ms, struct auth_claim *ret);

/* The same for one who is known by other means; credentials: as basic_read reads them. */
enum auth_answer auth_judge_as(const struct auth_user *user, struct auth_known *known,
			       struct span credentials, uint64_t now_ms, struct auth_claim *ret);

/* What the hash thread found right; a later auth_judge of the same credentials says AUTH_RIGHT
 * until the time is over or the user's record changes. */
void auth_found_right(struct auth_known *known, const struct auth_user *user,
		      struct span credentials, uint64_t now_ms);

/* Credentials that were found right, shared by all workers: a keyed hash of each. A new one takes
 * the place of the one that ends soonest. */
MUST enum err auth_known_new(size_t credentials_max, uint64_t credentials_ms,
			     struct auth_known **ret);
void auth_known_free(struct auth_known *k); /* accepts NULL */
DEFINE_AUTO(struct auth_known, auth_known_free)

#endif
