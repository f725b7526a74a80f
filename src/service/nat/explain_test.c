#include "service/nat/explain.h"

#include "service/nat/site_test.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
/* cmocka wants the four above it. */
#include <cmocka.h>

#define HEAD                                                                                       \
	"nat:\n  outside: wan0\n  inside: [lan0, lan1]\n  zones: {guests: {interfaces: guest0}}\n" \
	"  bogons: off\n"

struct told {
	struct nat_step steps[128];
	size_t n;
};

static void take(void *arg, const struct nat_step *s)
{
	struct told *t = arg;
	assert_true(t->n < 128);
	t->steps[t->n++] = *s;
}

/* "203.0.113.5:443/tcp": who sends to whom. */
static enum nat_verdict ask(const struct site *s, const char *src, const char *dst, uint8_t proto,
			    uint16_t dport, struct told *ret)
{
	struct nat_question q = {.src = site_ip(src),
				 .dst = site_ip(dst),
				 .proto = proto,
				 .sport = 40000,
				 .dport = dport,
				 .zone = -1};
	ret->n = 0;
	return nat_explain(s->conf, &s->net, s->t, &q, take, ret);
}

static void what_holds_without_a_firewall(void **state)
{
	static const struct {
		const char *src, *dst;
		uint8_t proto;
		uint16_t dport;
		enum nat_verdict verdict;
	} cases[] = {
		/* To the world, from all zones. */
		{"192.168.1.7", "8.8.8.8", 6, 443, NAT_VERDICT_SENT},
		{"192.168.20.7", "8.8.8.8", 17, 53, NAT_VERDICT_SENT},
		/* Between zones: inside may, guests may not; within one, yes. */
		{"192.168.1.7", "192.168.20.7", 6, 80, NAT_VERDICT_SENT},
		{"192.168.20.7", "192.168.1.7", 6, 80, NAT_VERDICT_DROPPED},
		{"192.168.1.7", "192.168.2.7", 6, 80, NAT_VERDICT_SENT},
		{"192.168.20.7", "192.168.20.8", 6, 80, NAT_VERDICT_SENT},
		/* To the machine: inside all, guests what they need, the world nearly nothing. */
		{"192.168.1.7", "192.168.1.1", 6, 22, NAT_VERDICT_PASSED},
		{"192.168.20.7", "192.168.20.1", 6, 22, NAT_VERDICT_DROPPED},
		{"192.168.20.7", "192.168.1.1", 6, 22, NAT_VERDICT_DROPPED},
		{"192.168.20.7", "203.0.113.5", 6, 22, NAT_VERDICT_DROPPED},
		{"192.168.20.7", "192.168.20.1", 17, 53, NAT_VERDICT_PASSED},
		{"192.168.20.7", "192.168.20.1", 17, 67, NAT_VERDICT_PASSED},
		{"192.168.20.7", "192.168.20.1", 1, 8 << 8, NAT_VERDICT_PASSED},
		{"8.8.8.8", "203.0.113.5", 6, 22, NAT_VERDICT_DROPPED},
		{"8.8.8.8", "203.0.113.5", 17, 53, NAT_VERDICT_DROPPED},
		{"8.8.8.8", "203.0.113.5", 1, 8 << 8, NAT_VERDICT_PASSED},
		{"8.8.8.8", "203.0.113.5", 1, 13 << 8, NAT_VERDICT_DROPPED},
		/* "packets from outside to private addresses dropped" */
		{"8.8.8.8", "192.168.1.7", 6, 80, NAT_VERDICT_DROPPED},
		{"8.8.8.8", "192.168.20.7", 1, 8 << 8, NAT_VERDICT_DROPPED},
		{"8.8.8.8", "192.168.1.1", 6, 22, NAT_VERDICT_DROPPED},
		{"2a00::1", "2001:470:1::7", 6, 80, NAT_VERDICT_DROPPED},
		{"2001:470:1::7", "2a00::1", 6, 80, NAT_VERDICT_SENT},
	};
	struct told told;
	struct site s;
	(void)state;
	site_init(&s, HEAD);
	site_make(&s, NULL, OK);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		enum nat_verdict v =
			ask(&s, cases[i].src, cases[i].dst, cases[i].proto, cases[i].dport, &told);
		if (v != cases[i].verdict)
			fail_msg("%s to %s %u/%u: %s", cases[i].src, cases[i].dst, cases[i].dport,
				 cases[i].proto, nat_verdict_name(v));
		assert_int_equal(told.steps[told.n - 1].kind, NAT_STEP_VERDICT);
	}
	site_done(&s);
}

