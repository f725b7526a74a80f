/* What sessions open, and all that ends them. */
#include "service/vpn/signin/signin_stage_test.h"

#include <string.h>

static struct stage stage;
static char cookie[SESSION_COOKIE_LEN + 1];

/* alice has signed in at the phone. */
static int begin(void **state)
{
	stage_open(&stage);
	stage_add_active(&stage, "alice", "correct horse");
	assert_int_equal(
		stage_try(&stage, 0, "alice", "correct horse", stage_code(&stage, "alice", 0)),
		SIGNIN_OPENED);
	memcpy(cookie, stage.answer.cookie, sizeof(cookie));
	*state = &stage;
	return 0;
}

static int end(void **state)
{
	stage_close(*state);
	return 0;
}

static size_t rows_of(const struct stage *t, enum signin_table table)
{
	size_t n = 0;
	for (size_t i = 0; i < STAGE_ROWS; i++)
		n += t->rows[i].used && t->rows[i].table == table;
	return n;
}

static void assert_over(struct stage *t, enum signin_end why)
{
	struct signin_session s;
	size_t at = 0;
	assert_int_equal(stage_gate(t, 0), SIGNIN_CLOSED);
	assert_int_equal(stage_last(t)->kind, SIGNIN_EVENT_ENDED);
	assert_int_equal(stage_last(t)->end, why);
	assert_false(signin_session_next(t->s, &at, &s));
	stage_run(t);
	assert_int_equal(rows_of(t, SIGNIN_TABLE_SESSIONS), 0);
	stage_crash(t);
	assert_int_equal(stage_gate(t, 0), SIGNIN_CLOSED);
}

static void look(struct stage *t, const char *shown, struct signin_view *ret)
{
	signin_look(t->s, t->now_ms, t->peers[0].key, span_text(shown), ret);
}

/* --- the cookie --- */

static void tells_nothing_of_a_session_without_its_cookie(void **state)
{
	struct stage *t = *state;
	struct signin_view v;
	char other[SESSION_COOKIE_LEN + 1];
	memcpy(other, cookie, sizeof(other));
	other[5] ^= 1;
	look(t, other, &v);
	assert_true(v.gate == SIGNIN_OPEN && !v.ours && !v.user[0] && !v.expires_ms);
	look(t, "", &v);
	assert_false(v.ours);
	look(t, cookie, &v);
	assert_true(v.ours && v.expires_ms > t->now_ms);
	assert_string_equal(v.user, "alice");
	/* It is of this peer alone. */
	signin_look(t->s, t->now_ms, t->peers[1].key, span_text(cookie), &v);
	assert_true(v.gate == SIGNIN_CLOSED && !v.ours);
	assert_int_equal(signin_out(t->s, t->now_ms, t->peers[0].key, span_text(other)),
			 ERR_REFUSED);
	assert_int_equal(signin_out(t->s, t->now_ms, t->peers[1].key, span_text(cookie)),
			 ERR_ABSENT);
	assert_int_equal(stage_gate(t, 0), SIGNIN_OPEN);
}

static void keeps_no_cookie_that_somebody_could_show(void **state)
{
	struct stage *t = *state;
	for (size_t i = 0; i < STAGE_ROWS; i++)
		for (size_t at = 0; t->rows[i].used && at + 16 <= t->rows[i].value_len; at++)
			assert_memory_not_equal(t->rows[i].value + at, cookie, 16);
}

static void signing_out_closes_at_once_and_for_good(void **state)
{
	struct stage *t = *state;
	assert_int_equal(signin_out(t->s, t->now_ms, t->peers[0].key, span_text(cookie)), OK);
	assert_over(t, SIGNIN_END_OUT);
}

/* --- time --- */

static void ends_when_it_lasted_as_long_as_it_may(void **state)
{
	struct stage *t = *state;
	uint64_t last_ms = 12 * 3600 * 1000;
	for (uint64_t at = 0; at < last_ms - 1000; at += 60000) {
		t->peers[0].active_ms = t->now_ms;
		stage_pass(t, 60000);
		if (at + 60000 < last_ms)
			assert_int_equal(stage_gate(t, 0), SIGNIN_OPEN);
	}
	assert_over(t, SIGNIN_END_EXPIRED);
}

