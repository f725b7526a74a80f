/* Second factors from their secret to their first code, one-time codes, and what administrators do
 * to users. */
#include "service/vpn/signin/signin_stage_test.h"

#include <string.h>

static struct stage stage;
static struct signin_answer last;

static int begin(void **state)
{
	stage_open(&stage);
	stage_add(&stage, "alice", "correct horse");
	*state = &stage;
	return 0;
}

static int end(void **state)
{
	stage_close(*state);
	return 0;
}

static void on_answer(void *arg, const struct signin_answer *a)
{
	struct stage *t = arg;
	t->answers++;
	last = *a;
	if (a->backup_n)
		memcpy(t->backup, a->backup, sizeof(t->backup));
}

static enum signin_result enrol(struct stage *t, const char *token, const char *code)
{
	const struct signin_enrolment x = {.peer = t->peers[0].key,
					   .endpoint = stage_endpoint(1, 1000),
					   .token = span_text(token),
					   .code = span_text(code),
					   .answer = on_answer,
					   .arg = t};
	unsigned before = t->answers;
	signin_enrol(t->s, t->now_ms, &x);
	stage_run(t);
	assert_int_equal(t->answers, before + 1);
	return last.result;
}

/* The code that an app shows which has scanned this secret. */
static const char *app(const struct stage *t, const char *base32, int steps)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
	static char code[TOTP_DIGITS + 1];
	uint8_t secret[TOTP_SECRET_LEN];
	for (size_t i = 0; i < TOTP_SECRET_LEN / 5; i++) {
		uint64_t bits = 0;
		for (size_t k = 0; k < 8; k++)
			bits = bits << 5 |
			       (uint64_t)(strchr(alphabet, base32[8 * i + k]) - alphabet);
		for (size_t k = 0; k < 5; k++)
			secret[5 * i + k] = (uint8_t)(bits >> (32 - 8 * k));
	}
	uint64_t step = totp_step(t->now_ms / 1000) + (uint64_t)(int64_t)steps;
	assert_int_equal(totp_code(secret, step, code), OK);
	return code;
}

static void offers(struct stage *t)
{
	assert_int_equal(stage_try(t, 0, "alice", "correct horse", ""), SIGNIN_ENROL);
}

static void the_secret_of_add_counts_from_its_first_code_on(void **state)
{
	struct stage *t = *state;
	assert_int_equal(signin_user(t->s, "alice")->factor, USER_FACTOR_PENDING);
	assert_int_equal(stage_try(t, 0, "alice", "correct horse", "000000"), SIGNIN_REFUSED);
	assert_int_equal(signin_user(t->s, "alice")->factor, USER_FACTOR_PENDING);
	assert_int_equal(stage_try(t, 0, "alice", "correct horse", app(t, t->made.secret, 0)),
			 SIGNIN_OPENED);
	assert_int_equal(signin_user(t->s, "alice")->factor, USER_FACTOR_ACTIVE);
	assert_int_equal(t->answer.backup_n, USER_BACKUP_CODES);
	assert_non_null(strstr(t->made.uri, "otpauth://totp/Home:alice?secret="));
	/* From now on no password alone is offered anything. */
	assert_int_equal(stage_try(t, 0, "alice", "correct horse", ""), SIGNIN_REFUSED);
}

static void nothing_is_offered_without_the_password(void **state)
{
	struct stage *t = *state;
	assert_int_equal(stage_try(t, 0, "alice", "wrong horse", ""), SIGNIN_REFUSED);
	assert_int_equal(stage_try(t, 2, "alice", "correct horse", ""), SIGNIN_REFUSED);
	assert_int_equal(stage_try(t, 0, "nobody", "correct horse", ""), SIGNIN_REFUSED);
}

