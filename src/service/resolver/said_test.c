#include "service/resolver/said.h"

#include "proto/dns/rdata.h"
#include "proto/dns/type.h"
#include "test/guard.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct said said;
static uint8_t room[65535];
static struct dns_build b;

static struct dns_name name_of(const char *text)
{
	struct dns_name name;
	assert_int_equal(dns_name_from_text(span_text(text), NULL, &name), OK);
	return name;
}

static void begin(const char *qname, uint16_t qtype, uint16_t flags)
{
	struct dns_name name = name_of(qname);
	dns_build_init(&b, room, sizeof(room), 1, (uint16_t)(DNS_FLAG_QR | flags));
	dns_build_question(&b, dns_name_span(&name), qtype, DNS_CLASS_IN);
}

static void add(enum dns_section section, const char *owner, uint16_t type, uint32_t ttl_s,
		struct span rdata)
{
	struct dns_name name = name_of(owner);
	assert_true(dns_build_record(&b, section, dns_name_span(&name), type, DNS_CLASS_IN, ttl_s,
				     rdata));
}

static void add_name(enum dns_section section, const char *owner, uint16_t type, const char *target)
{
	struct dns_name name = name_of(target);
	add(section, owner, type, 300, dns_name_span(&name));
}

static void add_a(enum dns_section section, const char *owner, uint8_t last)
{
	uint8_t rdata[4] = {192, 0, 2, last};
	add(section, owner, DNS_TYPE_A, 300, span_of(rdata, 4));
}

static void add_soa(const char *owner)
{
	uint8_t rdata[24] = {1, 'm', 0, 0};
	add(DNS_AUTHORITY, owner, DNS_TYPE_SOA, 300, span_of(rdata, 24));
}

static struct verdict judge(const char *zone_text, const char *qname_text, uint16_t qtype,
			    bool forward)
{
	struct dns_name zone = name_of(zone_text), qname = name_of(qname_text);
	struct verdict v;
	assert_int_equal(said_read(&said, dns_build_finish(&b), &zone, qtype), OK);
	said_judge(&said, &zone, &qname, qtype, forward, &v);
	return v;
}

static void believes_nothing_outside_of_the_zone(void **state)
{
	(void)state;
	begin("www.evil.com.", DNS_TYPE_A, DNS_FLAG_AA);
	add_a(DNS_ANSWER, "www.bank.com.", 66);
	add_name(DNS_AUTHORITY, "com.", DNS_TYPE_NS, "ns.evil.com.");
	add_name(DNS_AUTHORITY, "bank.com.", DNS_TYPE_NS, "ns.evil.com.");
	add_a(DNS_ADDITIONAL, "ns.bank.com.", 66);
	struct verdict v = judge("evil.com.", "www.evil.com.", DNS_TYPE_A, false);
	assert_int_equal(said.sets_n, 0);
	assert_int_equal(v.kind, SAID_LAME); /* AA, and nothing that counts */
	assert_null(v.soa);
}

static void stops_at_an_alias_that_leads_out_of_the_zone(void **state)
{
	struct dns_name bank = name_of("www.bank.com.");
	(void)state;
	begin("www.evil.com.", DNS_TYPE_A, DNS_FLAG_AA);
	add_name(DNS_ANSWER, "www.evil.com.", DNS_TYPE_CNAME, "www.bank.com.");
	add_a(DNS_ANSWER, "www.bank.com.", 66);
	struct verdict v = judge("evil.com.", "www.evil.com.", DNS_TYPE_A, false);
	assert_int_equal(v.kind, SAID_CNAME);
	assert_true(dns_name_equal(&v.target, &bank));
	assert_false(v.negative);
}

