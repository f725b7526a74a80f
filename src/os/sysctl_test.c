#include "os/sysctl.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "os/veth_test.h"

static void refuses_names_that_lead_elsewhere(void **state)
{
	(void)state;
	int64_t value;
	char name[200];
	memset(name, 'n', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	const char *const bad[] = {"", "/etc/passwd", "../kernel/osrelease", "ipv4/../../x", name};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(sysctl_read(bad[i], &value), ERR_FORMAT);
		assert_int_equal(sysctl_write(bad[i], 1), ERR_FORMAT);
	}
	assert_int_equal(sysctl_link_read(4, "a/b", "rp_filter", &value), ERR_FORMAT);
	assert_int_equal(sysctl_link_read(4, "..", "rp_filter", &value), ERR_FORMAT);
	assert_int_equal(sysctl_link_write(4, "", "rp_filter", 1), ERR_FORMAT);
	assert_int_equal(sysctl_link_write(6, "all", "../forwarding", 1), ERR_FORMAT);
	assert_int_equal(sysctl_read("ipv4/no_such_setting", &value), ENOENT);
	/* Two numbers are none. */
	assert_int_equal(sysctl_read("ipv4/ip_local_port_range", &value), ERR_FORMAT);
}

static int settings(void)
{
	struct cable cable;
	int64_t value = 9;
	enum err e = cable_lay(&cable);
	if (cable_may_not(e))
		return CHILD_SKIPS;
	CHILD_CHECK(!e);
	for (unsigned family = 4; family <= 6; family += 2) {
		CHILD_CHECK(!sysctl_forwarding_write(family, 0));
		CHILD_CHECK(!sysctl_forwarding_read(family, &value) && value == 0);
		CHILD_CHECK(!sysctl_forwarding_write(family, 1));
		CHILD_CHECK(!sysctl_forwarding_read(family, &value) && value == 1);
		CHILD_CHECK(!sysctl_link_read(family, "v0", "forwarding", &value) && value == 1);
	}
	CHILD_CHECK(!sysctl_link_write(4, "v0", "rp_filter", 2));
	CHILD_CHECK(!sysctl_link_read(4, "v0", "rp_filter", &value) && value == 2);
	CHILD_CHECK(sysctl_link_write(4, "v9", "rp_filter", 2) == (enum err)ENOENT);
	CHILD_CHECK(sysctl_write("ipv4/ip_local_port_range", -1) == (enum err)EINVAL);
	/* The other end of the cable lies in a namespace of its own. */
	CHILD_CHECK(!netns_enter(cable.there));
	CHILD_CHECK(sysctl_link_read(4, "v0", "rp_filter", &value) == (enum err)ENOENT);
	CHILD_CHECK(!sysctl_link_read(4, "v1", "rp_filter", &value));
	return 0;
}

static void settings_are_of_the_namespace(void **state)
{
	(void)state;
	assert_child(settings, "network namespaces are not permitted");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_names_that_lead_elsewhere),
		cmocka_unit_test(settings_are_of_the_namespace),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
