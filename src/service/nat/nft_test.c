#include "service/nat/nft.h"

#include "service/nat/nft_inner.h"
#include "service/nat/site_test.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants the four above it. */
#include <cmocka.h>

#define HEAD                                                                                       \
	"nat:\n  outside: wan0\n  inside: [lan0, lan1]\n  zones: {guests: {interfaces: guest0}}\n"

enum { ROOM = 1 << 20 };

struct made {
	struct site s;
	char *text;
};

static enum err make(struct made *m, const char *text)
{
	site_init(&m->s, text);
	site_make(&m->s, NULL, OK);
	m->text = calloc(1, ROOM);
	assert_non_null(m->text);
	struct writer w = writer_of(m->text, ROOM - 1);
	enum err e = nat_nft_make(m->s.conf, &m->s.net, m->s.t, &w);
	m->text[w.pos] = 0;
	return e;
}

static void begin(struct made *m, const char *text)
{
	assert_int_equal(make(m, text), OK);
}

static void done(struct made *m)
{
	free(m->text);
	site_done(&m->s);
}

/* A chain's body; it lasts until the next call. */
static const char *chain(const struct made *m, const char *name)
{
	static char body[ROOM];
	char head[64];
	(void)snprintf(head, sizeof(head), "\tchain %s {\n", name);
	const char *at = strstr(m->text, head);
	const char *end = at ? strstr(at, "\n\t}\n") : NULL;
	if (!end)
		fail_msg("there is no chain %s", name);
	else
		(void)snprintf(body, sizeof(body), "%.*s\n", (int)(end - at), at);
	return body;
}

/* A whole line of a chain. */
static bool has(const struct made *m, const char *name, const char *line)
{
	char whole[512];
	(void)snprintf(whole, sizeof(whole), "\n\t\t%s\n", line);
	return strstr(chain(m, name), whole) != NULL;
}

static void assert_has(const struct made *m, const char *name, const char *line)
{
	if (!has(m, name, line))
		fail_msg("chain %s has no line\n%s\nbut\n%s", name, line, chain(m, name));
}

/* The first stands before the second. */
static void assert_before(const struct made *m, const char *name, const char *first,
			  const char *second)
{
	const char *body = chain(m, name);
	const char *a = strstr(body, first), *b = strstr(body, second);
	if (!a || !b || a >= b)
		fail_msg("%s is not before %s in\n%s", first, second, body);
}

static void a_host_becomes_the_public_address(void **state)
{
	struct made m;
	(void)state;
	begin(&m, HEAD);
	assert_has(&m, "from_hosts",
		   "iifname { \"lan0\", \"lan1\", \"guest0\" } oifname \"wan0\" meta nfproto ipv4 "
		   "snat "
		   "ip to 203.0.113.5");
	done(&m);
}

static void where_nobody_is_translated_to_the_guard_lets_out(void **state)
{
	static const char line[] =
		"iifname { \"lan0\", \"lan1\", \"guest0\" } oifname { "
		"\"wan0\" } meta nfproto ipv4 ip daddr 10.20.0.0/16 meta l4proto "
		"17 th dport 53 counter accept comment \"line 5\"";
	struct made m;
	(void)state;
	begin(&m, HEAD "  untranslated: {to: 10.20.0.0/16, traffic: 53/udp}\n");
	assert_has(&m, "from_hosts", line);
	assert_has(&m, "guard", line);
	assert_before(&m, "from_hosts", "10.20.0.0/16", "snat ip to 203.0.113.5");
	assert_before(&m, "guard", "10.20.0.0/16", "counter drop");
	assert_null(strstr(chain(&m, "forwarding"), "10.20.0.0/16"));
	done(&m);
}

static void a_host_keeps_its_public_address_among_several(void **state)
{
	struct made m;
	(void)state;
	begin(&m, HEAD "  addresses: [203.0.113.8-203.0.113.9]\n");
	assert_non_null(strstr(chain(&m, "from_hosts"),
			       "snat ip to jhash ip saddr mod 2 map { 0 : 203.0.113.8, 1 : "
			       "203.0.113.9 }"));
	/* The machine's own one may leave as well. */
	assert_has(&m, "guard",
		   "oifname { \"wan0\" } ip saddr != { 203.0.113.8, 203.0.113.9, 203.0.113.5 } "
		   "counter drop");
	done(&m);
}

