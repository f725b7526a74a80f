/* The small nouns: how much of a name is shown, which names are local, where the root is, what the
 * configuration means. */
#include "proto/dns/type.h"
#include "service/resolver/conf.h"
#include "service/resolver/hints.h"
#include "service/resolver/local.h"
#include "service/resolver/rrset.h"
#include "service/resolver/service.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct dns_name name_of(const char *text)
{
	struct dns_name name;
	assert_int_equal(dns_name_from_text(span_text(text), NULL, &name), OK);
	return name;
}

/* --- minimisation: RFC 9156 2.3
 * -------------------------------------------------------------------- */

static void shows_one_label_more_at_a_time_and_then_larger_steps(void **state)
{
	struct minimise_state m;
	unsigned steps = 0, shown = 0;
	(void)state;
	minimise_start(&m, MINIMISE_ON);
	minimise_at_zone(&m, 0);
	for (; shown < 40; steps++) {
		unsigned next = minimise_next(&m, 40);
		if (steps < MINIMISE_ONE_LABEL)
			assert_int_equal(next, shown + 1);
		assert_true(next > shown);
		shown = next;
		minimise_passed(&m, shown);
	}
	assert_int_equal(shown, 40);
	assert_true(steps <= MINIMISE_COUNT_MAX);
}

static void shows_all_when_it_is_off_or_when_the_zone_is_there(void **state)
{
	struct minimise_state m;
	(void)state;
	minimise_start(&m, MINIMISE_OFF);
	assert_int_equal(minimise_next(&m, 5), 5);
	minimise_start(&m, MINIMISE_STRICT);
	minimise_at_zone(&m, 4);
	assert_int_equal(minimise_next(&m, 5), 5);
	assert_int_equal(minimise_next(&m, 4), 4);
	minimise_at_zone(&m, 1);
	assert_int_equal(minimise_next(&m, 5), 2);
	m.whole = true;
	assert_int_equal(minimise_next(&m, 5), 5);
}

/* --- local names
 * ----------------------------------------------------------------------------------- */

static enum local_kind find(const char *text, uint16_t type, unsigned *ret_answers,
			    unsigned *ret_authority)
{
	static uint8_t a[1024], b[1024];
	struct writer answer = writer_of(a, sizeof(a)), authority = writer_of(b, sizeof(b));
	struct dns_name name = name_of(text), zone;
	enum local_kind kind = local_find(&name, type, &answer, &authority, &zone);
	struct reader r = reader_of_span(writer_span(&answer));
	struct rrset set;
	*ret_answers = *ret_authority = 0;
	while (rrset_next(&r, &set))
		*ret_answers += set.count;
	r = reader_of_span(writer_span(&authority));
	while (rrset_next(&r, &set))
		*ret_authority += set.count;
	return kind;
}

static void answers_special_names_itself(void **state)
{
	static const struct {
		const char *name;
		uint16_t type;
		enum local_kind kind;
	} cases[] = {
		{"localhost.", DNS_TYPE_A, LOCAL_ANSWER},
		{"x.localhost.", DNS_TYPE_AAAA, LOCAL_ANSWER},
		{"localhost.", DNS_TYPE_MX, LOCAL_NODATA},
		{"localhost.", DNS_TYPE_SOA, LOCAL_ANSWER},
		{"x.invalid.", DNS_TYPE_A, LOCAL_NXDOMAIN},
		{"abc.onion.", DNS_TYPE_A, LOCAL_NXDOMAIN},
		{"1.0.0.127.in-addr.arpa.", DNS_TYPE_PTR, LOCAL_ANSWER},
		{"2.0.0.127.in-addr.arpa.", DNS_TYPE_PTR, LOCAL_NXDOMAIN},
		{"5.4.3.10.in-addr.arpa.", DNS_TYPE_PTR, LOCAL_NXDOMAIN},
		{"1.1.31.172.in-addr.arpa.", DNS_TYPE_PTR, LOCAL_NXDOMAIN},
		{"1.1.32.172.in-addr.arpa.", DNS_TYPE_PTR, LOCAL_NONE},
		{"1.1.64.100.in-addr.arpa.", DNS_TYPE_PTR, LOCAL_NXDOMAIN},
		{"1.1.127.100.in-addr.arpa.", DNS_TYPE_PTR, LOCAL_NXDOMAIN},
		{"1.1.63.100.in-addr.arpa.", DNS_TYPE_PTR, LOCAL_NONE},
		{"1.1.128.100.in-addr.arpa.", DNS_TYPE_PTR, LOCAL_NONE},
		{"100.in-addr.arpa.", DNS_TYPE_PTR, LOCAL_NONE},
		{"1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa.",
		 DNS_TYPE_PTR, LOCAL_ANSWER},
		{"1.d.f.ip6.arpa.", DNS_TYPE_PTR, LOCAL_NXDOMAIN},
		{"example.com.", DNS_TYPE_A, LOCAL_NONE},
		{"notlocalhost.", DNS_TYPE_A, LOCAL_NONE},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		unsigned answers, authority;
		enum local_kind kind = find(cases[i].name, cases[i].type, &answers, &authority);
		if (kind != cases[i].kind)
			fail_msg("%s: kind %d", cases[i].name, (int)kind);
		assert_int_equal(answers, kind == LOCAL_ANSWER);
		assert_int_equal(authority, kind == LOCAL_NODATA || kind == LOCAL_NXDOMAIN);
	}
}

