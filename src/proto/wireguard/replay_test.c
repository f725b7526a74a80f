#include "proto/wireguard/replay.h"

#include "test/random.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void refuses_what_was_seen(void **state)
{
	(void)state;
	struct wg_replay w = {0};
	assert_true(wg_replay_take(&w, 0));
	assert_false(wg_replay_take(&w, 0));
	assert_true(wg_replay_take(&w, 5));
	assert_true(wg_replay_take(&w, 3));
	assert_false(wg_replay_take(&w, 5));
	assert_false(wg_replay_take(&w, 3));
}

static void refuses_what_is_older_than_the_window(void **state)
{
	(void)state;
	struct wg_replay w = {0};
	assert_true(wg_replay_take(&w, WG_REPLAY_WINDOW));
	assert_false(wg_replay_take(&w, 0));
	assert_true(wg_replay_take(&w, 1));
	assert_true(wg_replay_take(&w, UINT64_C(1) << 50));
	assert_false(wg_replay_take(&w, WG_REPLAY_WINDOW + 1));
}

static void refuses_counters_that_are_never_sent(void **state)
{
	(void)state;
	struct wg_replay w = {0};
	assert_false(wg_replay_take(&w, UINT64_MAX));
	assert_false(wg_replay_take(&w, WG_REJECT_AFTER_MESSAGES));
	assert_int_equal(w.next, 0);
	assert_true(wg_replay_take(&w, WG_REJECT_AFTER_MESSAGES - 1));
	assert_true(wg_replay_take(&w, WG_REJECT_AFTER_MESSAGES - WG_REPLAY_WINDOW));
	assert_false(wg_replay_take(&w, WG_REJECT_AFTER_MESSAGES - WG_REPLAY_WINDOW - 1));
	assert_false(wg_replay_take(&w, WG_REJECT_AFTER_MESSAGES - 1));
}

/* The obvious way: each counter that was taken, in a list; and the greatest. */
enum { SLOW_MAX = 60000 };
static struct {
	uint64_t seen[SLOW_MAX], greatest;
	size_t n;
} slow;

static bool slow_take(uint64_t counter)
{
	if (slow.n && counter < slow.greatest && slow.greatest - counter >= WG_REPLAY_WINDOW)
		return false;
	/* One that is old enough to be out of the window is not looked for: it was refused above.
	 */
	for (size_t i = slow.n; i > 0; i--)
		if (slow.seen[i - 1] == counter)
			return false;
	slow.seen[slow.n++] = counter;
	if (counter > slow.greatest)
		slow.greatest = counter;
	return true;
}

/* Mostly near the greatest, sometimes at the window's edges, seldom far ahead. */
static uint64_t next_counter(struct test_random *r)
{
	uint64_t at = slow.greatest;
	switch (test_random_below(r, 40)) {
	case 0: return at + test_random_below(r, 3 * WG_REPLAY_BITS);
	case 1: return at + test_random_below(r, 200);
	case 2: {
		uint64_t back = WG_REPLAY_WINDOW - 70 + test_random_below(r, 140);
		return at > back ? at - back : 0;
	}
	case 3: {
		uint64_t back = test_random_below(r, WG_REPLAY_BITS);
		return at > back ? at - back : 0;
	}
	default: {
		uint64_t back = test_random_below(r, 12);
		return at + 4 > back ? at + 4 - back : 0;
	}
	}
}

static void judges_as_a_list_of_all_does(void **state)
{
	(void)state;
	static const uint64_t starts[] = {0, 1000, UINT64_C(1) << 33};
	struct test_random rng = test_random_begin();
	for (size_t s = 0; s < sizeof(starts) / sizeof(starts[0]); s++) {
		struct wg_replay w = {0};
		size_t refused = 0;
		slow.n = 0;
		slow.greatest = starts[s];
		for (size_t i = 0; i < SLOW_MAX / 8; i++) {
			uint64_t counter = next_counter(&rng);
			bool expected = slow_take(counter);
			refused += !expected;
			assert_int_equal(wg_replay_take(&w, counter), expected);
		}
		assert_true(refused > 500 && slow.n > 500);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_what_was_seen),
		cmocka_unit_test(refuses_what_is_older_than_the_window),
		cmocka_unit_test(refuses_counters_that_are_never_sent),
		cmocka_unit_test(judges_as_a_list_of_all_does),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
