/* why-long: conversations with clients and servers, all played over the one stage (stage_test.h).
 */
#include "service/resolver/stage_test.h"

#include <cmocka.h>
#include <stdio.h>

/* --- what is said at once
 * --------------------------------------------------------------------------- */

static void refuses_strangers(void **state)
{
	(void)state;
	assert_true(client("a.example.", DNS_TYPE_A, (struct ask_as){.stranger = true}));
	assert_int_equal(rcode(), DNS_RCODE_REFUSED);
	assert_int_equal(ede(), DNS_EDE_PROHIBITED);
	assert_int_equal(t.asked, 0);
}

static void asks_nobody_for_who_did_not_ask_for_recursion(void **state)
{
	(void)state;
	assert_true(client("a.example.", DNS_TYPE_A, (struct ask_as){.no_rd = true}));
	assert_int_equal(rcode(), DNS_RCODE_REFUSED);
	assert_int_equal(ede(), DNS_EDE_NOT_AUTHORITATIVE);
	assert_int_equal(t.asked, 0);
	assert_false(client("a.example.", DNS_TYPE_A, (struct ask_as){0}));
	server_begin(DNS_FLAG_AA);
	server_add_a("a.example.", 60);
	assert_true(server_send());
	assert_true(client("a.example.", DNS_TYPE_A, (struct ask_as){.no_rd = true}));
	assert_int_equal(t.reply.header.ancount, 1);
	/* With DO nothing is composed yet: from the RRset. */
	assert_true(
		client("a.example.", DNS_TYPE_A, (struct ask_as){.no_rd = true, .dns_sec = true}));
	assert_int_equal(t.reply.header.ancount, 1);
	assert_int_equal(t.asked, 1);
}

static void answers_any_with_hinfo_and_refuses_transfers(void **state)
{
	(void)state;
	assert_true(client("a.example.", DNS_TYPE_ANY, (struct ask_as){0}));
	struct dns_record_iter it = dns_record_iter_section(&t.reply, DNS_ANSWER);
	struct dns_record rec;
	assert_true(dns_record_next(&t.reply, &it, &rec));
	assert_int_equal(rec.type, DNS_TYPE_HINFO);
	assert_true(client("a.example.", DNS_TYPE_AXFR, (struct ask_as){.tcp = true}));
	assert_int_equal(rcode(), DNS_RCODE_REFUSED);
	assert_true(client("a.example.", DNS_TYPE_MAILB, (struct ask_as){0}));
	assert_int_equal(rcode(), DNS_RCODE_NOTIMP);
	assert_int_equal(t.asked, 0);
}

static void tells_its_version_only_when_told_to(void **state)
{
	struct dns_record rec;
	(void)state;
	assert_true(
		client("version.server.", DNS_TYPE_TXT, (struct ask_as){.class = DNS_CLASS_CH}));
	struct dns_record_iter it = dns_record_iter_section(&t.reply, DNS_ANSWER);
	assert_true(dns_record_next(&t.reply, &it, &rec));
	assert_int_equal(rec.class, DNS_CLASS_CH);
	assert_true(span_is(rec.rdata, "\0039.9"));
	assert_true(client("id.server.", DNS_TYPE_TXT, (struct ask_as){.class = DNS_CLASS_CH}));
	assert_int_equal(rcode(), DNS_RCODE_REFUSED);
	t.rules.version = NULL;
	assert_true(client("version.bind.", DNS_TYPE_TXT, (struct ask_as){.class = DNS_CLASS_CH}));
	assert_int_equal(rcode(), DNS_RCODE_REFUSED);
}

static void answers_special_names_unless_a_zone_is_set_for_them(void **state)
{
	(void)state;
	assert_true(client("localhost.", DNS_TYPE_A, (struct ask_as){0}));
	assert_int_equal(t.reply.header.ancount, 1);
	assert_true(client("x.home.arpa.", DNS_TYPE_A, (struct ask_as){0}));
	assert_int_equal(rcode(), DNS_RCODE_NXDOMAIN);
	t.zones[1].name = name_of("home.arpa.");
	assert_false(client("y.home.arpa.", DNS_TYPE_A, (struct ask_as){0}));
	assert_true(ip_endpoint_equal(&t.ask.to, &t.stub));
}

