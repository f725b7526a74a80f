#include "proto/ip/prefix.h"

#include "test/guard.h"
#include "test/random.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct ip_address address(const char *text)
{
	struct ip_address a;
	assert_int_equal(ip_address_parse(span_text(text), &a), OK);
	return a;
}

static void refuses_lengths_that_are_not_there(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"",
		"/",
		"/8",
		"10.0.0.0/",
		"10.0.0.0/33",
		"10.0.0.0/08",
		"10.0.0.0/-1",
		"10.0.0.0/ 8",
		"10.0.0.0/8/8",
		"10/8",
		"10.0/16",
		"::/129",
		"::/",
		"::/0x10",
		"10.0.0.0/255.0.0.0",
		"fe80::1%2/64",
		"[::1]/128",
		"10.0.0.0/4294967304",
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct ip_prefix p = {.bits = 77};
		if (ip_prefix_parse(span_text(bad[i]), &p) != ERR_FORMAT ||
		    ip_prefix_parse_masked(span_text(bad[i]), &p) != ERR_FORMAT)
			fail_msg("taken: %s", bad[i]);
		assert_int_equal(p.bits, 77);
	}
}

static void refuses_host_bits_unless_asked_to_clear_them(void **state)
{
	(void)state;
	static const struct {
		const char *text, *masked;
	} cases[] = {
		{"10.0.0.1/8", "10.0.0.0/8"},
		{"192.168.1.129/25", "192.168.1.128/25"},
		{"1.2.3.4/0", "0.0.0.0/0"},
		{"1.2.3.5/31", "1.2.3.4/31"},
		{"2001:db8::1/64", "2001:db8::/64"},
		{"ffff::/0", "::/0"},
		{"::ff/127", "::fe/127"},
		{"2001:db8:8000::/33", NULL},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ip_prefix p = {.bits = 77};
		char text[IP_PREFIX_TEXT_MAX];
		const char *wanted = cases[i].masked ? cases[i].masked : cases[i].text;
		assert_int_equal(ip_prefix_parse(span_text(cases[i].text), &p),
				 cases[i].masked ? ERR_REFUSED : OK);
		if (cases[i].masked)
			assert_int_equal(p.bits, 77);
		assert_int_equal(ip_prefix_parse_masked(span_text(cases[i].text), &p), OK);
		assert_int_equal(ip_prefix_format(&p, text), strlen(wanted));
		assert_string_equal(text, wanted);
	}
}

static void takes_an_address_for_itself_alone(void **state)
{
	(void)state;
	struct ip_prefix p;
	char text[IP_PREFIX_TEXT_MAX];
	assert_int_equal(ip_prefix_parse(span_text("192.0.2.1"), &p), OK);
	(void)ip_prefix_format(&p, text);
	assert_string_equal(text, "192.0.2.1/32");
	assert_int_equal(ip_prefix_parse(span_text("::1"), &p), OK);
	(void)ip_prefix_format(&p, text);
	assert_string_equal(text, "::1/128");
	assert_int_equal(ip_prefix_format(&(struct ip_prefix){0}, text), 4);
	assert_string_equal(text, "none");
}

static void never_contains_another_family_or_none(void **state)
{
	(void)state;
	struct ip_prefix all4, all6;
	assert_int_equal(ip_prefix_parse(span_text("0.0.0.0/0"), &all4), OK);
	assert_int_equal(ip_prefix_parse(span_text("::/0"), &all6), OK);
	struct ip_address v4 = address("1.2.3.4"), v6 = address("::ffff:1.2.3.4"), none = {0};
	assert_true(ip_prefix_contains(&all4, &v4));
	assert_false(ip_prefix_contains(&all4, &v6));
	assert_false(ip_prefix_contains(&all6, &v4));
	assert_true(ip_prefix_contains(&all6, &v6));
	assert_false(ip_prefix_contains(&all4, &none));
	assert_false(ip_prefix_contains(&(struct ip_prefix){0}, &none));
	assert_false(ip_prefix_contains(&(struct ip_prefix){0}, &v4));
	assert_false(ip_prefix_equal(&all4, &all6));
}