static void the_first_rule_that_matches_decides(void **state)
{
	struct told told;
	struct site s;
	(void)state;
	site_init(&s, HEAD "  firewall:\n"
			   "    - {action: drop, from: 198.51.100.0/24}\n"
			   "    - {action: reject, from: guests, to: outside, traffic: 25/tcp}\n"
			   "    - {action: allow, from: outside, to: gateway, traffic: 22/tcp}\n"
			   "    - {action: drop, from: inside, to: gateway, traffic: 22/tcp}\n");
	site_make(&s, NULL, OK);
	assert_int_equal(ask(&s, "198.51.100.7", "203.0.113.5", 6, 22, &told), NAT_VERDICT_DROPPED);
	assert_int_equal(told.steps[2].line, 7);
	assert_true(told.steps[2].matched);
	assert_int_equal(ask(&s, "192.168.20.7", "8.8.8.8", 6, 25, &told), NAT_VERDICT_REJECTED);
	assert_false(told.steps[2].matched);
	assert_non_null(strstr(told.steps[2].text, "another source"));
	assert_int_equal(told.steps[3].line, 8);
	assert_int_equal(ask(&s, "8.8.8.8", "203.0.113.5", 6, 22, &told), NAT_VERDICT_PASSED);
	assert_int_equal(ask(&s, "192.168.1.7", "192.168.1.1", 6, 22, &told), NAT_VERDICT_DROPPED);
	assert_int_equal(ask(&s, "192.168.1.7", "192.168.1.1", 6, 23, &told), NAT_VERDICT_PASSED);
	site_done(&s);
}

static void a_forward_goes_by_own_rules_and_its_own(void **state)
{
	struct told told;
	struct site s;
	(void)state;
	site_init(&s, HEAD "  firewall: {action: drop, from: 198.51.100.66}\n"
			   "  forward:\n    - {from: 8000-8010/tcp, to: \"192.168.1.5:80\", for: "
			   "198.51.100.0/24}\n    - {from: 443/tcp, to: 192.168.1.5}\n");
	site_make(&s, NULL, OK);
	assert_int_equal(ask(&s, "198.51.100.7", "203.0.113.5", 6, 8003, &told), NAT_VERDICT_SENT);
	assert_non_null(strstr(told.steps[2].text, "leads to 192.168.1.5:83"));
	assert_int_equal(ask(&s, "8.8.8.8", "203.0.113.5", 6, 8003, &told), NAT_VERDICT_DROPPED);
	assert_int_equal(ask(&s, "198.51.100.66", "203.0.113.5", 6, 8003, &told),
			 NAT_VERDICT_DROPPED);
	assert_int_equal(ask(&s, "198.51.100.66", "203.0.113.5", 6, 443, &told),
			 NAT_VERDICT_DROPPED);
	assert_int_equal(ask(&s, "8.8.8.8", "203.0.113.5", 6, 443, &told), NAT_VERDICT_SENT);
	assert_int_equal(ask(&s, "8.8.8.8", "203.0.113.5", 17, 443, &told), NAT_VERDICT_DROPPED);
	/* From inside as well. */
	assert_int_equal(ask(&s, "192.168.1.7", "203.0.113.5", 6, 443, &told), NAT_VERDICT_SENT);
	site_done(&s);
}

static bool tells(const struct told *told, const char *what)
{
	for (size_t i = 0; i < told->n; i++)
		if (strstr(told->steps[i].text, what))
			return true;
	return false;
}

