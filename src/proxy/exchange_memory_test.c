/* Where exchanges lie, and when that memory goes back. What becomes of them: through1_test.c. */
#include "proxy/exchange.h"

#include "proxy/worker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { N = 300 };

static struct proxy_exchange *all[N];

static void take_all(struct proxy_worker *w)
{
	for (size_t i = 0; i < N; i++) {
		assert_non_null(all[i] = proxy_exchange_take(w, NULL, NULL));
		memset(all[i]->store, (int)i, sizeof(all[i]->store));
		proxy_deadline_set(&w->wheel, &all[i]->deadline, w->now_ms, 50 + (uint32_t)i);
	}
	assert_null(proxy_exchange_take(w, NULL, NULL));
	assert_non_null(w->exchanges_memory.blocks);
	for (size_t i = 0; i < N; i++)
		assert_int_equal(all[i]->store[0], (uint8_t)i);
}

static void large_pages_go_back_after_a_peak(void **state)
{
	(void)state;
	struct proxy_worker w;
	proxy_worker_init(&w, 1000, 4, N, 4);
	for (int turn = 0; turn < 2; turn++) {
		take_all(&w);
		for (size_t i = 0; i < N; i++)
			proxy_exchange_give(all[i]);
		proxy_worker_trim(&w); /* they were in use since the last time */
		assert_non_null(w.exchanges_memory.blocks);
		proxy_worker_trim(&w);
		assert_null(w.exchanges_memory.blocks);
		/* Nothing of what is gone is late. */
		w.now_ms += 10000;
		proxy_worker_turn(&w);
	}
	proxy_worker_done(&w);
}

static void large_pages_stay_while_one_is_needed(void **state)
{
	(void)state;
	struct proxy_worker w;
	proxy_worker_init(&w, 1000, 4, N, 4);
	take_all(&w);
	assert_true(all[N - 1]->large && !all[0]->large);
	for (size_t i = 0; i + 1 < N; i++)
		proxy_exchange_give(all[i]);
	for (int i = 0; i < 3; i++)
		proxy_worker_trim(&w);
	assert_non_null(w.exchanges_memory.blocks);
	assert_int_equal(all[N - 1]->store[0], (uint8_t)(N - 1));
	proxy_exchange_give(all[N - 1]);
	for (int i = 0; i < 2; i++)
		proxy_worker_trim(&w);
	assert_null(w.exchanges_memory.blocks);
	/* Who is busy keeps them. */
	for (int turn = 0; turn < 3; turn++) {
		take_all(&w);
		for (size_t i = 0; i < N; i++)
			proxy_exchange_give(all[i]);
		proxy_worker_trim(&w);
		assert_non_null(w.exchanges_memory.blocks);
	}
	proxy_worker_done(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(large_pages_go_back_after_a_peak),
		cmocka_unit_test(large_pages_stay_while_one_is_needed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
