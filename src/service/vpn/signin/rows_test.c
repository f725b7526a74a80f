/* Rows of users and sessions as they come back from the store, torn ones as well; names; cookies.
 */
#include "service/vpn/signin/session.h"
#include "service/vpn/signin/user.h"

#include "test/guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static struct user user_sample(size_t peers, size_t backup)
{
	struct user u = {.administrator = true,
			 .factor = USER_FACTOR_ACTIVE,
			 .last_step = UINT64_C(0x123456789),
			 .backup_n = backup,
			 .created_ms = 77};
	(void)snprintf(u.name, sizeof(u.name), "alice");
	(void)snprintf(u.password, sizeof(u.password), "$argon2id$v=19$m=8,t=1,p=1$c2FsdA$aGFzaA");
	memset(u.secret, 0xa5, sizeof(u.secret));
	for (size_t i = 0; i < backup; i++)
		memset(u.backup[i], (int)(i + 1), sizeof(u.backup[i]));
	for (size_t i = 0; i < peers; i++) {
		char name[USER_PEER_NAME_MAX + 1];
		(void)snprintf(name, sizeof(name), i % 2 ? "@role%zu" : "peer%zu", i);
		assert_int_equal(user_list_add(&u, name), OK);
	}
	return u;
}

static struct session session_sample(void)
{
	struct session s = {.endpoint = {.address = ip_address_v4(192, 0, 2, 1), .port = 1000},
			    .roaming = SESSION_BROWSER_PROOF,
			    .unproved = true,
			    .started_ms = 1,
			    .expires_ms = UINT64_C(1) << 40,
			    .active_ms = 3,
			    .idle_ms = 4};
	memset(s.peer, 9, sizeof(s.peer));
	(void)snprintf(s.user, sizeof(s.user), "alice");
	memset(s.cookie, 7, sizeof(s.cookie));
	return s;
}

/* Whatever a row says, it is bounded, and reads back as it was written. */
static void user_row_try(const uint8_t *data, size_t len)
{
	struct user u, again;
	uint8_t room[USER_ROW_MAX];
	struct writer w = writer_of(room, sizeof(room));
	memset(&u, 0xee, sizeof(u));
	if (user_row_read(span_text("alice"), span_of(data, len), &u))
		return;
	user_row_write(&u, &w);
	assert_int_equal(writer_check(&w), OK);
	assert_int_equal(w.pos, len);
	assert_memory_equal(room, data, len);
	assert_int_equal(user_row_read(span_text("alice"), writer_span(&w), &again), OK);
	assert_memory_equal(&u, &again, sizeof(u));
}

static void session_row_try(const uint8_t *data, size_t len)
{
	struct session s;
	uint8_t room[SESSION_ROW_MAX], peer[SESSION_PEER_LEN] = {9};
	struct writer w = writer_of(room, sizeof(room));
	if (session_row_read(span_of(peer, sizeof(peer)), span_of(data, len), &s))
		return;
	session_row_write(&s, &w);
	assert_int_equal(writer_check(&w), OK);
	assert_int_equal(w.pos, len);
}

static void user_refused(const uint8_t *data, size_t len)
{
	struct user u;
	assert_int_equal(user_row_read(span_text("alice"), span_of(data, len), &u), ERR_FORMAT);
}

static void session_refused(const uint8_t *data, size_t len)
{
	struct session s;
	uint8_t peer[SESSION_PEER_LEN] = {9};
	assert_int_equal(session_row_read(span_of(peer, sizeof(peer)), span_of(data, len), &s),
			 ERR_FORMAT);
}

static void refuses_every_cut_of_a_row_and_survives_every_flipped_bit(void **state)
{
	(void)state;
	uint8_t room[USER_ROW_MAX];
	struct user u = user_sample(4, 3);
	struct writer w = writer_of(room, sizeof(room));
	user_row_write(&u, &w);
	guard_every_prefix(room, w.pos - 1, user_refused);
	guard_every_bit_flip(room, w.pos, user_row_try);
	struct session s = session_sample();
	w = writer_of(room, sizeof(room));
	session_row_write(&s, &w);
	guard_every_prefix(room, w.pos - 1, session_refused);
	guard_every_bit_flip(room, w.pos, session_row_try);
}

static void leaves_rows_of_a_newer_program_aside(void **state)
{
	(void)state;
	uint8_t room[USER_ROW_MAX], peer[SESSION_PEER_LEN] = {9};
	struct user u = user_sample(1, 1);
	struct session s = session_sample();
	struct writer w = writer_of(room, sizeof(room));
	user_row_write(&u, &w);
	room[0] = 2;
	assert_int_equal(user_row_read(span_text("alice"), writer_span(&w), &u), ERR_UNSUPPORTED);
	w = writer_of(room, sizeof(room));
	session_row_write(&s, &w);
	room[0] = 2;
	assert_int_equal(session_row_read(span_of(peer, 32), writer_span(&w), &s), ERR_UNSUPPORTED);
	room[0] = 1;
	/* The key is a public key, and nothing else. */
	assert_int_equal(session_row_read(span_of(peer, 31), writer_span(&w), &s), ERR_FORMAT);
}

