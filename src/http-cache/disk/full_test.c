/* A disk that is really full: a small one of memory, which only this process sees.
 * This program runs with threads: those of the tier. */
#include "http-cache/disk/site_test.h"

#include "http-cache/disk/layout.h"
#include "os/netns.h"
#include "os/user.h"

#include <fcntl.h>
#include <sys/stat.h>

#define FRESH "Cache-Control: max-age=60\n"

static const char filler[] = "/tmp/filler";

/* Takes what is left. */
static void fill(void)
{
	static const char bytes[4096] = "x";
	int fd = open(filler, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	while (write(fd, bytes, sizeof(bytes)) > 0)
		;
	assert_int_equal(errno, ENOSPC);
	assert_int_equal(close(fd), 0);
}

/* As on a file system that cannot take all of a file at the start: the first is there. */
static void give_back_all_but(uint64_t first)
{
	int fd = open(site_path, O_WRONLY | O_CLOEXEC);
	assert_int_equal(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)first,
				   (off_t)(SITE_SIZE - first)),
			 0);
	assert_int_equal(close(fd), 0);
}

/* Each test has its own, over that of the one before. */
static void mount_small(size_t size)
{
	if (!user_is_root() || mount_private() || mount_tmpfs("/tmp", size, 01777))
		skip();
}

static void is_full_from_the_start_and_takes_nothing(void **state)
{
	struct cache_disk *none = NULL;
	enum cache_disk_found found;
	struct stat st;
	const struct cache_disk_options o = site_options(SITE_SIZE);
	(void)state;
	mount_small(8 << 20);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(cache_disk_open(&o, &found, &none), ENOSPC);
		assert_null(none);
		/* Others need what little there is. */
		assert_int_equal(stat(site_path, &st), 0);
		assert_true(st.st_size == 0 && st.st_blocks == 0);
	}
}

static void becomes_full_and_is_used_again_when_there_is_room(void **state)
{
	(void)state;
	mount_small(16 << 20);
	struct site s = site_open(SITE_SIZE);
	assert_int_equal(s.found, CACHE_DISK_NEW);
	site_put(&s, "http://f/before", "", FRESH, 1000);
	site_settle(&s);
	site_close(&s);
	/* The first segment, where something lies. */
	give_back_all_but(DISK_SEGMENTS_AT + DISK_SEGMENT_MIN);
	fill();
	s = site_open(SITE_SIZE);
	assert_int_equal(s.found, CACHE_DISK_KEPT);
	site_put(&s, "http://f/fails", "", FRESH, 200000);
	while (!site_sums(&s).write_errors)
		(void)sched_yield();
	assert_int_equal(site_sums(&s).last, ENOSPC);
	assert_true(site_has(&s, "http://f/before") && site_has(&s, "http://f/fails"));
	site_close(&s);
	/* What failed is not there, and the room is good. */
	assert_int_equal(unlink(filler), 0);
	s = site_open(SITE_SIZE);
	assert_int_equal(s.found, CACHE_DISK_KEPT);
	assert_true(site_has(&s, "http://f/before"));
	assert_false(site_has(&s, "http://f/fails"));
	site_put(&s, "http://f/fits", "", FRESH, 200000);
	site_settle(&s);
	assert_int_equal(site_sums(&s).write_errors, 0);
	site_close(&s);
	s = site_open(SITE_SIZE);
	assert_true(site_has(&s, "http://f/before") && site_has(&s, "http://f/fits"));
	site_close(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_full_from_the_start_and_takes_nothing),
		cmocka_unit_test(becomes_full_and_is_used_again_when_there_is_room),
	};
	return cmocka_run_group_tests_name("http-cache/disk/full", tests, site_begin, NULL);
}
