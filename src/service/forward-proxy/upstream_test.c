#include "service/forward-proxy/upstream.h"

#include "service/forward-proxy/access/destination.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static struct destination to(const char *host)
{
	struct destination d;
	assert_int_equal(destination_read_host(span_text(host), 80, &d), OK);
	return d;
}

static void the_first_that_fits_decides(void **state)
{
	(void)state;
	static const struct access_place onion[] = {{.name = "onion", .below = true}};
	static const struct access_place home[] = {
		{.name = "home.example"},
		{.prefix = {.address = {.family = 4, .bytes = {192, 0, 2}}, .bits = 24}}};
	const struct upstream all[] = {
		{.to = onion, .to_n = 1, .socks.port = 9050},
		{.to = home, .to_n = 2, .direct = true},
		{.socks.port = 1080},
	};
	static const struct {
		const char *host;
		int which; /* -1: directly */
	} told[] = {
		{"a.onion", 0},	       {"a.b.onion", 0},     {"onion", 2},
		{"aonion", 2},	       {"home.example", -1}, {"A.Onion.", 0},
		{"a.home.example", 2}, {"192.0.2.7", -1},    {"::ffff:192.0.2.7", -1},
		{"192.0.3.7", 2},      {"2001:db8::1", 2},
	};
	for (size_t i = 0; i < sizeof(told) / sizeof(told[0]); i++) {
		struct destination d = to(told[i].host);
		const struct upstream *want = told[i].which < 0 ? NULL : &all[told[i].which];
		assert_ptr_equal(upstream_find(all, 3, &d), want);
		if (told[i].which == 2)
			assert_null(upstream_find(all, 2, &d));
	}
	assert_null(upstream_find(NULL, 0, &(struct destination){0}));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_that_fits_decides),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
