#include "service/reverse-proxy/balance/stage_test.h"

static struct backend *at(struct stage *s, size_t i)
{
	return s->members[i].backend;
}

static void close_to(unsigned got, unsigned want, unsigned pct)
{
	if (got * 100 < want * (100 - pct) || got * 100 > want * (100 + pct))
		fail_msg("%u is not %u within %u %%", got, want, pct);
}

/* --- who is not picked ------------------------------------------------------------------------ */

static void none_of_an_empty_pool(void **state)
{
	(void)state;
	struct stage s;
	struct pool_place place;
	stage_begin(&s, 0);
	stage_pool(&s);
	assert_int_equal(stage_pick(&s, &place), -2);
	assert_int_equal(atomic_load(&s.state->in_flight), 0);
	assert_int_equal(atomic_load(&s.state->none), 1);
	stage_end(&s);
}

static void who_is_ill_drained_or_ejected_is_left_out_of_every_way(void **state)
{
	(void)state;
	struct stage s;
	unsigned n[STAGE_MAX];
	stage_begin(&s, 5);
	s.members[4].draining = true;
	for (int way = POOL_TWO_CHOICES; way <= POOL_RANDOM; way++) {
		s.policy.balance = (enum pool_balance)way;
		stage_pool(&s);
		backend_set_checked(at(&s, 0), s.now_ms, BACKEND_ILL);
		backend_set_drained(at(&s, 1), s.now_ms, true);
		atomic_store(&at(&s, 2)->ejected_until_ms, s.now_ms + 1);
		stage_count(&s, 200, n);
		assert_int_equal(n[3], 200);
		assert_int_equal(pool_well(s.pool, s.now_ms), 1);
		assert_string_equal(backend_state_text(at(&s, 0), s.now_ms), "down");
		assert_string_equal(backend_state_text(at(&s, 1), s.now_ms), "drained");
		assert_string_equal(backend_state_text(at(&s, 2), s.now_ms), "ejected");
		assert_string_equal(backend_state_text(at(&s, 2), s.now_ms + 1), "up");
	}
	stage_end(&s);
}

static void none_when_all_are_ill_unless_the_pool_fails_open(void **state)
{
	(void)state;
	struct stage s;
	struct pool_place place;
	stage_begin(&s, 2);
	stage_pool(&s);
	for (size_t i = 0; i < 2; i++)
		backend_set_checked(at(&s, i), s.now_ms, BACKEND_ILL);
	assert_int_equal(stage_pick(&s, &place), -2);
	s.policy.fail_open = true;
	stage_pool(&s);
	assert_true(stage_pick(&s, &place) >= 0);
	assert_true(place.fail_open);
	assert_int_equal(atomic_load(&s.state->fail_open), 1);
	stage_done(&s, &place, 200);
	stage_end(&s);
}

static void nobody_gets_more_than_its_limit_and_full_is_not_none(void **state)
{
	(void)state;
	struct stage s;
	struct pool_place places[8], place;
	stage_begin(&s, 3);
	for (int way = POOL_TWO_CHOICES; way <= POOL_RANDOM; way++) {
		s.policy.balance = (enum pool_balance)way;
		s.members[0].requests_max = 1;
		s.members[1].requests_max = 2;
		s.members[2].requests_max = 1;
		stage_pool(&s);
		for (int i = 0; i < 4; i++)
			assert_true(stage_pick(&s, &places[i]) >= 0);
		assert_int_equal(stage_pick(&s, &place), -1);
		assert_int_equal(atomic_load(&at(&s, 1)->in_flight), 2);
		stage_done(&s, &places[2], 200);
		assert_true(stage_pick(&s, &places[2]) >= 0);
		for (int i = 0; i < 4; i++)
			stage_done(&s, &places[i], 200);
		assert_int_equal(atomic_load(&s.state->in_flight), 0);
	}
	s.policy.requests_max = 1;
	stage_pool(&s);
	assert_true(stage_pick(&s, &places[0]) >= 0);
	assert_int_equal(stage_pick(&s, &place), -1);
	stage_done(&s, &places[0], 200);
	stage_end(&s);
}