static void nothing_leaves_but_with_a_public_source(void **state)
{
	struct made m;
	(void)state;
	begin(&m, HEAD);
	assert_has(&m, "guard", "oifname { \"wan0\" } ip saddr != { 203.0.113.5 } counter drop");
	assert_has(&m, "guard",
		   "oifname { \"wan0\" } ip6 saddr { fc00::/7, fec0::/10 } counter drop");
	assert_non_null(strstr(chain(&m, "guard"), "postrouting priority 150"));
	done(&m);
}

static void without_a_public_address_all_sources_stay(void **state)
{
	struct made m;
	(void)state;
	site_init(&m.s, HEAD);
	m.s.addresses[1].ifindex = SITE_LAN; /* the uplink has lost it */
	site_make(&m.s, NULL, OK);
	m.text = calloc(1, ROOM);
	struct writer w = writer_of(m.text, ROOM - 1);
	assert_int_equal(nat_nft_make(m.s.conf, &m.s.net, m.s.t, &w), OK);
	assert_has(&m, "guard", "oifname { \"wan0\" } meta nfproto ipv4 counter drop");
	assert_null(strstr(m.text, "snat"));
	done(&m);
}

static void a_zone_that_the_world_knows_is_not_translated(void **state)
{
	struct made m;
	(void)state;
	begin(&m, "nat:\n  outside: wan0\n  inside: lan0\n  zones: {servers: {interfaces: guest0, "
		  "translate: off}}\n");
	assert_null(strstr(chain(&m, "from_hosts"), "\"guest0\" } oifname \"wan0\""));
	assert_has(&m, "guard",
		   "oifname { \"wan0\" } ip saddr != { 192.168.20.0-192.168.20.0, "
		   "192.168.20.2-192.168.20.255, 203.0.113.5 } counter drop");
	/* From outside the rules decide about it, and about nobody else. */
	assert_non_null(strstr(chain(&m, "forwarding"),
			       "ct status & dnat == 0 ip daddr != { 192.168.20.0-192.168.20.0, "
			       "192.168.20.2-192.168.20.255 } counter drop"));
	done(&m);
}

static void a_source_must_belong_where_it_comes_in(void **state)
{
	struct made m;
	(void)state;
	begin(&m, HEAD);
	/* The gateway's own 192.168.20.1 is nobody's there. */
	assert_has(
		&m, "sources",
		"iifname { \"guest0\" } ip saddr != { 192.168.20.0, 192.168.20.2-192.168.20.255 } "
		"counter drop");
	assert_has(&m, "sources",
		   "iifname { \"guest0\" } ip6 saddr != { ::, fe80::/10 } counter drop");
	assert_non_null(strstr(chain(&m, "sources"), "10.9.0.0-10.9.255.255"));
	done(&m);
}

static void strangers_cannot_be_or_call_anybody_private(void **state)
{
	struct made m;
	(void)state;
	begin(&m, HEAD);
	const char *body = chain(&m, "sources");
	/* 10.0.0.0/8 with what is routed inside: one range; its own network outside is left out. */
	assert_non_null(strstr(body, "iifname { \"wan0\" } ip saddr { 0.0.0.0-0.255.255.255, "
				     "10.0.0.0-10.255.255.255, "));
	assert_non_null(strstr(body, "203.0.113.16-203.0.113.255"));
	assert_non_null(strstr(body, "203.0.113.5, "));
	assert_null(strstr(body, "203.0.113.0-"));
	assert_non_null(strstr(body, "iifname { \"wan0\" } ip daddr { 10.9.0.0-10.9.255.255, "));
	assert_has(
		&m, "sources",
		"iifname { \"wan0\" } ip daddr { 192.168.1.1, 192.168.2.1, 192.168.20.1 } counter "
		"drop");
	assert_before(&m, "sources", "ip daddr { 10.9.0.0", "icmp type { 3, 11, 12 } accept");
	assert_before(&m, "sources", "icmp type { 3, 11, 12 } accept", "ip saddr { 0.0.0.0");
	done(&m);
}

