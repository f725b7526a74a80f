#include "proto/dns/name.h"
#include "proto/ip/address.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static enum err address_of(const char *text, struct ip_address *ret)
{
	struct dns_name n;
	assert_int_equal(dns_name_from_text(span_text(text), NULL, &n), OK);
	return dns_name_to_address(&n, ret);
}

#define NIBBLES_31 "b.a.9.8.7.6.5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0."

static void refuses_what_is_not_one_whole_address(void **state)
{
	(void)state;
	static const char *const bad[] = {
		".",
		"in-addr.arpa.",
		"3.2.1.in-addr.arpa.",
		"5.4.3.2.1.in-addr.arpa.",
		"04.3.2.1.in-addr.arpa.",
		"256.3.2.1.in-addr.arpa.",
		"x.3.2.1.in-addr.arpa.",
		"4.3.2.1.in-addr.example.",
		"4.3.2.1.ip6.arpa.",
		NIBBLES_31 "ip6.arpa.",
		NIBBLES_31 "22.ip6.arpa.",
		NIBBLES_31 "g.ip6.arpa.",
		NIBBLES_31 "2.ip6.int.",
		NIBBLES_31 "2.2.ip6.arpa.",
		"0/25.2.0.192.in-addr.arpa.",
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct ip_address a = {.family = 9};
		assert_int_equal(address_of(bad[i], &a), ERR_FORMAT);
		assert_int_equal(a.family, 9);
	}
}

static void names_the_examples_of_rfc_1035_and_rfc_3596(void **state)
{
	(void)state;
	char buf[DNS_NAME_TEXT_MAX];
	struct dns_name n;
	struct ip_address a = {.family = 4, .bytes = {10, 2, 0, 52}};
	dns_name_from_address(&a, &n);
	assert_string_equal(dns_name_format(&n, buf), "52.0.2.10.in-addr.arpa."); /* 3.5 */
	/* RFC 3596 2.5: 4321:0:1:2:3:4:567:89ab. */
	a = (struct ip_address){
		.family = 6,
		.bytes = {0x43, 0x21, 0, 0, 0, 1, 0, 2, 0, 3, 0, 4, 5, 0x67, 0x89, 0xab}};
	dns_name_from_address(&a, &n);
	assert_string_equal(
		dns_name_format(&n, buf),
		"b.a.9.8.7.6.5.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.0.0.0.0.1.2.3.4.ip6.arpa.");
	assert_int_equal(address_of("B.A.9.8.7.6.5.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.0.0.0.0.1.2."
				    "3.4.IP6.ARPA.",
				    &a),
			 OK);
	assert_int_equal(a.bytes[15], 0xab);
}

static void every_octet_comes_back(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 256; i++) {
		for (uint8_t family = 4; family <= 6; family += 2) {
			struct ip_address a = {.family = family}, back;
			size_t len = family == 4 ? 4 : 16;
			for (size_t j = 0; j < len; j++)
				a.bytes[j] = (uint8_t)(i + 37 * j);
			struct dns_name n;
			dns_name_from_address(&a, &n);
			assert_int_equal(dns_name_wire_len(dns_name_span(&n)), n.len);
			assert_int_equal(dns_name_to_address(&n, &back), OK);
			assert_int_equal(back.family, family);
			assert_memory_equal(back.bytes, a.bytes, 16);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_what_is_not_one_whole_address),
		cmocka_unit_test(names_the_examples_of_rfc_1035_and_rfc_3596),
		cmocka_unit_test(every_octet_comes_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