static void backups_are_for_when_all_others_are_ill_not_full(void **state)
{
	(void)state;
	struct stage s;
	struct pool_place place, second;
	stage_begin(&s, 3);
	s.members[1].level = 1;
	s.members[2].level = 7;
	s.members[0].requests_max = 1;
	stage_pool(&s);
	assert_int_equal(stage_pick(&s, &place), 0);
	assert_int_equal(stage_pick(&s, &second), -1);
	stage_done(&s, &place, 200);
	backend_set_checked(at(&s, 0), s.now_ms, BACKEND_ILL);
	assert_int_equal(stage_pick(&s, &place), 1);
	stage_done(&s, &place, 200);
	backend_set_checked(at(&s, 1), s.now_ms, BACKEND_ILL);
	assert_int_equal(stage_pick(&s, &place), 2);
	stage_done(&s, &place, 200);
	stage_end(&s);
}

static void a_retry_goes_to_another_while_there_is_one(void **state)
{
	(void)state;
	struct stage s;
	struct pool_place places[4];
	struct pool_tried tried = {0};
	unsigned seen = 0;
	stage_begin(&s, 3);
	for (int way = POOL_TWO_CHOICES; way <= POOL_RANDOM; way++) {
		s.policy.balance = (enum pool_balance)way;
		stage_pool(&s);
		tried.n = 0;
		seen = 0;
		for (int i = 0; i < 4; i++) {
			struct pool_ask ask = stage_ask(&s);
			ask.tried = &tried;
			ask.hash = 77;
			ask.has_hash = true;
			int k = stage_pick_by(&s, &ask, &places[i]);
			assert_true(k >= 0);
			assert_int_equal(places[i].again, i > 0);
			seen |= i < 3 ? 1U << k : 0;
		}
		assert_int_equal(seen, 7);
		assert_int_equal(atomic_load(&s.state->retries_in_flight), 3);
		for (int i = 0; i < 4; i++)
			stage_done(&s, &places[i], 200);
		assert_int_equal(atomic_load(&s.state->retries_in_flight), 0);
	}
	stage_end(&s);
}

static void retries_have_a_budget(void **state)
{
	(void)state;
	struct stage s;
	struct pool_place places[20];
	struct pool_tried tried = {.items = {NULL}, .n = 1};
	struct pool_ask ask;
	stage_begin(&s, 3);
	s.policy.retry = (struct pool_retry){.tries_max = 2, .budget_pct = 20, .budget_min = 1};
	stage_pool(&s);
	assert_false(pool_may_retry(s.pool, 2));
	assert_true(pool_may_retry(s.pool, 1));
	for (int i = 0; i < 10; i++)
		assert_true(stage_pick(&s, &places[i]) >= 0);
	unsigned again = 0;
	for (; pool_may_retry(s.pool, 1) && again < 10; again++) {
		ask = stage_ask(&s);
		tried.n = 1;
		ask.tried = &tried;
		assert_true(stage_pick_by(&s, &ask, &places[10 + again]) >= 0);
	}
	/* 20 % of 10 to 13, and one more. */
	assert_in_range(again, 3, 4);
	assert_int_equal(atomic_load(&s.state->retries_refused), 1);
	for (unsigned i = 0; i < 10 + again; i++)
		stage_done(&s, &places[i], 200);
	assert_int_equal(atomic_load(&s.state->in_flight), 0);
	stage_end(&s);
}

/* --- the ways --------------------------------------------------------------------------------- */

static void turns_are_even_and_by_weight(void **state)
{
	(void)state;
	struct stage s;
	unsigned n[STAGE_MAX];
	struct pool_place place;
	int last = -1, in_a_row = 0;
	stage_begin(&s, 0);
	stage_add(&s, 10);
	stage_add(&s, 2);
	stage_add(&s, 4);
	s.policy.balance = POOL_ROUND_ROBIN;
	stage_pool(&s);
	stage_count(&s, 80, n);
	assert_int_equal(n[0], 50);
	assert_int_equal(n[1], 10);
	assert_int_equal(n[2], 20);
	/* 5 : 1 : 2 of 8: the heaviest never comes more than three times in a row. */
	for (int i = 0; i < 80; i++) {
		int k = stage_pick(&s, &place);
		in_a_row = k == last ? in_a_row + 1 : 1;
		last = k;
		assert_true(in_a_row <= 3);
		stage_done(&s, &place, 200);
	}
	stage_end(&s);
}

static void two_choices_and_random_follow_weights(void **state)
{
	(void)state;
	struct stage s;
	unsigned n[STAGE_MAX];
	stage_begin(&s, 0);
	stage_add(&s, 1);
	stage_add(&s, 3);
	stage_add(&s, 4);
	s.policy.balance = POOL_RANDOM;
	stage_pool(&s);
	stage_count(&s, 8000, n);
	close_to(n[0], 1000, 10);
	close_to(n[1], 3000, 10);
	close_to(n[2], 4000, 10);
	s.policy.balance = POOL_TWO_CHOICES;
	stage_pool(&s);
	stage_count(&s, 8000, n);
	close_to(n[0], 1000, 10);
	close_to(n[1], 3000, 10);
	close_to(n[2], 4000, 10);
	stage_end(&s);
}

