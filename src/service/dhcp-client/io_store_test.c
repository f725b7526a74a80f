#include "service/dhcp-client/io_store.h"

#include "os/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char folder[64];
static const uint8_t mac[6] = {2, 0, 0, 0, 0, 1};

static int setup(void **state)
{
	(void)state;
	(void)snprintf(folder, sizeof(folder), "/tmp/gatehouse-store-XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	return dir_remove(folder) ? -1 : 0;
}

static void a_duid_is_made_once(void **state)
{
	(void)state;
	struct duid first, again;
	static const uint8_t other[6] = {2, 0, 0, 0, 0, 2};
	assert_int_equal(store_duid(folder, span_of(mac, 6), 1700000000, &first), OK);
	assert_int_equal(duid_type(duid_span(&first)), DUID_LLT);
	assert_int_equal(store_duid(folder, span_of(other, 6), 1800000000, &again), OK);
	assert_true(span_equal(duid_span(&first), duid_span(&again)));
}

static void a_broken_duid_is_not_replaced(void **state)
{
	(void)state;
	char path[80];
	struct duid duid;
	(void)snprintf(path, sizeof(path), "%s/duid", folder);
	assert_int_equal(file_write_atomic(path, span_text("not hex\n"), 0600), OK);
	assert_int_not_equal(store_duid(folder, span_of(mac, 6), 1700000000, &duid), OK);
}

static void who_wrote_last_has_the_uplink(void **state)
{
	(void)state;
	struct store old, new;
	struct lease_file f = {.obtained_s = 1, .expires_s = 2, .message = span_text("x")}, got;
	uint8_t room[DHCP_MESSAGE_MAX];
	assert_int_equal(store_init(&old, folder, "wan", 1), OK);
	assert_int_equal(store_init(&new, folder, "wan", 2), OK);
	assert_int_equal(store_read(&old, room, &got), ENOENT);
	assert_false(store_is_taken(&old));
	assert_int_equal(store_write(&old, &f), OK);
	assert_false(store_is_taken(&old));
	assert_int_equal(store_read(&new, room, &got), OK);
	assert_true(span_is(got.message, "x"));
	assert_int_equal(store_write(&new, &got), OK);
	assert_true(store_is_taken(&old));
	assert_false(store_is_taken(&new));
}

#define FACT(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		FACT(a_broken_duid_is_not_replaced),
		FACT(a_duid_is_made_once),
		FACT(who_wrote_last_has_the_uplink),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
