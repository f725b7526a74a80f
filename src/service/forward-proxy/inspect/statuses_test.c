#include "service/forward-proxy/inspect/statuses.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { NOW = 1000000 };

static struct inspect_statuses *s;

/* All of one set. */
static const uint8_t *print(unsigned n)
{
	static uint8_t room[INSPECT_FINGERPRINT_LEN];
	memset(room, 0, sizeof(room));
	room[31] = (uint8_t)n;
	room[30] = (uint8_t)(n >> 8);
	return room;
}

static int known(unsigned n, uint64_t now_s)
{
	enum inspect_status status;
	return inspect_statuses_find(s, print(n), now_s, &status) ? (int)status : -1;
}

static void what_is_said_lasts_as_long_as_it_says(void **state)
{
	(void)state;
	assert_int_equal(known(1, NOW), -1);
	inspect_statuses_keep(s, print(1), INSPECT_STATUS_GOOD, NOW + 5000, NOW);
	assert_int_equal(known(1, NOW + 4999), INSPECT_STATUS_GOOD);
	assert_int_equal(known(1, NOW + 5000), -1);
	assert_int_equal(known(2, NOW), -1);
	/* one without an end, and one without a bound */
	inspect_statuses_keep(s, print(1), INSPECT_STATUS_GOOD, NOW, NOW);
	assert_int_equal(known(1, NOW + 59), INSPECT_STATUS_GOOD);
	assert_int_equal(known(1, NOW + 60), -1);
	inspect_statuses_keep(s, print(1), INSPECT_STATUS_GOOD, UINT64_MAX, NOW);
	assert_int_equal(known(1, NOW + 864000 - 1), INSPECT_STATUS_GOOD);
	assert_int_equal(known(1, NOW + 864000), -1);
}

static void the_last_word_counts(void **state)
{
	(void)state;
	inspect_statuses_keep(s, print(1), INSPECT_STATUS_GOOD, NOW + 50000, NOW);
	inspect_statuses_keep(s, print(1), INSPECT_STATUS_REVOKED, 0, NOW + 10);
	assert_int_equal(known(1, NOW + 10), INSPECT_STATUS_REVOKED);
	assert_int_equal(known(1, NOW + 3609), INSPECT_STATUS_REVOKED);
	assert_int_equal(known(1, NOW + 3610), -1);
	inspect_statuses_keep(s, print(1), INSPECT_STATUS_UNTOLD, 0, NOW);
	assert_int_equal(known(1, NOW), INSPECT_STATUS_UNTOLD);
	assert_int_equal(known(1, NOW + 60), -1);
}

/* As many of one set as an attacker likes. */
static void what_ends_first_gives_way(void **state)
{
	(void)state;
	for (unsigned i = 0; i < INSPECT_STATUS_WAYS; i++)
		inspect_statuses_keep(s, print(i), INSPECT_STATUS_GOOD, NOW + 10000 - i, NOW);
	inspect_statuses_keep(s, print(100), INSPECT_STATUS_GOOD, NOW + 20000, NOW);
	assert_int_equal(known(INSPECT_STATUS_WAYS - 1, NOW), -1);
	for (unsigned i = 0; i < INSPECT_STATUS_WAYS - 1; i++)
		assert_int_equal(known(i, NOW), INSPECT_STATUS_GOOD);
	assert_int_equal(known(100, NOW), INSPECT_STATUS_GOOD);
	for (unsigned i = 200; i < 2000; i++)
		inspect_statuses_keep(s, print(i), INSPECT_STATUS_REVOKED, 0, NOW);
	assert_int_equal(known(1999, NOW), INSPECT_STATUS_REVOKED);
}

static int set_up(void **state)
{
	(void)state;
	s = calloc(1, sizeof(*s));
	return s ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	free(s);
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_said_lasts_as_long_as_it_says),
		TEST(the_last_word_counts),
		TEST(what_ends_first_gives_way),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
