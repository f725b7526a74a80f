#include "service/forward-proxy/access/inside.h"

#include "test/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct ip_address address(const char *text)
{
	struct ip_address a;
	if (ip_address_parse(span_text(text), &a) != OK)
		fail_msg("'%s' is no address", text);
	return a;
}

static struct ip_prefix prefix(const char *text)
{
	struct ip_prefix p;
	if (ip_prefix_parse(span_text(text), &p) != OK)
		fail_msg("'%s' is no prefix", text);
	return p;
}

static enum inside judge(const struct inside_rules *r, const char *text)
{
	struct ip_address a = address(text);
	return inside_judge(r, &a);
}

static void lets_the_outside_be(void **state)
{
	(void)state;
	const struct inside_rules r = {0};
	static const char *const texts[] = {
		"1.1.1.1",	   "8.8.8.8",	       "9.255.255.255",	  "11.0.0.0",
		"100.63.255.255",  "100.128.0.0",      "126.255.255.255", "128.0.0.0",
		"169.253.255.255", "169.255.0.0",      "172.15.255.255",  "172.32.0.0",
		"192.0.1.0",	   "192.0.3.0",	       "192.167.255.255", "192.169.0.0",
		"198.17.255.255",  "198.20.0.0",       "198.51.101.0",	  "203.0.114.0",
		"223.255.255.255", "168.63.129.17",    "2606:4700::1111", "2001:4860::8888",
		"2001:200::1",	   "2003::1",	       "2a00::1",	  "3ffd::1",
		"3fff:1000::1",	   "64:ff9b::808:808", "::ffff:8.8.8.8",  "2606:4700::5eff:1:1"};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (judge(&r, texts[i]) != INSIDE_NOT)
			fail_msg("%s: %s", texts[i], inside_text(judge(&r, texts[i])));
	const struct ip_address none = {0};
	assert_int_equal(inside_judge(&r, &none), INSIDE_RESERVED);
}

static void an_exception_opens_what_it_names_and_no_more(void **state)
{
	(void)state;
	const struct ip_prefix allow[] = {prefix("10.1.0.0/16"), prefix("0.0.0.0/0"),
					  prefix("::/0"),	 prefix("fd00:1::/32"),
					  prefix("127.0.0.1"),	 prefix("192.168.0.0/16")};
	const struct ip_address own[] = {address("10.1.0.1"), address("192.168.0.1")};
	const struct inside_rules r = {.allow = allow, .allow_n = 6, .own = own, .own_n = 2};
	assert_int_equal(judge(&r, "10.1.2.3"), INSIDE_NOT);
	assert_int_equal(judge(&r, "::ffff:10.1.2.3"), INSIDE_NOT);
	assert_int_equal(judge(&r, "64:ff9b::10.1.2.3"), INSIDE_NOT);
	assert_int_equal(judge(&r, "10.2.2.3"), INSIDE_PRIVATE);
	assert_int_equal(judge(&r, "172.16.0.1"), INSIDE_PRIVATE);
	assert_int_equal(judge(&r, "127.0.0.1"), INSIDE_NOT);
	assert_int_equal(judge(&r, "127.0.0.2"), INSIDE_LOOPBACK);
	assert_int_equal(judge(&r, "fd00:1::5"), INSIDE_NOT);
	assert_int_equal(judge(&r, "fd00:2::5"), INSIDE_PRIVATE);
	assert_int_equal(judge(&r, "::1"), INSIDE_LOOPBACK);
	/* Our own addresses are opened one by one, as metadata is. */
	assert_int_equal(judge(&r, "10.1.0.1"), INSIDE_OWN);
	assert_int_equal(judge(&r, "::ffff:192.168.0.1"), INSIDE_OWN);
	const struct ip_prefix link[] = {prefix("169.254.0.0/16"), prefix("10.1.0.1")};
	const struct inside_rules l = {.allow = link, .allow_n = 2, .own = own, .own_n = 2};
	assert_int_equal(judge(&l, "169.254.1.1"), INSIDE_NOT);
	assert_int_equal(judge(&l, "169.254.169.254"), INSIDE_METADATA);
	assert_int_equal(judge(&l, "10.1.0.1"), INSIDE_NOT);
}

