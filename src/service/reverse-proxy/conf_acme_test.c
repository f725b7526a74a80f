#include "acme/acme.h"
#include "config/config.h"
#include "service/reverse-proxy/conf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants the four above it. */
#include <cmocka.h>

#include "test/conf.h"

static const struct config_section items[] = {{"reverse-proxy", &reverse_conf_map}};
static const struct config_sections sections = {items, 1};

#define HEAD  "reverse-proxy:\n  listen: [192.0.2.1, {address: 192.0.2.2, tls: yes}]\n"
#define PLAIN "reverse-proxy:\n  listen: 192.0.2.1\n"
#define SITE  "  authorities:\n    a: https://ca.test/d\n"
#define DNS                                                                                        \
	"  authorities:\n    a: {directory: \"https://ca.test/d\", challenge: dns-01, dns: "       \
	"{server: 127.0.0.1, zones: [test, sub.test]}}\n"

static void refused(const char *text, uint32_t line, uint32_t column, const char *words)
{
	conf_refused(&sections, text, line, column, words);
}

static void a_short_form_is_enough(void **state)
{
	(void)state;
	struct config *c =
		conf_parse(&sections, HEAD SITE "  certificates: {names: WWW.test, acme: a}\n");
	const struct reverse_conf *conf = config_section(c, "reverse-proxy");
	const struct reverse_authority_conf *a = conf->authorities.items;
	const struct reverse_certificate_conf *cert = conf->certificates.items;
	assert_true(reverse_orders(conf));
	assert_int_equal(reverse_authority_find(conf, cert->acme), 0);
	assert_string_equal(a->name, "a");
	assert_string_equal(a->directory, "https://ca.test/d");
	assert_int_equal(a->challenge, ACME_HTTP_01);
	assert_int_equal(a->terms, REVERSE_TERMS_UNREAD);
	assert_false(cert->has_key_type);
	config_free(c);
}

static void a_certificate_is_of_files_or_ordered(void **state)
{
	(void)state;
	refused(HEAD SITE "  certificates: {chain: /c, key: /k, names: a.test, acme: a}\n", 5, 59,
		"not both");
	refused(HEAD SITE "  certificates: [{}]\n", 5, 18, "`chain: PATH` and `key: PATH`");
	refused(HEAD SITE "  certificates: {chain: /c}\n", 5, 17, "`key: PATH` is missing");
	refused(HEAD SITE "  certificates: {acme: a}\n", 5, 17, "`names: [NAME]` is missing");
	refused(HEAD SITE "  certificates: {names: a.test}\n", 5, 17, "`acme: AUTHORITY`");
}

static void an_order_must_be_possible(void **state)
{
	(void)state;
	refused(HEAD SITE "  certificates: {names: a.test, acme: b}\n", 5, 39, "there is no `b`");
	refused(HEAD SITE "  certificates: {names: [b.test, \"*.a.test\"], acme: a}\n", 5, 34,
		"only `challenge: dns-01` proves a wildcard");
	refused(HEAD SITE "  certificates: {names: a_.test, acme: a}\n", 5, 25,
		"cannot be the name of a host");
	refused(HEAD DNS "  certificates: {names: a.other, acme: a}\n", 5, 25,
		"none of the `zones`");
	refused(PLAIN
		"  authorities:\n    a: {directory: \"https://c/d\", challenge: tls-alpn-01}\n"
		"  certificates: {names: a.test, acme: a}\n",
		5, 39, "add an address with `tls`");
	refused("reverse-proxy:\n  listen: {address: 192.0.2.1, tls: yes}\n" SITE
		"  certificates: {names: a.test, acme: a}\n",
		5, 39, "add an address without `tls`");
}

static void an_authority_says_enough(void **state)
{
	(void)state;
	refused(HEAD "  authorities: {a: \"http://ca.test/d\"}\n", 3, 20, "expected https://HOST");
	refused(HEAD "  authorities: {a: {directory: \"https://c/d\", contact: [a@b.test, x]}}\n",
		3, 67, "expected a mail address");
	refused(HEAD "  authorities: {a: {directory: \"https://c/d\", challenge: dns-01}}\n", 3, 58,
		"dns-01 needs `dns:");
	refused(HEAD "  authorities: {a: {directory: \"https://c/d\", dns: {server: 127.0.0.1, "
		     "zones: [t]}}}\n",
		3, 52, "it is of `challenge: dns-01`");
	refused(HEAD "  authorities: {a: {directory: \"https://c/d\", account: {id: x, key: "
		     "\"=\"}}}\n",
		3, 69, "base64url");
	refused(HEAD "  authorities: {a: {directory: \"https://c/d\", challenge: dns-01, dns: "
		     "{server: 127.0.0.1, zones: [t], key: k, secret: AAAA}}}\n",
		3, 119, "at least 16 octets");
}

static void the_store_is_one_of_two(void **state)
{
	(void)state;
	refused(PLAIN "  store: mysql://x\n", 3, 10, "write sqlite, or postgresql");
	refused(PLAIN "  store: \"postgresql://a:b@c/d\"\n", 3, 10, "store-password");
	refused(PLAIN "  store-key: AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n", 3, 14,
		"32 octets");
}

static void the_longest_zone_takes_the_record(void **state)
{
	(void)state;
	struct config *c = conf_parse(&sections, HEAD DNS
				      "  certificates: {names: \"*.A.sub.test\", acme: a}\n");
	const struct reverse_conf *conf = config_section(c, "reverse-proxy");
	const struct reverse_authority_conf *a = conf->authorities.items;
	const struct dns_name *zones = a->dns.zones.items;
	static const struct {
		const char *name;
		int zone;
	} names[] = {
		{"x.SUB.test", 1}, {"sub.test", 1}, {"xsub.test", 0}, {"test", 0}, {"other", -1}};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct dns_name n;
		assert_int_equal(dns_name_from_text(span_text(names[i].name), NULL, &n), OK);
		assert_ptr_equal(reverse_acme_zone(&a->dns, &n),
				 names[i].zone < 0 ? NULL : &zones[names[i].zone]);
	}
	config_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_short_form_is_enough),
		cmocka_unit_test(a_certificate_is_of_files_or_ordered),
		cmocka_unit_test(an_order_must_be_possible),
		cmocka_unit_test(an_authority_says_enough),
		cmocka_unit_test(the_store_is_one_of_two),
		cmocka_unit_test(the_longest_zone_takes_the_record),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
