/* Who is in which group, what holds for them when, and which bytes are refused. */
#include "policy/policy.h"

#include "base/siphash.h"
#include "base/writer.h"
#include "policy/build_test.h"
#include "policy/form.h"
#include "policy/pauses.h"
#include "policy/safe_search.h"
#include "test/guard.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define TEXT(t)                                                                                    \
	{                                                                                          \
		(const uint8_t *)(t), sizeof(t) - 1                                                \
	}

enum { KIDS, GUESTS, STAFF };
static const struct span groups[] = {TEXT("kids"), TEXT("guests"), TEXT("staff")};
static const struct policy_member members[] = {
	{.group = KIDS, .prefix = {{.family = 4, .bytes = {192, 168, 1, 0}}, 25}},
	{.group = KIDS, .except = true, .prefix = {{.family = 4, .bytes = {192, 168, 1, 5}}, 32}},
	{.group = KIDS, .kind = POLICY_MEMBER_MAC, .mac = {2, 0, 0, 0, 0, 7}},
	{.group = GUESTS, .prefix = {{.family = 4, .bytes = {192, 168, 0, 0}}, 16}},
	{.group = GUESTS, .prefix = {{.family = 6, .bytes = {0x20, 1, 0xd, 0xb8}}, 32}},
	{.group = GUESTS, .kind = POLICY_MEMBER_LEASE, .name = TEXT("Tablet")},
	{.group = STAFF, .kind = POLICY_MEMBER_PEER, .name = TEXT("laptop")},
	{.group = STAFF, .kind = POLICY_MEMBER_USER, .name = TEXT("alice")},
	{.group = GUESTS, .except = true, .kind = POLICY_MEMBER_USER, .name = TEXT("alice")},
};
static const struct policy_list_setup lists[] = {{.name = TEXT("ads")}, {.name = TEXT("games")}};
static const struct policy_schedule_setup schedules[] = {
	{TEXT("night"), {{{.days = POLICY_EVERY_DAY, .from = 21 * 60, .to = 6 * 60}}, 1}},
};
static const struct policy_rule rules[] = {
	{.lists = {1}, .schedule = POLICY_ALWAYS},
	{.groups = 1 << KIDS, .lists = {2}, .schedule = 0, .reason = TEXT("bed time")},
	{.groups = 1 << KIDS,
	 .action = POLICY_SAFE_SEARCH,
	 .engines = 1 << POLICY_ENGINE_GOOGLE,
	 .schedule = POLICY_ALWAYS},
};
static const struct policy_setup setup = {
	.configuration = 17,
	.generation = 4,
	.made_s = 1700000000,
	.groups = groups,
	.groups_n = 3,
	.members = members,
	.members_n = 9,
	.lists = lists,
	.lists_n = 2,
	.schedules = schedules,
	.schedules_n = 1,
	.rules = rules,
	.rules_n = 3,
	.zone = {.ahead_s = 3600},
};
static const char *const texts[] = {"||ads.example^\n@@||good.ads.example^\n||x*.example^",
				    "0.0.0.0 games.example play.example"};

static struct policy_built built;
static struct policy *p;

static int begin(void **state)
{
	(void)state;
	built = sample_build(&setup, texts, 100);
	return policy_open(span_of(built.bytes, built.len), &p) == OK ? 0 : -1;
}

static int end(void **state)
{
	(void)state;
	policy_free(p);
	free(built.bytes);
	return 0;
}

static uint64_t of_address(const char *text)
{
	struct policy_client c = {0};
	assert_int_equal(ip_address_parse(span_text(text), &c.address), OK);
	return policy_groups_of(p, &c);
}

static void refuses_a_setup_that_contradicts_itself(void **state)
{
	(void)state;
	struct policy_build *b = NULL;
	struct policy_rule rule = {.groups = 1 << 3, .schedule = POLICY_ALWAYS};
	struct policy_setup s = setup;
	s.rules = &rule;
	s.rules_n = 1;
	assert_int_equal(policy_build_new(&s, 1, &b), ERR_FORMAT);
	rule = (struct policy_rule){.lists = {1 << 2}, .schedule = POLICY_ALWAYS};
	assert_int_equal(policy_build_new(&s, 1, &b), ERR_FORMAT);
	rule = (struct policy_rule){.schedule = 1};
	assert_int_equal(policy_build_new(&s, 1, &b), ERR_FORMAT);
	s.groups_n = POLICY_GROUPS_MAX + 1;
	assert_int_equal(policy_build_new(&s, 1, &b), ERR_LIMIT);
}

