/* Tries to sign in: who is refused, in which words, after which work, and what makes an opening
 * durable. */
#include "service/vpn/signin/signin_stage_test.h"

#include <string.h>

static struct stage stage;

static int begin(void **state)
{
	stage_open(&stage);
	*state = &stage;
	return 0;
}

static int end(void **state)
{
	stage_close(*state);
	return 0;
}

/* Everything that the page can see of a refusal. */
static void assert_same_words(struct signin_answer a, struct signin_answer b)
{
	assert_int_equal(a.result, b.result);
	assert_true(a.wait_ms == b.wait_ms);
	assert_string_equal(a.cookie, b.cookie);
	assert_true(a.expires_ms == b.expires_ms);
	assert_int_equal(a.backup_n, b.backup_n);
	assert_int_equal(a.backup_left, b.backup_left);
}

static void refuses_everybody_in_the_same_words_after_the_same_work(void **state)
{
	struct stage *t = *state;
	stage_add_active(t, "alice", "correct horse");
	stage_add_active(t, "bob", "battery staple");
	/* carol has a right password and code, and no business at the phone. */
	stage_add(t, "carol", "swordfish 12");
	static const struct {
		const char *user, *password;
		bool right_code;
		enum signin_cause cause;
	} tries[] = {
		{"nobody", "correct horse", false, SIGNIN_CAUSE_USER},
		{"no such name!", "correct horse", false, SIGNIN_CAUSE_USER},
		{"", "", false, SIGNIN_CAUSE_USER},
		{"carol", "swordfish 12", true, SIGNIN_CAUSE_PEER},
		{"alice", "wrong", true, SIGNIN_CAUSE_PASSWORD},
		{"alice", "correct horse", false, SIGNIN_CAUSE_CODE},
	};
	struct signin_answer first = {0};
	for (size_t i = 0; i < sizeof(tries) / sizeof(tries[0]); i++) {
		size_t hashed = t->hashed;
		const char *code = tries[i].right_code ? stage_code(t, tries[i].user, 0) : "000000";
		assert_int_equal(stage_try(t, 0, tries[i].user, tries[i].password, code),
				 SIGNIN_REFUSED);
		assert_int_equal(t->hashed, hashed + 1);
		assert_int_equal(stage_last(t)->kind, SIGNIN_EVENT_REFUSED);
		assert_int_equal(stage_last(t)->cause, tries[i].cause);
		if (i == 0)
			first = t->answer;
		assert_same_words(t->answer, first);
		assert_int_equal(stage_gate(t, 0), SIGNIN_CLOSED);
		stage_pass(t, 3600000);
	}
}

static void opens_with_name_password_and_code_and_is_durable_first(void **state)
{
	struct stage *t = *state;
	stage_add_active(t, "alice", "correct horse");
	t->holds = true;
	(void)stage_try(t, 0, " Alice ", "correct horse", stage_code(t, "alice", 0));
	unsigned answers = t->answers;
	assert_int_equal(t->hashes_n, 1);
	signin_hashed(t->s, t->now_ms, t->hashes[0].token, true, NULL);
	t->hashes_n = 0;
	/* The step of the code comes before the session, and nothing before both. */
	assert_int_equal(t->puts_n, 1);
	assert_int_equal(t->puts[0].row.table, SIGNIN_TABLE_USERS);
	assert_int_equal(t->answers, answers);
	assert_int_equal(stage_gate(t, 0), SIGNIN_CLOSED);
	t->holds = false;
	stage_run(t);
	assert_int_equal(t->answers, answers + 1);
	assert_int_equal(t->answer.result, SIGNIN_OPENED);
	assert_int_equal(strlen(t->answer.cookie), SESSION_COOKIE_LEN);
	assert_true(t->answer.expires_ms == t->now_ms + 12 * 3600 * 1000);
	assert_int_equal(t->answer.backup_left, -1);
	assert_int_equal(stage_gate(t, 0), SIGNIN_OPEN);
	assert_true(t->peers[0].gate.until_ms == t->answer.expires_ms);
	assert_int_equal(stage_last(t)->kind, SIGNIN_EVENT_OPENED);
	assert_string_equal(stage_last(t)->user, "alice");
}

