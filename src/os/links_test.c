#include "os/links.h"

#include "os/fd.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "os/veth_test.h"

static bool is_told(struct links *links)
{
	struct pollfd p = {.fd = links->fd, .events = POLLIN};
	bool changed = false;
	return poll(&p, 1, 2000) == 1 && !links_read(links, &changed) && changed;
}

static const struct link_address *address_of(const struct link *l, const struct ip_address *a)
{
	for (size_t i = 0; l && i < l->addresses_n; i++)
		if (ip_address_equal(&l->addresses[i].address, a))
			return &l->addresses[i];
	return NULL;
}

static int follow(void)
{
	static const struct ip_address more = {.family = 4, .bytes = {10, 9, 7, 1}};
	struct cable c;
	struct links links;
	bool changed = true;
	enum err e = cable_lay(&c);
	if (cable_may_not(e))
		return CHILD_SKIPS;
	CHILD_CHECK(!e && !links_open(&links) && links.n == 2);
	const struct link *l = links_by_name(&links, "v0");
	CHILD_CHECK(l && l->index == c.v0 && links_by_index(&links, c.v0) == l);
	CHILD_CHECK(l->up && l->carrier && !l->loopback && l->hardware == 1 && l->mac_len == 6 &&
		    l->mtu == 1500 && l->master == 0);
	CHILD_CHECK(address_of(l, &cable_left4) && address_of(l, &cable_left4)->bits == 24 &&
		    address_of(l, &cable_left4)->valid_s == UINT32_MAX);
	CHILD_CHECK(address_of(l, &cable_left6) && !address_of(l, &cable_left6)->tentative);
	CHILD_CHECK(links_by_name(&links, "lo")->loopback && !links_by_name(&links, "v9"));

	/* Comes, changes, goes. */
	CHILD_CHECK(!links_read(&links, &changed));
	CHILD_CHECK(!link_add_bridge("br0") && is_told(&links));
	l = links_by_name(&links, "br0");
	CHILD_CHECK(l && !l->up && l->addresses_n == 0);
	uint32_t bridge = l->index;
	CHILD_CHECK(!link_set_master("v0", "br0") && !link_set_mtu("br0", 1400) &&
		    !address_add("br0", &more, 16) && !link_up("br0") && is_told(&links));
	l = links_by_index(&links, bridge);
	CHILD_CHECK(l->up && l->mtu == 1400 && address_of(l, &more)->bits == 16);
	CHILD_CHECK(links_by_name(&links, "v0")->master == bridge);
	CHILD_CHECK(!address_delete("br0", &more, 16) && is_told(&links));
	CHILD_CHECK(!address_of(links_by_index(&links, bridge), &more));
	CHILD_CHECK(!link_down("br0") && !link_rename("br0", "br1") && is_told(&links));
	CHILD_CHECK(!links_by_name(&links, "br0") && links_by_name(&links, "br1"));
	CHILD_CHECK(!link_delete("br1") && is_told(&links));
	CHILD_CHECK(!links_by_index(&links, bridge) && links_by_name(&links, "v0")->master == 0);
	CHILD_CHECK(!link_down("v0") && is_told(&links) && !links_by_name(&links, "v0")->carrier);
	links_done(&links);
	return 0;
}

static void follows_links_and_addresses(void **state)
{
	(void)state;
	assert_child(follow, "network namespaces are not permitted");
}

/* More changes than the socket holds. */
static int overflow(void)
{
	struct cable c;
	struct links links;
	bool changed;
	enum err e = cable_lay(&c);
	if (cable_may_not(e))
		return CHILD_SKIPS;
	CHILD_CHECK(!e && !links_open(&links));
	for (unsigned i = 0; i < 2500; i++)
		CHILD_CHECK(!link_set_mtu("v0", 1300 + i % 100));
	CHILD_CHECK(!link_set_mtu("v0", 1234) && !link_add_bridge("br0"));
	for (unsigned i = 0; i < 200; i++) {
		CHILD_CHECK(!links_read(&links, &changed));
		if (!changed)
			break;
	}
	CHILD_CHECK(!changed && links_by_name(&links, "v0")->mtu == 1234 && links.n == 3);
	CHILD_CHECK(address_of(links_by_name(&links, "v0"), &cable_left4));
	links_done(&links);
	return 0;
}

static void reads_all_anew_when_it_was_told_too_much(void **state)
{
	(void)state;
	assert_child(overflow, "network namespaces are not permitted");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(follows_links_and_addresses),
		cmocka_unit_test(reads_all_anew_when_it_was_told_too_much),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
