#include "os/tcp.h"

#include "os/fd.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct ip_address loopbacks[] = {
	{.family = 4, .bytes = {127, 0, 0, 1}},
	{.family = 6, .bytes = {[15] = 1}},
};

static void wait_for(int fd, short events)
{
	struct pollfd p = {.fd = fd, .events = events};
	assert_int_equal(poll(&p, 1, 2000), 1);
}

struct connection {
	int listener, client, server;
	struct ip_endpoint at;
};

static struct connection connect_through(const struct ip_address *address)
{
	struct connection c = {.listener = -1, .client = -1, .server = -1};
	struct ip_endpoint at = {.address = *address}, peer, local, us;
	assert_int_equal(tcp_listen(&at, 0, 16, &c.listener), OK);
	assert_int_equal(socket_local(c.listener, &c.at), OK);
	assert_int_equal(tcp_accept(c.listener, &c.server, &peer, &local), EAGAIN);
	assert_int_equal(tcp_connect(&c.at, NULL, &c.client), OK);
	wait_for(c.client, POLLOUT);
	assert_int_equal(tcp_connect_result(c.client), OK);
	wait_for(c.listener, POLLIN);
	assert_int_equal(tcp_accept(c.listener, &c.server, &peer, &local), OK);
	assert_int_equal(socket_local(c.client, &us), OK);
	assert_int_equal(us.port, peer.port);
	assert_memory_equal(us.address.bytes, peer.address.bytes, 16);
	assert_int_equal(local.port, c.at.port);
	return c;
}

static void connection_done(struct connection *c)
{
	fd_done(&c->listener);
	fd_done(&c->client);
	fd_done(&c->server);
}

static void carries_bytes_and_the_end(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct connection c = connect_through(&loopbacks[i]);
		const struct span parts[] = {span_text("ab"), span_text(""), span_text("cde")};
		char text[16];
		size_t len = 99;
		assert_int_equal(tcp_read(c.server, text, sizeof(text), &len), OK);
		assert_int_equal(len, 0);
		assert_int_equal(tcp_write_parts(c.client, parts, 3, &len), OK);
		assert_int_equal(len, 5);
		wait_for(c.server, POLLIN);
		assert_int_equal(tcp_read(c.server, text, sizeof(text), &len), OK);
		assert_int_equal(len, 5);
		assert_memory_equal(text, "abcde", 5);
		assert_int_equal(tcp_finish(c.client), OK);
		wait_for(c.server, POLLIN);
		assert_int_equal(tcp_read(c.server, text, sizeof(text), &len), ERR_CLOSED);
		connection_done(&c);
	}
}

static void what_is_followed_by_more_goes_with_it(void **state)
{
	(void)state;
	struct connection c = connect_through(&loopbacks[0]);
	char text[16];
	size_t len = 0;
	assert_int_equal(tcp_write_more(c.client, span_text("ab"), &len), OK);
	assert_int_equal(len, 2);
	assert_int_equal(tcp_write(c.client, span_text("cde"), &len), OK);
	wait_for(c.server, POLLIN);
	assert_int_equal(tcp_read(c.server, text, sizeof(text), &len), OK);
	assert_int_equal(len, 5);
	assert_memory_equal(text, "abcde", 5);
	/* Alone it goes too, in the end. */
	assert_int_equal(tcp_write_more(c.client, span_text("f"), &len), OK);
	wait_for(c.server, POLLIN);
	assert_int_equal(tcp_read(c.server, text, sizeof(text), &len), OK);
	assert_int_equal(len, 1);
	connection_done(&c);
}

static void write_without_room_is_no_error(void **state)
{
	(void)state;
	struct connection c = connect_through(&loopbacks[0]);
	static uint8_t block[1 << 16];
	size_t len = 1;
	for (int i = 0; i < 10000 && len; i++)
		assert_int_equal(tcp_write(c.client, span_of(block, sizeof(block)), &len), OK);
	assert_int_equal(len, 0);
	connection_done(&c);
}

static void write_to_one_who_is_gone_is_closed_and_no_signal(void **state)
{
	(void)state;
	struct connection c = connect_through(&loopbacks[0]);
	size_t len;
	assert_int_equal(tcp_reset_on_close(c.server), OK);
	fd_done(&c.server);
	wait_for(c.client, POLLIN);
	assert_int_equal(tcp_write(c.client, span_text("x"), &len), ERR_CLOSED);
	char byte;
	assert_int_equal(tcp_read(c.client, &byte, 1, &len), ERR_CLOSED);
	connection_done(&c);
}

static void an_end_is_told_from_a_reset(void **state)
{
	(void)state;
	for (int reset = 0; reset < 2; reset++) {
		struct connection c = connect_through(&loopbacks[0]);
		size_t len;
		char byte;
		assert_int_equal(tcp_write(c.server, span_text("x"), &len), OK);
		wait_for(c.client, POLLIN);
		assert_int_equal(tcp_read_or_reset(c.client, &byte, 1, &len), OK);
		assert_int_equal(len, 1);
		assert_int_equal(tcp_read_or_reset(c.client, &byte, 1, &len), OK);
		assert_int_equal(len, 0);
		if (reset)
			assert_int_equal(tcp_reset_on_close(c.server), OK);
		fd_done(&c.server);
		wait_for(c.client, POLLIN);
		assert_int_equal(tcp_read_or_reset(c.client, &byte, 1, &len),
				 reset ? (enum err)ECONNRESET : ERR_CLOSED);
		connection_done(&c);
	}
}

