#include "service/nat/names.h"

#include "config/config.h"
#include "config/report.h"
#include "proto/dns/build.h"
#include "proto/dns/type.h"
#include "service/nat/conf.h"
#include "test/guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
/* cmocka wants the four above it. */
#include <cmocka.h>

static const struct config_section section = {"nat", &nat_conf_map};
static const struct config_sections sections = {&section, 1};

static struct config *parse(const char *text)
{
	struct config *c = NULL;
	struct config_report report = {0};
	struct config_input in = {.text = span_text(text), .file_name = "test.yaml"};
	assert_int_equal(config_parse(&sections, &in, &c, &report), OK);
	config_report_done(&report);
	return c;
}

static void collect(const char *text, struct nat_names *names)
{
	struct config *config = parse(text);
	assert_int_equal(nat_names_collect(config_section(config, "nat"), names), OK);
	config_free(config);
}

#define HEAD "nat:\n  outside: w\n  inside: l\n  domain: lan\n"

static void collects_each_name_once(void **state)
{
	struct nat_names names = {0};
	char text[DNS_NAME_TEXT_MAX];
	(void)state;
	collect(HEAD "  forward:\n    - {from: 1/tcp, to: \"nas:5\", for: [a.example, 10.0.0.1]}\n"
		     "    - {from: 2/tcp, to: NAS}\n"
		     "  firewall: {action: allow, from: [outside, b.example], to: nas.lan}\n"
		     "  untranslated: {to: [vpn, nas]}\n"
		     "  hosts: {console: {open: on}, 10.0.0.2: {}}\n",
		&names);
	static const char *const expected[] = {"nas.lan.", "a.example.", "b.example.", "vpn.lan.",
					       "console.lan."};
	assert_int_equal(names.n, 5);
	for (size_t i = 0; i < 5; i++)
		assert_string_equal(dns_name_format(&names.items[i].name, text), expected[i]);
	nat_names_done(&names);
}

static const struct ip_address a1 = {.family = 4, .bytes = {10, 0, 0, 1}};
static const struct ip_address a2 = {.family = 4, .bytes = {10, 0, 0, 2}};
static const struct ip_address a6 = {.family = 6, .bytes = {0x20, 1}};

static void asks_again_as_answers_age(void **state)
{
	struct nat_names names = {0};
	struct nat_name *name;
	enum nat_name_family family;
	struct ip_address two[] = {a2, a1, a6, a1}, one[] = {a1, a2};
	(void)state;
	collect(HEAD "  forward: {from: 1/tcp, to: nas}\n", &names);
	assert_int_equal(nat_names_next_ms(&names), 0);
	assert_true(nat_names_due(&names, 1000, &name, &family));
	assert_int_equal(family, NAT_NAME_V4);
	assert_true(nat_names_answer(&names, name, family, two, 4, 60, 1000));
	assert_int_equal(name->family[0].n, 2); /* sorted, each once, of its family */
	assert_true(ip_address_equal(&name->family[0].addresses[0], &a1));
	assert_int_equal(name->family[0].due_ms, 61000);
	assert_true(nat_names_due(&names, 1000, &name, &family));
	assert_int_equal(family, NAT_NAME_V6);
	assert_false(nat_names_due(&names, 1000, &name, &family));
	nat_names_silent(name, NAT_NAME_V6, 1000);
	assert_int_equal(nat_names_next_ms(&names), 2000);
	assert_true(nat_names_due(&names, 61000, &name, &family));
	/* The same addresses in another order are no news. */
	assert_false(nat_names_answer(&names, name, NAT_NAME_V4, one, 2, 1, 61000));
	assert_int_equal(name->family[0].due_ms, 61000 + 5000);
	assert_true(nat_names_answer(&names, name, NAT_NAME_V4, NULL, 0, 999999, 61000));
	assert_int_equal(name->family[0].due_ms, 61000 + 1000);
	assert_true(nat_names_answer(&names, name, NAT_NAME_V4, one, 2, 999999, 61000));
	assert_int_equal(name->family[0].due_ms, 61000 + 3600000);
	assert_int_equal(names.changes, 3);
	nat_names_done(&names);
}

/* Soon at first, for a site all of whose services start at once; then seldom. */
static void asks_again_soon_and_then_seldom(void **state)
{
	static const unsigned waits_s[] = {1, 2, 4, 8, 15, 15};
	struct nat_names names = {0};
	struct nat_name *name;
	enum nat_name_family family;
	uint64_t now_ms = 0;
	(void)state;
	collect(HEAD "  forward: {from: 1/tcp, to: nas}\n", &names);
	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < sizeof(waits_s) / sizeof(waits_s[0]); i++) {
			assert_true(nat_names_due(&names, now_ms, &name, &family));
			assert_int_equal(family, NAT_NAME_V4);
			if (i % 2)
				nat_names_silent(name, family, now_ms);
			else
				(void)nat_names_answer(&names, name, family, NULL, 0, 60, now_ms);
			now_ms += waits_s[i] * 1000;
			assert_int_equal(name->family[NAT_NAME_V4].due_ms, now_ms);
			name->family[NAT_NAME_V6].due_ms = UINT64_MAX;
		}
		/* An address ends the row. */
		(void)nat_names_answer(&names, name, NAT_NAME_V4, &a1, 1, 5, now_ms);
		now_ms += 5000;
	}
	nat_names_done(&names);
}

