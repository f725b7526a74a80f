#include "service/forward-proxy/access/access.h"

#include "policy/path.h"
#include "policy/schedule.h"
#include "policy/url.h"
#include "service/forward-proxy/access/destination.h"
#include "service/forward-proxy/access/inside.h"
#include "test/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct ip_prefix prefix(const char *text)
{
	struct ip_prefix p;
	assert_int_equal(ip_prefix_parse(span_text(text), &p), OK);
	return p;
}

static struct access_place place(const char *text)
{
	static char rooms[16][256];
	static size_t at;
	struct access_place p;
	if (access_place_read(span_text(text), rooms[at++ % 16], &p) != OK)
		fail_msg("'%s'", text);
	return p;
}

static struct access_rules rules_of(const struct access_rule *rules, size_t n)
{
	return (struct access_rules){.rules = rules, .rules_n = n};
}

/* From 192.168.1.1 to there. */
struct asked {
	struct access_facts facts;
	struct destination to;
	struct ip_address addresses[4];
};

static struct access_verdict judge(const struct access_rules *r, struct asked *a)
{
	struct access_verdict v;
	a->facts.to = &a->to;
	a->facts.addresses = a->addresses;
	access_judge(r, &a->facts, &v);
	return v;
}

static struct asked to(const char *host)
{
	struct asked a = {.facts.client = ip_address_v4(192, 168, 1, 1)};
	assert_int_equal(destination_read(span_text(host), 80, &a.to), OK);
	return a;
}

static void resolved(struct asked *a, const char *first, const char *second)
{
	const char *const texts[] = {first, second};
	a->facts.addresses_n = 0;
	for (size_t i = 0; i < 2 && texts[i]; i++)
		assert_int_equal(ip_address_parse(span_text(texts[i]),
						  &a->addresses[a->facts.addresses_n++]),
				 OK);
}

static void denied(const struct access_rules *r, struct asked a, enum access_why why)
{
	struct access_verdict v = judge(r, &a);
	if (v.answer != ACCESS_DENIED || v.why != why)
		fail_msg("%s: %d %s", a.to.name, (int)v.answer, access_why_text(v.why));
}

static void answers(const struct access_rules *r, struct asked a, enum access_answer answer)
{
	struct access_verdict v = judge(r, &a);
	if (v.answer != answer)
		fail_msg("%s: %d %s", a.to.name, (int)v.answer, access_why_text(v.why));
}

static void the_first_rule_that_fits_decides(void **state)
{
	(void)state;
	const struct access_place below = place("*.a.test"), exact = place("b.test");
	const struct ip_prefix kids = prefix("192.168.7.0/24");
	const struct access_rule rules[] = {
		{.action = ACCESS_ALLOW, .to = &exact, .to_n = 1},
		{.action = ACCESS_DENY, .from = &kids, .from_n = 1, .reason = "kids"},
		{.action = ACCESS_DENY, .to = &below, .to_n = 1, .reason = "below"},
	};
	struct access_rules r = rules_of(rules, 3);
	struct asked a = to("x.a.test");
	struct access_verdict v = judge(&r, &a);
	assert_ptr_equal(v.rule, &rules[2]);
	denied(&r, to("y.x.A.test."), ACCESS_WHY_RULE);
	answers(&r, to("a.test"), ACCESS_PASS);
	answers(&r, to("xa.test"), ACCESS_PASS);
	answers(&r, to("a.test.b"), ACCESS_PASS);
	a = to("8.8.8.8");
	a.facts.client = ip_address_v4(192, 168, 7, 9);
	v = judge(&r, &a);
	assert_ptr_equal(v.rule, &rules[1]);
	assert_int_equal(v.why, ACCESS_WHY_RULE);
	a = to("b.test");
	a.facts.client = ip_address_v4(192, 168, 7, 9);
	answers(&r, a, ACCESS_PASS);
	r.otherwise = ACCESS_OTHERWISE_DENY;
	denied(&r, to("c.test"), ACCESS_WHY_OTHERWISE);
	answers(&r, to("b.test"), ACCESS_PASS);
}