static void ends_after_its_rest_and_only_data_is_no_rest(void **state)
{
	struct stage *t = *state;
	/* Keepalives are not told as data: active_ms stands still, whatever is heard. */
	stage_pass(t, 29 * 60 * 1000);
	assert_int_equal(stage_gate(t, 0), SIGNIN_OPEN);
	t->peers[0].active_ms = t->now_ms;
	stage_pass(t, 29 * 60 * 1000);
	assert_int_equal(stage_gate(t, 0), SIGNIN_OPEN);
	stage_pass(t, 61 * 1000);
	assert_over(t, SIGNIN_END_IDLE);
}

static void the_gate_knows_the_end_without_our_timer(void **state)
{
	struct stage *t = *state;
	assert_true(t->peers[0].gate.until_ms == t->now_ms + 12 * 3600 * 1000);
	assert_true(t->peers[0].gate.idle_ms == 30 * 60 * 1000);
	/* And so does the page. */
	struct signin_view v;
	t->now_ms += 31 * 60 * 1000;
	look(t, cookie, &v);
	assert_int_equal(v.gate, SIGNIN_CLOSED);
}

/* --- restarts --- */

static void holds_over_a_restart_while_it_lasts(void **state)
{
	struct stage *t = *state;
	struct signin_view v;
	t->now_ms += 10 * 60 * 1000;
	stage_crash(t);
	assert_int_equal(stage_gate(t, 0), SIGNIN_OPEN);
	assert_int_equal(stage_gate(t, 1), SIGNIN_CLOSED);
	look(t, cookie, &v);
	assert_true(v.ours);
	/* 30 minutes after the last data that was written down, restart or not. */
	stage_pass(t, 21 * 60 * 1000);
	assert_over(t, SIGNIN_END_IDLE);
}

static void does_not_come_back_when_its_time_passed_while_we_were_down(void **state)
{
	struct stage *t = *state;
	t->now_ms += 13 * 3600 * 1000;
	stage_crash(t);
	assert_int_equal(stage_gate(t, 0), SIGNIN_CLOSED);
	stage_pass(t, 1000);
	assert_int_equal(rows_of(t, SIGNIN_TABLE_SESSIONS), 0);
}

static void what_was_active_is_written_down_now_and_then(void **state)
{
	struct stage *t = *state;
	for (int i = 0; i < 60; i++) {
		t->peers[0].active_ms = t->now_ms;
		stage_pass(t, 60000);
	}
	stage_crash(t);
	assert_int_equal(stage_gate(t, 0), SIGNIN_OPEN); /* an hour on, twice its rest */
}

static void an_end_while_the_store_is_away_is_made_durable_later(void **state)
{
	struct stage *t = *state;
	t->store_away = true;
	assert_int_equal(signin_end(t->s, t->now_ms, t->peers[0].key, "root"), OK);
	assert_int_equal(stage_gate(t, 0), SIGNIN_CLOSED);
	stage_run(t);
	assert_int_equal(rows_of(t, SIGNIN_TABLE_SESSIONS), 1);
	t->store_away = false;
	stage_pass(t, 1000);
	stage_pass(t, 1000);
	assert_int_equal(rows_of(t, SIGNIN_TABLE_SESSIONS), 0);
}

/* --- administrators and users --- */

static void an_administrator_ends_it_at_once(void **state)
{
	struct stage *t = *state;
	assert_int_equal(signin_end(t->s, t->now_ms, t->peers[1].key, "root"), ERR_ABSENT);
	assert_int_equal(signin_end(t->s, t->now_ms, t->peers[0].key, "root"), OK);
	assert_string_equal(stage_last(t)->by, "root");
	assert_over(t, SIGNIN_END_ADMIN);
}

