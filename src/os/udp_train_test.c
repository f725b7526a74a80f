#include "os/udp_train.h"

#include "os/device.h"
#include "os/fd.h"

#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "os/veth_test.h"

static const struct ip_address loopback4 = {.family = 4, .bytes = {127, 0, 0, 1}};
static const struct ip_address other4 = {.family = 4, .bytes = {127, 0, 0, 9}};
static const struct ip_address loopback6 = {.family = 6, .bytes = {[15] = 1}};

struct end {
	int fd;
	struct udp_train_socket socket;
	struct udp_trains *in, *out;
};

static struct end end_open(const struct ip_address *at, bool trains)
{
	struct end e = {.fd = -1};
	const struct ip_endpoint endpoint = {.address = *at};
	assert_int_equal(udp_open(&endpoint, UDP_REUSEPORT, &e.fd), OK);
	assert_int_equal(udp_train_prepare(e.fd, 0, trains, &e.socket), OK);
	assert_int_equal(udp_trains_new(8, &e.in), OK);
	assert_int_equal(udp_trains_new(8, &e.out), OK);
	return e;
}

static void end_done(struct end *e)
{
	udp_trains_free(e->in);
	udp_trains_free(e->out);
	fd_done(&e->fd);
}

/* Datagrams whose octets tell which they are. */
static void fill(struct udp_train *t, const struct ip_endpoint *to, uint16_t segment, uint32_t len)
{
	uint8_t *room = t->data;
	*t = (struct udp_train){.data = room, .len = len, .segment = segment, .peer = *to};
	for (uint32_t i = 0; i < len; i++)
		room[i] = (uint8_t)(i / segment);
}

static void wait_readable(const struct end *e)
{
	struct pollfd p = {.fd = e->fd, .events = POLLIN};
	assert_int_equal(poll(&p, 1, 2000), 1);
}

/* Takes in trains until so many datagrams have come; each must be whole and next in order. */
static size_t take(struct end *e, uint16_t segment, size_t datagrams, size_t last_len)
{
	size_t seen = 0, trains = 0;
	while (seen < datagrams) {
		wait_readable(e);
		assert_int_equal(udp_trains_receive(e->in, &e->socket), OK);
		for (size_t i = 0; i < e->in->count; i++, trains++) {
			const struct udp_train *t = &e->in->trains[i];
			for (uint32_t at = 0; at < t->len; at += t->segment, seen++) {
				size_t len = t->len - at < t->segment ? t->len - at : t->segment;
				assert_int_equal(len, seen + 1 == datagrams ? last_len : segment);
				assert_int_equal(t->data[at], seen);
				assert_int_equal(t->data[at + len - 1], seen);
			}
		}
	}
	assert_int_equal(seen, datagrams);
	return trains;
}

static void a_train_arrives_in_order(const struct ip_address *at, bool sends, bool receives)
{
	struct end from = end_open(at, sends), to = end_open(at, receives);
	fill(&from.out->trains[0], &to.socket.udp.local, 1000, 40 * 1000 + 17);
	from.out->count = 1;
	udp_trains_send(from.out, &from.socket);
	assert_int_equal(from.out->count, 0);
	assert_int_equal(from.socket.sent, 41);
	assert_int_equal(from.socket.lost, 0);
	size_t trains = take(&to, 1000, 41, 17);
	assert_int_equal(trains, sends && receives ? 1 : 41);
	assert_int_equal(to.socket.received, 41);
	assert_true(ip_endpoint_equal(&to.in->trains[0].peer, &from.socket.udp.local));
	end_done(&from);
	end_done(&to);
}

static void trains_arrive_in_order_with_and_without_the_kernels_help(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		a_train_arrives_in_order(&loopback4, i & 1, i & 2);
		a_train_arrives_in_order(&loopback6, i & 1, i & 2);
	}
}

static void type_of_service_goes_both_ways(void **state)
{
	(void)state;
	const struct ip_address *at[] = {&loopback4, &loopback6};
	for (size_t i = 0; i < 2; i++) {
		struct end from = end_open(at[i], true), to = end_open(at[i], true);
		fill(&from.out->trains[0], &to.socket.udp.local, 100, 300);
		fill(&from.out->trains[1], &to.socket.udp.local, 100, 100);
		from.out->trains[0].tos = 0x8a;
		from.out->count = 2;
		udp_trains_send(from.out, &from.socket);
		assert_int_equal(from.socket.sent, 4);
		wait_readable(&to);
		assert_int_equal(udp_trains_receive(to.in, &to.socket), OK);
		assert_int_equal(to.in->count, 2);
		assert_int_equal(to.in->trains[0].tos, 0x8a);
		assert_int_equal(to.in->trains[0].segment, 100);
		assert_int_equal(to.in->trains[0].len, 300);
		assert_int_equal(to.in->trains[1].tos, 0);
		end_done(&from);
		end_done(&to);
	}
}

