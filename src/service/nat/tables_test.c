#include "service/nat/tables.h"

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
	"nat:\n  outside: wan0\n  inside: [lan0, lan1]\n  zones: {guests: {interfaces: guest0}}\n"

static void assert_rule(const struct site *s, uint32_t number, const char *expected)
{
	char text[256];
	assert_string_equal(nat_rule_text(s->conf, &s->t->rules[number], text, sizeof(text)),
			    expected);
}

static void assert_note(const struct site *s, size_t at, uint32_t line, const char *words)
{
	assert_true(at < s->t->notes_n);
	if (s->t->notes[at].line != line || !strstr(s->t->notes[at].text, words))
		fail_msg("%u: %s", s->t->notes[at].line, s->t->notes[at].text);
}

static void too_many_rules_are_refused(void **state)
{
	struct site s;
	char text[8192];
	struct writer w = writer_of(text, sizeof(text) - 1);
	(void)state;
	write_text(&w, HEAD "  firewall:\n    - action: drop\n      from: [");
	for (unsigned i = 0; i < 64; i++)
		write_format(&w, "%s10.0.0.%u", i ? ", " : "", i);
	write_text(&w, "]\n      traffic: [");
	for (unsigned i = 1; i <= 17; i++)
		write_format(&w, "%s%u/tcp", i > 1 ? ", " : "", i);
	write_text(&w, "]\n");
	text[w.pos] = 0;
	site_init(&s, text);
	site_make(&s, NULL, ERR_LIMIT);
	assert_note(&s, 0, 6, "more than 1023 rules");
	site_done(&s);
}

static void a_rule_is_each_end_with_each_traffic(void **state)
{
	struct site s;
	(void)state;
	site_init(&s,
		  HEAD "  domain: lan\n  firewall:\n"
		       "    - {action: reject, from: [outside, guests, 2001:470::/32], to: [nas, "
		       "10.0.0.0/8], traffic: [53, ping], log: on}\n"
		       "    - {action: allow, from: outside, to: gateway, traffic: 22/tcp, "
		       "rate: 5/m, burst: 3}\n"
		       "    - {action: drop, source-ports: 1-1023, traffic: 80/tcp}\n");
	site_name(&s, "nas.lan", "192.168.1.5");
	site_name(&s, "nas.lan", "2001:470:1::5");
	site_make(&s, NULL, OK);
	/* From 2001:470::/32 to IPv6 only, from the zones to all three. */
	assert_rule(&s, 1, "from 2001:470::/32 to 2001:470:1::5/128, 53/tcp");
	assert_rule(&s, 2, "from 2001:470::/32 to 2001:470:1::5/128, 53/udp");
	assert_rule(&s, 3, "from 2001:470::/32 to 2001:470:1::5/128, icmpv6/128");
	assert_rule(&s, 4, "from outside/guests to 192.168.1.5/32, 53/tcp");
	assert_rule(&s, 6, "from outside/guests to 192.168.1.5/32, icmp/8");
	assert_rule(&s, 7, "from outside/guests to 2001:470:1::5/128, 53/tcp");
	assert_rule(&s, 12, "from outside/guests to 10.0.0.0/8, icmp/8");
	assert_rule(&s, 13, "from outside to gateway, 22/tcp");
	assert_rule(&s, 14, "from anywhere to anywhere, 80/tcp, source port 1-1023");
	assert_int_equal(s.t->rules_own, 14);
	assert_int_equal(s.t->rules[1].line, 7);
	assert_int_equal(s.t->rules[1].action, NAT_REJECT);
	assert_true(s.t->rules[12].log);
	assert_int_equal(s.t->rates[s.t->rules[13].rate].cost_us, 12000000);
	assert_int_equal(s.t->rates[s.t->rules[13].rate].depth_us, 36000000);
	assert_int_equal(s.t->rules[14].rate, 0);
	assert_int_equal(s.t->notes_n, 0);
	site_done(&s);
}

