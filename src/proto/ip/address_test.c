#include "proto/ip/address.h"

#include "base/writer.h"
#include "test/guard.h"
#include "test/random.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static bool is(const char *text, bool (*judge)(const struct ip_address *))
{
	struct ip_address a;
	assert_int_equal(ip_address_parse(span_text(text), &a), OK);
	return judge(&a);
}

static void check_format(const char *text, const char *wanted)
{
	struct ip_address a;
	char got[IP_ADDRESS_TEXT_MAX];
	if (ip_address_parse(span_text(text), &a))
		fail_msg("refused: %s", text);
	assert_int_equal(ip_address_format(&a, got), strlen(wanted));
	assert_string_equal(got, wanted);
}

static const char *const not_addresses[] = {
	"",
	".",
	":",
	"1",
	"1.2.3",
	"1.2.3.4.5",
	"1.2.3.",
	".1.2.3",
	"1..2.3",
	"1.2.3.4.",
	"256.1.1.1",
	"1.1.1.256",
	"01.2.3.4",
	"1.2.3.04",
	"1.2.3.00",
	"0x1.2.3.4",
	" 1.2.3.4",
	"1.2.3.4 ",
	"1.2.3.+4",
	"1.2.3.-4",
	"1.2.3.4a",
	"1.2.3.4/8",
	"127.1",
	"2130706433",
	"1.2.3.4294967297",
	":::",
	"::1::",
	"1::2::3",
	":1",
	"1:",
	"1:2:3:4:5:6:7",
	"1:2:3:4:5:6:7:",
	":1:2:3:4:5:6:7",
	"1:2:3:4:5:6:7:8:9",
	"1:2:3:4:5:6:7:8::",
	"::1:2:3:4:5:6:7:8",
	"1:2:3:4::5:6:7:8",
	"12345::",
	"g::",
	"::0x1",
	"fe80::1%2",
	"[::1]",
	"::1.2.3",
	"::1.2.3.4.5",
	"::1.2.3.04",
	"1:2:3:4:5:6:7:1.2.3.4",
	"1:2:3:4:5:6::1.2.3.4",
	"1.2.3.4::",
	"::1.2.3.4:5",
	"1.2.3.4:5",
	"::ffff:1.2.3.256",
	"1:2:3:4:5:6:7:8 ",
	"1:2:3:4:5:1.2.3.4",
	"::-1",
	"::1/64",
	"localhost",
};

static void refuses_text_that_is_not_strictly_an_address(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(not_addresses) / sizeof(not_addresses[0]); i++) {
		struct ip_address a = {.family = 77};
		if (ip_address_parse(span_text(not_addresses[i]), &a) != ERR_FORMAT)
			fail_msg("taken: %s", not_addresses[i]);
		assert_int_equal(a.family, 77);
	}
	struct ip_address a;
	assert_int_equal(ip_address_parse(span_of("1.2.3.4\0", 8), &a), ERR_FORMAT);
	assert_int_equal(ip_address_parse((struct span){0}, &a), ERR_FORMAT);
}

static void reads_all_forms_of_rfc_4291(void **state)
{
	(void)state;
	/* RFC 4291 2.2, written back by RFC 5952. */
	check_format("ABCD:EF01:2345:6789:ABCD:EF01:2345:6789",
		     "abcd:ef01:2345:6789:abcd:ef01:2345:6789");
	check_format("2001:DB8:0:0:8:800:200C:417A", "2001:db8::8:800:200c:417a");
	check_format("2001:DB8::8:800:200C:417A", "2001:db8::8:800:200c:417a");
	check_format("FF01:0:0:0:0:0:0:101", "ff01::101");
	check_format("FF01::101", "ff01::101");
	check_format("0:0:0:0:0:0:0:1", "::1");
	check_format("::1", "::1");
	check_format("0:0:0:0:0:0:0:0", "::");
	check_format("::", "::");
	check_format("0:0:0:0:0:0:13.1.68.3", "::d01:4403");
	check_format("0:0:0:0:0:FFFF:129.144.52.38", "::ffff:129.144.52.38");
	check_format("::FFFF:129.144.52.38", "::ffff:129.144.52.38");
	check_format("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0");
	check_format("::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8");
	check_format("1:2:3:4:5::1.2.3.4", "1:2:3:4:5:0:102:304");
	check_format("1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304");
	check_format("0.0.0.0", "0.0.0.0");
	check_format("255.255.255.255", "255.255.255.255");
}

