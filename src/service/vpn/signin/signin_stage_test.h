/* The stage for tests of the sign-in: peers, a store with versions that lives on when the engine is
 * made anew, a hash thread that works when told, a log of events. Knows no test. */
#ifndef VPN_SIGNIN_SIGNIN_STAGE_TEST_H
#define VPN_SIGNIN_SIGNIN_STAGE_TEST_H

#include "service/vpn/signin/signin.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { STAGE_ROWS = 64, STAGE_QUEUE = 64, STAGE_EVENTS = 256, STAGE_PEERS = 4 };

struct stage_row {
	bool used;
	enum signin_table table;
	uint8_t key[SIGNIN_KEY_MAX], value[SIGNIN_VALUE_MAX];
	size_t key_len, value_len;
	uint64_t version;
};

struct stage_put {
	uint64_t token;
	struct stage_row row;
	bool any, remove;
	uint64_t expected;
};

struct stage_hash {
	uint64_t token;
	char password[SIGNIN_TEXT_MAX + 1], record[PASSWORD_RECORD_MAX];
	bool checks;
};

struct stage {
	struct signin *s;
	uint64_t now_ms;
	struct stage_row rows[STAGE_ROWS]; /* the disk */
	uint64_t version;
	struct stage_put puts[STAGE_QUEUE];
	size_t puts_n;
	struct stage_hash hashes[STAGE_QUEUE];
	size_t hashes_n;
	size_t hashed; /* how many Argon2id there were */
	bool hash_full, store_full, store_away, random_fails;
	bool holds; /* hashes and puts wait for stage_run */
	uint8_t random;
	struct {
		uint8_t key[SESSION_PEER_LEN];
		struct signin_peer is;
		bool there;
		struct signin_gating gate;
		unsigned told;
		uint64_t active_ms;
	} peers[STAGE_PEERS];
	struct signin_event events[STAGE_EVENTS];
	char event_users[STAGE_EVENTS][USER_NAME_MAX + 1];
	size_t events_n;
	/* The last answers. */
	struct signin_answer answer;
	struct signin_secret secret;
	char backup[USER_BACKUP_CODES][SIGNIN_BACKUP_CODE_LEN + 1];
	unsigned answers;
	enum err changed;
	struct signin_secret made;
	unsigned changes;
};

/* Peers 0 to 3: "phone" and "laptop" of alice and bob by the configuration, "tablet" of the role
 * staff, "site", which signs in not. Users: none. */
void stage_open(struct stage *t);
void stage_close(struct stage *t);
/* As after kill -9: what is not on the disk is gone; the rows are learnt anew, the peers come. */
void stage_crash(struct stage *t);
/* The first row that waits comes onto the disk. */
void stage_put_one(struct stage *t);
/* Does what waits, until nothing does. */
void stage_run(struct stage *t);
void stage_pass(struct stage *t, uint64_t ms);

/* Adds a user with this password; its secret is in t->made. */
void stage_add(struct stage *t, const char *name, const char *password);
/* The same, with a factor that was verified, on nobody's peer. The last step is the present one
 * less two. */
void stage_add_active(struct stage *t, const char *name, const char *password);
/* The code of the user's secret, so many steps from now. */
const char *stage_code(const struct stage *t, const char *user, int steps);
/* A try from peers[peer] at its endpoint 192.0.2.(peer + 1):1000; runs unless t->holds. */
enum signin_result stage_try(struct stage *t, size_t peer, const char *user, const char *password,
			     const char *code);
enum signin_gate stage_gate(const struct stage *t, size_t peer);
struct ip_endpoint stage_endpoint(size_t last, uint16_t port);
const struct signin_event *stage_last(const struct stage *t);
enum err stage_change(struct stage *t, struct signin_change change);

#endif
