#include "proto/http/cookie.h"

#include "test/guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const char *found(const char *field, const char *name)
{
	static char text[64];
	struct span value = {0};
	if (!http_cookie_find(span_text(field), span_text(name), &value))
		return NULL;
	assert_true(span_to_cstr(value, text, sizeof(text)));
	return text;
}

static void refuses_values_that_cookies_cannot_have(void **state)
{
	(void)state;
	assert_null(found("a=", "a"));
	assert_null(found("a=x y", "a"));
	assert_null(found("a=x\\y", "a"));
	assert_null(found("a=x,y", "a"));
	assert_null(found("a=\"x", "a"));
	assert_null(found("a=\x80", "a"));
	assert_null(found("a", "a"));
	assert_null(found("", "a"));
	assert_null(found(";;;", "a"));
}

static void tells_names_apart(void **state)
{
	(void)state;
	assert_null(found("aa=1; A=2; ba=3", "a"));
	assert_string_equal(found("aa=1; a=2", "a"), "2");
	assert_string_equal(found("b=a=9; a=2", "a"), "2");
}

static void finds_the_first_of_a_name(void **state)
{
	(void)state;
	assert_string_equal(found("a=1; a=2", "a"), "1");
	assert_string_equal(found("x=y;a=1;b=2", "a"), "1");
	assert_string_equal(found("  a = \"1\" ", "a"), "1");
	assert_string_equal(found("a=b=c", "a"), "b=c");
}

static void look(const uint8_t *data, size_t len)
{
	struct span in = span_of(data, len), value = {0};
	if (http_cookie_find(in, span_text("id"), &value))
		assert_true(value.len && value.data >= data &&
			    value.data + value.len <= data + len);
}

static void stays_inside_of_the_field(void **state)
{
	(void)state;
	static const char field[] = "a=1; id=\"0123456789abcdef\"; z=9";
	guard_every_prefix(field, sizeof(field) - 1, look);
	guard_every_bit_flip(field, sizeof(field) - 1, look);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_values_that_cookies_cannot_have),
		cmocka_unit_test(tells_names_apart),
		cmocka_unit_test(finds_the_first_of_a_name),
		cmocka_unit_test(stays_inside_of_the_field),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
