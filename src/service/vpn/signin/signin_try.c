/* A try to sign in: what is looked at, when, and what is said of it. */
#include "service/vpn/signin/signin_inner.h"

#include "crypto/secret.h"

#include <string.h>

static struct attempt_source source_of(const struct task *t)
{
	return (struct attempt_source){.peer = t->peer,
				       .user = t->typed,
				       .address = &t->endpoint.address,
				       .theirs = t->theirs};
}

/* --- answers --- */

static void answer(const struct task *t, const struct signin_answer *a)
{
	if (t->answer)
		t->answer(t->arg, a);
}

static void tell(struct signin *s, const struct task *t, enum signin_event_kind kind,
		 enum signin_cause cause, uint64_t wait_ms)
{
	const struct signin_event e = {.kind = kind,
				       .peer = t->peer,
				       .user = t->typed,
				       .endpoint = &t->endpoint,
				       .cause = cause,
				       .wait_ms = wait_ms,
				       .gate = kind == SIGNIN_EVENT_OPENED ? SIGNIN_OPEN
									   : SIGNIN_CLOSED,
				       .by_backup_code = t->by_backup_code};
	s->effects.event(s->effects.arg, &e);
}

void signin_refuse(struct signin *s, uint64_t now_ms, struct task *t, enum signin_result result,
		   enum signin_cause cause)
{
	enum attempts_by by;
	struct attempt_source from = source_of(t);
	/* Only what was judged, and found wrong, counts. */
	if (t->counted && (result == SIGNIN_BUSY || result == SIGNIN_UNAVAILABLE))
		attempts_forgive(s->attempts, &from);
	const struct signin_answer a = {.result = result,
					.wait_ms =
						attempts_wait_ms(s->attempts, now_ms, &from, &by),
					.backup_left = -1};
	s->counts.refused[cause]++;
	tell(s, t, SIGNIN_EVENT_REFUSED, cause, a.wait_ms);
	answer(t, &a);
	signin_task_done(s, t);
}

/* Nothing was begun: neither counted nor, where all are taken, a task. */
static void turn_away(struct signin *s, const struct signin_attempt *attempt, const char *user,
		      enum signin_cause cause, uint64_t wait_ms)
{
	const struct signin_answer a = {.result = cause == SIGNIN_CAUSE_WAIT   ? SIGNIN_WAIT
						  : cause == SIGNIN_CAUSE_BUSY ? SIGNIN_BUSY
									       : SIGNIN_REFUSED,
					.wait_ms = wait_ms,
					.backup_left = -1};
	const struct signin_event e = {.kind = SIGNIN_EVENT_REFUSED,
				       .peer = attempt->peer,
				       .user = user,
				       .endpoint = &attempt->endpoint,
				       .cause = cause,
				       .gate = SIGNIN_CLOSED,
				       .wait_ms = wait_ms};
	s->counts.refused[cause]++;
	s->effects.event(s->effects.arg, &e);
	attempt->answer(attempt->arg, &a);
}

/* --- the beginning --- */

static void code_keep(struct task *t, struct span code)
{
	t->code_len = code.len <= sizeof(t->code) ? code.len : 0;
	if (t->code_len)
		memcpy(t->code, code.data, t->code_len);
}

/* Whatever was typed, one Argon2id is computed: against a record that nothing fits for who has
 * none, so that nobody learns by the time it takes which names there are. */
void signin_ask_hash(struct signin *s, uint64_t now_ms, struct task *t, struct span password)
{
	const struct user_entry *entry = signin_user_entry(s, t->typed);
	const char *record =
		entry && entry->user.password[0] ? entry->user.password : s->config.decoy;
	(void)span_to_cstr(span_text(record), t->record, sizeof(t->record));
	const struct signin_hash h = {
		.token = signin_task_ask(s, t, STAGE_HASH),
		.password = password.len <= SIGNIN_TEXT_MAX ? password : (struct span){0},
		.record = t->record};
	if (s->effects.hash(s->effects.arg, &h))
		signin_refuse(s, now_ms, t, SIGNIN_BUSY, SIGNIN_CAUSE_BUSY);
}

