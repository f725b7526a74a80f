#include "service/resolver/dns64.h"

#include "proto/dns/type.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct dns_name name_of(const char *text)
{
	struct dns_name name;
	assert_int_equal(dns_name_from_text(span_text(text), NULL, &name), OK);
	return name;
}

static struct ip_address address(const char *text)
{
	struct ip_address a;
	assert_int_equal(ip_address_parse(span_text(text), &a), OK);
	return a;
}

static struct ip_prefix prefix(const char *text)
{
	struct ip_prefix p;
	assert_int_equal(ip_prefix_parse(span_text(text), &p), OK);
	return p;
}

/* --- the rules of the tests: a prefix of the site's own, another for 10/8, 192.168/16 unmapped ---
 */

static struct dns64_map maps[2];
static struct ip_prefix clients[1], exclude[2], unmapped[1];
static struct dns64_rules rules;

static int set_up(void **state)
{
	(void)state;
	maps[0] = (struct dns64_map){prefix("0.0.0.0/0"), prefix("2001:db8:64::/96")};
	maps[1] = (struct dns64_map){prefix("10.0.0.0/8"), prefix("2001:db8:a::/48")};
	clients[0] = prefix("::/0");
	exclude[0] = prefix("::ffff:0:0/96");
	exclude[1] = prefix("2001:db8:bad::/48");
	unmapped[0] = prefix("192.168.0.0/16");
	rules = (struct dns64_rules){maps, 2, clients, exclude, unmapped, 1, 2, 1};
	return 0;
}

static uint8_t in_room[2048], out_room[2048];

static struct rrset set_of(uint16_t type, uint32_t ttl_s, const char *const *texts, uint16_t n)
{
	struct writer w = writer_of(in_room, sizeof(in_room));
	struct dns_name owner = name_of("a.example.");
	struct rrset set = {0};
	size_t at = rrset_pack_begin(&w, dns_name_span(&owner), type, ttl_s);
	for (uint16_t i = 0; i < n; i++) {
		struct ip_address a = address(texts[i]);
		rrset_pack_rdata(&w, ip_address_span(&a));
	}
	rrset_pack_rdata(&w, span_text("a signature"));
	rrset_pack_end(&w, at, n, 1);
	assert_true(rrset_read(writer_span(&w), &set));
	return set;
}

static void expect(struct span row, uint32_t ttl_s, const char *const *texts, uint16_t n)
{
	struct rrset set;
	struct span rdata;
	assert_true(rrset_read(row, &set));
	assert_int_equal(set.type, DNS_TYPE_AAAA);
	assert_int_equal(set.ttl_s, ttl_s);
	assert_int_equal(set.count, n);
	assert_int_equal(set.sigs, 0);
	struct reader r = reader_of_span(set.records);
	for (uint16_t i = 0; i < n; i++) {
		struct ip_address want = address(texts[i]);
		assert_true(rrset_record_next(&r, &rdata));
		struct ip_address got = ip_address_of(rdata);
		assert_true(ip_address_equal(&got, &want));
	}
}

/* RFC 6147 5.1.7: "The DNS64 MUST check each A RR against configured IPv4 address ranges and select
 * the corresponding IPv6 prefix to use in synthesizing the AAAA RR." */
static void each_address_gets_the_prefix_of_its_range(void **state)
{
	static const char *const in[] = {"192.0.2.33", "10.1.2.3", "192.168.1.1"};
	static const char *const want[] = {"2001:db8:64::192.0.2.33", "2001:db8:a:a01:2:300::"};
	struct rrset set = set_of(DNS_TYPE_A, 300, in, 3);
	struct writer out = writer_of(out_room, sizeof(out_room));
	(void)state;
	assert_int_equal(dns64_synthesize(&rules, &set, 600, &out), 2);
	expect(writer_span(&out), 300, want, 2);
}

static void makes_one_of_each_prefix_that_serves_a_range_alike(void **state)
{
	static const char *const in[] = {"192.0.2.33"};
	static const char *const want[] = {"2001:db8:64::192.0.2.33", "64:ff9b:1::192.0.2.33"};
	struct rrset set = set_of(DNS_TYPE_A, 300, in, 1);
	struct writer out = writer_of(out_room, sizeof(out_room));
	(void)state;
	maps[1] = (struct dns64_map){prefix("0.0.0.0/0"), prefix("64:ff9b:1::/96")};
	assert_int_equal(dns64_synthesize(&rules, &set, 600, &out), 2);
	expect(writer_span(&out), 300, want, 2);
}

/* RFC 6052 3.1: "The Well-Known Prefix MUST NOT be used to represent non-global IPv4 addresses";
 * RFC 7050 2.2 has an exception for its two. */