static void the_largest_user_fits(void **state)
{
	(void)state;
	uint8_t room[USER_ROW_MAX];
	struct user u = user_sample(0, USER_BACKUP_CODES), back;
	char name[USER_PEER_NAME_MAX + 1];
	memset(u.password, 'p', PASSWORD_RECORD_MAX - 1);
	for (size_t i = 0; i < USER_PEERS_MAX; i++) {
		memset(name, 'a' + (int)i, USER_PEER_NAME_MAX);
		name[USER_PEER_NAME_MAX] = '\0';
		assert_int_equal(user_list_add(&u, name), OK);
	}
	assert_int_equal(user_list_add(&u, "one-more"), ERR_LIMIT);
	assert_int_equal(user_list_add(&u, name), ERR_EXISTS);
	struct writer w = writer_of(room, sizeof(room));
	user_row_write(&u, &w);
	assert_int_equal(writer_check(&w), OK);
	assert_int_equal(user_row_read(span_text("alice"), writer_span(&w), &back), OK);
	assert_memory_equal(&u, &back, sizeof(u));
}

static void names_are_plain_and_small(void **state)
{
	(void)state;
	static const char *const bad[] = {"",	 " ",	  "a b",	  "a/b",   "a\tb",
					  "a,b", "anna?", "\xec\x95\x88", "a\x7f", "<b>"};
	char name[USER_NAME_MAX + 1] = "as it was", longest[USER_NAME_MAX + 2];
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(user_name_read(span_text(bad[i]), name), ERR_FORMAT);
	assert_int_equal(user_name_read(span_of("a\0b", 3), name), ERR_FORMAT);
	memset(longest, 'a', sizeof(longest));
	assert_int_equal(user_name_read(span_of(longest, USER_NAME_MAX + 1), name), ERR_FORMAT);
	assert_string_equal(name, "as it was");
	assert_int_equal(user_name_read(span_of(longest, USER_NAME_MAX), name), OK);
	assert_int_equal(user_name_read(span_text("\t Anna.B-c_9@Home "), name), OK);
	assert_string_equal(name, "anna.b-c_9@home");
}

static void a_users_list_names_peers_roles_or_all(void **state)
{
	(void)state;
	struct user u = {0};
	assert_false(user_lists(&u, "phone"));
	assert_int_equal(user_list_add(&u, ""), ERR_FORMAT);
	assert_int_equal(user_list_add(&u, "a b"), ERR_FORMAT);
	assert_int_equal(user_list_add(&u, "phone"), OK);
	assert_int_equal(user_list_add(&u, "@staff"), OK);
	assert_true(user_lists(&u, "phone"));
	assert_false(user_lists(&u, "Phone"));
	assert_false(user_lists(&u, "staff"));
	assert_true(user_has_role(&u, "staff"));
	assert_false(user_has_role(&u, "phone"));
	assert_int_equal(user_list_add(&u, "*"), OK);
	assert_true(user_lists(&u, "anything"));
	assert_false(user_has_role(&u, "anything"));
}

static void a_cookie_fits_whole_or_not(void **state)
{
	(void)state;
	static const char cookie[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFG";
	struct session s = session_sample();
	session_cookie_hash(span_text(cookie), s.cookie);
	assert_int_equal(strlen(cookie), SESSION_COOKIE_LEN);
	assert_true(session_cookie_fits(&s, span_text(cookie)));
	assert_false(session_cookie_fits(&s, span_of(cookie, SESSION_COOKIE_LEN - 1)));
	assert_false(session_cookie_fits(&s, (struct span){0}));
	/* The hash itself, which lies in the store, is no cookie. */
	assert_false(session_cookie_fits(&s, span_of(s.cookie, sizeof(s.cookie))));
	session_cookie_hash(span_text("x"), s.cookie);
	assert_false(session_cookie_fits(&s, span_text("x")));
}

static void what_a_move_means_is_the_policys(void **state)
{
	(void)state;
	static const struct {
		enum session_roaming roaming;
		bool unproved;
		uint8_t last;
		uint16_t port;
		enum session_move move;
	} rows[] = {
		{SESSION_STRICT, false, 1, 1000, SESSION_MOVE_STAYS},
		{SESSION_STRICT, false, 1, 1001, SESSION_MOVE_ENDS},
		{SESSION_STRICT, false, 2, 1000, SESSION_MOVE_ENDS},
		{SESSION_SAME_ADDRESS, false, 1, 1001, SESSION_MOVE_STAYS},
		{SESSION_SAME_ADDRESS, false, 2, 1000, SESSION_MOVE_ENDS},
		{SESSION_BROWSER_PROOF, false, 1, 1000, SESSION_MOVE_STAYS},
		{SESSION_BROWSER_PROOF, false, 1, 1001, SESSION_MOVE_PROOF},
		{SESSION_BROWSER_PROOF, false, 2, 1000, SESSION_MOVE_PROOF},
		/* Who comes back must prove it all the same. */
		{SESSION_BROWSER_PROOF, true, 1, 1000, SESSION_MOVE_PROOF},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct session s = session_sample();
		struct ip_endpoint to = {.address = ip_address_v4(192, 0, 2, rows[i].last),
					 .port = rows[i].port};
		s.roaming = rows[i].roaming;
		s.unproved = rows[i].unproved;
		assert_int_equal(session_move(&s, &to), rows[i].move);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_every_cut_of_a_row_and_survives_every_flipped_bit),
		cmocka_unit_test(leaves_rows_of_a_newer_program_aside),
		cmocka_unit_test(the_largest_user_fits),
		cmocka_unit_test(names_are_plain_and_small),
		cmocka_unit_test(a_users_list_names_peers_roles_or_all),
		cmocka_unit_test(a_cookie_fits_whole_or_not),
		cmocka_unit_test(what_a_move_means_is_the_policys),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
