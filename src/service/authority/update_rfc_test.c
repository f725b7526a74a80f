/* RFC 2136 section 3, sentence by sentence. */
#include "proto/dns/message.h"
#include "proto/dns/rdata.h"
#include "proto/dns/text.h"
#include "proto/dns/type.h"
#include "service/authority/ask_test.h"
#include "service/authority/dynamic.h"

#include <stdlib.h>

#define ZONE                                                                                       \
	"@ 3600 IN SOA ns host 100 2 3 4 60\n"                                                     \
	"@ 3600 IN NS ns\n"                                                                        \
	"@ 3600 IN NS ns2\n"                                                                       \
	"ns 3600 IN A 192.0.2.1\n"                                                                 \
	"ns2 3600 IN A 192.0.2.2\n"                                                                \
	"www 300 IN A 192.0.2.10\n"                                                                \
	"www 300 IN A 192.0.2.11\n"                                                                \
	"www 300 IN TXT \"a\"\n"                                                                   \
	"alias 300 IN CNAME www\n"                                                                 \
	"mail 300 IN MX 10 www\n"                                                                  \
	"a.ent 300 IN A 192.0.2.12\n"

struct bench {
	struct ask *ask;
	struct dynamic zone;
	struct update_scratch *scratch;
	struct update_rule rule;
	struct update_policy policy;
	struct dns_name key;
	struct update_result result;
	/* The message that is made. */
	struct dns_build b;
	uint8_t message[4096], rdata[1024];
};

static struct dns_name named(const char *text)
{
	struct dns_name origin, n;
	assert_int_equal(dns_name_from_text(span_text("example.test."), NULL, &origin), OK);
	assert_int_equal(dns_name_from_text(span_text(text), &origin, &n), OK);
	return n;
}

static void message_begin(struct bench *t)
{
	struct dns_name zone = named("@");
	dns_update_begin(&t->b, t->message, sizeof(t->message), 1, &zone);
}

static struct bench *begin(void)
{
	static uint16_t types[] = {DNS_TYPE_A,	   DNS_TYPE_NS,	   DNS_TYPE_CNAME, DNS_TYPE_SOA,
				   DNS_TYPE_TXT,   DNS_TYPE_MX,	   DNS_TYPE_AAAA,  DNS_TYPE_DNAME,
				   DNS_TYPE_RRSIG, DNS_TYPE_DNSKEY};
	struct bench *t = calloc(1, sizeof(*t));
	struct zone *z = NULL;
	t->ask = ask_new();
	if (ask_load(t->ask, "example.test.", ZONE, false, &z))
		fail_msg("%s", t->ask->problems);
	assert_int_equal(zones_add(t->ask->set, &z->origin, zone_ref_take(z), NULL, 0), OK);
	assert_int_equal(
		dynamic_init(&t->zone, z,
			     &(struct journal_head){.origin = z->origin, .file_serial = z->serial}),
		OK);
	t->scratch = malloc(sizeof(*t->scratch));
	t->key = named("key.");
	t->rule = (struct update_rule){.key = t->key, .types = types, .types_n = 10};
	t->policy = (struct update_policy){.rules = &t->rule, .n = 1};
	message_begin(t);
	return t;
}

static void end(struct bench *t)
{
	dynamic_done(&t->zone);
	free(t->scratch);
	ask_free(t->ask);
	free(t);
}

static struct span rdata_of(struct bench *t, uint16_t type, const char *text)
{
	struct dns_name origin = named("@");
	struct dns_text_lexer l;
	struct writer w = writer_of(t->rdata, sizeof(t->rdata));
	if (!text)
		return (struct span){0};
	dns_text_init(&l, span_text(text));
	if (dns_rdata_from_text(type, &l, &origin, &w))
		fail_msg("%s", text);
	return writer_span(&w);
}

static void require(struct bench *t, enum dns_prerequisite_kind kind, const char *owner,
		    uint16_t type, const char *rdata)
{
	struct dns_name name = named(owner);
	dns_update_require(&t->b, kind, &name, type, rdata_of(t, type, rdata));
}

static void change(struct bench *t, enum dns_update_kind kind, const char *owner, uint16_t type,
		   const char *rdata)
{
	struct dns_update_item item = {.type = type, .ttl_s = 300, .owner = named(owner)};
	item.rdata = rdata_of(t, type, rdata);
	dns_update_change(&t->b, kind, &item);
}

