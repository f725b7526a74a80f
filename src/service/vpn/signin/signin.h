/* Who may pass: from a name, a password and a code to an open peer, and from there to its end.
 * Knows neither pages nor packets, reads no clock, and stores nothing itself: all of that are
 * effects.
 *
 *	signin_begin -> hash -> signin_hashed -> store -> signin_stored -> gate open, answer
 *
 * An answer that opens anything is given only when it is durable: the code's time step first, then
 * the session. One refusal tells a stranger nothing: a user that does not exist, one who has no
 * business at this peer, a wrong password and a wrong or repeated code are answered with the same
 * words after the same time.
 *
 * now_ms: Unix time in milliseconds. Peers are named by their public key. One thread.
 */
#ifndef VPN_SIGNIN_SIGNIN_H
#define VPN_SIGNIN_SIGNIN_H

#include "base/err.h"
#include "base/siphash.h"
#include "base/span.h"
#include "proto/ip/address.h"
#include "service/vpn/signin/attempts.h"
#include "service/vpn/signin/session.h"
#include "service/vpn/signin/user.h"

struct signin;

/* --- what the page asks --- */

enum signin_result {
	SIGNIN_OPENED,	    /* the peer is open; cookie */
	SIGNIN_REFUSED,	    /* wait_ms: before the next try is looked at */
	SIGNIN_WAIT,	    /* not looked at: too many failures; wait_ms */
	SIGNIN_BUSY,	    /* not looked at: too much at once; to be tried again */
	SIGNIN_UNAVAILABLE, /* right or not, it cannot be made durable now */
	SIGNIN_ENROL,	    /* the password is right, and there is no second factor yet: enrol */
};

/* A second factor in the making, which the page shows once. */
struct signin_secret {
	char token[SESSION_COOKIE_LEN + 1]; /* for signin_enrol; good for SIGNIN_ENROL_MS */
	char secret[TOTP_BASE32_MAX];
	char uri[TOTP_URI_MAX]; /* otpauth://, for a QR code */
};

enum {
	SIGNIN_BACKUP_CODE_LEN = 19, /* ABCD-EFGH-IJKL-MNOP */
	SIGNIN_ENROL_MS = 600000,
	SIGNIN_TEXT_MAX = 1024,	 /* bytes of a field that is looked at */
	SIGNIN_PASSWORD_MIN = 8, /* bytes (NIST SP 800-63B 5.1.1.2) */
};

struct signin_answer {
	enum signin_result result;
	uint64_t wait_ms;
	char cookie[SESSION_COOKIE_LEN + 1]; /* OPENED */
	uint64_t expires_ms;		     /* OPENED */
	const struct signin_secret *secret;  /* ENROL; good during the call */
	/* OPENED by the first code of a factor, which is active from now on: one-time codes, shown
	 * once; 0 otherwise. Good during the call. */
	size_t backup_n;
	const char (*backup)[SIGNIN_BACKUP_CODE_LEN + 1];
	/* OPENED with a one-time code: how many are left; -1: it was a code of the app. */
	int backup_left;
};
/* Called once for each try, perhaps before signin_begin returns. */
typedef void signin_answer_call(void *arg, const struct signin_answer *answer);

struct signin_attempt {
	const uint8_t *peer;	     /* SESSION_PEER_LEN bytes: where the request came from */
	struct ip_endpoint endpoint; /* the peer's, now */
	struct span user, password;  /* as typed */
	struct span code; /* of the app, or a one-time code; blanks and '-' do not matter */
	signin_answer_call *answer;
	void *arg; /* borrowed until the answer */
};
/* Copies what it needs. */
void signin_begin(struct signin *s, uint64_t now_ms, const struct signin_attempt *attempt);

/* The second step of an enrolment: a code of the new secret. Right: the factor is active and the
 * peer open. */
struct signin_enrolment {
	const uint8_t *peer;
	struct ip_endpoint endpoint;
	struct span token, code;
	signin_answer_call *answer;
	void *arg; /* borrowed until the answer */
};
void signin_enrol(struct signin *s, uint64_t now_ms, const struct signin_enrolment *enrolment);
/* The enrolment that is under way there, once more: for a page that is shown again after a wrong
 * code. False: none with this token. */
