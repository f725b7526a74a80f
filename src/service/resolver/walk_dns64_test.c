/* Conversations of clients of DNS64 (RFC 6147) over the engine's stage. */
#include "service/resolver/stage_test.h"

#include <cmocka.h>

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

static void rules_init(void)
{
	maps[0] = (struct dns64_map){prefix("0.0.0.0/0"), prefix("2001:db8:64::/96")};
	maps[1] = (struct dns64_map){prefix("10.0.0.0/8"), prefix("2001:db8:a::/48")};
	clients[0] = prefix("::/0");
	exclude[0] = prefix("::ffff:0:0/96");
	exclude[1] = prefix("2001:db8:bad::/48");
	unmapped[0] = prefix("192.168.0.0/16");
	rules = (struct dns64_rules){maps, 2, clients, exclude, unmapped, 1, 2, 1};
}

static int set_up_64(void **state)
{
	int err = set_up(state);
	rules_init();
	t.rules.dns64 = &rules;
	return err;
}

static const struct ask_as v6 = {.v6 = true};

static void server_denies(const char *zone, uint32_t ttl_s, uint16_t flags)
{
	server_begin((uint16_t)(DNS_FLAG_AA | flags));
	server_add_soa(zone, ttl_s);
}

static void server_add_address(const char *owner, uint32_t ttl_s, const char *text)
{
	struct ip_address a = address(text);
	server_add(DNS_ANSWER, owner, a.family == 4 ? DNS_TYPE_A : DNS_TYPE_AAAA, ttl_s,
		   ip_address_span(&a));
}

/* The answer section's record number `at`. */
static struct dns_record record(unsigned at)
{
	struct dns_record_iter it = dns_record_iter_section(&t.reply, DNS_ANSWER);
	struct dns_record rec;
	for (unsigned i = 0; i <= at; i++)
		assert_true(dns_record_next(&t.reply, &it, &rec));
	return rec;
}

static void expect_aaaa(unsigned at, uint32_t ttl_s, const char *text)
{
	struct dns_record rec = record(at);
	struct ip_address want = address(text), got = ip_address_of(rec.rdata);
	assert_int_equal(rec.type, DNS_TYPE_AAAA);
	assert_int_equal(rec.ttl, ttl_s);
	assert_true(ip_address_equal(&got, &want));
}

/* From the client's question to that for A, the AAAA denied with an SOA of that TTL. */
static void ask_until_a(const char *name, uint32_t soa_ttl_s, struct ask_as as)
{
	assert_false(client(name, DNS_TYPE_AAAA, as));
	assert_int_equal(t.ask.message.question.type, DNS_TYPE_AAAA);
	server_denies("example.", soa_ttl_s, 0);
	assert_false(server_send());
	assert_int_equal(t.ask.message.question.type, DNS_TYPE_A);
}

/* RFC 6147 5.1.6, 5.1.7: the TTL "is set to the minimum of the TTL of the original A RR and the SOA
 * RR for the queried domain"; "removing the A records that form the basis of the synthesis". */
static void makes_an_aaaa_of_an_a_where_there_is_none(void **state)
{
	(void)state;
	ask_until_a("a.example.", 40, v6);
	server_begin(DNS_FLAG_AA);
	server_add_address("a.example.", 300, "192.0.2.33");
	server_add_address("a.example.", 300, "10.1.2.3");
	assert_true(server_send());
	assert_int_equal(rcode(), DNS_RCODE_NOERROR);
	assert_int_equal(t.reply.header.ancount, 2);
	assert_int_equal(t.reply.header.nscount, 0);
	assert_int_equal(t.reply.question.type, DNS_TYPE_AAAA);
	struct dns_record first = record(0);
	bool turned = first.rdata.data[5] == 0xa;
	expect_aaaa(turned, 40, "2001:db8:64::192.0.2.33");
	expect_aaaa(!turned, 40, "2001:db8:a:a01:2:300::");
	assert_int_equal(t.engine->stats.synthesized, 1);
	/* again, whole from the cache; then of the parts of it */
	assert_true(client("a.example.", DNS_TYPE_AAAA, v6));
	assert_int_equal(t.engine->stats.hits, 1);
	assert_int_equal(t.reply.header.ancount, 2);
	assert_true(client("a.example.", DNS_TYPE_AAAA, (struct ask_as){.v6 = true, .dns_sec = 1}));
	assert_int_equal(t.reply.header.ancount, 2);
	assert_int_equal(t.asked, 2);
}

