#include "os/file.h"

#include "os/fd.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char directory[] = "/tmp/file_test.XXXXXX";
static char path[64];

static int make_directory(void **state)
{
	(void)state;
	if (!mkdtemp(directory))
		return -1;
	(void)snprintf(path, sizeof(path), "%s/file", directory);
	return 0;
}

static int remove_directory(void **state)
{
	(void)state;
	return dir_remove(directory) != OK;
}

static void content_is(const char *wanted)
{
	char *text = NULL;
	size_t len = 0;
	assert_int_equal(file_read(path, 1 << 20, &text, &len), OK);
	assert_int_equal(len, strlen(wanted));
	assert_string_equal(text, wanted);
	free(text);
}

static void refuses_files_over_the_limit(void **state)
{
	(void)state;
	char *text = NULL;
	size_t len = 0;
	assert_int_equal(file_write_atomic(path, span_text("12345"), 0644), OK);
	assert_int_equal(file_read(path, 4, &text, &len), ERR_LIMIT);
	assert_int_equal(file_read("/proc/self/maps", 10, &text, &len), ERR_LIMIT);
	assert_int_equal(file_read(path, 5, &text, &len), OK);
	free(text);
	assert_int_equal(file_read("/no/such/file", 4, &text, &len), ENOENT);
	assert_int_equal(file_read(directory, 4, &text, &len), EISDIR);
}

static void reads_files_that_do_not_know_their_length(void **state)
{
	(void)state;
	char *text = NULL;
	size_t len = 0;
	assert_int_equal(file_read("/proc/self/smaps", 1 << 24, &text, &len), OK);
	assert_true(len > 4096); /* longer than the first guess */
	assert_int_equal(strlen(text), len);
	free(text);
}

static void replaces_whole_and_leaves_nothing_beside(void **state)
{
	(void)state;
	struct stat st;
	mode_t before = umask(027);
	assert_int_equal(file_write_atomic(path, span_text("old"), 0666), OK);
	content_is("old");
	int reader = open(path, O_RDONLY);
	assert_int_equal(file_write_atomic(path, span_text("newer"), 0666), OK);
	(void)umask(before);
	content_is("newer");
	char text[8] = {0};
	assert_int_equal(read(reader, text, sizeof(text)),
			 3); /* who reads the old one still does */
	fd_done(&reader);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0640);
	assert_int_equal(file_write_atomic(path, span_text(""), 0666), OK);
	content_is("");
	assert_int_equal(file_write_atomic("/no/such/dir/x", span_text("x"), 0666), ENOENT);
	assert_int_equal(file_write_atomic(directory, span_text("x"), 0666), EISDIR);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(directory), 0); /* empty: no leftovers */
	assert_int_equal(mkdir(directory, 0700), 0);
}

static void maps_what_is_in_the_file(void **state)
{
	(void)state;
	struct file_map map;
	assert_int_equal(file_write_atomic(path, span_text("mapped"), 0644), OK);
	assert_int_equal(file_map(path, &map), OK);
	assert_true(span_is(map.bytes, "mapped"));
	file_unmap(&map);
	assert_int_equal(file_write_atomic(path, span_text(""), 0644), OK);
	assert_int_equal(file_map(path, &map), OK);
	assert_int_equal(map.bytes.len, 0);
	file_unmap(&map);
	file_unmap(&map);
	assert_int_equal(file_map(directory, &map), EISDIR);
	assert_int_equal(file_map("/dev/null", &map), ERR_UNSUPPORTED);
}

static void state_changes_when_the_file_is_replaced(void **state)
{
	(void)state;
	struct file_state a, b;
	assert_int_equal(file_write_atomic(path, span_text("a"), 0644), OK);
	assert_int_equal(file_stat(path, &a), OK);
	assert_int_equal(file_write_atomic(path, span_text("b"), 0644), OK);
	assert_int_equal(file_stat(path, &b), OK);
	assert_true(a.mtime_ns != b.mtime_ns || a.inode != b.inode);
	assert_int_equal(a.size, 1);
	assert_false(a.is_dir);
	assert_int_equal(file_stat(directory, &a), OK);
	assert_true(a.is_dir);
	assert_int_equal(file_stat("/no/such", &a), ENOENT);
}

