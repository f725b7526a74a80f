#include "os/device.h"

#include "os/netlink.h"

#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "os/veth_test.h"

/* A cable, and what its end here is. */
#define BEGIN()                                                                                    \
	struct cable cable;                                                                        \
	struct device d;                                                                           \
	do {                                                                                       \
		enum err begun_ = cable_lay(&cable);                                               \
		if (cable_may_not(begun_))                                                         \
			return CHILD_SKIPS;                                                        \
		CHILD_CHECK(!begun_ && !device_get(cable.v0, &d));                                 \
	} while (0)

static int kinds(void)
{
	uint32_t index;
	BEGIN();
	CHILD_CHECK(strcmp(d.name, "v0") == 0 && strcmp(d.kind, "veth") == 0 && d.ethernet);
	CHILD_CHECK(!d.physical && !d.loopback && d.mtu == 1500 && d.master == 0);
	CHILD_CHECK(device_get(cable.v0 + 1000, &d) == (enum err)ENODEV);
	CHILD_CHECK(!link_index("lo", &index) && !device_get(index, &d));
	CHILD_CHECK(d.loopback && d.kind[0] == '\0' && !d.physical && d.xdp != DEVICE_XDP_YES);
	CHILD_CHECK(!link_add_bridge("br0") && !link_index("br0", &index));
	CHILD_CHECK(!link_set_master("v0", "br0") && !device_get(index, &d));
	CHILD_CHECK(strcmp(d.kind, "bridge") == 0 && d.ethernet);
	CHILD_CHECK(!device_get(cable.v0, &d) && d.master == index);
	return 0;
}

static int apart(void)
{
	uint32_t near;
	BEGIN();
	CHILD_CHECK(d.apart && !d.queues && device_has_peer(&d));
	/* A pair of this namespace alone, of which one end leaves it. */
	CHILD_CHECK(!link_add_veth("near0", "near1", -1) && !link_index("near0", &near));
	CHILD_CHECK(!link_up("near0")); /* before, a device discards what is to leave by it */
	CHILD_CHECK(!device_get(near, &d) && !d.apart && !device_has_peer(&d));
	CHILD_CHECK(!link_move("near1", cable.there));
	CHILD_CHECK(!device_get(near, &d) && d.apart && device_has_peer(&d));
	CHILD_CHECK(!cable_queue(near) && !device_get(near, &d) && d.queues);
	CHILD_CHECK(!device_has_peer(&d));
	/* The other one of v0 comes here. */
	CHILD_CHECK(!netns_enter(cable.there) && !link_move("v1", cable.here));
	CHILD_CHECK(!netns_enter(cable.here));
	CHILD_CHECK(!device_get(cable.v0, &d) && !d.apart && !device_has_peer(&d));
	return 0;
}

static void a_veth_tells_whether_its_other_end_is_elsewhere(void **state)
{
	(void)state;
	assert_child(apart, "network namespaces are not permitted");
}

static void only_a_veth_on_its_own_has_a_peer(void **state)
{
	const struct device veth = {.kind = "veth", .apart = true};
	struct device d = veth;
	(void)state;
	assert_true(device_has_peer(&d));
	d.queues = true; /* a shaper wants to see what leaves */
	assert_false(device_has_peer(&d));
	d = veth;
	d.master = 9;
	assert_false(device_has_peer(&d));
	d = veth;
	d.apart = false;
	assert_false(device_has_peer(&d));
	d = veth;
	(void)snprintf(d.kind, sizeof(d.kind), "macvlan"); /* what lies below it is elsewhere */
	assert_false(device_has_peer(&d));
}

static void devices_tell_their_kind(void **state)
{
	(void)state;
	assert_child(kinds, "network namespaces are not permitted");
}

/* As the kernel tells it: 0 when the device fills in no checksum. */
static uint32_t checksums_left(const char *name)
{
	struct ethtool_value value = {.cmd = ETHTOOL_GTXCSUM};
	struct ifreq request = {.ifr_data = (void *)&value};
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	(void)snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	int failed = ioctl(fd, SIOCETHTOOL, &request);
	(void)close(fd);
	return failed ? UINT32_MAX : value.data;
}

static int filled(void)
{
	struct cable cable;
	enum err e = cable_lay(&cable);
	if (cable_may_not(e))
		return CHILD_SKIPS;
	CHILD_CHECK(!e && checksums_left("v0") == 1);
	CHILD_CHECK(device_fill_checksums("nothing") == (enum err)ENODEV);
	CHILD_CHECK(device_fill_checksums("a-name-that-is-too-long") == (enum err)ENODEV);
	CHILD_CHECK(!device_fill_checksums("v0") && checksums_left("v0") == 0);
	return 0;
}

static void checksums_are_filled_in_where_it_is_asked_for(void **state)
{
	(void)state;
	assert_child(filled, "network namespaces are not permitted");
}

static void hook_is_chosen_by_kind_and_told(void **state)
{
	static const struct {
		struct device device;
		bool xdp;
		const char *why;
	} cases[] = {
		{{.name = "eth0", .physical = true, .ethernet = true, .xdp = DEVICE_XDP_YES},
		 true,
		 "eth0 is hardware whose driver runs XDP"},
		{{.name = "eth0", .physical = true, .ethernet = true},
		 true,
		 "eth0 is hardware; whether its driver runs XDP is tried"},
		{{.name = "eth0", .physical = true, .ethernet = true, .xdp = DEVICE_XDP_NO},
		 false,
		 "eth0 is hardware whose driver does not run XDP"},
		{{.name = "eth0",
		  .physical = true,
		  .ethernet = true,
		  .xdp = DEVICE_XDP_YES,
		  .master = 9},
		 false,
		 "eth0 is a port of another device, which the packets are for"},
		{{.name = "wwan0", .physical = true, .xdp = DEVICE_XDP_YES},
		 false,
		 "wwan0 has no Ethernet frames, which XDP takes"},
		{{.name = "v0", .kind = "veth", .ethernet = true, .xdp = DEVICE_XDP_YES},
		 false,
		 "v0 is a veth, where XDP breaks GSO packets up and loses checksums (veth)"},
		{{.name = "br0", .kind = "bridge", .ethernet = true, .xdp = DEVICE_XDP_NO},
		 false,
		 "br0 is no hardware: tc sees its packets whole (bridge)"},
		{{.name = "tun0", .kind = "tun"},
		 false,
		 "tun0 has no Ethernet frames, which XDP takes (tun)"},
		{{.name = "lo", .ethernet = true, .loopback = true}, false, "lo is the loopback"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct device_choice choice;
		device_choose(&cases[i].device, &choice);
		assert_string_equal(choice.why, cases[i].why);
		assert_int_equal(choice.xdp, cases[i].xdp);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(devices_tell_their_kind),
		cmocka_unit_test(a_veth_tells_whether_its_other_end_is_elsewhere),
		cmocka_unit_test(only_a_veth_on_its_own_has_a_peer),
		cmocka_unit_test(checksums_are_filled_in_where_it_is_asked_for),
		cmocka_unit_test(hook_is_chosen_by_kind_and_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