static void ends_with_its_users_password_factor_and_rights(void **state)
{
	struct stage *t = *state;
	const struct signin_change changes[] = {
		{.kind = SIGNIN_USER_PASSWD,
		 .user = "alice",
		 .password = span_text("another horse")},
		{.kind = SIGNIN_USER_RESET, .user = "alice"},
		{.kind = SIGNIN_USER_SET, .user = "alice", .sets_disabled = true, .disabled = true},
		{.kind = SIGNIN_USER_REMOVE, .user = "alice"},
	};
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		if (i) {
			end(state);
			assert_int_equal(begin(state), 0);
		}
		assert_int_equal(stage_change(t, changes[i]), OK);
		assert_int_equal(stage_gate(t, 0), SIGNIN_CLOSED);
		assert_int_equal(rows_of(t, SIGNIN_TABLE_SESSIONS), 0);
	}
}

static void ends_when_the_peer_is_not_its_users_any_more(void **state)
{
	struct stage *t = *state;
	t->peers[0].is.users_n = 0;
	signin_peer_changed(t->s, t->now_ms, t->peers[0].key);
	assert_over(t, SIGNIN_END_PEER);
}

static void a_list_of_ones_own_or_a_role_opens_as_well(void **state)
{
	struct stage *t = *state;
	static const char *const role[] = {"@staff"}, *const peer[] = {"tablet"};
	stage_pass(t, 60000);
	assert_int_equal(stage_try(t, 2, "alice", "correct horse", stage_code(t, "alice", 0)),
			 SIGNIN_REFUSED);
	assert_int_equal(stage_change(t, (struct signin_change){.kind = SIGNIN_USER_SET,
								.user = "alice",
								.sets_peers = true,
								.peers = role,
								.peers_n = 1}),
			 OK);
	assert_int_equal(stage_try(t, 2, "alice", "correct horse", stage_code(t, "alice", 0)),
			 SIGNIN_OPENED);
	/* Without it the session there ends, and that of the configuration's peer does not. */
	assert_int_equal(stage_change(t, (struct signin_change){.kind = SIGNIN_USER_SET,
								.user = "alice",
								.sets_peers = true}),
			 OK);
	assert_int_equal(stage_gate(t, 2), SIGNIN_CLOSED);
	assert_int_equal(stage_gate(t, 0), SIGNIN_OPEN);
	stage_pass(t, 60000);
	assert_int_equal(stage_change(t, (struct signin_change){.kind = SIGNIN_USER_SET,
								.user = "alice",
								.sets_peers = true,
								.peers = peer,
								.peers_n = 1}),
			 OK);
	assert_int_equal(stage_try(t, 2, "alice", "correct horse", stage_code(t, "alice", 0)),
			 SIGNIN_OPENED);
}

static void a_peer_that_goes_takes_its_session_along(void **state)
{
	struct stage *t = *state;
	assert_true(signin_end_peer(t->s, t->now_ms, t->peers[0].key));
	assert_false(signin_end_peer(t->s, t->now_ms, t->peers[0].key));
	assert_over(t, SIGNIN_END_PEER);
}

static void a_new_sign_in_takes_the_place_of_the_old(void **state)
{
	struct stage *t = *state;
	struct signin_view v;
	stage_pass(t, 60000);
	stage_add(t, "bob", "battery staple");
	assert_int_equal(stage_try(t, 0, "bob", "battery staple", stage_code(t, "bob", 0)),
			 SIGNIN_OPENED);
	look(t, cookie, &v);
	assert_false(v.ours); /* the old cookie is worth nothing */
	look(t, t->answer.cookie, &v);
	assert_string_equal(v.user, "bob");
	assert_int_equal(rows_of(t, SIGNIN_TABLE_SESSIONS), 1);
}

/* --- endpoints --- */

static void move(struct stage *t, size_t last, uint16_t port)
{
	struct ip_endpoint to = stage_endpoint(last, port);
	signin_moved(t->s, t->now_ms, t->peers[0].key, &to);
	stage_run(t);
}

