/* Which group may use the control sockets, and which may not. */
#include "config/global.h"
#include "control/control_group.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include <cmocka.h>

static enum err find(const char *group, const char *user, bool sandbox, uint32_t *ret)
{
	struct config_global global = {.user = user, .control_group = group, .sandbox = sandbox};
	*ret = 77;
	return control_group_find(&global, "nobody", ret);
}

static void a_group_is_a_name_or_a_number(void **state)
{
	uint32_t gid;
	(void)state;
	assert_int_equal(find("root", "1200:1200", true, &gid), OK);
	assert_int_equal(gid, 0);
	assert_int_equal(find("4711", "1200:1200", true, &gid), OK);
	assert_int_equal(gid, 4711);
	assert_int_equal(find("no-such-group", "1200:1200", true, &gid), ERR_ABSENT);
	assert_int_equal(gid, 77);
}

static void without_one_nothing_is_said(void **state)
{
	uint32_t gid;
	(void)state;
	assert_int_equal(find(NULL, "1200:1200", true, &gid), OK);
	assert_int_equal(gid, 77);
}

static void the_group_that_the_services_run_as_is_refused(void **state)
{
	uint32_t gid;
	(void)state;
	assert_int_equal(find("1201", "1200:1201", true, &gid), ERR_REFUSED);
	assert_int_equal(gid, 77);
	assert_int_equal(find("1200", "1200", true, &gid), ERR_REFUSED);
	/* Without the sandbox they keep their user, which is who starts them. */
	assert_int_equal(find("1200", "1200", false, &gid), OK);
	/* The default user is whoever the caller found for it. */
	assert_int_equal(find("nogroup", "gatehouse", true, &gid), ERR_REFUSED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_group_is_a_name_or_a_number),
		cmocka_unit_test(without_one_nothing_is_said),
		cmocka_unit_test(the_group_that_the_services_run_as_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
