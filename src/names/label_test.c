#include "names/label.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void cleans_what_clients_call_themselves(void **state)
{
	(void)state;
	static const char *const cases[][2] = {
		{"laptop", "laptop"},
		{"Anna's iPhone", "annas-iphone"},
		{"my_tv", "my-tv"},
		{"-edge-", "edge"},
		{"--a--", "a"},
		{"host.example.com", "host"},
		{"x y", "x-y"},
		{"", ""},
		{"...", ""},
		{"123", ""},
		{"10.0.0.1", ""},
		{"1a", "1a"},
		{"\xc3\xa9t\xc3\xa9", "t"},
		{"a\x01\x02\nb", "ab"},
		{"0123456789012345678901234567890123456789012345678901234567890abcdef",
		 "0123456789012345678901234567890123456789012345678901234567890ab"},
		{"abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghij-----z",
		 "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghij"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct names_label l = names_label_clean(span_text(cases[i][0]));
		assert_string_equal(l.text, cases[i][1]);
		assert_int_equal(l.len, strlen(cases[i][1]));
	}
}

static void makes_names_of_addresses(void **state)
{
	(void)state;
	static const char *const cases[][2] = {
		{"192.168.7.23", "192-168-7-23"},
		{"2001:db8::17", "2001-db8--17"},
		{"fe80::", "fe80--0"},
		{"::1", "0--1"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ip_address a;
		assert_int_equal(ip_address_parse(span_text(cases[i][0]), &a), OK);
		assert_string_equal(names_label_of_address(&a).text, cases[i][1]);
	}
}

static void some_names_are_everybodys(void **state)
{
	(void)state;
	static const char *const names[] = {"wpad", "ISATAP", "localhost"};
	for (unsigned i = 0; i < 3; i++) {
		struct names_label l = names_label_clean(span_text(names[i]));
		assert_true(names_label_is_everybodys(&l));
	}
	struct names_label l = names_label_clean(span_text("wpad2"));
	assert_false(names_label_is_everybodys(&l));
}

/* RFC 4702 4: the flags of the answer, for each of the client's. */
static void answers_the_flags_of_the_fqdn_option(void **state)
{
	(void)state;
	static const struct {
		enum names_fqdn_policy policy;
		bool s, n;
		struct names_fqdn_verdict v;
	} cases[] = {
		{NAMES_FQDN_SERVER, true, false, {true, false, false, true, true}},
		{NAMES_FQDN_SERVER, false, false, {true, true, false, true, true}},
		{NAMES_FQDN_SERVER, false, true, {true, true, false, true, true}},
		{NAMES_FQDN_CLIENT, true, false, {true, false, false, true, true}},
		{NAMES_FQDN_CLIENT, false, false, {false, false, false, false, true}},
		{NAMES_FQDN_CLIENT, false, true, {false, false, true, false, false}},
		{NAMES_FQDN_CLIENT, true, true, {false, false, false, false, true}},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct names_fqdn_verdict v =
			names_fqdn_judge(cases[i].policy, cases[i].s, cases[i].n);
		assert_memory_equal(&v, &cases[i].v, sizeof(v));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cleans_what_clients_call_themselves),
		cmocka_unit_test(makes_names_of_addresses),
		cmocka_unit_test(some_names_are_everybodys),
		cmocka_unit_test(answers_the_flags_of_the_fqdn_option),
	};
	return cmocka_run_group_tests_name("dhcp_host_name", tests, NULL, NULL);
}
