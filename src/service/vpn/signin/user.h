/* A person who signs in: the password's record, the second factor, and which peers are theirs; and
 * the row that keeps them. Knows neither the store nor who is asking. */
#ifndef VPN_SIGNIN_USER_H
#define VPN_SIGNIN_USER_H

#include "base/err.h"
#include "base/span.h"
#include "base/writer.h"
#include "crypto/password.h"
#include "crypto/totp.h"

#include <stdbool.h>

enum {
	USER_NAME_MAX = 63,
	USER_PEER_NAME_MAX = 63,
	USER_PEERS_MAX =
		16, /* in a user's own list; the configuration's lists have no such bound */
	USER_BACKUP_CODES = 10,
	USER_BACKUP_HASH_LEN = 32,
	USER_ROW_MAX = 2048,
};

enum user_factor {
	USER_FACTOR_NONE,
	USER_FACTOR_PENDING, /* there is a secret, and no code of it was verified yet */
	USER_FACTOR_ACTIVE,
};

struct user {
	char name[USER_NAME_MAX + 1]; /* as user_name_read makes it */
	bool administrator, disabled;
	char password[PASSWORD_RECORD_MAX];
	enum user_factor factor;
	uint8_t secret[TOTP_SECRET_LEN]; /* zeros: none */
	uint64_t last_step;		 /* of the last code that was accepted; 0: none yet */
	size_t backup_n;		 /* codes that were not used yet */
	uint8_t backup[USER_BACKUP_CODES][USER_BACKUP_HASH_LEN];
	size_t peers_n;
	/* Names of peers, "@ROLE" for the peers of a role, "*" for every peer. */
	char peers[USER_PEERS_MAX][USER_PEER_NAME_MAX + 1];
	uint64_t created_ms;
};

/* Wipes; accepts NULL. */
void user_done(struct user *u);

/* a-z, 0-9, '.', '_', '-' and '@', 1 to USER_NAME_MAX of them; capitals are made small, blanks at
 * both ends are left out. ERR_FORMAT: anything else. */
MUST enum err user_name_read(struct span text, char ret[USER_NAME_MAX + 1]);

/* Does the user's own list name this peer? */
bool user_lists(const struct user *u, const char *peer);
bool user_has_role(const struct user *u, const char *role);
/* ERR_EXISTS, ERR_LIMIT, ERR_FORMAT: no name of a peer. */
MUST enum err user_list_add(struct user *u, const char *peer);

/* The row without its key, the name. Fails only in the writer: USER_ROW_MAX is enough. */
void user_row_write(const struct user *u, struct writer *w);
/* ERR_FORMAT: torn; ERR_UNSUPPORTED: a newer program wrote it. */
MUST enum err user_row_read(struct span name, struct span row, struct user *ret);

#endif