/* Signs in anew, under this policy. */
static void again(struct stage *t, enum session_roaming roaming)
{
	t->peers[0].is.roaming = roaming;
	stage_pass(t, 60000);
	assert_int_equal(stage_try(t, 0, "alice", "correct horse", stage_code(t, "alice", 0)),
			 SIGNIN_OPENED);
}

static void strict_ends_when_anything_moves(void **state)
{
	struct stage *t = *state;
	again(t, SESSION_STRICT);
	move(t, 1, 1000); /* where it is */
	assert_int_equal(stage_gate(t, 0), SIGNIN_OPEN);
	move(t, 1, 1001);
	assert_over(t, SIGNIN_END_MOVED);
}

static void same_address_lets_the_port_change_alone(void **state)
{
	struct stage *t = *state;
	again(t, SESSION_SAME_ADDRESS);
	move(t, 1, 1001);
	assert_int_equal(stage_gate(t, 0), SIGNIN_OPEN);
	assert_int_equal(stage_last(t)->kind, SIGNIN_EVENT_MOVED);
	move(t, 9, 1001);
	assert_over(t, SIGNIN_END_MOVED);
}

static void a_key_used_elsewhere_opens_nothing_until_the_browser_proves_itself(void **state)
{
	struct stage *t = *state;
	struct ip_endpoint there = stage_endpoint(9, 7), here = stage_endpoint(1, 1000);
	const uint8_t *peer = t->peers[0].key;
	move(t, 9, 7);
	assert_int_equal(stage_gate(t, 0), SIGNIN_PROOF);
	assert_int_equal(stage_last(t)->kind, SIGNIN_EVENT_MOVED);
	assert_int_equal(signin_prove(t->s, t->now_ms, peer, span_text("guess"), &there),
			 ERR_REFUSED);
	/* Coming back proves nothing: a source address may be forged. Nor does a restart. */
	move(t, 1, 1000);
	assert_int_equal(stage_gate(t, 0), SIGNIN_PROOF);
	stage_crash(t);
	assert_int_equal(stage_gate(t, 0), SIGNIN_PROOF);
	move(t, 1, 1000);
	assert_int_equal(stage_gate(t, 0), SIGNIN_PROOF);
	assert_int_equal(signin_prove(t->s, t->now_ms, peer, span_text(cookie), &here), OK);
	assert_int_equal(stage_gate(t, 0), SIGNIN_OPEN);
	stage_run(t);
	/* Its end is as it was. */
	assert_true(t->peers[0].gate.until_ms == t->now_ms + 12 * 3600 * 1000);
	stage_crash(t);
	assert_int_equal(stage_gate(t, 0), SIGNIN_OPEN);
}

static void an_endpoint_that_is_told_again_is_no_event(void **state)
{
	struct stage *t = *state;
	move(t, 9, 7);
	size_t events = t->events_n;
	for (int i = 0; i < 5; i++)
		move(t, 9, 7);
	assert_int_equal(t->events_n, events);
	move(t, 9, 8);
	assert_int_equal(t->events_n, events + 1);
	struct ip_endpoint stale = stage_endpoint(9, 7);
	/* What the page says of where it is may be outdated: what is told then counts. */
	assert_int_equal(signin_prove(t->s, t->now_ms, t->peers[0].key, span_text(cookie), &stale),
			 OK);
	move(t, 9, 8);
	assert_int_equal(stage_gate(t, 0), SIGNIN_PROOF);
}

static void what_moves_while_a_try_is_under_way_is_judged_after_it(void **state)
{
	struct stage *t = *state;
	stage_pass(t, 60000);
	t->holds = true;
	(void)stage_try(t, 0, "alice", "correct horse", stage_code(t, "alice", 0));
	t->holds = false;
	struct ip_endpoint there = stage_endpoint(9, 7);
	signin_moved(t->s, t->now_ms, t->peers[0].key, &there);
	stage_run(t);
	assert_int_equal(t->answer.result, SIGNIN_OPENED);
	assert_int_equal(stage_gate(t, 0), SIGNIN_PROOF);
}

/* --- a fleet --- */

