#include "os/clock.h"

#include "os/fd.h"
#include "os/user.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "os/child_test.h"

static void clocks_agree_with_libc_and_each_other(void **state)
{
	(void)state;
	uint64_t wall_s = (uint64_t)time(NULL);
	uint64_t us = clock_monotonic_us(), ms = clock_monotonic_ms();
	assert_true(clock_wall_s() - wall_s <= 1);
	assert_true(clock_wall_ms() / 1000 - wall_s <= 1);
	assert_true(ms - us / 1000 <= 1000);
	assert_true(clock_monotonic_us() >= us);
}

static void processor_time_grows_with_work(void **state)
{
	(void)state;
	volatile uint64_t sum = 0;
	uint64_t before_us = clock_cpu_us();
	while (clock_cpu_us() - before_us < 2000)
		sum += 1;
	assert_true(sum > 0);
}

static void descriptor_flags_and_copies(void **state)
{
	(void)state;
	int fd = open("/dev/null", O_RDONLY), copy = -1, closed;
	assert_int_equal(fd_set_nonblocking(fd, true), OK);
	assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
	assert_int_equal(fd_set_nonblocking(fd, false), OK);
	assert_false(fcntl(fd, F_GETFL) & O_NONBLOCK);
	assert_int_equal(fd_duplicate(fd, &copy), OK);
	assert_true(copy != fd && fcntl(copy, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(fd_set_cloexec(copy, false), OK);
	assert_false(fcntl(copy, F_GETFD) & FD_CLOEXEC);
	closed = fd;
	fd_done(&fd);
	assert_int_equal(fd, -1);
	fd_done(&fd);
	assert_int_equal(fd_set_cloexec(closed, true), EBADF);
	int taken = fd_take(&copy);
	assert_int_equal(copy, -1);
	fd_done(&taken);
}

static int raise_limit(void)
{
	struct rlimit limit = {.rlim_cur = 64, .rlim_max = 128};
	unsigned long now = 0;
	CHILD_CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
	CHILD_CHECK(!fd_limit_raise(100, &now) && now == 100);
	CHILD_CHECK(!fd_limit_raise(50, &now) && now == 100);
	CHILD_CHECK(!fd_limit_raise(1000, &now) && now == 128);
	return 0;
}

static void descriptor_limit_rises_to_the_hard_one(void **state)
{
	(void)state;
	assert_child(raise_limit, "");
}

static void users_are_found_by_name_and_number(void **state)
{
	(void)state;
	struct user user = {7, 7};
	assert_int_equal(user_find("root", &user), OK);
	assert_true(user.uid == 0 && user.gid == 0);
	assert_int_equal(user_find("123", &user), OK);
	assert_true(user.uid == 123 && user.gid == 123);
	assert_int_equal(user_find("123:45", &user), OK);
	assert_true(user.uid == 123 && user.gid == 45);
	assert_int_equal(user_find("123:", &user), ERR_ABSENT);
	assert_int_equal(user_find("4294967295", &user), ERR_ABSENT); /* (uid_t)-1 */
	assert_int_equal(user_find("no-such-user-here", &user), ERR_ABSENT);
	assert_int_equal(user_find("", &user), ERR_ABSENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(clocks_agree_with_libc_and_each_other),
		cmocka_unit_test(processor_time_grows_with_work),
		cmocka_unit_test(descriptor_flags_and_copies),
		cmocka_unit_test(descriptor_limit_rises_to_the_hard_one),
		cmocka_unit_test(users_are_found_by_name_and_number),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
