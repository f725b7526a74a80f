#include "service/reverse-proxy/balance/stage_test.h"

static void classes_of_time_cover_all_without_gaps(void **state)
{
	(void)state;
	unsigned last = 0;
	for (uint64_t us = 0; us < 200000000; us += 1 + us / 1000) {
		unsigned class = backend_time_class(us);
		assert_true(class == last || class == last + 1);
		last = class;
		if (class < BACKEND_TIMES - 1)
			assert_true(us < backend_time_bound_us(class));
		if (class > 0)
			assert_true(us >= backend_time_bound_us(class - 1));
	}
	assert_int_equal(last, BACKEND_TIMES - 1);
	assert_int_equal(backend_time_class(UINT64_MAX), BACKEND_TIMES - 1);
}

static void latency_is_a_mean_that_fades(void **state)
{
	(void)state;
	struct backend b = {0};
	uint64_t now_ms = 1 << 20;
	assert_int_equal(backend_latency_us(&b, now_ms), 0);
	backend_latency_add(&b, now_ms, 8000);
	backend_latency_add(&b, now_ms, 16000);
	assert_int_equal(backend_latency_us(&b, now_ms), 9000);
	assert_int_equal(backend_latency_us(&b, now_ms + 8192), 4500);
	assert_int_equal(backend_latency_us(&b, now_ms + 1000 * 8192), 0);
	backend_latency_add(&b, now_ms, UINT64_MAX);
	assert_true(backend_latency_us(&b, now_ms) < UINT32_MAX);
}

static void the_registry_knows_who_was_there_before(void **state)
{
	(void)state;
	struct registry r;
	struct backend *a, *b, *c;
	struct ip_endpoint at = {.address = ip_address_v4(192, 0, 2, 1), .port = 80};
	bool is_new;
	registry_init(&r, (struct hash_key){1, 2}, (struct hash_key){3, 4});
	assert_int_equal(registry_backend(&r, "web", &at, &a, &is_new), OK);
	assert_true(is_new);
	assert_int_equal(registry_backend(&r, "web", &at, &b, &is_new), OK);
	assert_false(is_new);
	assert_ptr_equal(a, b);
	assert_int_equal(registry_backend(&r, "mail", &at, &c, &is_new), OK);
	assert_true(is_new);
	assert_ptr_not_equal(a, c);
	assert_true(a->id != c->id);
	assert_true(a->place == c->place);
	backend_unref(a);
	assert_int_equal(registry_sweep(&r), 0);
	backend_unref(b);
	assert_int_equal(registry_sweep(&r), 1);
	assert_null(registry_find(&r, "web", &at));
	assert_ptr_equal(registry_find(&r, "mail", &at), c);
	backend_unref(c);
	registry_done(&r);
}

static void the_state_of_a_pool_outlives_it(void **state)
{
	(void)state;
	struct registry r;
	struct pool_state *a, *b;
	bool is_new;
	registry_init(&r, (struct hash_key){1, 2}, (struct hash_key){3, 4});
	assert_int_equal(registry_state(&r, "web", &a, &is_new), OK);
	atomic_store(&a->requests, 7);
	pool_state_unref(a);
	assert_int_equal(registry_state(&r, "web", &b, &is_new), OK);
	assert_false(is_new);
	assert_int_equal(atomic_load(&b->requests), 7);
	pool_state_unref(b);
	assert_int_equal(registry_sweep(&r), 1);
	registry_done(&r);
	registry_done(&(struct registry){0});
}

static void getting_well_forgets_what_was_held_against_it(void **state)
{
	(void)state;
	struct backend b = {0};
	backend_set_checked(&b, 100, BACKEND_WELL);
	assert_int_equal(atomic_load(&b.up_since_ms), 0);
	atomic_store(&b.ejected_until_ms, 999);
	atomic_store(&b.ejections, 3);
	backend_set_checked(&b, 200, BACKEND_ILL);
	assert_string_equal(backend_state_text(&b, 200), "down");
	backend_set_checked(&b, 300, BACKEND_WELL);
	assert_int_equal(atomic_load(&b.up_since_ms), 300);
	assert_int_equal(atomic_load(&b.ejections), 0);
	assert_string_equal(backend_state_text(&b, 300), "up");
	backend_set_drained(&b, 400, true);
	backend_set_drained(&b, 500, false);
	assert_int_equal(atomic_load(&b.up_since_ms), 500);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(classes_of_time_cover_all_without_gaps),
		cmocka_unit_test(latency_is_a_mean_that_fades),
		cmocka_unit_test(the_registry_knows_who_was_there_before),
		cmocka_unit_test(the_state_of_a_pool_outlives_it),
		cmocka_unit_test(getting_well_forgets_what_was_held_against_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
