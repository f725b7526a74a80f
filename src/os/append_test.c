#include "os/append.h"

#include "os/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static char path[64];

static int begin(void **state)
{
	(void)state;
	(void)snprintf(path, sizeof(path), "/tmp/gatehouse-append-%d", (int)getpid());
	return file_write_atomic(path, span_text("whole, torn"), 0600) ? -1 : 0;
}

static int end(void **state)
{
	(void)state;
	return unlink(path);
}

static void holds(const char *text)
{
	char *bytes = NULL;
	size_t len;
	assert_int_equal(file_read(path, 1000, &bytes, &len), OK);
	assert_string_equal(bytes, text);
	free(bytes);
}

static void cuts_the_torn_end_and_goes_on_there(void **state)
{
	(void)state;
	struct append_file f = APPEND_FILE_CLOSED;
	assert_int_equal(append_open(path, 5, &f), OK);
	holds("whole");
	assert_int_equal(append_write(&f, span_text(" and")), OK);
	assert_int_equal(append_write(&f, span_text(" more")), OK);
	assert_int_equal(f.len, 14);
	append_close(&f);
	holds("whole and more");
}

static void a_closed_file_takes_nothing(void **state)
{
	(void)state;
	struct append_file f = APPEND_FILE_CLOSED;
	assert_int_equal(append_write(&f, span_text("x")), EIO);
	append_close(&f);
}

static void says_that_there_is_no_file(void **state)
{
	(void)state;
	struct append_file f = APPEND_FILE_CLOSED;
	assert_int_equal(append_open("/tmp/gatehouse-no-such-file", 0, &f), ENOENT);
}

/* /dev/full takes no octet: what the disk does when it is full. */
static void a_disk_that_takes_no_more_is_an_error(void **state)
{
	(void)state;
	struct append_file f = APPEND_FILE_CLOSED;
	FILE *full = fopen("/dev/full", "w");
	assert_non_null(full);
	f.fd = dup(fileno(full));
	assert_int_equal(append_write(&f, span_text("x")), ENOSPC);
	assert_true(f.broken); /* a device cannot be cut */
	assert_int_equal(append_write(&f, span_text("x")), EIO);
	append_close(&f);
	assert_int_equal(fclose(full), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(cuts_the_torn_end_and_goes_on_there, begin, end),
		cmocka_unit_test(a_closed_file_takes_nothing),
		cmocka_unit_test(says_that_there_is_no_file),
		cmocka_unit_test(a_disk_that_takes_no_more_is_an_error),
	};
	return cmocka_run_group_tests_name("append", tests, NULL, NULL);
}
