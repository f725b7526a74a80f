#include "proto/dns/update.h"

#include "proto/dns/rdata.h"
#include "proto/dns/type.h"
#include "test/guard.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const uint8_t address[] = {192, 0, 2, 1};

static struct dns_name named(const char *text)
{
	struct dns_name n;
	assert_int_equal(dns_name_from_text(span_text(text), NULL, &n), OK);
	return n;
}

/* One record written by hand, so that wrong ones can be. */
struct raw {
	enum dns_section section;
	const char *owner;
	uint16_t type, class;
	uint32_t ttl_s;
	struct span rdata;
};

static struct span message_of(const struct raw *records, size_t n, uint8_t buf[2048])
{
	struct dns_build b;
	struct dns_name zone = named("example");
	dns_update_begin(&b, buf, 2048, 77, &zone);
	for (size_t i = 0; i < n; i++) {
		const struct raw *r = &records[i];
		struct dns_name owner = named(r->owner);
		struct dns_build_rrset s = dns_build_rrset_begin(
			&b, r->section, dns_name_span(&owner), r->type, r->class, r->ttl_s);
		size_t at;
		dns_build_rrset_add_begin(&b, &s, &at);
		write_span(&b.w, r->rdata);
		dns_build_rrset_add_end(&b, &s, at);
		assert_true(dns_build_rrset_end(&b, &s));
	}
	return dns_update_finish(&b);
}

static enum dns_rcode read_one(struct raw r)
{
	uint8_t buf[2048];
	struct dns_update u;
	return dns_update_read(message_of(&r, 1, buf), &u);
}

#define A	span_of(address, sizeof(address))
#define NOTHING ((struct span){0})

/* RFC 2136 3.1.1. */
static void the_zone_section_is_one_soa(void **state)
{
	(void)state;
	uint8_t buf[2048];
	struct dns_update u;
	struct span m = message_of(NULL, 0, buf);
	assert_int_equal(dns_update_read(m, &u), DNS_RCODE_NOERROR);
	assert_true(dns_name_equal(dns_update_zone(&u), &(struct dns_name){9, "\7example"}));
	buf[m.len - 3] = DNS_TYPE_A;
	assert_int_equal(dns_update_read(m, &u), DNS_RCODE_FORMERR);
	buf[m.len - 3] = DNS_TYPE_SOA;
	buf[m.len - 1] = DNS_CLASS_NONE;
	assert_int_equal(dns_update_read(m, &u), DNS_RCODE_FORMERR);
	buf[m.len - 1] = DNS_CLASS_IN;
	buf[5] = 0;
	assert_int_equal(dns_update_read(span_sub(m, 0, 12), &u), DNS_RCODE_FORMERR);
	buf[5] = 2;
	assert_int_equal(dns_update_read(m, &u), DNS_RCODE_FORMERR);
}

