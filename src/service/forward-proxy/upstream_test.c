#include "service/forward-proxy/upstream.h"

#include "service/forward-proxy/access/destination.h"
#include "service/forward-proxy/upstream_health.h"

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
		{.to = onion, .to_n = 1, .kind = UPSTREAM_SOCKS},
		{.to = home, .to_n = 2},
		{.kind = UPSTREAM_HTTP},
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
		assert_ptr_equal(upstream_find(all, 3, &d, false), want);
		if (told[i].which == 2)
			assert_null(upstream_find(all, 2, &d, false));
	}
	assert_null(upstream_find(NULL, 0, &(struct destination){0}, false));
}

static void exceptions_are_left_to_those_below(void **state)
{
	(void)state;
	static const struct access_place site[] = {{.name = "site.example", .below = true}};
	static const struct access_place one[] = {{.name = "a.site.example"}};
	const struct upstream all[] = {
		{.to = site, .to_n = 1, .except = one, .except_n = 1, .kind = UPSTREAM_SOCKS},
		{.except = site, .except_n = 1, .kind = UPSTREAM_HTTP},
	};
	struct destination a = to("a.site.example"), b = to("b.site.example"), c = to("c.example");
	assert_null(upstream_find(all, 2, &a, false));
	assert_ptr_equal(upstream_find(all, 2, &b, false), &all[0]);
	assert_ptr_equal(upstream_find(all, 2, &c, false), &all[1]);
}

/* Nobody elsewhere knows what lies there; but a way that names it is meant so. */
static void the_inside_is_gone_to_directly_unless_it_is_named(void **state)
{
	(void)state;
	static const struct access_place lan[] = {
		{.prefix = {.address = {.family = 4, .bytes = {10, 0, 9}}, .bits = 24}}};
	const struct upstream all[] = {{.kind = UPSTREAM_HTTP}};
	const struct upstream named[] = {{.to = lan, .to_n = 1, .kind = UPSTREAM_SOCKS},
					 {.kind = UPSTREAM_HTTP}};
	struct destination d = to("10.0.9.1"), other = to("10.0.8.1");
	assert_null(upstream_find(all, 1, &d, true));
	assert_ptr_equal(upstream_find(all, 1, &d, false), &all[0]);
	assert_ptr_equal(upstream_find(named, 2, &d, true), &named[0]);
	assert_null(upstream_find(named, 2, &other, true));
}

enum { SERVERS = 3 };

struct three {
	struct upstream u;
	struct upstream_server servers[SERVERS];
};

static void three_init(struct three *t, enum upstream_order order)
{
	*t = (struct three){.u = {.kind = UPSTREAM_HTTP,
				  .order = order,
				  .servers = t->servers,
				  .servers_n = SERVERS,
				  .pause_ms = 100}};
	for (size_t i = 0; i < SERVERS; i++)
		assert_int_equal(upstream_health_new("x", &t->servers[i].health), OK);
}

static void three_done(struct three *t)
{
	for (size_t i = 0; i < SERVERS; i++)
		upstream_health_unref(t->servers[i].health);
}

static int chosen(struct three *t, unsigned tried, bool down, uint64_t now_ms)
{
	const struct upstream_server *s = upstream_choose(&t->u, tried, down, now_ms);
	return s ? (int)(s - t->servers) : -1;
}

static void goes_down(struct three *t, size_t i, uint64_t now_ms)
{
	upstream_health_failed(t->servers[i].health, "x", true, now_ms, t->u.pause_ms);
}

static void the_first_that_is_up_is_asked(void **state)
{
	struct three t;
	(void)state;
	three_init(&t, UPSTREAM_GIVEN);
	assert_int_equal(chosen(&t, 0, true, 1), 0);
	assert_int_equal(chosen(&t, 1, true, 1), 1);
	goes_down(&t, 0, 1);
	assert_int_equal(chosen(&t, 0, true, 2), 1);
	goes_down(&t, 1, 1);
	assert_int_equal(chosen(&t, 0, true, 2), 2);
	assert_int_equal(chosen(&t, 4, true, 2), 0); /* the last resort */
	assert_int_equal(chosen(&t, 4, false, 2), -1);
	assert_int_equal(chosen(&t, 7, true, 2), -1);
	assert_true(upstream_is_up(&t.u, 2));
	goes_down(&t, 2, 2);
	assert_false(upstream_is_up(&t.u, 3));
	assert_int_equal(chosen(&t, 0, false, 3), -1);
	/* one tries the first again, and the others do not wait for that */
	assert_true(upstream_is_up(&t.u, 101));
	assert_int_equal(chosen(&t, 0, false, 101), 0);
	assert_int_equal(chosen(&t, 0, false, 101), 1);
	assert_int_equal(chosen(&t, 0, false, 101), -1);
	upstream_health_worked(t.servers[0].health);
	assert_int_equal(chosen(&t, 0, false, 101), 0);
	three_done(&t);
}

static void each_has_its_turn(void **state)
{
	struct three t;
	unsigned asked[SERVERS] = {0};
	(void)state;
	three_init(&t, UPSTREAM_ROTATE);
	for (unsigned i = 0; i < 30; i++)
		asked[chosen(&t, 0, true, 1)]++;
	for (size_t i = 0; i < SERVERS; i++)
		assert_int_equal(asked[i], 10);
	goes_down(&t, 1, 1);
	for (unsigned i = 0; i < 30; i++)
		assert_int_not_equal(chosen(&t, 0, true, 2), 1);
	three_done(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_that_fits_decides),
		cmocka_unit_test(exceptions_are_left_to_those_below),
		cmocka_unit_test(the_inside_is_gone_to_directly_unless_it_is_named),
		cmocka_unit_test(the_first_that_is_up_is_asked),
		cmocka_unit_test(each_has_its_turn),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
