#include "fetch/ocsp.h"

#include "fetch/fetch.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const char *url_of(const char *server, struct span question, bool get)
{
	static char text[OCSP_URL_MAX];
	struct fetch_question q = {.total_ms = 7, .idle_ms = 8};
	assert_int_equal(ocsp_question(span_text(server), question, text, &q), OK);
	assert_string_equal(q.method, get ? "GET" : "POST");
	assert_ptr_equal(q.url, text);
	assert_int_equal(q.body.len, get ? 0 : question.len);
	if (get)
		assert_null(q.type);
	else
		assert_string_equal(q.type, "application/ocsp-request");
	/* RFC 5019 5: no other status is an answer, and none leads elsewhere. */
	assert_true(q.only_200 && q.every_address);
	assert_int_equal(q.redirects_max, 0);
	/* the caller's are left alone */
	assert_true(q.total_ms == 7 && q.idle_ms == 8 && !q.may);
	return text;
}

static void a_short_question_is_a_get_and_a_long_one_a_post(void **state)
{
	(void)state;
	static const uint8_t octets[] = {0xfb, 0xff, 0xbf, 'a'};
	static const uint8_t many[200] = {'x'};
	struct span question = span_of(octets, sizeof(octets));
	/* RFC 6960 A.1: the base64 of it, escaped. */
	assert_string_equal(url_of("http://a.example", question, true),
			    "http://a.example/%2B%2F%2B%2FYQ%3D%3D");
	assert_string_equal(url_of("http://a.example:81/o", question, true),
			    "http://a.example:81/o/%2B%2F%2B%2FYQ%3D%3D");
	assert_string_equal(url_of("http://a.example/o/", question, true),
			    "http://a.example/o/%2B%2F%2B%2FYQ%3D%3D");
	assert_string_equal(url_of("http://a.example/o", span_of(many, sizeof(many)), false),
			    "http://a.example/o");
}

/* RFC 5019 5 counts the path with it. */
static void a_long_path_leaves_less_for_the_question(void **state)
{
	(void)state;
	static const uint8_t some[90] = {'x'};
	char long_path[200] = "http://a.example/", text[OCSP_URL_MAX];
	static const uint8_t endless[OCSP_URL_MAX] = {'h', 't', 't', 'p', ':', '/', '/', 'a'};
	struct fetch_question q = {.method = "HEAD"};
	memset(long_path + strlen(long_path), 'p', 150);
	(void)url_of("http://a.example/", span_of(some, sizeof(some)), true);
	(void)url_of(long_path, span_of(some, sizeof(some)), false);
	assert_int_equal(ocsp_question(span_of(endless, sizeof(endless)),
				       span_of(some, sizeof(some)), text, &q),
			 ERR_LIMIT);
	assert_string_equal(q.method, "HEAD");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_short_question_is_a_get_and_a_long_one_a_post),
		cmocka_unit_test(a_long_path_leaves_less_for_the_question),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