static void to_whom_nobody_is_translated_stands_behind_the_rules(void **state)
{
	struct site s;
	(void)state;
	site_init(&s, HEAD "  domain: lan\n  untranslated:\n"
			   "    - {to: [10.20.0.0/16, vpn], traffic: [53/udp, esp]}\n"
			   "    - {traffic: 123/udp}\n"
			   "  forward: {from: 443/tcp, to: 192.168.1.5, for: 198.51.100.7}\n");
	site_name(&s, "vpn.lan", "198.51.100.9");
	site_name(&s, "vpn.lan", "2001:470:1::5");
	site_make(&s, NULL, OK);
	uint32_t n = s.t->rules_n;
	assert_int_equal(s.t->rules_plain, n + 5);
	assert_rule(&s, n + 1, "from inside/guests to 10.20.0.0/16, 53/udp");
	assert_rule(&s, n + 2, "from inside/guests to 10.20.0.0/16, esp");
	assert_rule(&s, n + 3, "from inside/guests to 198.51.100.9/32, 53/udp");
	assert_rule(&s, n + 5, "from inside/guests to outside, 123/udp");
	assert_int_equal(s.t->rules[n + 5].line, 8);
	assert_int_equal(s.t->forwards[1].rule, n + 6);
	/* They allow nothing. */
	assert_int_equal(s.t->rules_own, 0);
	assert_null(nat_tables_default_text(s.t, n + 1));
	site_done(&s);
}

static void what_a_proxy_takes_stands_behind_the_rules(void **state)
{
	struct site s;
	(void)state;
	site_init(&s, HEAD "  domain: lan\n  intercept:\n"
			   "    - {traffic: 80/tcp, to: 192.168.1.1:3180, except-from: tv, "
			   "except-to: [203.0.113.0/24, 2001:db8::/32], quic: pass}\n"
			   "    - {traffic: [443/tcp, 8443/tcp], from: [guests, 192.168.1.9], to: "
			   "[\"[fd00::1]:3181\", 192.168.1.1:3181], quic: pass}\n"
			   "  forward: {from: 443/tcp, to: 192.168.1.5, for: 198.51.100.7}\n");
	site_name(&s, "tv.lan", "192.168.1.7");
	site_make(&s, NULL, OK);
	uint32_t n = s.t->rules_plain;
	assert_int_equal(n, s.t->rules_n);
	assert_rule(&s, n + 1, "from 192.168.1.7/32 to outside, 80/tcp");
	assert_int_equal(s.t->rules[n + 1].from,
			 nat_conf_zones_inside(s.conf)); /* nobody outside has that address */
	assert_int_equal(s.t->rules[n + 1].action, NAT_DROP);
	assert_rule(&s, n + 2, "from inside/guests to 203.0.113.0/24, 80/tcp");
	assert_rule(&s, n + 3, "from inside/guests to 2001:db8::/32, 80/tcp");
	assert_int_equal(s.t->rules[n + 3].action, NAT_DROP);
	assert_rule(&s, n + 4, "from inside/guests to 0.0.0.0/0, 80/tcp"); /* IPv4 alone */
	assert_int_equal(s.t->rules[n + 4].action, NAT_ALLOW);
	assert_int_equal(s.t->takes[n + 4], 0);
	assert_rule(&s, n + 5, "from 192.168.1.9/32 to 0.0.0.0/0, 443/tcp");
	assert_rule(&s, n + 6, "from 192.168.1.9/32 to 0.0.0.0/0, 8443/tcp");
	assert_rule(&s, n + 7, "from guests to 0.0.0.0/0, 443/tcp");
	assert_rule(&s, n + 9, "from guests to 2000::/3, 443/tcp");
	assert_rule(&s, n + 10, "from guests to 2000::/3, 8443/tcp");
	assert_int_equal(s.t->rules_taken, n + 10);
	assert_int_equal(s.t->takes[n + 10], 1);
	assert_int_equal(s.t->forwards[1].rule, n + 11);
	for (uint32_t i = n + 1; i <= n + 10; i++) {
		assert_int_equal(s.t->rules[i].to, 1U << NAT_ZONE_OUTSIDE);
		assert_int_equal(s.t->rules[i].from & ~nat_conf_zones_inside(s.conf), 0);
	}
	assert_null(nat_tables_default_text(s.t, n + 1));
	site_done(&s);
}

