/* What administrators do to users. */
#include "service/vpn/signin/signin_inner.h"

#include "crypto/secret.h"

#include <string.h>

static void changed(struct signin *s, struct task *t, enum err result, const struct user *user)
{
	bool is_made = t->made.secret[0] != '\0';
	const struct signin_changed c = {
		.result = result, .user = user, .secret = !result && is_made ? &t->made : NULL};
	if (t->changed)
		t->changed(t->changed_arg, &c);
	signin_task_done(s, t);
}

static void turn_away(const struct signin_change *change, enum err e)
{
	const struct signin_changed c = {.result = e};
	change->changed(change->arg, &c);
}

/* --- the beginning --- */

static enum err peers_keep(struct user *u, const struct signin_change *change)
{
	u->peers_n = 0;
	for (size_t i = 0; i < change->peers_n; i++) {
		enum err e = user_list_add(u, change->peers[i]);
		if (e && e != ERR_EXISTS)
			return e;
	}
	return OK;
}

static bool takes_password(enum signin_change_kind kind)
{
	return kind == SIGNIN_USER_ADD || kind == SIGNIN_USER_PASSWD;
}

static enum err check(const struct signin *s, const struct signin_change *change)
{
	bool exists = signin_user_entry(s, change->user) != NULL;
	if (change->kind == SIGNIN_USER_ADD && exists)
		return ERR_EXISTS;
	if (change->kind != SIGNIN_USER_ADD && !exists)
		return ERR_ABSENT;
	if (change->kind == SIGNIN_USER_ADD && table_used(&s->users) >= s->config.users_max)
		return ERR_LIMIT;
	if (!takes_password(change->kind))
		return OK;
	if (change->password.len > SIGNIN_TEXT_MAX)
		return ERR_LIMIT;
	return change->password.len < SIGNIN_PASSWORD_MIN ? ERR_REFUSED : OK;
}

/* The row as it shall be: what is there, and on it what was asked. t->user holds the asked. */
static enum err apply(struct signin *s, struct task *t, uint64_t now_ms, struct user *ret,
		      uint64_t *ret_expected)
{
	const struct user_entry *entry = signin_user_entry(s, t->user.name);
	bool adds = t->change == SIGNIN_USER_ADD;
	if (adds && entry)
		return ERR_EXISTS;
	if (!adds && !entry)
		return ERR_ABSENT;
	*ret_expected = entry ? entry->version : 0;
	*ret = entry ? entry->user : t->user;
	if (adds)
		ret->created_ms = now_ms;
	if (t->change == SIGNIN_USER_PASSWD)
		memcpy(ret->password, t->user.password, sizeof(ret->password));
	if (adds || t->change == SIGNIN_USER_RESET) {
		memcpy(ret->secret, t->user.secret, sizeof(ret->secret));
		ret->factor = USER_FACTOR_PENDING;
		ret->last_step = 0;
		ret->backup_n = 0;
	}
	if (t->sets_peers) {
		memcpy(ret->peers, t->user.peers, sizeof(ret->peers));
		ret->peers_n = t->user.peers_n;
	}
	if (t->sets_administrator)
		ret->administrator = t->user.administrator;
	if (t->sets_disabled)
		ret->disabled = t->user.disabled;
	return OK;
}

static void store(struct signin *s, uint64_t now_ms, struct task *t)
{
	AUTO_DONE(user_done) struct user u = {0};
	uint64_t expected = 0;
	enum err e = apply(s, t, now_ms, &u, &expected);
	if (!e && t->tries++ == STORE_TRIES_MAX)
		e = ERR_CLOSED;
	if (!e && t->change == SIGNIN_USER_REMOVE)
		e = signin_put_removal(s, signin_task_ask(s, t, STAGE_USER), SIGNIN_TABLE_USERS,
				       span_text(u.name), &expected);
	else if (!e)
		e = signin_put_user(s, signin_task_ask(s, t, STAGE_USER), &u, expected);
	if (e)
		changed(s, t, e, NULL);
}

