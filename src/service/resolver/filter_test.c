/* The policy over the engine's stage: blocked names and aliases, search engines, pauses. */
#include "service/resolver/stage_test.h"

#include "policy/build_test.h"
#include "policy/safe_search.h"

#include <stdlib.h>

#include <cmocka.h>

#define TEXT(s)                                                                                    \
	{                                                                                          \
		(const uint8_t *)(s), sizeof(s) - 1                                                \
	}
#define NOW_S 1700000000

static const struct span groups[] = {TEXT("six"), TEXT("tablets")};
static const struct policy_member members[] = {
	{.group = 0, .prefix = {{.family = 6, .bytes = {0x20, 1}}, 16}},
	{.group = 1, .kind = POLICY_MEMBER_LEASE, .name = TEXT("tablet")}};
static const struct policy_list_setup lists[] = {{.name = TEXT("ads")}, {.name = TEXT("six")}};
static const struct policy_rule policy_rules[] = {
	{.lists = {1}, .schedule = POLICY_ALWAYS},
	{.groups = 1, .lists = {2}, .schedule = POLICY_ALWAYS},
	{.groups = 1,
	 .action = POLICY_SAFE_SEARCH,
	 .engines = 1 << POLICY_ENGINE_BING,
	 .schedule = POLICY_ALWAYS},
	{.groups = 2, .lists = {2}, .schedule = POLICY_ALWAYS},
};
static const struct policy_setup policy_setup = {.groups = groups,
						 .groups_n = 2,
						 .members = members,
						 .members_n = 2,
						 .lists = lists,
						 .lists_n = 2,
						 .rules = policy_rules,
						 .rules_n = 4};
static const char *const texts[] = {"||ads.example^\n@@||fine.ads.example^\n@@||shop.net^",
				    "||games.example^"};

static struct {
	struct policy_built built;
	struct policy *policy;
	struct policy_pauses pauses;
	struct filter_rules rules;
} f;

static int begin(void **state)
{
	int e = set_up(state);
	f.built = sample_build(&policy_setup, texts, 100);
	if (e || policy_open(span_of(f.built.bytes, f.built.len), &f.policy) != OK)
		return -1;
	f.pauses = (struct policy_pauses){0};
	f.rules = (struct filter_rules){.policy = f.policy, .pauses = &f.pauses, .ttl_s = 10};
	t.rules.filter = &f.rules;
	engine_wall_is(t.engine, NOW_S);
	return 0;
}

static int end(void **state)
{
	policy_free(f.policy);
	free(f.built.bytes);
	return tear_down(state);
}

static const struct ask_as v4 = {0}, v6 = {.v6 = true};

static bool answer_is(uint16_t type, const void *rdata, size_t len, uint32_t ttl_s)
{
	struct dns_record_iter it = dns_record_iter_section(&t.reply, DNS_ANSWER);
	struct dns_record rec;
	return t.reply.header.ancount == 1 && dns_record_next(&t.reply, &it, &rec) &&
	       rec.type == type && rec.ttl == ttl_s && span_equal(rec.rdata, span_of(rdata, len));
}

static void denies_what_is_blocked(void **state)
{
	(void)state;
	assert_true(client("x.ads.example.", DNS_TYPE_A, v4));
	assert_int_equal(rcode(), DNS_RCODE_NXDOMAIN);
	assert_int_equal(ede(), DNS_EDE_BLOCKED);
	struct dns_record_iter it = dns_record_iter_section(&t.reply, DNS_AUTHORITY);
	struct dns_record rec;
	assert_true(dns_record_next(&t.reply, &it, &rec));
	assert_int_equal(rec.type, DNS_TYPE_SOA);
	assert_int_equal(rec.ttl, 10);
	assert_int_equal(t.asked, 0);
	assert_int_equal(engine_filter_stats(t.engine)->lists[0], 1);
}

