#include "service/nat/prefix6.h"

#include "service/nat/conf_v6.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
/* cmocka wants the four above it. */
#include <cmocka.h>

static struct ip_address ip(const char *text)
{
	struct ip_address a;
	assert_int_equal(ip_address_parse(span_text(text), &a), OK);
	return a;
}

static struct nat_prefix_conf pair(const char *inside, const char *outside)
{
	struct nat_prefix_conf p = {0};
	assert_int_equal(ip_prefix_parse(span_text(inside), &p.inside), OK);
	assert_int_equal(ip_prefix_parse(span_text(outside), &p.outside), OK);
	return p;
}

static void check(const struct nat_v6_conf *conf, const char *inside, const char *outside)
{
	struct ip_address in = ip(inside), out = ip(outside), a = in;
	assert_int_equal(nat_prefix6_translate(conf, true, &a), NAT_PREFIX6_MOVED);
	assert_true(ip_address_equal(&a, &out));
	assert_int_equal(nat_prefix6_translate(conf, false, &a), NAT_PREFIX6_MOVED);
	assert_true(ip_address_equal(&a, &in));
}

/* RFC 6296 2.1 and 3.4: its own example; 3.5: the first word that is not ffff. */
static void there_and_back(void **state)
{
	struct nat_prefix_conf pairs[] = {
		pair("fd01:203:405::/48", "2001:db8:1::/48"),
		pair("fd02:203:405:1::/64", "2001:db8:2:2::/64"),
	};
	struct nat_v6_conf conf = {.prefixes = {.items = pairs, .n = 2}};
	(void)state;
	check(&conf, "fd01:203:405:1::1234", "2001:db8:1:d550::1234");
	check(&conf, "fd02:203:405:1::1234", "2001:db8:2:2:d54e::1234");
	check(&conf, "fd02:203:405:1:ffff:1:0:1234", "2001:db8:2:2:ffff:d54f:0:1234");
}

static void what_cannot_come_back_is_refused(void **state)
{
	static const char *const refused[] = {
		"fd01:203:405:ffff::1",		      /* 3.4 */
		"fd01:203:405:1::",		      /* 3.5: an identifier of zeros */
		"fd02:203:405:1:ffff:ffff:ffff:ffff", /* no word takes the adjustment */
	};
	struct nat_prefix_conf pairs[] = {
		pair("fd01:203:405::/48", "2001:db8:1::/48"),
		pair("fd02:203:405:1::/64", "2001:db8:2:2::/64"),
	};
	struct nat_v6_conf conf = {.prefixes = {.items = pairs, .n = 2}};
	struct ip_address a;
	(void)state;
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		struct ip_address was = a = ip(refused[i]);
		assert_int_equal(nat_prefix6_translate(&conf, true, &a), NAT_PREFIX6_REFUSED);
		assert_true(ip_address_equal(&a, &was));
	}
	a = ip("2001:470::1");
	assert_int_equal(nat_prefix6_translate(&conf, true, &a), NAT_PREFIX6_NONE);
	assert_int_equal(nat_prefix6_translate(&conf, false, &a), NAT_PREFIX6_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(there_and_back),
		cmocka_unit_test(what_cannot_come_back_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