/* As decide.h: an answer between two on one link would not come back this way. */
static void hairpin_rewrites_the_source_where_it_must(void **state)
{
	struct told told;
	struct site s;
	(void)state;
	site_init(&s, HEAD "  forward: {from: 443/tcp, to: 192.168.1.5}\n");
	site_make(&s, NULL, OK);
	assert_int_equal(ask(&s, "192.168.1.7", "203.0.113.5", 6, 443, &told), NAT_VERDICT_SENT);
	assert_true(tells(&told, "the source becomes the public address"));
	/* The same zone by another device; a network behind a router on the same link. */
	assert_int_equal(ask(&s, "192.168.2.7", "203.0.113.5", 6, 443, &told), NAT_VERDICT_SENT);
	assert_true(tells(&told, "the source stays"));
	assert_int_equal(ask(&s, "10.9.0.7", "203.0.113.5", 6, 443, &told), NAT_VERDICT_SENT);
	assert_true(tells(&told, "the source becomes the public address"));
	assert_int_equal(ask(&s, "8.8.8.8", "203.0.113.5", 6, 443, &told), NAT_VERDICT_SENT);
	assert_false(tells(&told, "the source"));
	site_done(&s);
}

/* What an `allow` does not open. */
static void some_things_no_rule_allows(void **state)
{
	static const struct {
		const char *src, *dst;
		uint8_t proto;
		uint16_t dport;
		enum nat_verdict verdict;
		const char *why;
	} cases[] = {
		{"8.8.8.8", "203.0.113.5", 6, 22, NAT_VERDICT_PASSED, "to the machine"},
		{"8.8.8.8", "192.168.1.1", 6, 22, NAT_VERDICT_DROPPED, "a private address"},
		{"8.8.8.8", "192.168.1.7", 6, 22, NAT_VERDICT_DROPPED, "knows nobody there"},
		{"8.8.8.8", "9.9.9.9", 6, 22, NAT_VERDICT_DROPPED, "knows nobody there"},
		{"192.168.1.7", "8.8.8.8", 51, 0, NAT_VERDICT_DROPPED, "cannot be translated"},
		{"192.168.1.7", "8.8.8.8", 50, 0, NAT_VERDICT_SENT, "translated"},
		{"192.168.1.7", "8.8.8.8", 1, 0, NAT_VERDICT_DROPPED, "its flow is there"},
		{"192.168.1.7", "192.168.1.1", 1, 0, NAT_VERDICT_PASSED, "to the machine"},
		{"192.168.1.1", "8.8.8.8", 6, 22, NAT_VERDICT_DROPPED, "a private source"},
		{"203.0.113.5", "8.8.8.8", 6, 22, NAT_VERDICT_SENT, "is not judged"},
		{"2001:470:1::1", "2a00::1", 6, 22, NAT_VERDICT_SENT, "is not judged"},
		{"fe80::7", "2a00::1", 6, 22, NAT_VERDICT_DROPPED, "link-local"},
		{"fe80::7", "fe80::1", 6, 22, NAT_VERDICT_PASSED, "to the machine"},
	};
	struct told told;
	struct site s;
	(void)state;
	site_init(&s, HEAD "  firewall: {action: allow}\n");
	site_make(&s, NULL, OK);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		enum nat_verdict v =
			ask(&s, cases[i].src, cases[i].dst, cases[i].proto, cases[i].dport, &told);
		if (v != cases[i].verdict || !tells(&told, cases[i].why))
			fail_msg("%s to %s: %s", cases[i].src, cases[i].dst,
				 told.steps[told.n - 1].text);
	}
	site_done(&s);
}

