#include "os/below.h"

#include "os/fd.h"
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

struct place {
	char path[64];
	int root;
};

static void make(const struct place *p, const char *name, const char *text)
{
	char path[128];
	(void)snprintf(path, sizeof(path), "%s/%s", p->path, name);
	assert_int_equal(file_write_atomic(path, span_text(text), 0644), OK);
}

static void make_link(const struct place *p, const char *to, const char *name)
{
	char path[128];
	(void)snprintf(path, sizeof(path), "%s/%s", p->path, name);
	assert_int_equal(symlink(to, path), 0);
}

static int setup(void **state)
{
	struct place *p = calloc(1, sizeof(*p));
	(void)snprintf(p->path, sizeof(p->path), "/tmp/below_test_%d", (int)getpid());
	char path[128];
	(void)snprintf(path, sizeof(path), "%s/site/sub", p->path);
	assert_int_equal(dir_remove(p->path), OK);
	assert_int_equal(dir_ensure(path, 0755), OK);
	make(p, "secret", "secret");
	make(p, "site/a.txt", "hello");
	make(p, "site/sub/b.txt", "below");
	make_link(p, "../secret", "site/out");
	make_link(p, "/etc/passwd", "site/absolute");
	make_link(p, "a.txt", "site/in");
	make_link(p, "..", "site/up");
	(void)snprintf(path, sizeof(path), "%s/site/pipe", p->path);
	assert_int_equal(mkfifo(path, 0644), 0);
	(void)snprintf(path, sizeof(path), "%s/site", p->path);
	assert_int_equal(below_root(path, &p->root), OK);
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	struct place *p = *state;
	fd_done(&p->root);
	assert_int_equal(dir_remove(p->path), OK);
	free(p);
	return 0;
}

static enum err opened(const struct place *p, const char *name, bool links)
{
	struct below_file f;
	AUTO_DONE(fd_done) int fd = -1;
	return below_open(p->root, name, links, &fd, &f);
}

static void refuses_every_way_out(void **state)
{
	const struct place *p = *state;
	static const char *const out[] = {
		"../secret", "sub/../../secret", "/etc/passwd", "up/secret",
		"out",	     "absolute",	 ".."};
	for (size_t i = 0; i < sizeof(out) / sizeof(out[0]); i++) {
		assert_int_not_equal(opened(p, out[i], false), OK);
		assert_int_equal(opened(p, out[i], true), EXDEV);
	}
}

static void follows_links_inside_when_told_to(void **state)
{
	const struct place *p = *state;
	assert_int_equal(opened(p, "in", false), ELOOP);
	assert_int_equal(opened(p, "in", true), OK);
	assert_int_equal(opened(p, "none", true), ENOENT);
}

static void reads_what_lies_below(void **state)
{
	const struct place *p = *state;
	struct below_file f;
	char buf[16] = "";
	size_t n;
	AUTO_DONE(fd_done) int fd = -1;
	assert_int_equal(below_open(p->root, "sub/b.txt", false, &fd, &f), OK);
	assert_true(f.is_plain && !f.is_dir && f.size == 5 && f.mtime_ns > 0);
	assert_int_equal(below_read(fd, 2, buf, sizeof(buf), &n), OK);
	assert_int_equal(n, 3);
	assert_memory_equal(buf, "low", 3);
}

static void a_pipe_is_no_plain_file_and_nobody_waits(void **state)
{
	const struct place *p = *state;
	struct below_file f;
	AUTO_DONE(fd_done) int fd = -1;
	assert_int_equal(below_open(p->root, "pipe", false, &fd, &f), OK);
	assert_false(f.is_plain || f.is_dir);
}

static enum err count(void *arg, const char *name, bool is_dir)
{
	unsigned *n = arg;
	*n += is_dir ? 100 : 1;
	assert_string_not_equal(name, "..");
	return OK;
}

static void lists_a_folder(void **state)
{
	const struct place *p = *state;
	struct below_file f;
	unsigned n = 0;
	AUTO_DONE(fd_done) int fd = -1;
	assert_int_equal(below_open(p->root, "", false, &fd, &f), OK);
	assert_true(f.is_dir);
	assert_int_equal(below_list(fd, count, &n), OK);
	assert_int_equal(n, 106);
	n = 0;
	assert_int_equal(below_list(fd, count, &n), OK);
	assert_int_equal(n, 106);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_every_way_out),
		cmocka_unit_test(follows_links_inside_when_told_to),
		cmocka_unit_test(reads_what_lies_below),
		cmocka_unit_test(a_pipe_is_no_plain_file_and_nobody_waits),
		cmocka_unit_test(lists_a_folder),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