static void a_factor_is_active_only_after_a_verified_code(void **state)
{
	struct stage *t = *state;
	struct signin_secret shown;
	offers(t);
	assert_int_equal(stage_gate(t, 0), SIGNIN_CLOSED);
	assert_int_equal(enrol(t, t->secret.token, "000000"), SIGNIN_REFUSED);
	assert_int_equal(signin_user(t->s, "alice")->factor, USER_FACTOR_PENDING);
	/* A page that is shown again has the same secret, for this token alone. */
	assert_true(signin_enrol_show(t->s, t->now_ms, t->peers[0].key, span_text(t->secret.token),
				      &shown));
	assert_string_equal(shown.secret, t->secret.secret);
	assert_false(
		signin_enrol_show(t->s, t->now_ms, t->peers[0].key, span_text("guess"), &shown));
	assert_false(signin_enrol_show(t->s, t->now_ms, t->peers[1].key, span_text(t->secret.token),
				       &shown));
	assert_int_equal(enrol(t, "guess", app(t, t->secret.secret, 0)), SIGNIN_REFUSED);
	assert_int_equal(enrol(t, t->secret.token, app(t, t->secret.secret, 0)), SIGNIN_OPENED);
	assert_int_equal(last.backup_n, USER_BACKUP_CODES);
	assert_int_equal(signin_user(t->s, "alice")->factor, USER_FACTOR_ACTIVE);
	assert_int_equal(stage_gate(t, 0), SIGNIN_OPEN);
	/* Its code is used up, over a restart too; and so is the enrolment. */
	char code[TOTP_DIGITS + 1];
	memcpy(code, app(t, t->secret.secret, 0), sizeof(code));
	stage_crash(t);
	assert_int_equal(stage_try(t, 0, "alice", "correct horse", code), SIGNIN_REFUSED);
	assert_int_equal(stage_last(t)->cause, SIGNIN_CAUSE_REPLAYED);
	assert_int_equal(enrol(t, t->secret.token, app(t, t->secret.secret, 1)), SIGNIN_REFUSED);
}

static void an_enrolment_ends_after_its_time_and_its_tries(void **state)
{
	struct stage *t = *state;
	offers(t);
	stage_pass(t, SIGNIN_ENROL_MS);
	assert_int_equal(enrol(t, t->secret.token, app(t, t->secret.secret, 0)), SIGNIN_REFUSED);
	offers(t);
	for (int i = 0; i < 5; i++)
		assert_int_equal(enrol(t, t->secret.token, "000000"), SIGNIN_REFUSED);
	assert_int_equal(enrol(t, t->secret.token, app(t, t->secret.secret, 0)), SIGNIN_REFUSED);
}

static void who_enrols_first_wins_and_a_new_password_ends_it(void **state)
{
	struct stage *t = *state;
	struct signin_secret first;
	offers(t);
	first = t->secret;
	/* The other secret, that of `user add`, is verified first. */
	assert_int_equal(stage_try(t, 1, "alice", "correct horse", app(t, t->made.secret, 0)),
			 SIGNIN_OPENED);
	assert_int_equal(enrol(t, first.token, app(t, first.secret, 0)), SIGNIN_REFUSED);

	end(state);
	(void)begin(state);
	offers(t);
	assert_int_equal(
		stage_change(t, (struct signin_change){.kind = SIGNIN_USER_PASSWD,
						       .user = "alice",
						       .password = span_text("another horse")}),
		OK);
	assert_int_equal(enrol(t, t->secret.token, app(t, t->secret.secret, 0)), SIGNIN_REFUSED);
}

static void each_one_time_code_opens_once(void **state)
{
	struct stage *t = *state;
	char codes[USER_BACKUP_CODES][SIGNIN_BACKUP_CODE_LEN + 1];
	assert_int_equal(stage_try(t, 0, "alice", "correct horse", app(t, t->made.secret, 0)),
			 SIGNIN_OPENED);
	memcpy(codes, t->backup, sizeof(codes));
	for (size_t i = 0; i < USER_BACKUP_CODES; i++) {
		size_t which = (i * 7 + 3) % USER_BACKUP_CODES;
		assert_int_equal(strlen(codes[which]), SIGNIN_BACKUP_CODE_LEN);
		assert_int_equal(stage_try(t, 0, "alice", "correct horse", codes[which]),
				 SIGNIN_OPENED);
		assert_int_equal(t->answer.backup_left, USER_BACKUP_CODES - 1 - i);
		if (i == 4)
			stage_crash(t); /* what was used is used */
		assert_int_equal(stage_try(t, 0, "alice", "correct horse", codes[which]),
				 SIGNIN_REFUSED);
		stage_pass(t, 60000);
	}
	/* Of another user they are worth nothing, and they are not kept as they are. */
	for (size_t i = 0; i < STAGE_ROWS; i++)
		for (size_t at = 0; t->rows[i].used && at + 4 <= t->rows[i].value_len; at++)
			assert_memory_not_equal(t->rows[i].value + at, codes[0], 4);
}