/* UDP to the same ports, by the same words; who lets it pass says so before a later one. */
static void quic_past_a_proxy_stands_behind_what_it_takes(void **state)
{
	struct site s;
	(void)state;
	site_init(&s,
		  HEAD "  intercept:\n"
		       "    - {traffic: 443/tcp, to: 192.168.1.1:3181, from: guests, quic: pass}\n"
		       "    - {traffic: 440-443/tcp, to: [\"[fd00::1]:3181\", 192.168.1.1:3181], "
		       "except-from: 192.168.1.7, except-to: 203.0.113.0/24}\n");
	site_make(&s, NULL, OK);
	uint32_t n = s.t->rules_plain;
	static const struct {
		const char *text;
		enum nat_action action;
		uint8_t number;
	} rules[] = {
		{"from guests to 0.0.0.0/0, 443/tcp", NAT_ALLOW, 0},
		{"from guests to 0.0.0.0/0, 443/udp", NAT_DROP, 0},
		{"from 192.168.1.7/32 to outside, 440-443/tcp", NAT_DROP, 1},
		{"from inside/guests to 203.0.113.0/24, 440-443/tcp", NAT_DROP, 1},
		{"from inside/guests to 0.0.0.0/0, 440-443/tcp", NAT_ALLOW, 1},
		{"from inside/guests to 2000::/3, 440-443/tcp", NAT_ALLOW, 1},
		{"from 192.168.1.7/32 to outside, 440-443/udp", NAT_DROP, 1},
		{"from inside/guests to 203.0.113.0/24, 440-443/udp", NAT_DROP, 1},
		{"from inside/guests to 0.0.0.0/0, 440-443/udp", NAT_REJECT, 1},
		{"from inside/guests to 2000::/3, 440-443/udp", NAT_REJECT, 1},
	};
	enum { RULES = sizeof(rules) / sizeof(rules[0]) };
	assert_int_equal(s.t->rules_taken, n + RULES);
	for (uint32_t i = 0; i < RULES; i++) {
		assert_rule(&s, n + 1 + i, rules[i].text);
		assert_int_equal(s.t->rules[n + 1 + i].action, rules[i].action);
		assert_int_equal(s.t->takes[n + 1 + i], rules[i].number);
		assert_int_equal(s.t->rules[n + 1 + i].to, 1U << NAT_ZONE_OUTSIDE);
	}
	site_done(&s);
}

static void a_network_outside_that_is_inside_too_is_told(void **state)
{
	struct ip_address host = site_ip("192.168.1.7"), far = site_ip("192.168.20.7");
	struct site s;
	(void)state;
	site_init(&s, HEAD);
	site_make(&s, NULL, OK);
	assert_int_equal(s.t->notes_n, 0);
	/* The same; a larger one; a smaller one. */
	s.addresses[1] = (struct nat_net_address){SITE_WAN, site_ip("192.168.1.77"), 24};
	site_make(&s, NULL, OK);
	assert_int_equal(s.t->notes_n, 1);
	assert_note(&s, 0, 0,
		    "192.168.1.0/24 is at wan0 and at lan0: hosts there behind wan0 are cut");
	assert_int_equal(nat_tables_zone(s.t, &host, NULL), NAT_ZONE_INSIDE);
	s.addresses[1] = (struct nat_net_address){SITE_WAN, site_ip("192.168.17.1"), 20};
	site_make(&s, NULL, OK);
	assert_int_equal(s.t->notes_n, 1);
	assert_note(&s, 0, 0, "192.168.20.0/24 is at wan0 and at guest0: hosts there behind wan0");
	assert_int_equal(nat_tables_zone(s.t, &far, NULL), NAT_ZONE_INSIDE + 1);
	s.addresses[1] = (struct nat_net_address){SITE_WAN, site_ip("192.168.20.130"), 25};
	site_make(&s, NULL, OK);
	assert_note(&s, 0, 0,
		    "192.168.20.128/25 is at wan0 and at guest0: hosts there behind guest0");
	site_done(&s);
}