static void groups_come_from_all_that_is_known(void **state)
{
	(void)state;
	assert_int_equal(of_address("10.0.0.1"), 0);
	assert_int_equal(of_address("192.168.1.4"), 1 << KIDS | 1 << GUESTS);
	assert_int_equal(of_address("::ffff:192.168.1.4"), 1 << KIDS | 1 << GUESTS);
	assert_int_equal(of_address("192.168.1.5"), 1 << GUESTS);
	assert_int_equal(of_address("192.168.1.200"), 1 << GUESTS);
	assert_int_equal(of_address("2001:db8::1"), 1 << GUESTS);
	assert_int_equal(of_address("2001:db9::1"), 0);
	struct policy_client c = {.has_mac = true, .mac = {2, 0, 0, 0, 0, 7}};
	assert_int_equal(policy_groups_of(p, &c), 1 << KIDS);
	c.mac[0] = 0;
	assert_int_equal(policy_groups_of(p, &c), 0);
	c = (struct policy_client){.lease = span_text("TABLET"), .peer = span_text("laptop")};
	assert_int_equal(policy_groups_of(p, &c), 1 << GUESTS | 1 << STAFF);
	c.user = span_text("Alice"); /* who is never a guest */
	assert_int_equal(policy_groups_of(p, &c), 1 << STAFF);
	c = (struct policy_client){.peer = span_text("tablet")}; /* the name of a lease */
	assert_int_equal(policy_groups_of(p, &c), 0);
}

/* Stars are for names of leases and peers; except is as ever. */
static void names_may_have_stars(void **state)
{
	static const struct policy_member stars[] = {
		{.group = 0, .kind = POLICY_MEMBER_LEASE, .name = TEXT("TV-*")},
		{.group = 0,
		 .kind = POLICY_MEMBER_LEASE,
		 .except = true,
		 .name = TEXT("tv-*-kitchen")},
		{.group = 1, .kind = POLICY_MEMBER_PEER, .name = TEXT("*")},
		{.group = 2, .kind = POLICY_MEMBER_USER, .name = TEXT("a*")},
	};
	static const struct span names[] = {TEXT("a"), TEXT("b"), TEXT("c")};
	const struct policy_setup s = {
		.groups = names, .groups_n = 3, .members = stars, .members_n = 4};
	const char *const none[] = {NULL};
	struct policy_built stars_built = sample_build(&s, none, 1);
	struct policy *stars_p = NULL;
	(void)state;
	assert_int_equal(policy_open(span_of(stars_built.bytes, stars_built.len), &stars_p), OK);
	assert_true(policy_knows_devices(stars_p));
	struct policy_client c = {.lease = span_text("tv-Living")};
	assert_int_equal(policy_groups_of(stars_p, &c), 1);
	c.lease = span_text("tv");
	assert_int_equal(policy_groups_of(stars_p, &c), 0);
	c.lease = span_text("tv-2-kitchen");
	assert_int_equal(policy_groups_of(stars_p, &c), 0);
	c = (struct policy_client){.peer = span_text("phone"), .user = span_text("alice")};
	assert_int_equal(policy_groups_of(stars_p, &c), 2); /* of users a star is a star */
	policy_free(stars_p);
	free(stars_built.bytes);
}

static void only_so_many_names_have_stars(void **state)
{
	static struct policy_member many[POLICY_GLOBS_MAX + 1];
	static const struct span names[] = {TEXT("a")};
	struct policy_build *b = NULL;
	struct policy_setup s = {
		.groups = names, .groups_n = 1, .members = many, .members_n = POLICY_GLOBS_MAX + 1};
	(void)state;
	for (size_t i = 0; i <= POLICY_GLOBS_MAX; i++)
		many[i] = (struct policy_member){.kind = POLICY_MEMBER_LEASE,
						 .name = span_text("x*")};
	assert_int_equal(policy_build_new(&s, 1, &b), ERR_LIMIT);
	s.members_n--;
	assert_int_equal(policy_build_new(&s, 1, &b), OK);
	policy_build_free(b);
}