bool signin_enrol_show(struct signin *s, uint64_t now_ms, const uint8_t *peer, struct span token,
		       struct signin_secret *ret);

/* For a service that is no tunnel: is it right? OPENED: it is, and nothing was opened. */
struct signin_question {
	struct ip_address address;  /* whence somebody tries */
	struct span user, password; /* as typed */
	bool coded;		    /* the last six digits of the password are a code of the app */
	signin_answer_call *answer;
	void *arg; /* borrowed until the answer */
};
void signin_verify(struct signin *s, uint64_t now_ms, const struct signin_question *q);

/* Nobody waits for these answers any more: arg is not touched again. What they ask goes on. */
void signin_forget(struct signin *s, const void *arg);

/* --- a peer with a session --- */

enum signin_gate { SIGNIN_CLOSED, SIGNIN_PROOF, SIGNIN_OPEN };

/* How this peer stands, seen by a browser there that shows this cookie (empty: none). */
struct signin_view {
	enum signin_gate gate;
	bool ours; /* the cookie is the session's. What follows is only then told */
	bool administrator;
	char user[USER_NAME_MAX + 1];
	uint64_t started_ms, expires_ms;
};
void signin_look(const struct signin *s, uint64_t now_ms, const uint8_t *peer, struct span cookie,
		 struct signin_view *ret);

/* The cookie was shown from that peer at this endpoint: a peer that had to prove itself is open
 * again. ERR_REFUSED: not the session's cookie; ERR_ABSENT: no session. */
MUST enum err signin_prove(struct signin *s, uint64_t now_ms, const uint8_t *peer,
			   struct span cookie, const struct ip_endpoint *endpoint);

/* The person there is done: the peer is closed at once. ERR_REFUSED, ERR_ABSENT as above. */
MUST enum err signin_out(struct signin *s, uint64_t now_ms, const uint8_t *peer,
			 struct span cookie);

/* --- sessions, for administrators --- */

enum signin_end {
	SIGNIN_END_OUT,	    /* the person's own wish */
	SIGNIN_END_ADMIN,   /* an administrator's */
	SIGNIN_END_EXPIRED, /* it lasted as long as one may */
	SIGNIN_END_IDLE,
	SIGNIN_END_MOVED, /* the endpoint moved, and the policy allows no such thing */
	SIGNIN_END_USER,  /* the user was removed, disabled, or has a new password or factor */
	SIGNIN_END_PEER,  /* the peer is gone, is not the user's any more, or signs in no more */
	SIGNIN_END_ELSEWHERE, /* another gateway of the fleet ended it */
	SIGNIN_END_REPLACED,  /* by a new sign-in of the same peer */
	SIGNIN_ENDS,
};

struct signin_session {
	const struct session *session; /* good until the next call */
	enum signin_gate gate;
};
/* The next session; *at begins with 0. False: no more. */
bool signin_session_next(const struct signin *s, size_t *at, struct signin_session *ret);

/* Ends that peer's session at once. by: an administrator's name, for the event. ERR_ABSENT. */
MUST enum err signin_end(struct signin *s, uint64_t now_ms, const uint8_t *peer, const char *by);
/* All of a user's. Returns how many. */
size_t signin_end_user(struct signin *s, uint64_t now_ms, const char *user, const char *by);

/* --- users, for the control verbs --- */

enum signin_change_kind {
	SIGNIN_USER_ADD,    /* password, peers, administrator; the factor is pending */
	SIGNIN_USER_PASSWD, /* password */
	SIGNIN_USER_RESET,  /* a new second factor, pending; one-time codes are gone */
	SIGNIN_USER_SET,    /* peers, administrator, disabled, as `sets` says */
	SIGNIN_USER_REMOVE,
};
struct signin_changed {
	/* ERR_EXISTS, ERR_ABSENT; ERR_FORMAT: a peer that has no such name; ERR_REFUSED: the
	 * password is shorter than SIGNIN_PASSWORD_MIN; ERR_LIMIT: too much at once, or too many;
	 * ERR_CLOSED: the store is away; ENOMEM, EIO: no hash, or no randomness. */
	enum err result;
	const struct user *user;	    /* as it is now; NULL: it failed, or was removed */
	const struct signin_secret *secret; /* ADD, RESET: the new secret (without a token) */
};
typedef void signin_changed_call(void *arg, const struct signin_changed *changed);
struct signin_change {
	enum signin_change_kind kind;
	const char *user; /* as user_name_read makes it */
	struct span password;
	const char *const *peers;
	size_t peers_n;
	bool administrator, disabled;
	bool sets_peers, sets_administrator, sets_disabled;
	signin_changed_call *changed; /* called once */
	void *arg;		      /* borrowed until then */
};
void signin_change(struct signin *s, uint64_t now_ms, const struct signin_change *change);