static void a_forward_leads_to_its_host(void **state)
{
	struct made m;
	(void)state;
	begin(&m, HEAD "  forward:\n"
		       "    - {from: 443/tcp, to: 192.168.1.5}\n"
		       "    - {from: 8080/tcp, to: \"192.168.1.5:80\", for: [44.0.0.0/8]}\n"
		       "    - {from: 5000-5002/udp, to: \"192.168.1.6:6000\"}\n"
		       "    - {from: 7000-7009/udp, to: 192.168.1.6, address: 203.0.113.5}\n");
#define ALL "iifname { \"wan0\", \"lan0\", \"lan1\", \"guest0\" } "
	assert_has(&m, "to_hosts",
		   ALL
		   "ip daddr { 203.0.113.5 } tcp dport 443 dnat ip to 192.168.1.5 comment \"line "
		   "6\"");
	assert_has(&m, "to_hosts",
		   ALL "ip daddr { 203.0.113.5 } tcp dport 8080 dnat ip to 192.168.1.5:80 comment "
		       "\"line 7\"");
	assert_has(&m, "to_hosts",
		   ALL
		   "ip daddr { 203.0.113.5 } udp dport 5000-5002 dnat ip to udp dport map { 5000 "
		   ": 192.168.1.6 . 6000, 5001 : 192.168.1.6 . 6001, 5002 : 192.168.1.6 . 6002 "
		   "} comment \"line 8\"");
	assert_has(&m, "to_hosts",
		   ALL "ip daddr 203.0.113.5 udp dport 7000-7009 dnat ip to 192.168.1.6 comment "
		       "\"line 9\"");
	assert_has(&m, "forwarded", "meta l4proto tcp ct original proto-dst 443 counter accept");
	/* Limited: who is not named is dropped, and not left to what follows. */
	assert_before(&m, "forwarded", "proto-dst 8080 iifname", "proto-dst 8080 counter drop");
	assert_non_null(strstr(chain(&m, "forwarded"), "ip saddr 44.0.0.0/8 counter accept"));
	/* One that lives on the same link comes back by the public address. */
	assert_has(
		&m, "from_hosts",
		"iifname \"lan0\" oifname \"lan0\" meta nfproto ipv4 ct status dnat snat ip to ct "
		"original ip daddr map { 203.0.113.5 : 203.0.113.5 }");
	done(&m);
}

static void a_forward_without_a_host_is_shut(void **state)
{
	struct made m;
	(void)state;
	begin(&m, HEAD "  domain: lan\n  forward:\n    - {from: 443/tcp, to: nas}\n");
	assert_has(&m, "unled",
		   ALL "ip daddr { 203.0.113.5 } ct state new tcp dport 443 counter drop");
	assert_null(strstr(m.text, "dnat ip to"));
	site_name(&m.s, "nas.lan", "192.168.1.7");
	site_make(&m.s, NULL, OK);
	struct writer w = writer_of(m.text, ROOM - 1);
	assert_int_equal(nat_nft_make(m.s.conf, &m.s.net, m.s.t, &w), OK);
	m.text[w.pos] = 0;
	assert_null(strstr(m.text, "ct state new tcp"));
	assert_non_null(strstr(chain(&m, "to_hosts"), "tcp dport 443 dnat ip to 192.168.1.7 "));
	done(&m);
}