static void one_address_denies_and_all_allow(void **state)
{
	(void)state;
	const struct access_place net = place("8.8.8.0/24");
	struct access_rule rule = {.action = ACCESS_DENY, .to = &net, .to_n = 1};
	struct access_rules r = rules_of(&rule, 1);
	struct asked a = to("a.test");
	answers(&r, a, ACCESS_RESOLVE);
	resolved(&a, "1.1.1.1", "::ffff:8.8.8.8");
	denied(&r, a, ACCESS_WHY_RULE);
	resolved(&a, "1.1.1.1", NULL);
	answers(&r, a, ACCESS_PASS);
	rule.action = ACCESS_ALLOW;
	r.otherwise = ACCESS_OTHERWISE_DENY;
	denied(&r, a, ACCESS_WHY_OTHERWISE);
	resolved(&a, "1.1.1.1", "8.8.8.8");
	denied(&r, a, ACCESS_WHY_OTHERWISE);
	resolved(&a, "8.8.8.1", "8.8.8.8");
	answers(&r, a, ACCESS_PASS);
	answers(&r, to("8.8.8.8"), ACCESS_PASS);
	/* What is never known is taken for the worse. */
	a.facts.addresses_n = 0;
	a.facts.unresolved = true;
	denied(&r, a, ACCESS_WHY_OTHERWISE);
	rule.action = ACCESS_DENY;
	r.otherwise = ACCESS_OTHERWISE_ALLOW;
	denied(&r, a, ACCESS_WHY_RULE);
}

static void what_lies_behind_a_translator_is_what_it_stands_for(void **state)
{
	(void)state;
	const struct access_place net = place("8.8.8.0/24"), far = place("2001:4860:64::/96");
	const struct ip_prefix own = prefix("2001:4860:64::/96");
	const struct inside_rules site = {.nat64 = &own, .nat64_n = 1};
	struct access_rule rule = {.action = ACCESS_DENY, .to = &net, .to_n = 1};
	struct access_rules r = rules_of(&rule, 1);
	denied(&r, to("[64:ff9b::8.8.8.8]"), ACCESS_WHY_RULE);
	answers(&r, to("[64:ff9b::8.8.9.8]"), ACCESS_PASS);
	struct asked a = to("a.test");
	resolved(&a, "1.1.1.1", "64:ff9b::808:808");
	denied(&r, a, ACCESS_WHY_RULE);
	a = to("[2001:4860:64::8.8.8.8]");
	answers(&r, a, ACCESS_PASS); /* nobody says that it is one */
	a.facts.translators = &site;
	denied(&r, a, ACCESS_WHY_RULE);
	rule.to = &far; /* it may be meant by its own address as well */
	denied(&r, a, ACCESS_WHY_RULE);
}

static void who_it_is_is_asked_only_where_it_matters(void **state)
{
	(void)state;
	static const char *const anna[] = {"anna"}, *const any[] = {"*"};
	const struct access_place secret = place("s.test"), more = place("t.test");
	const struct access_rule rules[] = {
		{.action = ACCESS_ALLOW, .users = anna, .users_n = 1, .to = &secret, .to_n = 1},
		{.action = ACCESS_DENY, .to = &secret, .to_n = 1},
		{.action = ACCESS_ALLOW, .users = any, .users_n = 1, .to = &more, .to_n = 1},
	};
	struct access_rules r = rules_of(rules, 3);
	struct asked a = to("s.test");
	a.facts.secure = true;
	answers(&r, to("8.8.8.8"), ACCESS_PASS);
	answers(&r, a, ACCESS_SIGN_IN);
	a.facts.user = span_text("anna");
	answers(&r, a, ACCESS_PASS);
	a.facts.user = span_text("ann");
	denied(&r, a, ACCESS_WHY_RULE);
	struct asked t = to("t.test");
	t.facts.secure = true;
	answers(&r, t, ACCESS_SIGN_IN);
	t.facts.user = span_text("ann");
	answers(&r, t, ACCESS_PASS);
	struct asked o = to("8.8.8.8");
	o.facts.secure = true;
	r.otherwise = ACCESS_OTHERWISE_SIGN_IN;
	answers(&r, o, ACCESS_SIGN_IN);
	o.facts.user = span_text("x");
	answers(&r, o, ACCESS_PASS);
}