static void never_accepts_a_code_twice(void **state)
{
	struct stage *t = *state;
	char now[8], before[8];
	stage_add_active(t, "alice", "correct horse");
	(void)snprintf(now, sizeof(now), "%s", stage_code(t, "alice", 0));
	(void)snprintf(before, sizeof(before), "%s", stage_code(t, "alice", -1));
	assert_int_equal(stage_try(t, 0, "alice", "correct horse", now), SIGNIN_OPENED);
	assert_int_equal(stage_try(t, 0, "alice", "correct horse", now), SIGNIN_REFUSED);
	assert_int_equal(stage_last(t)->cause, SIGNIN_CAUSE_REPLAYED);
	/* Nor at another peer; nor the one before it, which the drift would allow: the step is
	 * kept, not the code. */
	assert_int_equal(stage_try(t, 1, "alice", "correct horse", now), SIGNIN_REFUSED);
	assert_int_equal(stage_try(t, 1, "alice", "correct horse", before), SIGNIN_REFUSED);
	assert_int_equal(stage_last(t)->cause, SIGNIN_CAUSE_REPLAYED);
	/* The next one is another code. */
	assert_int_equal(stage_try(t, 1, "alice", "correct horse", stage_code(t, "alice", 1)),
			 SIGNIN_OPENED);
}

static void accepts_a_clock_off_by_one_step_and_no_more(void **state)
{
	struct stage *t = *state;
	stage_add_active(t, "alice", "correct horse");
	stage_pass(t, 600000);
	assert_int_equal(stage_try(t, 0, "alice", "correct horse", stage_code(t, "alice", -2)),
			 SIGNIN_REFUSED);
	assert_int_equal(stage_try(t, 0, "alice", "correct horse", stage_code(t, "alice", 2)),
			 SIGNIN_REFUSED);
	assert_int_equal(stage_try(t, 0, "alice", "correct horse", stage_code(t, "alice", -1)),
			 SIGNIN_OPENED);
	assert_int_equal(stage_try(t, 0, "alice", "correct horse", stage_code(t, "alice", 1)),
			 SIGNIN_OPENED);
}

static void a_code_that_was_accepted_is_refused_after_a_crash_at_any_moment(void **state)
{
	struct stage *t = *state;
	char code[8];
	stage_add_active(t, "alice", "correct horse");
	/* kill -9 when 0, 1, 2 of the rows that a sign-in writes are on the disk. */
	for (unsigned written = 0; written <= 2; written++) {
		stage_pass(t, 120000);
		(void)snprintf(code, sizeof(code), "%s", stage_code(t, "alice", 0));
		t->holds = true;
		(void)stage_try(t, 0, "alice", "correct horse", code);
		signin_hashed(t->s, t->now_ms, t->hashes[0].token, true, NULL);
		t->hashes_n = 0;
		for (unsigned i = 0; i < written; i++) {
			assert_int_equal(t->puts_n, 1);
			stage_put_one(t);
		}
		t->holds = false;
		stage_crash(t);
		/* Answered or not: what was written is over, and only a whole sign-in opens. */
		assert_int_equal(stage_gate(t, 0), written == 2 ? SIGNIN_OPEN : SIGNIN_CLOSED);
		assert_int_equal(stage_try(t, 1, "alice", "correct horse", code),
				 written == 0 ? SIGNIN_OPENED : SIGNIN_REFUSED);
		if (written)
			assert_int_equal(stage_last(t)->cause, SIGNIN_CAUSE_REPLAYED);
		stage_pass(t, 24 * 3600 * 1000);
	}
}

