#include "service/dhcp-client/delegate.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const struct ip_prefix nothing = {.bits = 0};

static struct ip_prefix prefix(const char *text)
{
	struct ip_prefix p;
	assert_int_equal(ip_prefix_parse(span_text(text), &p), OK);
	return p;
}

static void assert_address(const char *delegated, uint32_t id, uint8_t length, const char *expected)
{
	struct ip_prefix p = prefix(delegated);
	struct ip_address a;
	char text[IP_ADDRESS_TEXT_MAX];
	assert_true(delegate_address(&p, &nothing, id, length, &a));
	(void)ip_address_format(&a, text);
	assert_string_equal(text, expected);
}

static void refuses_subnets_that_are_not_in_the_prefix(void **state)
{
	(void)state;
	struct ip_prefix p = prefix("2001:db8:1200::/56"), v4 = prefix("192.0.2.0/24");
	struct ip_address a;
	assert_false(delegate_address(&p, &nothing, 256, 64, &a));
	assert_false(delegate_address(&p, &nothing, 0, 55, &a));
	assert_false(delegate_address(&p, &nothing, 0, 128, &a));
	assert_false(delegate_address(&v4, &nothing, 0, 24, &a));
	p = prefix("2001:db8:1:2::/64");
	assert_false(delegate_address(&p, &nothing, 1, 64, &a));
}

static void refuses_what_the_provider_keeps(void **state)
{
	(void)state;
	struct ip_prefix p = prefix("2001:db8:1200::/56"),
			 excluded = prefix("2001:db8:1200:5::/64");
	struct ip_address a;
	assert_false(delegate_address(&p, &excluded, 5, 64, &a));
	assert_true(delegate_address(&p, &excluded, 6, 64, &a));
	assert_false(delegate_address(&p, &excluded, 0, 60, &a)); /* it holds the excluded one */
	excluded = prefix("2001:db8:1200:8::/62");
	assert_false(delegate_address(&p, &excluded, 9, 64, &a));
}

static void subnets_have_their_numbers(void **state)
{
	(void)state;
	assert_address("2001:db8:1200::/56", 0, 64, "2001:db8:1200::1");
	assert_address("2001:db8:1200::/56", 255, 64, "2001:db8:1200:ff::1");
	assert_address("2001:db8:1200::/56", 3, 60, "2001:db8:1200:30::1");
	assert_address("2001:db8::/32", 0xffffffff, 64, "2001:db8:ffff:ffff::1");
	assert_address("2001:db0::/28", 0xffffffff, 64, "2001:db0:ffff:ffff::1");
	assert_address("2001:db8:1200::/57", 1, 59, "2001:db8:1200:20::1");
	assert_address("2001:db8:1:2::/64", 0, 64, "2001:db8:1:2::1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_subnets_that_are_not_in_the_prefix),
		cmocka_unit_test(refuses_what_the_provider_keeps),
		cmocka_unit_test(subnets_have_their_numbers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