void signin_begin(struct signin *s, uint64_t now_ms, const struct signin_attempt *attempt)
{
	char name[USER_NAME_MAX + 1] = "";
	struct signin_peer peer;
	enum attempts_by by = ATTEMPTS_PAIR;
	err_ignore(user_name_read(attempt->user, name)); /* "" is nobody */
	if (!s->effects.peer(s->effects.arg, attempt->peer, &peer) || !peer.must_sign_in) {
		turn_away(s, attempt, name, SIGNIN_CAUSE_PEER, 0);
		return;
	}
	const struct user_entry *entry = signin_user_entry(s, name);
	bool theirs = entry && signin_allows(&peer, &entry->user);
	const struct attempt_source from = {.peer = attempt->peer,
					    .user = name,
					    .address = &attempt->endpoint.address,
					    .theirs = theirs};
	uint64_t wait_ms = attempts_wait_ms(s->attempts, now_ms, &from, &by);
	if (wait_ms) {
		turn_away(s, attempt, name, SIGNIN_CAUSE_WAIT, wait_ms);
		return;
	}
	/* One at a time from each peer: many at once are no way around the delays. */
	struct task *t = signin_task_at(s, attempt->peer) ? NULL : signin_task_new(s, TASK_TRY);
	if (!t) {
		turn_away(s, attempt, name, SIGNIN_CAUSE_BUSY, 0);
		return;
	}
	memcpy(t->peer, attempt->peer, sizeof(t->peer));
	memcpy(t->typed, name, sizeof(t->typed));
	t->endpoint = attempt->endpoint;
	t->theirs = theirs;
	t->answer = attempt->answer;
	t->arg = attempt->arg;
	code_keep(t, attempt->code);
	t->counted = true;
	attempts_count(s->attempts, now_ms, &from);
	signin_ask_hash(s, now_ms, t, attempt->password);
}

/* --- the judgement --- */

static bool has_code(const struct task *t)
{
	return span_trim(span_of(t->code, t->code_len)).len > 0;
}

enum signin_cause signin_code_judge(struct task *t, const struct user *u, uint64_t now_ms)
{
	uint64_t step;
	struct span code = span_of(t->code, t->code_len);
	bool is_right = totp_find(u->secret, code, now_ms / 1000, DRIFT_STEPS, &step) == OK;
	size_t backup = signin_backup_find(u, code);
	t->user = *u;
	t->activates = t->by_backup_code = false;
	if (u->factor == USER_FACTOR_NONE)
		return SIGNIN_CAUSE_CODE;
	if (is_right) {
		/* RFC 6238 5.2: a code must not be accepted twice. By steps, so that the code
		 * before it, which the drift allows, is not accepted after it either. */
		if (step <= u->last_step)
			return SIGNIN_CAUSE_REPLAYED;
		t->user.last_step = step;
		t->activates = u->factor == USER_FACTOR_PENDING;
		t->user.factor = USER_FACTOR_ACTIVE;
		return SIGNIN_CAUSE_NONE;
	}
	if (u->factor != USER_FACTOR_ACTIVE || backup == u->backup_n)
		return SIGNIN_CAUSE_CODE;
	t->by_backup_code = true;
	t->user.backup_n--;
	memmove(t->user.backup[backup], t->user.backup[backup + 1],
		(t->user.backup_n - backup) * sizeof(t->user.backup[0]));
	crypto_wipe(t->user.backup[t->user.backup_n], sizeof(t->user.backup[0]));
	return SIGNIN_CAUSE_NONE;
}

/* All of it, whatever was found first: what is wrong is not to be learnt by the time it takes. */
static enum signin_cause judge(struct signin *s, uint64_t now_ms, struct task *t)
{
	static const struct user nobody = {.factor = USER_FACTOR_ACTIVE};
	struct signin_peer peer;
	const struct user_entry *entry = signin_user_entry(s, t->typed);
	const struct user *u = entry ? &entry->user : &nobody;
	bool is_peer = s->effects.peer(s->effects.arg, t->peer, &peer) && peer.must_sign_in;
	bool allowed = is_peer && signin_allows(&peer, u);
	bool same_record = strcmp(t->record, u->password) == 0;
	enum signin_cause code = signin_code_judge(t, u, now_ms);
	if (!entry || u->disabled)
		return SIGNIN_CAUSE_USER;
	if (!allowed)
		return SIGNIN_CAUSE_PEER;
	/* Another password was set meanwhile: this one was compared with the old. */
	if (!t->fits || !same_record)
		return SIGNIN_CAUSE_PASSWORD;
	return code;
}

/* The password is right, and the user has no second factor yet, or shows no code of it. */
static bool wants_enrolment(const struct signin *s, const struct task *t)
{
	const struct user_entry *entry = signin_user_entry(s, t->typed);
	if (!entry)
		return false;
	return entry->user.factor == USER_FACTOR_NONE ||
	       (entry->user.factor == USER_FACTOR_PENDING && !has_code(t));
}

void signin_store_user(struct signin *s, uint64_t now_ms, struct task *t)
{
	const struct user_entry *entry = signin_user_entry(s, t->user.name);
	uint64_t expected = entry ? entry->version : 0;
	if (t->tries++ == STORE_TRIES_MAX ||
	    signin_put_user(s, signin_task_ask(s, t, STAGE_USER), &t->user, expected))
		signin_refuse(s, now_ms, t, SIGNIN_UNAVAILABLE, SIGNIN_CAUSE_STORE);
}

