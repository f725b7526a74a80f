#include "os/shared_file.h"

#include "os/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static void what_is_written_is_seen_until_it_is_unmapped(void **state)
{
	(void)state;
	char folder[] = "/tmp/gatehouse-shared-XXXXXX", one[64], two[64];
	struct shared_file writer, reader, none = {0};
	assert_non_null(mkdtemp(folder));
	(void)snprintf(one, sizeof(one), "%s/one", folder);
	(void)snprintf(two, sizeof(two), "%s/two", folder);
	assert_int_equal(shared_file_see(one, 4096, &reader), (enum err)ENOENT);
	assert_int_equal(shared_file_make(one, 4096, &writer), OK);
	assert_int_equal(((const uint8_t *)writer.base)[4095], 0);
	assert_int_equal(shared_file_see(one, 4095, &reader), ERR_LIMIT);
	assert_int_equal(shared_file_see(one, 4096, &reader), OK);
	memcpy((uint8_t *)writer.base + 100, "here", 4);
	assert_memory_equal((const uint8_t *)reader.base + 100, "here", 4);
	/* Another one in its place does not change what is mapped. */
	assert_int_equal(shared_file_place(one, two), OK);
	assert_int_equal(shared_file_make(one, 8192, &none), OK);
	assert_int_equal(shared_file_place(one, two), OK);
	assert_memory_equal((const uint8_t *)reader.base + 100, "here", 4);
	shared_file_unmap(&none);
	shared_file_unmap(&none);
	shared_file_unmap(&writer);
	shared_file_unmap(&reader);
	assert_int_equal(shared_file_see(two, 8192, &reader), OK);
	assert_int_equal(reader.size, 8192);
	shared_file_unmap(&reader);
	assert_int_equal(shared_file_see(folder, 1 << 20, &reader), ERR_FORMAT);
	assert_int_equal(dir_remove(folder), OK);
}

static void what_one_wrote_the_next_one_finds(void **state)
{
	(void)state;
	char folder[] = "/tmp/gatehouse-shared-XXXXXX", one[64], two[64];
	struct shared_file f, before;
	struct stat st;
	int fd;
	assert_non_null(mkdtemp(folder));
	(void)snprintf(one, sizeof(one), "%s/one", folder);
	(void)snprintf(two, sizeof(two), "%s/two", folder);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(shared_file_open(one, 8192, &fd), OK);
		assert_int_equal(fstat(fd, &st), 0);
		assert_true(st.st_size == 8192 && st.st_blocks * 512 >= 8192);
		assert_int_equal(st.st_mode & 0777, 0600);
		assert_int_equal(shared_file_map(fd, 4096, &f), ERR_FORMAT);
		assert_int_equal(shared_file_map(fd, 8192, &f), OK);
		assert_int_equal(close(fd), 0);
		assert_int_equal(((uint8_t *)f.base)[8191], i);
		((uint8_t *)f.base)[8191]++;
		shared_file_unmap(&f);
	}
	/* Another size is another file, and whoever has mapped the one before goes on with that. */
	assert_int_equal(shared_file_open(one, 8192, &fd), OK);
	assert_int_equal(shared_file_map(fd, 8192, &before), OK);
	assert_int_equal(close(fd), 0);
	assert_int_equal(shared_file_open(one, 12288, &fd), OK);
	assert_int_equal(shared_file_map(fd, 12288, &f), OK);
	assert_int_equal(((const uint8_t *)f.base)[8191], 0);
	assert_int_equal(((const uint8_t *)before.base)[8191], 3);
	shared_file_unmap(&before);
	shared_file_unmap(&f);
	assert_int_equal(close(fd), 0);
	/* Where a link leads nobody follows. */
	assert_int_equal(symlink(one, two), 0);
	assert_int_equal(shared_file_open(two, 4096, &fd), (enum err)ELOOP);
	assert_int_equal(unlink(two), 0);
	assert_int_equal(mkfifo(two, 0600), 0);
	assert_int_equal(shared_file_open(two, 4096, &fd), ERR_FORMAT);
	assert_int_equal(dir_remove(folder), OK);
}

static void what_is_no_file_holds_up_nobody_and_what_failed_leaves_nothing(void **state)
{
	(void)state;
	char folder[] = "/tmp/gatehouse-shared-XXXXXX", one[64];
	struct shared_file f;
	assert_non_null(mkdtemp(folder));
	(void)snprintf(one, sizeof(one), "%s/one", folder);
	assert_int_equal(mkfifo(one, 0600), 0);
	assert_int_equal(shared_file_see(one, 4096, &f), ERR_FORMAT);
	assert_int_not_equal(shared_file_make(one, (size_t)1 << 60, &f), OK);
	assert_int_equal(rmdir(folder), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_seen_until_it_is_unmapped),
		cmocka_unit_test(what_one_wrote_the_next_one_finds),
		cmocka_unit_test(what_is_no_file_holds_up_nobody_and_what_failed_leaves_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
