#include "os/udp_steer.h"

#include "os/fd.h"
#include "os/udp.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

enum { SHARERS = 3, FLOWS = 48, DATA = 4 };

static const struct ip_address loopbacks[] = {{.family = 4, .bytes = {127, 0, 0, 1}},
					      {.family = 6, .bytes = {[15] = 1}}};

struct group {
	int fds[SHARERS + 1];
	struct udp_socket sockets[SHARERS + 1];
};

static void group_open(struct group *g, const struct ip_address *address)
{
	struct ip_endpoint at = {.address = *address};
	for (size_t i = 0; i <= SHARERS; i++) {
		assert_int_equal(udp_open(&at, UDP_REUSEPORT, &g->fds[i]), OK);
		assert_int_equal(udp_prepare(g->fds[i], 0, &g->sockets[i]), OK);
		at = g->sockets[i].local;
	}
	assert_int_equal(udp_steer(g->fds[0], address->family, DATA, SHARERS), OK);
}

static void group_close(struct group *g)
{
	for (size_t i = 0; i <= SHARERS; i++)
		fd_done(&g->fds[i]);
}

/* Who got what was just sent. */
static size_t who(const struct group *g)
{
	struct pollfd p[SHARERS + 1];
	struct ip_endpoint from;
	uint8_t in[64];
	size_t found = SIZE_MAX, len;
	for (size_t i = 0; i <= SHARERS; i++)
		p[i] = (struct pollfd){.fd = g->fds[i], .events = POLLIN};
	assert_int_equal(poll(p, SHARERS + 1, 2000), 1);
	for (size_t i = 0; i <= SHARERS; i++)
		if (p[i].revents)
			found = i;
	assert_int_equal(udp_receive_one(&g->sockets[found], in, sizeof(in), &len, &from, NULL),
			 OK);
	return found;
}

static void data_is_shared_by_flow_and_all_else_has_its_socket(void **state)
{
	(void)state;
	static const uint8_t data[] = {DATA, 0, 0, 0, 9}, other[] = {1, 0, 0, 0}, high[] = {0xff};
	for (size_t f = 0; f < 2; f++) {
		struct group g;
		size_t seen[SHARERS + 1] = {0};
		group_open(&g, &loopbacks[f]);
		for (size_t i = 0; i < FLOWS; i++) {
			int client;
			assert_int_equal(udp_connect(&g.sockets[0].local, NULL, 0, &client), OK);
			assert_int_equal(udp_write(client, span_of(data, sizeof(data))), OK);
			size_t first = who(&g);
			seen[first]++;
			assert_int_equal(udp_write(client, span_of(other, sizeof(other))), OK);
			assert_int_equal(who(&g), SHARERS);
			assert_int_equal(udp_write(client, span_of(high, sizeof(high))), OK);
			assert_int_equal(who(&g), SHARERS);
			assert_int_equal(udp_write(client, span_of(data, 0)), OK);
			assert_int_equal(who(&g), SHARERS);
			assert_int_equal(udp_write(client, span_of(data, 1)), OK);
			assert_int_equal(who(&g), first);
			fd_done(&client);
		}
		assert_int_equal(seen[SHARERS], 0);
		for (size_t i = 0; i < SHARERS; i++)
			assert_true(seen[i] > FLOWS / SHARERS / 4);
		group_close(&g);
	}
}

static void a_small_buffer_takes_less(void **state)
{
	(void)state;
	struct group g;
	int before, after;
	socklen_t len = sizeof(before);
	group_open(&g, &loopbacks[0]);
	assert_int_equal(getsockopt(g.fds[0], SOL_SOCKET, SO_RCVBUF, &before, &len), 0);
	assert_int_equal(udp_shrink(g.fds[0], 16384), OK);
	assert_int_equal(getsockopt(g.fds[0], SOL_SOCKET, SO_RCVBUF, &after, &len), 0);
	assert_true(after < before && after <= 2 * 16384);
	group_close(&g);
}

static void what_shares_nothing_cannot_be_steered(void **state)
{
	(void)state;
	const struct ip_endpoint at = {.address = loopbacks[0]};
	int fd;
	assert_int_equal(udp_open(&at, 0, &fd), OK);
	assert_true(udp_steer(fd, 4, DATA, 1) != OK);
	fd_done(&fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(data_is_shared_by_flow_and_all_else_has_its_socket),
		cmocka_unit_test(a_small_buffer_takes_less),
		cmocka_unit_test(what_shares_nothing_cannot_be_steered),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