static void refused_connection_says_so(void **state)
{
	(void)state;
	struct connection c = connect_through(&loopbacks[0]);
	int client = -1;
	fd_done(&c.listener);
	enum err e = tcp_connect(&c.at, &loopbacks[0], &client);
	if (!e) {
		wait_for(client, POLLOUT);
		e = tcp_connect_result(client);
	}
	assert_int_equal(e, ECONNREFUSED);
	assert_int_equal(tcp_connect(&c.at, &loopbacks[1], &client), EAFNOSUPPORT);
	fd_done(&client);
	connection_done(&c);
}

static void descriptors_do_not_block_and_do_not_leak(void **state)
{
	(void)state;
	struct connection c = connect_through(&loopbacks[0]);
	const int fds[] = {c.listener, c.client, c.server};
	for (size_t i = 0; i < 3; i++) {
		assert_true(fcntl(fds[i], F_GETFL) & O_NONBLOCK);
		assert_true(fcntl(fds[i], F_GETFD) & FD_CLOEXEC);
	}
	int second = -1;
	assert_int_equal(tcp_listen(&c.at, 0, 1, &second), EADDRINUSE);
	connection_done(&c);
}

static void reuseport_listeners_share_an_address(void **state)
{
	(void)state;
	struct ip_endpoint at = {.address = loopbacks[0]};
	int a = -1, b = -1;
	assert_int_equal(tcp_listen(&at, TCP_REUSEPORT, 1, &a), OK);
	assert_int_equal(socket_local(a, &at), OK);
	assert_int_equal(tcp_listen(&at, TCP_REUSEPORT, 1, &b), OK);
	fd_done(&a);
	fd_done(&b);
	int none = open("/dev/null", O_RDONLY);
	assert_int_equal(socket_local(none, &at), ENOTSOCK);
	fd_done(&none);
}

static void binds_and_connects_from_chosen_addresses(void **state)
{
	(void)state;
	static const struct ip_endpoint absent[] = {
		{.address = {.family = 4, .bytes = {198, 51, 100, 7}}},
		{.address = {.family = 6, .bytes = {0x20, 1, 0xd, 0xb8, [15] = 7}}},
	};
	for (size_t i = 0; i < 2; i++) {
		struct connection c = connect_through(&loopbacks[i]);
		struct ip_endpoint us;
		int fd = -1;
		assert_int_equal(tcp_listen(&absent[i], 0, 1, &fd), EADDRNOTAVAIL);
		assert_int_equal(tcp_listen(&absent[i], TCP_FREEBIND, 1, &fd), OK);
		fd_done(&fd);
		assert_int_equal(tcp_connect(&c.at, &loopbacks[i], &fd), OK);
		assert_int_equal(socket_local(fd, &us), OK);
		assert_true(ip_address_equal(&us.address, &loopbacks[i]));
		fd_done(&fd);
		connection_done(&c);
	}
}

/* Packets of ours once a byte has come through. */
static unsigned packets(const struct ip_address *address, bool speaks)
{
	struct ip_endpoint at = {.address = *address}, peer;
	struct tcp_info info = {0};
	socklen_t len = sizeof(info);
	int listener = -1, client = -1, server = -1;
	size_t n = 0;
	char byte;
	assert_int_equal(tcp_listen(&at, 0, 16, &listener), OK);
	assert_int_equal(socket_local(listener, &at), OK);
	assert_int_equal(speaks ? tcp_connect_to_speak(&at, NULL, &client)
				: tcp_connect(&at, NULL, &client),
			 OK);
	wait_for(client, POLLOUT);
	assert_int_equal(tcp_write(client, span_text("x"), &n), OK);
	wait_for(listener, POLLIN);
	assert_int_equal(tcp_accept(listener, &server, &peer, NULL), OK);
	wait_for(server, POLLIN);
	assert_int_equal(tcp_read(server, &byte, 1, &n), OK);
	assert_int_equal(getsockopt(client, IPPROTO_TCP, TCP_INFO, &info, &len), 0);
	fd_done(&server);
	fd_done(&client);
	fd_done(&listener);
	return info.tcpi_segs_out;
}

/* Unless we are kept from writing for so long that the kernel waits no more; not every time. */
static void who_speaks_first_saves_a_packet(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		unsigned least = UINT_MAX;
		for (unsigned tries = 0; tries < 20 && least > 2; tries++) {
			unsigned n = packets(&loopbacks[i], true);
			least = n < least ? n : least;
		}
		assert_int_equal(least, 2); /* SYN, and the byte */
		assert_true(packets(&loopbacks[i], false) >= 3);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(carries_bytes_and_the_end),
		cmocka_unit_test(what_is_followed_by_more_goes_with_it),
		cmocka_unit_test(write_without_room_is_no_error),
		cmocka_unit_test(write_to_one_who_is_gone_is_closed_and_no_signal),
		cmocka_unit_test(binds_and_connects_from_chosen_addresses),
		cmocka_unit_test(an_end_is_told_from_a_reset),
		cmocka_unit_test(refused_connection_says_so),
		cmocka_unit_test(descriptors_do_not_block_and_do_not_leak),
		cmocka_unit_test(who_speaks_first_saves_a_packet),
		cmocka_unit_test(reuseport_listeners_share_an_address),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
