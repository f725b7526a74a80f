/* The two ends of the access log. Runs with threads. */
#include "proxy/access-log/io_access.h"

#include "os/thread.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define LINES 20000u

struct stage {
	char folder[64], path[128];
	struct loop main, worker;
	struct access_out out;
	struct access_log log;
};

static void begin(struct stage *s)
{
	(void)snprintf(s->folder, sizeof(s->folder), "/tmp/gatehouse-access-XXXXXX");
	assert_non_null(mkdtemp(s->folder));
	(void)snprintf(s->path, sizeof(s->path), "%s/access.log", s->folder);
	assert_int_equal(loop_init(&s->main), OK);
	assert_int_equal(loop_init(&s->worker), OK);
	assert_int_equal(access_out_init(&s->out, &s->worker, &s->main), OK);
	access_log_init(&s->log, &s->out, 1, s->folder);
}

static void end(struct stage *s)
{
	char moved[160];
	access_log_done(&s->log);
	access_out_done(&s->out);
	loop_done(&s->main);
	loop_done(&s->worker);
	(void)snprintf(moved, sizeof(moved), "%s.moved", s->path);
	(void)unlink(moved);
	(void)unlink(s->path);
	assert_int_equal(rmdir(s->folder), 0);
}

static bool put(struct stage *s, const char *text)
{
	struct writer w;
	if (!access_out_begin(&s->out, 64, &w))
		return false;
	write_text(&w, text);
	access_out_end(&s->out, &w);
	return true;
}

static size_t lines_of(const char *path)
{
	size_t n = 0;
	FILE *f = fopen(path, "r");
	assert_non_null(f);
	for (int c; (c = fgetc(f)) != EOF;)
		n += c == '\n';
	assert_int_equal(fclose(f), 0);
	return n;
}

static void a_file_that_was_moved_is_let_go(void **state)
{
	struct stage s;
	char moved[160];
	(void)state;
	begin(&s);
	(void)snprintf(moved, sizeof(moved), "%s.moved", s.path);
	access_log_open(&s.log, true, 1 << 20, 2);
	assert_true(put(&s, "one\n"));
	access_out_flush(&s.out);
	access_log_turn(&s.log);
	assert_int_equal(rename(s.path, moved), 0);
	access_log_open(&s.log, true, 1 << 20, 2);
	assert_true(put(&s, "two\n") && put(&s, "three\n"));
	access_out_flush(&s.out);
	access_log_turn(&s.log);
	assert_int_equal(lines_of(moved), 1);
	assert_int_equal(lines_of(s.path), 2);
	assert_int_equal(s.log.lines, 3);
	end(&s);
}

static void a_line_reaches_the_file_without_another_one(void **state)
{
	struct stage s;
	(void)state;
	begin(&s);
	access_log_open(&s.log, true, 1 << 20, 2);
	assert_int_equal(loop_turn(&s.worker, 0), OK);
	assert_true(put(&s, "one\n"));
	for (int i = 0; i < 100 && s.log.lines == 0; i++) {
		assert_int_equal(loop_turn(&s.worker, 50), OK);
		access_log_turn(&s.log);
	}
	assert_int_equal(lines_of(s.path), 1);
	end(&s);
}

static void a_worker_does_not_wait_for_a_disk_that_does_not_write(void **state)
{
	struct stage s;
	uint64_t n = 0;
	(void)state;
	begin(&s);
	access_log_open(&s.log, true, 64 << 20, 2);
	while (put(&s, "a line of some length, as they are in an access log\n"))
		n++;
	assert_true(n > ACCESS_PIECES * 1000);
	assert_false(put(&s, "lost\n"));
	assert_int_equal(access_log_lost(&s.log), 2);
	access_log_turn(&s.log);
	assert_true(put(&s, "there is room again\n"));
	access_out_flush(&s.out);
	access_log_turn(&s.log);
	assert_int_equal(lines_of(s.path), n + 1);
	end(&s);
}

static void write_many(void *arg)
{
	struct stage *s = arg;
	for (unsigned i = 0; i < LINES; i++)
		(void)put(s, "0123456789012345678901234567890123456789\n");
	access_out_flush(&s->out);
}

static void what_a_thread_writes_is_in_the_file_or_counted_as_lost(void **state)
{
	struct stage s;
	struct thread thread;
	(void)state;
	begin(&s);
	access_log_open(&s.log, true, 64 << 20, 2);
	assert_int_equal(thread_start(&thread, "writer", -1, write_many, &s), OK);
	for (int i = 0; i < 50; i++)
		access_log_turn(&s.log);
	thread_join(&thread);
	access_log_turn(&s.log);
	assert_int_equal(s.log.lines + access_log_lost(&s.log), LINES);
	assert_int_equal(lines_of(s.path), s.log.lines);
	end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_that_was_moved_is_let_go),
		cmocka_unit_test(a_line_reaches_the_file_without_another_one),
		cmocka_unit_test(a_worker_does_not_wait_for_a_disk_that_does_not_write),
		cmocka_unit_test(what_a_thread_writes_is_in_the_file_or_counted_as_lost),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
