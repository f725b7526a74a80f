#include "os/state_dir.h"

#include "os/file.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct bench {
	char folder[64], path[96], inner[128], outside[96];
};

static int bench_new(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));
	(void)snprintf(b->folder, sizeof(b->folder), "/tmp/gatehouse-state-XXXXXX");
	if (!b || !mkdtemp(b->folder))
		return -1;
	(void)snprintf(b->path, sizeof(b->path), "%s/lib/dhcp", b->folder);
	(void)snprintf(b->inner, sizeof(b->inner), "%s/leases", b->path);
	(void)snprintf(b->outside, sizeof(b->outside), "%s/outside", b->folder);
	*state = b;
	return 0;
}

static int bench_free(void **state)
{
	struct bench *b = *state;
	enum err e = dir_remove(b->folder);
	free(b);
	return e ? -1 : 0;
}

static unsigned mode_of(const char *path)
{
	struct stat st;
	assert_int_equal(stat(path, &st), 0);
	return st.st_mode & 07777;
}

static unsigned owner_of(const char *path)
{
	struct stat st;
	assert_int_equal(lstat(path, &st), 0);
	return st.st_uid;
}

static void touch(const char *path)
{
	assert_int_equal(file_write_atomic(path, span_text("x"), 0600), OK);
}

static void refuses_what_is_no_directory(void **state)
{
	struct bench *b = *state;
	char lib[96];
	(void)snprintf(lib, sizeof(lib), "%s/lib", b->folder);
	assert_int_equal(dir_ensure(lib, 0755), OK);
	touch(b->path);
	assert_int_equal(state_dir_make(b->path, NULL), ENOTDIR);
	assert_int_equal(unlink(b->path), 0);
	assert_int_equal(symlink("/tmp", b->path), 0);
	assert_int_not_equal(state_dir_make(b->path, NULL), OK);
}

static void makes_a_directory_for_its_owner_alone(void **state)
{
	struct bench *b = *state;
	assert_int_equal(state_dir_make(b->path, NULL), OK);
	assert_int_equal(mode_of(b->path), 0700);
	assert_int_equal(owner_of(b->path), geteuid());
	assert_int_equal(chmod(b->path, 0755), 0);
	assert_int_equal(state_dir_make(b->path, NULL), OK);
	assert_int_equal(mode_of(b->path), 0700);
}

static void shows_its_files_to_who_knows_their_names(void **state)
{
	struct bench *b = *state;
	assert_int_equal(state_dir_make(b->path, NULL), OK);
	assert_int_equal(state_dir_show(b->path), OK);
	assert_int_equal(mode_of(b->path), 0711);
	assert_int_equal(state_dir_show(b->inner), ENOENT);
}

static void hands_over_what_the_last_owner_kept(void **state)
{
	struct bench *b = *state;
	const struct state_owner first = {1234, 1235}, second = {1236, 1237};
	char link_path[128], name_path[128];
	if (geteuid() != 0) {
		print_message("skipped: only root gives things away\n");
		skip();
	}
	assert_int_equal(state_dir_make(b->path, &first), OK);
	touch(b->inner);
	touch(b->outside);
	(void)snprintf(link_path, sizeof(link_path), "%s/hard", b->path);
	(void)snprintf(name_path, sizeof(name_path), "%s/soft", b->path);
	assert_int_equal(link(b->outside, link_path), 0);
	assert_int_equal(symlink(b->outside, name_path), 0);
	assert_int_equal(state_dir_make(b->path, &second), OK);
	assert_int_equal(owner_of(b->path), second.uid);
	assert_int_equal(owner_of(b->inner), second.uid);
	/* What a former owner may have laid there to be given a file of others. */
	assert_int_equal(owner_of(b->outside), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, bench_new, bench_free)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(refuses_what_is_no_directory),
		TEST(makes_a_directory_for_its_owner_alone),
		TEST(shows_its_files_to_who_knows_their_names),
		TEST(hands_over_what_the_last_owner_kept),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
