/* The state of the sign-in, for its files: signin.c holds the rows, signin_task.c what waits for a
 * hash or the store, signin_try.c judges a try, signin_enrol.c makes second factors,
 * signin_change.c changes users, signin_session.c opens and ends. Private to them. */
#ifndef VPN_SIGNIN_SIGNIN_INNER_H
#define VPN_SIGNIN_SIGNIN_INNER_H

#include "base/slab.h"
#include "base/table.h"
#include "service/vpn/signin/attempts.h"
#include "service/vpn/signin/signin.h"

enum {
	TASKS_MAX = 64,
	ENROLMENTS_MAX = 64,
	ENROL_TRIES_MAX = 5,
	STORE_TRIES_MAX = 4, /* of one row that others change meanwhile */
	CODE_MAX = 64,
	DRIFT_STEPS = 1,
	TURN_MS = 1000,
	TOUCH_MIN_MS = 60000,
	BACKUP_CODE_CHARS = 16, /* base32: 80 bits */
};

struct user_entry {
	struct user user;
	uint64_t version;
	uint32_t told; /* s->telling when its row was last learnt */
};

struct session_entry {
	struct session session;
	uint64_t version;
	uint64_t touched_ms; /* active_ms as it was last put into the store */
	uint32_t told;
	struct ip_endpoint at; /* where its peer was last told to be; family 0: nowhere yet */
	/* Its gate is closed already; its row is still to be removed, so that no restart brings it
	 * back. */
	bool ended;
	bool writing;	 /* a task of its own is under way */
	bool must_touch; /* its row is behind in more than activity */
};

enum task_kind {
	TASK_FREE,
	TASK_TRY,
	TASK_ENROL,
	TASK_VERIFY,
	TASK_CHANGE,
	TASK_TOUCH,	/* a session's row is brought up to date */
	TASK_UNSESSION, /* a session's row is removed */
};
enum task_stage { STAGE_HASH, STAGE_USER, STAGE_SESSION };

/* What waits for a hash or the store. Wiped when it is over. */
struct task {
	enum task_kind kind;
	enum task_stage stage;
	uint64_t token;
	unsigned tries;

	/* TRY, ENROL */
	uint8_t peer[SESSION_PEER_LEN];	    /* also TOUCH, UNSESSION */
	struct ip_endpoint endpoint, moved; /* moved: family 0, or where it went meanwhile */
	bool theirs, counted;		    /* as a failure, until it is known to be none */
	char typed[USER_NAME_MAX + 1];	    /* "": no name that anybody may have */
	char record[PASSWORD_RECORD_MAX];   /* that the password was compared with */
	char code[CODE_MAX];
	size_t code_len;
	bool fits, by_backup_code, activates;
	bool coded;			 /* VERIFY */
	signin_answer_call *answer;	 /* NULL: nobody waits */
	void *arg;			 /* borrowed */
	uint8_t secret[TOTP_SECRET_LEN]; /* ENROL */
	size_t backup_n;
	char backup[USER_BACKUP_CODES][SIGNIN_BACKUP_CODE_LEN + 1];
	char cookie[SESSION_COOKIE_LEN + 1];
	struct session session;

	/* CHANGE */
	enum signin_change_kind change;
	bool sets_peers, sets_administrator, sets_disabled;
	struct signin_secret made;
	signin_changed_call *changed;
	void *changed_arg; /* borrowed */

	struct user user; /* as it is to be stored; of CHANGE at first what is asked */
};

struct enrolment {
	bool used;
	uint8_t peer[SESSION_PEER_LEN];
	char user[USER_NAME_MAX + 1];
	char record[PASSWORD_RECORD_MAX]; /* of the password that allowed it */
	uint8_t secret[TOTP_SECRET_LEN];
	char token[SESSION_COOKIE_LEN + 1];
	uint64_t until_ms;
	unsigned tries;
};

struct signin {
	struct signin_config config;
	struct signin_effects effects;
	struct attempts *attempts;
	struct slab users_slab, sessions_slab;
	struct table users,
		sessions; /* struct user_entry, struct session_entry; by name, by peer */
	struct task tasks[TASKS_MAX];
	size_t tasks_n;
	uint64_t token; /* the last that was given */
	struct enrolment enrolments[ENROLMENTS_MAX];
	size_t enrolments_n;
	uint32_t telling; /* odd: everything is being told */
	uint64_t told_version;
	uint64_t turned_ms;
	struct signin_counts counts;
};