static void follows_aliases_inside_of_the_zone_to_the_answer(void **state)
{
	(void)state;
	begin("a.x.com.", DNS_TYPE_A, DNS_FLAG_AA);
	add_a(DNS_ANSWER, "c.x.com.", 2); /* in any order */
	add_name(DNS_ANSWER, "b.x.com.", DNS_TYPE_CNAME, "c.x.com.");
	add_name(DNS_ANSWER, "a.x.com.", DNS_TYPE_CNAME, "b.x.com.");
	add_a(DNS_ANSWER, "c.x.com.", 1);
	add_a(DNS_ANSWER, "c.x.com.", 1); /* RFC 2181 5: once */
	struct verdict v = judge("x.com.", "a.x.com.", DNS_TYPE_A, false);
	assert_int_equal(v.kind, SAID_ANSWER);
	assert_int_equal(v.links_n, 2);
	assert_int_equal(v.final->set.count, 2);
}

static void a_ring_of_aliases_ends(void **state)
{
	(void)state;
	begin("a.x.com.", DNS_TYPE_A, DNS_FLAG_AA);
	add_name(DNS_ANSWER, "a.x.com.", DNS_TYPE_CNAME, "b.x.com.");
	add_name(DNS_ANSWER, "b.x.com.", DNS_TYPE_CNAME, "a.x.com.");
	struct verdict v = judge("x.com.", "a.x.com.", DNS_TYPE_A, false);
	assert_int_equal(v.kind, SAID_CNAME);
	assert_int_equal(v.links_n, SAID_LINKS_MAX);
}

static void makes_the_alias_of_a_dname_itself(void **state)
{
	struct dns_name right = name_of("www.new.x.com.");
	(void)state;
	begin("www.old.x.com.", DNS_TYPE_A, DNS_FLAG_AA);
	add_name(DNS_ANSWER, "old.x.com.", DNS_TYPE_DNAME, "new.x.com.");
	add_name(DNS_ANSWER, "www.old.x.com.", DNS_TYPE_CNAME, "wrong.x.com.");
	struct verdict v = judge("x.com.", "www.old.x.com.", DNS_TYPE_A, false);
	assert_int_equal(v.kind, SAID_CNAME);
	assert_true(dns_name_equal(&v.target, &right));
}

static void tells_a_referral_from_lameness(void **state)
{
	(void)state;
	begin("www.x.com.", DNS_TYPE_A, 0);
	add_name(DNS_AUTHORITY, "x.com.", DNS_TYPE_NS, "ns.x.com.");
	struct verdict v = judge("com.", "www.x.com.", DNS_TYPE_A, false);
	assert_int_equal(v.kind, SAID_REFERRAL);
	assert_int_equal(v.ns->set.owner.len, 7);

	begin("www.x.com.", DNS_TYPE_A, 0); /* to itself */
	add_name(DNS_AUTHORITY, "x.com.", DNS_TYPE_NS, "ns.x.com.");
	assert_int_equal(judge("x.com.", "www.x.com.", DNS_TYPE_A, false).kind, SAID_LAME);

	begin("www.x.com.", DNS_TYPE_A, 0); /* upwards */
	add_name(DNS_AUTHORITY, ".", DNS_TYPE_NS, "a.root-servers.net.");
	assert_int_equal(judge("x.com.", "www.x.com.", DNS_TYPE_A, false).kind, SAID_LAME);

	begin("www.x.com.", DNS_TYPE_A, 0); /* sideways */
	add_name(DNS_AUTHORITY, "y.x.com.", DNS_TYPE_NS, "ns.x.com.");
	assert_int_equal(judge("x.com.", "www.x.com.", DNS_TYPE_A, false).kind, SAID_LAME);

	begin("www.x.com.", DNS_TYPE_A, 0); /* nothing at all, and not its own word */
	assert_int_equal(judge("x.com.", "www.x.com.", DNS_TYPE_A, false).kind, SAID_LAME);
}

static void a_forwarder_never_refers(void **state)
{
	(void)state;
	begin("www.x.com.", DNS_TYPE_A, DNS_FLAG_RA);
	add_name(DNS_AUTHORITY, "x.com.", DNS_TYPE_NS, "ns.x.com.");
	assert_int_equal(judge(".", "www.x.com.", DNS_TYPE_A, true).kind, SAID_NODATA);
}

static void a_ds_is_not_referred_to_the_child(void **state)
{
	(void)state;
	begin("x.com.", DNS_TYPE_DS, 0);
	add_name(DNS_AUTHORITY, "x.com.", DNS_TYPE_NS, "ns.x.com.");
	assert_int_equal(judge("com.", "x.com.", DNS_TYPE_DS, false).kind, SAID_LAME);
}

