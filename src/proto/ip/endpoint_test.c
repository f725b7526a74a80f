#include "proto/ip/address.h"

#include "test/guard.h"
#include "test/random.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void refuses_what_is_not_an_address_and_a_port(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"",
		":",
		":53",
		"@53",
		"[]",
		"[]:53",
		"[",
		"]",
		"[::1",
		"[::1]53",
		"[::1]@53",
		"[::1]:",
		"[::1]: 53",
		"[::1]:53 ",
		"[127.0.0.1]:53",
		"[127.0.0.1]",
		"127.0.0.1:",
		"127.0.0.1@",
		"127.0.0.1:0",
		"127.0.0.1:65536",
		"127.0.0.1:053",
		"127.0.0.1:+53",
		"127.0.0.1:-1",
		"127.0.0.1:5 3",
		"127.0.0.1:53:53",
		"127.0.0.1@53@53",
		"127.0.0.1 :53",
		"127.0.0.1:4294967349",
		"::1@0",
		"::1@",
		"[::1]:0",
		"[::1]]:53",
		"[[::1]]:53",
		"fe80::1%",
		"fe80::1%0",
		"fe80::1%eth0",
		"fe80::1%01",
		"fe80::1%4294967296",
		"fe80::1%2%3",
		"::1%2",
		"2001:db8::1%2",
		"169.254.0.1%2",
		"[fe80::1%]:53",
		"[fe80::1]%2:53",
		"localhost:53",
		"*:53",
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct ip_endpoint e = {.port = 77};
		if (ip_endpoint_parse(span_text(bad[i]), 853, &e) != ERR_FORMAT)
			fail_msg("taken: %s", bad[i]);
		assert_int_equal(e.port, 77);
	}
}

static void refuses_a_missing_port_that_has_no_default(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"127.0.0.1",
		"::1",
		"[::1]",
		"fe80::1%2",
	};
	struct ip_endpoint e;
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(ip_endpoint_parse(span_text(bad[i]), 0, &e), ERR_FORMAT);
		assert_int_equal(ip_endpoint_parse(span_text(bad[i]), 53, &e), OK);
		assert_int_equal(e.port, 53);
	}
}

static void reads_every_form(void **state)
{
	(void)state;
	static const struct {
		const char *text, *wanted;
	} good[] = {
		{"127.0.0.1:53", "127.0.0.1:53"},
		{"127.0.0.1@5300", "127.0.0.1:5300"},
		{"127.0.0.1", "127.0.0.1:853"},
		{"255.255.255.255:65535", "255.255.255.255:65535"},
		{"0.0.0.0:1", "0.0.0.0:1"},
		{"[::1]:53", "[::1]:53"},
		{"[::1]", "[::1]:853"},
		{"::1", "[::1]:853"},
		{"::1@53", "[::1]:53"},
		{"::", "[::]:853"},
		{"2001:db8::1:53", "[2001:db8::1:53]:853"},
		{"[2001:DB8:0:0::1]:53", "[2001:db8::1]:53"},
		{"[::ffff:192.0.2.1]:53", "[::ffff:192.0.2.1]:53"},
		{"[fe80::1%2]:53", "[fe80::1%2]:53"},
		{"fe80::1%4294967295@53", "[fe80::1%4294967295]:53"},
		{"fe80::1%2", "[fe80::1%2]:853"},
		{"fe80::1", "[fe80::1]:853"},
	};
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct ip_endpoint e, back;
		char text[IP_ENDPOINT_TEXT_MAX];
		if (ip_endpoint_parse(span_text(good[i].text), 853, &e))
			fail_msg("refused: %s", good[i].text);
		assert_int_equal(ip_endpoint_format(&e, text), strlen(good[i].wanted));
		assert_string_equal(text, good[i].wanted);
		assert_int_equal(ip_endpoint_parse(span_text(text), 0, &back), OK);
		assert_true(ip_endpoint_equal(&e, &back));
	}
}

static void tells_endpoints_apart_by_each_part(void **state)
{
	(void)state;
	struct ip_endpoint a, b;
	assert_int_equal(ip_endpoint_parse(span_text("[fe80::1%2]:53"), 0, &a), OK);
	b = a;
	assert_true(ip_endpoint_equal(&a, &b));
	b.port = 54;
	assert_false(ip_endpoint_equal(&a, &b));
	b = a;
	b.scope = 3;
	assert_false(ip_endpoint_equal(&a, &b));
	b = a;
	b.address.bytes[15] = 2;
	assert_false(ip_endpoint_equal(&a, &b));
}

static void reads_back_what_it_wrote_of_random_endpoints(void **state)
{
	(void)state;
	struct test_random random = test_random_begin();
	for (int round = 0; round < 20000; round++) {
		uint8_t raw[16];
		char text[IP_ENDPOINT_TEXT_MAX];
		test_random_fill(&random, raw, sizeof(raw));
		struct ip_endpoint back,
			e = {
				.address = ip_address_of(span_of(raw, round % 2 ? 16 : 4)),
				.port = (uint16_t)(1 + test_random_below(&random, 65535)),
			};
		if (round % 4 == 1) {
			e.address.bytes[0] = 0xfe;
			e.address.bytes[1] = 0x80;
			e.scope = (uint32_t)test_random_next(&random);
		}
		size_t len = ip_endpoint_format(&e, text);
		assert_int_equal(len, strlen(text));
		assert_int_equal(ip_endpoint_parse(span_text(text), 0, &back), OK);
		assert_true(ip_endpoint_equal(&e, &back));
	}
}

static void has_room_for_the_longest_text(void **state)
{
	(void)state;
	struct ip_endpoint e = {.port = 65535, .scope = UINT32_MAX, .address.family = 6};
	memset(e.address.bytes, 0xff, 16);
	char text[IP_ENDPOINT_TEXT_MAX];
	assert_int_equal(ip_endpoint_format(&e, text), 1 + 39 + 11 + 1 + 6);
	e = (struct ip_endpoint){.port = 1};
	assert_int_equal(ip_endpoint_format(&e, text), 6);
	assert_string_equal(text, "none:1");
}

static void parse_only(const uint8_t *data, size_t len)
{
	struct ip_endpoint e;
	char text[IP_ENDPOINT_TEXT_MAX];
	if (ip_endpoint_parse(span_of(data, len), 53, &e) == OK)
		assert_true(e.port && ip_endpoint_format(&e, text) > 0);
}

static void stays_inside_damaged_text(void **state)
{
	(void)state;
	static const char *const good[] = {"192.168.255.1:65535", "[2001:db8::8:800]:53",
					   "[fe80::1%42]:853", "::ffff:1.2.3.4@53"};
	for (size_t i = 0; i < 4; i++) {
		guard_every_prefix(good[i], strlen(good[i]), parse_only);
		guard_every_bit_flip(good[i], strlen(good[i]), parse_only);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_what_is_not_an_address_and_a_port),
		cmocka_unit_test(refuses_a_missing_port_that_has_no_default),
		cmocka_unit_test(reads_every_form),
		cmocka_unit_test(tells_endpoints_apart_by_each_part),
		cmocka_unit_test(reads_back_what_it_wrote_of_random_endpoints),
		cmocka_unit_test(has_room_for_the_longest_text),
		cmocka_unit_test(stays_inside_damaged_text),
	};
	return cmocka_run_group_tests_name("ip_endpoint", tests, NULL, NULL);
}
