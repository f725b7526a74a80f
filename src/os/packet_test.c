#include "os/packet.h"

#include "os/fd.h"
#include "os/udp.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "os/veth_test.h"

static const struct user nobody = {65534, 65534};

static bool waits(int fd, int ms)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	return poll(&p, 1, ms) == 1;
}

/* A request for 10.9.1.2 from 10.9.1.1 (RFC 826), which the other end's kernel answers. */
static size_t arp_request(uint8_t ret[28], const uint8_t mac[6])
{
	static const uint8_t head[] = {0, 1, 8, 0, 6, 4, 0, 1};
	memcpy(ret, head, 8);
	memcpy(ret + 8, mac, 6);
	memcpy(ret + 14, cable_left4.bytes, 4);
	memset(ret + 18, 0, 6);
	memcpy(ret + 24, cable_right4.bytes, 4);
	return 28;
}

static const struct packet_end everybody = {
	.protocol = PACKET_ARP, .address_len = 6, .address = {255, 255, 255, 255, 255, 255}};

static int ask_by_arp(void)
{
	struct cable c;
	int fd = -1, other = -1;
	uint8_t request[28], answer[64];
	struct packet_received got;
	enum err e = cable_lay(&c);
	if (cable_may_not(e))
		return CHILD_SKIPS;
	CHILD_CHECK(!e && !packet_open(&fd));
	CHILD_CHECK(!netns_enter(c.there) && !packet_open(&other) && !netns_enter(c.here));
	/* From here on without any right. */
	if (user_is_root())
		CHILD_CHECK(!user_become(nobody, false));
	struct packet_end to = everybody;
	to.ifindex = c.v0;
	CHILD_CHECK(!packet_send(fd, &to, span_of(request, arp_request(request, (uint8_t[6]){2}))));
	CHILD_CHECK(!waits(fd, 100)); /* it does not listen yet */
	CHILD_CHECK(!packet_listen(fd, 0, PACKET_ARP));
	CHILD_CHECK(!packet_send(fd, &to, span_of(request, arp_request(request, (uint8_t[6]){2}))));
	CHILD_CHECK(waits(fd, 2000));
	CHILD_CHECK(!packet_receive(fd, answer, sizeof(answer), &got) && got.len == 28);
	CHILD_CHECK(answer[7] == 2 && memcmp(answer + 14, cable_right4.bytes, 4) == 0);
	CHILD_CHECK(got.from.ifindex == c.v0 && got.from.protocol == PACKET_ARP &&
		    got.from.address_len == 6 && memcmp(got.from.address, answer + 8, 6) == 0);
	CHILD_CHECK(!packet_receive(fd, answer, sizeof(answer), &got) && got.len == 0);
	/* A request of the other end is told, and is not when only answers are wanted. */
	struct packet_end back = everybody;
	back.ifindex = c.v1;
	CHILD_CHECK(!packet_send(other, &back, span_of(request, 28)) && waits(fd, 2000));
	CHILD_CHECK(!packet_receive(fd, answer, sizeof(answer), &got) && answer[7] == 1);
	CHILD_CHECK(!packet_listen_arp_replies(fd, c.v0));
	CHILD_CHECK(!packet_send(other, &back, span_of(request, 28)) && !waits(fd, 200));
	CHILD_CHECK(!packet_send(fd, &to, span_of(request, 28)) && waits(fd, 2000));
	CHILD_CHECK(!packet_receive(fd, answer, sizeof(answer), &got) && answer[7] == 2);
	fd_done(&other);
	to.ifindex = 4711;
	CHILD_CHECK(packet_send(fd, &to, span_of(request, 28)) == (enum err)ENXIO);
	CHILD_CHECK(packet_listen(fd, 4711, PACKET_ARP) == (enum err)ENODEV);
	fd_done(&fd);
	return 0;
}

static void asks_and_hears_arp_without_a_capability(void **state)
{
	(void)state;
	assert_child(ask_by_arp, "network namespaces are not permitted");
}