static void a_reload_keeps_what_is_known(void **state)
{
	struct nat_names names = {0};
	struct nat_name *name;
	enum nat_name_family family;
	(void)state;
	collect(HEAD "  forward: {from: 1/tcp, to: nas}\n", &names);
	assert_true(nat_names_due(&names, 0, &name, &family));
	assert_true(nat_names_answer(&names, name, family, &a1, 1, 60, 0));
	assert_true(nat_names_due(&names, 0, &name, &family)); /* is being asked for */
	collect(HEAD "  forward: [{from: 1/tcp, to: other}, {from: 2/tcp, to: nas}]\n", &names);
	assert_int_equal(names.n, 2);
	assert_int_equal(names.items[1].family[0].n, 1);
	assert_int_equal(names.items[1].family[0].due_ms, 60000);
	assert_int_equal(names.items[1].family[1].due_ms, 0);
	assert_int_equal(names.items[0].family[0].n, 0);
	/* One without an address is asked for at once. */
	assert_true(nat_names_due(&names, 0, &name, &family));
	assert_true(nat_names_answer(&names, name, family, NULL, 0, 60, 0));
	assert_true(name->family[family].due_ms > 0);
	collect(HEAD "  forward: [{from: 1/tcp, to: other}, {from: 2/tcp, to: nas}]\n", &names);
	assert_int_equal(names.items[0].family[family].due_ms, 0);
	nat_names_done(&names);
}

/* nas.lan IN A, an alias to box.lan with 30 s, which has two addresses of 60 s; one of somebody
 * else stands beside. */
static struct span answer_message(uint8_t *room, size_t size, unsigned rcode)
{
	static const struct {
		const char *owner;
		uint16_t type;
		uint32_t ttl;
		struct span rdata;
	} records[] = {
		{"nas.lan.", DNS_TYPE_CNAME, 30, {(const uint8_t *)"\3box\3lan", 9}},
		{"box.lan.", DNS_TYPE_A, 60, {(const uint8_t *)"\12\0\0\1", 4}},
		{"box.lan.", DNS_TYPE_A, 60, {(const uint8_t *)"\12\0\0\2", 4}},
		{"other.lan.", DNS_TYPE_A, 1, {(const uint8_t *)"\12\0\0\3", 4}},
	};
	struct dns_build b;
	struct dns_name name;
	assert_int_equal(dns_name_from_text(span_text("nas.lan."), NULL, &name), OK);
	dns_build_init(&b, room, size, 0x1234, DNS_FLAG_QR | DNS_FLAG_RD | DNS_FLAG_RA);
	dns_build_question(&b, dns_name_span(&name), DNS_TYPE_A, DNS_CLASS_IN);
	for (size_t i = 0; i < sizeof(records) / sizeof(records[0]); i++) {
		struct dns_name owner;
		assert_int_equal(dns_name_from_text(span_text(records[i].owner), NULL, &owner), OK);
		struct dns_build_rrset set =
			dns_build_rrset_begin(&b, DNS_ANSWER, dns_name_span(&owner),
					      records[i].type, DNS_CLASS_IN, records[i].ttl);
		dns_build_rrset_add(&b, &set, records[i].rdata);
		assert_true(dns_build_rrset_end(&b, &set));
	}
	dns_build_set_rcode(&b, rcode);
	return dns_build_finish(&b);
}

static void nas(struct nat_name *ret)
{
	*ret = (struct nat_name){0};
	assert_int_equal(dns_name_from_text(span_text("nas.lan."), NULL, &ret->name), OK);
}

static void reads_the_answer_to_its_question_only(void **state)
{
	uint8_t room[512], query[NAT_NAME_QUERY_MAX];
	struct nat_name_answer a;
	struct nat_name name;
	(void)state;
	nas(&name);
	struct span m = answer_message(room, sizeof(room), 0);
	assert_int_equal(nat_names_read(m, &name, NAT_NAME_V4, 0x1235, &a), ERR_FORMAT);
	assert_int_equal(nat_names_read(m, &name, NAT_NAME_V6, 0x1234, &a), ERR_FORMAT);
	struct span q = nat_names_query(&name, NAT_NAME_V4, 0x1234, query);
	assert_int_equal(nat_names_read(q, &name, NAT_NAME_V4, 0x1234, &a), ERR_FORMAT);
	assert_int_equal(nat_names_read(m, &name, NAT_NAME_V4, 0x1234, &a), OK);
	assert_int_equal(a.n, 2);
	assert_true(ip_address_equal(&a.addresses[1], &a2));
	assert_int_equal(a.ttl_s, 30);
	m = answer_message(room, sizeof(room), 2);
	assert_int_equal(nat_names_read(m, &name, NAT_NAME_V4, 0x1234, &a), ERR_REFUSED);
}

static void read_torn(const uint8_t *data, size_t len)
{
	struct nat_name_answer a = {.n = 0};
	struct nat_name name;
	nas(&name);
	enum err e = nat_names_read(span_of(data, len), &name, NAT_NAME_V4, 0x1234, &a);
	assert_true(e == OK || e == ERR_FORMAT || e == ERR_REFUSED || e == ERR_LIMIT);
	assert_true(a.n <= NAT_NAME_ADDRESSES_MAX);
}

static void reads_nothing_beyond_a_torn_answer(void **state)
{
	uint8_t room[512];
	(void)state;
	struct span m = answer_message(room, sizeof(room), 0);
	guard_every_prefix(m.data, m.len, read_torn);
	guard_every_bit_flip(m.data, m.len, read_torn);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(collects_each_name_once),
		cmocka_unit_test(asks_again_as_answers_age),
		cmocka_unit_test(asks_again_soon_and_then_seldom),
		cmocka_unit_test(a_reload_keeps_what_is_known),
		cmocka_unit_test(reads_the_answer_to_its_question_only),
		cmocka_unit_test(reads_nothing_beyond_a_torn_answer),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