static void a_ttl_of_the_a_that_is_shorter_is_kept(void **state)
{
	(void)state;
	ask_until_a("a.example.", 60, v6);
	server_begin(DNS_FLAG_AA);
	server_add_address("a.example.", 7, "192.0.2.33");
	assert_true(server_send());
	expect_aaaa(0, 7, "2001:db8:64::192.0.2.33");
}

/* RFC 6147 5.1.7: "If the SOA RR was not delivered with the negative response to the AAAA query,
 * then the DNS64 SHOULD use the TTL of the original A RR or 600 seconds, whichever is shorter." */
static void without_an_soa_600_seconds_are_the_most(void **state)
{
	(void)state;
	assert_false(client("a.fwd.", DNS_TYPE_AAAA, v6));
	server_begin(DNS_FLAG_RA);
	assert_false(server_send());
	assert_int_equal(t.ask.message.question.type, DNS_TYPE_A);
	server_begin(DNS_FLAG_RA);
	server_add_address("a.fwd.", 3600, "192.0.2.33");
	assert_true(server_send());
	expect_aaaa(0, 600, "2001:db8:64::192.0.2.33");
}

static void an_aaaa_that_is_there_is_left_alone(void **state)
{
	(void)state;
	assert_false(client("a.example.", DNS_TYPE_AAAA, v6));
	server_begin(DNS_FLAG_AA);
	server_add_address("a.example.", 300, "2001:db8::1");
	assert_true(server_send());
	assert_int_equal(t.reply.header.ancount, 1);
	expect_aaaa(0, 300, "2001:db8::1");
	assert_int_equal(t.asked, 1);
}

/* RFC 6147 5.1.4: "if it receives an answer with only AAAA records containing addresses in the
 * excluded range(s), then it MUST treat the answer as though it were an empty answer". */
static void an_answer_of_excluded_addresses_alone_is_empty(void **state)
{
	(void)state;
	assert_false(client("a.example.", DNS_TYPE_AAAA, v6));
	server_begin(DNS_FLAG_AA);
	server_add_address("a.example.", 3600, "::ffff:192.0.2.1");
	assert_false(server_send());
	server_begin(DNS_FLAG_AA);
	server_add_address("a.example.", 3600, "192.0.2.33");
	assert_true(server_send());
	assert_int_equal(t.reply.header.ancount, 1);
	expect_aaaa(0, 600, "2001:db8:64::192.0.2.33");
	/* who has no part in it sees what the zone says */
	assert_true(client("a.example.", DNS_TYPE_AAAA, (struct ask_as){0}));
	expect_aaaa(0, 3599, "::ffff:192.0.2.1");
}

static void of_an_answer_only_the_excluded_addresses_go(void **state)
{
	(void)state;
	assert_false(client("a.example.", DNS_TYPE_AAAA, v6));
	server_begin(DNS_FLAG_AA);
	server_add_address("a.example.", 300, "2001:db8:bad::1");
	server_add_address("a.example.", 300, "2001:db8::1");
	assert_true(server_send());
	assert_int_equal(t.reply.header.ancount, 1);
	expect_aaaa(0, 300, "2001:db8::1");
}

/* RFC 6147 5.1.2: "A result with RCODE=3 (Name Error) is handled according to normal DNS operation
 * (which is normally to return the error to the client)." */
