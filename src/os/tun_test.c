#include "os/tun.h"

#include "os/fd.h"
#include "os/netlink.h"
#include "os/netlink_route.h"
#include "os/netns.h"
#include "os/udp.h"
#include "os/user.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "os/child_test.h"

static const struct ip_address here = {.family = 4, .bytes = {10, 8, 0, 1}};
static const struct ip_address there = {.family = 4, .bytes = {10, 8, 0, 2}};

static enum err own_netns(void)
{
	int ns;
	if (!user_is_root())
		TRY(userns_enter());
	TRY(netns_new(&ns));
	return netns_enter(ns);
}

static bool may_not(enum err e)
{
	return e == (enum err)EPERM || e == (enum err)EACCES || e == (enum err)ENOENT ||
	       e == (enum err)ENOSPC;
}

static int refuses_names(void)
{
	int fd;
	size_t n;
	if (may_not(own_netns()))
		return CHILD_SKIPS;
	CHILD_CHECK(tun_open("", 1, TUN_ALL, &fd, &n) == ERR_FORMAT);
	CHILD_CHECK(tun_open("sixteen-letters-", 1, TUN_ALL, &fd, &n) == ERR_FORMAT);
	CHILD_CHECK(tun_open("wg%d", 1, TUN_ALL, &fd, &n) == ERR_FORMAT);
	CHILD_CHECK(tun_open("a/b", 1, TUN_ALL, &fd, &n) == ERR_FORMAT);
	int other = -1;
	struct tun tun;
	CHILD_CHECK(!udp_open(&(struct ip_endpoint){.address = {.family = 4}}, 0, &other));
	CHILD_CHECK(tun_prepare(other, TUN_ALL, &tun) != OK);
	fd_done(&other);
	return 0;
}

/* A datagram to the other side of the link; the kernel's UDP. */
static int datagram(struct span bytes)
{
	int fd;
	const struct ip_endpoint to = {.address = there, .port = 9};
	CHILD_CHECK(!udp_connect(&to, NULL, 4000, &fd));
	CHILD_CHECK(!udp_write(fd, bytes));
	fd_done(&fd);
	return 0;
}

/* Reads from whichever queue has it; skips what else the kernel says on a link. */
static size_t next_datagram(const struct tun *queues, size_t n, uint8_t *room)
{
	struct pollfd p[4];
	for (size_t i = 0; i < n; i++)
		p[i] = (struct pollfd){.fd = queues[i].fd, .events = POLLIN};
	for (int tries = 0; tries < 100 && poll(p, n, 2000) > 0; tries++)
		for (size_t i = 0; i < n; i++) {
			size_t len = 0;
			if (tun_read(&queues[i], room, TUN_HEAD_LEN + TUN_PACKET_MAX, &len))
				return 0;
			if (len > TUN_HEAD_LEN + 28 && room[TUN_HEAD_LEN] >> 4 == 4)
				return len;
		}
	return 0;
}

