/* Somebody's word for a service that is no tunnel: is it right? No session comes of it. */
#include "service/vpn/signin/signin_inner.h"

#include <string.h>

enum { CODE_LEN = 6 };

static struct attempt_source source_of(const struct task *t)
{
	return (struct attempt_source){.peer = t->peer,
				       .user = t->typed,
				       .address = &t->endpoint.address,
				       .theirs = t->theirs};
}

/* Where no peer is: each address is one of its own, so that nobody holds up all others. */
static void peer_of(const struct ip_address *a, uint8_t ret[SESSION_PEER_LEN])
{
	memset(ret, 0, SESSION_PEER_LEN);
	ret[0] = 0xff;
	ret[1] = a->family;
	memcpy(ret + 2, a->bytes, sizeof(a->bytes)); /* 16 of 30 */
}

static void turn_away(struct signin *s, const struct signin_question *q, enum signin_result result,
		      enum signin_cause cause, uint64_t wait_ms)
{
	const struct signin_answer a = {.result = result, .wait_ms = wait_ms, .backup_left = -1};
	s->counts.refused[cause]++;
	q->answer(q->arg, &a);
}

/* Takes the code from the end of what was typed; the rest is the password. */
static struct span take_code(struct task *t, struct span typed)
{
	if (!t->coded || typed.len < CODE_LEN)
		return typed;
	memcpy(t->code, typed.data + typed.len - CODE_LEN, CODE_LEN); /* of 64 */
	t->code_len = CODE_LEN;
	return span_sub(typed, 0, typed.len - CODE_LEN);
}

void signin_verify(struct signin *s, uint64_t now_ms, const struct signin_question *q)
{
	char name[USER_NAME_MAX + 1] = "";
	uint8_t peer[SESSION_PEER_LEN];
	enum attempts_by by = ATTEMPTS_PAIR;
	err_ignore(user_name_read(q->user, name)); /* "" is nobody */
	peer_of(&q->address, peer);
	const struct user_entry *entry = signin_user_entry(s, name);
	const struct attempt_source from = {
		.peer = peer, .user = name, .address = &q->address, .theirs = entry != NULL};
	uint64_t wait_ms = attempts_wait_ms(s->attempts, now_ms, &from, &by);
	if (wait_ms) {
		turn_away(s, q, SIGNIN_WAIT, SIGNIN_CAUSE_WAIT, wait_ms);
		return;
	}
	struct task *t = signin_task_new(s, TASK_VERIFY);
	if (!t) {
		turn_away(s, q, SIGNIN_BUSY, SIGNIN_CAUSE_BUSY, 0);
		return;
	}
	memcpy(t->peer, peer, sizeof(t->peer));	  /* as long */
	memcpy(t->typed, name, sizeof(t->typed)); /* as long */
	t->endpoint.address = q->address;
	t->theirs = from.theirs;
	t->answer = q->answer;
	t->arg = q->arg;
	t->coded = q->coded;
	t->counted = true;
	attempts_count(s->attempts, now_ms, &from);
	signin_ask_hash(s, now_ms, t, take_code(t, q->password));
}

/* All of it, whatever was found first. */
static enum signin_cause judge(struct signin *s, uint64_t now_ms, struct task *t)
{
	static const struct user nobody = {.factor = USER_FACTOR_ACTIVE};
	const struct user_entry *entry = signin_user_entry(s, t->typed);
	const struct user *u = entry ? &entry->user : &nobody;
	enum signin_cause code = t->coded ? signin_code_judge(t, u, now_ms) : SIGNIN_CAUSE_NONE;
	if (!entry || u->disabled)
		return SIGNIN_CAUSE_USER;
	/* Another password was set meanwhile: this one was compared with the old. */
	if (!t->fits || strcmp(t->record, u->password) != 0)
		return SIGNIN_CAUSE_PASSWORD;
	return code;
}

static void accept(struct signin *s, struct task *t)
{
	const struct attempt_source from = source_of(t);
	const struct signin_answer a = {.result = SIGNIN_OPENED, .backup_left = -1};
	attempts_succeeded(s->attempts, &from);
	s->counts.verified++;
	if (t->answer)
		t->answer(t->arg, &a);
	signin_task_done(s, t);
}

static void judge_and_go_on(struct signin *s, uint64_t now_ms, struct task *t)
{
	enum signin_cause cause = judge(s, now_ms, t);
	if (cause)
		signin_refuse(s, now_ms, t, SIGNIN_REFUSED, cause);
	else if (t->coded)
		signin_store_user(s, now_ms, t); /* the code's step, ahead of the answer */
	else
		accept(s, t);
}

void signin_verify_hashed(struct signin *s, uint64_t now_ms, struct task *t, bool fits)
{
	t->fits = fits;
	judge_and_go_on(s, now_ms, t);
}

void signin_verify_stored(struct signin *s, uint64_t now_ms, struct task *t,
			  enum signin_stored result, uint64_t version)
{
	if (result == SIGNIN_STORE_CONFLICT)
		judge_and_go_on(s, now_ms, t); /* perhaps the code was accepted elsewhere */
	else if (result == SIGNIN_STORED && signin_user_set(s, &t->user, version) == OK)
		accept(s, t);
	else
		signin_refuse(s, now_ms, t, SIGNIN_UNAVAILABLE, SIGNIN_CAUSE_STORE);
}
