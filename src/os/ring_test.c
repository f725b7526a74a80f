#include "os/ring.h"

#include "os/fd.h"
#include "os/tcp.h"

#include <liburing.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { ENTRIES = 8, PAIRS = 50, ROUNDS = 200 };

static struct ring *r;
static int ends[PAIRS][2];
static char texts[PAIRS][64];

static int set_up(void **state)
{
	(void)state;
	enum err e = ring_new(ENTRIES, &r);
	if (e) {
		print_message("skipped: no ring of io_uring here: %s\n", err_text(e));
		return 0;
	}
	for (int i = 0; i < PAIRS; i++)
		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends[i]))
			return -1;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	for (int i = 0; r && i < PAIRS; i++) {
		fd_done(&ends[i][0]);
		fd_done(&ends[i][1]);
	}
	ring_free(r);
	r = NULL;
	return 0;
}

#define NEEDS_RING()                                                                               \
	do {                                                                                       \
		if (!r)                                                                            \
			skip();                                                                    \
	} while (0)

static void pass_round(int round)
{
	struct ring_item out[PAIRS], in[PAIRS];
	static char got[PAIRS][64];
	memset(got, 0, sizeof(got));
	for (int i = 0; i < PAIRS; i++) {
		int len = snprintf(texts[i], sizeof(texts[i]), "%d of round %d", i, round);
		out[i] = (struct ring_item){.fd = ends[i][0], .from = texts[i], .len = (size_t)len};
		in[i] = (struct ring_item){.fd = ends[i][1], .to = got[i], .len = sizeof(got[i])};
	}
	ring_send_many(r, out, PAIRS);
	ring_receive_many(r, in, PAIRS);
	for (int i = 0; i < PAIRS; i++) {
		assert_int_equal(out[i].result, strlen(texts[i]));
		assert_int_equal(in[i].result, strlen(texts[i]));
		assert_string_equal(got[i], texts[i]);
	}
}

/* More items than a call of the kernel takes, and the ring is as good as new after each. */
static void more_items_than_entries_pass_in_many_rounds(void **state)
{
	(void)state;
	NEEDS_RING();
	for (int i = 0; i < ROUNDS; i++)
		pass_round(i);
}

static void *pass_in_thread(void *arg)
{
	pass_round(1);
	return arg;
}

static void a_thread_uses_what_another_has_made(void **state)
{
	(void)state;
	NEEDS_RING();
	pthread_t thread;
	void *whole = NULL;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(pthread_create(&thread, NULL, pass_in_thread, texts), 0);
		assert_int_equal(pthread_join(thread, &whole), 0);
		assert_ptr_equal(whole, texts);
		pass_round(2);
	}
}

/* Neither waits: of sockets that would block, too. */
static void what_cannot_be_done_now_is_told(void **state)
{
	(void)state;
	NEEDS_RING();
	static char much[1 << 20];
	char byte;
	struct ring_item in[2] = {{.fd = ends[0][1], .to = &byte, .len = 1},
				  {.fd = ends[1][1], .to = &byte, .len = 1}};
	assert_int_equal(write(ends[1][0], "x", 1), 1);
	ring_receive_many(r, in, 2);
	assert_int_equal(in[0].result, -EAGAIN);
	assert_int_equal(in[1].result, 1);
	struct ring_item out = {.fd = ends[0][0], .from = much, .len = sizeof(much)};
	ring_send_many(r, &out, 1);
	assert_in_range(out.result, 1, sizeof(much) - 1);
	out.result = 0;
	ring_send_many(r, &out, 1);
	assert_int_equal(out.result, -EAGAIN);
	size_t n = 7;
	assert_int_equal(tcp_ring_sent(out.result, &n), OK);
	assert_int_equal(n, 0);
	n = 7;
	assert_int_equal(tcp_ring_received(in[0].result, &n), OK);
	assert_int_equal(n, 0);
}

static void who_has_ended_or_is_gone_is_told(void **state)
{
	(void)state;
	NEEDS_RING();
	char byte;
	size_t n;
	struct ring_item in[3] = {{.fd = ends[0][1], .to = &byte, .len = 1},
				  {.fd = ends[1][1], .to = &byte, .len = 1},
				  {.fd = -1, .to = &byte, .len = 1}};
	assert_int_equal(shutdown(ends[0][0], SHUT_WR), 0);
	/* Closed with something unread: a reset. */
	assert_int_equal(write(ends[1][1], "x", 1), 1);
	fd_done(&ends[1][0]);
	ring_receive_many(r, in, 3);
	assert_int_equal(in[0].result, 0);
	assert_int_equal(tcp_ring_received(in[0].result, &n), ERR_CLOSED);
	assert_int_equal(in[1].result, -ECONNRESET);
	assert_int_equal(tcp_ring_received(in[1].result, &n), (enum err)ECONNRESET);
	assert_int_equal(in[2].result, -EBADF);
	assert_int_equal(tcp_ring_received(in[2].result, &n), (enum err)EBADF);
	struct ring_item out[2] = {{.fd = ends[1][1], .from = "a", .len = 1},
				   {.fd = ends[2][1], .from = "b", .len = 1}};
	ring_send_many(r, out, 2); /* and no SIGPIPE */
	assert_int_equal(out[0].result, -EPIPE);
	assert_int_equal(tcp_ring_sent(out[0].result, &n), ERR_CLOSED);
	assert_int_equal(out[1].result, 1);
	assert_int_equal(tcp_ring_sent(out[1].result, &n), OK);
	assert_int_equal(n, 1);
}