static void what_was_set_up_is_read_back(void **state)
{
	(void)state;
	struct policy_facts f;
	policy_facts(p, &f);
	assert_int_equal(f.configuration, 17);
	assert_int_equal(f.generation, 4);
	assert_int_equal(f.made_s, 1700000000);
	assert_int_equal(f.groups, 3);
	assert_int_equal(f.lists, 2);
	assert_int_equal(f.lines, 5);
	assert_int_equal(f.names, 5);
	assert_true(span_is(policy_group_name(p, STAFF), "staff"));
	assert_int_equal(policy_group_find(p, span_text("Staff")), STAFF);
	assert_int_equal(policy_group_find(p, span_text("none")), POLICY_GROUPS_MAX);
	assert_true(span_is(policy_list_name(p, 1), "games"));
	assert_int_equal(policy_list_name(p, 2).len, 0);
	assert_true(span_is(policy_schedule_name(p, 0), "night"));
	assert_true(span_is(policy_rule(p, 1)->reason, "bed time"));
	assert_null(policy_rule(p, 3));
}

static bool blocked(uint64_t client, uint64_t now_s, const struct policy_pauses *pauses,
		    const char *name)
{
	struct policy_view v;
	struct policy_match m;
	struct dns_name n;
	assert_int_equal(dns_name_from_text(span_text(name), NULL, &n), OK);
	policy_view(p, client, now_s, pauses, &v);
	policy_look(p, &v, &n, &m);
	return m.verdict == POLICY_SAYS_BLOCK;
}

#define NOON  (1700000000 / 86400 * 86400 + 11 * 3600) /* in the zone, one hour ahead of UTC */
#define NIGHT (NOON + 10 * 3600)

static void a_schedule_decides_by_the_sites_clock(void **state)
{
	(void)state;
	uint64_t kids = 1 << KIDS;
	assert_true(blocked(kids, NOON, NULL, "ads.example"));
	assert_false(blocked(kids, NOON, NULL, "games.example"));
	assert_true(blocked(kids, NIGHT - 3600, NULL, "play.example"));
	assert_false(blocked(kids, NIGHT - 3601, NULL, "play.example"));
	assert_true(blocked(kids, NIGHT + 8 * 3600 - 1, NULL, "games.example"));
	assert_false(blocked(kids, NIGHT + 8 * 3600, NULL, "games.example"));
	assert_false(blocked(1 << GUESTS, NIGHT, NULL, "games.example"));
	struct policy_view v;
	policy_view(p, kids, NOON + 17, NULL, &v);
	assert_int_equal(v.until_s, NOON + 60);
	assert_int_equal(v.engines, 1 << POLICY_ENGINE_GOOGLE);
}

static void a_pause_lifts_rules_until_its_end(void **state)
{
	(void)state;
	struct policy_pauses pauses = {.groups_s = {[KIDS] = NIGHT + 60}};
	struct policy_view v;
	uint64_t kids = 1 << KIDS, both = kids | 1 << STAFF;
	assert_false(blocked(kids, NIGHT, &pauses, "games.example"));
	assert_false(blocked(kids, NIGHT, &pauses, "ads.example")); /* what holds for everybody */
	assert_false(blocked(both, NIGHT, &pauses, "games.example"));
	assert_true(blocked(kids, NIGHT + 60, &pauses, "games.example"));
	assert_true(blocked(1 << STAFF, NIGHT, &pauses, "ads.example"));
	policy_view(p, kids, NIGHT, &pauses, &v);
	assert_int_equal(v.engines, 0);
	policy_view(p, kids, NIGHT + 3, &(struct policy_pauses){.all_s = NIGHT + 17}, &v);
	assert_int_equal(v.until_s, NIGHT + 17); /* not at the minute's end */
	pauses = (struct policy_pauses){.all_s = NIGHT + 60};
	assert_false(blocked(0, NIGHT, &pauses, "ads.example"));
	assert_true(blocked(0, NIGHT + 60, &pauses, "ads.example"));
}

static void refuse_pauses(const uint8_t *data, size_t len)
{
	struct policy_pauses pauses = {.all_s = 5};
	if (len)
		assert_int_not_equal(policy_pauses_read(p, span_of(data, len), &pauses), OK);
	else
		assert_int_equal(policy_pauses_read(p, span_of(data, len), &pauses), OK);
}