static void a_ds_in_a_referral_is_the_parents_answer(void **state)
{
	static const uint8_t rdata[24] = {0, 1, 8, 2};
	(void)state;
	begin("x.com.", DNS_TYPE_DS, 0);
	add_name(DNS_AUTHORITY, "x.com.", DNS_TYPE_NS, "ns.x.com.");
	add(DNS_AUTHORITY, "x.com.", DNS_TYPE_DS, 60, span_of(rdata, sizeof(rdata)));
	struct verdict v = judge("com.", "x.com.", DNS_TYPE_DS, false);
	assert_int_equal(v.kind, SAID_ANSWER);
	assert_int_equal(v.final->set.type, DNS_TYPE_DS);
	/* The child has no say in it. */
	assert_int_equal(judge("x.com.", "x.com.", DNS_TYPE_DS, false).kind, SAID_LAME);
}

static void a_denial_needs_the_soa_of_the_zone_or_below(void **state)
{
	struct verdict v;
	(void)state;
	begin("www.x.com.", DNS_TYPE_A, DNS_FLAG_AA | DNS_RCODE_NXDOMAIN);
	add_soa("com."); /* not its to say */
	v = judge("x.com.", "www.x.com.", DNS_TYPE_A, false);
	assert_int_equal(v.kind, SAID_NXDOMAIN);
	assert_null(v.soa);

	begin("www.x.com.", DNS_TYPE_A, DNS_FLAG_AA);
	add_soa("y.x.com."); /* of another name */
	v = judge("x.com.", "www.x.com.", DNS_TYPE_A, false);
	assert_int_equal(v.kind, SAID_NODATA);
	assert_null(v.soa);

	begin("www.x.com.", DNS_TYPE_A, DNS_FLAG_AA);
	add_soa("x.com.");
	v = judge("x.com.", "www.x.com.", DNS_TYPE_A, false);
	assert_int_equal(v.kind, SAID_NODATA);
	assert_non_null(v.soa);
}

static void a_denied_target_of_an_alias_is_noted(void **state)
{
	(void)state;
	begin("a.x.com.", DNS_TYPE_A, DNS_FLAG_AA | DNS_RCODE_NXDOMAIN);
	add_name(DNS_ANSWER, "a.x.com.", DNS_TYPE_CNAME, "none.x.com.");
	add_soa("x.com.");
	struct verdict v = judge("x.com.", "a.x.com.", DNS_TYPE_A, false);
	assert_int_equal(v.kind, SAID_CNAME);
	assert_true(v.negative);
	assert_true(v.denies_name);
}

static void errors_of_the_server_are_failures(void **state)
{
	static const uint16_t rcodes[] = {DNS_RCODE_FORMERR, DNS_RCODE_SERVFAIL, DNS_RCODE_NOTIMP,
					  DNS_RCODE_REFUSED, DNS_RCODE_NOTAUTH};
	(void)state;
	for (size_t i = 0; i < 5; i++) {
		begin("www.x.com.", DNS_TYPE_A, (uint16_t)(DNS_FLAG_AA | rcodes[i]));
		add_a(DNS_ANSWER, "www.x.com.", 1);
		assert_int_equal(judge("x.com.", "www.x.com.", DNS_TYPE_A, false).kind,
				 SAID_FAILED);
	}
}

static void the_least_ttl_of_a_set_is_the_sets(void **state)
{
	uint8_t one[4] = {1, 1, 1, 1}, two[4] = {2, 2, 2, 2};
	(void)state;
	begin("www.x.com.", DNS_TYPE_A, DNS_FLAG_AA);
	add(DNS_ANSWER, "www.x.com.", DNS_TYPE_A, 300, span_of(one, 4));
	add(DNS_ANSWER, "www.x.com.", DNS_TYPE_A, 200, span_of(two, 4));
	assert_int_equal(judge("x.com.", "www.x.com.", DNS_TYPE_A, false).final->set.ttl_s, 200);
	begin("www.x.com.", DNS_TYPE_A, DNS_FLAG_AA); /* RFC 2181 8 */
	add(DNS_ANSWER, "www.x.com.", DNS_TYPE_A, 0x80000001u, span_of(one, 4));
	assert_int_equal(judge("x.com.", "www.x.com.", DNS_TYPE_A, false).final->set.ttl_s, 0);
}