static void a_name_without_an_address_is_nobody(void **state)
{
	struct site s;
	(void)state;
	site_init(&s, HEAD
		  "  domain: lan\n  firewall:\n    - {action: allow, from: friend.example, to: "
		  "gateway}\n"
		  "  forward:\n    - {from: 443/tcp, to: nas}\n"
		  "    - {from: 444/tcp, to: 192.168.1.9, for: friend.example}\n"
		  "  hosts: {console: {open: on}}\n");
	site_make(&s, NULL, OK);
	assert_int_equal(s.t->rules_own, 0);
	assert_int_equal(s.t->forwards_n, 2);
	assert_int_equal(s.t->forwards[1].to, 0);
	/* Not everybody, because nobody is known. */
	assert_int_equal(s.t->forwards[2].to, 0);
	assert_int_equal(s.t->hosts_n, 0);
	assert_int_equal(s.t->notes_n, 4);
	assert_note(&s, 0, 7, "friend.example. has no address");
	assert_note(&s, 1, 9, "nas.lan. has no address");
	assert_note(&s, 2, 10, "friend.example. has no address");
	assert_note(&s, 3, 11, "console.lan. has no address");
	site_name(&s, "nas.lan", "192.168.1.5");
	site_name(&s, "friend.example", "198.51.100.7");
	site_name(&s, "console.lan", "192.168.1.50");
	site_make(&s, NULL, OK);
	assert_int_equal(s.t->notes_n, 0);
	assert_rule(&s, 1, "from 198.51.100.7/32 to gateway, any");
	assert_true(s.t->forwards[1].to && s.t->forwards[2].to);
	assert_int_equal(s.t->forwards[2].rules_n, 1);
	assert_rule(&s, s.t->forwards[2].rule, "from 198.51.100.7/32 to anywhere, any");
	assert_true(s.t->forwards[2].rule > s.t->rules_n);
	assert_int_equal(s.t->hosts_n, 3);
	assert_true(s.t->hosts[0].flags & NAT_HOST_OPEN);
	assert_int_equal(s.t->hosts[1].flags, NAT_HOST_CONFIGURED | NAT_HOST_FORWARDED);
	site_done(&s);
}

static void a_forward_says_ports_and_host(void **state)
{
	struct site s;
	(void)state;
	site_init(&s,
		  HEAD "  forward:\n    - {from: [8000-8010/udp, 53], to: \"192.168.1.5:9000\"}\n"
		       "    - {from: 22/tcp, to: 192.168.20.7, address: 203.0.113.5}\n"
		       "    - {from: 23/tcp, to: 8.8.8.8}\n"
		       "    - {from: 24/tcp, to: 10.9.1.1, address: 203.0.113.6}\n");
	site_make(&s, NULL, OK);
	const struct nat_forward4 *f = s.t->forwards;
	assert_int_equal(s.t->forwards_n, 6);
	assert_int_equal(f[1].first, 8000);
	assert_int_equal(f[1].last, 8010);
	assert_int_equal(f[1].space, NAT_SPACE_UDP);
	assert_int_equal(nat_host16(f[1].to_first), 9000);
	assert_int_equal(f[1].zone, NAT_ZONE_INSIDE);
	assert_int_equal(f[1].rules_n, 0);
	assert_int_equal(f[2].space, NAT_SPACE_TCP);
	assert_int_equal(f[3].space, NAT_SPACE_UDP);
	assert_int_equal(f[4].zone, 3);
	assert_int_equal(f[4].to_first, 0);
	assert_int_equal(s.t->forward_places[4].slot, 0);
	assert_int_equal(s.t->forward_places[1].slot, NAT_EVERY_PUBLIC);
	/* One to the world is not what a forward is for. */
	assert_int_equal(f[5].to, 0);
	assert_note(&s, 0, 8, "8.8.8.8 is in no network inside");
	assert_int_equal(f[6].to, 0);
	assert_note(&s, 1, 9, "203.0.113.6 is not a public address");
	site_done(&s);
}

static unsigned zone_of(const struct site *s, const char *address)
{
	struct ip_address a = site_ip(address);
	return nat_tables_zone(s->t, &a, NULL);
}