static void a_name_that_does_not_exist_does_not(void **state)
{
	(void)state;
	assert_false(client("a.example.", DNS_TYPE_AAAA, v6));
	server_denies("example.", 60, DNS_RCODE_NXDOMAIN);
	assert_true(server_send());
	assert_int_equal(rcode(), DNS_RCODE_NXDOMAIN);
	assert_int_equal(t.asked, 1);
}

/* RFC 6147 5.1.2: "Any other RCODE is treated as though the RCODE were 0 […] and the answer section
 * were empty." */
static void an_error_for_the_aaaa_is_as_if_there_were_none(void **state)
{
	(void)state;
	assert_false(client("a.example.", DNS_TYPE_AAAA, v6));
	for (unsigned i = 0; i < 8 && t.ask.message.question.type == DNS_TYPE_AAAA; i++) {
		server_begin(DNS_RCODE_NOTIMP);
		assert_false(server_send());
	}
	assert_int_equal(t.ask.message.question.type, DNS_TYPE_A);
	server_begin(DNS_FLAG_AA);
	server_add_address("a.example.", 3600, "192.0.2.33");
	assert_true(server_send());
	expect_aaaa(0, 600, "2001:db8:64::192.0.2.33");
}

/* RFC 6147 5.1.3: no answer before the timeout "is treated as RCODE=2 (Server failure)". */
static void silence_for_the_aaaa_is_as_if_there_were_none(void **state)
{
	(void)state;
	assert_false(client("a.example.", DNS_TYPE_AAAA, v6));
	for (unsigned i = 0; i < 200 && t.ask.message.question.type == DNS_TYPE_AAAA; i++) {
		t.now_us += 100000;
		engine_tick(t.engine, t.now_us);
	}
	assert_int_equal(t.ask.message.question.type, DNS_TYPE_A);
	assert_int_equal(t.answered, 0);
	server_begin(DNS_FLAG_AA);
	server_add_address("a.example.", 3600, "192.0.2.33");
	assert_true(server_send());
	expect_aaaa(0, 600, "2001:db8:64::192.0.2.33");
	assert_int_equal(t.engine->stats.walks_now, 0);
}

static void silence_for_both_is_a_failure_in_time(void **state)
{
	(void)state;
	assert_false(client("a.example.", DNS_TYPE_AAAA, v6));
	for (unsigned i = 0; i < 250 && t.answered == 0; i++) {
		t.now_us += 100000;
		engine_tick(t.engine, t.now_us);
	}
	assert_int_equal(t.answered, 1);
	assert_int_equal(t.answer[3] & DNS_FLAGS_RCODE_MASK, DNS_RCODE_SERVFAIL);
	assert_int_equal(t.engine->stats.walks_now, 0);
}

/* RFC 6147 5.1.6: "If this new A RR query results in an empty answer or in an error, then the empty
 * result or error is used as the basis for the answer returned". */
static void without_an_a_it_is_denied_with_the_soa(void **state)
{
	(void)state;
	ask_until_a("a.example.", 60, v6);
	server_denies("example.", 60, 0);
	assert_true(server_send());
	assert_int_equal(rcode(), DNS_RCODE_NOERROR);
	assert_int_equal(t.reply.header.ancount, 0);
	assert_int_equal(t.reply.header.nscount, 1);
	assert_true(client("a.example.", DNS_TYPE_AAAA, v6));
	assert_int_equal(t.asked, 2);
}

static void an_error_for_the_a_is_the_answer(void **state)
{
	(void)state;
	ask_until_a("a.example.", 60, v6);
	for (unsigned i = 0; i < 8 && t.answered == 0; i++) {
		server_begin(DNS_RCODE_REFUSED);
		(void)server_send();
	}
	assert_int_equal(t.answered, 1);
	assert_int_equal(rcode(), DNS_RCODE_SERVFAIL);
}

