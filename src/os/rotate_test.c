#include "os/rotate.h"

#include "os/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[64], path[96];

static int begin(void **state)
{
	(void)state;
	(void)snprintf(folder, sizeof(folder), "/tmp/gatehouse-rotate-%d", (int)getpid());
	(void)snprintf(path, sizeof(path), "%s/log", folder);
	return dir_ensure(folder, 0700) ? -1 : 0;
}

static int end(void **state)
{
	(void)state;
	return dir_remove(folder) ? -1 : 0;
}

/* NULL: it is not there. */
static void holds(unsigned n, const char *text)
{
	char name[128], *bytes = NULL;
	size_t len;
	(void)snprintf(name, sizeof(name), n ? "%s.%u" : "%s", path, n);
	enum err e = file_read(name, 1000, &bytes, &len);
	if (text) {
		assert_int_equal(e, OK);
		assert_string_equal(bytes, text);
	} else {
		assert_int_equal(e, ENOENT);
	}
	free(bytes);
}

static void write_to(struct rotate_file *f, const char *text)
{
	assert_int_equal(rotate_write(f, span_text(text)), OK);
}

static void a_full_disk_is_told_and_tried_again(void **state)
{
	(void)state;
	struct rotate_file f = ROTATE_FILE_CLOSED;
	assert_int_equal(rotate_open("/dev/full", 1000, 2, &f), OK);
	assert_int_equal(rotate_write(&f, span_text("x\n")), ENOSPC);
	assert_int_equal(rotate_write(&f, span_text("x\n")), ENOSPC);
	rotate_close(&f);
	rotate_close(&f);
	assert_int_equal(rotate_open("/tmp/no-such-folder/log", 10, 2, &f), ENOENT);
}

static void never_follows_a_link(void **state)
{
	(void)state;
	struct rotate_file f = ROTATE_FILE_CLOSED;
	assert_int_equal(symlink("/dev/null", path), 0);
	assert_int_equal(rotate_open(path, 10, 2, &f), ELOOP);
}

static void old_lines_move_on_and_the_oldest_go(void **state)
{
	(void)state;
	struct rotate_file f = ROTATE_FILE_CLOSED;
	struct stat st;
	assert_int_equal(rotate_open(path, 10, 3, &f), OK);
	write_to(&f, "one\n");
	write_to(&f, "two\n");
	holds(0, "one\ntwo\n");
	write_to(&f, "three\n");
	holds(0, "three\n");
	holds(1, "one\ntwo\n");
	write_to(&f, "longer than it may be\n"); /* alone, it is written all the same */
	write_to(&f, "four\n");
	holds(0, "four\n");
	holds(1, "longer than it may be\n");
	holds(2, "three\n");
	holds(3, NULL);
	rotate_close(&f);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07, 0);
}

static void goes_on_where_the_process_before_ended(void **state)
{
	(void)state;
	struct rotate_file f = ROTATE_FILE_CLOSED;
	assert_int_equal(rotate_open(path, 10, 1, &f), OK);
	write_to(&f, "one\n");
	rotate_close(&f);
	assert_int_equal(rotate_open(path, 10, 1, &f), OK);
	write_to(&f, "two\n");
	holds(0, "one\ntwo\n");
	write_to(&f, "three\n");
	holds(0, "three\n");
	holds(1, NULL);
	rotate_close(&f);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_full_disk_is_told_and_tried_again),
		TEST(never_follows_a_link),
		TEST(old_lines_move_on_and_the_oldest_go),
		TEST(goes_on_where_the_process_before_ended),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