/* signin.c */
struct user_entry *signin_user_entry(const struct signin *s, const char *name);
struct session_entry *signin_session_entry(const struct signin *s, const uint8_t *peer);
/* The row is that. ERR_LIMIT: one too many. */
MUST enum err signin_user_set(struct signin *s, const struct user *u, uint64_t version);
void signin_user_drop(struct signin *s, const char *name);
/* The entry of this peer, made if there is none; NULL: one too many. */
struct session_entry *signin_session_make(struct signin *s, const uint8_t *peer);
void signin_session_drop(struct signin *s, struct session_entry *entry);
/* May this user open this peer? */
bool signin_allows(const struct signin_peer *peer, const struct user *u);
/* Puts a row; as the effect store answers. */
MUST enum err signin_put_user(struct signin *s, uint64_t token, const struct user *u,
			      uint64_t expected);
MUST enum err signin_put_session(struct signin *s, uint64_t token, const struct session *session,
				 const uint64_t *expected);
MUST enum err signin_put_removal(struct signin *s, uint64_t token, enum signin_table table,
				 struct span key, const uint64_t *expected);
/* 32 random bytes as base64url. */
MUST enum err signin_ticket(struct signin *s, char ret[SESSION_COOKIE_LEN + 1]);

/* signin_task.c */
struct task *signin_task_new(struct signin *s, enum task_kind kind); /* NULL: all are in use */
void signin_task_done(struct signin *s, struct task *t);
/* Another token: what was asked before is not waited for. */
uint64_t signin_task_ask(struct signin *s, struct task *t, enum task_stage stage);
struct task *signin_task_at(struct signin *s, const uint8_t *peer);

/* signin_try.c */
void signin_try_hashed(struct signin *s, uint64_t now_ms, struct task *t, bool fits);
void signin_try_stored(struct signin *s, uint64_t now_ms, struct task *t, enum signin_stored result,
		       uint64_t version);
/* Not opened; ends the task. */
void signin_refuse(struct signin *s, uint64_t now_ms, struct task *t, enum signin_result result,
		   enum signin_cause cause);

/* One Argon2id, whoever it is. */
void signin_ask_hash(struct signin *s, uint64_t now_ms, struct task *t, struct span password);
/* What the code is worth to this user; t->user is the row as it must become. */
enum signin_cause signin_code_judge(struct task *t, const struct user *u, uint64_t now_ms);
void signin_store_user(struct signin *s, uint64_t now_ms, struct task *t);

/* signin_verify.c */
void signin_verify_hashed(struct signin *s, uint64_t now_ms, struct task *t, bool fits);
void signin_verify_stored(struct signin *s, uint64_t now_ms, struct task *t,
			  enum signin_stored result, uint64_t version);

/* signin_enrol.c */
/* The password was right, and there is no active factor. */
void signin_enrol_offer(struct signin *s, uint64_t now_ms, struct task *t, const struct user *u);
void signin_enrol_judge(struct signin *s, uint64_t now_ms, struct task *t);
void signin_enrol_turn(struct signin *s, uint64_t now_ms);
void signin_enrol_drop(struct signin *s, const uint8_t *peer);
MUST enum err signin_backup_make(struct signin *s, struct task *t);
/* The index of this one-time code among the user's; its length: none of them. */
size_t signin_backup_find(const struct user *u, struct span code);
void signin_secret_fill(const struct signin *s, const char *user,
			const uint8_t secret[TOTP_SECRET_LEN], struct signin_secret *ret);

/* signin_change.c */
void signin_change_hashed(struct signin *s, uint64_t now_ms, struct task *t, const char *record);
void signin_change_stored(struct signin *s, uint64_t now_ms, struct task *t,
			  enum signin_stored result, uint64_t version);

/* signin_session.c */
/* Tells the gate of a peer that must sign in how it stands. */
void signin_gate_tell(struct signin *s, uint64_t now_ms, const uint8_t *peer);
/* Closes, tells, and has the row removed. */
void signin_session_end(struct signin *s, uint64_t now_ms, struct session_entry *entry,
			enum signin_end why, const char *by);
/* Ends those of a user that do not hold any more. all: every one, for why. */
size_t signin_sessions_judge(struct signin *s, uint64_t now_ms, const char *user, bool all,
			     enum signin_end why, const char *by);
/* The session of a task is durable: the peer is open. False: it may be opened no more. */
bool signin_session_open(struct signin *s, uint64_t now_ms, const struct task *t, uint64_t version);
/* Whether the row of a task's session came about is not known, and nobody was let in: it shall go,
 * so that no restart opens what nobody could end. */
void signin_session_doubt(struct signin *s, const struct task *t);
void signin_touch_stored(struct signin *s, uint64_t now_ms, struct task *t,
			 enum signin_stored result, uint64_t version);

#endif