static void connect_pair(int *ret_a, int *ret_b)
{
	struct ip_endpoint at = {.address = {.family = 4, .bytes = {127, 0, 0, 1}}}, peer;
	int l = -1;
	assert_int_equal(tcp_listen(&at, 0, 1, &l), OK);
	assert_int_equal(socket_local(l, &at), OK);
	assert_int_equal(tcp_connect(&at, NULL, ret_a), OK);
	enum err e = (enum err)EAGAIN;
	for (int i = 0; e && i < 2000; i++) {
		usleep(1000);
		e = tcp_accept(l, ret_b, &peer, NULL);
	}
	assert_int_equal(e, OK);
	fd_done(&l);
}

/* What is said to be followed by more waits for it. */
static void more_is_waited_for(void **state)
{
	(void)state;
	NEEDS_RING();
	char got[8] = {0};
	int a, b;
	connect_pair(&a, &b);
	struct ring_item out[2] = {{.fd = a, .from = "ab", .len = 2, .more = true},
				   {.fd = ends[0][0], .from = "x", .len = 1}};
	ring_send_many(r, out, 2);
	assert_int_equal(out[0].result, 2);
	/* The kernel holds all of it, and has sent nothing. */
	struct tcp_info info;
	socklen_t len = sizeof(info);
	assert_int_equal(getsockopt(a, IPPROTO_TCP, TCP_INFO, &info, &len), 0);
	assert_int_equal(info.tcpi_data_segs_out, 0);
	out[0].from = "cd";
	out[0].more = false;
	ring_send_many(r, out, 2);
	ssize_t n = 0;
	for (int i = 0; n <= 0 && i < 2000; i++) {
		usleep(1000);
		n = recv(b, got, sizeof(got), MSG_DONTWAIT);
	}
	assert_int_equal(n, 4);
	assert_string_equal(got, "abcd");
	fd_done(&a);
	fd_done(&b);
}

/* Whoever has taken the process over has no more of it than send and recv. */
static int try_other(uint8_t opcode, uint8_t flags)
{
	char byte = 'x';
	struct io_uring *uring = ring_uring(r);
	struct io_uring_sqe *sqe = io_uring_get_sqe(uring);
	struct io_uring_cqe *done;
	assert_non_null(sqe);
	memset(sqe, 0, sizeof(*sqe));
	sqe->opcode = opcode;
	sqe->flags = flags;
	sqe->fd = ends[0][0];
	sqe->addr = (uint64_t)(uintptr_t)&byte;
	sqe->len = 1;
	sqe->msg_flags = opcode == IORING_OP_SEND ? MSG_DONTWAIT : 0;
	assert_int_equal(io_uring_submit(uring), 1);
	assert_int_equal(io_uring_wait_cqe(uring, &done), 0);
	int result = done->res;
	io_uring_cqe_seen(uring, done);
	return result;
}

static void every_other_operation_is_refused(void **state)
{
	(void)state;
	NEEDS_RING();
	char byte = 0;
	assert_int_equal(try_other(IORING_OP_SEND, 0), 1); /* so it is not for its form */
	assert_int_equal(read(ends[0][1], &byte, 1), 1);
	assert_int_equal(byte, 'x');
	for (unsigned opcode = 0; opcode < 64; opcode++)
		if (opcode != IORING_OP_SEND && opcode != IORING_OP_RECV)
			assert_true(try_other((uint8_t)opcode, 0) < 0);
	assert_int_equal(try_other(IORING_OP_NOP, 0), -EACCES);
	assert_int_equal(try_other(IORING_OP_WRITE, 0), -EACCES);
	assert_int_equal(try_other(IORING_OP_OPENAT, 0), -EACCES);
	assert_int_equal(try_other(IORING_OP_SEND, IOSQE_ASYNC), -EACCES);
	assert_int_equal(try_other(IORING_OP_SEND, IOSQE_IO_LINK), -EACCES);
	pass_round(1);
}

static void nothing_can_be_registered(void **state)
{
	(void)state;
	NEEDS_RING();
	struct io_uring *uring = ring_uring(r);
	unsigned fd = (unsigned)uring->ring_fd;
	struct iovec buffer = {texts, sizeof(texts)};
	assert_int_equal(io_uring_register_buffers(uring, &buffer, 1), -EACCES);
	assert_int_equal(io_uring_register_files(uring, ends[0], 2), -EACCES);
	assert_int_equal(io_uring_register_personality(uring), -EACCES);
	struct io_uring_restriction more = {.opcode = IORING_RESTRICTION_SQE_OP,
					    .sqe_op = IORING_OP_WRITE};
	assert_true(io_uring_register(fd, IORING_REGISTER_RESTRICTIONS, &more, 1) < 0);
	assert_true(io_uring_register(fd, IORING_REGISTER_ENABLE_RINGS, NULL, 0) < 0);
	pass_round(1);
}

/* A size that the kernel does not have is an error, and leaves nothing behind. */
static void a_ring_that_cannot_be_is_an_error(void **state)
{
	(void)state;
	struct ring *none = NULL;
	NEEDS_RING();
	assert_int_equal(ring_new(0, &none), (enum err)EINVAL);
	assert_int_equal(ring_new(1U << 30, &none), (enum err)EINVAL);
	assert_null(none);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(more_items_than_entries_pass_in_many_rounds, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_thread_uses_what_another_has_made, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(what_cannot_be_done_now_is_told, set_up, tear_down),
		cmocka_unit_test_setup_teardown(who_has_ended_or_is_gone_is_told, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(more_is_waited_for, set_up, tear_down),
		cmocka_unit_test_setup_teardown(every_other_operation_is_refused, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(nothing_can_be_registered, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_ring_that_cannot_be_is_an_error, set_up,
						tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