/* --- hints
 * ------------------------------------------------------------------------------------------ */

static void knows_the_thirteen(void **state)
{
	struct delegation d;
	(void)state;
	hints_builtin(53, &d);
	assert_int_equal(d.names_n, 13);
	assert_int_equal(d.addresses_n, 26);
}

static void reads_a_hints_file_in_any_order(void **state)
{
	struct delegation d;
	uint32_t line = 0;
	char message[128];
	static const char good[] = "A.ROOT. 3600 A 192.0.2.1\n. 3600 NS a.root.\n"
				   "other. 3600 A 192.0.2.9\na.root. 3600 AAAA 2001:db8::1\n";
	(void)state;
	assert_int_equal(hints_read(span_text(good), 5300, &d, &line, message, sizeof(message)),
			 OK);
	assert_int_equal(d.names_n, 1);
	assert_int_equal(d.addresses_n, 2);
	assert_int_equal(d.addresses[0].at.port, 5300);
}

static void tells_where_hints_are_wrong(void **state)
{
	struct delegation d;
	uint32_t line = 0;
	char message[128] = "";
	(void)state;
	assert_int_equal(hints_read(span_text(". 3600 NS a.root.\na.root. 3600 A 1.2.3\n"), 53, &d,
				    &line, message, sizeof(message)),
			 ERR_FORMAT);
	assert_int_equal(line, 2);
	assert_true(message[0] != '\0');
	assert_int_equal(
		hints_read(span_text("; nothing\n"), 53, &d, &line, message, sizeof(message)),
		ERR_FORMAT);
	assert_int_equal(
		hints_read(span_text("$INCLUDE x\n"), 53, &d, &line, message, sizeof(message)),
		ERR_FORMAT);
}

/* --- configuration
 * ---------------------------------------------------------------------------------- */

static void its_schema_does_not_contradict_itself(void **state)
{
	static const struct config_section section = {"resolver", &resolver_conf_map};
	static const struct config_sections sections = {&section, 1};
	char text[4096] = "";
	struct writer problems = writer_of(text, sizeof(text) - 1);
	(void)state;
	if (config_schema_check(&sections, &problems) != OK)
		fail_msg("%s", text);
}

static void copies_the_configuration_into_rules(void **state)
{
	struct ip_endpoint to = {.address = ip_address_v4(192, 0, 2, 7), .port = 5353};
	struct resolver_zone_conf forward = {.zone = name_of("corp."), .to = {&to, 1}};
	struct resolver_zone_conf stub = {.zone = name_of("home.arpa."), .to = {&to, 1}};
	struct ip_address root = ip_address_v4(192, 0, 2, 1);
	struct resolver_conf conf = {.forward = {&forward, 1},
				     .stub = {&stub, 1},
				     .roots = {&root, 1},
				     .upstream_port = 5301,
				     .identity = "me",
				     .ttl = {.max_ms = 5000},
				     .edns_size = 1232};
	const struct resolver_told none = {0};
	struct resolver_rules *r = NULL;
	uint32_t line;
	char message[64];
	(void)state;
	assert_int_equal(resolver_rules_new(&conf, (struct span){0}, none, "1.0", &r, &line,
					    message, sizeof(message)),
			 OK);
	memset(&to, 0, sizeof(to)); /* a copy, not a loan */
	assert_int_equal(r->rules.zones_n, 2);
	assert_int_equal(r->rules.zones[0].kind, DELEGATION_FORWARD);
	assert_int_equal(r->rules.zones[1].kind, DELEGATION_ITERATIVE);
	assert_int_equal(r->rules.zones[0].to[0].port, 5353);
	assert_int_equal(r->rules.zones[1].to[0].address.bytes[3], 7);
	assert_int_equal(r->roots.addresses[0].at.port, 5301);
	assert_int_equal(r->rules.ttl_max_s, 5);
	assert_string_equal(r->rules.identity, "me");
	assert_null(r->rules.version);
	/* Only a stub of this machine's own servers holds nothing, unless told otherwise. */
	assert_false(r->rules.zones[0].bounded || r->rules.zones[1].bounded);
	to = (struct ip_endpoint){.address = ip_address_v4(127, 0, 0, 1), .port = 53};
	struct resolver_rules *here = NULL;
	assert_int_equal(resolver_rules_new(&conf, (struct span){0}, none, "1.0", &here, &line,
					    message, sizeof(message)),
			 OK);
	assert_false(here->rules.zones[0].bounded);
	assert_true(here->rules.zones[1].bounded);
	assert_int_equal(here->rules.zones[1].hold_max_s, 0);
	resolver_rules_unref(here);
	struct resolver_rules *second = resolver_rules_ref(r);
	resolver_rules_unref(r);
	assert_string_equal(second->rules.identity, "me");
	resolver_rules_unref(second);
	resolver_rules_unref(NULL);
}