static void what_another_gateway_opened_is_open_here_and_ends_here(void **state)
{
	struct stage *t = *state;
	struct session s = {.endpoint = stage_endpoint(2, 1000),
			    .roaming = SESSION_STRICT,
			    .started_ms = t->now_ms,
			    .active_ms = t->now_ms,
			    .expires_ms = t->now_ms + 3600000};
	uint8_t room[SESSION_ROW_MAX];
	struct writer w = writer_of(room, sizeof(room));
	struct span key = span_of(t->peers[1].key, SESSION_PEER_LEN);
	(void)snprintf(s.user, sizeof(s.user), "alice");
	session_row_write(&s, &w);
	assert_int_equal(
		signin_learn(t->s, t->now_ms, SIGNIN_TABLE_SESSIONS, key, writer_span(&w), 1000),
		OK);
	assert_int_equal(stage_gate(t, 1), SIGNIN_OPEN);
	/* An older story is not believed. */
	assert_int_equal(
		signin_learn(t->s, t->now_ms, SIGNIN_TABLE_SESSIONS, key, (struct span){0}, 999),
		OK);
	assert_int_equal(stage_gate(t, 1), SIGNIN_OPEN);
	assert_int_equal(
		signin_learn(t->s, t->now_ms, SIGNIN_TABLE_SESSIONS, key, (struct span){0}, 1001),
		OK);
	assert_int_equal(stage_gate(t, 1), SIGNIN_CLOSED);
	assert_int_equal(stage_last(t)->end, SIGNIN_END_ELSEWHERE);
	stage_run(t);
}

static void what_was_not_told_when_all_is_told_is_gone(void **state)
{
	struct stage *t = *state;
	signin_learn_begin(t->s);
	for (size_t i = 0; i < STAGE_ROWS; i++) {
		const struct stage_row *r = &t->rows[i];
		if (r->used && r->table == SIGNIN_TABLE_USERS)
			assert_int_equal(
				signin_learn(t->s, t->now_ms, r->table, span_of(r->key, r->key_len),
					     span_of(r->value, r->value_len), r->version + 100),
				OK);
	}
	signin_learn_end(t->s, t->now_ms);
	assert_int_equal(stage_gate(t, 0), SIGNIN_CLOSED);
	assert_non_null(signin_user(t->s, "alice"));
	signin_learn_begin(t->s);
	signin_learn_end(t->s, t->now_ms);
	assert_non_null(signin_user(t->s, "alice")); /* nothing at all was told: a database that is
						      * empty is no reason to forget */
	stage_run(t);
}

#define FACT(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		FACT(tells_nothing_of_a_session_without_its_cookie),
		FACT(keeps_no_cookie_that_somebody_could_show),
		FACT(signing_out_closes_at_once_and_for_good),
		FACT(ends_when_it_lasted_as_long_as_it_may),
		FACT(ends_after_its_rest_and_only_data_is_no_rest),
		FACT(the_gate_knows_the_end_without_our_timer),
		FACT(holds_over_a_restart_while_it_lasts),
		FACT(does_not_come_back_when_its_time_passed_while_we_were_down),
		FACT(what_was_active_is_written_down_now_and_then),
		FACT(an_end_while_the_store_is_away_is_made_durable_later),
		FACT(an_administrator_ends_it_at_once),
		FACT(ends_with_its_users_password_factor_and_rights),
		FACT(ends_when_the_peer_is_not_its_users_any_more),
		FACT(a_list_of_ones_own_or_a_role_opens_as_well),
		FACT(a_peer_that_goes_takes_its_session_along),
		FACT(a_new_sign_in_takes_the_place_of_the_old),
		FACT(strict_ends_when_anything_moves),
		FACT(same_address_lets_the_port_change_alone),
		FACT(a_key_used_elsewhere_opens_nothing_until_the_browser_proves_itself),
		FACT(an_endpoint_that_is_told_again_is_no_event),
		FACT(what_moves_while_a_try_is_under_way_is_judged_after_it),
		FACT(what_another_gateway_opened_is_open_here_and_ends_here),
		FACT(what_was_not_told_when_all_is_told_is_gone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