static void another_prefix_and_nat64_are_told(void **state)
{
	static const struct {
		const char *src, *dst;
		uint16_t dport;
		enum nat_verdict verdict;
		const char *what;
	} cases[] = {
		{"fd01:203:405:1::7", "2a00::1", 80, NAT_VERDICT_SENT,
		 "the source becomes 2001:470:77:de22::7"},
		{"2a00::1", "2001:470:77:de22::7", 80, NAT_VERDICT_SENT,
		 "the destination becomes fd01:203:405:1::7"},
		{"2a00::1", "2001:470:77:de22::7", 81, NAT_VERDICT_DROPPED, "no rule allows it"},
		{"2a00::1", "fd01:203:405:1::7", 80, NAT_VERDICT_DROPPED, "knows nobody there"},
		{"fd02::7", "2a00::1", 80, NAT_VERDICT_DROPPED, "has no prefix outside"},
		{"2001:470:1::7", "64:ff9b::8.8.8.8", 443, NAT_VERDICT_SENT,
		 "the destination becomes 8.8.8.8"},
		{"2001:470:1::7", "64:ff9b::8.8.8.8", 443, NAT_VERDICT_SENT,
		 "the source becomes 203.0.113.5"},
		{"2001:470:1::7", "64:ff9b::8.8.8.8", 25, NAT_VERDICT_REJECTED, "by that rule"},
		{"2001:470:1::7", "64:ff9b::10.0.0.1", 443, NAT_VERDICT_DROPPED, "may not carry"},
		{"2001:470:1::7", "64:ff9b::203.0.113.5", 443, NAT_VERDICT_DROPPED,
		 "may not carry"},
		{"2a00::1", "64:ff9b::8.8.8.8", 443, NAT_VERDICT_DROPPED, "knows nobody there"},
	};
	struct told told;
	struct site s;
	(void)state;
	site_init(&s,
		  HEAD "  nptv6: {inside: \"fd01:203:405::/48\", outside: \"2001:470:77::/48\"}\n"
		       "  nat64: \"64:ff9b::/96\"\n"
		       "  firewall:\n"
		       "    - {action: reject, to: 8.0.0.0/8, traffic: 25/tcp}\n"
		       "    - {action: allow, from: outside, to: \"fd01:203:405::/48\", traffic: "
		       "80/tcp}\n");
	site_address(&s, SITE_LAN, 64, "fd01:203:405:1::1");
	site_address(&s, SITE_LAN, 64, "fd02::1");
	site_make(&s, NULL, OK);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		enum nat_verdict v = ask(&s, cases[i].src, cases[i].dst, 6, cases[i].dport, &told);
		if (v != cases[i].verdict || !tells(&told, cases[i].what))
			fail_msg("%s to %s: %s", cases[i].src, cases[i].dst,
				 told.steps[told.n - 1].text);
	}
	site_done(&s);
}

static void to_whom_nobody_is_translated_is_told(void **state)
{
	struct told told;
	struct site s;
	(void)state;
	site_init(&s, HEAD "  untranslated: {to: 8.8.8.0/24, traffic: 53/udp}\n"
			   "  firewall: {action: drop, to: 8.8.8.9}\n");
	site_make(&s, NULL, OK);
	assert_int_equal(ask(&s, "192.168.1.7", "8.8.8.8", 17, 53, &told), NAT_VERDICT_SENT);
	assert_non_null(strstr(told.steps[told.n - 2].text, "the source stays, as line 6"));
	assert_int_equal(ask(&s, "192.168.1.7", "8.8.8.8", 17, 54, &told), NAT_VERDICT_SENT);
	assert_non_null(strstr(told.steps[told.n - 2].text, "becomes 203.0.113.5"));
	assert_int_equal(ask(&s, "192.168.1.7", "8.8.8.9", 17, 53, &told), NAT_VERDICT_DROPPED);
	/* It is for who begins inside. */
	assert_int_equal(ask(&s, "8.8.8.8", "192.168.1.7", 17, 53, &told), NAT_VERDICT_DROPPED);
	site_done(&s);
}

