#include "os/udp.h"

#include "os/fd.h"
#include "os/netlink.h"
#include "os/netns.h"
#include "os/tcp.h"

#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "os/child_test.h"

static const struct ip_address loopback4 = {.family = 4, .bytes = {127, 0, 0, 1}};
static const struct ip_address loopback4_second = {.family = 4, .bytes = {127, 0, 0, 2}};
static const struct ip_address loopback6 = {.family = 6, .bytes = {[15] = 1}};
static const struct ip_address any4 = {.family = 4};
static const struct ip_address any6 = {.family = 6};

struct server {
	int fd;
	struct udp_socket socket;
	struct udp_batch *batch;
};

static struct server server_open(const struct ip_address *at, size_t slots, size_t rx_size)
{
	struct server s = {.fd = -1};
	const struct ip_endpoint endpoint = {.address = *at};
	assert_int_equal(udp_open(&endpoint, UDP_REUSEPORT, &s.fd), OK);
	assert_int_equal(udp_prepare(s.fd, 0, &s.socket), OK);
	assert_int_equal(udp_batch_new(slots, rx_size, 4096, &s.batch), OK);
	return s;
}

static void server_done(struct server *s)
{
	udp_batch_free(s->batch);
	fd_done(&s->fd);
}

static void wait_readable(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	assert_int_equal(poll(&p, 1, 2000), 1);
}

static struct ip_endpoint at_port_of(const struct server *s, const struct ip_address *address)
{
	return (struct ip_endpoint){.address = *address, .port = s->socket.local.port};
}

static bool same_address(const struct ip_address *a, const struct ip_address *b)
{
	return a->family == b->family && memcmp(a->bytes, b->bytes, 16) == 0;
}

/* Answers what is there with the same bytes, and "drop" not at all. */
static size_t echo(struct server *s)
{
	wait_readable(s->fd);
	assert_int_equal(udp_batch_receive(s->batch, &s->socket), OK);
	for (size_t i = 0; i < s->batch->count; i++) {
		struct udp_slot *slot = &s->batch->slots[i];
		assert_int_equal(slot->tx_len, 0);
		if (slot->rx_len == 4 && memcmp(slot->rx, "drop", 4) == 0)
			continue;
		memcpy(slot->tx, slot->rx, slot->rx_len);
		slot->tx_len = slot->rx_len;
	}
	udp_batch_send(s->batch, &s->socket);
	return s->batch->count;
}

static void answer_leaves_from(const struct ip_address *bound, const struct ip_address *asked)
{
	struct server s = server_open(bound, 8, 512);
	struct ip_endpoint to = at_port_of(&s, asked), from, us;
	char text[16];
	size_t len = 0;
	int client = -1;
	/* A connected client hears only the very address that it asked. */
	assert_int_equal(udp_connect(&to, NULL, 0, &client), OK);
	assert_int_equal(udp_write(client, span_text("hello")), OK);
	assert_int_equal(echo(&s), 1);
	wait_readable(client);
	assert_int_equal(udp_read(client, text, sizeof(text), &len), OK);
	assert_int_equal(len, 5);
	assert_memory_equal(text, "hello", 5);

	udp_slot_peer(&s.batch->slots[0], &from);
	assert_int_equal(socket_local(client, &us), OK);
	assert_int_equal(from.port, us.port);
	assert_true(same_address(&from.address, &us.address));
	udp_slot_local(s.batch, &s.batch->slots[0], &us);
	assert_int_equal(us.port, to.port);
	assert_true(same_address(&us.address, asked));
	assert_int_equal(s.socket.send_dropped, 0);
	fd_done(&client);
	server_done(&s);
}

static void answer_leaves_from_the_address_that_was_asked(void **state)
{
	(void)state;
	answer_leaves_from(&loopback4, &loopback4);
	answer_leaves_from(&any4, &loopback4);
	answer_leaves_from(&any4, &loopback4_second);
	answer_leaves_from(&loopback6, &loopback6);
	answer_leaves_from(&any6, &loopback6);
}