static void dns64_is_off_until_it_is_written(void **state)
{
	struct ip_prefix to = {.address = {.family = 6, .bytes = {0, 0x64, 0xff, 0x9b}},
			       .bits = 96};
	struct ip_prefix net = {.address = ip_address_v4(10, 0, 0, 0), .bits = 8};
	struct dns64_map range = {net, to};
	struct resolver_conf conf = {.dns64 = {.prefixes = {&to, 1},
					       .ranges = {&range, 1},
					       .clients = {&to, 1},
					       .unmapped = {&net, 1}}};
	const struct resolver_told none = {0};
	struct resolver_rules *r = NULL;
	uint32_t line;
	char message[64];
	(void)state;
	for (int on = 0; on < 2; on++) {
		conf.dns64_on = on;
		assert_int_equal(resolver_rules_new(&conf, (struct span){0}, none, "1.0", &r, &line,
						    message, sizeof(message)),
				 OK);
		if (!on)
			assert_null(r->rules.dns64);
		if (!on)
			resolver_rules_unref(r);
	}
	memset(&range, 0, sizeof(range)); /* a copy, not a loan */
	assert_ptr_equal(r->rules.dns64, &r->dns64);
	assert_int_equal(r->dns64.maps_n, 2);
	assert_int_equal(r->dns64.maps[0].from.bits, 0);
	assert_int_equal(r->dns64.maps[0].from.address.family, 4);
	assert_true(ip_prefix_equal(&r->dns64.maps[0].to, &to));
	assert_true(ip_prefix_equal(&r->dns64.maps[1].from, &net));
	assert_int_equal(r->dns64.clients_n, 1);
	assert_true(ip_prefix_equal(&r->dns64.clients[0], &to));
	assert_int_equal(r->dns64.exclude_n, 0);
	assert_true(ip_prefix_equal(&r->dns64.unmapped[0], &net));
	resolver_rules_unref(r);
}

static void forwarders_that_were_told_are_for_all_that_nobody_named(void **state)
{
	struct ip_endpoint to = {.address = ip_address_v4(192, 0, 2, 7), .port = 53};
	struct ip_endpoint told[2] = {{.address = ip_address_v4(192, 0, 2, 8), .port = 53},
				      {.address = ip_address_v4(192, 0, 2, 9), .port = 53}};
	struct resolver_zone_conf stub = {.zone = name_of("home.arpa."), .to = {&to, 1}};
	struct resolver_conf conf = {.stub = {&stub, 1}, .upstream_port = 53, .forwarders = true};
	struct resolver_rules *r = NULL;
	uint32_t line;
	char message[64];
	(void)state;
	assert_int_equal(resolver_rules_new(&conf, (struct span){0},
					    (struct resolver_told){told, 2}, "1.0", &r, &line,
					    message, sizeof(message)),
			 OK);
	memset(told, 0, sizeof(told)); /* a copy */
	assert_int_equal(r->rules.zones_n, 2);
	assert_int_equal(r->rules.zones[0].kind, DELEGATION_ITERATIVE);
	assert_int_equal(r->rules.zones[0].to[0].address.bytes[3], 7);
	assert_true(dns_name_is_root(&r->rules.zones[1].name));
	assert_int_equal(r->rules.zones[1].kind, DELEGATION_FORWARD);
	assert_int_equal(r->rules.zones[1].to_n, 2);
	assert_int_equal(r->rules.zones[1].to[1].address.bytes[3], 9);
	resolver_rules_unref(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shows_one_label_more_at_a_time_and_then_larger_steps),
		cmocka_unit_test(shows_all_when_it_is_off_or_when_the_zone_is_there),
		cmocka_unit_test(answers_special_names_itself),
		cmocka_unit_test(knows_the_thirteen),
		cmocka_unit_test(reads_a_hints_file_in_any_order),
		cmocka_unit_test(tells_where_hints_are_wrong),
		cmocka_unit_test(its_schema_does_not_contradict_itself),
		cmocka_unit_test(copies_the_configuration_into_rules),
		cmocka_unit_test(dns64_is_off_until_it_is_written),
		cmocka_unit_test(forwarders_that_were_told_are_for_all_that_nobody_named),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