static void what_a_proxy_takes_and_what_passes_it_by_is_told(void **state)
{
	static const struct {
		const char *src, *dst;
		uint8_t proto;
		uint16_t dport;
		enum nat_verdict verdict;
		const char *why, *end;
	} cases[] = {
		{"192.168.1.7", "8.8.8.8", 6, 443, NAT_VERDICT_PASSED,
		 "led to 192.168.1.1:3181, as line 8", "a proxy of this machine takes it"},
		{"192.168.1.7", "8.8.8.8", 17, 443, NAT_VERDICT_REJECTED,
		 "as line 8 says; its `quic`", "by `quic`"},
		{"2001:470:1::7", "2a00::1", 17, 443, NAT_VERDICT_REJECTED,
		 "as line 8 says; its `quic`", "by `quic`"},
		{"192.168.1.7", "8.8.8.8", 17, 444, NAT_VERDICT_SENT, "becomes 203.0.113.5", ""},
		/* Exceptions, and an entry that lets it pass. */
		{"192.168.1.9", "8.8.8.8", 17, 443, NAT_VERDICT_SENT, "becomes 203.0.113.5", ""},
		{"192.168.1.7", "9.9.9.9", 17, 443, NAT_VERDICT_SENT, "becomes 203.0.113.5", ""},
		{"192.168.1.7", "8.8.8.8", 17, 80, NAT_VERDICT_SENT, "becomes 203.0.113.5", ""},
		/* Of no business with a proxy; refused by the firewall before. */
		{"192.168.1.7", "192.168.20.7", 17, 443, NAT_VERDICT_SENT, "inside", ""},
		{"192.168.20.7", "8.8.8.8", 17, 443, NAT_VERDICT_DROPPED, "matches",
		 "by that rule"},
	};
	struct told told;
	struct site s;
	(void)state;
	site_init(&s, HEAD "  firewall: {action: drop, from: guests, traffic: 443/udp}\n"
			   "  intercept:\n"
			   "    - {traffic: 443/tcp, to: [192.168.1.1:3181, \"[fd00::1]:3181\"], "
			   "except-from: 192.168.1.9, except-to: 9.9.9.9}\n"
			   "    - {traffic: 80/tcp, to: 192.168.1.1:3180, quic: pass}\n");
	site_make(&s, NULL, OK);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(
			ask(&s, cases[i].src, cases[i].dst, cases[i].proto, cases[i].dport, &told),
			cases[i].verdict);
		if (!strstr(told.steps[told.n - 2].text, cases[i].why) ||
		    !strstr(told.steps[told.n - 1].text, cases[i].end))
			fail_msg("%zu: %s; %s", i, told.steps[told.n - 2].text,
				 told.steps[told.n - 1].text);
	}
	assert_int_equal(ask(&s, "192.168.1.9", "8.8.8.8", 17, 443, &told), NAT_VERDICT_SENT);
	assert_non_null(strstr(told.steps[told.n - 3].text, "no proxy takes it, as line 8 says"));
	/* Where nobody leads, nothing passes by anybody. */
	s.t->untaken = true;
	assert_int_equal(ask(&s, "192.168.1.7", "8.8.8.8", 17, 443, &told), NAT_VERDICT_SENT);
	site_done(&s);
}

static void a_source_elsewhere_is_dropped(void **state)
{
	struct told told = {.n = 0};
	struct site s;
	struct nat_question q = {.src = site_ip("192.168.1.7"),
				 .dst = site_ip("203.0.113.5"),
				 .proto = 6,
				 .zone = NAT_ZONE_OUTSIDE};
	(void)state;
	site_init(&s, HEAD);
	site_make(&s, NULL, OK);
	assert_int_equal(nat_explain(s.conf, &s.net, s.t, &q, take, &told), NAT_VERDICT_DROPPED);
	assert_non_null(strstr(told.steps[1].text, "does not belong"));
	site_done(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_holds_without_a_firewall),
		cmocka_unit_test(the_first_rule_that_matches_decides),
		cmocka_unit_test(a_forward_goes_by_own_rules_and_its_own),
		cmocka_unit_test(hairpin_rewrites_the_source_where_it_must),
		cmocka_unit_test(some_things_no_rule_allows),
		cmocka_unit_test(another_prefix_and_nat64_are_told),
		cmocka_unit_test(to_whom_nobody_is_translated_is_told),
		cmocka_unit_test(what_a_proxy_takes_and_what_passes_it_by_is_told),
		cmocka_unit_test(a_source_elsewhere_is_dropped),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