static void no_password_is_asked_for_in_the_clear(void **state)
{
	(void)state;
	struct access_rules r = rules_of(NULL, 0);
	struct asked a = to("8.8.8.8");
	r.otherwise = ACCESS_OTHERWISE_SIGN_IN;
	denied(&r, a, ACCESS_WHY_CLEAR);
	r.clear_passwords = true;
	answers(&r, a, ACCESS_SIGN_IN);
	r.clear_passwords = false;
	a.facts.secure = true;
	answers(&r, a, ACCESS_SIGN_IN);
}

/* arg: the one group that the client is in; "?" is unknown. */
static enum access_member member(const void *arg, const char *group)
{
	return group[0] == '?'		 ? ACCESS_MEMBER_UNKNOWN
	       : strcmp(arg, group) == 0 ? ACCESS_MEMBER
					 : ACCESS_MEMBER_NOT;
}

static void a_group_that_is_not_known_is_taken_for_the_worse(void **state)
{
	(void)state;
	static const char *const kids[] = {"kids", "pupils"}, *const unknown[] = {"?", "kids"};
	struct access_rule rule = {.action = ACCESS_DENY, .groups = kids, .groups_n = 2};
	struct access_rules r = rules_of(&rule, 1);
	struct asked a = to("8.8.8.8");
	a.facts.member = member;
	a.facts.member_arg = "staff";
	answers(&r, a, ACCESS_PASS);
	a.facts.member_arg = "pupils";
	denied(&r, a, ACCESS_WHY_RULE);
	rule.action = ACCESS_ALLOW;
	r.otherwise = ACCESS_OTHERWISE_DENY;
	answers(&r, a, ACCESS_PASS);
	a.facts.member_arg = "staff";
	denied(&r, a, ACCESS_WHY_OTHERWISE);
	rule.groups = unknown;
	denied(&r, a, ACCESS_WHY_OTHERWISE);
	a.facts.member_arg = "kids";
	answers(&r, a, ACCESS_PASS);
	a.facts.member = NULL;
	denied(&r, a, ACCESS_WHY_OTHERWISE);
	rule.action = ACCESS_DENY;
	r.otherwise = ACCESS_OTHERWISE_ALLOW;
	denied(&r, a, ACCESS_WHY_RULE);
	a.facts.member = member;
	a.facts.member_arg = "staff";
	denied(&r, a, ACCESS_WHY_RULE);
}

static void a_rule_holds_in_its_hours(void **state)
{
	(void)state;
	/* 1 January 1970 was a Thursday; Fridays from 22:00 to 06:00, an hour ahead of UTC. */
	const struct policy_schedule night = {
		.windows = {{.days = 1 << 4, .from = 22 * 60, .to = 6 * 60}}, .windows_n = 1};
	const struct policy_zone zone = {.ahead_s = 3600};
	const struct access_rule rule = {.action = ACCESS_DENY, .times = &night};
	struct access_rules r = rules_of(&rule, 1);
	struct asked a = to("8.8.8.8");
	r.zone = &zone;
	a.facts.now_s = 86400 + 21 * 3600 - 1;
	answers(&r, a, ACCESS_PASS);
	a.facts.now_s++;
	denied(&r, a, ACCESS_WHY_RULE);
	a.facts.now_s += 8 * 3600 - 1;
	denied(&r, a, ACCESS_WHY_RULE);
	a.facts.now_s++;
	answers(&r, a, ACCESS_PASS);
}

static void reads_ports_and_places(void **state)
{
	(void)state;
	static const char *const bad[] = {"",	   "0",	      "65536", "x",   "80-",   "-80",
					  "80-79", "1-65536", "080",   "80 ", "80--90"};
	struct access_ports p;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (access_ports_read(span_text(bad[i]), &p))
			fail_msg("'%s'", bad[i]);
	assert_true(access_ports_read(span_text("80"), &p) && p.first == 80 && p.last == 80);
	assert_true(access_ports_read(span_text("1-65535"), &p) && p.first == 1 && p.last == 65535);
	static const char *const none[] = {"",	   "*",		  "*.",		"*.*.a",
					   "a.*",  "a b",	  "127.1",	"http://a",
					   "a:80", "10.0.0.0/33", "*.10.0.0.1", ".a.test"};
	struct access_place place_read;
	char room[256];
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		if (access_place_read(span_text(none[i]), room, &place_read) == OK)
			fail_msg("'%s'", none[i]);
	assert_int_equal(access_place_read(span_text("10.0.0.1/8"), room, &place_read),
			 ERR_REFUSED);
	place_read = place("A.Test.");
	assert_string_equal(place_read.name, "a.test");
	assert_false(place_read.below);
	place_read = place("2001:db8::1");
	assert_int_equal(place_read.prefix.bits, 128);
}