/* RFC 6147 5.4: an empty answer is "the answer the DNS64 received to the original […] query". */
static void an_address_that_is_not_mapped_is_denied(void **state)
{
	(void)state;
	ask_until_a("a.example.", 60, v6);
	server_begin(DNS_FLAG_AA);
	server_add_address("a.example.", 300, "192.168.1.1");
	assert_true(server_send());
	assert_int_equal(rcode(), DNS_RCODE_NOERROR);
	assert_int_equal(t.reply.header.ancount, 0);
	assert_int_equal(t.reply.header.nscount, 1);
}

/* RFC 6147 5.1.5: "any chains of CNAME or DNAME RRs are included as part of the answer along with
 * the synthetic AAAA". */
static void follows_aliases_and_keeps_them(void **state)
{
	struct dns_name target = name_of("b.stub."), renamed = name_of("fwd.");
	(void)state;
	assert_false(client("a.old.stub.", DNS_TYPE_AAAA, v6));
	server_begin(DNS_FLAG_AA);
	server_add(DNS_ANSWER, "old.stub.", DNS_TYPE_DNAME, 300, dns_name_span(&target));
	assert_false(server_send()); /* it leads to a.b.stub */
	server_begin(DNS_FLAG_AA);
	struct dns_name last = name_of("c.fwd.");
	server_add(DNS_ANSWER, "a.b.stub.", DNS_TYPE_CNAME, 200, dns_name_span(&last));
	assert_false(server_send());
	server_denies("fwd.", 60, DNS_FLAG_RA);
	assert_false(server_send());
	assert_int_equal(t.ask.message.question.type, DNS_TYPE_A);
	assert_true(dns_name_equal(&t.ask.message.question.name, &last));
	assert_true(dns_name_is_under(&last, &renamed));
	server_begin(DNS_FLAG_RA);
	server_add_address("c.fwd.", 300, "192.0.2.33");
	assert_true(server_send());
	assert_int_equal(t.reply.header.ancount, 4);
	assert_int_equal(record(0).type, DNS_TYPE_DNAME);
	assert_int_equal(record(1).type, DNS_TYPE_CNAME);
	assert_int_equal(record(2).type, DNS_TYPE_CNAME);
	expect_aaaa(3, 60, "2001:db8:64::192.0.2.33");
}

/* RFC 6147 5.1: "DNS64 operation for classes other than IN is undefined, and a DNS64 MUST behave as
 * though no DNS64 function is configured"; 5.3.3: "All other RRs MUST be returned unchanged. This
 * includes responses to queries for A RRs." */
static void other_types_and_classes_are_as_without_it(void **state)
{
	(void)state;
	assert_true(client("a.example.", DNS_TYPE_AAAA,
			   (struct ask_as){.v6 = true, .class = DNS_CLASS_CH}));
	assert_int_equal(rcode(), DNS_RCODE_REFUSED);
	assert_false(client("a.example.", DNS_TYPE_A, v6));
	server_begin(DNS_FLAG_AA);
	server_add_address("a.example.", 300, "192.0.2.33");
	assert_true(server_send());
	assert_int_equal(record(0).type, DNS_TYPE_A);
	assert_false(client("a.example.", DNS_TYPE_MX, v6));
	server_denies("example.", 60, 0);
	assert_true(server_send());
	assert_int_equal(t.asked, 2);
}

/* RFC 6147 5.5: "If the CD bit is set and DO is set, then vDNS64 MAY perform validation, but MUST
 * NOT perform translation." */
static void makes_nothing_for_who_validates(void **state)
{
	struct ask_as validates = {.v6 = true, .dns_sec = true, .cd = true};
	(void)state;
	assert_false(client("a.example.", DNS_TYPE_AAAA, validates));
	server_denies("example.", 60, 0);
	assert_true(server_send());
	assert_int_equal(t.reply.header.ancount, 0);
	assert_int_equal(t.asked, 1);
	/* DO alone, and CD alone, do not validate (RFC 6147 3): it goes on from the denial */
	assert_false(client("a.example.", DNS_TYPE_AAAA, (struct ask_as){.v6 = 1, .dns_sec = 1}));
	assert_false(client("a.example.", DNS_TYPE_AAAA,
			    (struct ask_as){.v6 = true, .cd = true, .port = 1}));
	assert_int_equal(t.ask.message.question.type, DNS_TYPE_A);
	server_begin(DNS_FLAG_AA);
	server_add_address("a.example.", 300, "192.0.2.33");
	assert_true(server_send());
	assert_int_equal(t.answered, 3);
	assert_int_equal(t.reply.header.ancount, 1);
	assert_false(t.reply.header.flags & DNS_FLAG_AD); /* nothing was validated */
	/* and who validates is told of none of it */
	assert_true(client("a.example.", DNS_TYPE_AAAA, validates));
	assert_int_equal(t.reply.header.ancount, 0);
}

