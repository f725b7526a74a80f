#include "service/vpn/signin/signin_inner.h"

#include "crypto/secret.h"

#include <string.h>

struct task *signin_task_new(struct signin *s, enum task_kind kind)
{
	for (size_t i = 0; i < TASKS_MAX; i++)
		if (s->tasks[i].kind == TASK_FREE) {
			s->tasks[i].kind = kind;
			s->tasks_n++;
			return &s->tasks[i];
		}
	return NULL;
}

void signin_task_done(struct signin *s, struct task *t)
{
	crypto_wipe(t, sizeof(*t));
	s->tasks_n--;
}

uint64_t signin_task_ask(struct signin *s, struct task *t, enum task_stage stage)
{
	t->stage = stage;
	t->token = ++s->token;
	return t->token;
}

static struct task *task_of(struct signin *s, uint64_t token)
{
	for (size_t i = 0; token && i < TASKS_MAX; i++)
		if (s->tasks[i].kind != TASK_FREE && s->tasks[i].token == token)
			return &s->tasks[i];
	return NULL;
}

struct task *signin_task_at(struct signin *s, const uint8_t *peer)
{
	for (size_t i = 0; i < TASKS_MAX; i++) {
		struct task *t = &s->tasks[i];
		bool is_try = t->kind == TASK_TRY || t->kind == TASK_ENROL;
		if (is_try && memcmp(t->peer, peer, sizeof(t->peer)) == 0)
			return t;
	}
	return NULL;
}

void signin_forget(struct signin *s, const void *arg)
{
	for (size_t i = 0; i < TASKS_MAX; i++) {
		struct task *t = &s->tasks[i];
		if (t->answer && t->arg == arg)
			t->answer = NULL;
		if (t->changed && t->changed_arg == arg)
			t->changed = NULL;
	}
}

void signin_hashed(struct signin *s, uint64_t now_ms, uint64_t token, bool fits, const char *record)
{
	struct task *t = task_of(s, token);
	if (!t || t->stage != STAGE_HASH)
		return;
	if (t->kind == TASK_TRY)
		signin_try_hashed(s, now_ms, t, fits);
	else if (t->kind == TASK_VERIFY)
		signin_verify_hashed(s, now_ms, t, fits);
	else
		signin_change_hashed(s, now_ms, t, record);
}

void signin_stored(struct signin *s, uint64_t now_ms, uint64_t token, enum signin_stored result,
		   uint64_t version, struct span value)
{
	struct task *t = task_of(s, token);
	if (!t || t->stage == STAGE_HASH)
		return;
	/* What is there instead is learnt first, so that it is judged anew. */
	if (result == SIGNIN_STORE_CONFLICT) {
		bool of_user = t->stage == STAGE_USER;
		struct span key =
			of_user ? span_text(t->user.name) : span_of(t->peer, sizeof(t->peer));
		err_ignore(signin_learn(s, now_ms,
					of_user ? SIGNIN_TABLE_USERS : SIGNIN_TABLE_SESSIONS, key,
					value, version ? version : UINT64_MAX));
	}
	switch (t->kind) {
	case TASK_TRY:
	case TASK_ENROL: signin_try_stored(s, now_ms, t, result, version); break;
	case TASK_VERIFY: signin_verify_stored(s, now_ms, t, result, version); break;
	case TASK_CHANGE: signin_change_stored(s, now_ms, t, result, version); break;
	case TASK_TOUCH:
	case TASK_UNSESSION: signin_touch_stored(s, now_ms, t, result, version); break;
	case TASK_FREE: break;
	}
}
