#include "crypto/secret.h"

#include "test/guard.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void finds_any_bit_that_differs(void **state)
{
	(void)state;
	uint8_t a[33], b[33];
	for (uint8_t i = 0; i < 33; i++)
		a[i] = b[i] = i;
	assert_true(crypto_equal(span_of(a, 33), span_of(b, 33)));
	for (size_t bit = 0; bit < 33 * 8; bit++) {
		b[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_false(crypto_equal(span_of(a, 33), span_of(b, 33)));
		b[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	assert_false(crypto_equal(span_of(a, 33), span_of(b, 32)));
	assert_false(crypto_equal(span_of(a, 0), span_of(b, 1)));
	assert_true(crypto_equal((struct span){0}, span_of(b, 0)));
}

static void refuses_what_is_too_long_and_stays_as_it_was(void **state)
{
	(void)state;
	uint8_t *value = guard_copy((const uint8_t[SECRET_LEN_MAX + 1]){7}, SECRET_LEN_MAX + 1);
	AUTO_DONE(secret_done) struct secret s = {0};
	assert_int_equal(secret_set(&s, span_text("old")), OK);
	assert_int_equal(secret_set(&s, span_of(value, SECRET_LEN_MAX + 1)), ERR_LIMIT);
	assert_true(crypto_equal(secret_span(&s), span_text("old")));
	assert_int_equal(secret_set(&s, span_of(value, SECRET_LEN_MAX)), OK);
	assert_true(crypto_equal(secret_span(&s), span_of(value, SECRET_LEN_MAX)));
	guard_free(value, SECRET_LEN_MAX + 1);
}

static void leaves_nothing_of_a_longer_secret_before(void **state)
{
	(void)state;
	static const uint8_t zeros[SECRET_LEN_MAX];
	struct secret s = {0};
	assert_int_equal(secret_set(&s, span_text("a long secret")), OK);
	assert_int_equal(secret_set(&s, span_text("ab")), OK);
	assert_true(span_is(secret_span(&s), "ab"));
	assert_memory_equal(s.bytes + 2, zeros, SECRET_LEN_MAX - 2);
	assert_int_equal(secret_set(&s, span_sub(secret_span(&s), 1, 1)), OK); /* of itself */
	assert_true(crypto_equal(secret_span(&s), span_text("b")));
	secret_done(&s);
	secret_done(NULL);
}

static void wipes_all_of_it_when_done(void **state)
{
	(void)state;
	static const struct secret empty;
	struct secret s;
	memset(&s, 0xff, sizeof(s));
	secret_done(&s);
	assert_memory_equal(&s, &empty, sizeof(s));
	uint8_t buf[4] = {1, 2, 3, 4};
	crypto_wipe(buf + 1, 2);
	assert_memory_equal(buf, "\1\0\0\4", 4);
	crypto_wipe(NULL, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_any_bit_that_differs),
		cmocka_unit_test(refuses_what_is_too_long_and_stays_as_it_was),
		cmocka_unit_test(leaves_nothing_of_a_longer_secret_before),
		cmocka_unit_test(wipes_all_of_it_when_done),
	};
	return cmocka_run_group_tests_name("crypto_secret", tests, NULL, NULL);
}
