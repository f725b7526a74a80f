/* Questions of services that are no tunnel: what is right, what is refused, and that nobody is held
 * up by another's guesses. */
#include "service/vpn/signin/signin_stage_test.h"

#include <string.h>

static struct stage stage;

static int begin(void **state)
{
	stage_open(&stage);
	stage_add_active(&stage, "alice", "correct horse");
	*state = &stage;
	return 0;
}

static int end(void **state)
{
	stage_close(*state);
	return 0;
}

static void answered(void *arg, const struct signin_answer *a)
{
	struct stage *t = arg;
	t->answer = *a;
	t->answers++;
}

/* typed: with the code behind it, when there is one. */
static enum signin_result ask(struct stage *t, uint8_t from, const char *user, const char *password,
			      const char *code)
{
	char typed[128];
	(void)snprintf(typed, sizeof(typed), "%s%s", password, code ? code : "");
	unsigned answers = t->answers;
	const struct signin_question q = {.address = ip_address_v4(192, 168, 7, from),
					  .user = span_text(user),
					  .password = span_text(typed),
					  .coded = code != NULL,
					  .answer = answered,
					  .arg = t};
	signin_verify(t->s, t->now_ms, &q);
	if (!t->holds) {
		stage_run(t);
		assert_int_equal(t->answers, answers + 1);
	}
	return t->answer.result;
}

static void a_password_is_right_or_not_and_opens_nothing(void **state)
{
	struct stage *t = *state;
	size_t hashed = t->hashed;
	assert_int_equal(ask(t, 9, " Alice", "correct horse", NULL), SIGNIN_OPENED);
	assert_int_equal(stage_gate(t, 0), SIGNIN_CLOSED);
	assert_int_equal(t->answer.cookie[0], '\0');
	assert_int_equal(ask(t, 9, "alice", "wrong", NULL), SIGNIN_REFUSED);
	assert_int_equal(stage_last(t)->cause, SIGNIN_CAUSE_PASSWORD);
	assert_int_equal(ask(t, 8, "nobody", "correct horse", NULL), SIGNIN_REFUSED);
	assert_int_equal(stage_last(t)->cause, SIGNIN_CAUSE_USER);
	assert_int_equal(t->hashed, hashed + 3); /* the same work for all */
	assert_int_equal(stage_change(t, (struct signin_change){.kind = SIGNIN_USER_SET,
								.user = "alice",
								.disabled = true,
								.sets_disabled = true}),
			 OK);
	assert_int_equal(ask(t, 7, "alice", "correct horse", NULL), SIGNIN_REFUSED);
}

static void a_code_is_taken_once_here_and_at_the_page(void **state)
{
	struct stage *t = *state;
	char code[8];
	(void)snprintf(code, sizeof(code), "%s", stage_code(t, "alice", 0));
	assert_int_equal(ask(t, 9, "alice", "correct horse", ""), SIGNIN_REFUSED);
	assert_int_equal(ask(t, 9, "alice", "correct horse", "000000"), SIGNIN_REFUSED);
	t->holds = true;
	unsigned answers = t->answers;
	(void)ask(t, 9, "alice", "correct horse", code);
	signin_hashed(t->s, t->now_ms, t->hashes[0].token, true, NULL);
	t->hashes_n = 0;
	assert_int_equal(t->answers, answers); /* its step is durable first */
	assert_int_equal(t->puts_n, 1);
	t->holds = false;
	stage_run(t);
	assert_int_equal(t->answer.result, SIGNIN_OPENED);
	assert_int_equal(ask(t, 9, "alice", "correct horse", code), SIGNIN_REFUSED);
	assert_int_equal(stage_last(t)->cause, SIGNIN_CAUSE_REPLAYED);
	assert_int_equal(stage_try(t, 0, "alice", "correct horse", code), SIGNIN_REFUSED);
	assert_int_equal(stage_last(t)->cause, SIGNIN_CAUSE_REPLAYED);
}

static void guesses_are_held_up_and_others_are_not(void **state)
{
	struct stage *t = *state;
	unsigned tries = 0;
	stage_add_active(t, "bob", "battery staple");
	while (ask(t, 9, "alice", "wrong", NULL) == SIGNIN_REFUSED)
		assert_true(++tries < 20);
	assert_int_equal(t->answer.result, SIGNIN_WAIT);
	assert_int_equal(ask(t, 9, "alice", "correct horse", NULL), SIGNIN_WAIT);
	assert_int_equal(ask(t, 8, "bob", "battery staple", NULL), SIGNIN_OPENED);
	signin_unlock(t->s, "alice");
	assert_int_equal(ask(t, 9, "alice", "correct horse", NULL), SIGNIN_OPENED);
}

static void what_cannot_be_judged_is_no_failure(void **state)
{
	struct stage *t = *state;
	t->hash_full = true;
	for (unsigned i = 0; i < 10; i++)
		assert_int_equal(ask(t, 9, "alice", "correct horse", NULL), SIGNIN_BUSY);
	t->hash_full = false;
	t->store_full = true;
	assert_int_equal(ask(t, 9, "alice", "correct horse", stage_code(t, "alice", 0)),
			 SIGNIN_UNAVAILABLE);
	t->store_full = false;
	assert_int_equal(ask(t, 9, "alice", "correct horse", stage_code(t, "alice", 0)),
			 SIGNIN_OPENED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_password_is_right_or_not_and_opens_nothing, begin,
						end),
		cmocka_unit_test_setup_teardown(a_code_is_taken_once_here_and_at_the_page, begin,
						end),
		cmocka_unit_test_setup_teardown(guesses_are_held_up_and_others_are_not, begin, end),
		cmocka_unit_test_setup_teardown(what_cannot_be_judged_is_no_failure, begin, end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