static void a_reset_ends_all_codes_before_it(void **state)
{
	struct stage *t = *state;
	struct signin_secret before = t->made;
	assert_int_equal(stage_try(t, 0, "alice", "correct horse", app(t, before.secret, 0)),
			 SIGNIN_OPENED);
	char one_time[SIGNIN_BACKUP_CODE_LEN + 1];
	memcpy(one_time, t->backup[0], sizeof(one_time));
	assert_int_equal(
		stage_change(t, (struct signin_change){.kind = SIGNIN_USER_RESET, .user = "alice"}),
		OK);
	assert_string_not_equal(t->made.secret, before.secret);
	stage_pass(t, 60000);
	assert_int_equal(stage_try(t, 0, "alice", "correct horse", app(t, before.secret, 0)),
			 SIGNIN_REFUSED);
	assert_int_equal(stage_try(t, 0, "alice", "correct horse", one_time), SIGNIN_REFUSED);
	assert_int_equal(stage_try(t, 0, "alice", "correct horse", app(t, t->made.secret, 0)),
			 SIGNIN_OPENED);
}

static void refuses_changes_that_cannot_be(void **state)
{
	struct stage *t = *state;
	static const char *const bad[] = {"a b"};
	const struct signin_change add = {
		.kind = SIGNIN_USER_ADD, .user = "alice", .password = span_text("long enough")};
	struct signin_change c = add;
	assert_int_equal(stage_change(t, c), ERR_EXISTS);
	c.user = "bob";
	c.password = span_text("seven77");
	assert_int_equal(stage_change(t, c), ERR_REFUSED);
	c.password = add.password;
	c.peers = bad;
	c.peers_n = 1;
	assert_int_equal(stage_change(t, c), ERR_FORMAT);
	c.peers_n = 0;
	t->store_away = true;
	assert_int_equal(stage_change(t, c), ERR_CLOSED);
	t->store_away = false;
	t->random_fails = true;
	assert_int_equal(stage_change(t, c), EIO);
	t->random_fails = false;
	assert_null(signin_user(t->s, "bob"));
	c.kind = SIGNIN_USER_REMOVE;
	assert_int_equal(stage_change(t, c), ERR_ABSENT);
	c.kind = SIGNIN_USER_PASSWD;
	assert_int_equal(stage_change(t, c), ERR_ABSENT);
	struct signin_counts counts;
	signin_counts(t->s, &counts);
	assert_int_equal(counts.users, 1);
	assert_int_equal(counts.under_way, 0);
}

static void users_live_on_after_a_crash(void **state)
{
	struct stage *t = *state;
	static const char *const peers[] = {"tablet", "@staff"};
	assert_int_equal(stage_change(t, (struct signin_change){.kind = SIGNIN_USER_SET,
								.user = "alice",
								.sets_peers = true,
								.peers = peers,
								.peers_n = 2,
								.sets_administrator = true,
								.administrator = true}),
			 OK);
	stage_crash(t);
	const struct user *u = signin_user(t->s, "alice");
	assert_non_null(u);
	assert_true(u->administrator && user_lists(u, "tablet") && user_has_role(u, "staff"));
	assert_int_equal(stage_change(t, (struct signin_change){.kind = SIGNIN_USER_REMOVE,
								.user = "alice"}),
			 OK);
	stage_crash(t);
	assert_null(signin_user(t->s, "alice"));
}

#define FACT(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		FACT(the_secret_of_add_counts_from_its_first_code_on),
		FACT(nothing_is_offered_without_the_password),
		FACT(a_factor_is_active_only_after_a_verified_code),
		FACT(an_enrolment_ends_after_its_time_and_its_tries),
		FACT(who_enrols_first_wins_and_a_new_password_ends_it),
		FACT(each_one_time_code_opens_once),
		FACT(a_reset_ends_all_codes_before_it),
		FACT(refuses_changes_that_cannot_be),
		FACT(users_live_on_after_a_crash),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