/* --- walks
 * ---------------------------------------------------------------------------------------------- */

static void many_clients_share_one_question(void **state)
{
	(void)state;
	for (uint16_t i = 0; i < 5; i++)
		assert_false(client("a.example.", DNS_TYPE_A, (struct ask_as){.port = i}));
	assert_false(client("a.example.", DNS_TYPE_A, (struct ask_as){.port = 4})); /* again */
	assert_int_equal(t.asked, 1);
	server_begin(DNS_FLAG_AA);
	server_add_a("a.example.", 60);
	assert_true(server_send());
	assert_int_equal(t.answered, 5);
}

static void ttls_run_down_and_then_it_asks_again(void **state)
{
	struct dns_record rec;
	(void)state;
	assert_false(client("a.example.", DNS_TYPE_A, (struct ask_as){0}));
	server_begin(DNS_FLAG_AA);
	server_add_a("a.example.", 60);
	assert_true(server_send());
	t.now_us += 25000000;
	assert_true(client("A.EXAMPLE.", DNS_TYPE_A, (struct ask_as){0}));
	struct dns_record_iter it = dns_record_iter_section(&t.reply, DNS_ANSWER);
	assert_true(dns_record_next(&t.reply, &it, &rec));
	assert_int_equal(rec.ttl, 35);
	assert_int_equal(t.engine->stats.hits, 1);
	t.now_us += 36000000;
	assert_false(client("a.example.", DNS_TYPE_A, (struct ask_as){0}));
	assert_int_equal(t.asked, 2);
}

static void bounds_ttls_as_it_is_told(void **state)
{
	struct dns_record rec;
	(void)state;
	t.rules.ttl_min_s = 10;
	t.rules.ttl_max_s = 100;
	assert_false(client("a.example.", DNS_TYPE_A, (struct ask_as){0}));
	server_begin(DNS_FLAG_AA);
	server_add_a("a.example.", 5000);
	assert_true(server_send());
	struct dns_record_iter it = dns_record_iter_section(&t.reply, DNS_ANSWER);
	assert_true(dns_record_next(&t.reply, &it, &rec));
	assert_int_equal(rec.ttl, 100);
	assert_false(client("b.example.", DNS_TYPE_A, (struct ask_as){0}));
	server_begin(DNS_FLAG_AA);
	server_add_a("b.example.", 0);
	assert_true(server_send());
	assert_true(client("b.example.", DNS_TYPE_A, (struct ask_as){0})); /* held */
}

static void a_ttl_of_zero_is_given_and_not_kept(void **state)
{
	(void)state;
	assert_false(client("a.example.", DNS_TYPE_A, (struct ask_as){0}));
	server_begin(DNS_FLAG_AA);
	server_add_a("a.example.", 0);
	assert_true(server_send());
	assert_int_equal(t.reply.header.ancount, 1);
	assert_false(client("a.example.", DNS_TYPE_A, (struct ask_as){0}));
}

static void a_name_that_does_not_exist_has_none_below(void **state)
{
	(void)state;
	assert_false(client("no.example.", DNS_TYPE_A, (struct ask_as){0}));
	server_begin(DNS_FLAG_AA | DNS_RCODE_NXDOMAIN);
	server_add_soa("example.", 300);
	assert_true(server_send());
	assert_int_equal(rcode(), DNS_RCODE_NXDOMAIN);
	assert_int_equal(t.reply.header.nscount, 1);
	assert_true(client("x.y.no.example.", DNS_TYPE_TXT, (struct ask_as){0})); /* RFC 8020 */
	assert_int_equal(rcode(), DNS_RCODE_NXDOMAIN);
	assert_false(client("nno.example.", DNS_TYPE_A, (struct ask_as){0}));
	t.now_us += 61000000; /* the SOA's minimum: RFC 2308 5 */
	assert_false(client("x.y.no.example.", DNS_TYPE_TXT, (struct ask_as){0}));
}

