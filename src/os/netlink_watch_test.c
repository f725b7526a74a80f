#include "os/netlink_watch.h"

#include "os/netlink.h"
#include "os/udp.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "os/veth_test.h"

/* What comes within 2 s, at least once and until all of `wanted` is there. */
static unsigned told(struct netlink_watch *watch, unsigned wanted)
{
	unsigned all = 0;
	for (int i = 0; i < 200 && (all & wanted) != wanted; i++) {
		struct pollfd wait = {.fd = watch->fd, .events = POLLIN};
		unsigned bits = 0;
		if (poll(&wait, 1, 10) == 1 && netlink_watch_read(watch, &bits))
			return 0;
		all |= bits;
	}
	return all;
}

static int begin(struct cable *cable)
{
	enum err e = cable_lay(cable);
	if (cable_may_not(e))
		return CHILD_SKIPS;
	CHILD_CHECK(!e);
	return 0;
}

static int kinds(void)
{
	static const struct ip_address more = {.family = 4, .bytes = {10, 9, 2, 1}};
	static const struct ip_address far = {.family = 4, .bytes = {198, 51, 100, 0}};
	struct cable cable;
	struct netlink_watch watch = {0};
	unsigned bits = 9;
	int trouble = begin(&cable);
	if (trouble)
		return trouble;
	netlink_watch_done(&watch);
	CHILD_CHECK(!netlink_watch_open(NETLINK_ROUTES | NETLINK_NEIGHBOURS, &watch));
	CHILD_CHECK(!netlink_watch_read(&watch, &bits)); /* IPv6 may still be at it */
	CHILD_CHECK(!route_add(&far, 24, &cable_right4, NULL));
	CHILD_CHECK(told(&watch, NETLINK_ROUTES) & NETLINK_ROUTES);
	/* A neighbour is asked for. */
	const struct ip_endpoint to = {.address = cable_right4, .port = 9};
	int fd = -1;
	CHILD_CHECK(!udp_connect(&to, NULL, 0, &fd) && !udp_write(fd, span_text("x")));
	CHILD_CHECK(told(&watch, NETLINK_NEIGHBOURS) & NETLINK_NEIGHBOURS);
	netlink_watch_done(&watch);
	CHILD_CHECK(!netlink_watch_open(NETLINK_LINKS | NETLINK_ADDRESSES, &watch));
	CHILD_CHECK(!address_add("v0", &more, 24));
	CHILD_CHECK(told(&watch, NETLINK_ADDRESSES) & NETLINK_ADDRESSES);
	CHILD_CHECK(!link_set_mtu("v0", 1400));
	CHILD_CHECK(told(&watch, NETLINK_LINKS) & NETLINK_LINKS);
	netlink_watch_done(&watch);
	CHILD_CHECK(!netlink_watch_open(NETLINK_QDISCS, &watch));
	CHILD_CHECK(!cable_queue(cable.v0) && told(&watch, NETLINK_QDISCS) == NETLINK_QDISCS);
	netlink_watch_done(&watch);
	return 0;
}

static void each_kind_of_change_is_told(void **state)
{
	(void)state;
	assert_child(kinds, "network namespaces are not permitted");
}

/* More than the socket holds. */
static int flood(void)
{
	struct cable cable;
	struct netlink_watch watch;
	unsigned bits = 0;
	int trouble = begin(&cable);
	if (trouble)
		return trouble;
	CHILD_CHECK(!netlink_watch_open(NETLINK_ROUTES | NETLINK_NEIGHBOURS, &watch));
	const int size = 4096;
	CHILD_CHECK(setsockopt(watch.fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)) == 0);
	for (int i = 0; i < 300; i++) {
		const struct ip_address to = {.family = 4,
					      .bytes = {10, 20, (uint8_t)(i >> 8), (uint8_t)i}};
		CHILD_CHECK(!route_add(&to, 32, &cable_right4, NULL));
	}
	/* Lost neighbours are not told from those that were none. */
	CHILD_CHECK(!netlink_watch_read(&watch, &bits));
	CHILD_CHECK(bits == (NETLINK_ROUTES | NETLINK_NEIGHBOURS));
	for (int i = 0; i < 100 && bits; i++)
		CHILD_CHECK(!netlink_watch_read(&watch, &bits));
	CHILD_CHECK(bits == 0);
	netlink_watch_done(&watch);
	return 0;
}

static void what_was_lost_counts_as_everything(void **state)
{
	(void)state;
	assert_child(flood, "network namespaces are not permitted");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_kind_of_change_is_told),
		cmocka_unit_test(what_was_lost_counts_as_everything),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
