#include "service/reverse-proxy/check.h"

#include "test/guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const char *const ok[] = {"200-299"};
static const struct reverse_check_conf plain = {.http = "/health",
						.method = "GET",
						.status = {(void *)(uintptr_t)ok, 1},
						.rise = 2,
						.fall = 3};

static enum parse judged(const char *body, const char *answer, bool end)
{
	struct reverse_check_conf c = plain;
	c.body = body;
	return reverse_check_judge(&c, span_text(answer), end);
}

static void refuses_what_is_no_answer_or_another_status(void **state)
{
	(void)state;
	assert_int_equal(judged(NULL, "SSH-2.0-x\r\n", false), PARSE_BAD);
	assert_int_equal(judged(NULL, "HTTP/1.1 503 x\r\n\r\n", false), PARSE_BAD);
	assert_int_equal(judged(NULL, "HTTP/1.1 101 x\r\n\r\n", false), PARSE_BAD);
	assert_int_equal(judged(NULL, "HTTP/1.1 200 x\r\n", true), PARSE_BAD);
	assert_int_equal(judged(NULL, "", true), PARSE_BAD);
	assert_int_equal(judged("ok", "HTTP/1.1 204 x\r\n\r\nok", false), PARSE_BAD);
	assert_int_equal(judged("ok", "HTTP/1.1 200 x\r\nContent-Length: 3\r\n\r\nno!ok", false),
			 PARSE_BAD);
	assert_int_equal(judged("ok", "HTTP/1.1 200 x\r\n\r\nno", true), PARSE_BAD);
	assert_int_equal(
		judged("ok",
		       "HTTP/1.1 200 x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n"
		       "\r\n",
		       false),
		PARSE_BAD);
}

static void waits_for_what_decides(void **state)
{
	(void)state;
	assert_int_equal(judged(NULL, "HTTP/1.1 200 x\r\n", false), PARSE_MORE);
	assert_int_equal(judged(NULL, "HTTP/1.1 100 x\r\n\r\n", false), PARSE_MORE);
	assert_int_equal(judged("ok", "HTTP/1.1 200 x\r\n\r\nno", false), PARSE_MORE);
	assert_int_equal(judged("ok", "HTTP/1.1 200 x\r\nContent-Length: 3\r\n\r\nno", false),
			 PARSE_MORE);
}

static void finds_the_text_in_each_framing(void **state)
{
	(void)state;
	assert_int_equal(judged(NULL, "HTTP/1.1 100 x\r\n\r\nHTTP/1.1 200 x\r\n\r\n", false),
			 PARSE_DONE);
	assert_int_equal(judged("ok", "HTTP/1.1 200 x\r\n\r\nit is ok", false), PARSE_DONE);
	assert_int_equal(judged("ok", "HTTP/1.1 200 x\r\nContent-Length: 9\r\n\r\nok", false),
			 PARSE_DONE);
	assert_int_equal(
		judged("ok",
		       "HTTP/1.1 200 x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk"
		       "\r\n",
		       false),
		PARSE_DONE);
}

static void never_waits_for_more_than_the_bound(void **state)
{
	(void)state;
	static char text[REVERSE_CHECK_ANSWER_MAX];
	memset(text, 'x', sizeof(text));
	static const char head[] = "HTTP/1.1 200 x\r\n\r\n";
	memcpy(text, head, sizeof(head) - 1);
	struct reverse_check_conf c = plain;
	c.body = "ok";
	assert_int_equal(reverse_check_judge(&c, span_of(text, sizeof(text) - 1), false),
			 PARSE_MORE);
	assert_int_equal(reverse_check_judge(&c, span_of(text, sizeof(text)), false), PARSE_BAD);
}

static void look(const uint8_t *data, size_t len)
{
	struct reverse_check_conf c = plain;
	c.body = "ok";
	assert_int_not_equal(reverse_check_judge(&c, span_of(data, len), true), PARSE_MORE);
}

static void reads_nothing_past_the_end(void **state)
{
	(void)state;
	static const char answer[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
				     "1;a=b\r\no\r\n1\r\nk\r\n0\r\nX: y\r\n\r\n";
	guard_every_prefix(answer, sizeof(answer) - 1, look);
	guard_every_bit_flip(answer, sizeof(answer) - 1, look);
}

static void asks_in_one_plain_form(void **state)
{
	(void)state;
	char text[REVERSE_CHECK_QUESTION_MAX] = {0};
	struct writer w = writer_of(text, sizeof(text) - 1);
	struct ip_endpoint at = {.address = ip_address_v4(10, 0, 0, 1), .port = 8080};
	reverse_check_ask(&plain, &at, &w);
	assert_string_equal(text, "GET /health HTTP/1.1\r\nHost: 10.0.0.1:8080\r\n"
				  "User-Agent: gatehouse-check\r\nAccept: */*\r\n"
				  "Connection: close\r\n\r\n");
}

static void the_first_check_decides_then_rise_and_fall(void **state)
{
	(void)state;
	struct reverse_opinion o = {0};
	static const bool good[] = {false, true, false, true,  true, false,
				    false, true, false, false, false};
	static const bool changed[] = {true,  false, false, false, true, false,
				       false, false, false, false, true};
	for (size_t i = 0; i < sizeof(good); i++)
		assert_int_equal(reverse_opinion_add(&o, &plain, good[i]), changed[i]);
	assert_int_equal(o.is, BACKEND_ILL);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_what_is_no_answer_or_another_status),
		cmocka_unit_test(waits_for_what_decides),
		cmocka_unit_test(finds_the_text_in_each_framing),
		cmocka_unit_test(never_waits_for_more_than_the_bound),
		cmocka_unit_test(reads_nothing_past_the_end),
		cmocka_unit_test(asks_in_one_plain_form),
		cmocka_unit_test(the_first_check_decides_then_rise_and_fall),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