static void rules_say_what_they_match(void **state)
{
	struct made m;
	(void)state;
	begin(&m, HEAD "  firewall:\n"
		       "    - {action: drop, from: inside, to: outside, traffic: 25/tcp}\n"
		       "    - {action: reject, from: guests, to: 8.8.8.8, traffic: 1000-2000/udp, "
		       "source-ports: \"5000\"}\n"
		       "    - {action: drop, from: 2001:470::/32, traffic: icmpv6/128}\n"
		       "    - {action: drop, traffic: icmp/3/4}\n"
		       "    - {action: reject, to: 9.9.9.9, traffic: 23/tcp}\n"
		       "    - {action: reject, to: 9.9.9.8}\n"
		       "    - {action: allow, from: outside, to: gateway, traffic: 22/tcp, rate: "
		       "10/m, burst: 3}\n");
	assert_has(&m, "forwarding",
		   "iifname { \"lan0\", \"lan1\" } oifname { \"wan0\" } meta l4proto 6 th dport 25 "
		   "counter drop comment \"line 6\"");
	assert_non_null(
		strstr(chain(&m, "forwarding"),
		       "ip daddr 8.8.8.8/32 meta l4proto 17 th sport 5000 th dport "
		       "1000-2000 counter reject with icmpx admin-prohibited comment \"line "
		       "7\""));
	assert_non_null(strstr(chain(&m, "forwarding"),
			       "ip6 saddr 2001:470::/32 meta l4proto 58 icmpv6 type 128 counter "
			       "drop comment \"line 8\""));
	assert_non_null(strstr(chain(&m, "forwarding"),
			       "meta l4proto 1 icmp type 3 icmp code 4 counter drop"));
	assert_has(&m, "input",
		   "iifname { \"wan0\" } meta l4proto 6 th dport 22 limit name \"rate_1\" counter "
		   "accept comment \"line 12\"");
	assert_non_null(strstr(m.text, "limit rate_1 {\n\t\trate 10/minute burst 3 packets\n"));
	assert_before(&m, "forwarding", "line 6", "line 7");
	assert_non_null(strstr(chain(&m, "forwarding"),
			       "counter reject with tcp reset comment \"line 10\""));
	assert_non_null(strstr(chain(&m, "forwarding"),
			       "ip daddr 9.9.9.8/32 counter jump refused comment \"line 11\""));
	/* Rules, then forwards, then what holds anyway, then nothing. */
	assert_before(&m, "forwarding", "line 9", "jump forwarded");
	assert_before(
		&m, "forwarding", "jump forwarded",
		"iifname { \"lan0\", \"lan1\" } oifname { \"wan0\", \"lan0\", \"lan1\", \"guest0\" "
		"} counter accept");
	done(&m);
}

