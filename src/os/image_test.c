#include "os/image.h"

#include "os/fd.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { SIZE = 1024 * 1024 };

static char path[64];

static int begin(void **state)
{
	(void)state;
	(void)snprintf(path, sizeof(path), "/tmp/gatehouse-image-%d", (int)getpid());
	return 0;
}

static int end(void **state)
{
	(void)state;
	return unlink(path);
}

static void is_for_one_at_a_time_and_of_its_size(void **state)
{
	int fd = -1, other = -1;
	bool new = false;
	struct stat st;
	(void)state;
	assert_int_equal(image_open("/nowhere/x", SIZE, &fd, &new), ENOENT);
	assert_int_equal(image_open("/dev/null", SIZE, &fd, &new), EINVAL);
	assert_int_equal(image_open(path, SIZE, &fd, &new), OK);
	assert_true(new);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, SIZE);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(image_open(path, SIZE, &other, &new), ERR_EXISTS);
	fd_done(&fd);
	assert_int_equal(image_open(path, SIZE, &fd, &new), OK);
	assert_false(new);
	fd_done(&fd);
	assert_int_equal(image_open(path, SIZE / 2, &fd, &new), OK);
	assert_true(new);
	fd_done(&fd);
}

static void keeps_what_is_written_and_ends_at_its_end(void **state)
{
	char room[8] = "";
	int fd = -1;
	bool new;
	(void)state;
	assert_int_equal(image_open(path, SIZE, &fd, &new), OK);
	assert_int_equal(image_write(fd, SIZE - 4, "last", 4), OK);
	assert_int_equal(image_sync(fd), OK);
	assert_int_equal(image_read(fd, SIZE - 4, room, 4), OK);
	assert_string_equal(room, "last");
	assert_int_equal(image_read(fd, SIZE - 4, room, 5), EIO);
	assert_int_equal(image_empty(fd, SIZE), OK);
	assert_int_equal(image_read(fd, SIZE - 4, room, 4), OK);
	assert_memory_equal(room, "\0\0\0\0", 4);
	fd_done(&fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_for_one_at_a_time_and_of_its_size),
		cmocka_unit_test(keeps_what_is_written_and_ends_at_its_end),
	};
	return cmocka_run_group_tests_name("os/image", tests, begin, end);
}