/* Applies what was put together, and begins the next. */
static enum dns_rcode apply(struct bench *t)
{
	struct span message = dns_update_finish(&t->b);
	assert_true(message.len);
	dynamic_update(
		&t->zone,
		&(struct update_request){.message = message, .key = &t->key, .policy = &t->policy},
		t->scratch, &t->result);
	assert_int_equal(dynamic_prepare(&t->zone), OK);
	if (dynamic_waits(&t->zone))
		(void)dynamic_commit(&t->zone);
	message_begin(t);
	return t->result.rcode;
}

static enum dns_rcode add(struct bench *t, const char *owner, uint16_t type, const char *rdata)
{
	change(t, DNS_UPDATE_ADD, owner, type, rdata);
	return apply(t);
}

static bool has(struct bench *t, const char *name, const char *type, const char *value)
{
	return strstr(ask(t->ask, name, type, ASK_EDNS), value) != NULL;
}

static uint32_t serial(const struct bench *t)
{
	return zone_now(t->zone.zone)->serial;
}

/* 3.2.5: "if (rr.class == ANY) if (rr.type == ANY) if (!zone_name<rr.name>) return (NXDOMAIN)" and
 * the lines that follow it. */
static void prerequisites_answer_with_their_own_codes(void **state)
{
	(void)state;
	static const struct {
		enum dns_prerequisite_kind kind;
		const char *owner;
		uint16_t type;
		enum dns_rcode rcode;
	} cases[] = {
		{DNS_PREREQUISITE_NAME, "www", 0, DNS_RCODE_NOERROR},
		{DNS_PREREQUISITE_NAME, "nx", 0, DNS_RCODE_NXDOMAIN},
		{DNS_PREREQUISITE_NAME, "ent", 0, DNS_RCODE_NXDOMAIN},
		{DNS_PREREQUISITE_RRSET, "www", DNS_TYPE_A, DNS_RCODE_NOERROR},
		{DNS_PREREQUISITE_RRSET, "www", DNS_TYPE_MX, DNS_RCODE_NXRRSET},
		{DNS_PREREQUISITE_RRSET, "nx", DNS_TYPE_A, DNS_RCODE_NXRRSET},
		{DNS_PREREQUISITE_NO_NAME, "nx", 0, DNS_RCODE_NOERROR},
		{DNS_PREREQUISITE_NO_NAME, "ent", 0, DNS_RCODE_NOERROR},
		{DNS_PREREQUISITE_NO_NAME, "www", 0, DNS_RCODE_YXDOMAIN},
		{DNS_PREREQUISITE_NO_RRSET, "www", DNS_TYPE_MX, DNS_RCODE_NOERROR},
		{DNS_PREREQUISITE_NO_RRSET, "www", DNS_TYPE_A, DNS_RCODE_YXRRSET},
	};
	struct bench *t = begin();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		require(t, cases[i].kind, cases[i].owner, cases[i].type, NULL);
		change(t, DNS_UPDATE_ADD, "new", DNS_TYPE_TXT, "x");
		assert_int_equal(apply(t), cases[i].rcode);
	}
	end(t);
}

/* 3.2.3: "for each RRset in temp … if (zone_rrset<rrset.name, rrset.type> != rrset) return
 * (NXRRSET)": "compare… as sets", whatever their order and TTL. */
static void value_dependent_prerequisites_compare_whole_sets(void **state)
{
	(void)state;
	struct bench *t = begin();
	require(t, DNS_PREREQUISITE_RECORD, "www", DNS_TYPE_A, "192.0.2.11");
	require(t, DNS_PREREQUISITE_RECORD, "mail", DNS_TYPE_MX, "10 WWW");
	require(t, DNS_PREREQUISITE_RECORD, "www", DNS_TYPE_A, "192.0.2.10");
	require(t, DNS_PREREQUISITE_RECORD, "www", DNS_TYPE_A, "192.0.2.10"); /* twice is once */
	assert_int_equal(apply(t), DNS_RCODE_NOERROR);
	require(t, DNS_PREREQUISITE_RECORD, "www", DNS_TYPE_A, "192.0.2.10");
	assert_int_equal(apply(t), DNS_RCODE_NXRRSET);
	require(t, DNS_PREREQUISITE_RECORD, "www", DNS_TYPE_A, "192.0.2.10");
	require(t, DNS_PREREQUISITE_RECORD, "www", DNS_TYPE_A, "192.0.2.12");
	assert_int_equal(apply(t), DNS_RCODE_NXRRSET);
	require(t, DNS_PREREQUISITE_RECORD, "nx", DNS_TYPE_A, "192.0.2.10");
	assert_int_equal(apply(t), DNS_RCODE_NXRRSET);
	end(t);
}

