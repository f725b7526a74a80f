#include "proxy/auth/basic_auth.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* user:pass, x:pass, user:other */
#define USER  "Basic dXNlcjpwYXNz"
#define OTHER "basic  dXNlcjpvdGhlcg=="
#define GHOST "Basic eDpwYXNz"

static struct auth_user people[] = {{"anna", "$argon2id$a"}, {"user", "$argon2id$record"}};
static const struct auth_users users = {people, 2};

static struct auth_known *known_of(size_t n)
{
	struct auth_known *k = NULL;
	assert_int_equal(auth_known_new(n, 60000, &k), OK);
	return k;
}

static enum auth_answer judge(struct auth_known *k, const char *value, uint64_t now_ms,
			      struct auth_claim *ret)
{
	return auth_judge(&users, k, span_text(value), now_ms, ret);
}

static void what_cannot_be_right_is_not_hashed(void **state)
{
	(void)state;
	AUTO(auth_known_free) struct auth_known *k = known_of(8);
	static const char *const values[] = {"",
					     "Basic",
					     "Basic ",
					     "Bearer dXNlcjpwYXNz",
					     "dXNlcjpwYXNz",
					     "Basic dXNlcg==",
					     "Basic dXNlcjpwYX*z"};
	struct auth_claim c;
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		assert_int_equal(judge(k, values[i], 1, &c), AUTH_NONE);
	assert_null(c.user);
}

static void nobody_costs_a_hash_as_somebody_does(void **state)
{
	(void)state;
	AUTO(auth_known_free) struct auth_known *k = known_of(8);
	struct auth_claim c;
	assert_int_equal(judge(k, GHOST, 1, &c), AUTH_HASH);
	assert_null(c.user);
	assert_int_equal(judge(k, USER, 1, &c), AUTH_HASH);
	assert_ptr_equal(c.user, &people[1]);
	assert_true(span_is(c.credentials, "dXNlcjpwYXNz"));
}

static void what_was_found_right_is_right_for_a_while(void **state)
{
	(void)state;
	AUTO(auth_known_free) struct auth_known *k = known_of(8);
	struct auth_claim c;
	assert_int_equal(judge(k, USER, 1000, &c), AUTH_HASH);
	auth_found_right(k, c.user, c.credentials, 1000);
	assert_int_equal(judge(k, USER, 1000, &c), AUTH_RIGHT);
	assert_int_equal(judge(k, OTHER, 1000, &c), AUTH_HASH);
	assert_int_equal(judge(k, GHOST, 1000, &c), AUTH_HASH);
	assert_int_equal(judge(k, USER, 60999, &c), AUTH_RIGHT);
	assert_int_equal(judge(k, USER, 61000, &c), AUTH_HASH);
	auth_found_right(k, c.user, c.credentials, 61000);
	people[1].record = "$argon2id$new";
	assert_int_equal(judge(k, USER, 61001, &c), AUTH_HASH);
	people[1].record = "$argon2id$record";
	assert_int_equal(judge(k, USER, 61001, &c), AUTH_RIGHT);
}

static void more_than_there_is_room_for_are_hashed_again(void **state)
{
	(void)state;
	AUTO(auth_known_free) struct auth_known *k = known_of(1);
	struct auth_claim c;
	char value[64], last[64] = "";
	unsigned kept = 0;
	for (unsigned i = 0; i < 64; i++) {
		/* base64 of "user:" and three bytes that change. */
		(void)snprintf(value, sizeof(value), "Basic dXNlcjpw%c%c==", 'I' + (int)(i % 16),
			       "AQgw"[i / 16]);
		assert_int_equal(judge(k, value, 1000, &c), AUTH_HASH);
		auth_found_right(k, c.user, c.credentials, 1000 + i);
		memcpy(last, value, sizeof(last));
	}
	assert_int_equal(judge(k, last, 2000, &c), AUTH_RIGHT);
	for (unsigned i = 0; i < 64; i++) {
		(void)snprintf(value, sizeof(value), "Basic dXNlcjpw%c%c==", 'I' + (int)(i % 16),
			       "AQgw"[i / 16]);
		kept += judge(k, value, 2000, &c) == AUTH_RIGHT;
	}
	assert_int_equal(kept, 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_cannot_be_right_is_not_hashed),
		cmocka_unit_test(nobody_costs_a_hash_as_somebody_does),
		cmocka_unit_test(what_was_found_right_is_right_for_a_while),
		cmocka_unit_test(more_than_there_is_room_for_are_hashed_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