static void that_a_type_is_not_there_says_nothing_of_others(void **state)
{
	(void)state;
	assert_false(client("a.example.", DNS_TYPE_A, (struct ask_as){0}));
	server_begin(DNS_FLAG_AA);
	server_add_soa("example.", 300);
	assert_true(server_send());
	assert_int_equal(rcode(), DNS_RCODE_NOERROR);
	assert_true(client("a.example.", DNS_TYPE_A, (struct ask_as){.dns_sec = true}));
	assert_false(client("a.example.", DNS_TYPE_MX, (struct ask_as){0}));
	assert_false(client("b.a.example.", DNS_TYPE_A, (struct ask_as){0}));
}

static void gives_signatures_to_those_who_ask_for_them(void **state)
{
	uint8_t sig[19 + 16] = {0, DNS_TYPE_A, 13, 2};
	(void)state;
	assert_false(client("a.example.", DNS_TYPE_A, (struct ask_as){0}));
	assert_true(t.ask.message.edns.do_bit);
	server_begin(DNS_FLAG_AA);
	server_add_a("a.example.", 60);
	server_add(DNS_ANSWER, "a.example.", DNS_TYPE_RRSIG, 60, span_of(sig, sizeof(sig)));
	assert_true(server_send());
	assert_int_equal(t.reply.header.ancount, 1);
	assert_true(client("a.example.", DNS_TYPE_A, (struct ask_as){.dns_sec = true}));
	assert_int_equal(t.reply.header.ancount, 2);
	assert_true(t.reply.edns.do_bit);
	assert_false(t.reply.header.flags & DNS_FLAG_AD);
	assert_int_equal(t.asked, 1);
}

static void forwards_with_rd_and_asks_stubs_without(void **state)
{
	(void)state;
	assert_false(client("a.fwd.", DNS_TYPE_A, (struct ask_as){0}));
	assert_true(ip_endpoint_equal(&t.ask.to, &t.forward));
	assert_true(t.ask.message.header.flags & DNS_FLAG_RD);
	assert_false(client("a.stub.", DNS_TYPE_A, (struct ask_as){0}));
	assert_true(ip_endpoint_equal(&t.ask.to, &t.stub));
	assert_false(t.ask.message.header.flags & DNS_FLAG_RD);
}

/* A lease becomes a name while clients ask: the next question finds it. */
static void a_stub_that_holds_nothing_is_asked_each_time(void **state)
{
	(void)state;
	t.zones[1].bounded = true;
	assert_false(client("new.stub.", DNS_TYPE_A, (struct ask_as){0}));
	server_begin(DNS_FLAG_AA | DNS_RCODE_NXDOMAIN);
	server_add_soa("stub.", 3600);
	assert_true(server_send());
	assert_int_equal(rcode(), DNS_RCODE_NXDOMAIN);
	for (unsigned i = 0; i < 3; i++) {
		assert_false(client("new.stub.", DNS_TYPE_A, (struct ask_as){0}));
		server_begin(DNS_FLAG_AA);
		server_add_a("new.stub.", 600);
		assert_true(server_send());
		assert_int_equal(t.reply.header.ancount, 1);
	}
	/* What was taken away is gone at once, too; and a type that is not there. */
	assert_false(client("new.stub.", DNS_TYPE_AAAA, (struct ask_as){0}));
	server_begin(DNS_FLAG_AA);
	server_add_soa("stub.", 3600);
	assert_true(server_send());
	assert_false(client("new.stub.", DNS_TYPE_AAAA, (struct ask_as){0}));
	assert_int_equal(t.asked, 6);
}

static void a_stub_is_held_as_long_as_it_may_be(void **state)
{
	(void)state;
	t.zones[1].bounded = true;
	t.zones[1].hold_max_s = 5;
	assert_false(client("a.stub.", DNS_TYPE_A, (struct ask_as){0}));
	server_begin(DNS_FLAG_AA);
	server_add_a("a.stub.", 600);
	assert_true(server_send());
	t.now_us += 4000000;
	assert_true(client("a.stub.", DNS_TYPE_A, (struct ask_as){0}));
	t.now_us += 2000000;
	assert_false(client("a.stub.", DNS_TYPE_A, (struct ask_as){0}));
	t.zones[1].bounded = false;
	assert_false(client("b.stub.", DNS_TYPE_A, (struct ask_as){0}));
	server_begin(DNS_FLAG_AA);
	server_add_a("b.stub.", 600);
	assert_true(server_send());
	t.now_us += 500000000;
	assert_true(client("b.stub.", DNS_TYPE_A, (struct ask_as){0}));
}