/* Without pool_done the load grows, and shows how well a way levels it. */
static void two_choices_level_load_far_better_than_chance(void **state)
{
	(void)state;
	unsigned spread[2];
	for (int way = 0; way < 2; way++) {
		struct stage s;
		unsigned n[STAGE_MAX] = {0}, most = 0, least = UINT32_MAX;
		stage_begin(&s, 20);
		s.policy.balance = way ? POOL_TWO_CHOICES : POOL_RANDOM;
		stage_pool(&s);
		for (int i = 0; i < 4000; i++) {
			struct pool_place place;
			n[stage_pick(&s, &place)]++;
		}
		for (int i = 0; i < 20; i++) {
			most = n[i] > most ? n[i] : most;
			least = n[i] < least ? n[i] : least;
		}
		spread[way] = most - least;
		stage_end(&s);
	}
	assert_true(spread[1] <= 6);
	assert_true(spread[0] > 4 * spread[1]);
}

static void of_two_equally_loaded_the_much_faster_one_is_chosen(void **state)
{
	(void)state;
	struct stage s;
	unsigned n[STAGE_MAX];
	stage_begin(&s, 2);
	stage_pool(&s);
	backend_latency_add(at(&s, 0), s.now_ms, 1000);
	backend_latency_add(at(&s, 1), s.now_ms, 1100);
	stage_count(&s, 1000, n);
	close_to(n[0], 500, 15);
	for (int i = 0; i < 20; i++)
		backend_latency_add(at(&s, 1), s.now_ms, 4000);
	stage_count(&s, 1000, n);
	assert_true(n[0] >= 990); /* both draws may be the same one now and then */
	/* Half a minute later nobody remembers. */
	s.now_ms += 300000;
	stage_count(&s, 1000, n);
	close_to(n[0], 500, 15);
	stage_end(&s);
}

static void least_takes_the_idlest_by_weight(void **state)
{
	(void)state;
	struct stage s;
	struct pool_place places[60];
	unsigned n[STAGE_MAX] = {0};
	stage_begin(&s, 0);
	stage_add(&s, 1);
	stage_add(&s, 2);
	stage_add(&s, 3);
	s.policy.balance = POOL_LEAST;
	stage_pool(&s);
	for (int i = 0; i < 60; i++)
		n[stage_pick(&s, &places[i])]++;
	assert_int_equal(n[0], 10);
	assert_int_equal(n[1], 20);
	assert_int_equal(n[2], 30);
	/* Idle ones take turns. */
	for (int i = 0; i < 60; i++)
		stage_done(&s, &places[i], 200);
	stage_count(&s, 600, n);
	assert_int_equal(n[0], 100);
	assert_int_equal(n[2], 300);
	stage_end(&s);
}

static int hashed(struct stage *s, uint64_t key)
{
	struct pool_place place;
	struct pool_ask ask = stage_ask(s);
	ask.hash = pool_hash(span_of(&key, sizeof(key)));
	ask.has_hash = true;
	int k = stage_pick_by(s, &ask, &place);
	assert_true(k >= 0);
	stage_done(s, &place, 200);
	return k;
}

static void hash_stays_and_moves_only_what_it_must(void **state)
{
	(void)state;
	enum { KEYS = 4000 };
	struct stage s;
	static int before[KEYS];
	unsigned n[STAGE_MAX] = {0}, moved = 0;
	stage_begin(&s, 10);
	s.policy.balance = POOL_HASH;
	stage_pool(&s);
	for (uint64_t i = 0; i < KEYS; i++) {
		before[i] = hashed(&s, i);
		n[before[i]]++;
		assert_int_equal(hashed(&s, i), before[i]);
	}
	for (int i = 0; i < 10; i++)
		close_to(n[i], KEYS / 10, 35);
	/* One falls ill: only its own keys move. */
	backend_set_checked(at(&s, 3), s.now_ms, BACKEND_ILL);
	for (uint64_t i = 0; i < KEYS; i++)
		if (before[i] != 3)
			assert_int_equal(hashed(&s, i), before[i]);
		else
			assert_int_not_equal(hashed(&s, i), 3);
	backend_set_checked(at(&s, 3), s.now_ms, BACKEND_WELL);
	/* One is taken out of the pool, the last here: the same. */
	backend_unref(s.members[--s.n].backend);
	stage_pool(&s);
	for (uint64_t i = 0; i < KEYS; i++)
		moved += hashed(&s, i) != before[i];
	assert_int_equal(moved, n[9]);
	stage_end(&s);
}

