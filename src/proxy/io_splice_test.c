#include "proxy/io_splice.h"

#include "proxy/transport.h"
#include "proxy/worker.h"

#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { BODY = 64 << 20, TURN_MAX = 2 << 20 };

static char piece[1 << 16];

/* A server that is always ahead. */
static void *give_all(void *arg)
{
	for (size_t left = BODY; left;) {
		ssize_t n = write(*(int *)arg, piece, left < sizeof(piece) ? left : sizeof(piece));
		if (n <= 0)
			break;
		left -= (size_t)n;
	}
	return NULL;
}

/* A client that takes all at once. */
static void *take_all(void *arg)
{
	static char buf[1 << 16];
	size_t got = 0;
	for (ssize_t n; got < BODY && (n = read(*(int *)arg, buf, sizeof(buf))) > 0;)
		got += (size_t)n;
	return got == BODY ? arg : NULL;
}

/* Both ready all the time, a body has its part of a turn and no more. */
static void a_long_body_leaves_the_turn_to_others(void **state)
{
	(void)state;
	int in[2], out[2];
	pthread_t giver, taker;
	struct proxy_splices all = {0};
	void *whole = NULL;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, in), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, out), 0);
	assert_int_equal(fcntl(in[1], F_SETFL, O_NONBLOCK), 0);
	assert_int_equal(fcntl(out[0], F_SETFL, O_NONBLOCK), 0);
	assert_int_equal(pthread_create(&giver, NULL, give_all, &in[0]), 0);
	assert_int_equal(pthread_create(&taker, NULL, take_all, &out[1]), 0);
	struct proxy_splice *s = proxy_splice_take(&all);
	assert_non_null(s);
	struct proxy_transport from = {.fd = in[1]}, to = {.fd = out[0]};
	uint64_t put = 0, got = 0;
	while (put < BODY) {
		struct proxy_spliced moved;
		from.ready = PROXY_CAN_READ; /* as if an event had come */
		to.ready = PROXY_CAN_WRITE;
		assert_int_equal(proxy_splice_move(s, &from, &to, BODY - got, &moved), OK);
		assert_false(moved.gone);
		assert_true(moved.got <= TURN_MAX);
		/* Who must go on without an event says so. */
		if (moved.more)
			assert_true(from.ready & PROXY_CAN_READ);
		got += moved.got;
		put += moved.put;
		assert_true(put <= got && got <= BODY);
	}
	assert_int_equal(pthread_join(giver, NULL), 0);
	assert_int_equal(pthread_join(taker, &whole), 0);
	assert_non_null(whole);
	proxy_splice_give(&all, s);
	proxy_splices_done(&all);
	for (int i = 0; i < 2; i++) {
		close(in[i]);
		close(out[i]);
	}
}

/* Whoever takes nothing holds a pipe: there are not more than so many, for as long as it lasts. */
static void pipes_have_a_bound(void **state)
{
	(void)state;
	static struct proxy_splice *taken[PROXY_SPLICES_MAX];
	struct proxy_splices all = {0};
	for (size_t i = 0; i < PROXY_SPLICES_MAX; i++)
		assert_non_null(taken[i] = proxy_splice_take(&all));
	assert_null(proxy_splice_take(&all));
	proxy_splice_give(&all, taken[0]);
	assert_non_null(taken[0] = proxy_splice_take(&all));
	assert_null(proxy_splice_take(&all));
	for (size_t i = 0; i < PROXY_SPLICES_MAX; i++)
		proxy_splice_give(&all, taken[i]);
	assert_int_equal(all.out_n, 0);
	assert_int_equal(all.free_n, PROXY_SPLICES_KEPT);
	proxy_splices_done(&all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_long_body_leaves_the_turn_to_others),
		cmocka_unit_test(pipes_have_a_bound),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
