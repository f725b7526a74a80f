#include "crypto/crypt_record.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static enum err check(const char *password, const char *record)
{
	return crypt_record_check(span_text(password), record);
}

static void refuses_what_is_no_record(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"",
		"plain",
		"$",
		"$2b$",
		"$2b$12$short",
		"$99$x$y",
		"*0",
		"$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOe"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(check("plain", bad[i]), ERR_REFUSED);
	char large[600];
	memset(large, 'a', sizeof(large));
	large[599] = 0;
	assert_int_equal(check(large, "$6$saltstring$x"), ERR_REFUSED);
	assert_int_equal(crypt_record_check(span_of("a\0b", 3), "$6$saltstring$x"), ERR_REFUSED);
}

static void checks_the_kinds_that_servers_have(void **state)
{
	(void)state;
	/* Vectors of crypt_blowfish (Solar Designer) and of Drepper's SHA-crypt. */
	static const char blowfish[] =
		"$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";
	static const char sha512[] =
		"$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBF"
		"dcbYEdFCoEOfaS35inz1";
	assert_int_equal(check("U*U", blowfish), OK);
	assert_int_equal(check("U*V", blowfish), ERR_REFUSED);
	assert_int_equal(check("", blowfish), ERR_REFUSED);
	assert_int_equal(check("Hello world!", sha512), OK);
	assert_int_equal(check("Hello world", sha512), ERR_REFUSED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_what_is_no_record),
		cmocka_unit_test(checks_the_kinds_that_servers_have),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