static void clients_of_both_kinds_wait_for_walks_of_their_own(void **state)
{
	(void)state;
	assert_false(client("a.example.", DNS_TYPE_AAAA, (struct ask_as){0}));
	assert_false(client("a.example.", DNS_TYPE_AAAA, v6));
	assert_int_equal(t.engine->stats.walks_now, 2);
	server_denies("example.", 60, 0);
	assert_false(server_send());
	server_begin(DNS_FLAG_AA);
	server_add_address("a.example.", 300, "192.0.2.33");
	assert_true(server_send());
	assert_int_equal(t.answered, 1);
	assert_int_equal(t.reply.header.ancount, 1);
	assert_int_equal(t.engine->stats.walks_now, 1); /* whose server has said nothing yet */
	assert_int_equal(t.engine->stats.joined, 0);
}

static void without_rd_nothing_is_made_of_what_is_not_known(void **state)
{
	struct ask_as no_rd = {.v6 = true, .no_rd = true};
	(void)state;
	assert_false(client("a.example.", DNS_TYPE_A, v6));
	server_begin(DNS_FLAG_AA);
	server_add_address("a.example.", 300, "192.0.2.33");
	assert_true(server_send());
	assert_true(client("a.example.", DNS_TYPE_AAAA, no_rd));
	assert_int_equal(rcode(), DNS_RCODE_REFUSED); /* there may be an AAAA */
	assert_false(client("a.example.", DNS_TYPE_AAAA, (struct ask_as){0}));
	server_denies("example.", 60, 0);
	assert_true(server_send());
	assert_true(client("a.example.", DNS_TYPE_AAAA, no_rd));
	expect_aaaa(0, 60, "2001:db8:64::192.0.2.33");
}

static void new_rules_hold_at_once(void **state)
{
	struct engine_rules changed = t.rules;
	struct dns64_map map = {prefix("0.0.0.0/0"), prefix("64:ff9b:1::/96")};
	struct dns64_rules other = rules;
	(void)state;
	ask_until_a("a.example.", 60, v6);
	server_begin(DNS_FLAG_AA);
	server_add_address("a.example.", 300, "192.0.2.33");
	assert_true(server_send());
	other.maps = &map;
	other.maps_n = 1;
	changed.dns64 = &other;
	engine_set_rules(t.engine, &changed);
	assert_true(client("a.example.", DNS_TYPE_AAAA, v6));
	struct ip_address want = address("64:ff9b:1::192.0.2.33"), got;
	got = ip_address_of(record(0).rdata);
	assert_true(ip_address_equal(&got, &want));
	changed.dns64 = NULL;
	engine_set_rules(t.engine, &changed);
	assert_true(client("a.example.", DNS_TYPE_AAAA, v6));
	assert_int_equal(t.reply.header.ancount, 0);
}

static void a_walk_outlives_the_rules_it_began_by(void **state)
{
	struct engine_rules off = t.rules;
	(void)state;
	off.dns64 = NULL;
	ask_until_a("a.example.", 60, v6);
	assert_false(client("b.example.", DNS_TYPE_AAAA, v6)); /* asks for AAAA */
	engine_set_rules(t.engine, &off);
	server_denies("example.", 60, 0);
	assert_true(server_send());
	assert_int_equal(t.reply.header.ancount, 0);
	assert_int_equal(t.engine->stats.walks_now, 1);
}