/* --- servers that trouble us ---------------------------------------------------------------------
 */

static void tick_until_it_asks(void)
{
	unsigned asked = t.asked;
	while (t.asked == asked && engine_next_us(t.engine) != UINT64_MAX) {
		t.now_us = engine_next_us(t.engine);
		engine_tick(t.engine, t.now_us);
	}
	assert_true(t.asked > asked);
}

static void asks_the_other_when_one_is_silent(void **state)
{
	(void)state;
	assert_false(client("a.example.", DNS_TYPE_A, (struct ask_as){0}));
	struct ip_endpoint first = t.ask.to;
	tick_until_it_asks();
	assert_false(ip_endpoint_equal(&t.ask.to, &first));
	assert_in_range(t.now_us, 5400000, 5402000); /* SERVER_RTO_START_US */
	server_begin(DNS_FLAG_AA);
	server_add_a("a.example.", 60);
	assert_true(server_send());
	assert_int_equal(rcode(), DNS_RCODE_NOERROR);
}

static void asks_the_other_at_once_when_one_is_unreachable_or_refuses(void **state)
{
	(void)state;
	assert_false(client("a.example.", DNS_TYPE_A, (struct ask_as){0}));
	struct ip_endpoint first = t.ask.to;
	engine_ask_failed(t.engine, t.now_us, t.ask.ref, true);
	assert_int_equal(t.asked, 2);
	assert_false(ip_endpoint_equal(&t.ask.to, &first));
	server_begin(DNS_RCODE_REFUSED);
	assert_true(server_send()); /* there is no third */
	assert_int_equal(rcode(), DNS_RCODE_SERVFAIL);
	assert_int_equal(ede(), DNS_EDE_NO_REACHABLE_AUTHORITY);
	assert_true(client("a.example.", DNS_TYPE_A, (struct ask_as){0})); /* RFC 9520 */
	assert_int_equal(rcode(), DNS_RCODE_SERVFAIL);
	assert_int_equal(ede(), DNS_EDE_CACHED_ERROR);
	assert_int_equal(t.asked, 2);
	t.now_us += WALK_FAILURE_MS * 1000 + 1000;
	assert_false(client("a.example.", DNS_TYPE_A, (struct ask_as){0}));
}

static void believes_who_only_resolves_for_others_last(void **state)
{
	(void)state;
	assert_false(client("a.example.", DNS_TYPE_A, (struct ask_as){0}));
	struct ip_endpoint first = t.ask.to;
	server_begin(DNS_FLAG_RA);
	server_add_a("a.example.", 60);
	assert_false(server_send());
	assert_int_equal(t.asked, 2);
	assert_false(ip_endpoint_equal(&t.ask.to, &first));
	server_begin(DNS_FLAG_AA | DNS_FLAG_RA);
	server_add_a("a.example.", 30);
	assert_true(server_send());
	assert_int_equal(rcode(), DNS_RCODE_NOERROR);

	/* It is known now, and asked only because the other is silent: once is enough. */
	assert_false(client("b.example.", DNS_TYPE_A, (struct ask_as){0}));
	assert_false(ip_endpoint_equal(&t.ask.to, &first));
	for (int i = 0; i < 4 && !ip_endpoint_equal(&t.ask.to, &first); i++)
		tick_until_it_asks();
	assert_true(ip_endpoint_equal(&t.ask.to, &first));
	server_begin(DNS_FLAG_RA | DNS_RCODE_NXDOMAIN);
	server_add_soa("example.", 60);
	unsigned asked = t.asked;
	assert_false(server_send());
	assert_int_equal(t.asked, asked + 1);
	assert_true(ip_endpoint_equal(&t.ask.to, &first));
	server_begin(DNS_FLAG_RA | DNS_RCODE_NXDOMAIN);
	server_add_soa("example.", 60);
	assert_true(server_send());
	assert_int_equal(rcode(), DNS_RCODE_NXDOMAIN);
}

