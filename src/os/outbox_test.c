#include "os/outbox.h"

#include "os/fd.h"
#include "os/packet.h"
#include "os/udp.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "os/veth_test.h"

static const struct ip_endpoint loopback = {.address = {.family = 4, .bytes = {127, 0, 0, 1}}};

static bool waits(int fd, int ms)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	return poll(&p, 1, ms) == 1;
}

static void holds_what_it_has_room_for(void **state)
{
	(void)state;
	AUTO(outbox_free) struct outbox *box = NULL;
	static const uint8_t bytes[65536];
	struct ip_endpoint to = loopback;
	to.port = 9;
	assert_int_equal(outbox_new(2, 512, &box), OK);
	assert_true(outbox_is_empty(box));
	assert_false(outbox_add_udp(box, &to, NULL, 0, span_of(bytes, sizeof(bytes))));
	const struct packet_end end = {.address_len = 6};
	assert_false(outbox_add_packet(box, &end, span_of(bytes, 300), span_of(bytes, 65000)));
	assert_true(outbox_is_empty(box));
	assert_true(outbox_add_udp(box, &to, NULL, 0, span_of(bytes, 512)));
	assert_true(outbox_add_packet(box, &end, span_of(bytes, 28), span_of(bytes, 484)));
	assert_true(outbox_is_full(box));
	assert_false(outbox_add_udp(box, &to, NULL, 0, span_of(bytes, 1)));
}

/* One that cannot be sent spoils no other. */
static void sends_each_to_its_own_end(void **state)
{
	(void)state;
	AUTO(outbox_free) struct outbox *box = NULL;
	struct udp_socket server, peers[2];
	struct ip_endpoint nowhere = {.address = {.family = 4, .bytes = {240, 0, 0, 1}}, .port = 9};
	const struct ip_address source = {.family = 4, .bytes = {127, 0, 0, 9}};
	struct ip_endpoint any = {.address = {.family = 4}}, from;
	int fds[3];
	assert_int_equal(udp_open(&any, 0, &fds[2]), OK);
	assert_int_equal(udp_prepare(fds[2], 0, &server), OK);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(udp_open(&loopback, 0, &fds[i]), OK);
		assert_int_equal(udp_prepare(fds[i], 0, &peers[i]), OK);
	}
	assert_int_equal(outbox_new(8, 512, &box), OK);
	for (unsigned round = 0; round < 2; round++) {
		assert_true(outbox_add_udp(box, &peers[0].local, &source, 0, span_text("one")));
		assert_true(outbox_add_udp(box, &nowhere, &source, 0, span_text("lost")));
		assert_true(outbox_add_udp(box, &peers[1].local, NULL, 0, span_text("second")));
		assert_int_equal(outbox_send(box, fds[2]), 1);
		assert_true(outbox_is_empty(box));
		for (size_t i = 0; i < 2; i++) {
			char text[16];
			size_t len;
			assert_int_equal(
				udp_receive_one(&peers[i], text, sizeof(text), &len, &from, NULL),
				OK);
			assert_int_equal(len, i ? 6 : 3);
			assert_memory_equal(text, i ? "second" : "one", len);
			assert_int_equal(from.port, server.local.port);
			assert_int_equal(from.address.bytes[3], i ? 1 : 9);
		}
	}
	for (size_t i = 0; i < 3; i++)
		fd_done(&fds[i]);
}

/* A broadcast and a frame leave by the link that was named. */
static int over_a_link(void)
{
	AUTO(outbox_free) struct outbox *datagrams = NULL, *packets = NULL;
	struct cable c;
	struct udp_socket there;
	struct ip_endpoint any67 = {.address = {.family = 4}, .port = 67}, from, to;
	struct ip_endpoint any68 = {.address = {.family = 4}, .port = 68};
	const struct ip_endpoint all = {.address = {.family = 4, .bytes = {255, 255, 255, 255}},
					.port = 68};
	int ours = -1, theirs = -1, raw = -1;
	char text[64];
	size_t len;
	enum err e = cable_lay(&c);
	if (cable_may_not(e))
		return CHILD_SKIPS;
	CHILD_CHECK(!e && !udp_open(&any67, UDP_BROADCAST, &ours) && !packet_open(&raw));
	CHILD_CHECK(!netns_enter(c.there) && !udp_open(&any68, 0, &theirs) &&
		    !udp_prepare(theirs, 0, &there) && !netns_enter(c.here));
	CHILD_CHECK(!outbox_new(4, 512, &datagrams) && !outbox_new(4, 512, &packets));
	/* A new cable loses what is sent in its first moment. */
	for (unsigned i = 0; i < 20 && !waits(theirs, 0); i++) {
		CHILD_CHECK(outbox_add_udp(datagrams, &all, &cable_left4, c.v0, span_text("all")));
		CHILD_CHECK(outbox_send(datagrams, ours) == 0);
		(void)waits(theirs, 100);
	}
	CHILD_CHECK(!udp_receive_one(&there, text, sizeof(text), &len, &from, &to) && len == 3);
	CHILD_CHECK(ip_address_equal(&from.address, &cable_left4) && from.port == 67);
	CHILD_CHECK(ip_address_equal(&to.address, &all.address));

	/* 10.9.1.1:67 to 10.9.1.2:68, checksum of UDP absent (RFC 768), of IP made by hand. */
	static const uint8_t head[28] = {0x45, 0, 0,  31, 0, 0, 0, 0,  64, 17, 0x64, 0xba, 10, 9,
					 1,    1, 10, 9,  1, 2, 0, 67, 0,  68, 0,    11,   0,  0};
	struct packet_end end = {.ifindex = c.v0,
				 .protocol = PACKET_IP4,
				 .address_len = 6,
				 .address = {255, 255, 255, 255, 255, 255}};
	CHILD_CHECK(
		outbox_add_packet(packets, &end, span_of(head, sizeof(head)), span_text("raw")));
	CHILD_CHECK(outbox_send(packets, raw) == 0 && waits(theirs, 2000));
	CHILD_CHECK(!udp_receive_one(&there, text, sizeof(text), &len, &from, &to) && len == 3 &&
		    memcmp(text, "raw", 3) == 0);
	fd_done(&ours);
	fd_done(&theirs);
	fd_done(&raw);
	return 0;
}

static void leaves_by_the_link_that_was_named(void **state)
{
	(void)state;
	assert_child(over_a_link, "network namespaces are not permitted");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(holds_what_it_has_room_for),
		cmocka_unit_test(sends_each_to_its_own_end),
		cmocka_unit_test(leaves_by_the_link_that_was_named),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
