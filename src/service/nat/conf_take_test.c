#include "service/nat/conf_take.h"

#include "service/nat/conf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants the four above it. */
#include <cmocka.h>

#include "test/conf.h"

static const struct config_section section = {"nat", &nat_conf_map};
static const struct config_sections sections = {&section, 1};

#define HEAD                                                                                       \
	"nat:\n  outside: wan0\n  inside: lan0\n"                                                  \
	"  zones: {guests: {interfaces: guest0}}\n  intercept:\n"

/* take: what stands between the braces of the second item, whose first key is in column 8. */
static void refused(const char *take, uint32_t column, const char *words)
{
	char text[4096];
	(void)snprintf(text, sizeof(text),
		       HEAD "    - {traffic: 80/tcp, to: 10.0.0.1:80}\n    - {%s}\n", take);
	conf_refused(&sections, text, 7, column, words);
}

static struct config *parse(const char *take, const struct nat_take_conf **ret)
{
	char text[4096];
	(void)snprintf(text, sizeof(text), HEAD "    - {%s}\n", take);
	struct config *c = conf_parse(&sections, text);
	const struct nat_conf *nat = config_section(c, "nat");
	assert_int_equal(nat->takes.n, 1);
	*ret = nat->takes.items;
	return c;
}

static void taken(const char *take)
{
	const struct nat_take_conf *t;
	config_free(parse(take, &t));
}

static void refuses_what_is_not_said_whole(void **state)
{
	(void)state;
	refused("traffic: 443/tcp", 7, "'to' is missing");
	refused("to: 10.0.0.1:80", 7, "'traffic' is missing");
	refused("traffic: [], to: 10.0.0.1:80", 17, "traffic");
	refused("traffic: 80/tcp, to: []", 29, "to");
	refused("traffic: 80/tcp, to: 10.0.0.1:80, when-down: ask", 53, "wrong value");
}

static void refuses_all_but_ports_of_tcp(void **state)
{
	(void)state;
	refused("traffic: [443], to: 10.0.0.1:80", 18, "'443' is no port of TCP");
	refused("traffic: 443/udp, to: 10.0.0.1:80", 17, "'443/udp' is no port of TCP");
	refused("traffic: tcp, to: 10.0.0.1:80", 17, "'tcp' is no port of TCP");
	refused("traffic: 0/tcp, to: 10.0.0.1:80", 17, "no port of TCP");
	refused("traffic: 65536/tcp, to: 10.0.0.1:80", 17, "no port of TCP");
	refused("traffic: 90-80/tcp, to: 10.0.0.1:80", 17, "no port of TCP");
	refused("traffic: ping, to: 10.0.0.1:80", 17, "no port of TCP");
	refused("traffic: http, to: 10.0.0.1:80", 17, "no port of TCP");
	refused("traffic: [80/tcp, 1-65535/tcp, 8/sctp], to: 10.0.0.1:80", 39, "'8/sctp'");
	refused("traffic: [80/tcp, 80/tcp], to: 10.0.0.1:80", 26, "twice");
	taken("traffic: [1-65535/tcp], to: 10.0.0.1:80");
}

static void refuses_where_no_listener_can_be_reached(void **state)
{
	(void)state;
	refused("traffic: 80/tcp, to: 127.0.0.1:80", 29, "cannot be led");
	refused("traffic: 80/tcp, to: 127.9.9.9:80", 29, "cannot be led");
	refused("traffic: 80/tcp, to: \"[::1]:80\"", 29, "cannot be led");
	refused("traffic: 80/tcp, to: 0.0.0.0:80", 29, "cannot be led");
	refused("traffic: 80/tcp, to: [10.0.0.1:80, \"[::]:80\"]", 43, "cannot be led");
	refused("traffic: 80/tcp, to: 224.0.0.1:80", 29, "cannot be led");
	refused("traffic: 80/tcp, to: \"[ff02::1]:80\"", 29, "cannot be led");
	refused("traffic: 80/tcp, to: \"[fe80::1%lan0]:80\"", 29, "");
	refused("traffic: 80/tcp, to: 10.0.0.1", 29, "");
	refused("traffic: 80/tcp, to: 10.0.0.1:0", 29, "");
	refused("traffic: 80/tcp, to: proxy.test:80", 29, "");
}

