/* runs with threads */
#include "service/forward-proxy/upstream_health.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct upstream_health *made(void)
{
	struct upstream_health *h = NULL;
	assert_int_equal(upstream_health_new("http a:1", &h), OK);
	return h;
}

static void one_that_fails_is_passed_over_for_its_pause(void **state)
{
	struct upstream_health *h = made();
	(void)state;
	assert_true(upstream_health_claim(h, 1000, 500));
	upstream_health_failed(h, "connect-failed", true, 1000, 500);
	assert_false(upstream_health_is_up(h, 1499));
	assert_false(upstream_health_claim(h, 1499, 500));
	/* then one tries it, and nobody else for another pause */
	assert_true(upstream_health_is_up(h, 1500));
	assert_true(upstream_health_claim(h, 1500, 500));
	assert_false(upstream_health_claim(h, 1500, 500));
	assert_false(upstream_health_claim(h, 1999, 500));
	assert_true(upstream_health_claim(h, 2000, 500));
	upstream_health_worked(h);
	assert_true(upstream_health_claim(h, 2000, 500));
	assert_true(upstream_health_claim(h, 2000, 500));
	assert_int_equal(h->downs, 1);
	assert_int_equal(h->errors, 1);
	assert_string_equal(h->fault, "connect-failed");
	upstream_health_unref(h);
}

static void an_error_alone_takes_nobody_down(void **state)
{
	struct upstream_health *h = made();
	(void)state;
	upstream_health_failed(h, "upstream-failed", false, 1000, 500);
	assert_true(upstream_health_claim(h, 1000, 500));
	assert_int_equal(h->errors, 1);
	assert_int_equal(h->downs, 0);
	upstream_health_unref(h);
}

static void that_it_has_led_is_known_until_it_is_told_something_else(void **state)
{
	struct upstream_health *h = made();
	(void)state;
	assert_false(upstream_health_has_led(h));
	upstream_health_worked(h);
	assert_false(upstream_health_has_led(h)); /* it was reached */
	upstream_health_leads(h);
	upstream_health_failed(h, "upstream-sign-in", false, 1000, 500);
	upstream_health_failed(h, "connect-failed", true, 1000, 500);
	assert_true(upstream_health_has_led(h));
	upstream_health_begin_anew(h);
	assert_false(upstream_health_has_led(h));
	assert_false(upstream_health_is_up(h, 1499)); /* which is not forgotten with it */
	upstream_health_unref(h);
}

static void its_answers_are_taken_in_the_mean(void **state)
{
	struct upstream_health *h = made();
	(void)state;
	upstream_health_took(h, 8000);
	assert_int_equal(h->latency_us, 8000);
	upstream_health_took(h, 16000);
	assert_int_equal(h->latency_us, 9000);
	for (unsigned i = 0; i < 200; i++)
		upstream_health_took(h, 100);
	assert_in_range(h->latency_us, 1, 200);
	upstream_health_unref(h);
}

enum { THREADS = 4, ROUNDS = 2000 };

struct claims {
	struct upstream_health *h;
	pthread_barrier_t *round;
	unsigned got;
};

static void *claim(void *arg)
{
	struct claims *c = arg;
	for (uint64_t i = 1; i <= ROUNDS; i++) {
		(void)pthread_barrier_wait(c->round);
		c->got += upstream_health_claim(c->h, 1000 * i, 1000);
	}
	upstream_health_unref(c->h);
	return NULL;
}

/* However many see at once that a pause is over. */
static void one_thread_alone_tries_it_again(void **state)
{
	struct upstream_health *h = made();
	struct claims claims[THREADS];
	pthread_barrier_t round;
	pthread_t threads[THREADS];
	unsigned got = 0;
	(void)state;
	upstream_health_failed(h, "x", true, 0, 1000);
	assert_int_equal(pthread_barrier_init(&round, NULL, THREADS), 0);
	for (size_t i = 0; i < THREADS; i++) {
		claims[i] = (struct claims){upstream_health_ref(h), &round, 0};
		assert_int_equal(pthread_create(&threads[i], NULL, claim, &claims[i]), 0);
	}
	for (size_t i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		got += claims[i].got;
	}
	assert_int_equal(got, ROUNDS);
	(void)pthread_barrier_destroy(&round);
	upstream_health_unref(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_that_fails_is_passed_over_for_its_pause),
		cmocka_unit_test(an_error_alone_takes_nobody_down),
		cmocka_unit_test(that_it_has_led_is_known_until_it_is_told_something_else),
		cmocka_unit_test(its_answers_are_taken_in_the_mean),
		cmocka_unit_test(one_thread_alone_tries_it_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
