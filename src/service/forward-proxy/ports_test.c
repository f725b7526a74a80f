#include "service/forward-proxy/ports.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void refuses_what_is_no_port_and_no_range(void **state)
{
	static const char *const bad[] = {"",	 "-",	 "0",	"65536",    "80-",
					  "-80", "0-1",	 "2-1", "80-90-",   "80 - 90",
					  "+80", "http", "8x",	"80-65536", " 80"};
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct ports_range r;
		assert_int_equal(ports_range_read(span_text(bad[i]), &r), ERR_FORMAT);
	}
}

static void holds_what_lies_between_its_ends(void **state)
{
	struct ports p = {.n = 2};
	(void)state;
	assert_int_equal(ports_range_read(span_text("80"), &p.items[0]), OK);
	assert_int_equal(ports_range_read(span_text("1024-65535"), &p.items[1]), OK);
	static const uint16_t in[] = {80, 1024, 8080, 65535}, out[] = {1, 79, 81, 443, 1023, 0};
	for (size_t i = 0; i < sizeof(in) / sizeof(in[0]); i++)
		assert_true(ports_contain(&p, in[i]));
	for (size_t i = 0; i < sizeof(out) / sizeof(out[0]); i++)
		assert_false(ports_contain(&p, out[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_what_is_no_port_and_no_range),
		cmocka_unit_test(holds_what_lies_between_its_ends),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