/* --- names ------------------------------------------------------------------------------------ */

static void ask_reverse(const char *text)
{
	struct dns_name name;
	struct ip_address a = address(text);
	char room[DNS_NAME_TEXT_MAX];
	dns_name_from_address(&a, &name);
	assert_false(client(dns_name_format(&name, room), DNS_TYPE_PTR, v6));
}

/* RFC 6147 5.3.1, second option: "synthesize a CNAME mapping the IP6.ARPA namespace to the
 * corresponding IN-ADDR.ARPA name". */
static void a_made_address_has_the_name_of_the_one_inside(void **state)
{
	struct dns_name host = name_of("www.example."), want = name_of("8.8.8.8.in-addr.arpa.");
	(void)state;
	ask_reverse("2001:db8:64::8.8.8.8");
	assert_true(dns_name_equal(&t.ask.message.question.name, &want));
	server_begin(DNS_FLAG_AA);
	server_add(DNS_ANSWER, "8.8.8.8.in-addr.arpa.", DNS_TYPE_PTR, 3600, dns_name_span(&host));
	assert_true(server_send());
	assert_int_equal(t.reply.header.ancount, 2);
	assert_int_equal(record(0).type, DNS_TYPE_CNAME);
	assert_int_equal(record(1).type, DNS_TYPE_PTR);
}

/* RFC 6147 5.3.1: it "SHOULD ensure that there is RDATA at the PTR". */
static void a_made_address_without_a_name_is_denied_by_the_prefix(void **state)
{
	struct dns_record rec;
	struct dns_name zone = name_of("0.0.0.0.0.0.0.0.0.0.0.0.4.6.0.0.8.b.d.0.1.0.0.2.ip6.arpa.");
	(void)state;
	ask_reverse("2001:db8:64::8.8.8.8");
	server_denies("in-addr.arpa.", 60, DNS_RCODE_NXDOMAIN);
	assert_true(server_send());
	assert_int_equal(rcode(), DNS_RCODE_NXDOMAIN);
	assert_int_equal(t.reply.header.ancount, 0);
	struct dns_record_iter it = dns_record_iter_section(&t.reply, DNS_AUTHORITY);
	assert_true(dns_record_next(&t.reply, &it, &rec));
	assert_int_equal(rec.type, DNS_TYPE_SOA);
	assert_true(dns_name_equal(&rec.owner, &zone));
}

/* RFC 6147 5.3.1: "If the address prefix does not match any Pref64::/n, then the DNS64 server MUST
 * process the query as though it were any other query". */
static void other_reverse_names_are_asked_for_as_they_are(void **state)
{
	(void)state;
	ask_reverse("2001:db9:64::8.8.8.8");
	assert_true(dns_name_labels(&t.ask.message.question.name) == 34);
}

/* RFC 8880 7.1: a DNS64 resolver MUST answer for this name itself; and RFC 7050: hosts find out the
 * prefix by its AAAA. */
static void ipv4only_arpa_tells_the_prefix_and_asks_nobody(void **state)
{
	(void)state;
	assert_true(client("ipv4only.arpa.", DNS_TYPE_AAAA, v6));
	assert_int_equal(t.reply.header.ancount, 2);
	bool turned = record(0).rdata.data[15] == 171;
	expect_aaaa(turned, 10800, "2001:db8:64::192.0.0.170");
	expect_aaaa(!turned, 10800, "2001:db8:64::192.0.0.171");
	assert_true(client("ipv4only.arpa.", DNS_TYPE_A, v6));
	assert_int_equal(t.reply.header.ancount, 2);
	assert_true(client("ipv4only.arpa.", DNS_TYPE_AAAA, (struct ask_as){0}));
	assert_int_equal(t.reply.header.ancount, 0);
	assert_true(client("ipv4only.arpa.", DNS_TYPE_NS, v6));
	assert_int_equal(rcode(), DNS_RCODE_NOERROR);
	assert_int_equal(t.reply.header.ancount, 0);
	assert_true(client("x.ipv4only.arpa.", DNS_TYPE_AAAA, v6));
	assert_int_equal(rcode(), DNS_RCODE_NXDOMAIN);
	assert_true(client("171.0.0.192.in-addr.arpa.", DNS_TYPE_PTR, v6));
	assert_int_equal(record(0).type, DNS_TYPE_PTR);
	assert_int_equal(t.asked, 0);
}