static struct access_path path(const char *text)
{
	static uint8_t rooms[8][POLICY_PATH_MAX];
	static size_t at;
	struct access_path p;
	if (access_path_read(span_text(text), rooms[at++ % 8], &p, NULL) != OK)
		fail_msg("'%s'", text);
	return p;
}

static struct asked to_path(const char *host, const char *target)
{
	static struct policy_readings readings;
	struct asked a = to(host);
	policy_url_read(span_text(target), &readings);
	a.facts.readings = &readings;
	return a;
}

static void paths_are_judged_by_each_reading(void **state)
{
	(void)state;
	const struct access_path ads[] = {path("/ads/"), path("~^/[0-9]+[.]gif")},
				 open = path("/open/");
	const struct access_rule rules[] = {
		{.action = ACCESS_ALLOW, .paths = &open, .paths_n = 1},
		{.action = ACCESS_DENY, .paths = ads, .paths_n = 2},
	};
	struct access_rules r = rules_of(rules, 2);
	r.otherwise = ACCESS_OTHERWISE_DENY;
	answers(&r, to_path("a.test", "/open/x"), ACCESS_PASS);
	denied(&r, to_path("a.test", "/open/../x"), ACCESS_WHY_OTHERWISE);
	denied(&r, to_path("a.test", "/open/..%2Fx"), ACCESS_WHY_OTHERWISE);
	denied(&r, to_path("a.test", "/ads/x"), ACCESS_WHY_RULE);
	denied(&r, to_path("a.test", "/12.gif"), ACCESS_WHY_RULE);
	denied(&r, to_path("a.test", "/x;/../%312.gif"), ACCESS_WHY_RULE);
	r.otherwise = ACCESS_OTHERWISE_ALLOW;
	answers(&r, to_path("a.test", "/a.gif"), ACCESS_PASS);
	/* In a tunnel no path is seen: nothing of one holds. */
	answers(&r, to("a.test"), ACCESS_PASS);
	r.otherwise = ACCESS_OTHERWISE_DENY;
	denied(&r, to("a.test"), ACCESS_WHY_OTHERWISE);
	access_paths_done(ads, 2);
}

static void an_expression_that_does_not_end_is_for_the_worse(void **state)
{
	(void)state;
	const struct access_path bad = path("~^/(a+)+b");
	struct access_rule rule = {.action = ACCESS_DENY, .paths = &bad, .paths_n = 1};
	const struct access_rules r = {
		.rules = &rule, .rules_n = 1, .otherwise = ACCESS_OTHERWISE_ALLOW};
	const char *const target = "/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaac/b";
	denied(&r, to_path("a.test", target), ACCESS_WHY_RULE);
	answers(&r, to_path("a.test", "/c"), ACCESS_PASS);
	rule.action = ACCESS_ALLOW;
	const struct access_rules closed = {
		.rules = &rule, .rules_n = 1, .otherwise = ACCESS_OTHERWISE_DENY};
	denied(&closed, to_path("a.test", target), ACCESS_WHY_OTHERWISE);
	access_paths_done(&bad, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_are_judged_by_each_reading),
		cmocka_unit_test(an_expression_that_does_not_end_is_for_the_worse),
		cmocka_unit_test(the_first_rule_that_fits_decides),
		cmocka_unit_test(one_address_denies_and_all_allow),
		cmocka_unit_test(what_lies_behind_a_translator_is_what_it_stands_for),
		cmocka_unit_test(who_it_is_is_asked_only_where_it_matters),
		cmocka_unit_test(no_password_is_asked_for_in_the_clear),
		cmocka_unit_test(a_group_that_is_not_known_is_taken_for_the_worse),
		cmocka_unit_test(a_rule_holds_in_its_hours),
		cmocka_unit_test(reads_ports_and_places),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