static void a_translators_prefix_shows_what_is_behind_it(void **state)
{
	(void)state;
	const struct ip_prefix nat64[] = {prefix("fd00:64::/96"), prefix("2001:db8:64::/48")};
	const struct ip_address own[] = {address("2001:db8:64::1"), address("8.8.4.4")};
	const struct inside_rules r = {.nat64 = nat64, .nat64_n = 2, .own = own, .own_n = 2};
	assert_int_equal(judge(&r, "fd00:64::8.8.8.8"), INSIDE_NOT);
	assert_int_equal(judge(&r, "fd00:64::8.8.4.4"), INSIDE_OWN);
	assert_int_equal(judge(&r, "fd00:64::10.0.0.1"), INSIDE_PRIVATE);
	assert_int_equal(judge(&r, "fd00:65::8.8.8.8"), INSIDE_PRIVATE);
	/* RFC 6052 2.2: with 48 bits the octets stand around octet 8, which is zero. */
	assert_int_equal(judge(&r, "2001:db8:64:808:8:800::"), INSIDE_NOT);
	assert_int_equal(judge(&r, "2001:db8:64:7f00:0:100::"), INSIDE_LOOPBACK);
	assert_int_equal(judge(&r, "2001:db8:64:808:108:800::"), INSIDE_RESERVED);
	assert_int_equal(judge(&r, "2001:db8:64::1"), INSIDE_OWN);
}

static void an_exception_that_opens_nothing_is_known(void **state)
{
	(void)state;
	static const char *const useless[] = {"0.0.0.0/0",  "::/0",	    "8.0.0.0/8",
					      "0.0.0.0/1",  "2000::/3",	    "::ffff:10.0.0.0/104",
					      "10.0.0.0/7", "64:ff9b::/96", "::ffff:10.0.0.1"};
	static const char *const useful[] = {"10.0.0.0/8", "10.1.0.0/16",  "fc00::/7",
					     "fd00::/8",   "127.0.0.1",	   "8.8.8.8",
					     "::1",	   "2001:db8::/32"};
	for (size_t i = 0; i < sizeof(useless) / sizeof(useless[0]); i++) {
		struct ip_prefix p = prefix(useless[i]);
		if (inside_allow_opens(&p, NULL, 0))
			fail_msg("%s", useless[i]);
	}
	for (size_t i = 0; i < sizeof(useful) / sizeof(useful[0]); i++) {
		struct ip_prefix p = prefix(useful[i]);
		if (!inside_allow_opens(&p, NULL, 0))
			fail_msg("%s", useful[i]);
	}
}

/* RFC 6890 by numbers, written another way. */
static bool is_inside4(uint32_t a)
{
	return a >> 24 == 0 || a >> 24 == 10 || a >> 24 == 127 || a >> 22 == 0x6440 >> 6 ||
	       a >> 16 == 0xa9fe || a >> 20 == 0xac1 || a >> 8 == 0xc00000 || a >> 8 == 0xc00002 ||
	       a >> 8 == 0xc05863 || a >> 16 == 0xc0a8 || a >> 17 == 0xc612 >> 1 ||
	       a >> 8 == 0xc63364 || a >> 8 == 0xcb0071 || a >= 0xe0000000 || a == 0xa83f8110;
}

static void agrees_with_arithmetic_for_any_ipv4_address(void **state)
{
	(void)state;
	static const uint32_t seams[] = {0x00000000, 0x0a000000, 0x64400000, 0x7f000000,
					 0xa9fe0000, 0xac100000, 0xc0000000, 0xc0000200,
					 0xc0586300, 0xc0a80000, 0xc6120000, 0xc6336400,
					 0xcb007100, 0xe0000000, 0xa83f8110};
	struct test_random rnd = test_random_begin();
	const struct inside_rules r = {0};
	for (unsigned i = 0; i < 200000; i++) {
		uint32_t n = (uint32_t)test_random_next(&rnd);
		if (i % 2)
			n = seams[i / 2 % 15] +
			    (n & 1 ? (n >> 9) & 0x3ffff : 0 - ((n >> 9) & 0xff));
		struct ip_address a = ip_address_v4((uint8_t)(n >> 24), (uint8_t)(n >> 16),
						    (uint8_t)(n >> 8), (uint8_t)n);
		if ((inside_judge(&r, &a) != INSIDE_NOT) != is_inside4(n))
			fail_msg("%08x", n);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lets_the_outside_be),
		cmocka_unit_test(an_exception_opens_what_it_names_and_no_more),
		cmocka_unit_test(a_translators_prefix_shows_what_is_behind_it),
		cmocka_unit_test(an_exception_that_opens_nothing_is_known),
		cmocka_unit_test(agrees_with_arithmetic_for_any_ipv4_address),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
