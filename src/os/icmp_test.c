#include "os/icmp.h"

#include "os/fd.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "os/veth_test.h"

static const struct user nobody = {65534, 65534};

enum { ECHO_REQUEST = 8, ECHO_REPLY = 0, ROUTER_SOLICITATION = 133, ECHO6_REQUEST = 128 };

static bool waits(int fd, int ms)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	return poll(&p, 1, ms) == 1;
}

/* An echo request with identifier 0x1234 (RFC 792); the checksum is 0xffff - 0x0800 - 0x1234. */
static const uint8_t echo[] = {ECHO_REQUEST, 0, 0xe5, 0xcb, 0x12, 0x34, 0, 0};

static int ping(void)
{
	static const uint8_t replies[] = {ECHO_REPLY}, high[] = {32};
	struct cable c;
	int fd = -1, deaf = -1;
	uint8_t buf[128];
	struct icmp_received got;
	enum err e = cable_lay(&c);
	if (cable_may_not(e))
		return CHILD_SKIPS;
	CHILD_CHECK(!e && !icmp_open(4, &fd) && !icmp_open(4, &deaf));
	if (user_is_root())
		CHILD_CHECK(!user_become(nobody, false));
	CHILD_CHECK(icmp_listen(fd, 4, high, 1) == (enum err)EINVAL);
	CHILD_CHECK(!icmp_listen(fd, 4, replies, 1));
	CHILD_CHECK(!icmp_send(fd, &cable_right4, span_of(echo, sizeof(echo))) && waits(fd, 2000));
	CHILD_CHECK(!icmp_receive(fd, buf, sizeof(buf), &got));
	CHILD_CHECK(got.message.len == sizeof(echo) && got.message.data[0] == ECHO_REPLY &&
		    got.message.data[4] == 0x12 && got.message.data[5] == 0x34);
	CHILD_CHECK(ip_address_equal(&got.from, &cable_right4) &&
		    ip_address_equal(&got.to, &cable_left4) && got.ifindex == c.v0 &&
		    got.hop_limit == 64);
	CHILD_CHECK(!icmp_receive(fd, buf, sizeof(buf), &got) && got.message.len == 0);
	/* What does not fit whole is passed over. */
	CHILD_CHECK(!icmp_send(fd, &cable_right4, span_of(echo, sizeof(echo))) && waits(fd, 2000));
	CHILD_CHECK(!icmp_receive(fd, buf, 24, &got) && got.message.len == 0 && !waits(fd, 0));
	CHILD_CHECK(!waits(deaf, 0)); /* it never listened */
	fd_done(&fd);
	fd_done(&deaf);
	return 0;
}

static void asks_and_hears_echoes_without_a_capability(void **state)
{
	(void)state;
	assert_child(ping, "network namespaces are not permitted");
}

static int solicit(void)
{
	static const uint8_t types[] = {ROUTER_SOLICITATION}, message[8] = {ROUTER_SOLICITATION};
	static const uint8_t request[8] = {ECHO6_REQUEST};
	static const struct ip_address routers = {.family = 6, .bytes = {0xff, 2, [15] = 2}};
	struct cable c;
	int ours = -1, theirs = -1;
	uint8_t buf[128];
	struct icmp_received got;
	enum err e = cable_lay(&c);
	if (cable_may_not(e))
		return CHILD_SKIPS;
	CHILD_CHECK(!e && !icmp_open(6, &ours) && !icmp_listen(ours, 6, types, 1));
	CHILD_CHECK(!netns_enter(c.there) && !icmp_open(6, &theirs) &&
		    !icmp_listen(theirs, 6, types, 1) && !netns_enter(c.here));
	struct span rs = span_of(message, sizeof(message));
	CHILD_CHECK(!icmp6_send(theirs, c.v1, &cable_right6, &routers, rs) && !waits(ours, 200));
	CHILD_CHECK(!multicast_join(ours, &routers, c.v0) && !multicast_join(ours, &routers, c.v0));
	CHILD_CHECK(!icmp6_send(theirs, c.v1, &cable_right6, &cable_left6,
				span_of(request, sizeof(request))));
	CHILD_CHECK(!waits(ours, 100)); /* the kernel's business */
	CHILD_CHECK(!icmp6_send(theirs, c.v1, &cable_right6, &routers, rs) && waits(ours, 2000));
	CHILD_CHECK(!icmp_receive(ours, buf, sizeof(buf), &got));
	CHILD_CHECK(got.message.len == sizeof(message) && got.message.data[0] == message[0]);
	CHILD_CHECK(ip_address_equal(&got.from, &cable_right6) &&
		    ip_address_equal(&got.to, &routers) && got.ifindex == c.v0 &&
		    got.hop_limit == 255);
	CHILD_CHECK(!multicast_leave(ours, &routers, c.v0) &&
		    !multicast_leave(ours, &routers, c.v0));
	CHILD_CHECK(multicast_join(ours, &routers, 4711) == (enum err)ENODEV &&
		    !multicast_leave(ours, &routers, 4711));
	fd_done(&ours);
	fd_done(&theirs);
	return 0;
}

static void hears_only_its_types_on_the_links_it_joined(void **state)
{
	(void)state;
	assert_child(solicit, "network namespaces are not permitted");
}

static int open_unprivileged(void)
{
	int fd = -1;
	if (user_is_root())
		CHILD_CHECK(!user_become(nobody, false));
	CHILD_CHECK(icmp_open(4, &fd) == (enum err)EPERM && icmp_open(6, &fd) == (enum err)EPERM);
	CHILD_CHECK(fd == -1);
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
		cmocka_unit_test(asks_and_hears_echoes_without_a_capability),
		cmocka_unit_test(hears_only_its_types_on_the_links_it_joined),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
