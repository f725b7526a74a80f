#include "service/authority/conf.h"

#include "base/writer.h"
#include "config/config.h"
#include "config/report.h"
#include "proto/dns/type.h"
#include "service/authority/answer.h"
#include "service/authority/keyring.h"
#include "service/authority/update_policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
/* cmocka wants the four above it. */
#include <cmocka.h>

#include "test/conf.h"

static const struct config_section section = {"authority", &authority_conf_map};
static const struct config_sections sections = {&section, 1};

static void schema_is_sound(void **state)
{
	(void)state;
	conf_schema_is_sound(&sections);
}

static size_t errors_of(const char *text)
{
	struct config *c = NULL;
	struct config_report report = {0};
	struct config_input in = {.text = span_text(text), .file_name = "test.yaml"};
	enum err e = config_parse(&sections, &in, &c, &report);
	size_t n = report.n;

	assert_int_equal(e, n ? ERR_CONFIG : OK);
	config_report_done(&report);
	config_free(c);
	return n;
}

static void refuses_zones_named_twice_and_bad_secrets(void **state)
{
	(void)state;
	assert_int_equal(
		errors_of("authority:\n  zones:\n    - {origin: a.test, file: x}\n"
			  "    - {origin: b.test, file: x}\n    - {origin: A.test., file: y}\n"),
		1);
	assert_int_equal(errors_of("authority:\n  cookie-secret: \"0123\"\n"), 1);
	assert_int_equal(
		errors_of("authority:\n  cookie-secret: 0123456789abcdef0123456789abcdeg\n"), 1);
	assert_int_equal(errors_of("authority:\n  edns-size: 511\n"), 1);
	assert_int_equal(errors_of("authority:\n  zones:\n    - {origin: ., file: root.zone, "
				   "checks: lenient}\n"),
			 0);
}

static void answers_are_made_by_what_is_configured(void **state)
{
	(void)state;
	static const char text[] =
		"authority:\n  answers: minimal\n  identity: ns1\n  round-robin: off\n"
		"  tcp: {idle: 5s}\n  cookie-secret: 000102030405060708090a0B0C0d0e0F\n";
	static const uint8_t made[16] = {1},
			     wanted[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
	struct config *c = NULL;
	struct config_report report = {0};
	struct config_input in = {.text = span_text(text), .file_name = "test.yaml"};
	struct answer_config answers;

	assert_int_equal(config_parse(&sections, &in, &c, &report), OK);
	authority_conf_answers(config_section(c, "authority"), made, &answers);
	config_free(c);
	config_report_done(&report);
	assert_true(answers.minimal && !answers.round_robin && answers.cookies);
	assert_int_equal(answers.edns_size, 1232);
	assert_int_equal(answers.idle_100ms, 50);
	assert_int_equal(answers.identity_len, 3);
	assert_memory_equal(answers.cookie_secret, wanted, 16);
	assert_null(answers.version);
}

#define SECRET "MDEyMzQ1Njc4OWFiY2RlZg==" /* 16 octets */
#define KEY    "  keys: {name: K, secret: " SECRET "}\n"

static void refuses_keys_and_rules_that_make_no_sense(void **state)
{
	(void)state;
	static const char *const wrong[] = {
		"  keys: {name: k, secret: c2hvcnQ=}\n",
		"  keys: {name: k, secret: \"no base64!\"}\n",
		"  keys: {name: k, algorithm: hmac-md5, secret: " SECRET "}\n",
		"  keys: [{name: k, secret: " SECRET "}, {name: K., secret: " SECRET "}]\n",
		"  transfer-keys: [k]\n",
		KEY "  zones: {origin: a.test, file: x, update: {key: other}}\n",
		KEY "  zones: {origin: a.test, file: x, transfer-keys: [other]}\n",
		KEY "  zones: {origin: a.test, file: x, update: {key: k, below: [b.test]}}\n",
		KEY "  zones: {origin: a.test, file: x, update: {key: k, types: [ANY]}}\n",
		KEY "  zones: {origin: a.test, file: x, update: {key: k, types: [HOSTS]}}\n",
		/* An address can be forged: there is no rule by address. */
		KEY "  zones: {origin: a.test, file: x, update: {from: 127.0.0.1}}\n",
	};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		char text[512] = "authority:\n";
		(void)strncat(text, wrong[i], sizeof(text) - 20);
		if (errors_of(text) == 0)
			fail_msg("%s", wrong[i]);
	}
}