static int carries(unsigned wanted, size_t queues, unsigned *ret_on)
{
	static uint8_t room[TUN_HEAD_LEN + TUN_PACKET_MAX];
	int fds[4], back;
	size_t n = 0;
	struct tun tuns[4];
	struct netlink_link link;
	uint32_t index;
	CHILD_CHECK(!tun_open("wg7", queues, wanted, fds, &n));
	CHILD_CHECK(n == (wanted & TUN_QUEUES ? queues : 1));
	for (size_t i = 0; i < n; i++) {
		CHILD_CHECK(!tun_prepare(fds[i], wanted, &tuns[i]));
		CHILD_CHECK(strcmp(tuns[i].name, "wg7") == 0 && tuns[i].on == tuns[0].on);
	}
	CHILD_CHECK(!link_set_mtu("wg7", 1420) && !link_up("wg7"));
	CHILD_CHECK(!address_add("wg7", &here, 24));
	CHILD_CHECK(!link_index("wg7", &index) && !netlink_link_get(index, &link));
	CHILD_CHECK(link.mtu == 1420 && link.up);

	CHILD_CHECK(!datagram(span_text("hello")));
	size_t len = next_datagram(tuns, n, room);
	CHILD_CHECK(len == TUN_HEAD_LEN + 28 + 5);
	CHILD_CHECK(memcmp(room + TUN_HEAD_LEN + 28, "hello", 5) == 0);
	/* The checksum is ours to fill in exactly where that was asked for. */
	CHILD_CHECK((room[0] & 1) == (tuns[0].on & TUN_CHECKSUM ? 1 : 0));

	/* Addresses and ports turned round it is a datagram for us: the sums stay as they are, and
	 * UDP's may be 0, none. */
	uint8_t *ip = room + TUN_HEAD_LEN;
	uint8_t swap[4];
	memcpy(swap, ip + 12, 4);
	memmove(ip + 12, ip + 16, 4);
	memcpy(ip + 16, swap, 4);
	memcpy(swap, ip + 20, 2);
	memmove(ip + 20, ip + 22, 2);
	memcpy(ip + 22, swap, 2);
	memset(ip + 26, 0, 2);
	memset(room, 0, TUN_HEAD_LEN);
	const struct ip_endpoint at = {.address = here, .port = 4000};
	CHILD_CHECK(!udp_open(&at, 0, &back));
	const struct span parts[] = {span_of(room, TUN_HEAD_LEN), span_of(ip, 28),
				     span_of(ip + 28, 5)};
	CHILD_CHECK(!tun_write(&tuns[0], parts, 3));
	char text[16] = "";
	size_t got = 0;
	CHILD_CHECK(!udp_read(back, text, sizeof(text), &got));
	CHILD_CHECK(got == 5 && memcmp(text, "hello", 5) == 0);

	*ret_on = tuns[0].on;
	fd_done(&back);
	for (size_t i = 0; i < n; i++)
		fd_done(&fds[i]);
	CHILD_CHECK(link_index("wg7", &index) == (enum err)ENODEV); /* it went with them */
	return 0;
}

static int carries_packets(void)
{
	static const unsigned wishes[] = {
		TUN_ALL,
		TUN_ALL & ~(unsigned)TUN_USO,
		TUN_ALL & ~(unsigned)(TUN_USO | TUN_ECN),
		TUN_QUEUES | TUN_HEADS | TUN_CHECKSUM,
		TUN_HEADS,
		TUN_QUEUES,
		0,
	};
	enum err e = own_netns();
	int fd;
	size_t n;
	if (!e)
		e = tun_open("wg6", 1, 0, &fd, &n);
	if (may_not(e))
		return CHILD_SKIPS;
	CHILD_CHECK(!e);
	for (size_t i = 0; i < sizeof(wishes) / sizeof(wishes[0]); i++) {
		unsigned on;
		int line = carries(wishes[i], 3, &on);
		if (line)
			return line;
		CHILD_CHECK((on & ~wishes[i]) == 0);
		if (wishes[i] & TUN_CHECKSUM)
			CHILD_CHECK(on & TUN_CHECKSUM);
	}
	return 0;
}

static void refuses_what_names_no_link(void **state)
{
	(void)state;
	assert_child(refuses_names, "no network namespaces here");
}

static void carries_packets_with_whatever_is_on(void **state)
{
	(void)state;
	assert_child(carries_packets, "no TUN devices here");
}

static void each_feature_has_a_name(void **state)
{
	(void)state;
	for (unsigned bit = 1; bit < TUN_ALL; bit <<= 1)
		assert_non_null(tun_feature_name(bit));
	assert_null(tun_feature_name(0));
	assert_null(tun_feature_name(TUN_ALL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_what_names_no_link),
		cmocka_unit_test(carries_packets_with_whatever_is_on),
		cmocka_unit_test(each_feature_has_a_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
