#include "service/dhcp/conf_names.h"

#include "config/config.h"
#include "config/report.h"
#include "service/dhcp/conf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static const struct config_section section = {"dhcp", &dhcp_conf_map};
static const struct config_sections sections = {&section, 1};

#define SECRET "MDEyMzQ1Njc4OWFiY2RlZg==" /* 16 octets */

static enum err parse(const char *body, struct config **ret, char told[512])
{
	char text[2048];
	struct config_report r = {0};
	(void)snprintf(text, sizeof(text), "dhcp:\n%s", body);
	struct config_input in = {.text = span_text(text), .file_name = "test.yaml"};
	enum err e = config_parse(&sections, &in, ret, &r);
	told[0] = 0;
	if (r.n)
		(void)snprintf(told, 512, "%s", r.errors[0].message);
	config_report_done(&r);
	return e;
}

static void tells_what_is_wrong_with_names(void **state)
{
	(void)state;
	static const char *const cases[][2] = {
		{"  names: {server: 192.0.2.1}\n", "key 'domain' is missing here"},
		{"  names: {domain: a.test}\n", "key 'server' is missing here"},
		{"  names: {domain: a.test, server: 192.0.2.1, zone: b.test}\n",
		 "`domain` does not lie in it"},
		{"  names: {domain: a.test, server: 192.0.2.1, key: k}\n",
		 "write base64 of at least 16 octets"},
		{"  names: {domain: a.test, server: 192.0.2.1, key: k, secret: c2hvcnQ=}\n",
		 "write base64 of at least 16 octets"},
		{"  names: {domain: a.test, server: 192.0.2.1, secret: " SECRET "}\n",
		 "it needs the name of its `key`"},
		{"  names: {domain: a.test, server: 192.0.2.1, reserved: [\"...\"]}\n",
		 "this is no host name"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct config *c = NULL;
		char told[512];
		assert_int_equal(parse(cases[i][0], &c, told), ERR_CONFIG);
		assert_string_equal(told, cases[i][1]);
		config_free(c);
	}
}

static const struct dhcp_conf *good(const char *body, struct config **c)
{
	char told[512];
	if (parse(body, c, told))
		fail_msg("%s", told);
	return config_section(*c, "dhcp");
}

static void rules_are_what_the_engine_takes(void **state)
{
	(void)state;
	struct config *c = NULL;
	struct names_rules *r = NULL;
	const struct dhcp_conf *conf =
		good("  networks:\n    - subnet: 192.0.2.0/24\n      reservations:\n"
		     "        - {mac: \"02:00:00:00:00:01\", address: 192.0.2.9, name: Printer}\n"
		     "  names: {domain: Home.Test, zone: test, server: 192.0.2.1,\n"
		     "    reverse: [2.0.192.in-addr.arpa], key: K, secret: " SECRET ",\n"
		     "    reserved: [gateway], ttl-max: 90s, client-updates: on}\n",
		     &c);
	assert_int_equal(names_rules_new(conf, span_text("Our_Box.example"), &r), OK);
	config_free(c); /* a copy, not a loan */
	assert_memory_equal(r->conf.domain.wire, "\4home\4test", 11);
	assert_memory_equal(r->conf.forward.zone.wire, "\4test", 6);
	assert_int_equal(r->conf.forward.server.port, 53);
	assert_int_equal(r->conf.reverse_n, 1);
	assert_ptr_equal(r->conf.reverse[0].key, &r->key);
	assert_int_equal(r->key.secret.len, 16);
	assert_memory_equal(r->key.name.wire, "\1k", 3);
	assert_int_equal(r->conf.ttl_max_s, 90);
	assert_int_equal(r->conf.fqdn, NAMES_FQDN_CLIENT);
	assert_true(r->conf.generate);
	static const char *const reserved[] = {"gateway", "printer", "our-box"};
	assert_int_equal(r->conf.reserved_n, 3);
	for (size_t i = 0; i < 3; i++)
		assert_string_equal(r->conf.reserved[i].text, reserved[i]);
	names_rules_free(r);
}

static void without_a_domain_there_are_no_rules(void **state)
{
	(void)state;
	struct config *c = NULL;
	struct names_rules *r = NULL;
	const struct dhcp_conf *conf = good("  networks: {subnet: 192.0.2.0/24}\n", &c);
	assert_int_equal(names_rules_new(conf, (struct span){0}, &r), OK);
	assert_null(r);
	names_rules_free(r);
	config_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tells_what_is_wrong_with_names),
		cmocka_unit_test(rules_are_what_the_engine_takes),
		cmocka_unit_test(without_a_domain_there_are_no_rules),
	};
	return cmocka_run_group_tests_name("dhcp_conf_names", tests, NULL, NULL);
}
