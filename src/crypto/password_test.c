#include "crypto/password.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct password_cost small = {.memory_bytes = 8192, .passes = 1};

static void refuses_every_other_password(void **state)
{
	(void)state;
	char record[PASSWORD_RECORD_MAX];
	assert_int_equal(password_make(span_text("correct horse"), &small, record), OK);
	assert_int_equal(password_check(span_text("correct horsf"), record), ERR_REFUSED);
	assert_int_equal(password_check(span_text("correct hors"), record), ERR_REFUSED);
	assert_int_equal(password_check(span_text("correct horse "), record), ERR_REFUSED);
	assert_int_equal(password_check(span_text(""), record), ERR_REFUSED);
	assert_int_equal(password_check(span_text("correct horse"), record), OK);
}

static void refuses_what_is_no_record_of_argon2id(void **state)
{
	(void)state;
	static const char *const torn[] = {"",
					   "x",
					   "$argon2id$",
					   "$argon2id$v=19$m=8,t=1,p=1$",
					   "$argon2i$v=19$m=8,t=1,p=1$a$b",
					   "$2y$10$abcdefghijklmnopqrstuv"};
	for (size_t i = 0; i < sizeof(torn) / sizeof(torn[0]); i++) {
		assert_int_equal(password_check(span_text("x"), torn[i]), ERR_REFUSED);
		assert_true(password_is_stale(torn[i], &small));
	}
	/* A record cut anywhere opens nothing. */
	char record[PASSWORD_RECORD_MAX];
	assert_int_equal(password_make(span_text("x"), &small, record), OK);
	for (size_t len = strlen(record); len > 0; len--) {
		record[len - 1] = '\0';
		assert_int_equal(password_check(span_text("x"), record), ERR_REFUSED);
	}
}

static void refuses_costs_and_passwords_out_of_bounds(void **state)
{
	(void)state;
	static const struct password_cost costs[] = {
		{8191, 1}, {8192, 0}, {8192, 101}, {(UINT64_C(4) << 30) + 1, 1}};
	static const uint8_t longest[PASSWORD_LEN_MAX + 1] = {'a'};
	char record[PASSWORD_RECORD_MAX] = "untouched";
	for (size_t i = 0; i < sizeof(costs) / sizeof(costs[0]); i++)
		assert_int_equal(password_make(span_text("x"), &costs[i], record), ERR_LIMIT);
	assert_int_equal(password_make(span_of(longest, sizeof(longest)), &small, record),
			 ERR_LIMIT);
	assert_string_equal(record, "untouched");
	assert_int_equal(password_make(span_of(longest, PASSWORD_LEN_MAX), &small, record), OK);
	assert_int_equal(password_check(span_of(longest, PASSWORD_LEN_MAX), record), OK);
	assert_int_equal(password_check(span_of(longest, sizeof(longest)), record), ERR_REFUSED);
}

static void carries_its_salt_and_costs_in_the_record(void **state)
{
	(void)state;
	static const struct password_cost more = {.memory_bytes = 16384, .passes = 2};
	char a[PASSWORD_RECORD_MAX], b[PASSWORD_RECORD_MAX];
	assert_int_equal(password_make(span_text("same"), &small, a), OK);
	assert_int_equal(password_make(span_text("same"), &small, b), OK);
	assert_string_not_equal(a, b);
	assert_int_equal(strncmp(a, "$argon2id$v=19$m=8,t=1,p=1$", 27), 0);
	assert_false(password_is_stale(a, &small));
	assert_true(password_is_stale(a, &more));
	assert_int_equal(password_make(span_text("same"), &more, b), OK);
	assert_int_equal(strncmp(b, "$argon2id$v=19$m=16,t=2,p=1$", 28), 0);
	assert_int_equal(password_check(span_text("same"), b), OK); /* at its own cost */
}

static void keeps_bytes_that_are_no_text_apart(void **state)
{
	(void)state;
	char record[PASSWORD_RECORD_MAX];
	assert_int_equal(password_make(span_of("a\0b", 3), &small, record), OK);
	assert_int_equal(password_check(span_of("a\0c", 3), record), ERR_REFUSED);
	assert_int_equal(password_check(span_of("a", 1), record), ERR_REFUSED);
	assert_int_equal(password_check(span_of("a\0b", 3), record), OK);
	assert_int_equal(password_make(span_text("비밀번호"), &small, record), OK);
	assert_int_equal(password_check(span_text("비밀번호"), record), OK);
}

static void a_decoy_is_a_record_of_its_cost_that_nothing_fits(void **state)
{
	(void)state;
	static const struct password_cost none = {.memory_bytes = 1};
	char a[PASSWORD_RECORD_MAX], b[PASSWORD_RECORD_MAX];
	assert_int_equal(password_decoy(&none, a), ERR_LIMIT);
	assert_int_equal(password_decoy(&small, a), OK);
	assert_int_equal(password_decoy(&small, b), OK);
	assert_string_not_equal(a, b);
	assert_false(password_is_stale(a, &small)); /* the library can read it */
	assert_int_equal(password_check(span_text(""), a), ERR_REFUSED);
	assert_int_equal(password_check(span_text(a), a), ERR_REFUSED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_every_other_password),
		cmocka_unit_test(refuses_what_is_no_record_of_argon2id),
		cmocka_unit_test(refuses_costs_and_passwords_out_of_bounds),
		cmocka_unit_test(carries_its_salt_and_costs_in_the_record),
		cmocka_unit_test(a_decoy_is_a_record_of_its_cost_that_nothing_fits),
		cmocka_unit_test(keeps_bytes_that_are_no_text_apart),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