static void believes_who_only_resolve_for_others_when_all_do(void **state)
{
	(void)state;
	assert_false(client("a.example.", DNS_TYPE_A, (struct ask_as){0}));
	for (unsigned i = 1; i < 3; i++) {
		server_begin(DNS_FLAG_RA);
		server_add_a("a.example.", 60);
		assert_false(server_send());
		assert_int_equal(t.asked, i + 1);
	}
	server_begin(DNS_FLAG_RA);
	server_add_a("a.example.", 60);
	assert_true(server_send());
	assert_int_equal(rcode(), DNS_RCODE_NOERROR);
	assert_int_equal(t.reply.header.ancount, 1);
}

static void gives_up_in_time(void **state)
{
	(void)state;
	uint64_t began_us = t.now_us;
	assert_false(client("a.example.", DNS_TYPE_A, (struct ask_as){0}));
	while (t.answered == 0 && engine_next_us(t.engine) != UINT64_MAX) {
		t.now_us = engine_next_us(t.engine);
		engine_tick(t.engine, t.now_us);
	}
	assert_int_equal(t.answered, 1);
	assert_true(t.now_us <= began_us + WALK_TIME_US + 1000);
	assert_int_equal(t.engine->stats.walks_now, 0);
}

static bool send_forged(uint16_t id, uint8_t host, uint16_t qtype)
{
	struct ip_endpoint from = t.ask.to;
	struct dns_name name = name_of("a.example.");
	static const uint8_t evil[4] = {6, 6, 6, 6};
	from.address.bytes[3] = host;
	dns_build_init(&b, server_room, sizeof(server_room), id, DNS_FLAG_QR | DNS_FLAG_AA);
	dns_build_question(&b, dns_name_span(&name), qtype, DNS_CLASS_IN);
	server_add(DNS_ANSWER, "a.example.", DNS_TYPE_A, 60, span_of(evil, 4));
	return engine_receive(t.engine, t.now_us, t.ask.ref, &from, dns_build_finish(&b));
}

static void believes_no_forged_reply_and_goes_to_tcp_from_many(void **state)
{
	(void)state;
	assert_false(client("a.example.", DNS_TYPE_A, (struct ask_as){0}));
	uint16_t id = t.ask.message.header.id;
	uint8_t host = t.ask.to.address.bytes[3];
	assert_false(send_forged((uint16_t)(id + 1), host, DNS_TYPE_A));
	assert_false(send_forged(id, (uint8_t)(host + 1), DNS_TYPE_A));
	assert_false(send_forged(id, host, DNS_TYPE_AAAA));
	for (unsigned i = 3; i < WALK_MISMATCHES_MAX; i++)
		assert_false(send_forged((uint16_t)(id + i), host, DNS_TYPE_A));
	assert_int_equal(t.answered, 0);
	assert_int_equal(t.asked, 2);
	assert_int_equal(t.ask.transport, ENGINE_TCP);
	assert_int_equal(t.engine->stats.mismatched, WALK_MISMATCHES_MAX);
}

static void asks_over_tcp_when_it_was_cut_short(void **state)
{
	(void)state;
	assert_false(client("a.example.", DNS_TYPE_A, (struct ask_as){0}));
	struct ip_endpoint first = t.ask.to;
	server_begin(DNS_FLAG_AA | DNS_FLAG_TC);
	assert_false(server_send());
	assert_int_equal(t.ask.transport, ENGINE_TCP);
	assert_true(ip_endpoint_equal(&t.ask.to, &first));
	server_begin(DNS_FLAG_AA);
	server_add_a("a.example.", 60);
	assert_true(server_send());
	assert_int_equal(t.reply.header.ancount, 1);
}

static void asks_without_edns_who_does_not_know_it(void **state)
{
	(void)state;
	assert_false(client("a.example.", DNS_TYPE_A, (struct ask_as){0}));
	assert_true(t.ask.message.edns.present);
	struct ip_endpoint first = t.ask.to;
	server_begin(DNS_RCODE_FORMERR);
	assert_false(server_send());
	assert_false(t.ask.message.edns.present);
	assert_true(ip_endpoint_equal(&t.ask.to, &first));
	server_begin(DNS_FLAG_AA);
	server_add_a("a.example.", 60);
	assert_true(server_send());
	/* and remembers it */
	struct server *s = servers_get(&t.engine->servers, &first, t.now_us / 1000);
	assert_false(server_takes_edns(s, t.now_us / 1000));
}