static void makes_and_removes_trees_without_following_links(void **state)
{
	(void)state;
	char deep[128], link_path[128], kept[128];
	(void)snprintf(deep, sizeof(deep), "%s/a/b/c", directory);
	(void)snprintf(link_path, sizeof(link_path), "%s/a/b/link", directory);
	(void)snprintf(kept, sizeof(kept), "%s/kept", directory);
	assert_int_equal(dir_ensure(deep, 0700), OK);
	assert_int_equal(dir_ensure(deep, 0700), OK);
	assert_int_equal(dir_ensure(kept, 0700), OK);
	(void)snprintf(path, sizeof(path), "%s/kept/file", directory);
	assert_int_equal(file_write_atomic(path, span_text("x"), 0644), OK);
	assert_int_equal(symlink(kept, link_path), 0);
	assert_int_equal(dir_ensure(path, 0700), ENOTDIR);
	(void)snprintf(deep, sizeof(deep), "%s/a", directory);
	assert_int_equal(dir_remove(deep), OK);
	assert_int_equal(access(deep, F_OK), -1);
	content_is("x");
	assert_int_equal(dir_remove(deep), OK); /* not there */
	(void)snprintf(path, sizeof(path), "%s/file", directory);
}

struct names {
	char text[64];
	size_t stop_after;
};

static enum err add_name(void *arg, const char *name)
{
	struct names *n = arg;
	size_t used = strlen(n->text);
	(void)snprintf(n->text + used, sizeof(n->text) - used, "%s ", name);
	return --n->stop_after ? OK : ERR_REFUSED;
}

static void every_file_has_a_folder(void **state)
{
	(void)state;
	static const char *const cases[][2] = {
		{"/a/b/c", "/a/b"}, {"/a", "/"}, {"a/b", "a"}, {"a", "."}};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *folder = file_folder(cases[i][0]);
		assert_string_equal(folder, cases[i][1]);
		free(folder);
	}
}

static void lists_in_order_until_told_to_stop(void **state)
{
	(void)state;
	static const char *const files[] = {"b", "B", "a", "c"};
	char listed[64], file[128];
	struct names all = {.stop_after = 10}, two = {.stop_after = 2};
	(void)snprintf(listed, sizeof(listed), "%s/list", directory);
	assert_int_equal(dir_ensure(listed, 0700), OK);
	for (size_t i = 0; i < 4; i++) {
		(void)snprintf(file, sizeof(file), "%s/%s", listed, files[i]);
		assert_int_equal(file_write_atomic(file, span_text(""), 0644), OK);
	}
	assert_int_equal(dir_list(listed, add_name, &all), OK);
	assert_string_equal(all.text, "B a b c ");
	assert_int_equal(dir_list(listed, add_name, &two), ERR_REFUSED);
	assert_string_equal(two.text, "B a ");
	assert_int_equal(dir_list("/no/such", add_name, &two), ENOENT);
}

static void writes_text_only_into_what_is_there(void **state)
{
	(void)state;
	(void)unlink(path);
	assert_int_equal(file_write_text(path, "1"), ENOENT);
	assert_int_equal(file_write_atomic(path, span_text("0"), 0644), OK);
	assert_int_equal(file_write_text(path, "1"), OK);
	content_is("1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_files_over_the_limit),
		cmocka_unit_test(reads_files_that_do_not_know_their_length),
		cmocka_unit_test(replaces_whole_and_leaves_nothing_beside),
		cmocka_unit_test(maps_what_is_in_the_file),
		cmocka_unit_test(state_changes_when_the_file_is_replaced),
		cmocka_unit_test(makes_and_removes_trees_without_following_links),
		cmocka_unit_test(every_file_has_a_folder),
		cmocka_unit_test(lists_in_order_until_told_to_stop),
		cmocka_unit_test(writes_text_only_into_what_is_there),
	};
	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