/* 3.3: "If the requestor is not permitted … signal REFUSED". */
static void a_key_without_the_right_changes_nothing(void **state)
{
	(void)state;
	struct bench *t = begin();
	struct dns_name only = named("dyn");
	t->rule.below = &only;
	t->rule.below_n = 1;
	change(t, DNS_UPDATE_ADD, "a.dyn", DNS_TYPE_A, "192.0.2.50");
	change(t, DNS_UPDATE_ADD, "www", DNS_TYPE_A, "192.0.2.50");
	assert_int_equal(apply(t), DNS_RCODE_REFUSED);
	assert_int_equal(t->result.outcome, UPDATE_FORBIDDEN);
	assert_true(has(t, "a.dyn.example.test.", "A", "NXDOMAIN"));
	change(t, DNS_UPDATE_DELETE_NAME, "www", 0, NULL);
	assert_int_equal(apply(t), DNS_RCODE_REFUSED);
	assert_int_equal(add(t, "a.dyn", DNS_TYPE_A, "192.0.2.50"), DNS_RCODE_NOERROR);
	/* What a signer writes is nobody's, whatever the rule says. */
	assert_int_equal(add(t, "a.dyn", DNS_TYPE_DNSKEY, "256 3 8 AwEAAQ=="), DNS_RCODE_REFUSED);
	end(t);
}

/* 3.4.2.2: "Any Update RR whose CLASS is the same as ZCLASS is added to the zone. In case of
 * duplicate RDATAs … the Zone RR is replaced by Update RR." */
static void a_record_is_added_and_a_duplicate_takes_the_new_ttl(void **state)
{
	(void)state;
	struct bench *t = begin();
	assert_int_equal(add(t, "new.deep", DNS_TYPE_A, "192.0.2.50"), DNS_RCODE_NOERROR);
	assert_true(has(t, "new.deep.example.test.", "A", "192.0.2.50"));
	assert_int_equal(t->result.outcome, UPDATE_CHANGED);
	assert_int_equal(add(t, "new.deep", DNS_TYPE_A, "192.0.2.50"), DNS_RCODE_NOERROR);
	assert_int_equal(t->result.outcome, UPDATE_UNCHANGED);
	struct dns_update_item item = {.type = DNS_TYPE_A, .ttl_s = 77, .owner = named("www")};
	item.rdata = rdata_of(t, DNS_TYPE_A, "192.0.2.10");
	dns_update_change(&t->b, DNS_UPDATE_ADD, &item);
	assert_int_equal(apply(t), DNS_RCODE_NOERROR);
	struct zone_path p;
	struct dns_name www = named("www");
	zone_path_set(&p, www.wire, www.len);
	const struct zone_rrset *s =
		zone_node_find(zone_lookup(zone_now(t->zone.zone), &p, p.labels), DNS_TYPE_A);
	assert_int_equal(s->count, 2);
	assert_int_equal(zone_rrset_ttl(s), 77); /* RFC 2181 5.2: of all of them */
	end(t);
}

/* 3.4.2.2: "if … the Zone RRset contains a CNAME and the Update RR is not a CNAME … ignored", "If
 * the TYPE is CNAME, and there is a Zone RRset that is not a CNAME, … ignored". */
static void a_cname_stands_alone(void **state)
{
	(void)state;
	struct bench *t = begin();
	change(t, DNS_UPDATE_ADD, "alias", DNS_TYPE_A, "192.0.2.50");
	change(t, DNS_UPDATE_ADD, "www", DNS_TYPE_CNAME, "ns");
	assert_int_equal(apply(t), DNS_RCODE_NOERROR);
	assert_int_equal(t->result.outcome, UPDATE_UNCHANGED);
	assert_int_equal(add(t, "alias", DNS_TYPE_CNAME, "ns"), DNS_RCODE_NOERROR);
	assert_true(has(t, "alias.example.test.", "CNAME", "CNAME ns.example.test."));
	assert_false(has(t, "alias.example.test.", "CNAME", "CNAME www.example.test."));
	end(t);
}