static void the_well_known_prefix_is_for_global_addresses(void **state)
{
	static const char *const in[] = {"10.1.2.3",  "192.0.0.170", "192.0.0.169", "8.8.8.8",
					 "127.0.0.1", "192.0.0.171", "192.0.0.172"};
	static const char *const want[] = {"64:ff9b::192.0.0.170", "64:ff9b::8.8.8.8",
					   "64:ff9b::192.0.0.171"};
	struct rrset set = set_of(DNS_TYPE_A, 300, in, 7);
	struct writer out = writer_of(out_room, sizeof(out_room));
	(void)state;
	maps[0].to = prefix("64:ff9b::/96");
	rules.maps_n = 1;
	assert_int_equal(dns64_synthesize(&rules, &set, 600, &out), 3);
	expect(writer_span(&out), 300, want, 3);
	set = set_of(DNS_TYPE_A, 300, in, 1);
	out = writer_of(out_room, sizeof(out_room));
	assert_int_equal(dns64_synthesize(&rules, &set, 600, &out), 0);
	assert_int_equal(out.pos, 0);
}

/* RFC 6147 5.1.4: "It MUST NOT return the offending AAAA records as part of a response." */
static void keeps_what_is_not_excluded_without_its_signature(void **state)
{
	static const char *const in[] = {"::ffff:192.0.2.1", "2001:db8::1", "2001:db8:bad::2"};
	struct rrset set = set_of(DNS_TYPE_AAAA, 60, in, 3);
	struct writer out = writer_of(out_room, sizeof(out_room));
	(void)state;
	assert_int_equal(dns64_usable(&rules, &set, &out), 1);
	expect(writer_span(&out), 60, in + 1, 1);
	out = writer_of(out_room, sizeof(out_room));
	set = set_of(DNS_TYPE_AAAA, 60, in, 1);
	assert_int_equal(dns64_usable(&rules, &set, &out), 0);
	set = set_of(DNS_TYPE_AAAA, 60, in + 1, 1);
	assert_int_equal(dns64_usable(&rules, &set, &out), 1);
	assert_int_equal(out.pos, 0); /* as it was */
}

static void a_lack_of_room_is_told(void **state)
{
	static const char *const in[] = {"192.0.2.1", "192.0.2.2"};
	struct rrset set = set_of(DNS_TYPE_A, 60, in, 2);
	struct writer whole = writer_of(out_room, sizeof(out_room));
	(void)state;
	assert_int_equal(dns64_synthesize(&rules, &set, 600, &whole), 2);
	for (size_t room = 0; room < whole.pos; room++) {
		struct writer out = writer_of(out_room, room);
		(void)dns64_synthesize(&rules, &set, 600, &out);
		assert_true(out.bad);
	}
}

static void reverse_names_of_its_prefixes_are_those_of_the_address_inside(void **state)
{
	struct dns_name name, target, zone, want,
		top = name_of("a.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa.");
	struct ip_address made = address("2001:db8:a:a01:2:300::"), v4 = address("10.1.2.3");
	(void)state;
	dns_name_from_address(&made, &name);
	dns_name_from_address(&v4, &want);
	assert_true(dns64_reverse(&rules, &name, &target, &zone));
	assert_true(dns_name_equal(&target, &want));
	assert_true(dns_name_equal(&zone, &top));
	made.bytes[5] = 0xb;
	dns_name_from_address(&made, &name);
	assert_false(dns64_reverse(&rules, &name, &target, &zone));
	assert_false(dns64_reverse(&rules, &want, &target, &zone)); /* of IPv4 */
	assert_false(dns64_reverse(&rules, &top, &target, &zone));  /* not all of an address */
}

static void rules_are_equal_when_all_of_them_are(void **state)
{
	struct dns64_rules other = rules;
	struct dns64_map other_maps[2] = {maps[0], maps[1]};
	(void)state;
	other.maps = other_maps;
	assert_true(dns64_rules_equal(NULL, NULL));
	assert_false(dns64_rules_equal(&rules, NULL));
	assert_false(dns64_rules_equal(NULL, &rules));
	assert_true(dns64_rules_equal(&rules, &other));
	other_maps[1].to.address.bytes[15] = 1;
	assert_false(dns64_rules_equal(&rules, &other));
	other = rules;
	other.exclude_n = 1;
	assert_false(dns64_rules_equal(&rules, &other));
}

static void serves_only_its_clients(void **state)
{
	struct ip_address in = address("2001:db8::1"), mapped = address("::ffff:10.0.0.1");
	(void)state;
	assert_true(dns64_serves(&rules, &in));
	assert_false(dns64_serves(&rules, &mapped)); /* that is 10.0.0.1 */
	clients[0] = prefix("2001:db8:1::/48");
	assert_false(dns64_serves(&rules, &in));
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_address_gets_the_prefix_of_its_range),
		TEST(makes_one_of_each_prefix_that_serves_a_range_alike),
		TEST(the_well_known_prefix_is_for_global_addresses),
		TEST(keeps_what_is_not_excluded_without_its_signature),
		TEST(a_lack_of_room_is_told),
		TEST(reverse_names_of_its_prefixes_are_those_of_the_address_inside),
		TEST(rules_are_equal_when_all_of_them_are),
		TEST(serves_only_its_clients),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