static void wildcard_asks_for_the_address_and_others_do_not(void **state)
{
	(void)state;
	struct server wild = server_open(&any4, 1, 512), bound = server_open(&loopback4, 1, 512);
	int on = -1;
	socklen_t len = sizeof(on);
	assert_true(wild.socket.wild);
	assert_false(bound.socket.wild);
	(void)getsockopt(wild.fd, IPPROTO_IP, IP_PKTINFO, &on, &len);
	assert_int_equal(on, 1);
	(void)getsockopt(bound.fd, IPPROTO_IP, IP_PKTINFO, &on, &len);
	assert_int_equal(on, 0);
	(void)getsockopt(bound.fd, IPPROTO_IP, IP_MTU_DISCOVER, &on, &len);
	assert_int_equal(on, IP_PMTUDISC_OMIT);
	server_done(&wild);
	server_done(&bound);
}

/* Many datagrams of two clients, some without answer: each answer goes to its own peer. */
static void batch_answers_each_peer_and_leaves_gaps(void **state)
{
	(void)state;
	struct server s = server_open(&any4, UDP_BATCH_MAX, 512);
	struct ip_endpoint to = at_port_of(&s, &loopback4);
	int clients[2];
	size_t received = 0;
	for (int c = 0; c < 2; c++)
		assert_int_equal(udp_connect(&to, NULL, 0, &clients[c]), OK);
	for (int i = 0; i < 100; i++) {
		char text[16];
		(void)snprintf(text, sizeof(text), i % 5 == 0 ? "drop" : "c%d n%02d", i % 2, i);
		assert_int_equal(udp_write(clients[i % 2], span_text(text)), OK);
	}
	size_t first = echo(&s);
	assert_int_equal(first, UDP_BATCH_MAX);
	assert_int_equal(echo(&s), 100 - UDP_BATCH_MAX);
	for (int i = 0; i < 100; i++) {
		char text[16] = {0}, wanted[16];
		size_t len = 0;
		if (i % 5 == 0)
			continue;
		(void)snprintf(wanted, sizeof(wanted), "c%d n%02d", i % 2, i);
		assert_int_equal(udp_read(clients[i % 2], text, sizeof(text) - 1, &len), OK);
		assert_string_equal(text, wanted);
		received++;
	}
	assert_int_equal(received, 80);
	assert_int_equal(udp_batch_receive(s.batch, &s.socket), OK);
	assert_int_equal(s.batch->count, 0);
	for (int c = 0; c < 2; c++)
		fd_done(&clients[c]);
	server_done(&s);
}

/* One batch serves sockets of both families, wild and not, in turn. */
static void batch_is_shared_by_unlike_sockets(void **state)
{
	(void)state;
	static const struct ip_address *const bound[] = {&any4, &loopback6, &any6, &loopback4};
	static const struct ip_address *const asked[] = {&loopback4_second, &loopback6, &loopback6,
							 &loopback4};
	struct server shared = server_open(&loopback4, 16, 512);
	for (size_t round = 0; round < 8; round++) {
		size_t i = round % 4, len = 0;
		struct server s = server_open(bound[i], 1, 512);
		struct udp_batch *own = s.batch;
		struct ip_endpoint to = at_port_of(&s, asked[i]);
		char text[16];
		int client = -1;
		s.batch = shared.batch;
		assert_int_equal(udp_connect(&to, NULL, 0, &client), OK);
		for (size_t n = 0; n <= round; n++)
			assert_int_equal(udp_write(client, span_text("x")), OK);
		assert_int_equal(echo(&s), round + 1);
		for (size_t n = 0; n <= round; n++) {
			assert_int_equal(udp_read(client, text, sizeof(text), &len), OK);
			assert_int_equal(len, 1);
		}
		fd_done(&client);
		s.batch = own;
		server_done(&s);
	}
	server_done(&shared);
}