static void rates_are_told_in_a_unit_that_fits(void **state)
{
	static const struct {
		const char *rate, *expected;
	} cases[] = {
		{"10/s", "rate 10/second burst 5"}, {"5/m", "rate 5/minute burst 5"},
		{"1/h", "rate 1/hour burst 1"},	    {"90/m", "rate 90/minute burst 5"},
		{"3/s", "rate 3/second burst 5"},   {"7/h", "rate 7/hour burst 5"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct made m;
		char text[512];
		(void)snprintf(text, sizeof(text),
			       HEAD "  firewall:\n    - {action: allow, traffic: ping, rate: %s, "
				    "burst: %d}\n",
			       cases[i].rate, i == 2 ? 1 : 5);
		begin(&m, text);
		if (!strstr(m.text, cases[i].expected))
			fail_msg("%s", strstr(m.text, "rate_1"));
		done(&m);
	}
}

static void nothing_begins_from_outside_by_itself(void **state)
{
	struct made m;
	(void)state;
	begin(&m, HEAD);
	assert_non_null(strstr(chain(&m, "forwarding"), "\n\t\tcounter drop\n"));
	assert_has(&m, "forwarding", "iifname { \"wan0\" } oifname { \"wan0\" } counter drop");
	assert_has(&m, "forwarding",
		   "iifname { \"wan0\" } meta nfproto ipv4 ct status & dnat == 0 counter drop");
	assert_before(&m, "forwarding", "ct state invalid counter drop", "oifname { \"wan0\", ");
	done(&m);
}

static void other_devices_are_left_alone(void **state)
{
	struct made m;
	(void)state;
	begin(&m, HEAD);
	assert_has(&m, "forwarding",
		   "iifname != { \"wan0\", \"lan0\", \"lan1\", \"guest0\" } accept");
	/* Inside has no rules about the machine; guests have. */
	assert_has(&m, "input", "iifname != { \"wan0\", \"guest0\" } accept");
	done(&m);
}

static void timers_are_those_of_the_configuration(void **state)
{
	struct made m;
	(void)state;
	begin(&m, HEAD "  timeouts: {tcp: 3h, tcp-opening: 61s, udp: 100s, dns: 10s}\n");
	assert_non_null(strstr(m.text, "ct timeout t_tcp_61_10800_240 {"));
	assert_non_null(strstr(m.text, "syn_sent : 61, "));
	assert_non_null(strstr(m.text, "established : 10800, "));
	assert_non_null(strstr(m.text, "policy = { unreplied : 100, replied : 100 }"));
	assert_non_null(strstr(chain(&m, "passing"), "udp dport 53 ct timeout set \"t_udp_10\""));
	done(&m);
}

static void a_prefix_becomes_another_outside(void **state)
{
	struct made m;
	(void)state;
	begin(&m, HEAD "  nptv6:\n    - {inside: fd00:1::/48, outside: 2001:470:9::/48}\n");
	assert_has(&m, "from_hosts",
		   "oifname { \"wan0\" } snat ip6 prefix to ip6 saddr map { fd00:1::/48 : "
		   "2001:470:9::/48 }");
	assert_has(&m, "to_hosts",
		   "iifname { \"wan0\" } dnat ip6 prefix to ip6 daddr map { 2001:470:9::/48 : "
		   "fd00:1::/48 }");
	done(&m);
}

static void a_name_that_means_more_is_refused(void **state)
{
	static const char *const bad[] = {"lan*", "la\\\"n", "l{n", "l;n", "l\\\\n", "l,n"};
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct made m;
		char text[256];
		(void)snprintf(text, sizeof(text), "nat:\n  outside: wan0\n  inside: [\"%s\"]\n",
			       bad[i]);
		assert_int_equal(make(&m, text), ERR_UNSUPPORTED);
		assert_null(strchr(m.text, '*'));
		done(&m);
	}
	assert_true(nat_nft_name_fits("eth0.100"));
	assert_false(nat_nft_name_fits(""));
}

static void too_many_ports_or_too_little_room_is_an_error(void **state)
{
	struct made m;
	char room[2000];
	(void)state;
	assert_int_equal(
		make(&m,
		     HEAD "  forward:\n    - {from: 10000-30000/tcp, to: \"192.168.1.5:100\"}\n"),
		ERR_LIMIT);
	done(&m);
	begin(&m, HEAD);
	for (size_t size = 0; size < sizeof(room); size += 7) {
		struct writer w = writer_of(room, size);
		assert_int_equal(nat_nft_make(m.s.conf, &m.s.net, m.s.t, &w), ERR_LIMIT);
	}
	done(&m);
}

/* --- ranges ----------------------------------------------------------------------------------- */

/* Each address of a small world is where the longest prefix says. */
static void ranges_are_the_longest_prefixes(void **state)
{
	struct site s;
	struct nft_spans *spans = calloc(1, sizeof(*spans));
	(void)state;
	assert_non_null(spans);
	site_init(&s, "nat:\n  outside: wan0\n  inside: lan0\n  zones:\n"
		      "    a: {interfaces: x, networks: [0.0.0.0/3, 255.0.0.0/8, 44.0.0.0/8, "
		      "44.1.0.0/16]}\n"
		      "    b: {interfaces: y, networks: [44.1.2.0/24, 255.255.0.0/16, "
		      "255.255.255.255]}\n");
	site_make(&s, NULL, OK);
	nft_spans_make(s.t, 4, spans);
	for (size_t i = 1; i < spans->n; i++)
		assert_true(memcmp(spans->items[i - 1].last.bytes, spans->items[i].first.bytes, 4) <
			    0);
	for (uint32_t n = 0; n < 400000; n++) {
		uint32_t v = n * 2654435761U;
		uint8_t raw[4];
		put_u32(raw, n < 8 ? UINT32_MAX - n : n < 70000 ? 0x2c010000U + n - 8 : v);
		struct ip_address a = ip_address_of(span_of(raw, 4));
		unsigned zone = NAT_ZONE_OUTSIDE;
		for (size_t i = 0; i < spans->n; i++)
			if (memcmp(spans->items[i].first.bytes, raw, 4) <= 0 &&
			    memcmp(raw, spans->items[i].last.bytes, 4) <= 0)
				zone = spans->items[i].zone;
		assert_int_equal(zone, nat_tables_zone(s.t, &a, NULL));
	}
	site_done(&s);
	free(spans);
}