static void tells_no_address_or_the_pages(void **state)
{
	static const uint8_t zero[16] = {0}, page[4] = {192, 0, 2, 80};
	(void)state;
	f.rules.answer = FILTER_ZERO;
	assert_true(client("ads.example.", DNS_TYPE_A, v4));
	assert_true(answer_is(DNS_TYPE_A, zero, 4, 10));
	assert_int_equal(ede(), DNS_EDE_BLOCKED);
	assert_true(client("ads.example.", DNS_TYPE_AAAA, v4));
	assert_true(answer_is(DNS_TYPE_AAAA, zero, 16, 10));
	assert_true(client("ads.example.", DNS_TYPE_MX, v4));
	assert_int_equal(rcode(), DNS_RCODE_NOERROR);
	assert_int_equal(t.reply.header.ancount, 0);
	assert_int_equal(t.reply.header.nscount, 1);
	f.rules.answer = FILTER_PAGE;
	f.rules.page4 = ip_address_v4(192, 0, 2, 80);
	assert_true(client("ads.example.", DNS_TYPE_A, v4));
	assert_true(answer_is(DNS_TYPE_A, page, 4, 10));
	assert_true(client("ads.example.", DNS_TYPE_AAAA, v4));
	assert_int_equal(t.reply.header.ancount, 0);
}

static void other_names_and_other_clients_are_as_ever(void **state)
{
	(void)state;
	assert_false(client("fine.ads.example.", DNS_TYPE_A, v4));
	assert_false(client("games.example.", DNS_TYPE_A, v4));
	assert_int_equal(t.asked, 2);
	assert_true(client("games.example.", DNS_TYPE_A, v6));
	assert_int_equal(ede(), DNS_EDE_BLOCKED);
	assert_int_equal(engine_filter_stats(t.engine)->allowed, 1);
}

static void serve_alias(const char *name)
{
	struct dns_name target = name_of("track.ads.example.");
	server_begin(DNS_FLAG_AA);
	server_add(DNS_ANSWER, name, DNS_TYPE_CNAME, 60, dns_name_span(&target));
	server_add_a("track.ads.example.", 60);
}

static void an_alias_hides_nothing(void **state)
{
	(void)state;
	assert_false(client("metrics.net.", DNS_TYPE_A, v4));
	serve_alias("metrics.net.");
	bool answered = server_send();
	/* The alias's zone is another: its address is asked for by itself. */
	while (!answered) {
		server_begin(DNS_FLAG_AA);
		server_add_a("track.ads.example.", 60);
		answered = server_send();
	}
	assert_int_equal(rcode(), DNS_RCODE_NXDOMAIN);
	assert_int_equal(ede(), DNS_EDE_BLOCKED);
	assert_int_equal(t.reply.header.ancount, 0);
	unsigned asked = t.asked;
	/* From what is remembered too, over either transport. */
	assert_true(client("metrics.net.", DNS_TYPE_A, v4));
	assert_int_equal(rcode(), DNS_RCODE_NXDOMAIN);
	assert_true(client("metrics.net.", DNS_TYPE_A, (struct ask_as){.tcp = true}));
	assert_int_equal(rcode(), DNS_RCODE_NXDOMAIN);
	assert_int_equal(t.asked, asked);
	assert_int_equal(engine_filter_stats(t.engine)->aliased, 3);
	/* Who has no such rule gets the answer that was remembered for all. */
	t.rules.filter = NULL;
	assert_true(client("metrics.net.", DNS_TYPE_A, v4));
	assert_int_equal(t.reply.header.ancount, 2);
}