static bool slow_begins(const struct ip_address *a, const struct ip_address *b, unsigned bits)
{
	for (unsigned i = 0; i < bits; i++)
		if ((a->bytes[i / 8] ^ b->bytes[i / 8]) >> (7 - i % 8) & 1)
			return false;
	return true;
}

static void agrees_with_a_bit_by_bit_check(void **state)
{
	(void)state;
	struct test_random random = test_random_begin();
	unsigned inside = 0;
	for (int round = 0; round < 20000; round++) {
		uint8_t raw[16];
		size_t len = round % 2 ? 16 : 4;
		test_random_fill(&random, raw, len);
		struct ip_address a = ip_address_of(span_of(raw, len));
		unsigned bits = (unsigned)test_random_below(&random, len * 8 + 1);
		struct ip_prefix back, p = ip_prefix_of(&a, bits);
		assert_int_equal(p.bits, bits);
		assert_true(slow_begins(&p.address, &a, bits));
		for (unsigned i = bits; i < len * 8; i++)
			assert_int_equal(p.address.bytes[i / 8] >> (7 - i % 8) & 1, 0);

		char text[IP_PREFIX_TEXT_MAX];
		size_t text_len = ip_prefix_format(&p, text);
		assert_int_equal(text_len, strlen(text));
		assert_int_equal(ip_prefix_parse(span_text(text), &back), OK);
		assert_true(ip_prefix_equal(&p, &back));

		struct ip_address b = a; /* one bit away */
		size_t bit = test_random_below(&random, len * 8);
		b.bytes[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
		assert_true(ip_prefix_contains(&p, &a));
		assert_int_equal(ip_prefix_contains(&p, &b), slow_begins(&a, &b, bits));
		inside += ip_prefix_contains(&p, &b);
	}
	assert_true(inside > 5000 && inside < 15000);
	struct ip_address a = address("1.2.3.4");
	assert_int_equal(ip_prefix_of(&a, 1000).bits, 32);
}

static void refuses_ranges_that_run_backwards_or_across_families(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"",
		"-",
		"10.0.0.1-",
		"-10.0.0.1",
		"10.0.0.2-10.0.0.1",
		"::2-::1",
		"10.0.0.1-::1",
		"::1-10.0.0.1",
		"10.0.0.1-5",
		"10.0.0.1-10.0.0.2-10.0.0.3",
		"10.0.0.0/8-11.0.0.0/8",
		"10.0.0.1--10.0.0.2",
		" 10.0.0.1",
		"10.0.0.0/33",
	};
	struct ip_range r = {.first.family = 77};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (ip_range_parse(span_text(bad[i]), &r) != ERR_FORMAT)
			fail_msg("taken: %s", bad[i]);
	assert_int_equal(ip_range_parse(span_text("10.0.0.1/8"), &r), ERR_REFUSED);
	assert_int_equal(r.first.family, 77);
}

