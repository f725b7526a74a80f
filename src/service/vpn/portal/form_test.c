#include "service/vpn/portal/form.h"

#include "proto/http/http1.h"
#include "test/guard.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static enum err field(const char *form, const char *name, char *buf, size_t size)
{
	return form_field(span_text(form), name, buf, size);
}

static void refuses_torn_repeated_and_too_many_fields(void **state)
{
	char buf[16] = "before", many[4 * (FORM_FIELDS_MAX + 1)];
	(void)state;
	assert_int_equal(field("user=%4", "user", buf, sizeof(buf)), ERR_FORMAT);
	assert_string_equal(buf, "");
	assert_int_equal(field("user=%00", "user", buf, sizeof(buf)), ERR_FORMAT);
	assert_int_equal(field("user=a&user=b", "user", buf, sizeof(buf)), ERR_FORMAT);
	assert_int_equal(field("%zz=a&user=b", "user", buf, sizeof(buf)), ERR_FORMAT);
	for (size_t i = 0; i < sizeof(many); i++)
		many[i] = "a=b&"[i % 4];
	assert_int_equal(form_field(span_of(many, sizeof(many)), "user", buf, sizeof(buf)),
			 ERR_FORMAT);
	assert_int_equal(form_field(span_of(many, sizeof(many) - 4), "user", buf, sizeof(buf)), OK);
}

static void refuses_value_that_does_not_fit(void **state)
{
	char buf[4];
	(void)state;
	assert_int_equal(field("a=1234", "a", buf, sizeof(buf)), ERR_LIMIT);
	assert_string_equal(buf, "");
	assert_int_equal(field("a=123", "a", buf, sizeof(buf)), OK);
	assert_string_equal(buf, "123");
	assert_int_equal(field("a=%31%32%33", "a", buf, sizeof(buf)), OK);
	assert_string_equal(buf, "123");
}

static void finds_decoded_values_by_decoded_names(void **state)
{
	char buf[32];
	(void)state;
	assert_int_equal(field("user=ada+lovelace%26co&x=1", "user", buf, sizeof(buf)), OK);
	assert_string_equal(buf, "ada lovelace&co");
	assert_int_equal(field("%75ser=ada", "user", buf, sizeof(buf)), OK);
	assert_string_equal(buf, "ada");
	assert_int_equal(field("a=1&&b", "b", buf, sizeof(buf)), OK);
	assert_string_equal(buf, "");
	assert_int_equal(field("", "b", buf, sizeof(buf)), OK);
	assert_string_equal(buf, "");
}

static struct span cookie_of(struct http_request *r, const char *text, const char *name)
{
	assert_int_equal(http_request_read(span_text(text), r), PARSE_DONE);
	return form_cookie(&r->head, name);
}

static void finds_cookies_in_all_fields(void **state)
{
	static const char text[] = "GET / HTTP/1.1\r\nHost: a\r\nCookie: xa=1; b=2;c\r\n"
				   "cookie: a=3; =; a=4\r\n\r\n";
	struct http_request r;
	(void)state;
	assert_true(span_is(cookie_of(&r, text, "a"), "3"));
	assert_true(span_is(cookie_of(&r, text, "b"), "2"));
	assert_true(span_is(cookie_of(&r, text, "xa"), "1"));
	assert_int_equal(cookie_of(&r, text, "c").len, 0);
	assert_int_equal(cookie_of(&r, text, "d").len, 0);
}

static void read_any(const uint8_t *data, size_t len)
{
	char buf[64];
	struct http_head head = {
		.headers = {{.name = span_text("Cookie"), .value = span_of(data, len)}},
		.headers_n = 1,
	};
	err_ignore(form_field(span_of(data, len), "code", buf, sizeof(buf)));
	(void)form_cookie(&head, "code");
}

static void reads_nothing_past_the_end(void **state)
{
	static const char form[] = "user=a%20b&password=%ED%95%9C&code=123+456; code=7;";
	(void)state;
	guard_every_prefix(form, sizeof(form) - 1, read_any);
	guard_every_bit_flip(form, sizeof(form) - 1, read_any);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_torn_repeated_and_too_many_fields),
		cmocka_unit_test(refuses_value_that_does_not_fit),
		cmocka_unit_test(finds_decoded_values_by_decoded_names),
		cmocka_unit_test(finds_cookies_in_all_fields),
		cmocka_unit_test(reads_nothing_past_the_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
