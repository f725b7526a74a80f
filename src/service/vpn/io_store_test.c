/* Rows of several owners in a file of SQLite; runs with threads. */
#include "service/vpn/io_store.h"

#include "os/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct seen {
	unsigned rows, stored, begins, ends;
	char last[64];
	enum err result;
	uint64_t version, number;
};

static char folder[] = "/tmp/gatehouse-vpn-store-XXXXXX";

static enum err learn(void *arg, const struct store_row *row)
{
	struct seen *s = arg;

	s->rows++;
	s->version = row->version;
	(void)span_to_cstr(row->value, s->last, sizeof(s->last));
	return span_is(row->value, "torn") ? ERR_FORMAT : OK;
}

static void begin(void *arg)
{
	((struct seen *)arg)->begins++;
}

static void end(void *arg)
{
	((struct seen *)arg)->ends++;
}

static void stored(void *arg, const struct store_request *r)
{
	struct seen *s = arg;

	s->stored++;
	s->result = r->result;
	s->version = r->ret_version;
	s->number = r->number;
}

static void wake(void *arg)
{
	(void)arg;
}

static struct vpn_store *opened(struct seen *peers, struct seen *people)
{
	const struct vpn_store_setting setting = {.url = "sqlite", .folder = folder, .wake = wake};
	struct vpn_store *s = NULL;

	assert_int_equal(vpn_store_new(&setting, &s), OK);
	vpn_store_add(s, &(struct vpn_store_face){.tables = 1u << VPN_TABLE_PEERS,
						  .learn = learn,
						  .stored = stored,
						  .arg = peers});
	vpn_store_add(s, &(struct vpn_store_face){.tables = 1u << VPN_TABLE_USERS |
							    1u << VPN_TABLE_SESSIONS,
						  .learn = learn,
						  .learn_begin = begin,
						  .learn_end = end,
						  .stored = stored,
						  .arg = people});
	assert_int_equal(vpn_store_load(s), OK);
	assert_int_equal(vpn_store_start(s), OK);
	return s;
}

static void put(struct vpn_store *s, enum vpn_table table, const char *value, uint64_t number)
{
	assert_int_equal(vpn_store_put(s, &(struct vpn_store_write){.table = table,
								    .key = span_text("phone"),
								    .value = span_text(value),
								    .expect = STORE_EXPECT_ABSENT,
								    .number = number}),
			 OK);
}

static void rows_come_back_to_their_owners(void **state)
{
	(void)state;
	struct seen peers = {0}, people = {0};
	struct vpn_store *s = opened(&peers, &people);

	put(s, VPN_TABLE_PEERS, "a peer", 7);
	put(s, VPN_TABLE_SESSIONS, "torn", 8);
	put(s, VPN_TABLE_PEERS, "another", 9);
	vpn_store_flush(s);
	vpn_store_stop(s);
	assert_int_equal(peers.stored, 2);
	assert_int_equal(peers.number, 9);
	assert_int_equal(peers.result, ERR_EXISTS); /* the first stays */
	assert_int_equal(people.stored, 1);
	assert_int_equal(people.result, OK);
	vpn_store_free(s);

	peers = people = (struct seen){0};
	s = opened(&peers, &people);
	assert_int_equal(peers.rows, 1);
	assert_string_equal(peers.last, "a peer");
	/* What its owner cannot read ends nothing. */
	assert_int_equal(people.rows, 1);
	assert_int_equal(people.begins, 1);
	assert_int_equal(people.ends, 1);
	vpn_store_stop(s);
	vpn_store_free(s);
}

static int make(void **state)
{
	(void)state;
	return mkdtemp(folder) ? 0 : -1;
}

static int clear(void **state)
{
	(void)state;
	return dir_remove(folder) == OK ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_come_back_to_their_owners),
	};
	return cmocka_run_group_tests(tests, make, clear);
}