static void believes_no_reply_with_another_cookie(void **state)
{
	uint8_t room[64];
	struct writer options = writer_of(room, sizeof(room));
	(void)state;
	assert_false(client("a.example.", DNS_TYPE_A, (struct ask_as){0}));
	assert_int_equal(t.ask.message.edns.cookie.len, DNS_COOKIE_CLIENT_LEN);
	dns_edns_write_cookie(&options, (const uint8_t *)"notours!", span_text("theirs!!"));
	server_begin(DNS_FLAG_AA);
	server_add_a("a.example.", 60);
	dns_build_opt(&b, 1232, 0, true, writer_span(&options));
	assert_false(
		engine_receive(t.engine, t.now_us, t.ask.ref, &t.ask.to, dns_build_finish(&b)));
	assert_int_equal(t.engine->stats.cookies_bad, 1);
	options = writer_of(room, sizeof(room));
	dns_edns_write_cookie(&options, t.ask.message.edns.cookie.data, span_text("theirs!!"));
	server_begin(DNS_FLAG_AA);
	server_add_a("a.example.", 60);
	dns_build_opt(&b, 1232, 0, true, writer_span(&options));
	assert_true(server_send());
	struct server *s = servers_get(&t.engine->servers, &t.ask.to, t.now_us / 1000);
	assert_int_equal(s->cookie_len, 8);
}

static void asks_over_tcp_when_a_known_cookie_is_missing(void **state)
{
	(void)state;
	for (uint8_t i = 0; i < 2; i++) {
		struct server *s = servers_get(&t.engine->servers, &t.roots.addresses[i].at, 1);
		s->cookie_len = 8;
	}
	assert_false(client("a.example.", DNS_TYPE_A, (struct ask_as){0}));
	assert_int_equal(t.ask.message.edns.cookie.len, 16);
	server_begin(DNS_FLAG_AA);
	server_add_a("a.example.", 60);
	assert_false(server_send());
	assert_int_equal(t.ask.transport, ENGINE_TCP);
}

static void says_so_when_it_has_no_room_for_more(void **state)
{
	char name[32];
	(void)state;
	for (unsigned i = 0; i < 16; i++) {
		(void)snprintf(name, sizeof(name), "n%u.example.", i);
		assert_false(client(name, DNS_TYPE_A, (struct ask_as){0}));
	}
	assert_true(client("more.example.", DNS_TYPE_A, (struct ask_as){0}));
	assert_int_equal(rcode(), DNS_RCODE_SERVFAIL);
	assert_int_equal(ede(), DNS_EDE_NOT_READY);
	assert_int_equal(t.engine->stats.limit_walks, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(refuses_strangers),
		TEST(asks_nobody_for_who_did_not_ask_for_recursion),
		TEST(answers_any_with_hinfo_and_refuses_transfers),
		TEST(tells_its_version_only_when_told_to),
		TEST(answers_special_names_unless_a_zone_is_set_for_them),
		TEST(many_clients_share_one_question),
		TEST(ttls_run_down_and_then_it_asks_again),
		TEST(bounds_ttls_as_it_is_told),
		TEST(a_ttl_of_zero_is_given_and_not_kept),
		TEST(a_name_that_does_not_exist_has_none_below),
		TEST(that_a_type_is_not_there_says_nothing_of_others),
		TEST(gives_signatures_to_those_who_ask_for_them),
		TEST(forwards_with_rd_and_asks_stubs_without),
		TEST(a_stub_that_holds_nothing_is_asked_each_time),
		TEST(a_stub_is_held_as_long_as_it_may_be),
		TEST(asks_the_other_when_one_is_silent),
		TEST(asks_the_other_at_once_when_one_is_unreachable_or_refuses),
		TEST(believes_who_only_resolves_for_others_last),
		TEST(believes_who_only_resolve_for_others_when_all_do),
		TEST(gives_up_in_time),
		TEST(believes_no_forged_reply_and_goes_to_tcp_from_many),
		TEST(asks_over_tcp_when_it_was_cut_short),
		TEST(asks_without_edns_who_does_not_know_it),
		TEST(believes_no_reply_with_another_cookie),
		TEST(asks_over_tcp_when_a_known_cookie_is_missing),
		TEST(says_so_when_it_has_no_room_for_more),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