const struct user *signin_user(const struct signin *s, const char *name);
/* As signin_session_next. */
const struct user *signin_user_next(const struct signin *s, size_t *at);
/* Failures of this user count no longer. */
void signin_unlock(struct signin *s, const char *user);
/* How long this user's next try must wait, at the peer where it is longest. */
uint64_t signin_user_wait_ms(const struct signin *s, uint64_t now_ms, const char *user);

/* --- effects --- */

/* One Argon2id; answered by signin_hashed. */
struct signin_hash {
	uint64_t token;
	struct span password; /* good during the call */
	const char *record;   /* to be checked; NULL: one is to be made */
};

enum signin_table { SIGNIN_TABLE_USERS, SIGNIN_TABLE_SESSIONS, SIGNIN_TABLES };
enum { SIGNIN_KEY_MAX = USER_NAME_MAX, SIGNIN_VALUE_MAX = USER_ROW_MAX + 64 };

/* One row to make durable. */
struct signin_store {
	uint64_t token; /* comes back in signin_stored; 0: no answer is waited for */
	enum signin_table table;
	struct span key, value; /* good during the call; value empty: remove the row */
	bool any;		/* whatever is there; else as `expected` says */
	uint64_t expected;	/* version that the row must have; 0: there must be none */
};

/* A peer as the gate shall hold it from now on. */
struct signin_gating {
	const uint8_t *peer;
	enum signin_gate gate;
	uint64_t until_ms;  /* OPEN, PROOF: when the session expires */
	uint64_t idle_ms;   /* OPEN, PROOF: how long it may be without data; 0: for ever */
	uint64_t active_ms; /* OPEN, PROOF: when there was data, as far as we know */
	enum session_roaming roaming;
	/* OPEN: what comes from elsewhere is to be held until signin_moved has judged it. */
	struct ip_endpoint endpoint;
};

enum signin_event_kind {
	SIGNIN_EVENT_OPENED,
	SIGNIN_EVENT_REFUSED, /* cause */
	SIGNIN_EVENT_ENROLLED,
	SIGNIN_EVENT_MOVED, /* the endpoint of a peer with a session; gate: what it is now */
	SIGNIN_EVENT_PROVED,
	SIGNIN_EVENT_ENDED, /* end */
	SIGNIN_EVENT_USER,  /* an administrator changed a user; change */
};
/* Why a try was refused: for the gateway's own log, never for the page. */
enum signin_cause {
	SIGNIN_CAUSE_NONE,
	SIGNIN_CAUSE_USER, /* nobody of that name, or disabled */
	SIGNIN_CAUSE_PEER, /* the peer is another's */
	SIGNIN_CAUSE_PASSWORD,
	SIGNIN_CAUSE_CODE,
	SIGNIN_CAUSE_REPLAYED, /* a code that was right, and accepted already */
	SIGNIN_CAUSE_WAIT,     /* tried before its delay was over */
	SIGNIN_CAUSE_BUSY,
	SIGNIN_CAUSE_STORE, /* right, and not durable */
	SIGNIN_CAUSES,
};
struct signin_event {
	enum signin_event_kind kind;
	const uint8_t *peer;		    /* NULL: USER */
	const char *user;		    /* as typed, if it may be a name; "" */
	const struct ip_endpoint *endpoint; /* NULL: not known */
	enum signin_cause cause;
	enum signin_gate gate;
	enum signin_end end;
	enum signin_change_kind change;
	const char *by;	     /* ENDED: an administrator; NULL */
	uint64_t wait_ms;    /* REFUSED: until the next try is looked at */
	bool by_backup_code; /* OPENED */
};