/* One UDP datagram of that length from the other end to a port of ours. */
static enum err send_from_there(const struct cable *c, uint16_t port, size_t len)
{
	static const uint8_t bytes[3000];
	const struct ip_endpoint to = {.address = cable_left4, .port = port};
	AUTO_DONE(fd_done) int fd = -1;
	TRY(netns_enter(c->there));
	TRY(udp_connect(&to, NULL, 0, &fd));
	enum err e = udp_write(fd, span_of(bytes, len));
	if (e == (enum err)ECONNREFUSED) /* of the one before: nobody is bound there */
		e = udp_write(fd, span_of(bytes, len));
	TRY(e);
	return netns_enter(c->here);
}

static int hear_udp(void)
{
	struct cable c;
	int fd = -1;
	uint8_t packet[2048];
	struct packet_received got;
	enum err e = cable_lay(&c);
	if (cable_may_not(e))
		return CHILD_SKIPS;
	CHILD_CHECK(!e && !packet_open(&fd) && !packet_listen_udp4(fd, c.v0, 68));
	CHILD_CHECK(!send_from_there(&c, 67, 10));   /* another port */
	CHILD_CHECK(!send_from_there(&c, 68, 3000)); /* in fragments */
	CHILD_CHECK(!waits(fd, 200));
	CHILD_CHECK(!send_from_there(&c, 68, 10) && waits(fd, 2000));
	CHILD_CHECK(!packet_receive(fd, packet, sizeof(packet), &got));
	CHILD_CHECK(got.len == 20 + 8 + 10 && packet[0] == 0x45 && packet[9] == 17);
	CHILD_CHECK(packet[23] == 68 && got.checksum_pending);
	CHILD_CHECK(!send_from_there(&c, 68, 100) && waits(fd, 2000));
	CHILD_CHECK(!packet_receive(fd, packet, 30, &got) && got.len == 128);
	fd_done(&fd);
	return 0;
}

static void filter_passes_whole_datagrams_to_its_port_only(void **state)
{
	(void)state;
	assert_child(hear_udp, "network namespaces are not permitted");
}

static int look_on(void)
{
	struct cable c;
	int fd = -1, own = -1;
	uint8_t packet[2048];
	struct packet_received got;
	const struct ip_endpoint to = {.address = cable_right4, .port = 66};
	enum err e = cable_lay(&c);
	if (cable_may_not(e))
		return CHILD_SKIPS;
	CHILD_CHECK(!e && !packet_open(&fd) && !packet_watch_udp4(fd, c.v0, 67, 68));
	CHILD_CHECK(!send_from_there(&c, 66, 10));
	CHILD_CHECK(!send_from_there(&c, 69, 10));
	CHILD_CHECK(!send_from_there(&c, 67, 3000)); /* in fragments */
	CHILD_CHECK(!waits(fd, 200));
	for (uint16_t port = 67; port <= 68; port++) {
		CHILD_CHECK(!send_from_there(&c, port, 10) && waits(fd, 2000));
		CHILD_CHECK(!packet_receive(fd, packet, sizeof(packet), &got));
		CHILD_CHECK(got.len == 20 + 8 + 10 && packet[23] == port);
	}
	/* What we send ourselves counts too, by the port it comes from. */
	CHILD_CHECK(!udp_connect(&to, NULL, 67, &own) && !udp_write(own, span_of(packet, 5)));
	CHILD_CHECK(waits(fd, 2000) && !packet_receive(fd, packet, sizeof(packet), &got));
	CHILD_CHECK(got.len == 20 + 8 + 5 && packet[21] == 67 && packet[23] == 66);
	CHILD_CHECK(packet_watch_udp4(fd, 4711, 67, 68) == (enum err)ENODEV);
	fd_done(&own);
	fd_done(&fd);
	return 0;
}

static void watching_sees_both_ways_and_both_ports(void **state)
{
	(void)state;
	assert_child(look_on, "network namespaces are not permitted");
}

static int open_unprivileged(void)
{
	int fd = -1;
	if (user_is_root())
		CHILD_CHECK(!user_become(nobody, false));
	CHILD_CHECK(packet_open(&fd) == (enum err)EPERM && fd == -1);
	return 0;
}

static void is_for_root_to_open(void **state)
{
	(void)state;
	assert_child(open_unprivileged, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_for_root_to_open),
		cmocka_unit_test(asks_and_hears_arp_without_a_capability),
		cmocka_unit_test(filter_passes_whole_datagrams_to_its_port_only),
		cmocka_unit_test(watching_sees_both_ways_and_both_ports),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
