#include "service/vpn/io_signin_hash.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <semaphore.h>
#include <stdio.h>

/* runs with threads */

static const struct password_cost small = {.memory_bytes = 8192, .passes = 1};

static void woken(void *arg)
{
	(void)sem_post(arg);
}

static struct hasher_answer answer_of(struct hasher *h, sem_t *s)
{
	struct hasher_answer a;
	while (!hasher_take(h, &a))
		assert_int_equal(sem_wait(s), 0);
	return a;
}

static void answers_in_order_of_what_was_asked(void **state)
{
	(void)state;
	sem_t s;
	struct hasher *h = NULL;
	struct hasher_answer a;
	assert_int_equal(sem_init(&s, 0, 0), 0);
	assert_int_equal(hasher_new(&small, woken, &s, &h), OK);
	assert_int_equal(hasher_start(h), OK);
	assert_false(hasher_take(h, &a));
	assert_int_equal(hasher_ask(h, 1, span_text("correct horse"), NULL), OK);
	a = answer_of(h, &s);
	assert_true(a.token == 1 && a.made);
	for (uint64_t i = 0; i < 10; i++)
		assert_int_equal(hasher_ask(h, 10 + i, span_text(i % 2 ? "correct horse" : "wrong"),
					    a.record),
				 OK);
	for (uint64_t i = 0; i < 10; i++) {
		struct hasher_answer b = answer_of(h, &s);
		assert_true(b.token == 10 + i);
		assert_int_equal(b.fits, i % 2);
		assert_false(b.made);
	}
	hasher_free(h);
	(void)sem_destroy(&s);
}

static void refuses_more_than_its_queue_holds_and_loses_none(void **state)
{
	(void)state;
	sem_t s;
	struct hasher *h = NULL;
	assert_int_equal(sem_init(&s, 0, 0), 0);
	assert_int_equal(hasher_new(&small, woken, &s, &h), OK);
	/* Nobody computes yet. */
	for (uint64_t i = 0; i < HASHER_QUEUE_MAX; i++)
		assert_int_equal(hasher_ask(h, i, span_text("x"), NULL), OK);
	assert_int_equal(hasher_ask(h, 99, span_text("x"), NULL), ERR_LIMIT);
	assert_int_equal(hasher_waiting(h), HASHER_QUEUE_MAX);
	assert_int_equal(hasher_start(h), OK);
	for (uint64_t i = 0; i < HASHER_QUEUE_MAX; i++)
		assert_true(answer_of(h, &s).token == i);
	assert_int_equal(hasher_waiting(h), 0);
	static const uint8_t longest[PASSWORD_LEN_MAX + 1];
	assert_int_equal(hasher_ask(h, 1, span_of(longest, sizeof(longest)), NULL), ERR_LIMIT);
	hasher_free(h);
	(void)sem_destroy(&s);
}

static void ends_with_questions_that_nobody_answered(void **state)
{
	(void)state;
	sem_t s;
	struct hasher *h = NULL;
	assert_int_equal(sem_init(&s, 0, 0), 0);
	assert_int_equal(hasher_new(&small, woken, &s, &h), OK);
	assert_int_equal(hasher_ask(h, 1, span_text("x"), NULL), OK);
	hasher_free(h); /* never started */
	assert_int_equal(hasher_new(&small, woken, &s, &h), OK);
	assert_int_equal(hasher_start(h), OK);
	for (uint64_t i = 0; i < HASHER_QUEUE_MAX; i++)
		assert_int_equal(hasher_ask(h, i, span_text("x"), NULL), OK);
	hasher_free(h);
	hasher_free(NULL);
	(void)sem_destroy(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_in_order_of_what_was_asked),
		cmocka_unit_test(refuses_more_than_its_queue_holds_and_loses_none),
		cmocka_unit_test(ends_with_questions_that_nobody_answered),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
