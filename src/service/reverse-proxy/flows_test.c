#include "service/reverse-proxy/flows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct hash_key keys[2] = {{1, 2}, {3, 4}};

static struct flow_key from(uint8_t host, uint16_t port)
{
	return (struct flow_key){.peer = {.address = ip_address_v4(192, 0, 2, host), .port = port}};
}

static void enter(struct flows *t, struct flow *f, uint8_t host, uint16_t port)
{
	struct flow_key key = from(host, port);
	assert_null(flows_find(t, &key));
	assert_int_equal(flows_enter(t, &key, f), OK);
	assert_ptr_equal(flows_find(t, &key), f);
}

static void leave_all(struct flows *t, struct flow *items, size_t n)
{
	for (size_t i = 0; i < n; i++)
		flows_leave(t, &items[i]);
	assert_int_equal(flows_open(t), 0);
	assert_int_equal(table_used(&t->clients), 0);
	assert_int_equal(table_used(&t->flows), 0);
	flows_done(t);
}

static void test_all_of_the_key_makes_the_session(void **state)
{
	(void)state;
	struct flows t;
	struct flow items[6] = {0};
	struct flow_key key[6];
	for (size_t i = 0; i < 6; i++)
		key[i] = from(1, 53);
	key[1].door = 1;
	key[2].peer.port = 54;
	key[3].peer.scope = 7;
	key[4].local = ip_address_v4(192, 0, 2, 53);
	key[5].peer.address = ip_address_v4(192, 0, 2, 2);
	flows_init(&t, keys, 8, 0);
	for (size_t i = 0; i < 6; i++) {
		assert_null(flows_find(&t, &key[i]));
		assert_int_equal(flows_enter(&t, &key[i], &items[i]), OK);
	}
	for (size_t i = 0; i < 6; i++)
		assert_ptr_equal(flows_find(&t, &key[i]), &items[i]);
	leave_all(&t, items, 6);
}

static void test_the_one_quiet_for_longest_yields(void **state)
{
	(void)state;
	struct flows t;
	struct flow items[4] = {0};
	struct flow_key more = from(9, 1);
	flows_init(&t, keys, 4, 0);
	for (uint8_t i = 0; i < 4; i++) {
		assert_null(flows_in_the_way(&t, &more.peer.address));
		enter(&t, &items[i], i, 1);
	}
	flows_used(&t, &items[0]);
	assert_ptr_equal(flows_in_the_way(&t, &more.peer.address), &items[1]);
	struct flow refused = {0};
	assert_int_equal(flows_enter(&t, &more, &refused), ERR_LIMIT);
	leave_all(&t, items, 4);
}

/* A flood from false addresses takes the room of its own, and never all. */
static void test_who_went_on_after_an_answer_keeps_his_room(void **state)
{
	(void)state;
	enum { ROOM = 16, PROVEN = 8 };
	struct flows t;
	struct flow items[ROOM] = {0};
	struct flow_key more = from(200, 1);
	flows_init(&t, keys, ROOM, 0);
	for (uint8_t i = 0; i < ROOM; i++)
		enter(&t, &items[i], i, 1);
	for (size_t i = 0; i < PROVEN; i++) {
		items[i].answered = true;
		flows_used(&t, &items[i]);
		assert_true(items[i].proven);
	}
	assert_ptr_equal(flows_in_the_way(&t, &more.peer.address), &items[PROVEN]);
	/* An answer alone proves nothing: false addresses are answered too. */
	items[PROVEN].answered = true;
	assert_ptr_equal(flows_in_the_way(&t, &more.peer.address), &items[PROVEN]);
	for (size_t i = PROVEN; i < ROOM - 2; i++) {
		items[i].answered = true;
		flows_used(&t, &items[i]);
	}
	/* Two of sixteen are new: now one of the others. */
	assert_ptr_equal(flows_in_the_way(&t, &more.peer.address), &items[0]);
	leave_all(&t, items, ROOM);
}

static void test_a_client_with_all_of_his_own_yields_himself(void **state)
{
	(void)state;
	struct flows t;
	struct flow items[3] = {0};
	struct flow_key one = from(1, 9), two = from(2, 9);
	flows_init(&t, keys, 8, 2);
	enter(&t, &items[2], 2, 1);
	enter(&t, &items[0], 1, 1);
	enter(&t, &items[1], 1, 2);
	assert_ptr_equal(flows_in_the_way(&t, &one.peer.address), &items[0]);
	assert_null(flows_in_the_way(&t, &two.peer.address));
	items[0].answered = true;
	flows_used(&t, &items[0]);
	assert_ptr_equal(flows_in_the_way(&t, &one.peer.address), &items[1]);
	leave_all(&t, items, 3);
}

static void test_a_client_of_ipv6_is_a_network(void **state)
{
	(void)state;
	struct flows t;
	struct flow items[1] = {0};
	struct flow_key key = {.peer = {.address = {.family = 6, .bytes = {0x20, 1}}, .port = 1}};
	struct ip_address same = key.peer.address, other = key.peer.address;
	same.bytes[15] = 1;
	other.bytes[7] = 1;
	flows_init(&t, keys, 8, 1);
	assert_int_equal(flows_enter(&t, &key, &items[0]), OK);
	assert_ptr_equal(flows_in_the_way(&t, &same), &items[0]);
	assert_null(flows_in_the_way(&t, &other));
	leave_all(&t, items, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_of_the_key_makes_the_session),
		cmocka_unit_test(test_the_one_quiet_for_longest_yields),
		cmocka_unit_test(test_who_went_on_after_an_answer_keeps_his_room),
		cmocka_unit_test(test_a_client_with_all_of_his_own_yields_himself),
		cmocka_unit_test(test_a_client_of_ipv6_is_a_network),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