static void one_listener_for_each_family(void **state)
{
	(void)state;
	refused("traffic: 80/tcp, to: [10.0.0.1:80, 10.0.0.2:80]", 43,
		"one listener is enough for IPv4; the other place is for IPv6");
	refused("traffic: 80/tcp, to: [\"[fd00::1]:80\", \"[fd00::1]:81\"]", 46,
		"one listener is enough for IPv6; the other place is for IPv4");
	refused("traffic: 80/tcp, to: [10.0.0.1:80, \"[fd00::1]:80\", 10.0.0.2:80]", 29, "2");
}

/* An address of IPv4 in IPv6's clothes is one of IPv4, for which it must be written so. */
static void a_mapped_listener_is_none_of_ipv6(void **state)
{
	(void)state;
	refused("traffic: 80/tcp, to: \"[::ffff:10.0.0.1]:80\"", 29, "write it as 10.0.0.1");
	refused("traffic: 80/tcp, to: [10.0.0.1:80, \"[::ffff:10.0.0.2]:80\"]", 43,
		"write it as 10.0.0.2");
}

static void only_who_is_inside_is_led(void **state)
{
	(void)state;
	refused("traffic: 80/tcp, to: 10.0.0.1:80, from: [inside, outside]", 57,
		"only who is inside is led to a proxy, not 'outside'");
	refused("traffic: 80/tcp, to: 10.0.0.1:80, from: gateway", 48, "not 'gateway'");
	refused("traffic: 80/tcp, to: 10.0.0.1:80, except-from: [guests, outside]", 64,
		"not 'outside'");
	refused("traffic: 80/tcp, to: 10.0.0.1:80, except-to: [203.0.113.0/24, guests]", 70,
		"'guests' is a zone; write addresses");
	refused("traffic: 80/tcp, to: 10.0.0.1:80, except-to: outside", 53, "is a zone");
}

static void refuses_who_is_nobody(void **state)
{
	(void)state;
	refused("traffic: 80/tcp, to: 10.0.0.1:80, from: 10.0.0.1/8", 48, "bits set beyond");
	refused("traffic: 80/tcp, to: 10.0.0.1:80, except-from: [\"a b\"]", 56, "neither a zone");
	refused("traffic: 80/tcp, to: 10.0.0.1:80, except-to: \"\"", 53, "except-to");
}

static void reads_what_is_written(void **state)
{
	const struct nat_take_conf *t;
	(void)state;
	struct config *c = parse("traffic: [80/tcp, 8000-8010/tcp], to: [\"[fd00::1]:3181\", "
				 "192.168.1.1:3180], from: [guests, 10.0.0.0/8, tv.lan], "
				 "except-from: 192.168.1.9, except-to: [bank.example], "
				 "when-down: pass",
				 &t);
	assert_true(t->traffic.n == 2 && t->from.n == 3 && t->except_from.n == 1);
	assert_string_equal(((const char *const *)t->except_to.items)[0], "bank.example");
	assert_int_equal(t->when_down, NAT_DOWN_PASS);
	assert_int_equal(t->line, 6);
	assert_int_equal(nat_take_conf_to(t, 4)->port, 3180);
	assert_int_equal(nat_take_conf_to(t, 6)->port, 3181);
	config_free(c);
}

static void a_family_without_a_listener_is_left_alone(void **state)
{
	const struct nat_take_conf *t;
	(void)state;
	struct config *c = parse("traffic: 80/tcp, to: 192.168.1.1:3180", &t);
	assert_int_equal(t->when_down, NAT_DOWN_REFUSE); /* unless told */
	assert_true(t->from.n == 0 && t->except_to.n == 0);
	assert_ptr_equal(nat_take_conf_to(t, 4), t->to.items);
	assert_null(nat_take_conf_to(t, 6));
	assert_null(nat_take_conf_to(&(struct nat_take_conf){.line = 1}, 4));
	config_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_what_is_not_said_whole),
		cmocka_unit_test(refuses_all_but_ports_of_tcp),
		cmocka_unit_test(refuses_where_no_listener_can_be_reached),
		cmocka_unit_test(one_listener_for_each_family),
		cmocka_unit_test(a_mapped_listener_is_none_of_ipv6),
		cmocka_unit_test(only_who_is_inside_is_led),
		cmocka_unit_test(refuses_who_is_nobody),
		cmocka_unit_test(reads_what_is_written),
		cmocka_unit_test(a_family_without_a_listener_is_left_alone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