/* 3.4.2.2: an SOA "whose SERIAL is lower (according to [RFC1982]) than or equal to the current Zone
 * SOA RR's SERIAL" is silently ignored; 3.6: else the serial is ours to raise. */
static void the_serial_rises_with_each_change_and_never_falls(void **state)
{
	(void)state;
	struct bench *t = begin();
	assert_int_equal(add(t, "@", DNS_TYPE_SOA, "ns host 100 2 3 4 60"), DNS_RCODE_NOERROR);
	assert_int_equal(serial(t), 100);
	assert_int_equal(add(t, "@", DNS_TYPE_SOA, "ns host 99 2 3 4 60"), DNS_RCODE_NOERROR);
	assert_int_equal(serial(t), 100);
	assert_int_equal(add(t, "@", DNS_TYPE_SOA, "ns host 2147483747 2 3 4 60"),
			 DNS_RCODE_NOERROR);
	assert_int_equal(serial(t), 2147483747);
	assert_int_equal(add(t, "@", DNS_TYPE_SOA, "ns host 4294967295 2 3 4 60"),
			 DNS_RCODE_NOERROR);
	assert_int_equal(add(t, "x", DNS_TYPE_TXT, "x"), DNS_RCODE_NOERROR);
	assert_int_equal(serial(t), 1); /* 4.6: 0 is passed over */
	assert_true(has(t, "example.test.", "SOA", " 1 2 3 4 60"));
	/* An SOA elsewhere is ignored as well. */
	assert_int_equal(add(t, "www", DNS_TYPE_SOA, "ns host 50 2 3 4 60"), DNS_RCODE_NOERROR);
	assert_int_equal(t->result.outcome, UPDATE_UNCHANGED);
	end(t);
}

/* 3.4.2.3: "… all Zone RRs with the same NAME are deleted, unless the NAME is the same as ZNAME in
 * which case only those RRs whose TYPE is other than SOA or NS are deleted"; "… unless the NAME is
 * the same as ZNAME in which case neither SOA or NS RRs will be deleted". */
static void deleting_at_the_apex_leaves_soa_and_ns(void **state)
{
	(void)state;
	struct bench *t = begin();
	assert_int_equal(add(t, "@", DNS_TYPE_TXT, "top"), DNS_RCODE_NOERROR);
	change(t, DNS_UPDATE_DELETE_NAME, "@", 0, NULL);
	assert_int_equal(apply(t), DNS_RCODE_NOERROR);
	assert_false(has(t, "example.test.", "TXT", "top"));
	change(t, DNS_UPDATE_DELETE_RRSET, "@", DNS_TYPE_NS, NULL);
	change(t, DNS_UPDATE_DELETE_RRSET, "@", DNS_TYPE_SOA, NULL);
	assert_int_equal(apply(t), DNS_RCODE_NOERROR);
	assert_int_equal(t->result.outcome, UPDATE_UNCHANGED);
	assert_true(has(t, "example.test.", "NS", "ns2.example.test."));
	end(t);
}

/* 3.4.2.4: "… unless the TYPE is SOA, or … NS and the Zone RR is the only remaining NS". */
static void the_last_ns_of_the_zone_stays(void **state)
{
	(void)state;
	struct bench *t = begin();
	change(t, DNS_UPDATE_DELETE, "@", DNS_TYPE_NS, "ns2");
	change(t, DNS_UPDATE_DELETE, "@", DNS_TYPE_NS, "ns");
	assert_int_equal(apply(t), DNS_RCODE_NOERROR);
	assert_false(has(t, "example.test.", "NS", "NS ns2"));
	assert_true(has(t, "example.test.", "NS", "NS ns.example.test."));
	change(t, DNS_UPDATE_DELETE, "@", DNS_TYPE_SOA, "ns host 101 2 3 4 60");
	assert_int_equal(apply(t), DNS_RCODE_NOERROR);
	assert_int_equal(t->result.outcome, UPDATE_UNCHANGED);
	end(t);
}