/* RFC 8880 7.1: to others the name is not special: a DNS64 may be further up. */
static void without_dns64_ipv4only_arpa_is_a_name_like_others(void **state)
{
	(void)state;
	t.rules.dns64 = NULL;
	assert_false(client("ipv4only.arpa.", DNS_TYPE_AAAA, v6));
	assert_int_equal(t.asked, 1);
}

/* RFC 6147 5.3.2: "DNS64 synthesis MUST NOT be performed on any records in the additional section".
 */
static void nothing_is_made_for_the_additional_section(void **state)
{
	uint8_t mx[2 + DNS_NAME_MAX] = {0, 10};
	struct dns_name mail = name_of("mail.example.");
	struct dns_record rec;
	(void)state;
	t.rules.full_answers = true;
	assert_false(client("mail.example.", DNS_TYPE_A, v6));
	server_begin(DNS_FLAG_AA);
	server_add_address("mail.example.", 300, "192.0.2.33");
	assert_true(server_send());
	assert_false(client("example.", DNS_TYPE_MX, v6));
	server_begin(DNS_FLAG_AA);
	memcpy(mx + 2, mail.wire, mail.len); /* room for any name */
	server_add(DNS_ANSWER, "example.", DNS_TYPE_MX, 300, span_of(mx, 2u + mail.len));
	assert_true(server_send());
	struct dns_record_iter it = dns_record_iter_section(&t.reply, DNS_ADDITIONAL);
	assert_true(dns_record_next(&t.reply, &it, &rec));
	assert_int_equal(rec.type, DNS_TYPE_A);
	assert_true(!dns_record_next(&t.reply, &it, &rec) || rec.type == DNS_TYPE_OPT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_64, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(makes_an_aaaa_of_an_a_where_there_is_none),
		TEST(a_ttl_of_the_a_that_is_shorter_is_kept),
		TEST(without_an_soa_600_seconds_are_the_most),
		TEST(an_aaaa_that_is_there_is_left_alone),
		TEST(an_answer_of_excluded_addresses_alone_is_empty),
		TEST(of_an_answer_only_the_excluded_addresses_go),
		TEST(a_name_that_does_not_exist_does_not),
		TEST(an_error_for_the_aaaa_is_as_if_there_were_none),
		TEST(silence_for_the_aaaa_is_as_if_there_were_none),
		TEST(silence_for_both_is_a_failure_in_time),
		TEST(without_an_a_it_is_denied_with_the_soa),
		TEST(an_error_for_the_a_is_the_answer),
		TEST(an_address_that_is_not_mapped_is_denied),
		TEST(follows_aliases_and_keeps_them),
		TEST(other_types_and_classes_are_as_without_it),
		TEST(makes_nothing_for_who_validates),
		TEST(clients_of_both_kinds_wait_for_walks_of_their_own),
		TEST(without_rd_nothing_is_made_of_what_is_not_known),
		TEST(new_rules_hold_at_once),
		TEST(a_walk_outlives_the_rules_it_began_by),
		TEST(a_made_address_has_the_name_of_the_one_inside),
		TEST(a_made_address_without_a_name_is_denied_by_the_prefix),
		TEST(other_reverse_names_are_asked_for_as_they_are),
		TEST(ipv4only_arpa_tells_the_prefix_and_asks_nobody),
		TEST(without_dns64_ipv4only_arpa_is_a_name_like_others),
		TEST(nothing_is_made_for_the_additional_section),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