/* RFC 2136 3.2.5, each line of its pseudocode. */
static void prerequisites_are_judged_as_the_pseudocode_says(void **state)
{
	(void)state;
	static const struct {
		struct raw r;
		enum dns_rcode rcode;
	} cases[] = {
		{{DNS_ANSWER, "a.example", DNS_TYPE_A, DNS_CLASS_ANY, 1, {0}}, DNS_RCODE_FORMERR},
		{{DNS_ANSWER, "a.other", DNS_TYPE_A, DNS_CLASS_ANY, 1, {0}}, DNS_RCODE_FORMERR},
		{{DNS_ANSWER, "a.other", DNS_TYPE_A, DNS_CLASS_ANY, 0, {0}}, DNS_RCODE_NOTZONE},
		{{DNS_ANSWER, "a.example", DNS_TYPE_A, DNS_CLASS_ANY, 0, {address, 4}},
		 DNS_RCODE_FORMERR},
		{{DNS_ANSWER, "a.example", DNS_TYPE_A, DNS_CLASS_NONE, 0, {address, 4}},
		 DNS_RCODE_FORMERR},
		{{DNS_ANSWER, "a.example", DNS_TYPE_A, DNS_CLASS_CH, 0, {0}}, DNS_RCODE_FORMERR},
		{{DNS_ANSWER, "a.example", DNS_TYPE_A, DNS_CLASS_IN, 0, {0}}, DNS_RCODE_FORMERR},
		{{DNS_ANSWER, "a.example", DNS_TYPE_AXFR, DNS_CLASS_ANY, 0, {0}},
		 DNS_RCODE_FORMERR},
		{{DNS_ANSWER, "a.example", DNS_TYPE_A, DNS_CLASS_IN, 0, {address, 4}},
		 DNS_RCODE_NOERROR},
		{{DNS_ANSWER, "a.example", DNS_TYPE_ANY, DNS_CLASS_NONE, 0, {0}},
		 DNS_RCODE_NOERROR},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(read_one(cases[i].r), cases[i].rcode);
}

/* RFC 2136 3.4.1.3, each line of its pseudocode. */
static void changes_are_judged_as_the_pseudocode_says(void **state)
{
	(void)state;
	static const struct {
		struct raw r;
		enum dns_rcode rcode;
	} cases[] = {
		{{DNS_AUTHORITY, "a.other", DNS_TYPE_A, DNS_CLASS_IN, 60, {address, 4}},
		 DNS_RCODE_NOTZONE},
		{{DNS_AUTHORITY, "a.example", DNS_TYPE_ANY, DNS_CLASS_IN, 60, {0}},
		 DNS_RCODE_FORMERR},
		{{DNS_AUTHORITY, "a.example", DNS_TYPE_AXFR, DNS_CLASS_IN, 60, {0}},
		 DNS_RCODE_FORMERR},
		{{DNS_AUTHORITY, "a.example", DNS_TYPE_A, DNS_CLASS_IN, 60, {address, 3}},
		 DNS_RCODE_FORMERR},
		{{DNS_AUTHORITY, "a.example", DNS_TYPE_A, DNS_CLASS_ANY, 60, {0}},
		 DNS_RCODE_FORMERR},
		{{DNS_AUTHORITY, "a.example", DNS_TYPE_A, DNS_CLASS_ANY, 0, {address, 4}},
		 DNS_RCODE_FORMERR},
		{{DNS_AUTHORITY, "a.example", DNS_TYPE_MAILB, DNS_CLASS_ANY, 0, {0}},
		 DNS_RCODE_FORMERR},
		{{DNS_AUTHORITY, "a.example", DNS_TYPE_A, DNS_CLASS_NONE, 60, {address, 4}},
		 DNS_RCODE_FORMERR},
		{{DNS_AUTHORITY, "a.example", DNS_TYPE_ANY, DNS_CLASS_NONE, 0, {0}},
		 DNS_RCODE_FORMERR},
		{{DNS_AUTHORITY, "a.example", DNS_TYPE_A, DNS_CLASS_CH, 60, {address, 4}},
		 DNS_RCODE_FORMERR},
		{{DNS_AUTHORITY, "a.example", DNS_TYPE_A, DNS_CLASS_IN, 60, {address, 4}},
		 DNS_RCODE_NOERROR},
		{{DNS_AUTHORITY, "a.example", DNS_TYPE_ANY, DNS_CLASS_ANY, 0, {0}},
		 DNS_RCODE_NOERROR},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(read_one(cases[i].r), cases[i].rcode);
}

static const struct dns_update_item changes[] = {
	{DNS_UPDATE_ADD, DNS_TYPE_A, 300, {0}, {address, 4}},
	{DNS_UPDATE_DELETE, DNS_TYPE_A, 0, {0}, {address, 4}},
	{DNS_UPDATE_DELETE_RRSET, DNS_TYPE_AAAA, 0, {0}, {0}},
	{DNS_UPDATE_DELETE_NAME, DNS_TYPE_ANY, 0, {0}, {0}},
};

static struct span full(uint8_t buf[2048])
{
	struct dns_build b;
	struct dns_name zone = named("example"), owner = named("h.example");
	dns_update_begin(&b, buf, 2048, 77, &zone);
	dns_update_require(&b, DNS_PREREQUISITE_RRSET, &owner, DNS_TYPE_A, NOTHING);
	dns_update_require(&b, DNS_PREREQUISITE_RECORD, &owner, DNS_TYPE_A, A);
	dns_update_require(&b, DNS_PREREQUISITE_NO_RRSET, &owner, DNS_TYPE_CNAME, NOTHING);
	dns_update_require(&b, DNS_PREREQUISITE_NAME, &owner, 0, NOTHING);
	dns_update_require(&b, DNS_PREREQUISITE_NO_NAME, &owner, 0, NOTHING);
	for (size_t i = 0; i < 4; i++) {
		struct dns_update_item item = changes[i];
		item.owner = owner;
		dns_update_change(&b, (enum dns_update_kind)item.kind, &item);
	}
	return dns_update_finish(&b);
}

static void what_is_written_is_read_again(void **state)
{
	(void)state;
	uint8_t buf[2048], rdata[DNS_RDATA_MAX];
	struct dns_update u;
	struct dns_update_item item;
	assert_int_equal(dns_update_read(full(buf), &u), DNS_RCODE_NOERROR);
	assert_int_equal(dns_header_opcode(&u.message.header), DNS_OPCODE_UPDATE);
	struct dns_update_iter it = dns_update_prerequisites(&u);
	static const uint16_t types[] = {DNS_TYPE_A, DNS_TYPE_A, DNS_TYPE_CNAME, DNS_TYPE_ANY,
					 DNS_TYPE_ANY};
	for (unsigned i = 0; i < 5; i++) {
		assert_true(dns_update_next(&u, &it, rdata, &item));
		assert_int_equal(item.kind, i);
		assert_int_equal(item.type, types[i]);
		assert_int_equal(item.rdata.len, i == 1 ? 4 : 0);
	}
	assert_false(dns_update_next(&u, &it, rdata, &item));
	it = dns_update_changes(&u);
	for (unsigned i = 0; i < 4; i++) {
		assert_true(dns_update_next(&u, &it, rdata, &item));
		assert_int_equal(item.kind, changes[i].kind);
		assert_int_equal(item.type, changes[i].type);
		assert_int_equal(item.ttl_s, changes[i].ttl_s);
		assert_true(span_equal(item.rdata, changes[i].rdata));
	}
	assert_false(dns_update_next(&u, &it, rdata, &item));
}

static void what_does_not_fit_is_no_message(void **state)
{
	(void)state;
	struct dns_build b;
	uint8_t buf[60];
	struct dns_name zone = named("example"), owner = named("h.example");
	dns_update_begin(&b, buf, sizeof(buf), 77, &zone);
	for (unsigned i = 0; i < 3; i++)
		dns_update_require(&b, DNS_PREREQUISITE_RECORD, &owner, DNS_TYPE_A, A);
	assert_int_equal(dns_update_finish(&b).len, 0);
}

static void call_read(const uint8_t *data, size_t len)
{
	struct dns_update u;
	struct dns_update_item item;
	uint8_t rdata[DNS_RDATA_MAX];
	if (dns_update_read(span_of(data, len), &u))
		return;
	struct dns_update_iter it = dns_update_prerequisites(&u);
	while (dns_update_next(&u, &it, rdata, &item))
		assert_true(dns_name_is_under(&item.owner, dns_update_zone(&u)));
	it = dns_update_changes(&u);
	while (dns_update_next(&u, &it, rdata, &item))
		assert_true(dns_name_is_under(&item.owner, dns_update_zone(&u)));
}

static void stays_within_every_prefix_and_flip(void **state)
{
	(void)state;
	uint8_t buf[2048];
	struct span m = full(buf);
	guard_every_prefix(m.data, m.len, call_read);
	guard_every_bit_flip(m.data, m.len, call_read);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_zone_section_is_one_soa),
		cmocka_unit_test(prerequisites_are_judged_as_the_pseudocode_says),
		cmocka_unit_test(changes_are_judged_as_the_pseudocode_says),
		cmocka_unit_test(what_does_not_fit_is_no_message),
		cmocka_unit_test(stays_within_every_prefix_and_flip),
		cmocka_unit_test(what_is_written_is_read_again),
	};
	return cmocka_run_group_tests_name("dns_update", tests, NULL, NULL);
}