static void a_source_belongs_to_one_zone(void **state)
{
	struct site s;
	(void)state;
	site_init(&s, "nat:\n  outside: wan0\n  inside: lan0\n  zones:\n    guests: {interfaces: "
		      "guest0, networks: [192.168.1.128/25, 172.16.0.0/16]}\n");
	site_make(&s, NULL, OK);
	assert_int_equal(zone_of(&s, "192.168.1.7"), NAT_ZONE_INSIDE);
	assert_int_equal(zone_of(&s, "192.168.1.200"), 3); /* the longer prefix */
	assert_int_equal(zone_of(&s, "172.16.3.4"), 3);
	assert_int_equal(zone_of(&s, "10.9.8.7"), NAT_ZONE_INSIDE); /* by a route */
	assert_int_equal(zone_of(&s, "192.168.1.1"), NAT_ZONE_GATEWAY);
	assert_int_equal(zone_of(&s, "203.0.113.5"), NAT_ZONE_GATEWAY);
	/* RFC 6890 says that 203.0.113.0/24 is nobody's, and the uplink that it is here. */
	assert_int_equal(zone_of(&s, "203.0.113.1"), NAT_ZONE_OUTSIDE);
	assert_int_equal(zone_of(&s, "203.0.113.77"), NAT_ZONE_BOGON);
	assert_int_equal(zone_of(&s, "8.8.8.8"), NAT_ZONE_OUTSIDE);
	assert_int_equal(zone_of(&s, "10.1.1.1"), NAT_ZONE_BOGON);
	assert_int_equal(zone_of(&s, "127.0.0.1"), NAT_ZONE_BOGON);
	assert_int_equal(zone_of(&s, "192.168.2.5"), NAT_ZONE_BOGON); /* lan1 is in no zone */
	assert_int_equal(zone_of(&s, "2001:470:1::77"), NAT_ZONE_INSIDE);
	assert_int_equal(zone_of(&s, "2001:470:2::77"), NAT_ZONE_OUTSIDE);
	site_done(&s);
}

static __be32 be(const char *text)
{
	struct ip_address a = site_ip(text);
	return nat_address_be32(&a);
}

static void a_public_address_keeps_its_place(void **state)
{
	struct site s;
	struct nat_public before[NAT_PUBLICS];
	(void)state;
	site_init(&s, HEAD);
	site_make(&s, NULL, OK);
	assert_int_equal(s.t->devices_n, 1);
	assert_int_equal(s.t->devices[0].first, 0);
	assert_int_equal(s.t->devices[0].n, 1);
	memcpy(before, s.t->publics, sizeof(before));
	/* One more, by number before the first: it stands behind it. */
	site_address(&s, SITE_WAN, 28, "203.0.113.2");
	site_make(&s, before, OK);
	assert_int_equal(s.t->publics[0].address, be("203.0.113.5"));
	assert_int_equal(s.t->publics[1].address, be("203.0.113.2"));
	assert_int_equal(s.t->devices[0].n, 2);
	memcpy(before, s.t->publics, sizeof(before));
	/* The first goes: the other stays where it is, and the place is not given to a new one. */
	s.addresses[1].address = site_ip("203.0.113.9");
	site_make(&s, before, OK);
	assert_int_equal(s.t->publics[1].address, be("203.0.113.2"));
	assert_int_equal(s.t->publics[2].address, be("203.0.113.9"));
	assert_int_equal(s.t->publics[0].address, 0);
	assert_int_equal(s.t->devices[0].first, 1);
	site_done(&s);
}

static void a_pool_is_beside_the_machines_own(void **state)
{
	struct site s;
	(void)state;
	site_init(&s, HEAD "  addresses: [203.0.113.8-203.0.113.10, 198.51.100.1]\n");
	site_make(&s, NULL, OK);
	assert_int_equal(s.t->devices_n, 1);
	assert_int_equal(s.t->devices[0].n, 4);
	assert_int_equal(s.t->publics[0].address, be("198.51.100.1"));
	assert_int_equal(s.t->publics[4].address, be("203.0.113.5"));
	assert_int_equal(zone_of(&s, "198.51.100.1"), NAT_ZONE_GATEWAY);
	size_t here = 0, outside = 0;
	for (size_t i = 0; i < s.t->locals_n; i++) {
		here += (s.t->locals[i].flags & NAT_LOCAL_HERE) != 0;
		outside += (s.t->locals[i].flags & NAT_LOCAL_OUTSIDE) != 0;
	}
	assert_int_equal(here, 4);
	assert_int_equal(outside, 5);
	site_done(&s);
}