static void a_code_opens_at_one_gateway_of_a_fleet_only(void **state)
{
	struct stage *t = *state;
	char code[8];
	stage_add_active(t, "alice", "correct horse");
	(void)snprintf(code, sizeof(code), "%s", stage_code(t, "alice", 0));
	t->holds = true;
	(void)stage_try(t, 0, "alice", "correct horse", code);
	/* Meanwhile another gateway accepted it, and wrote its step into the same row. */
	for (size_t i = 0; i < STAGE_ROWS; i++) {
		struct stage_row *r = &t->rows[i];
		if (!r->used || r->table != SIGNIN_TABLE_USERS)
			continue;
		struct user u;
		assert_int_equal(user_row_read(span_of(r->key, r->key_len),
					       span_of(r->value, r->value_len), &u),
				 OK);
		u.last_step = totp_step(t->now_ms / 1000);
		struct writer w = writer_of(r->value, sizeof(r->value));
		user_row_write(&u, &w);
		r->value_len = w.pos;
		r->version = ++t->version;
	}
	t->holds = false;
	stage_run(t);
	assert_int_equal(t->answer.result, SIGNIN_REFUSED);
	assert_int_equal(stage_last(t)->cause, SIGNIN_CAUSE_REPLAYED);
	assert_int_equal(stage_gate(t, 0), SIGNIN_CLOSED);
}

static void opens_nothing_while_the_store_is_away(void **state)
{
	struct stage *t = *state;
	stage_add_active(t, "alice", "correct horse");
	t->store_away = true;
	assert_int_equal(stage_try(t, 0, "alice", "correct horse", stage_code(t, "alice", 0)),
			 SIGNIN_UNAVAILABLE);
	assert_int_equal(stage_gate(t, 0), SIGNIN_CLOSED);
	t->store_away = false;
	t->store_full = true;
	assert_int_equal(stage_try(t, 0, "alice", "correct horse", stage_code(t, "alice", 0)),
			 SIGNIN_UNAVAILABLE);
	t->store_full = false;
	/* It was nobody's failure. */
	assert_true(signin_user_wait_ms(t->s, t->now_ms, "alice") == 0);
	assert_int_equal(stage_try(t, 0, "alice", "correct horse", stage_code(t, "alice", 0)),
			 SIGNIN_OPENED);
}

/* The database went away between two rows, and took the second one without telling. */
static void a_session_that_nobody_was_told_of_does_not_come_back(void **state)
{
	struct stage *t = *state;
	stage_add_active(t, "alice", "correct horse");
	t->holds = true;
	(void)stage_try(t, 0, "alice", "correct horse", stage_code(t, "alice", 0));
	signin_hashed(t->s, t->now_ms, t->hashes[0].token, true, NULL);
	t->hashes_n = 0;
	stage_put_one(t);
	assert_int_equal(t->puts_n, 1);
	uint64_t token = t->puts[0].token;
	t->puts[0].token = 0; /* on the disk, unheard of */
	stage_put_one(t);
	signin_stored(t->s, t->now_ms, token, SIGNIN_STORE_FAILED, 0, (struct span){0});
	assert_int_equal(t->answer.result, SIGNIN_UNAVAILABLE);
	assert_int_equal(stage_gate(t, 0), SIGNIN_CLOSED);
	t->holds = false;
	stage_pass(t, 1000);
	stage_crash(t);
	assert_int_equal(stage_gate(t, 0), SIGNIN_CLOSED);
}

static void opens_nothing_without_randomness(void **state)
{
	struct stage *t = *state;
	stage_add_active(t, "alice", "correct horse");
	t->random_fails = true;
	assert_int_equal(stage_try(t, 0, "alice", "correct horse", stage_code(t, "alice", 0)),
			 SIGNIN_UNAVAILABLE);
	assert_int_equal(stage_gate(t, 0), SIGNIN_CLOSED);
}

/* --- delays --- */

static void counts_failures_for_the_peer_and_user_with_growing_delays(void **state)
{
	struct stage *t = *state;
	uint64_t last_ms = 0;
	stage_add_active(t, "alice", "correct horse");
	for (int i = 0; i < 2; i++)
		assert_int_equal(stage_try(t, 0, "alice", "guess", "000000"), SIGNIN_REFUSED);
	assert_true(t->answer.wait_ms == 0);
	for (int i = 0; i < 6; i++) {
		assert_int_equal(stage_try(t, 0, "alice", "guess", "000000"), SIGNIN_REFUSED);
		assert_true(t->answer.wait_ms >= 2 * last_ms && t->answer.wait_ms >= 1000);
		last_ms = t->answer.wait_ms;
		/* Before it is over nothing is looked at, the right words neither. */
		size_t hashed = t->hashed;
		assert_int_equal(
			stage_try(t, 0, "alice", "correct horse", stage_code(t, "alice", 0)),
			SIGNIN_WAIT);
		assert_int_equal(t->hashed, hashed);
		assert_int_equal(stage_last(t)->cause, SIGNIN_CAUSE_WAIT);
		stage_pass(t, last_ms);
	}
	/* The user's other peer is not held up by it, nor another user at this one. */
	assert_int_equal(stage_try(t, 1, "alice", "correct horse", stage_code(t, "alice", 0)),
			 SIGNIN_OPENED);
	/* In the end the right words open here as well, and all begins anew. */
	assert_int_equal(stage_try(t, 0, "alice", "correct horse", stage_code(t, "alice", 1)),
			 SIGNIN_OPENED);
	assert_int_equal(stage_try(t, 0, "alice", "guess", "000000"), SIGNIN_REFUSED);
	assert_true(t->answer.wait_ms == 0);
}