static void writes_the_form_of_rfc_5952(void **state)
{
	(void)state;
	check_format("2001:0db8::0001", "2001:db8::1");		      /* 4.1 */
	check_format("2001:db8:0:0:0:0:2:1", "2001:db8::2:1");	      /* 4.2.1 */
	check_format("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"); /* 4.2.2 */
	check_format("2001:db8::1:1:1:1:1", "2001:db8:0:1:1:1:1:1");  /* 4.2.2 */
	check_format("2001:0:0:1:0:0:0:1", "2001:0:0:1::1");	      /* 4.2.3 */
	check_format("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1");    /* 4.2.3 */
	check_format("2001:DB8:AAAA:BBBB:CCCC:DDDD:EEEE:AAAA",	      /* 4.3 */
		     "2001:db8:aaaa:bbbb:cccc:dddd:eeee:aaaa");
	check_format("::ffff:c000:201", "::ffff:192.0.2.1"); /* 5 */
	check_format("1:0:0:0:0:0:0:0", "1::");
	check_format("0:0:1:0:0:0:0:0", "0:0:1::");
	check_format("0:0:0:1:0:0:0:0", "0:0:0:1::");
	check_format("0:0:0:0:1:0:0:0", "::1:0:0:0");
	check_format("0:1:0:1:0:1:0:1", "0:1:0:1:0:1:0:1");
}

static void writes_none_without_a_family_and_nothing_where_no_room_is(void **state)
{
	(void)state;
	char text[IP_ADDRESS_TEXT_MAX];
	assert_int_equal(ip_address_format(&(struct ip_address){0}, text), 4);
	assert_string_equal(text, "none");
	struct ip_address a = ip_address_v4(192, 0, 2, 1);
	struct writer w = writer_of(text, 8);
	ip_address_write(&w, &a);
	assert_true(w.bad);
	w = writer_of(text, 9);
	ip_address_write(&w, &a);
	assert_true(span_is(writer_span(&w), "192.0.2.1"));
}

static void random_address(struct test_random *random, struct ip_address *ret)
{
	uint8_t raw[16];
	test_random_fill(random, raw, sizeof(raw));
	/* Zero groups, small groups and mapped addresses are where the text has choices. */
	for (size_t i = 0; i < 16; i += 2) {
		if (test_random_below(random, 2))
			raw[i] = raw[i + 1] = 0;
		else if (test_random_below(random, 2))
			raw[i] = 0;
	}
	if (test_random_below(random, 8) == 0) {
		memset(raw, 0, 10);
		raw[10] = raw[11] = 0xff;
	}
	*ret = ip_address_of(span_of(raw, test_random_below(random, 4) ? 16 : 4));
}

static void agrees_with_libc_on_random_addresses(void **state)
{
	(void)state;
	struct test_random random = test_random_begin();
	for (int round = 0; round < 50000; round++) {
		struct ip_address a, back;
		char ours[IP_ADDRESS_TEXT_MAX], libcs[INET6_ADDRSTRLEN];
		random_address(&random, &a);
		int af = a.family == 4 ? AF_INET : AF_INET6;
		size_t len = ip_address_format(&a, ours);
		assert_int_equal(len, strlen(ours));
		assert_non_null(inet_ntop(af, a.bytes, libcs, sizeof(libcs)));
		/* libc writes the deprecated IPv4-compatible ::/96 with a tail; RFC 5952 5 leaves
		 * that to prefixes that are known. */
		bool compatible = a.family == 6 && !memcmp(a.bytes, (uint8_t[12]){0}, 12);
		if (!compatible)
			assert_string_equal(ours, libcs);
		uint8_t raw[16] = {0};
		assert_int_equal(inet_pton(af, ours, raw), 1);
		assert_memory_equal(raw, a.bytes, 16);
		assert_int_equal(ip_address_parse(span_text(libcs), &back), OK);
		assert_true(ip_address_equal(&a, &back));
		assert_memory_equal(&a, &back, sizeof(a));
	}
}

static void agrees_with_libc_on_random_text(void **state)
{
	(void)state;
	struct test_random random = test_random_begin();
	int taken = 0;
	for (int round = 0; round < 200000; round++) {
		struct ip_address a;
		char text[IP_ADDRESS_TEXT_MAX];
		random_address(&random, &a);
		size_t len = ip_address_format(&a, text);
		for (size_t n = test_random_below(&random, 4); n; n--) {
			char *at = &text[test_random_below(&random, len)];
			*at = "0123456789abcfF:.:.:%g "[test_random_below(&random, 23)];
		}
		struct ip_address got = {0};
		enum err e = ip_address_parse(span_text(text), &got);
		int af = strchr(text, ':') ? AF_INET6 : AF_INET;
		uint8_t raw[16] = {0};
		if ((e == OK) != (inet_pton(af, text, raw) == 1))
			fail_msg("%s: we %d, libc otherwise", text, e);
		if (e == OK)
			assert_memory_equal(raw, got.bytes, 16);
		taken += e == OK;
	}
	assert_true(taken > 20000 && taken < 190000);
}

static void takes_addresses_from_packets_by_their_length(void **state)
{
	(void)state;
	static const uint8_t raw[17] = {192, 0, 2, 1, 9};
	assert_int_equal(ip_address_of(span_of(raw, 4)).family, 4);
	assert_int_equal(ip_address_of(span_of(raw, 4)).bytes[4], 0);
	assert_int_equal(ip_address_of(span_of(raw, 16)).family, 6);
	assert_int_equal(ip_address_of(span_of(raw, 17)).family, 0);
	assert_int_equal(ip_address_of((struct span){0}).family, 0);
	struct ip_address a = ip_address_of(span_of(raw, 16));
	assert_true(span_equal(ip_address_span(&a), span_of(raw, 16)));
}

