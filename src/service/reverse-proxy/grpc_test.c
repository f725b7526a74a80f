#include "service/reverse-proxy/grpc.h"

#include "proxy/head.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants the four above it. */
#include <cmocka.h>

static bool is_call(const char *type, uint8_t version)
{
	static struct proxy_head head;
	proxy_head_reset(&head);
	head.version = version;
	assert_int_equal(proxy_head_add(&head, span_text("content-type"), span_text(type)), OK);
	return grpc_is_request(&head);
}

static void a_call_is_known_by_its_type(void **state)
{
	(void)state;
	assert_true(is_call("application/grpc", 20));
	assert_true(is_call("Application/GRPC+proto", 20));
	assert_true(is_call("application/grpc;x=y", 20));
	assert_false(is_call("application/grpc", 11));
	assert_false(is_call("application/grpc-web", 20));
	assert_false(is_call("application/grp", 20));
	assert_false(is_call("text/plain", 20));
}

static void refuses_timeouts_that_are_none(void **state)
{
	static const char *const texts[] = {"",	    "m",   "1",		 "1x", "-1S",
					    "1.5S", "1 S", "123456789m", "Sm", "1mm"};
	uint64_t ms = 7;
	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_false(grpc_timeout_read(span_text(texts[i]), &ms));
	assert_int_equal(ms, 7);
}

static void timeouts_are_read_in_each_unit(void **state)
{
	static const struct {
		const char *text;
		uint64_t ms;
	} cases[] = {
		{"1H", 3600000}, {"2M", 120000},
		{"3S", 3000},	 {"4m", 4},
		{"5u", 1},	 {"1001u", 2},
		{"6n", 1},	 {"99999999n", 100},
		{"0S", 0},	 {"99999999H", 359999996400000},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t ms = 7;
		assert_true(grpc_timeout_read(span_text(cases[i].text), &ms));
		assert_int_equal(ms, cases[i].ms);
	}
}

/* grpc/grpc doc/http-grpc-status-mapping.md, the whole table. */
static void statuses_are_those_of_the_table(void **state)
{
	(void)state;
	assert_int_equal(grpc_status_of(400), 13);
	assert_int_equal(grpc_status_of(401), 16);
	assert_int_equal(grpc_status_of(403), 7);
	assert_int_equal(grpc_status_of(404), 12);
	assert_int_equal(grpc_status_of(429), 14);
	assert_int_equal(grpc_status_of(502), 14);
	assert_int_equal(grpc_status_of(503), 14);
	assert_int_equal(grpc_status_of(504), 14);
	assert_int_equal(grpc_status_of(500), 2);
	assert_int_equal(grpc_status_of(301), 2);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_call_is_known_by_its_type),
		cmocka_unit_test(refuses_timeouts_that_are_none),
		cmocka_unit_test(timeouts_are_read_in_each_unit),
		cmocka_unit_test(statuses_are_those_of_the_table),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
