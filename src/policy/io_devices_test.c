/* A table of devices as a file: shown, seen by a reader, grown, taken over by the next process. */
#include "policy/io_devices.h"

#include "os/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct stage {
	char folder[64], path[96];
};

static int begin(void **state)
{
	struct stage *s = calloc(1, sizeof(*s));
	(void)snprintf(s->folder, sizeof(s->folder), "/tmp/gatehouse-devices-XXXXXX");
	if (!mkdtemp(s->folder))
		return -1;
	(void)snprintf(s->path, sizeof(s->path), "%s/table", s->folder);
	*state = s;
	return 0;
}

static int end(void **state)
{
	struct stage *s = *state;
	int failed = dir_remove(s->folder) != OK;
	free(s);
	return failed;
}

static struct policy_device_key at(unsigned n)
{
	const struct ip_address a =
		ip_address_v4(10, (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n);
	return policy_device_at(&a);
}

static void put(struct devices_out *o, unsigned n, const char *name)
{
	struct policy_device d = {.until_s = POLICY_DEVICE_FOREVER};
	const struct policy_device_key key = at(n);
	memcpy(d.name, name, strlen(name));
	devices_out_put(o, &key, &d);
}

static bool is_there(const struct devices_in *in, unsigned n)
{
	const struct policy_device_key key = at(n);
	return policy_devices_find(&in->table, &key, 1, NULL);
}

static void a_reader_sees_what_is_written_after_it_mapped(void **state)
{
	struct stage *s = *state;
	struct devices_out *o = NULL;
	struct devices_in in;
	assert_int_equal(devices_out_new(s->folder, "table", &o), OK);
	put(o, 1, "one");
	assert_int_equal(devices_in_map(s->path, &in), (enum err)ENOENT); /* not shown yet */
	assert_int_equal(devices_out_show(o), OK);
	assert_int_equal(devices_in_map(s->path, &in), OK);
	assert_true(is_there(&in, 1));
	assert_false(is_there(&in, 2));
	put(o, 2, "two");
	assert_true(is_there(&in, 2));
	const struct policy_device_key one = at(1);
	devices_out_remove(o, &one);
	assert_false(is_there(&in, 1));
	devices_out_free(o);
	assert_true(is_there(&in, 2)); /* its writer may go */
	devices_in_unmap(&in);
}

static void it_grows_and_is_replaced(void **state)
{
	struct stage *s = *state;
	struct devices_out *o = NULL;
	struct devices_in before, after;
	struct devices_out_counts counts;
	enum { MANY = 20000 };
	assert_int_equal(devices_out_new(s->folder, "table", &o), OK);
	assert_int_equal(devices_out_show(o), OK);
	assert_int_equal(devices_in_map(s->path, &before), OK);
	for (unsigned i = 0; i < MANY; i++)
		put(o, i, "x");
	devices_out_count(o, &counts);
	assert_int_equal(counts.records, MANY);
	assert_int_equal(counts.left_out, 0);
	assert_int_equal(devices_in_map(s->path, &after), OK);
	assert_true(after.size > before.size);
	for (unsigned i = 0; i < MANY; i++)
		assert_true(is_there(&after, i));
	devices_in_unmap(&before);
	devices_in_unmap(&after);
	devices_out_free(o);
	/* The next process begins anew, and nobody sees that before it is shown. */
	assert_int_equal(devices_out_new(s->folder, "table", &o), OK);
	assert_int_equal(devices_in_map(s->path, &after), OK);
	assert_true(is_there(&after, 1));
	devices_in_unmap(&after);
	assert_int_equal(devices_out_show(o), OK);
	assert_int_equal(devices_in_map(s->path, &after), OK);
	assert_false(is_there(&after, 1));
	devices_in_unmap(&after);
	devices_out_free(o);
}

/* Many that come and go leave no holes that fill it up. */
static void comings_and_goings_do_not_fill_it(void **state)
{
	struct stage *s = *state;
	struct devices_out *o = NULL;
	struct devices_out_counts counts;
	struct file_state file;
	assert_int_equal(devices_out_new(s->folder, "table", &o), OK);
	assert_int_equal(devices_out_show(o), OK);
	for (unsigned i = 0; i < 100000; i++) {
		const struct policy_device_key gone = at(i - 10);
		put(o, i, "x");
		devices_out_remove(o, &gone);
	}
	devices_out_count(o, &counts);
	assert_int_equal(counts.records, 10);
	assert_int_equal(counts.left_out, 0);
	assert_int_equal(file_stat(s->path, &file), OK);
	assert_true(file.size <= policy_devices_size(2 * (size_t)DEVICES_OUT_SLOTS));
	devices_out_free(o);
}

/* Nor do those whose time is over, which nobody takes out. */
static void what_is_over_does_not_make_it_grow(void **state)
{
	struct stage *s = *state;
	struct devices_out *o = NULL;
	struct devices_out_counts counts;
	struct file_state file;
	assert_int_equal(devices_out_new(s->folder, "table", &o), OK);
	assert_int_equal(devices_out_show(o), OK);
	put(o, 1, "stays");
	for (unsigned i = 0; i < 100000; i++) {
		const struct policy_device d = {.until_s = 2};
		const struct policy_device_key key = at(100 + i);
		devices_out_put(o, &key, &d);
	}
	devices_out_count(o, &counts);
	assert_int_equal(counts.left_out, 0);
	assert_int_equal(file_stat(s->path, &file), OK);
	assert_true(file.size <= policy_devices_size(2 * (size_t)DEVICES_OUT_SLOTS));
	const struct policy_device_key one = at(1);
	struct policy_device d;
	assert_true(devices_out_find(o, &one, &d));
	devices_out_free(o);
}

/* As who fills another one anew while the first is looked at. */
static void one_grows_while_another_of_its_path_is_filled(void **state)
{
	struct stage *s = *state;
	struct devices_out *o = NULL, *next = NULL;
	struct devices_in in;
	assert_int_equal(devices_out_new(s->folder, "table", &o), OK);
	assert_int_equal(devices_out_show(o), OK);
	assert_int_equal(devices_out_new(s->folder, "table", &next), OK);
	for (unsigned i = 0; i < 20000; i++) {
		put(next, 100000 + i, "x");
		put(o, i, "x");
	}
	assert_int_equal(devices_out_show(next), OK);
	assert_int_equal(devices_in_map(s->path, &in), OK);
	assert_true(is_there(&in, 119999) && !is_there(&in, 1));
	put(next, 7, "x");
	assert_true(is_there(&in, 7));
	devices_in_unmap(&in);
	devices_out_free(o);
	devices_out_free(next);
}

static void nothing_is_left_of_what_was_not_shown(void **state)
{
	struct stage *s = *state;
	struct devices_out *o = NULL;
	struct devices_out_counts counts;
	char next[128];
	assert_int_equal(devices_out_new(s->folder, "table", &o), OK);
	devices_out_free(o);
	assert_int_equal(rmdir(s->folder), 0); /* it is empty */
	assert_int_equal(devices_out_new(s->folder, "table", &o), OK);
	assert_int_equal(devices_out_show(o), OK);
	/* No larger one can take its place. */
	assert_int_equal(unlink(s->path), 0);
	assert_int_equal(mkdir(s->path, 0700), 0);
	for (unsigned i = 0; i < DEVICES_OUT_SLOTS; i++)
		put(o, i, "x");
	devices_out_count(o, &counts);
	assert_true(counts.left_out > 0);
	(void)snprintf(next, sizeof(next), "%s.new", s->path);
	assert_int_not_equal(access(next, F_OK), 0);
	devices_out_free(o);
	assert_int_equal(rmdir(s->path), 0);
}

static void refuses_files_that_are_none(void **state)
{
	struct stage *s = *state;
	struct devices_in in;
	assert_int_equal(file_write_atomic(s->path, span_text(""), 0600), OK);
	assert_int_equal(devices_in_map(s->path, &in), ERR_FORMAT);
	assert_int_equal(file_write_atomic(s->path, span_text("no table"), 0600), OK);
	assert_int_equal(devices_in_map(s->path, &in), ERR_FORMAT);
	assert_int_equal(devices_in_map(s->folder, &in), ERR_FORMAT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_reader_sees_what_is_written_after_it_mapped,
						begin, end),
		cmocka_unit_test_setup_teardown(it_grows_and_is_replaced, begin, end),
		cmocka_unit_test_setup_teardown(comings_and_goings_do_not_fill_it, begin, end),
		cmocka_unit_test_setup_teardown(what_is_over_does_not_make_it_grow, begin, end),
		cmocka_unit_test_setup_teardown(one_grows_while_another_of_its_path_is_filled,
						begin, end),
		cmocka_unit_test_setup_teardown(nothing_is_left_of_what_was_not_shown, begin, end),
		cmocka_unit_test_setup_teardown(refuses_files_that_are_none, begin, end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