static void an_answer_leaves_from_where_the_question_came_to(void **state)
{
	(void)state;
	const struct ip_address any4 = {.family = 4};
	struct end client = end_open(&loopback4, true), server = end_open(&any4, true);
	const struct ip_endpoint to = {.address = other4, .port = server.socket.udp.local.port};
	fill(&client.out->trains[0], &to, 50, 150);
	client.out->count = 1;
	udp_trains_send(client.out, &client.socket);
	wait_readable(&server);
	assert_int_equal(udp_trains_receive(server.in, &server.socket), OK);
	assert_int_equal(server.in->count, 1);
	const struct udp_train *asked = &server.in->trains[0];
	assert_true(ip_address_equal(&asked->local, &other4));
	assert_int_not_equal(asked->ifindex, 0);
	fill(&server.out->trains[0], &asked->peer, 50, 150);
	server.out->trains[0].local = asked->local;
	server.out->count = 1;
	udp_trains_send(server.out, &server.socket);
	wait_readable(&client);
	assert_int_equal(udp_trains_receive(client.in, &client.socket), OK);
	assert_int_equal(client.in->count, 1);
	assert_true(ip_endpoint_equal(&client.in->trains[0].peer, &to));
	end_done(&client);
	end_done(&server);
}

static void an_address_that_has_gone_is_no_source(bool trains)
{
	struct end from = end_open(&loopback4, trains), to = end_open(&loopback4, true);
	for (size_t i = 0; i < 2; i++) {
		fill(&from.out->trains[i], &to.socket.udp.local, 100, 250);
		from.out->trains[i].local = ip_address_v4(203, 0, 113, 1);
	}
	from.out->count = 2;
	udp_trains_send(from.out, &from.socket);
	assert_int_equal(from.socket.lost, 0);
	assert_int_equal(from.socket.sent, 6);
	end_done(&from);
	end_done(&to);
}

static void sends_from_another_address_when_the_one_asked_for_has_gone(void **state)
{
	(void)state;
	an_address_that_has_gone_is_no_source(true);
	an_address_that_has_gone_is_no_source(false);
}

static void a_peer_that_cannot_be_reached_does_not_keep_the_others(void **state)
{
	(void)state;
	struct end from = end_open(&loopback4, true), to = end_open(&loopback4, true);
	/* From the loopback's address the kernel sends nothing outside. */
	const struct ip_endpoint nowhere = {.address = ip_address_v4(203, 0, 113, 1), .port = 9};
	fill(&from.out->trains[0], &nowhere, 100, 250);
	fill(&from.out->trains[1], &to.socket.udp.local, 100, 250);
	fill(&from.out->trains[2], &to.socket.udp.local, 100, 0);
	fill(&from.out->trains[3], &to.socket.udp.local, 100, 250);
	from.out->count = 4;
	udp_trains_send(from.out, &from.socket);
	assert_int_equal(from.socket.lost, 3);
	assert_int_equal(from.socket.sent, 6);
	wait_readable(&to);
	assert_int_equal(udp_trains_receive(to.in, &to.socket), OK);
	assert_int_equal(to.in->count, 2);
	assert_int_equal(to.in->trains[0].len, 250);
	assert_int_equal(to.in->trains[1].len, 250);
	end_done(&from);
	end_done(&to);
}

/* Datagrams longer than the link's MTU: no train, but fragments. */
static int sends_long_datagrams_one_by_one(void)
{
	struct udp_train_socket from, to;
	struct udp_trains *in, *out;
	int from_fd, to_fd, ns;
	const struct ip_endpoint at = {.address = loopback4};
	if (!user_is_root() && userns_enter())
		return CHILD_SKIPS;
	enum err e = netns_new(&ns);
	if (e == (enum err)EPERM)
		return CHILD_SKIPS;
	CHILD_CHECK(!e && !netns_enter(ns) && !link_up("lo") && !link_set_mtu("lo", 1500));
	CHILD_CHECK(!udp_open(&at, 0, &from_fd) && !udp_open(&at, 0, &to_fd));
	CHILD_CHECK(!udp_train_prepare(from_fd, 0, true, &from));
	CHILD_CHECK(!udp_train_prepare(to_fd, 0, true, &to));
	CHILD_CHECK(!udp_trains_new(4, &in) && !udp_trains_new(4, &out));
	for (size_t i = 0; i < 2; i++) {
		uint8_t *room = out->trains[i].data;
		out->trains[i] = (struct udp_train){.data = room,
						    .len = 4000,
						    .segment = i ? 1000 : 2000,
						    .peer = to.udp.local};
		memset(room, 7, 4000);
	}
	out->count = 2;
	udp_trains_send(out, &from);
	CHILD_CHECK(from.cut == 1 && from.lost == 0 && from.sent == 6);
	CHILD_CHECK(from.sends_trains); /* other trains still go whole */
	CHILD_CHECK(!udp_trains_receive(in, &to));
	CHILD_CHECK(to.received == 6);
	udp_trains_free(in);
	udp_trains_free(out);
	fd_done(&from_fd);
	fd_done(&to_fd);
	fd_done(&ns);
	return 0;
}