static void judge_try(struct signin *s, uint64_t now_ms, struct task *t)
{
	enum signin_cause cause = judge(s, now_ms, t);
	const struct user_entry *entry = signin_user_entry(s, t->typed);
	if (cause == SIGNIN_CAUSE_CODE && wants_enrolment(s, t)) {
		signin_enrol_offer(s, now_ms, t, &entry->user);
		return;
	}
	if (cause) {
		signin_refuse(s, now_ms, t, SIGNIN_REFUSED, cause);
		return;
	}
	if (t->activates && signin_backup_make(s, t)) {
		signin_refuse(s, now_ms, t, SIGNIN_UNAVAILABLE, SIGNIN_CAUSE_STORE);
		return;
	}
	signin_store_user(s, now_ms, t);
}

void signin_try_hashed(struct signin *s, uint64_t now_ms, struct task *t, bool fits)
{
	t->fits = fits;
	judge_try(s, now_ms, t);
}

/* --- the end --- */

static enum err session_make(struct signin *s, uint64_t now_ms, struct task *t)
{
	struct signin_peer peer;
	if (!s->effects.peer(s->effects.arg, t->peer, &peer) || !peer.must_sign_in)
		return ERR_ABSENT;
	TRY(signin_ticket(s, t->cookie));
	t->session = (struct session){.endpoint = t->endpoint,
				      .roaming = peer.roaming,
				      .started_ms = now_ms,
				      .active_ms = now_ms,
				      .expires_ms = now_ms + peer.session_ms,
				      .idle_ms = peer.idle_ms};
	memcpy(t->session.peer, t->peer, sizeof(t->session.peer));
	memcpy(t->session.user, t->user.name, sizeof(t->session.user));
	session_cookie_hash(span_text(t->cookie), t->session.cookie);
	return signin_put_session(s, signin_task_ask(s, t, STAGE_SESSION), &t->session, NULL);
}

static void user_is_stored(struct signin *s, uint64_t now_ms, struct task *t, uint64_t version)
{
	enum err e = signin_user_set(s, &t->user, version);
	if (t->activates) {
		signin_enrol_drop(s, t->peer);
		tell(s, t, SIGNIN_EVENT_ENROLLED, SIGNIN_CAUSE_NONE, 0);
	}
	if (!e)
		e = session_make(s, now_ms, t);
	if (e)
		signin_refuse(s, now_ms, t, SIGNIN_UNAVAILABLE, SIGNIN_CAUSE_STORE);
}

/* Another password was set while the session was on its way to the store. */
static bool is_outdated(const struct signin *s, const struct task *t)
{
	const struct user_entry *entry = signin_user_entry(s, t->typed);
	return !entry || strcmp(entry->user.password, t->record) != 0;
}

static void open_peer(struct signin *s, uint64_t now_ms, struct task *t, uint64_t version)
{
	struct attempt_source from = source_of(t);
	struct signin_answer a = {.result = SIGNIN_OPENED,
				  .expires_ms = t->session.expires_ms,
				  .backup_n = t->backup_n,
				  .backup = t->backup,
				  .backup_left = t->by_backup_code ? (int)t->user.backup_n : -1};
	if (is_outdated(s, t))
		t->session.expires_ms = now_ms; /* over before it began */
	if (!signin_session_open(s, now_ms, t, version)) {
		signin_refuse(s, now_ms, t, SIGNIN_REFUSED, SIGNIN_CAUSE_USER);
		return;
	}
	if (t->counted)
		attempts_succeeded(s->attempts, &from);
	memcpy(a.cookie, t->cookie, sizeof(a.cookie));
	s->counts.opened++;
	tell(s, t, SIGNIN_EVENT_OPENED, SIGNIN_CAUSE_NONE, 0);
	answer(t, &a);
	crypto_wipe(&a, sizeof(a));
	signin_task_done(s, t);
}

void signin_try_stored(struct signin *s, uint64_t now_ms, struct task *t, enum signin_stored result,
		       uint64_t version)
{
	if (result == SIGNIN_STORE_FAILED) {
		if (t->stage == STAGE_SESSION)
			signin_session_doubt(s, t);
		signin_refuse(s, now_ms, t, SIGNIN_UNAVAILABLE, SIGNIN_CAUSE_STORE);
	} else if (result == SIGNIN_STORED && t->stage == STAGE_SESSION) {
		open_peer(s, now_ms, t, version);
	} else if (result == SIGNIN_STORED) {
		user_is_stored(s, now_ms, t, version);
	} else if (t->kind == TASK_ENROL) {
		signin_enrol_judge(s, now_ms, t);
	} else {
		judge_try(s, now_ms, t); /* perhaps the code was accepted elsewhere */
	}
}