static void tells_what_was_cut(void **state)
{
	(void)state;
	struct server s = server_open(&loopback4, 2, 512);
	struct ip_endpoint to = at_port_of(&s, &loopback4), from;
	uint8_t large[600] = {1};
	size_t len = 0;
	int client = -1;
	assert_int_equal(udp_connect(&to, NULL, 0, &client), OK);
	assert_int_equal(udp_write(client, span_of(large, sizeof(large))), OK);
	assert_int_equal(udp_write(client, span_of(large, 512)), OK);
	wait_readable(s.fd);
	assert_int_equal(udp_batch_receive(s.batch, &s.socket), OK);
	assert_int_equal(s.batch->count, 2);
	assert_true(s.batch->slots[0].truncated);
	assert_int_equal(s.batch->slots[0].rx_len, 512);
	assert_false(s.batch->slots[1].truncated);
	assert_int_equal(udp_write(client, span_of(large, sizeof(large))), OK);
	wait_readable(s.fd);
	assert_int_equal(udp_receive_one(&s.socket, large, 100, &len, &from, NULL), OK);
	assert_int_equal(len, 600);
	assert_int_equal(udp_receive_one(&s.socket, large, 100, &len, &from, NULL), OK);
	assert_int_equal(len, 0);
	assert_int_equal(from.address.family, 0);
	fd_done(&client);
	server_done(&s);
}

static void single_datagrams_choose_their_source(void **state)
{
	(void)state;
	struct server a = server_open(&any4, 1, 512), b = server_open(&any4, 1, 512);
	struct ip_endpoint to = at_port_of(&b, &loopback4), from, at;
	char text[8];
	size_t len;
	assert_int_equal(udp_send_to(&a.socket, &loopback4_second, &to, span_text("hi")), OK);
	wait_readable(b.fd);
	assert_int_equal(udp_receive_one(&b.socket, text, sizeof(text), &len, &from, &at), OK);
	assert_int_equal(len, 2);
	assert_int_equal(from.port, a.socket.local.port);
	assert_true(same_address(&from.address, &loopback4_second));
	assert_true(same_address(&at.address, &loopback4));
	assert_int_equal(at.port, b.socket.local.port);
	server_done(&a);
	server_done(&b);
}

static void connected_socket_takes_the_port_that_was_chosen(void **state)
{
	(void)state;
	struct server s = server_open(&loopback4, 1, 512);
	struct ip_endpoint to = at_port_of(&s, &loopback4), us;
	int first = -1, second = -1;
	assert_int_equal(udp_connect(&to, &loopback4_second, 0, &first), OK);
	assert_int_equal(socket_local(first, &us), OK);
	assert_true(same_address(&us.address, &loopback4_second));
	assert_int_equal(udp_connect(&to, &loopback4_second, us.port, &second), EADDRINUSE);
	uint16_t port = us.port;
	fd_done(&first);
	assert_int_equal(udp_connect(&to, &loopback4_second, port, &second), OK);
	assert_int_equal(socket_local(second, &us), OK);
	assert_int_equal(us.port, port);
	assert_int_equal(udp_connect(&to, &loopback6, 0, &first), EAFNOSUPPORT);
	fd_done(&second);
	server_done(&s);
}

static void connected_socket_learns_that_nobody_is_there(void **state)
{
	(void)state;
	struct server s = server_open(&loopback4, 1, 512);
	struct ip_endpoint to = at_port_of(&s, &loopback4);
	int client = -1;
	char text[8];
	size_t len = 7;
	assert_int_equal(udp_connect(&to, NULL, 0, &client), OK);
	server_done(&s);
	assert_int_equal(udp_read(client, text, sizeof(text), &len), OK);
	assert_int_equal(len, 0);
	assert_int_equal(udp_write(client, span_text("x")), OK);
	wait_readable(client);
	assert_int_equal(udp_read(client, text, sizeof(text), &len), ECONNREFUSED);
	fd_done(&client);
}

