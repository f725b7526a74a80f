/* runs with threads */
#include "proxy/auth/io_auth.h"

#include "os/loop.h"
#include "proxy/auth/basic_auth.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* Password "U*U", of the cheapest cost (crypt_blowfish's vectors). */
static const struct auth_user user = {
	"u", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"};
static const char right_base64[] = "dTpVKlU=", wrong_base64[] = "dTpVKlY=";

struct stage {
	struct loop loop;
	struct auth_hasher *hasher;
	struct auth_desk *desk;
	unsigned answers, rights, untold;
	void *last;
};

static void told(void *arg, void *who, enum auth_proof proof)
{
	struct stage *s = arg;
	s->answers++;
	s->rights += proof == AUTH_PROOF_RIGHT;
	s->untold += proof == AUTH_PROOF_UNTOLD;
	s->last = who;
}

static void woken(void *arg)
{
	struct stage *s = arg;
	auth_desk_take(s->desk, told, s);
}

static void stage_begin(struct stage *s)
{
	*s = (struct stage){0};
	assert_int_equal(loop_init(&s->loop), OK);
	loop_on_wake(&s->loop, woken, s);
	assert_int_equal(auth_hasher_new(&s->hasher), OK);
	assert_int_equal(auth_desk_new(s->hasher, &s->loop, &s->desk), OK);
}

static void stage_end(struct stage *s)
{
	auth_hasher_free(s->hasher);
	auth_desk_free(s->desk);
	loop_done(&s->loop);
}

static uint64_t ask(struct stage *s, const char *base64, bool decoy, enum err want)
{
	uint64_t ticket = 0;
	assert_int_equal(auth_desk_ask(s->desk, s, span_text(base64), &user, decoy, &ticket), want);
	return ticket;
}

static void wait_for(struct stage *s, unsigned answers)
{
	for (unsigned turns = 0; s->answers < answers && turns < 1000; turns++)
		assert_int_equal(loop_turn(&s->loop, 1000), OK);
	assert_int_equal(s->answers, answers);
}

static void tells_right_from_wrong(void **state)
{
	(void)state;
	struct stage s;
	stage_begin(&s);
	assert_int_equal(auth_hasher_start(s.hasher), OK);
	(void)ask(&s, right_base64, false, OK);
	wait_for(&s, 1);
	assert_true(s.rights == 1 && s.last == &s);
	(void)ask(&s, wrong_base64, false, OK);
	(void)ask(&s, right_base64, true, OK); /* a decoy is never right */
	wait_for(&s, 3);
	assert_int_equal(s.rights, 1);
	(void)ask(&s, "!!!!", false, ERR_FORMAT);
	stage_end(&s);
}

static enum auth_proof nobody_can_tell(void *arg, struct span name, struct span password,
				       const char *record)
{
	(void)arg;
	assert_true(span_is(name, "u") && span_is(password, "U*U"));
	assert_string_equal(record, user.record);
	return AUTH_PROOF_UNTOLD;
}

static void what_nobody_could_look_at_is_neither(void **state)
{
	struct stage s;
	(void)state;
	stage_begin(&s);
	auth_hasher_elsewhere(s.hasher, "$2a", nobody_can_tell, NULL);
	assert_int_equal(auth_hasher_start(s.hasher), OK);
	(void)ask(&s, right_base64, false, OK);
	wait_for(&s, 1);
	assert_true(s.rights == 0 && s.untold == 1);
	stage_end(&s);
}

static void who_has_gone_is_not_told_and_too_many_are_refused(void **state)
{
	(void)state;
	struct stage s;
	stage_begin(&s);
	uint64_t gone = ask(&s, right_base64, false, OK);
	auth_desk_forget(s.desk, gone);
	auth_desk_forget(s.desk, 0);
	for (unsigned i = 1; i < AUTH_WAITING_MAX; i++)
		(void)ask(&s, wrong_base64, false, OK);
	(void)ask(&s, right_base64, false, ERR_LIMIT);
	assert_int_equal(auth_hasher_start(s.hasher), OK);
	wait_for(&s, AUTH_WAITING_MAX - 1);
	assert_int_equal(s.rights, 0);
	(void)ask(&s, right_base64, false, OK);
	wait_for(&s, AUTH_WAITING_MAX);
	assert_int_equal(s.rights, 1);
	stage_end(&s);
}

static void ends_with_questions_left(void **state)
{
	(void)state;
	struct stage s;
	stage_begin(&s);
	assert_int_equal(auth_hasher_start(s.hasher), OK);
	for (unsigned i = 0; i < 8; i++)
		(void)ask(&s, right_base64, false, OK);
	stage_end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tells_right_from_wrong),
		cmocka_unit_test(what_nobody_could_look_at_is_neither),
		cmocka_unit_test(who_has_gone_is_not_told_and_too_many_are_refused),
		cmocka_unit_test(ends_with_questions_left),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