/* A new secret for the authenticator app, which its first code will make the factor. */
static enum err secret_make(struct signin *s, struct task *t)
{
	if (t->change != SIGNIN_USER_ADD && t->change != SIGNIN_USER_RESET)
		return OK;
	TRY(s->effects.random(s->effects.arg, t->user.secret, sizeof(t->user.secret)));
	signin_secret_fill(s, t->user.name, t->user.secret, &t->made);
	return OK;
}

static enum err ask(struct signin *s, struct task *t, const struct signin_change *change)
{
	TRY(peers_keep(&t->user, change));
	TRY(secret_make(s, t));
	if (!takes_password(change->kind))
		return OK;
	const struct signin_hash h = {.token = signin_task_ask(s, t, STAGE_HASH),
				      .password = change->password};
	return s->effects.hash(s->effects.arg, &h);
}

void signin_change(struct signin *s, uint64_t now_ms, const struct signin_change *change)
{
	enum err e = check(s, change);
	struct task *t = e ? NULL : signin_task_new(s, TASK_CHANGE);
	if (!t) {
		turn_away(change, e ? e : ERR_LIMIT);
		return;
	}
	t->change = change->kind;
	t->changed = change->changed;
	t->changed_arg = change->arg;
	t->sets_peers = change->sets_peers || change->kind == SIGNIN_USER_ADD;
	t->sets_administrator = change->sets_administrator;
	t->sets_disabled = change->sets_disabled;
	t->user.administrator = change->administrator;
	t->user.disabled = change->disabled;
	(void)span_to_cstr(span_text(change->user), t->user.name, sizeof(t->user.name));
	e = ask(s, t, change);
	if (e)
		changed(s, t, e, NULL);
	else if (!takes_password(change->kind))
		store(s, now_ms, t);
}

void signin_change_hashed(struct signin *s, uint64_t now_ms, struct task *t, const char *record)
{
	if (!record) {
		changed(s, t, (enum err)ENOMEM, NULL);
		return;
	}
	(void)span_to_cstr(span_text(record), t->user.password, sizeof(t->user.password));
	store(s, now_ms, t);
}

/* --- the end --- */

/* What ends every session of the user; the others end those that are not allowed any more. */
static bool ends_all(const struct task *t)
{
	return t->change == SIGNIN_USER_PASSWD || t->change == SIGNIN_USER_RESET ||
	       t->change == SIGNIN_USER_REMOVE;
}

static void change_tell(struct signin *s, const struct task *t)
{
	const struct signin_event e = {
		.kind = SIGNIN_EVENT_USER, .user = t->user.name, .change = t->change};
	s->effects.event(s->effects.arg, &e);
}

static void is_stored(struct signin *s, uint64_t now_ms, struct task *t, uint64_t version)
{
	AUTO_DONE(user_done) struct user u = {0};
	uint64_t expected;
	enum err e = apply(s, t, now_ms, &u, &expected);
	if (!e && t->change != SIGNIN_USER_REMOVE)
		e = signin_user_set(s, &u, version);
	change_tell(s, t);
	(void)signin_sessions_judge(s, now_ms, t->user.name, ends_all(t), SIGNIN_END_USER, NULL);
	if (t->change == SIGNIN_USER_REMOVE)
		signin_user_drop(s, t->user.name);
	changed(s, t, e, signin_user(s, t->user.name));
}

void signin_change_stored(struct signin *s, uint64_t now_ms, struct task *t,
			  enum signin_stored result, uint64_t version)
{
	if (result == SIGNIN_STORED)
		is_stored(s, now_ms, t, version);
	else if (result == SIGNIN_STORE_CONFLICT)
		store(s, now_ms, t); /* what is there was learnt: on that, then */
	else
		changed(s, t, ERR_CLOSED, NULL);
}