static void hash_bounds_the_load_of_a_popular_key(void **state)
{
	(void)state;
	struct stage s;
	unsigned n[STAGE_MAX] = {0};
	stage_begin(&s, 4);
	s.policy.balance = POOL_HASH;
	s.policy.hash_load_pct = 125;
	stage_pool(&s);
	for (int i = 0; i < 400; i++) {
		struct pool_place place;
		struct pool_ask ask = stage_ask(&s);
		ask.hash = 42;
		ask.has_hash = true;
		int k = stage_pick_by(&s, &ask, &place);
		assert_true(k >= 0);
		n[k]++;
		assert_true(n[k] * 4 * 100 <= 125 * ((unsigned)i + 1) + 400);
	}
	stage_end(&s);
}

static void without_a_key_hash_falls_back_to_two_choices(void **state)
{
	(void)state;
	struct stage s;
	unsigned n[STAGE_MAX];
	stage_begin(&s, 4);
	s.policy.balance = POOL_HASH;
	stage_pool(&s);
	stage_count(&s, 4000, n);
	for (int i = 0; i < 4; i++)
		close_to(n[i], 1000, 15);
	stage_end(&s);
}

/* --- slow start, zones, sticky ---------------------------------------------------------------- */

static void slow_start_gives_little_first_and_all_in_the_end(void **state)
{
	(void)state;
	static const enum pool_balance ways[] = {POOL_TWO_CHOICES, POOL_ROUND_ROBIN, POOL_RANDOM};
	for (size_t w = 0; w < 3; w++) {
		struct stage s;
		unsigned n[STAGE_MAX];
		stage_begin(&s, 4);
		s.policy.balance = ways[w];
		s.policy.slow_start_ms = 10000;
		stage_pool(&s);
		backend_set_checked(at(&s, 0), s.now_ms, BACKEND_ILL);
		backend_set_checked(at(&s, 0), s.now_ms, BACKEND_WELL);
		stage_count(&s, 4000, n);
		assert_in_range(n[0], 20, 200);
		s.now_ms += 5000;
		stage_count(&s, 4000, n);
		assert_in_range(n[0], 350, 800);
		s.now_ms += 5000;
		stage_count(&s, 4000, n);
		close_to(n[0], 1000, 15);
		stage_end(&s);
	}
}

static void alone_it_gets_all_even_in_slow_start(void **state)
{
	(void)state;
	struct stage s;
	unsigned n[STAGE_MAX];
	stage_begin(&s, 2);
	s.policy.slow_start_ms = 10000;
	stage_pool(&s);
	backend_set_checked(at(&s, 0), s.now_ms, BACKEND_ILL);
	backend_set_checked(at(&s, 1), s.now_ms, BACKEND_ILL);
	backend_set_checked(at(&s, 1), s.now_ms, BACKEND_WELL);
	stage_count(&s, 100, n);
	assert_int_equal(n[1], 100);
	stage_end(&s);
}

static void our_zone_is_preferred_while_enough_of_it_is_well(void **state)
{
	(void)state;
	struct stage s;
	unsigned n[STAGE_MAX];
	stage_begin(&s, 8);
	for (int i = 0; i < 4; i++)
		s.members[i].own_zone = true;
	s.policy.zone_min_pct = 50;
	stage_pool(&s);
	stage_count(&s, 400, n);
	assert_int_equal(n[4] + n[5] + n[6] + n[7], 0);
	for (size_t i = 0; i < 2; i++)
		backend_set_checked(at(&s, i), s.now_ms, BACKEND_ILL);
	stage_count(&s, 400, n);
	assert_int_equal(n[2] + n[3], 400);
	backend_set_checked(at(&s, 2), s.now_ms, BACKEND_ILL);
	stage_count(&s, 500, n);
	close_to(n[3], 100, 60);
	stage_end(&s);
}

