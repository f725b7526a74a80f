#include "crypto/random.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { LEN = 32 };

static void sets_every_bit_sometimes_and_not_always(void **state)
{
	(void)state;
	uint8_t ones[LEN] = {0}, zeros[LEN] = {0};
	for (int i = 0; i < 100; i++) { /* wrong by chance once in 2^91 runs */
		uint8_t buf[LEN];
		assert_int_equal(crypto_random(buf, sizeof(buf)), OK);
		for (size_t j = 0; j < LEN; j++) {
			ones[j] |= buf[j];
			zeros[j] |= (uint8_t)~buf[j];
		}
	}
	for (size_t j = 0; j < LEN; j++) {
		assert_int_equal(ones[j], 0xff);
		assert_int_equal(zeros[j], 0xff);
	}
}

static void leaves_what_lies_behind_alone(void **state)
{
	(void)state;
	uint8_t buf[LEN] = {0};
	assert_int_equal(crypto_random(buf, 0), OK);
	for (size_t i = 0; i < LEN; i++)
		assert_int_equal(buf[i], 0);
	assert_int_equal(crypto_random(buf, LEN / 2), OK);
	for (size_t i = LEN / 2; i < LEN; i++)
		assert_int_equal(buf[i], 0);
}

static void gives_parent_and_child_different_bytes(void **state)
{
	(void)state;
	uint8_t mine[LEN], childs[LEN] = {0};
	assert_int_equal(crypto_random(mine, LEN),
			 OK); /* whatever state there is, the child inherits */
	int ends[2];
	assert_int_equal(pipe(ends), 0);
	pid_t child = fork();
	if (child == 0) {
		enum err e = crypto_random(mine, LEN);
		_exit(!e && write(ends[1], mine, LEN) == LEN ? 0 : 1);
	}
	assert_int_equal(crypto_random(mine, LEN), OK);
	assert_int_equal(read(ends[0], childs, LEN), LEN);
	assert_memory_not_equal(mine, childs, LEN);
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	(void)close(ends[0]);
	(void)close(ends[1]);
}

static void *draw(void *arg)
{
	return crypto_random(arg, LEN) ? NULL : arg;
}

static void gives_each_thread_different_bytes(void **state)
{
	(void)state;
	enum { THREADS = 8 };
	uint8_t drawn[THREADS][LEN];
	pthread_t threads[THREADS];
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, draw, drawn[i]), 0);
	for (size_t i = 0; i < THREADS; i++) {
		void *done;
		assert_int_equal(pthread_join(threads[i], &done), 0);
		assert_non_null(done);
		for (size_t j = 0; j < i; j++)
			assert_memory_not_equal(drawn[i], drawn[j], LEN);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sets_every_bit_sometimes_and_not_always),
		cmocka_unit_test(leaves_what_lies_behind_alone),
		cmocka_unit_test(gives_parent_and_child_different_bytes),
		cmocka_unit_test(gives_each_thread_different_bytes),
	};
	return cmocka_run_group_tests_name("crypto_random", tests, NULL, NULL);
}