static void keys_and_rules_are_what_updates_are_judged_by(void **state)
{
	(void)state;
	static const char text[] =
		"authority:\n" KEY "  zones:\n    - origin: A.test\n      file: x\n      update:\n"
		"        - {key: k, below: [Dyn.a.test], exactly: [one.a.test], types: [A, "
		"DHCID]}\n"
		"        - {key: K, names: self}\n";
	struct config *c = NULL;
	struct config_report report = {0};
	struct config_input in = {.text = span_text(text), .file_name = "test.yaml"};
	struct keyring *keys = NULL;
	struct update_policy p, copy;

	assert_int_equal(config_parse(&sections, &in, &c, &report), OK);
	const struct authority_conf *conf = config_section(c, "authority");
	assert_int_equal(authority_conf_keys(conf, &keys), OK);
	assert_int_equal(authority_conf_policy(conf->zones.items, &p), OK);
	config_free(c);
	config_report_done(&report);
	struct dns_name k = {.len = 3, .wire = "\1k"}, other = {.len = 3, .wire = "\1x"};
	assert_int_equal(keys->n, 1);
	assert_int_equal(keyring_find(keys, &k)->secret.len, 16);
	assert_null(keyring_find(keys, &other));
	assert_null(keyring_find(NULL, &k));
	keyring_unref(keys);
	assert_int_equal(update_policy_copy(&p, &copy), OK);
	update_policy_done(&p);
	assert_true(update_policy_knows(&copy, &k));
	assert_false(update_policy_knows(&copy, &other));
	update_policy_done(&copy);
}

static bool allows(const struct update_policy *p, const char *key, const char *owner, uint16_t type)
{
	struct dns_name k, o;
	assert_int_equal(dns_name_from_text(span_text(key), NULL, &k), OK);
	assert_int_equal(dns_name_from_text(span_text(owner), NULL, &o), OK);
	return update_policy_allows(p, &k, &o, type);
}

static void a_rule_allows_what_it_says_and_no_more(void **state)
{
	(void)state;
	struct dns_name below, exactly;
	uint16_t types[] = {DNS_TYPE_A, DNS_TYPE_NS, DNS_TYPE_RRSIG};
	assert_int_equal(dns_name_from_text(span_text("dyn.test."), NULL, &below), OK);
	assert_int_equal(dns_name_from_text(span_text("one.test."), NULL, &exactly), OK);
	struct update_rule rules[] = {
		{.below = &below,
		 .below_n = 1,
		 .exactly = &exactly,
		 .exactly_n = 1,
		 .types = types,
		 .types_n = 3},
		{.self = true},
		{.key = {.len = 0}},
	};
	assert_int_equal(dns_name_from_text(span_text("k."), NULL, &rules[0].key), OK);
	assert_int_equal(dns_name_from_text(span_text("me.test."), NULL, &rules[1].key), OK);
	assert_int_equal(dns_name_from_text(span_text("all."), NULL, &rules[2].key), OK);
	struct update_policy p = {rules, 3};
	assert_true(allows(&p, "k.", "dyn.test.", DNS_TYPE_A));
	assert_true(allows(&p, "k.", "x.y.dyn.test.", DNS_TYPE_NS));
	assert_true(allows(&p, "k.", "one.test.", DNS_TYPE_A));
	assert_false(allows(&p, "k.", "x.one.test.", DNS_TYPE_A));
	assert_false(allows(&p, "k.", "xdyn.test.", DNS_TYPE_A));
	assert_false(allows(&p, "k.", "dyn.test.", DNS_TYPE_AAAA));
	assert_false(allows(&p, "k.", "dyn.test.", DNS_TYPE_RRSIG)); /* a signer's, whoever asks */
	assert_true(allows(&p, "me.test.", "me.test.", DNS_TYPE_TXT));
	assert_false(allows(&p, "me.test.", "x.me.test.", DNS_TYPE_TXT));
	assert_false(allows(&p, "me.test.", "me.test.", DNS_TYPE_NS));
	assert_true(allows(&p, "all.", "anything.test.", DNS_TYPE_MX));
	assert_false(allows(&p, "all.", "anything.test.", DNS_TYPE_SOA));
	assert_false(allows(&p, "nobody.", "dyn.test.", DNS_TYPE_A));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(schema_is_sound),
		cmocka_unit_test(refuses_zones_named_twice_and_bad_secrets),
		cmocka_unit_test(refuses_keys_and_rules_that_make_no_sense),
		cmocka_unit_test(keys_and_rules_are_what_updates_are_judged_by),
		cmocka_unit_test(a_rule_allows_what_it_says_and_no_more),
		cmocka_unit_test(answers_are_made_by_what_is_configured),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