static void pauses_go_through_a_file_by_name(void **state)
{
	(void)state;
	uint8_t room[POLICY_PAUSES_LEN_MAX];
	struct writer w = writer_of(room, sizeof(room));
	struct policy_pauses pauses;
	const struct policy_pause two[] = {
		{span_text("kids"), 5}, {span_text("gone"), 6}, {{0}, 7}};
	policy_pauses_write(two, 3, &w);
	assert_false(w.bad);
	guard_every_bit_flip(room, w.pos, refuse_pauses);
	guard_every_prefix(room, w.pos - 1, refuse_pauses);
	assert_int_equal(policy_pauses_read(p, writer_span(&w), &pauses), OK);
	assert_int_equal(pauses.all_s, 7);
	assert_int_equal(pauses.groups_s[KIDS], 5);
	assert_int_equal(pauses.groups_s[GUESTS], 0);
}

/* --- bytes that are refused ------------------------------------------------------------------- */

static void refuse(const uint8_t *data, size_t len)
{
	struct policy *bad = NULL;
	assert_int_not_equal(policy_open(span_of(data, len), &bad), OK);
	assert_null(bad);
}

static void refuses_torn_and_changed_bytes(void **state)
{
	(void)state;
	guard_every_prefix(built.bytes, built.len - 1, refuse);
	guard_every_bit_flip(built.bytes, built.len, refuse);
}

/* Whoever can write the file can write its checksum: what is accepted then must be safe to use. */
static void accept_or_refuse(const uint8_t *data, size_t len)
{
	uint8_t *copy = guard_copy(data, len);
	struct policy *other = NULL;
	struct policy_view v;
	struct policy_match m;
	struct dns_name n;
	char text[POLICY_LINE_TEXT_MAX];
	struct writer check = writer_of(copy + POLICY_CHECK_AT, 8);
	write_u64(&check, siphash24(POLICY_CHECK_KEY, copy + POLICY_CHECK_AT + 8,
				    len - POLICY_CHECK_AT - 8));
	if (policy_open(span_of(copy, len), &other) == OK) {
		struct policy_client c = {.address = ip_address_v4(192, 168, 1, 4)};
		policy_view(other, policy_groups_of(other, &c), NIGHT, NULL, &v);
		assert_int_equal(dns_name_from_text(span_text("xy.ads.example"), NULL, &n), OK);
		policy_look(other, &v, &n, &m);
		(void)policy_line_format(&m, text);
	}
	policy_free(other);
	guard_free(copy, len);
}

static void a_hostile_file_harms_nobody(void **state)
{
	(void)state;
	guard_every_bit_flip(built.bytes, built.len, accept_or_refuse);
}

static void an_empty_policy_says_nothing(void **state)
{
	(void)state;
	const struct policy_setup none = {0};
	struct policy_built empty = sample_build(&none, NULL, 0);
	struct policy *other = NULL;
	struct policy_view v;
	struct policy_match m;
	struct dns_name n = DNS_NAME_ROOT;
	assert_int_equal(policy_open(span_of(empty.bytes, empty.len), &other), OK);
	policy_view(other, 0, 0, NULL, &v);
	assert_false(v.any);
	policy_look(other, &v, &n, &m);
	assert_int_equal(m.verdict, POLICY_SAYS_NOTHING);
	policy_free(other);
	free(empty.bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_a_setup_that_contradicts_itself),
		cmocka_unit_test(groups_come_from_all_that_is_known),
		cmocka_unit_test(what_was_set_up_is_read_back),
		cmocka_unit_test(a_schedule_decides_by_the_sites_clock),
		cmocka_unit_test(a_pause_lifts_rules_until_its_end),
		cmocka_unit_test(pauses_go_through_a_file_by_name),
		cmocka_unit_test(refuses_torn_and_changed_bytes),
		cmocka_unit_test(a_hostile_file_harms_nobody),
		cmocka_unit_test(names_may_have_stars),
		cmocka_unit_test(only_so_many_names_have_stars),
		cmocka_unit_test(an_empty_policy_says_nothing),
	};
	return cmocka_run_group_tests(tests, begin, end);
}