static void many_signatures_hide_no_alias(void **state)
{
	uint8_t out[4096];
	struct writer w = writer_of(out, sizeof(out));
	struct dns_name name = name_of("metrics.net."), target = name_of("track.ads.example.");
	const struct ip_address from = ip_address_v4(192, 0, 2, 9);
	(void)state;
	write_bytes(&w, "\0\1\x81\x80\0\1\0\x2a\0\0\0\0", 12);
	write_span(&w, dns_name_span(&name));
	write_bytes(&w, "\0\1\0\1", 4);
	for (unsigned i = 0; i < 42; i++) {
		write_bytes(&w, "\xc0\x0c", 2);
		write_u16(&w, i < 41 ? DNS_TYPE_RRSIG : DNS_TYPE_CNAME);
		write_bytes(&w, "\0\1\0\0\0\x3c", 6);
		write_u16(&w, i < 41 ? 1 : target.len);
		if (i < 41)
			write_u8(&w, 0);
		else
			write_span(&w, dns_name_span(&target));
	}
	assert_false(w.bad);
	const struct reply_to to = {.question = span_of(out + 12, name.len + 4u),
				    .limit = sizeof(out)};
	uint8_t question[DNS_NAME_MAX + 4];
	memcpy(question, to.question.data, to.question.len);
	struct reply_to how = to;
	how.question = span_of(question, to.question.len);
	size_t len = engine_filter_answer(t.engine, &from, &how, out, w.pos);
	assert_true(len < w.pos);
	assert_int_equal(out[3] & 0xf, DNS_RCODE_NXDOMAIN);
}

static void an_excepted_name_may_be_an_alias_of_anything(void **state)
{
	(void)state;
	assert_false(client("www.shop.net.", DNS_TYPE_A, v4));
	serve_alias("www.shop.net.");
	bool answered = server_send();
	while (!answered) {
		server_begin(DNS_FLAG_AA);
		server_add_a("track.ads.example.", 60);
		answered = server_send();
	}
	assert_int_equal(rcode(), DNS_RCODE_NOERROR);
	assert_int_equal(t.reply.header.ancount, 2);
}

/* Who is at an address is asked for once and remembered, and no longer than it is so. */
static void whoever_comes_to_an_address_is_judged_at_once(void **state)
{
	enum { SLOTS = 64 };
	struct policy_tables tables = {0};
	void *memory = calloc(1, policy_devices_size(SLOTS));
	const struct ip_address at = ip_address_v4(10, 1, 1, 1);
	const struct policy_device_key key = policy_device_at(&at);
	const struct policy_device tablet = {.until_s = NOW_S + 5, .name = "tablet"};
	const struct policy_device desk = {.until_s = NOW_S + 60, .name = "desk"};
	(void)state;
	assert_non_null(memory);
	policy_devices_begin(memory, SLOTS, (struct hash_key){1, 2}, &tables.leases);
	f.rules.tables = &tables;
	assert_false(client("www.games.example.", DNS_TYPE_A, v4)); /* it is asked for */
	assert_int_equal(policy_devices_put(&tables.leases, &key, &tablet), OK);
	assert_true(client("www.games.example.", DNS_TYPE_A, v4));
	assert_int_equal(ede(), DNS_EDE_BLOCKED);
	assert_int_equal(policy_devices_put(&tables.leases, &key, &desk), OK);
	assert_false(client("a.games.example.", DNS_TYPE_A, v4));
	assert_int_equal(policy_devices_put(&tables.leases, &key, &tablet), OK);
	assert_true(client("www.games.example.", DNS_TYPE_A, v4));
	engine_wall_is(t.engine, NOW_S + 5); /* over, though nobody says so */
	assert_false(client("b.games.example.", DNS_TYPE_A, v4));
	policy_devices_remove(&tables.leases, &key);
	f.rules.tables = NULL;
	free(memory);
}