static void records_rrsets_and_names_are_deleted(void **state)
{
	(void)state;
	struct bench *t = begin();
	change(t, DNS_UPDATE_DELETE, "www", DNS_TYPE_A, "192.0.2.10");
	change(t, DNS_UPDATE_DELETE, "www", DNS_TYPE_A, "192.0.2.99"); /* not there */
	assert_int_equal(apply(t), DNS_RCODE_NOERROR);
	assert_int_equal(t->result.removed, 1);
	assert_true(has(t, "www.example.test.", "A", "192.0.2.11"));
	change(t, DNS_UPDATE_DELETE_RRSET, "www", DNS_TYPE_TXT, NULL);
	change(t, DNS_UPDATE_DELETE_NAME, "a.ent", 0, NULL);
	assert_int_equal(apply(t), DNS_RCODE_NOERROR);
	assert_false(has(t, "www.example.test.", "TXT", "\"a\""));
	assert_true(has(t, "ent.example.test.", "A", "NXDOMAIN"));
	end(t);
}

/* 3.4.2: "… in order of appearance"; 3.5: all of it or nothing. */
static void changes_happen_in_their_order_and_together(void **state)
{
	(void)state;
	struct bench *t = begin();
	change(t, DNS_UPDATE_DELETE_RRSET, "www", DNS_TYPE_A, NULL);
	change(t, DNS_UPDATE_ADD, "www", DNS_TYPE_A, "192.0.2.60");
	change(t, DNS_UPDATE_ADD, "later", DNS_TYPE_A, "192.0.2.61");
	change(t, DNS_UPDATE_DELETE_NAME, "later", 0, NULL);
	assert_int_equal(apply(t), DNS_RCODE_NOERROR);
	assert_int_equal(serial(t), 101); /* one update, one step */
	assert_true(has(t, "www.example.test.", "A", "192.0.2.60"));
	assert_true(has(t, "later.example.test.", "A", "NXDOMAIN"));
	end(t);
}

/* What was applied and not made durable is as if it had never come. */
static void an_abort_leaves_all_as_it_was(void **state)
{
	(void)state;
	struct bench *t = begin();
	for (unsigned round = 0; round < 3; round++) {
		struct span message;
		change(t, DNS_UPDATE_ADD, "gone", DNS_TYPE_A, "192.0.2.70");
		change(t, DNS_UPDATE_DELETE_NAME, "www", 0, NULL);
		if (round == 1) /* a delegation above what exists: the zone is rebuilt aside */
			change(t, DNS_UPDATE_ADD, "ent", DNS_TYPE_NS, "ns");
		message = dns_update_finish(&t->b);
		dynamic_update(&t->zone,
			       &(struct update_request){
				       .message = message, .key = &t->key, .policy = &t->policy},
			       t->scratch, &t->result);
		assert_int_equal(t->result.rcode, DNS_RCODE_NOERROR);
		dynamic_abort(&t->zone);
		message_begin(t);
		assert_true(has(t, "gone.example.test.", "A", "NXDOMAIN"));
		assert_true(has(t, "www.example.test.", "A", "192.0.2.10"));
		assert_true(has(t, "a.ent.example.test.", "A", " aa"));
		assert_int_equal(serial(t), 100);
	}
	assert_int_equal(add(t, "kept", DNS_TYPE_A, "192.0.2.71"), DNS_RCODE_NOERROR);
	assert_true(has(t, "kept.example.test.", "A", "192.0.2.71"));
	end(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(prerequisites_answer_with_their_own_codes),
		cmocka_unit_test(value_dependent_prerequisites_compare_whole_sets),
		cmocka_unit_test(a_key_without_the_right_changes_nothing),
		cmocka_unit_test(a_record_is_added_and_a_duplicate_takes_the_new_ttl),
		cmocka_unit_test(a_cname_stands_alone),
		cmocka_unit_test(the_serial_rises_with_each_change_and_never_falls),
		cmocka_unit_test(deleting_at_the_apex_leaves_soa_and_ns),
		cmocka_unit_test(the_last_ns_of_the_zone_stays),
		cmocka_unit_test(records_rrsets_and_names_are_deleted),
		cmocka_unit_test(changes_happen_in_their_order_and_together),
		cmocka_unit_test(an_abort_leaves_all_as_it_was),
	};
	return cmocka_run_group_tests_name("authority_update_rfc", tests, NULL, NULL);
}