static void ports_of_our_services_are_kept(void **state)
{
	struct site s;
	(void)state;
	site_init(&s,
		  HEAD "  firewall:\n"
		       "    - {action: allow, from: outside, to: gateway, traffic: [22/tcp, "
		       "5000-5010/udp]}\n"
		       "    - {action: allow, from: outside, to: 203.0.113.5, traffic: 25/tcp}\n"
		       "    - {action: allow, from: outside, to: 192.168.1.7, traffic: 80/tcp}\n"
		       "    - {action: allow, from: inside, to: gateway, traffic: 81/tcp}\n"
		       "    - {action: drop, from: outside, to: gateway, traffic: 82/tcp}\n"
		       "    - {action: allow, from: outside, traffic: 1024-65535/tcp}\n");
	site_make(&s, NULL, OK);
	const struct nat_kept *k = s.t->kept;
	assert_int_equal(s.t->kept_n, 5);
	assert_true(k[0].space == NAT_SPACE_TCP && k[0].first == 22 && k[0].last == 22);
	assert_true(k[1].space == NAT_SPACE_UDP && k[1].first == 5000 && k[1].last == 5010);
	assert_true(k[2].first == 25);
	assert_true(k[3].first == 68 && k[4].first == 546);
	assert_note(&s, 0, 11, "not kept");
	site_done(&s);
}

static void settings_say_what_is_configured(void **state)
{
	struct site s;
	(void)state;
	site_init(&s, HEAD
		  "  mapping: address-and-port-dependent\n  filtering: endpoint-independent\n"
		  "  parity: on\n  ports: 20000-30000\n  port-block: 64\n"
		  "  timeouts: {udp: 1s, tcp: 2h4m}\n"
		  "  limits: {flows: 4000, host-flows: 100, events: 77}\n"
		  "  hosts: {192.168.1.7: {mapping: endpoint-independent, open: off, limit: 5}}\n");
	site_make(&s, NULL, OK);
	const struct nat_settings *t = &s.t->settings;
	assert_int_equal(t->host_flags, NAT_HOST_MAP_ADDRESS | NAT_HOST_MAP_ENDPOINT |
						NAT_HOST_OPEN | NAT_HOST_PARITY);
	assert_int_equal(t->port_low, 20000);
	assert_int_equal(t->port_high, 30000);
	assert_int_equal(t->block_n, 64);
	assert_int_equal(t->flows_max, 4000);
	assert_int_equal(t->host_flows_max, 100);
	assert_int_equal(t->events_s, 77);
	/* Never less than was said. */
	assert_int_equal(t->idle[NAT_IDLE_UDP], 8);
	assert_true((uint64_t)t->idle[NAT_IDLE_TCP] << NAT_TICK_SHIFT >= UINT64_C(7440000000000));
	assert_int_equal(s.t->hosts[0].flags, NAT_HOST_CONFIGURED | NAT_HOST_PARITY);
	assert_int_equal(s.t->hosts[0].flows_max, 5);
	site_done(&s);
}

static void zones_are_judged_where_rules_speak_of_this_machine(void **state)
{
	struct site s;
	(void)state;
	site_init(&s, HEAD);
	site_make(&s, NULL, OK);
	assert_int_equal(s.t->judged, 1 << 3);
	site_done(&s);
	site_init(&s,
		  HEAD "  firewall: {action: drop, from: inside, to: gateway, traffic: 22/tcp}\n");
	site_make(&s, NULL, OK);
	assert_int_equal(s.t->judged, 1 << 3 | 1 << NAT_ZONE_INSIDE);
	site_done(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(too_many_rules_are_refused),
		cmocka_unit_test(a_rule_is_each_end_with_each_traffic),
		cmocka_unit_test(to_whom_nobody_is_translated_stands_behind_the_rules),
		cmocka_unit_test(what_a_proxy_takes_stands_behind_the_rules),
		cmocka_unit_test(quic_past_a_proxy_stands_behind_what_it_takes),
		cmocka_unit_test(a_network_outside_that_is_inside_too_is_told),
		cmocka_unit_test(a_name_without_an_address_is_nobody),
		cmocka_unit_test(a_forward_says_ports_and_host),
		cmocka_unit_test(a_source_belongs_to_one_zone),
		cmocka_unit_test(a_public_address_keeps_its_place),
		cmocka_unit_test(a_pool_is_beside_the_machines_own),
		cmocka_unit_test(ports_of_our_services_are_kept),
		cmocka_unit_test(settings_say_what_is_configured),
		cmocka_unit_test(zones_are_judged_where_rules_speak_of_this_machine),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
