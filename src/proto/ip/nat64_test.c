#include "proto/ip/nat64.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct ip_address address(const char *text)
{
	struct ip_address a;
	assert_int_equal(ip_address_parse(span_text(text), &a), OK);
	return a;
}

static struct ip_prefix prefix(const char *text)
{
	struct ip_prefix p;
	assert_int_equal(ip_prefix_parse(span_text(text), &p), OK);
	return p;
}

/* RFC 6052 2.2: "The prefixes can only have one of the following lengths: 32, 40, 48, 56, 64, or
 * 96"; "the administrators MUST ensure that the bits 64 to 71 are set to zero". */
static void refuses_prefixes_that_no_translator_has(void **state)
{
	static const uint8_t lengths[] = {32, 40, 48, 56, 64, 96};
	(void)state;
	for (unsigned bits = 0; bits <= 128; bits++) {
		struct ip_address a = address("2001:db8:1234:5678::");
		struct ip_prefix p = ip_prefix_of(&a, bits);
		bool good = false;
		for (size_t i = 0; i < sizeof(lengths); i++)
			good |= bits == lengths[i];
		assert_int_equal(ip_nat64_prefix_is_valid(&p), good);
	}
	struct ip_prefix reserved = prefix("2001:db8:0:0:100::/96");
	assert_false(ip_nat64_prefix_is_valid(&reserved));
	struct ip_prefix beside = prefix("2001:db8:0:0:00ff::/96");
	assert_true(ip_nat64_prefix_is_valid(&beside));
	struct ip_prefix v4 = prefix("10.0.0.0/32");
	assert_false(ip_nat64_prefix_is_valid(&v4));
	assert_true(ip_nat64_prefix_is_valid(&ip_nat64_well_known));
}

/* The table of RFC 6052 2.4. */
static void writes_the_examples_of_the_rfc_and_reads_them_back(void **state)
{
	static const char *const rows[][2] = {
		{"2001:db8::/32", "2001:db8:c000:221::"},
		{"2001:db8:100::/40", "2001:db8:1c0:2:21::"},
		{"2001:db8:122::/48", "2001:db8:122:c000:2:2100::"},
		{"2001:db8:122:300::/56", "2001:db8:122:3c0:0:221::"},
		{"2001:db8:122:344::/64", "2001:db8:122:344:c0:2:2100::"},
		{"2001:db8:122:344::/96", "2001:db8:122:344::192.0.2.33"},
		{"64:ff9b::/96", "64:ff9b::192.0.2.33"},
	};
	struct ip_address v4 = ip_address_v4(192, 0, 2, 33), back;
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ip_prefix p = prefix(rows[i][0]);
		struct ip_address want = address(rows[i][1]), made = ip_nat64_embed(&p, &v4);
		assert_true(ip_address_equal(&made, &want));
		assert_true(ip_nat64_extract(&p, &want, &back));
		assert_true(ip_address_equal(&back, &v4));
	}
}

/* An obvious translation: bits in a row, then octet 8 pushed in. */
static void agrees_with_shifting_bits_one_by_one(void **state)
{
	static const uint8_t lengths[] = {32, 40, 48, 56, 64, 96};
	uint32_t seed = 7;
	(void)state;
	for (unsigned round = 0; round < 6000; round++) {
		struct ip_address top = {.family = 6}, v4 = {.family = 4}, want, back;
		for (size_t i = 0; i < 16; i++)
			top.bytes[i] = (uint8_t)((seed = seed * 1664525 + 1013904223) >> 24);
		for (size_t i = 0; i < 4; i++)
			v4.bytes[i] = (uint8_t)((seed = seed * 1664525 + 1013904223) >> 24);
		top.bytes[8] = 0;
		struct ip_prefix p = ip_prefix_of(&top, lengths[round % 6]);
		want = p.address;
		for (unsigned bit = 0, at = p.bits; bit < 32; bit++, at++) {
			if (at == 64 && p.bits != 96)
				at += 8;
			if (v4.bytes[bit / 8] & 0x80 >> bit % 8)
				want.bytes[at / 8] |= (uint8_t)(0x80 >> at % 8);
		}
		struct ip_address made = ip_nat64_embed(&p, &v4);
		assert_true(ip_address_equal(&made, &want));
		assert_true(ip_nat64_extract(&p, &made, &back));
		assert_true(ip_address_equal(&back, &v4));
	}
}

/* RFC 6052 2.2: octet u: its "8 bits MUST be set to zero"; of the suffix translators "SHOULD ignore
 * the bits' value and proceed as if the bits' value were zero". */
static void reads_no_address_of_another_shape_but_ignores_the_suffix(void **state)
{
	struct ip_prefix p = prefix("2001:db8:122::/48");
	struct ip_address v4 = ip_address_v4(192, 0, 2, 33), back = {.family = 0};
	struct ip_address a = ip_nat64_embed(&p, &v4);
	(void)state;
	a.bytes[8] = 1;
	assert_false(ip_nat64_extract(&p, &a, &back));
	a.bytes[8] = 0;
	a.bytes[0] = 0x30;
	assert_false(ip_nat64_extract(&p, &a, &back));
	assert_false(ip_nat64_extract(&p, &v4, &back));
	assert_int_equal(back.family, 0);
	a.bytes[0] = 0x20;
	a.bytes[11] = a.bytes[15] = 0xff;
	assert_true(ip_nat64_extract(&p, &a, &back));
	assert_true(ip_address_equal(&back, &v4));
}

/* RFC 6052 3.1: "The Well-Known Prefix MUST NOT be used to represent non-global IPv4 addresses". */
static void knows_which_addresses_are_not_of_the_internet_at_large(void **state)
{
	static const char *const here[] = {
		"0.0.0.0",     "10.255.0.1",  "100.64.0.1", "100.127.255.255", "127.0.0.1",
		"169.254.1.1", "172.16.0.1",  "172.31.9.9", "192.0.0.170",     "192.0.2.33",
		"192.88.99.1", "192.168.0.1", "198.19.0.1", "198.51.100.1",    "203.0.113.1",
		"224.0.0.1",   "239.1.1.1",   "240.0.0.1",  "255.255.255.255", "64:ff9b::1",
	};
	static const char *const there[] = {
		"1.1.1.1",    "9.255.255.255", "11.0.0.0",    "100.63.255.255", "100.128.0.0",
		"172.32.0.0", "192.0.1.1",     "192.167.0.1", "198.20.0.0",	"223.255.255.255"};
	(void)state;
	for (size_t i = 0; i < sizeof(here) / sizeof(here[0]); i++) {
		struct ip_address a = address(here[i]);
		assert_false(ip_nat64_is_global(&a));
	}
	for (size_t i = 0; i < sizeof(there) / sizeof(there[0]); i++) {
		struct ip_address a = address(there[i]);
		assert_true(ip_nat64_is_global(&a));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_prefixes_that_no_translator_has),
		cmocka_unit_test(writes_the_examples_of_the_rfc_and_reads_them_back),
		cmocka_unit_test(agrees_with_shifting_bits_one_by_one),
		cmocka_unit_test(reads_no_address_of_another_shape_but_ignores_the_suffix),
		cmocka_unit_test(knows_which_addresses_are_not_of_the_internet_at_large),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