/* A device without checksums answers EIO to a train, on kernels that ask that of it. */
static int sends_where_the_device_has_no_checksums(void)
{
	struct cable cable;
	struct udp_train_socket from, to;
	struct udp_trains *in, *out;
	int from_fd, to_fd;
	enum err e = cable_lay(&cable);
	if (cable_may_not(e))
		return CHILD_SKIPS;
	CHILD_CHECK(!e && !device_fill_checksums("v0"));
	CHILD_CHECK(!udp_open(&(struct ip_endpoint){.address = cable_left4}, 0, &from_fd));
	CHILD_CHECK(!netns_enter(cable.there));
	CHILD_CHECK(!udp_open(&(struct ip_endpoint){.address = cable_right4}, 0, &to_fd));
	CHILD_CHECK(!udp_train_prepare(from_fd, 0, true, &from));
	CHILD_CHECK(!udp_train_prepare(to_fd, 0, true, &to));
	CHILD_CHECK(!udp_trains_new(4, &in) && !udp_trains_new(4, &out));
	for (size_t i = 0; i < 2; i++) {
		fill(&out->trains[i], &to.udp.local, 1000, 20 * 1000);
		out->count = i + 1;
	}
	udp_trains_send(out, &from);
	CHILD_CHECK(from.lost == 0 && from.sent == 40);
	CHILD_CHECK(from.sends_trains == (from.cut == 0));
	for (int tries = 0; tries < 100 && to.received < 40; tries++) {
		struct pollfd p = {.fd = to_fd, .events = POLLIN};
		CHILD_CHECK(poll(&p, 1, 2000) == 1 && !udp_trains_receive(in, &to));
	}
	CHILD_CHECK(to.received == 40);
	(void)printf("a device without checksums: %s\n", from.cut ? "EIO, one by one" : "trains");
	udp_trains_free(in);
	udp_trains_free(out);
	return 0;
}

static void a_device_without_checksums_carries_them_too(void **state)
{
	(void)state;
	assert_child(sends_where_the_device_has_no_checksums, "no network namespaces here");
}

static void datagrams_beyond_the_mtu_leave_one_by_one(void **state)
{
	(void)state;
	assert_child(sends_long_datagrams_one_by_one, "no network namespaces here");
}

static void what_is_left_out_and_who_is_not_there_is_counted(void **state)
{
	(void)state;
	struct end to = end_open(&loopback4, true), from = end_open(&loopback4, true);
	struct udp_train_socket connected;
	int fd = -1;
	assert_int_equal(udp_connect(&to.socket.udp.local, NULL, 0, &fd), OK);
	assert_int_equal(udp_train_prepare(fd, 0, true, &connected), OK);
	assert_int_equal(udp_write(fd, span_of("", 0)), OK);
	wait_readable(&to);
	assert_int_equal(udp_trains_receive(to.in, &to.socket), OK);
	assert_int_equal(to.in->count, 0);
	assert_int_equal(to.socket.left_out, 1);
	const struct ip_endpoint gone = to.socket.udp.local;
	end_done(&to);
	/* The first learns it, and what reads next or is sent next is told. */
	assert_int_equal(udp_write(fd, span_of("x", 1)), OK);
	wait_readable(&(struct end){.fd = fd});
	assert_int_equal(udp_trains_receive(from.in, &connected), OK);
	assert_int_equal(connected.refused, 1);
	assert_int_equal(udp_write(fd, span_of("x", 1)), OK);
	wait_readable(&(struct end){.fd = fd});
	fill(&from.out->trains[0], &gone, 100, 100);
	from.out->count = 1;
	udp_trains_send(from.out, &connected);
	assert_int_equal(connected.refused, 2);
	assert_int_equal(connected.lost, 1);
	fd_done(&fd);
	end_done(&from);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_left_out_and_who_is_not_there_is_counted),
		cmocka_unit_test(sends_from_another_address_when_the_one_asked_for_has_gone),
		cmocka_unit_test(a_peer_that_cannot_be_reached_does_not_keep_the_others),
		cmocka_unit_test(a_device_without_checksums_carries_them_too),
		cmocka_unit_test(datagrams_beyond_the_mtu_leave_one_by_one),
		cmocka_unit_test(trains_arrive_in_order_with_and_without_the_kernels_help),
		cmocka_unit_test(type_of_service_goes_both_ways),
		cmocka_unit_test(an_answer_leaves_from_where_the_question_came_to),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
