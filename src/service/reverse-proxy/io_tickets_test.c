#include "service/reverse-proxy/io_tickets.h"

#include "service/reverse-proxy/conf.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define NOW UINT64_C(1800000000)
#define P   ((uint64_t)TICKET_PERIOD_S)

static void wake(void *arg)
{
	(void)arg;
}

static const uint8_t *sealing(const struct reverse_tickets *t)
{
	return t->ring.keys[t->seals].bytes;
}

static void keys_of_ones_own_change_by_the_clock(void **state)
{
	(void)state;
	const struct reverse_conf conf = {.store = "sqlite"};
	struct reverse_tickets t = {0};
	uint8_t first[TLS_TICKET_KEY_LEN], next[TLS_TICKET_KEY_LEN];
	assert_int_equal(reverse_tickets_begin(&t, &conf, NOW, wake, NULL), OK);
	assert_null(t.store);
	assert_int_equal(t.ring.n, 2);
	memcpy(first, sealing(&t), sizeof(first));
	memcpy(next, t.ring.keys[1].bytes, sizeof(next));
	reverse_tickets_turn(&t, NOW + P - 1);
	assert_memory_equal(sealing(&t), first, sizeof(first));
	reverse_tickets_turn(&t, NOW + P);
	assert_memory_equal(sealing(&t), next, sizeof(next));
	assert_int_equal(t.ring.n, 3);
	reverse_tickets_woken(&t, NOW + P); /* of other threads: nothing is told */
	reverse_tickets_turn(&t, NOW + 2 * P);
	assert_memory_not_equal(sealing(&t), next, sizeof(next));
	assert_memory_equal(t.ring.keys[0].bytes, next, sizeof(next));
	reverse_tickets_done(&t);
}

/* A store that never answers: its thread is not even started. */
static void who_is_left_alone_with_old_keys_makes_its_own(void **state)
{
	(void)state;
	const struct reverse_conf conf = {
		.store = "postgresql:///x?host=/nowhere",
		.store_key = span_text("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="),
	};
	struct reverse_tickets t = {0};
	uint8_t last[TLS_TICKET_KEY_LEN];
	assert_int_equal(reverse_tickets_begin(&t, &conf, NOW, wake, NULL), OK);
	assert_non_null(t.store);
	t.shared = true; /* as if it had told these */
	memcpy(last, t.ring.keys[1].bytes, sizeof(last));
	reverse_tickets_turn(&t, NOW + P);
	assert_true(t.shared);
	assert_int_equal(t.ring.n, 2); /* only the store could have the key to come */
	assert_memory_equal(sealing(&t), last, sizeof(last));
	reverse_tickets_turn(&t, NOW + 2 * P - 1);
	assert_true(t.shared);
	reverse_tickets_turn(&t, NOW + 2 * P);
	assert_false(t.shared);
	reverse_tickets_turn(&t, NOW + 3 * P);
	assert_memory_not_equal(sealing(&t), last, sizeof(last));
	reverse_tickets_done(&t);
}

static void without_a_key_for_the_store_nothing_is_shared(void **state)
{
	(void)state;
	const struct reverse_conf conf = {.store = "postgresql:///x"};
	struct reverse_tickets t = {0};
	assert_int_equal(reverse_tickets_begin(&t, &conf, NOW, wake, NULL), OK);
	assert_null(t.store);
	assert_int_equal(t.ring.n, 2);
	reverse_tickets_done(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_key_for_the_store_nothing_is_shared),
		cmocka_unit_test(who_is_left_alone_with_old_keys_makes_its_own),
		cmocka_unit_test(keys_of_ones_own_change_by_the_clock),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