/* --- what it cannot give ---------------------------------------------------------------------- */

struct told {
	char text[4096];
	size_t len, n;
};

static void take(void *arg, uint32_t line, const char *text)
{
	struct told *t = arg;
	t->n++;
	t->len +=
		(size_t)snprintf(t->text + t->len, sizeof(t->text) - t->len, "%u %s\n", line, text);
}

static void told_of(const char *text, struct told *ret)
{
	struct site s;
	*ret = (struct told){0};
	site_init(&s, text);
	nat_nft_cannot(s.conf, take, ret);
	site_done(&s);
}

static void what_it_cannot_give_is_told_by_its_key(void **state)
{
	static const struct {
		const char *conf, *told;
	} cases[] = {
		{"mapping: address-dependent", "0 mapping: "},
		{"filtering: endpoint-independent", "0 filtering: "},
		{"parity: on", "0 parity: "},
		{"ports: 2000-60000", "0 ports: "},
		{"port-block: 256", "0 port-block: "},
		{"hosts: {192.168.1.5: {open: on}}", "5 hosts, open: "},
		{"hosts: {192.168.1.5: {mapping: address-dependent}}", "5 hosts, mapping: "},
		{"hosts: {192.168.1.5: {limit: 5}}", "5 hosts, limit: "},
		{"firewall: [{action: allow, log: on}]", "5 firewall, log: "},
		{"port-control: {pcp: on}", "0 port-control: "},
		{"answer-unasked: on", "0 answer-unasked: "},
		{"timeouts: {icmp: 2m}", "0 timeouts, icmp"},
		{"limits: {flows: 9000}", "0 limits, flows, flows-ipv6: "},
		{"limits: {flows-ipv6: 9000}", "0 limits, flows, flows-ipv6: "},
		{"log: {file: on}", "0 log: "},
		{"nptv6: [{inside: fd00:1::/48, outside: 2001:470:9::/48}]", "0 nptv6: "},
		{"nat64: 64:ff9b::/96", "0 nat64: "},
		{"veth-peers: on", "0 veth-peers: "},
	};
	struct told none, t;
	(void)state;
	told_of(HEAD "  mapping: address-and-port-dependent\n  answer-unasked: off\n", &none);
	assert_int_equal(none.n, 1); /* a bound for each host is always in use */
	assert_non_null(strstr(none.text, "host-flows"));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[512];
		(void)snprintf(text, sizeof(text), HEAD "  %s\n", cases[i].conf);
		told_of(text, &t);
		if (!strstr(t.text, cases[i].told))
			fail_msg("%s: %s", cases[i].conf, t.text);
	}
}

