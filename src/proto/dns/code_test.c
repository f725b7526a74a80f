#include "proto/dns/code.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void refuses_unknown_names(void **state)
{
	(void)state;
	uint16_t n = 7;
	uint8_t opcode = 7;
	static const char *const bad[] = {"",		"NOERRORS", "NOERRO",  "RCODE3", "CLASS",
					  "CLASS65536", "CLASS-1",  "CLASS 1", "I",	 "INN"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(dns_rcode_from_text(span_text(bad[i]), &n), ERR_FORMAT);
		assert_int_equal(dns_opcode_from_text(span_text(bad[i]), &opcode), ERR_FORMAT);
		assert_int_equal(dns_class_from_text(span_text(bad[i]), &n), ERR_FORMAT);
	}
	assert_int_equal(n, 7);
	assert_int_equal(opcode, 7);
}

static void every_number_comes_back_from_its_text(void **state)
{
	(void)state;
	unsigned rcodes = 0, opcodes = 0, classes = 0;
	for (unsigned i = 0; i <= UINT16_MAX; i++) {
		char buf[DNS_CODE_TEXT_MAX];
		uint16_t n = 0;
		uint8_t opcode = 0;
		if (dns_rcode_text(i)) {
			rcodes++;
			assert_int_equal(dns_rcode_from_text(span_text(dns_rcode_text(i)), &n), OK);
			assert_int_equal(n, i);
		}
		if (dns_opcode_text(i)) {
			opcodes++;
			assert_int_equal(
				dns_opcode_from_text(span_text(dns_opcode_text(i)), &opcode), OK);
			assert_int_equal(opcode, i);
		}
		classes += dns_class_text(i) != NULL;
		assert_int_equal(dns_class_from_text(span_text(dns_class_format(i, buf)), &n), OK);
		assert_int_equal(n, i);
		assert_true(strlen(dns_rcode_format(i, buf)) < sizeof(buf));
		assert_true(strlen(dns_opcode_format(i, buf)) < sizeof(buf));
	}
	assert_int_equal(rcodes, 20);
	assert_int_equal(opcodes, 6);
	assert_int_equal(classes, 5);
}

static void writes_numbers_without_a_name(void **state)
{
	(void)state;
	char buf[DNS_CODE_TEXT_MAX];
	assert_string_equal(dns_rcode_format(3, buf), "NXDOMAIN");
	assert_string_equal(dns_rcode_format(4095, buf), "RCODE4095");
	assert_string_equal(dns_opcode_format(3, buf), "OPCODE3");
	assert_string_equal(dns_class_format(0, buf), "CLASS0");
	assert_string_equal(dns_class_format(65535, buf), "CLASS65535");
	assert_string_equal(dns_ede_text(15), "Blocked");
	assert_null(dns_ede_text(31));
	assert_string_equal(dns_option_text(10), "COOKIE");
	assert_null(dns_option_text(65001));
}

static void reads_names_in_any_case(void **state)
{
	(void)state;
	uint16_t n = 0;
	uint8_t opcode = 0;
	assert_int_equal(dns_rcode_from_text(span_text("badCookie"), &n), OK);
	assert_int_equal(n, DNS_RCODE_BADCOOKIE);
	assert_int_equal(dns_opcode_from_text(span_text("notify"), &opcode), OK);
	assert_int_equal(opcode, DNS_OPCODE_NOTIFY);
	assert_int_equal(dns_class_from_text(span_text("ch"), &n), OK);
	assert_int_equal(n, DNS_CLASS_CH);
	assert_int_equal(dns_class_from_text(span_text("class32"), &n), OK);
	assert_int_equal(n, 32);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_unknown_names),
		cmocka_unit_test(every_number_comes_back_from_its_text),
		cmocka_unit_test(writes_numbers_without_a_name),
		cmocka_unit_test(reads_names_in_any_case),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
