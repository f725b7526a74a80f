/* Forwarders as they are told over a real socket: taken, taken back, and forgotten in time. */
#include "base/writer.h"
#include "os/fd.h"
#include "os/tcp.h"
#include "os/unix.h"
#include "service/resolver/io_forwarders.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

struct bench {
	struct loop loop;
	struct resolver_forwarders f;
	char path[64];
	unsigned changes;
};

static void changed(void *arg)
{
	struct bench *b = arg;
	b->changes++;
}

static int bench_open(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));
	int fd;
	(void)snprintf(b->path, sizeof(b->path), "@gatehouse-forwarders-test-%d", (int)getpid());
	assert_int_equal(loop_init(&b->loop), OK);
	assert_int_equal(unix_listen(b->path, 0600, &fd), OK);
	assert_int_equal(resolver_forwarders_open(&b->f, &b->loop, fd, 53, changed, b), OK);
	*state = b;
	return 0;
}

static int bench_close(void **state)
{
	struct bench *b = *state;
	resolver_forwarders_done(&b->f);
	loop_done(&b->loop);
	free(b);
	return 0;
}

/* The status that the body is answered with. */
static int tell(struct bench *b, const char *body)
{
	char request[512], answer[1024];
	struct writer w = writer_of(request, sizeof(request));
	int fd = -1;
	size_t n = 0;
	write_format(&w, "POST /forwarders HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n%s",
		     strlen(body), body);
	assert_false(w.bad);
	assert_int_equal(unix_connect_now(b->path, &fd), OK);
	assert_int_equal(tcp_write(fd, writer_span(&w), &n), OK);
	for (int i = 0; i < 10; i++)
		assert_int_equal(loop_turn(&b->loop, 0), OK);
	assert_int_equal(tcp_read(fd, answer, sizeof(answer) - 1, &n), OK);
	fd_done(&fd);
	answer[n] = '\0';
	assert_memory_equal(answer, "HTTP/1.1 ", 9);
	return (int)strtol(answer + 9, NULL, 10);
}

static void takes_them_in_order_and_takes_them_back(void **state)
{
	struct bench *b = *state;
	assert_int_equal(tell(b, "{\"servers\":[\"192.0.2.1\",\"2001:db8::1\"],\"hold_s\":60}"),
			 200);
	assert_int_equal(b->changes, 1);
	assert_int_equal(b->f.n, 2);
	assert_int_equal(b->f.at[0].address.bytes[3], 1);
	assert_int_equal(b->f.at[0].port, 53);
	assert_int_equal(b->f.at[1].address.family, 6);
	json_t *shown = resolver_forwarders_json(&b->f);
	assert_string_equal(json_string_value(json_array_get(json_object_get(shown, "servers"), 1)),
			    "2001:db8::1");
	assert_in_range(json_integer_value(json_object_get(shown, "forget_s")), 55, 60);
	json_decref(shown);
	/* Told again: good for longer, and nobody need do anything. */
	assert_int_equal(tell(b, "{\"servers\":[\"192.0.2.1\",\"2001:db8::1\"],\"hold_s\":90}"),
			 200);
	assert_int_equal(b->changes, 1);
	assert_int_equal(tell(b, "{\"servers\":[],\"hold_s\":60}"), 200);
	assert_int_equal(b->changes, 2);
	assert_int_equal(b->f.n, 0);
}

static void refuses_what_is_no_forwarder_and_keeps_what_it_has(void **state)
{
	struct bench *b = *state;
	static const char *const wrong[] = {
		"{\"servers\":[\"127.0.0.1\"],\"hold_s\":60}",
		"{\"servers\":[\"::1\"],\"hold_s\":60}",
		"{\"servers\":[\"0.0.0.0\"],\"hold_s\":60}",
		"{\"servers\":[\"224.0.0.1\"],\"hold_s\":60}",
		"{\"servers\":[\"fe80::1\"],\"hold_s\":60}",
		"{\"servers\":[\"example.com\"],\"hold_s\":60}",
		"{\"servers\":[7],\"hold_s\":60}",
		"{\"servers\":\"192.0.2.1\",\"hold_s\":60}",
		"{\"servers\":[\"9.0.0.1\",\"9.0.0.2\",\"9.0.0.3\",\"9.0.0.4\"],\"hold_s\":60}",
		"{\"servers\":[\"192.0.2.1\"]}",
		"{\"servers\":[\"192.0.2.1\"],\"hold_s\":0}",
		"{\"servers\":[\"192.0.2.1\"],\"hold_s\":3601}",
		"[]",
		"",
	};
	assert_int_equal(tell(b, "{\"servers\":[\"192.0.2.9\"],\"hold_s\":60}"), 200);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		if (tell(b, wrong[i]) != 400)
			fail_msg("taken: %s", wrong[i]);
	assert_int_equal(b->changes, 1);
	assert_int_equal(b->f.at[0].address.bytes[3], 9);
}

static void forgets_what_is_not_told_again(void **state)
{
	struct bench *b = *state;
	assert_int_equal(tell(b, "{\"servers\":[\"192.0.2.1\"],\"hold_s\":1}"), 200);
	assert_int_equal(b->f.n, 1);
	for (int i = 0; i < 400 && b->f.n; i++)
		assert_int_equal(loop_turn(&b->loop, 10), OK);
	assert_int_equal(b->f.n, 0);
	assert_int_equal(b->changes, 2);
}

#define WITH(test) cmocka_unit_test_setup_teardown(test, bench_open, bench_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH(takes_them_in_order_and_takes_them_back),
		WITH(refuses_what_is_no_forwarder_and_keeps_what_it_has),
		WITH(forgets_what_is_not_told_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