static void what_a_proxy_takes_is_led_after_the_rules(void **state)
{
	static const char text[] =
		HEAD "  firewall:\n"
		     "    - {action: reject, from: guests, to: outside, traffic: 80/tcp}\n"
		     "    - {action: drop, to: 203.0.113.9, rate: 10/s}\n"
		     "  intercept:\n"
		     "    - {traffic: 80/tcp, to: 192.168.1.1:3180, except-to: 203.0.113.0/24}\n"
		     "    - {traffic: 443/tcp, to: \"[fd00::1]:3181\", from: inside}\n";
	struct made m;
	(void)state;
	begin(&m, text);
	assert_has(&m, "taken",
		   "iifname { \"lan0\", \"lan1\", \"guest0\" } ip daddr 203.0.113.0/24 meta "
		   "l4proto 6 th dport 80 return comment \"line 9\"");
	assert_has(&m, "taken",
		   "iifname { \"lan0\", \"lan1\", \"guest0\" } meta nfproto ipv4 meta l4proto 6 "
		   "th dport 80 counter dnat ip to 192.168.1.1:3180 comment \"line 9\"");
	assert_has(&m, "taken",
		   "iifname { \"lan0\", \"lan1\" } ip6 daddr 2000::/3 meta l4proto 6 th dport 443 "
		   "counter dnat ip6 to [fd00::1]:3181 comment \"line 10\"");
	/* The rate is asked here alone: who is not led is judged elsewhere. */
	assert_before(&m, "may_be_taken", "limit name \"rate_1\" counter drop comment \"line 7\"",
		      "iifname { \"guest0\" } goto taken");
	assert_has(&m, "may_be_taken", "iifname { \"lan0\", \"lan1\" } goto taken");
	assert_before(&m, "may_be_taken", "iifname { \"guest0\" } goto taken",
		      "\t\tcounter drop\n");
	assert_has(&m, "to_proxies", "iifname != { \"lan0\", \"lan1\", \"guest0\" } accept");
	assert_has(&m, "to_proxies", "jump asked");
	assert_has(&m, "input",
		   "iifname { \"lan0\", \"lan1\", \"guest0\" } ct status dnat ip daddr 192.168.1.1 "
		   "tcp dport 3180 accept");
	/* Beside programs, which have asked the rules, a table of its own. */
	struct writer w = writer_of(m.text, ROOM - 1);
	assert_int_equal(nat_nft_make_taken(m.s.conf, &m.s.net, m.s.t, &w), OK);
	m.text[w.pos] = 0;
	assert_has(&m, "to_proxies", "jump taken");
	assert_null(strstr(m.text, "may_be_taken"));
	assert_non_null(strstr(m.text, "delete table inet gatehouse_taken\ntable inet "
				       "gatehouse_taken {\n"));
	done(&m);
	/* Nobody is led anywhere, and what led before goes. */
	begin(&m, HEAD);
	assert_null(strstr(m.text, "to_proxies"));
	w = writer_of(m.text, ROOM - 1);
	assert_int_equal(nat_nft_make_taken(m.s.conf, &m.s.net, m.s.t, &w), OK);
	m.text[w.pos] = 0;
	assert_string_equal(m.text,
			    "table inet gatehouse_taken\ndelete table inet gatehouse_taken\n");
	done(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_host_becomes_the_public_address),
		cmocka_unit_test(where_nobody_is_translated_to_the_guard_lets_out),
		cmocka_unit_test(a_host_keeps_its_public_address_among_several),
		cmocka_unit_test(nothing_leaves_but_with_a_public_source),
		cmocka_unit_test(without_a_public_address_all_sources_stay),
		cmocka_unit_test(a_zone_that_the_world_knows_is_not_translated),
		cmocka_unit_test(a_source_must_belong_where_it_comes_in),
		cmocka_unit_test(strangers_cannot_be_or_call_anybody_private),
		cmocka_unit_test(a_forward_leads_to_its_host),
		cmocka_unit_test(a_forward_without_a_host_is_shut),
		cmocka_unit_test(rules_say_what_they_match),
		cmocka_unit_test(rates_are_told_in_a_unit_that_fits),
		cmocka_unit_test(nothing_begins_from_outside_by_itself),
		cmocka_unit_test(other_devices_are_left_alone),
		cmocka_unit_test(timers_are_those_of_the_configuration),
		cmocka_unit_test(a_prefix_becomes_another_outside),
		cmocka_unit_test(a_name_that_means_more_is_refused),
		cmocka_unit_test(too_many_ports_or_too_little_room_is_an_error),
		cmocka_unit_test(ranges_are_the_longest_prefixes),
		cmocka_unit_test(what_it_cannot_give_is_told_by_its_key),
		cmocka_unit_test(what_a_proxy_takes_is_led_after_the_rules),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