/* What must be known of a peer. Good during the call that asked. */
struct signin_peer {
	const char *name;
	bool must_sign_in;
	/* That the configuration names for it; a user's own list may name the peer as well. */
	const char *const *users, *const *roles;
	size_t users_n, roles_n;
	uint64_t session_ms, idle_ms; /* idle 0: no limit */
	enum session_roaming roaming;
};

struct signin_effects {
	void *arg;
	/* ERR_LIMIT: the hash thread has enough to do. */
	enum err (*hash)(void *arg, const struct signin_hash *h);
	/* ERR_LIMIT: the store has. */
	enum err (*store)(void *arg, const struct signin_store *s);
	void (*gate)(void *arg, const struct signin_gating *g);
	void (*event)(void *arg, const struct signin_event *e);
	/* False: no such peer. */
	bool (*peer)(void *arg, const uint8_t *peer, struct signin_peer *ret);
	/* Unix time of the last data of the peer in either direction, keepalives left out; 0: none
	 * since we began. */
	uint64_t (*active_ms)(void *arg, const uint8_t *peer);
	/* Random bytes. An error refuses whatever needed them. */
	enum err (*random)(void *arg, void *buf, size_t len);
};

/* --- the engine --- */

struct signin_config {
	size_t users_max, sessions_max;
	size_t attempts_max; /* records of failures */
	struct attempts_limits attempts;
	const char *issuer; /* in authenticator apps, 1 to 64 bytes; borrowed */
	const char *decoy;  /* a record that no password fits, of the same cost; borrowed */
};

/* key: random. config and effects are copied. ENOMEM. */
MUST enum err signin_new(const struct signin_config *config, const struct signin_effects *effects,
			 struct hash_key key, struct signin **ret);
/* Answers nothing that is under way. Accepts NULL. */
void signin_free(struct signin *s);
DEFINE_AUTO(struct signin, signin_free)

/* The answers of the effects hash and store. fits: the password is the record's; record: what was
 * made, NULL when it could not be. */
void signin_hashed(struct signin *s, uint64_t now_ms, uint64_t token, bool fits,
		   const char *record);
enum signin_stored {
	SIGNIN_STORED,
	SIGNIN_STORE_CONFLICT, /* the row is another: version and value are what is there */
	SIGNIN_STORE_FAILED,   /* the store is away */
};
void signin_stored(struct signin *s, uint64_t now_ms, uint64_t token, enum signin_stored result,
		   uint64_t version, struct span value);

/* A row: at start each one, later those that another gateway changed. value empty: it is gone.
 * ERR_FORMAT, ERR_UNSUPPORTED: it is not ours to read, ERR_LIMIT: one too many; it is left aside.
 * A peer that is known opens or closes by it. */
MUST enum err signin_learn(struct signin *s, uint64_t now_ms, enum signin_table table,
			   struct span key, struct span value, uint64_t version);

/* Everything there is will be learnt between these two: what was not is gone. */
void signin_learn_begin(struct signin *s);
void signin_learn_end(struct signin *s, uint64_t now_ms);

/* A peer has come (at start, by a reload, by a command) or is another than it was: its gate is told
 * anew, open when a session of its still holds. */
void signin_peer_changed(struct signin *s, uint64_t now_ms, const uint8_t *peer);
/* A peer is removed, or is another's from now on: its session ends with it, so that nobody who
 * comes with its key later finds it open. Returns whether there was one. */
bool signin_end_peer(struct signin *s, uint64_t now_ms, const uint8_t *peer);
/* A peer's endpoint is this from now on, or was not known before. */
void signin_moved(struct signin *s, uint64_t now_ms, const uint8_t *peer,
		  const struct ip_endpoint *endpoint);

/* Ends what is over; to be called at signin_next_ms. */
void signin_turn(struct signin *s, uint64_t now_ms);
uint64_t signin_next_ms(const struct signin *s); /* UINT64_MAX: nothing is waited for */

/* A reload: other limits; what was counted and who is signed in stay. users_max, sessions_max and
 * attempts_max are as they were. */
void signin_set(struct signin *s, const struct signin_config *config);

struct signin_counts {
	uint64_t opened, refused[SIGNIN_CAUSES], ended[SIGNIN_ENDS];
	uint64_t verified; /* questions of other services that were right */
	size_t users, sessions, under_way;
};
void signin_counts(const struct signin *s, struct signin_counts *ret);

#endif