static void tells_the_addresses_of_a_prefix_and_those_for_hosts(void **state)
{
	(void)state;
	static const struct {
		const char *prefix, *all, *hosts;
	} cases[] = {
		{"0.0.0.0/0", "0.0.0.0-255.255.255.255", "0.0.0.1-255.255.255.254"},
		{"10.0.0.0/8", "10.0.0.0-10.255.255.255", "10.0.0.1-10.255.255.254"},
		{"192.0.2.8/30", "192.0.2.8-192.0.2.11", "192.0.2.9-192.0.2.10"},
		{"192.0.2.8/31", "192.0.2.8-192.0.2.9", "192.0.2.8-192.0.2.9"},
		{"192.0.2.9/32", "192.0.2.9", "192.0.2.9"},
		{"2001:db8::/126", "2001:db8::-2001:db8::3", "2001:db8::-2001:db8::3"},
		{"2001:db8::1/128", "2001:db8::1", "2001:db8::1"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[IP_RANGE_TEXT_MAX];
		struct ip_prefix p;
		assert_int_equal(ip_prefix_parse(span_text(cases[i].prefix), &p), OK);
		struct ip_range all = ip_prefix_range(&p), hosts = ip_prefix_hosts(&p);
		(void)ip_range_format(&all, text);
		assert_string_equal(text, cases[i].all);
		(void)ip_range_format(&hosts, text);
		assert_string_equal(text, cases[i].hosts);
	}
}

static void reads_ranges_prefixes_and_addresses(void **state)
{
	(void)state;
	static const struct {
		const char *text, *wanted;
	} good[] = {
		{"10.0.0.1-10.0.0.9", "10.0.0.1-10.0.0.9"},
		{"10.0.0.1 - 10.0.0.9", "10.0.0.1-10.0.0.9"},
		{"10.0.0.1-10.0.0.1", "10.0.0.1"},
		{"10.0.0.1", "10.0.0.1"},
		{"10.0.0.0/8", "10.0.0.0-10.255.255.255"},
		{"0.0.0.0/0", "0.0.0.0-255.255.255.255"},
		{"10.0.0.4/30", "10.0.0.4-10.0.0.7"},
		{"2001:db8::/33", "2001:db8::-2001:db8:7fff:ffff:ffff:ffff:ffff:ffff"},
		{"::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
		 "::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
	};
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct ip_range r;
		char text[IP_RANGE_TEXT_MAX];
		if (ip_range_parse(span_text(good[i].text), &r))
			fail_msg("refused: %s", good[i].text);
		assert_int_equal(ip_range_format(&r, text), strlen(good[i].wanted));
		assert_string_equal(text, good[i].wanted);
	}
}

static void contains_both_ends_and_nothing_beyond(void **state)
{
	(void)state;
	struct ip_range r;
	assert_int_equal(ip_range_parse(span_text("10.0.0.250-10.0.1.5"), &r), OK);
	static const struct {
		const char *text;
		bool inside;
	} cases[] = {{"10.0.0.249", false}, {"10.0.0.250", true},      {"10.0.0.255", true},
		     {"10.0.1.0", true},    {"10.0.1.5", true},	       {"10.0.1.6", false},
		     {"::", false},	    {"::ffff:10.0.1.0", false}};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ip_address a = address(cases[i].text);
		assert_int_equal(ip_range_contains(&r, &a), cases[i].inside);
	}
	struct ip_address none = {0};
	assert_false(ip_range_contains(&(struct ip_range){0}, &none));
}

static void parse_only(const uint8_t *data, size_t len)
{
	struct ip_prefix p;
	struct ip_range r;
	char text[IP_RANGE_TEXT_MAX];
	if (ip_prefix_parse_masked(span_of(data, len), &p) == OK) {
		assert_true(ip_prefix_format(&p, text) > 0);
		assert_true(ip_prefix_contains(&p, &p.address));
	}
	if (ip_range_parse(span_of(data, len), &r) == OK) {
		assert_true(ip_range_format(&r, text) > 0);
		assert_true(ip_range_contains(&r, &r.first) && ip_range_contains(&r, &r.last));
	}
}

static void stays_inside_damaged_text(void **state)
{
	(void)state;
	static const char *const good[] = {"192.168.128.0/17", "2001:db8::/32",
					   "10.0.0.1-10.0.0.99", "::1 - ::ffff:1.2.3.4"};
	for (size_t i = 0; i < 4; i++) {
		guard_every_prefix(good[i], strlen(good[i]), parse_only);
		guard_every_bit_flip(good[i], strlen(good[i]), parse_only);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_lengths_that_are_not_there),
		cmocka_unit_test(refuses_host_bits_unless_asked_to_clear_them),
		cmocka_unit_test(takes_an_address_for_itself_alone),
		cmocka_unit_test(never_contains_another_family_or_none),
		cmocka_unit_test(agrees_with_a_bit_by_bit_check),
		cmocka_unit_test(refuses_ranges_that_run_backwards_or_across_families),
		cmocka_unit_test(tells_the_addresses_of_a_prefix_and_those_for_hosts),
		cmocka_unit_test(reads_ranges_prefixes_and_addresses),
		cmocka_unit_test(contains_both_ends_and_nothing_beyond),
		cmocka_unit_test(stays_inside_damaged_text),
	};
	return cmocka_run_group_tests_name("ip_prefix", tests, NULL, NULL);
}