/* A peer without a route back costs its own answer, not those behind it. */
static int drop_in_the_middle(void)
{
	int ns = -1, client = -1, i;
	enum err e = netns_new(&ns);
	if (e == (enum err)EPERM)
		return CHILD_SKIPS;
	CHILD_CHECK(!e && !netns_enter(ns) && !link_up("lo"));
	struct server s = server_open(&any4, 8, 512);
	struct ip_endpoint to = at_port_of(&s, &loopback4);
	CHILD_CHECK(!udp_connect(&to, NULL, 0, &client));
	for (i = 0; i < 3; i++)
		CHILD_CHECK(!udp_write(client, span_text("q")));
	CHILD_CHECK(!udp_batch_receive(s.batch, &s.socket) && s.batch->count == 3);
	for (i = 0; i < 3; i++)
		s.batch->slots[i].tx_len = 1;
	/* The one in the middle came, as it were, from far away. */
	struct sockaddr_in *far = (struct sockaddr_in *)(uintptr_t)s.batch->slots[1].peer_raw;
	far->sin_addr.s_addr = htonl(0xc6336401); /* 198.51.100.1 */
	udp_batch_send(s.batch, &s.socket);
	CHILD_CHECK(s.socket.send_dropped == 1);
	for (i = 0; i < 3; i++) {
		char text[8];
		size_t len = 0;
		CHILD_CHECK(!udp_read(client, text, sizeof(text), &len));
		CHILD_CHECK(len == (i < 2 ? 1 : 0));
	}
	fd_done(&client);
	server_done(&s);
	fd_done(&ns);
	return 0;
}

static void failed_answer_does_not_stop_the_batch(void **state)
{
	(void)state;
	assert_child(drop_in_the_middle, "network namespaces are not permitted");
}

static void queries_are_shared_by_reuseport_sockets(void **state)
{
	(void)state;
	struct server a = server_open(&loopback4, 64, 512);
	struct ip_endpoint at = a.socket.local;
	struct udp_socket b;
	int b_fd = -1, plain = -1;
	size_t to_a = 0, to_b = 0;
	assert_int_equal(udp_open(&at, UDP_REUSEPORT, &b_fd), OK);
	assert_int_equal(udp_open(&at, 0, &plain), EADDRINUSE);
	assert_int_equal(udp_prepare(b_fd, 0, &b), OK);
	for (int i = 0; i < 64; i++) {
		int client = -1;
		assert_int_equal(udp_connect(&at, NULL, 0, &client), OK);
		assert_int_equal(udp_write(client, span_text("x")), OK);
		fd_done(&client);
	}
	assert_int_equal(udp_batch_receive(a.batch, &a.socket), OK);
	to_a = a.batch->count;
	assert_int_equal(udp_batch_receive(a.batch, &b), OK);
	to_b = a.batch->count;
	assert_int_equal(to_a + to_b, 64);
	assert_true(to_a > 0 && to_b > 0);
	fd_done(&b_fd);
	server_done(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answer_leaves_from_the_address_that_was_asked),
		cmocka_unit_test(wildcard_asks_for_the_address_and_others_do_not),
		cmocka_unit_test(batch_answers_each_peer_and_leaves_gaps),
		cmocka_unit_test(batch_is_shared_by_unlike_sockets),
		cmocka_unit_test(tells_what_was_cut),
		cmocka_unit_test(single_datagrams_choose_their_source),
		cmocka_unit_test(connected_socket_takes_the_port_that_was_chosen),
		cmocka_unit_test(connected_socket_learns_that_nobody_is_there),
		cmocka_unit_test(failed_answer_does_not_stop_the_batch),
		cmocka_unit_test(queries_are_shared_by_reuseport_sockets),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
