#include "os/neighbours.h"

#include "os/netlink.h"
#include "os/udp.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "os/veth_test.h"

struct heard {
	struct ip_address of;
	bool there, gone;
	uint8_t mac[6];
};

static void hear(void *arg, const struct neighbour *one)
{
	struct heard *h = arg;
	if (!ip_address_equal(&one->address, &h->of))
		return;
	h->there = !one->gone;
	h->gone = one->gone;
	memcpy(h->mac, one->mac, 6);
}

/* What comes within 3 s, until it is as wanted: told at least so much, there or gone. */
static bool wait_for(struct neighbours *n, struct heard *h, enum neighbours_told wanted, bool there)
{
	enum neighbours_told most = NEIGHBOURS_TOLD;
	for (int i = 0; i < 300 && (most < wanted || !(there ? h->there : h->gone)); i++) {
		struct pollfd wait = {.fd = n->fd, .events = POLLIN};
		enum neighbours_told told;
		if (poll(&wait, 1, 10) == 1 && neighbours_read(n, hear, h, &told))
			return false;
		else if (wait.revents && told > most)
			most = told;
	}
	return most == wanted && (there ? h->there : h->gone);
}

static int begin(struct cable *cable)
{
	enum err e = cable_lay(cable);
	if (cable_may_not(e))
		return CHILD_SKIPS;
	CHILD_CHECK(!e);
	return 0;
}

static int talk(const struct ip_address *with)
{
	const struct ip_endpoint to = {.address = *with, .port = 9};
	int fd = -1;
	CHILD_CHECK(!udp_connect(&to, NULL, 0, &fd) && !udp_write(fd, span_text("x")));
	return 0;
}

static bool mac_of_v1(const struct cable *cable, uint8_t ret[6])
{
	struct links links;
	if (netns_enter(cable->there) || links_open(&links))
		return false;
	const struct link *l = links_by_name(&links, "v1");
	if (l)
		memcpy(ret, l->mac, 6);
	links_done(&links);
	return l && !netns_enter(cable->here);
}

static int come_and_go(void)
{
	const struct ip_address *const each[] = {&cable_right4, &cable_right6};
	struct cable cable;
	struct neighbours n, late;
	uint8_t mac[6];
	int trouble = begin(&cable);
	if (trouble)
		return trouble;
	CHILD_CHECK(mac_of_v1(&cable, mac));
	for (size_t i = 0; i < 2; i++) {
		struct heard h = {.of = *each[i]}, again = {.of = *each[i]};
		CHILD_CHECK(!neighbours_open(&n));
		CHILD_CHECK(talk(each[i]) == 0);
		CHILD_CHECK(wait_for(&n, &h, NEIGHBOURS_TOLD, true));
		CHILD_CHECK(memcmp(h.mac, mac, 6) == 0);
		/* Whoever opens it later asks. */
		CHILD_CHECK(!neighbours_open(&late) && !neighbours_ask(&late));
		CHILD_CHECK(wait_for(&late, &again, NEIGHBOURS_ALL, true));
		CHILD_CHECK(memcmp(again.mac, mac, 6) == 0);
		neighbours_done(&late);
		/* A link that goes down forgets its neighbours. */
		CHILD_CHECK(!link_down("v0"));
		CHILD_CHECK(wait_for(&n, &h, NEIGHBOURS_TOLD, false));
		CHILD_CHECK(!link_up("v0") && !cable_wait("v0"));
		err_ignore(address_add("v0", &cable_left6, 64)); /* of IPv6 it is gone as well */
		neighbours_done(&n);
	}
	return 0;
}

static void neighbours_are_told_as_they_come_and_go(void **state)
{
	(void)state;
	assert_child(come_and_go, "network namespaces are not permitted");
}

/* More than the socket holds. */
static int flood(void)
{
	struct cable cable;
	struct neighbours n;
	struct heard h = {0};
	enum neighbours_told told = NEIGHBOURS_TOLD;
	const int size = 4096;
	int trouble = begin(&cable);
	if (trouble)
		return trouble;
	CHILD_CHECK(!neighbours_open(&n));
	CHILD_CHECK(setsockopt(n.fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)) == 0);
	for (uint8_t i = 3; i < 200; i++) {
		const struct ip_address to = {.family = 4, .bytes = {10, 9, 1, i}};
		CHILD_CHECK(talk(&to) == 0);
	}
	(void)sleep(4); /* nobody answers: the kernel tells when it has given up */
	CHILD_CHECK(!neighbours_read(&n, hear, &h, &told));
	CHILD_CHECK(told == NEIGHBOURS_LOST);
	neighbours_done(&n);
	return 0;
}

static void what_was_lost_is_told(void **state)
{
	(void)state;
	assert_child(flood, "network namespaces are not permitted");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(neighbours_are_told_as_they_come_and_go),
		cmocka_unit_test(what_was_lost_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