static void delays_names_that_nobody_has_alike(void **state)
{
	struct stage *t = *state;
	uint64_t known[8], unknown[8];
	stage_add_active(t, "alice", "correct horse");
	for (int i = 0; i < 8; i++) {
		assert_int_equal(stage_try(t, 0, "alice", "guess", "000000"), SIGNIN_REFUSED);
		known[i] = t->answer.wait_ms;
		stage_pass(t, known[i]);
	}
	stage_close(t);
	stage_open(t);
	for (int i = 0; i < 8; i++) {
		assert_int_equal(stage_try(t, 0, "mallory", "guess", "000000"), SIGNIN_REFUSED);
		unknown[i] = t->answer.wait_ms;
		stage_pass(t, unknown[i]);
	}
	assert_memory_equal(known, unknown, sizeof(known));
}

static void many_tries_at_once_are_no_way_around_the_delays(void **state)
{
	struct stage *t = *state;
	stage_add_active(t, "alice", "correct horse");
	t->holds = true;
	unsigned answers = t->answers;
	for (int i = 0; i < 20; i++)
		(void)stage_try(t, 0, "alice", "guess", "000000");
	/* One is looked at, the others are told to come again. */
	assert_int_equal(t->answers, answers + 19);
	assert_int_equal(t->hashes_n, 1);
	assert_int_equal(t->answer.result, SIGNIN_BUSY);
	t->holds = false;
	stage_run(t);
}

static void one_who_cannot_open_a_peer_holds_its_owner_up_nowhere(void **state)
{
	struct stage *t = *state;
	stage_add_active(t, "alice", "correct horse");
	/* Somebody with the tablet's key, which is not alice's, tries her name for days. */
	for (int i = 0; i < 40; i++) {
		(void)stage_try(t, 2, "alice", "guess", "000000");
		stage_pass(t, t->answer.wait_ms ? t->answer.wait_ms : 1000);
	}
	assert_int_equal(stage_try(t, 0, "alice", "correct horse", stage_code(t, "alice", 0)),
			 SIGNIN_OPENED);
}

static void a_full_hash_queue_is_nobodys_failure(void **state)
{
	struct stage *t = *state;
	stage_add_active(t, "alice", "correct horse");
	t->hash_full = true;
	for (int i = 0; i < 10; i++)
		assert_int_equal(stage_try(t, 0, "alice", "correct horse", "000000"), SIGNIN_BUSY);
	t->hash_full = false;
	assert_int_equal(stage_try(t, 0, "alice", "correct horse", stage_code(t, "alice", 0)),
			 SIGNIN_OPENED);
}

static void an_administrator_unlocks_a_user(void **state)
{
	struct stage *t = *state;
	stage_add_active(t, "alice", "correct horse");
	for (int i = 0; i < 5; i++) {
		(void)stage_try(t, 0, "alice", "guess", "000000");
		stage_pass(t, t->answer.wait_ms);
	}
	(void)stage_try(t, 0, "alice", "guess", "000000");
	assert_int_equal(stage_try(t, 0, "alice", "correct horse", stage_code(t, "alice", 0)),
			 SIGNIN_WAIT);
	assert_true(signin_user_wait_ms(t->s, t->now_ms, "alice") > 0);
	signin_unlock(t->s, "alice");
	assert_true(signin_user_wait_ms(t->s, t->now_ms, "alice") == 0);
	assert_int_equal(stage_try(t, 0, "alice", "correct horse", stage_code(t, "alice", 0)),
			 SIGNIN_OPENED);
}