static void knows_what_an_address_is_also_when_it_is_mapped(void **state)
{
	(void)state;
	static const struct {
		bool (*judge)(const struct ip_address *);
		const char *yes[6], *no[6];
	} cases[] = {
		{ip_address_is_unspecified,
		 {"0.0.0.0", "::", "::ffff:0.0.0.0"},
		 {"0.0.0.1", "::1", "1::", "::ffff:0.0.0.1"}},
		{ip_address_is_loopback,
		 {"127.0.0.1", "127.255.255.255", "::1", "::ffff:127.0.0.1"},
		 {"126.255.255.255", "128.0.0.0", "::2", "::", "1::1", "::127.0.0.1"}},
		{ip_address_is_private,
		 {"10.255.0.1", "172.16.0.0", "172.31.255.255", "192.168.0.1", "fd00::1",
		  "::ffff:10.0.0.1"},
		 {"11.0.0.0", "172.32.0.0", "172.15.255.255", "192.169.0.0", "fe00::", "fb00::"}},
		{ip_address_is_link_local,
		 {"169.254.0.1", "fe80::1", "febf::", "::ffff:169.254.1.1"},
		 {"169.253.0.1", "168.254.0.1", "fec0::", "fe7f::", "fd80::"}},
		{ip_address_is_multicast,
		 {"224.0.0.1", "239.255.255.255", "ff02::1", "::ffff:224.0.0.1"},
		 {"223.255.255.255", "240.0.0.0", "fe00::", "::ff00"}},
		{ip_address_is_mapped,
		 {"::ffff:1.2.3.4", "::ffff:0:0"},
		 {"1.2.3.4", "::1.2.3.4", "::fffe:1.2.3.4", "::1:ffff:1.2.3.4"}},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (size_t j = 0; j < 6; j++) {
			if (cases[i].yes[j])
				assert_true(is(cases[i].yes[j], cases[i].judge));
			if (cases[i].no[j])
				assert_false(is(cases[i].no[j], cases[i].judge));
		}
		assert_false(cases[i].judge(&(struct ip_address){0}));
	}
}

static void unmaps_only_what_is_mapped(void **state)
{
	(void)state;
	struct ip_address mapped, v4 = ip_address_v4(192, 0, 2, 1), got;
	assert_int_equal(ip_address_parse(span_text("::ffff:192.0.2.1"), &mapped), OK);
	assert_false(ip_address_equal(&mapped, &v4));
	got = ip_address_unmap(&mapped);
	assert_memory_equal(&got, &v4, sizeof(v4));
	got = ip_address_unmap(&v4);
	assert_memory_equal(&got, &v4, sizeof(v4));
}

static void orders_by_family_and_number(void **state)
{
	(void)state;
	static const char *const sorted[] = {"0.0.0.0", "1.2.3.4", "1.2.4.0", "255.255.255.255",
					     "::",	"::1",	   "1::",     "ffff::"};
	for (size_t i = 0; i < 8; i++)
		for (size_t j = 0; j < 8; j++) {
			struct ip_address a, b;
			assert_int_equal(ip_address_parse(span_text(sorted[i]), &a), OK);
			assert_int_equal(ip_address_parse(span_text(sorted[j]), &b), OK);
			int order = ip_address_compare(&a, &b);
			assert_int_equal((order > 0) - (order < 0), (i > j) - (i < j));
			assert_int_equal(ip_address_equal(&a, &b), i == j);
		}
}

static void parse_only(const uint8_t *data, size_t len)
{
	struct ip_address a;
	char text[IP_ADDRESS_TEXT_MAX];
	if (ip_address_parse(span_of(data, len), &a) == OK)
		assert_true(ip_address_format(&a, text) > 0);
}

static void stays_inside_damaged_text(void **state)
{
	(void)state;
	static const char *const good[] = {"192.168.255.1", "2001:db8::8:800:200c:417a",
					   "::ffff:129.144.52.38", "1:2:3:4:5:6:7::"};
	for (size_t i = 0; i < 4; i++) {
		guard_every_prefix(good[i], strlen(good[i]), parse_only);
		guard_every_bit_flip(good[i], strlen(good[i]), parse_only);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_text_that_is_not_strictly_an_address),
		cmocka_unit_test(reads_all_forms_of_rfc_4291),
		cmocka_unit_test(writes_the_form_of_rfc_5952),
		cmocka_unit_test(writes_none_without_a_family_and_nothing_where_no_room_is),
		cmocka_unit_test(agrees_with_libc_on_random_addresses),
		cmocka_unit_test(agrees_with_libc_on_random_text),
		cmocka_unit_test(takes_addresses_from_packets_by_their_length),
		cmocka_unit_test(knows_what_an_address_is_also_when_it_is_mapped),
		cmocka_unit_test(unmaps_only_what_is_mapped),
		cmocka_unit_test(orders_by_family_and_number),
		cmocka_unit_test(stays_inside_damaged_text),
	};
	return cmocka_run_group_tests_name("ip_address", tests, NULL, NULL);
}