static void sticky_stays_even_with_who_is_drained_and_leaves_who_is_ill(void **state)
{
	(void)state;
	struct stage s;
	struct pool_place place;
	stage_begin(&s, 4);
	s.policy.sticky.cookie = "id";
	s.members[2].requests_max = 1;
	stage_pool(&s);
	struct pool_ask ask = stage_ask(&s);
	assert_true(stage_pick_by(&s, &ask, &place) >= 0);
	assert_true(place.moved);
	stage_done(&s, &place, 200);
	ask.sticky_id = at(&s, 2)->id;
	backend_set_drained(at(&s, 2), s.now_ms, true);
	assert_int_equal(stage_pick_by(&s, &ask, &place), 2);
	assert_false(place.moved);
	/* It has one already: this client waits rather than lose its session. */
	struct pool_place second;
	assert_int_equal(stage_pick_by(&s, &ask, &second), -1);
	stage_done(&s, &place, 200);
	backend_set_checked(at(&s, 2), s.now_ms, BACKEND_ILL);
	assert_int_not_equal(stage_pick_by(&s, &ask, &place), 2);
	assert_true(place.moved);
	stage_done(&s, &place, 200);
	ask.sticky_id = 12345; /* a stranger's invention */
	assert_true(stage_pick_by(&s, &ask, &place) >= 0);
	assert_true(place.moved);
	stage_done(&s, &place, 200);
	stage_end(&s);
}

static void what_was_answered_is_counted(void **state)
{
	(void)state;
	struct stage s;
	struct pool_place place;
	struct pool_result r = {.kind = POOL_RESULT_ANSWERED,
				.status = 204,
				.latency_us = 5000,
				.bytes_in = 10,
				.bytes_out = 20};
	stage_begin(&s, 1);
	stage_pool(&s);
	struct backend *b = at(&s, 0);
	assert_int_equal(stage_pick(&s, &place), 0);
	pool_done(s.pool, &place, s.now_ms, &r);
	assert_int_equal(atomic_load(&b->answers[2]), 1);
	assert_int_equal(atomic_load(&b->times[backend_time_class(5000)]), 1);
	assert_int_equal(backend_latency_us(b, s.now_ms), 5000);
	assert_int_equal(atomic_load(&b->bytes_in), 10);
	assert_int_equal(atomic_load(&b->bytes_out), 20);
	static const enum pool_result_kind kinds[] = {POOL_RESULT_CONNECT_FAILED, POOL_RESULT_RESET,
						      POOL_RESULT_TIMEOUT, POOL_RESULT_ABANDONED};
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(stage_pick(&s, &place), 0);
		r.kind = kinds[i];
		pool_done(s.pool, &place, s.now_ms, &r);
	}
	assert_int_equal(atomic_load(&b->connect_errors), 1);
	assert_int_equal(atomic_load(&b->resets), 1);
	assert_int_equal(atomic_load(&b->timeouts), 1);
	assert_int_equal(atomic_load(&b->requests), 5);
	assert_int_equal(atomic_load(&b->in_flight), 0);
	stage_end(&s);
}

static void one_back_end_written_twice_is_one_member(void **state)
{
	(void)state;
	struct stage s;
	stage_begin(&s, 2);
	s.members[s.n++] = s.members[0];
	backend_ref(s.members[0].backend);
	stage_pool(&s);
	assert_int_equal(s.pool->members_n, 2);
	stage_end(&s);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(none_of_an_empty_pool),
		cmocka_unit_test(who_is_ill_drained_or_ejected_is_left_out_of_every_way),
		cmocka_unit_test(none_when_all_are_ill_unless_the_pool_fails_open),
		cmocka_unit_test(nobody_gets_more_than_its_limit_and_full_is_not_none),
		cmocka_unit_test(backups_are_for_when_all_others_are_ill_not_full),
		cmocka_unit_test(a_retry_goes_to_another_while_there_is_one),
		cmocka_unit_test(retries_have_a_budget),
		cmocka_unit_test(turns_are_even_and_by_weight),
		cmocka_unit_test(two_choices_and_random_follow_weights),
		cmocka_unit_test(two_choices_level_load_far_better_than_chance),
		cmocka_unit_test(of_two_equally_loaded_the_much_faster_one_is_chosen),
		cmocka_unit_test(least_takes_the_idlest_by_weight),
		cmocka_unit_test(hash_stays_and_moves_only_what_it_must),
		cmocka_unit_test(hash_bounds_the_load_of_a_popular_key),
		cmocka_unit_test(without_a_key_hash_falls_back_to_two_choices),
		cmocka_unit_test(slow_start_gives_little_first_and_all_in_the_end),
		cmocka_unit_test(alone_it_gets_all_even_in_slow_start),
		cmocka_unit_test(our_zone_is_preferred_while_enough_of_it_is_well),
		cmocka_unit_test(sticky_stays_even_with_who_is_drained_and_leaves_who_is_ill),
		cmocka_unit_test(what_was_answered_is_counted),
		cmocka_unit_test(one_back_end_written_twice_is_one_member),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