static void search_engines_are_asked_under_their_safe_name(void **state)
{
	struct dns_name strict = name_of("strict.bing.com.");
	(void)state;
	assert_false(client("www.bing.com.", DNS_TYPE_A, v4));
	assert_false(dns_name_equal(&t.ask.message.question.name, &strict));
	assert_false(client("www.bing.com.", DNS_TYPE_A, v6)); /* joins nobody */
	assert_true(dns_name_equal(&t.ask.message.question.name, &strict));
	server_begin(DNS_FLAG_AA);
	server_add_a("strict.bing.com.", 60);
	assert_true(server_send());
	struct dns_record_iter it = dns_record_iter_section(&t.reply, DNS_ANSWER);
	struct dns_record rec;
	assert_true(dns_record_next(&t.reply, &it, &rec));
	assert_int_equal(rec.type, DNS_TYPE_CNAME);
	assert_int_equal(rec.ttl, 10);
	assert_true(dns_record_next(&t.reply, &it, &rec));
	assert_int_equal(rec.type, DNS_TYPE_A);
	assert_int_equal(t.reply.header.ancount, 2);
	/* Remembered, but not for others. */
	unsigned asked = t.asked;
	assert_true(client("www.bing.com.", DNS_TYPE_A, v6));
	assert_int_equal(t.asked, asked);
	assert_int_equal(t.reply.header.ancount, 2);
	assert_true(client("www.bing.com.", DNS_TYPE_CNAME, v6));
	assert_int_equal(t.reply.header.ancount, 1);
	assert_false(client("www.bing.com.", DNS_TYPE_A, (struct ask_as){.port = 9}));
	assert_int_equal(engine_filter_stats(t.engine)->safe, 3);
}

static void mail_to_a_search_engine_goes_where_it_goes(void **state)
{
	static const uint16_t others[] = {DNS_TYPE_MX, DNS_TYPE_NS, DNS_TYPE_SOA, DNS_TYPE_TXT};
	static const uint16_t browsers[] = {DNS_TYPE_AAAA, DNS_TYPE_HTTPS, DNS_TYPE_ANY};
	struct dns_name apex = name_of("bing.com.");
	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		struct filter_ruling r = filter_judge(
			&t.engine->filter, &f.rules, t.engine->hash_key,
			&(struct ip_address){.family = 6, .bytes = {0x20, 1}}, &apex, others[i]);
		assert_int_equal(r.verdict, FILTER_LOOK);
	}
	for (size_t i = 0; i < sizeof(browsers) / sizeof(browsers[0]); i++) {
		struct filter_ruling r = filter_judge(
			&t.engine->filter, &f.rules, t.engine->hash_key,
			&(struct ip_address){.family = 6, .bytes = {0x20, 1}}, &apex, browsers[i]);
		assert_int_equal(r.verdict, FILTER_SAFE);
	}
	assert_false(client("bing.com.", DNS_TYPE_MX, v6));
	assert_true(dns_name_is_under(&apex, &t.ask.message.question.name));
}

static void a_pause_and_its_end_are_seen(void **state)
{
	(void)state;
	f.pauses.groups_s[0] = NOW_S + 120;
	engine_set_rules(t.engine, &t.rules); /* as when the file of pauses has changed */
	assert_false(client("games.example.", DNS_TYPE_A, v6));
	engine_wall_is(t.engine, NOW_S + 180);
	assert_true(client("games.example.", DNS_TYPE_A, v6));
	assert_int_equal(ede(), DNS_EDE_BLOCKED);
	/* Somebody sets the clock back: the pause is seen at once, not when the clock has come up.
	 */
	engine_wall_is(t.engine, NOW_S);
	assert_false(client("games.example.", DNS_TYPE_A, (struct ask_as){.v6 = true, .port = 9}));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(denies_what_is_blocked, begin, end),
		cmocka_unit_test_setup_teardown(tells_no_address_or_the_pages, begin, end),
		cmocka_unit_test_setup_teardown(other_names_and_other_clients_are_as_ever, begin,
						end),
		cmocka_unit_test_setup_teardown(an_alias_hides_nothing, begin, end),
		cmocka_unit_test_setup_teardown(many_signatures_hide_no_alias, begin, end),
		cmocka_unit_test_setup_teardown(an_excepted_name_may_be_an_alias_of_anything, begin,
						end),
		cmocka_unit_test_setup_teardown(search_engines_are_asked_under_their_safe_name,
						begin, end),
		cmocka_unit_test_setup_teardown(mail_to_a_search_engine_goes_where_it_goes, begin,
						end),
		cmocka_unit_test_setup_teardown(a_pause_and_its_end_are_seen, begin, end),
		cmocka_unit_test_setup_teardown(whoever_comes_to_an_address_is_judged_at_once,
						begin, end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