static void signatures_go_with_their_set(void **state)
{
	uint8_t sig[19 + 32] = {0, DNS_TYPE_A, 13, 3};
	struct reader r;
	struct span rdata;
	unsigned n = 0;
	(void)state;
	begin("www.x.com.", DNS_TYPE_A, DNS_FLAG_AA);
	add_a(DNS_ANSWER, "www.x.com.", 1);
	add(DNS_ANSWER, "www.x.com.", DNS_TYPE_RRSIG, 300, span_of(sig, sizeof(sig)));
	struct verdict v = judge("x.com.", "www.x.com.", DNS_TYPE_A, false);
	assert_int_equal(v.final->set.count, 1);
	assert_int_equal(v.final->set.sigs, 1);
	r = reader_of_span(v.final->set.records);
	while (rrset_record_next(&r, &rdata))
		n++;
	assert_int_equal(n, 2);
	begin("www.x.com.", DNS_TYPE_RRSIG, DNS_FLAG_AA); /* asked for by name */
	add(DNS_ANSWER, "www.x.com.", DNS_TYPE_RRSIG, 300, span_of(sig, sizeof(sig)));
	assert_int_equal(judge("x.com.", "www.x.com.", DNS_TYPE_RRSIG, false).kind, SAID_ANSWER);
}

static void try_bytes(const uint8_t *data, size_t len)
{
	struct dns_name zone = name_of("x.com."), qname = name_of("a.x.com.");
	struct verdict v;
	if (said_read(&said, span_of(data, len), &zone, DNS_TYPE_A) == OK)
		said_judge(&said, &zone, &qname, DNS_TYPE_A, false, &v);
}

static void survives_every_prefix_and_every_bit_flip(void **state)
{
	(void)state;
	begin("a.x.com.", DNS_TYPE_A, DNS_FLAG_AA);
	add_name(DNS_ANSWER, "a.x.com.", DNS_TYPE_CNAME, "b.x.com.");
	add_name(DNS_ANSWER, "x.com.", DNS_TYPE_DNAME, "y.com.");
	add_a(DNS_ANSWER, "b.x.com.", 1);
	add_name(DNS_AUTHORITY, "x.com.", DNS_TYPE_NS, "ns.x.com.");
	add_soa("x.com.");
	add_a(DNS_ADDITIONAL, "ns.x.com.", 1);
	struct span message = dns_build_finish(&b);
	static uint8_t good[512];
	assert_true(message.len <= sizeof(good));
	memcpy(good, message.data, message.len);
	guard_every_prefix(good, message.len, try_bytes);
	guard_every_bit_flip(good, message.len, try_bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(believes_nothing_outside_of_the_zone),
		cmocka_unit_test(stops_at_an_alias_that_leads_out_of_the_zone),
		cmocka_unit_test(follows_aliases_inside_of_the_zone_to_the_answer),
		cmocka_unit_test(a_ring_of_aliases_ends),
		cmocka_unit_test(makes_the_alias_of_a_dname_itself),
		cmocka_unit_test(tells_a_referral_from_lameness),
		cmocka_unit_test(a_forwarder_never_refers),
		cmocka_unit_test(a_ds_is_not_referred_to_the_child),
		cmocka_unit_test(a_ds_in_a_referral_is_the_parents_answer),
		cmocka_unit_test(a_denial_needs_the_soa_of_the_zone_or_below),
		cmocka_unit_test(a_denied_target_of_an_alias_is_noted),
		cmocka_unit_test(errors_of_the_server_are_failures),
		cmocka_unit_test(the_least_ttl_of_a_set_is_the_sets),
		cmocka_unit_test(signatures_go_with_their_set),
		cmocka_unit_test(survives_every_prefix_and_every_bit_flip),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