/* --- what changes under a try --- */

static void a_password_that_was_changed_meanwhile_opens_nothing(void **state)
{
	struct stage *t = *state;
	stage_add_active(t, "alice", "correct horse");
	t->holds = true;
	(void)stage_try(t, 0, "alice", "correct horse", stage_code(t, "alice", 0));
	struct stage_hash first = t->hashes[0];
	t->hashes_n = 0;
	t->holds = false;
	assert_int_equal(
		stage_change(t, (struct signin_change){.kind = SIGNIN_USER_PASSWD,
						       .user = "alice",
						       .password = span_text("another horse")}),
		OK);
	signin_hashed(t->s, t->now_ms, first.token, true, NULL);
	stage_run(t);
	assert_int_equal(t->answer.result, SIGNIN_REFUSED);
	assert_int_equal(stage_gate(t, 0), SIGNIN_CLOSED);
}

static void a_user_that_is_removed_under_a_try_opens_nothing(void **state)
{
	struct stage *t = *state;
	stage_add_active(t, "alice", "correct horse");
	t->holds = true;
	(void)stage_try(t, 0, "alice", "correct horse", stage_code(t, "alice", 0));
	signin_hashed(t->s, t->now_ms, t->hashes[0].token, true, NULL);
	t->hashes_n = 0;
	/* Between the two rows: the step is written, the session is on its way. */
	(void)stage_change(t, (struct signin_change){.kind = SIGNIN_USER_REMOVE, .user = "alice"});
	t->holds = false;
	stage_run(t);
	assert_int_equal(stage_gate(t, 0), SIGNIN_CLOSED);
	stage_pass(t, 1000);
	stage_crash(t);
	assert_int_equal(stage_gate(t, 0), SIGNIN_CLOSED);
}

static void a_page_that_has_gone_is_not_answered(void **state)
{
	struct stage *t = *state;
	stage_add_active(t, "alice", "correct horse");
	t->holds = true;
	unsigned answers = t->answers;
	(void)stage_try(t, 0, "alice", "correct horse", stage_code(t, "alice", 0));
	signin_forget(t->s, t);
	stage_run(t);
	assert_int_equal(t->answers, answers);
	assert_int_equal(stage_gate(t, 0), SIGNIN_OPEN); /* it was right all the same */
}

static void a_peer_that_does_not_sign_in_has_no_page(void **state)
{
	struct stage *t = *state;
	stage_add_active(t, "alice", "correct horse");
	size_t hashed = t->hashed;
	assert_int_equal(stage_try(t, 3, "alice", "correct horse", stage_code(t, "alice", 0)),
			 SIGNIN_REFUSED);
	assert_int_equal(t->hashed, hashed);
}

#define FACT(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		FACT(refuses_everybody_in_the_same_words_after_the_same_work),
		FACT(opens_with_name_password_and_code_and_is_durable_first),
		FACT(never_accepts_a_code_twice),
		FACT(accepts_a_clock_off_by_one_step_and_no_more),
		FACT(a_code_that_was_accepted_is_refused_after_a_crash_at_any_moment),
		FACT(a_code_opens_at_one_gateway_of_a_fleet_only),
		FACT(opens_nothing_while_the_store_is_away),
		FACT(a_session_that_nobody_was_told_of_does_not_come_back),
		FACT(opens_nothing_without_randomness),
		FACT(counts_failures_for_the_peer_and_user_with_growing_delays),
		FACT(delays_names_that_nobody_has_alike),
		FACT(many_tries_at_once_are_no_way_around_the_delays),
		FACT(one_who_cannot_open_a_peer_holds_its_owner_up_nowhere),
		FACT(a_full_hash_queue_is_nobodys_failure),
		FACT(an_administrator_unlocks_a_user),
		FACT(a_password_that_was_changed_meanwhile_opens_nothing),
		FACT(a_user_that_is_removed_under_a_try_opens_nothing),
		FACT(a_page_that_has_gone_is_not_answered),
		FACT(a_peer_that_does_not_sign_in_has_no_page),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
