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

#define HEAD  "nat:\n  outside: wan0\n  inside: lan0\n  zones: {guests: {interfaces: guest0}}\n"
#define LAN   "iifname { \"lan0\" } "
#define GUEST "iifname { \"guest0\" } "
#define BOTH  "iifname { \"lan0\", \"guest0\" } "
#define OUT   "oifname { \"wan0\" } "

enum { ROOM = 1 << 20 };

struct made {
	struct site s;
	char *text;
};

typedef enum err make_table(const struct nat_conf *conf, const struct nat_net *net,
			    const struct nat_tables *t, struct writer *w);

static enum err make(struct made *m, make_table *put, size_t room)
{
	struct writer w = writer_of(m->text, room);
	enum err e = put(m->s.conf, &m->s.net, m->s.t, &w);
	m->text[w.pos] = 0;
	return e;
}

static void begin(struct made *m, const char *text)
{
	site_init(&m->s, text);
	site_make(&m->s, NULL, OK);
	m->text = calloc(1, ROOM);
	assert_non_null(m->text);
}

static void done(struct made *m)
{
	free(m->text);
	site_done(&m->s);
}

/* What lies between the braces of a chain; NULL: there is none. It lasts until the next call. */
static const char *chain(const struct made *m, const char *name)
{
	static char body[ROOM]; /* why-global: what a test looks at last */
	char head[64];
	(void)snprintf(head, sizeof(head), "\tchain %s {\n", name);
	const char *at = strstr(m->text, head);
	const char *end = at ? strstr(at, "\t}\n") : NULL;
	if (!end)
		return NULL;
	at += strlen(head);
	(void)snprintf(body, sizeof(body), "%.*s", (int)(end - at), at);
	return body;
}

static void assert_chain(const struct made *m, const char *name, const char *expected)
{
	const char *body = chain(m, name);
	assert_non_null(body);
	assert_string_equal(body, expected);
}

static void the_exceptions_stand_before_what_is_led(void **state)
{
	struct made m;
	(void)state;
	begin(&m, HEAD "  intercept: {traffic: [80/tcp, 8000-8010/tcp], to: 192.168.1.1:3180, "
		       "except-from: [192.168.1.9, guests], except-to: 198.51.100.0/24}\n");
	assert_int_equal(make(&m, nat_nft_make_taken, ROOM - 1), OK);
	assert_chain(&m, "taken",
		     "\t\t" BOTH
		     "ip saddr 192.168.1.9/32 meta l4proto 6 th dport 80 return comment "
		     "\"line 5\"\n"
		     "\t\t" BOTH "ip saddr 192.168.1.9/32 meta l4proto 6 th dport 8000-8010 return "
		     "comment \"line 5\"\n"
		     "\t\t" GUEST "meta l4proto 6 th dport 80 return comment \"line 5\"\n"
		     "\t\t" GUEST "meta l4proto 6 th dport 8000-8010 return comment \"line 5\"\n"
		     "\t\t" BOTH "ip daddr 198.51.100.0/24 meta l4proto 6 th dport 80 return "
		     "comment \"line 5\"\n"
		     "\t\t" BOTH "ip daddr 198.51.100.0/24 meta l4proto 6 th dport 8000-8010 "
		     "return comment \"line 5\"\n"
		     "\t\t" BOTH "meta nfproto ipv4 meta l4proto 6 th dport 80 counter dnat ip to "
		     "192.168.1.1:3180 comment \"line 5\"\n"
		     "\t\t" BOTH "meta nfproto ipv4 meta l4proto 6 th dport 8000-8010 counter dnat "
		     "ip to 192.168.1.1:3180 comment \"line 5\"\n");
	done(&m);
}

/* Whoever has an address of the other family only is left alone. */
static void each_family_goes_to_its_own_listener(void **state)
{
	struct made m;
	(void)state;
	begin(&m, HEAD "  intercept:\n"
		       "    - {traffic: 443/tcp, from: [10.9.1.1, 2001:470:1::9], "
		       "to: [\"[fd00::1]:3181\", 192.168.1.1:3182]}\n"
		       "    - {traffic: 80/tcp, from: [10.9.1.1, 2001:470:1::9], "
		       "to: \"[fd00::1]:3180\"}\n");
	assert_int_equal(make(&m, nat_nft_make_taken, ROOM - 1), OK);
	assert_chain(&m, "taken",
		     "\t\t" BOTH
		     "ip saddr 10.9.1.1/32 meta nfproto ipv4 meta l4proto 6 th dport 443 "
		     "counter dnat ip to 192.168.1.1:3182 comment \"line 6\"\n"
		     "\t\t" BOTH "ip6 saddr 2001:470:1::9/128 ip6 daddr 2000::/3 meta l4proto 6 th "
		     "dport 443 counter dnat ip6 to [fd00::1]:3181 comment \"line 6\"\n"
		     "\t\t" BOTH "ip6 saddr 2001:470:1::9/128 ip6 daddr 2000::/3 meta l4proto 6 th "
		     "dport 80 counter dnat ip6 to [fd00::1]:3180 comment \"line 7\"\n");
	done(&m);
}

/* Nobody passes the firewall by way of a proxy: what it refuses is not led. */
static void what_the_firewall_refuses_is_not_led(void **state)
{
	struct made m;
	(void)state;
	begin(&m, HEAD "  firewall:\n"
		       "    - {action: drop, from: guests, to: 198.51.100.0/24}\n"
		       "    - {action: reject, from: outside, traffic: 80/tcp}\n"
		       "    - {action: drop, from: guests, to: gateway}\n"
		       "    - {action: allow, from: inside, to: outside, traffic: 80/tcp, "
		       "rate: 5/s}\n"
		       "    - {action: drop, from: inside}\n"
		       "  intercept: {traffic: 80/tcp, to: 192.168.1.1:3180}\n");
	assert_int_equal(make(&m, nat_nft_make, ROOM - 1), OK);
	const char *body = chain(&m, "may_be_taken");
	assert_non_null(body);
	static const char first[] =
		"\t\t" GUEST "ip daddr 198.51.100.0/24 counter drop comment \"line 6\"\n"
		"\t\t" LAN "meta l4proto 6 th dport 80 limit name \"rate_1\" goto taken comment "
		"\"line 9\"\n"
		"\t\t" LAN "counter drop comment \"line 10\"\n";
	if (strncmp(body, first, strlen(first)) != 0)
		fail_msg("%s", body);
	/* Rules about the world's own packets and the gateway are none of its business. */
	assert_null(strstr(body, "line 7"));
	assert_null(strstr(body, "line 8"));
	/* What nobody wrote has no line; what nothing allows goes no further, to be asked again. */
	assert_non_null(strstr(body, "goto taken\n"));
	const char *end = strrchr(body, '"');
	assert_true(end && strstr(end, "goto taken\n\t\tcounter drop\n"));
	/* Who would not be led is judged elsewhere, so that a rate counts nobody twice. */
	assert_chain(&m, "asked",
		     "\t\t" BOTH "meta nfproto ipv4 meta l4proto 6 th dport 80 goto may_be_taken "
		     "comment \"line 11\"\n");
	/* Beside programs, which have judged, it is not asked again. */
	assert_int_equal(make(&m, nat_nft_make_taken, ROOM - 1), OK);
	assert_null(chain(&m, "may_be_taken"));
	done(&m);
}

/* By the same words as what is led; an answer of who was called from outside is none. */
static void what_would_pass_by_is_refused(void **state)
{
	struct made m;
	(void)state;
	begin(&m, HEAD "  intercept:\n"
		       "    - {traffic: 80/tcp, to: 192.168.1.1:3180, from: guests, quic: pass}\n"
		       "    - {traffic: 80-443/tcp, to: [192.168.1.1:3181, \"[fd00::1]:3181\"], "
		       "except-from: 192.168.1.9}\n");
	assert_int_equal(make(&m, nat_nft_make, ROOM - 1), OK);
	assert_chain(
		&m, "past_proxies",
		"\t\ttype filter hook forward priority 5; policy accept;\n"
		"\t\tmeta l4proto != udp accept\n"
		"\t\tct direction reply accept\n"
		"\t\t" GUEST OUT "meta nfproto ipv4 meta l4proto 17 th dport 80 accept comment "
		"\"line 6\"\n"
		"\t\t" BOTH OUT "ip saddr 192.168.1.9/32 meta l4proto 17 th dport 80-443 accept "
		"comment \"line 7\"\n"
		"\t\t" BOTH OUT "meta nfproto ipv4 meta l4proto 17 th dport 80-443 counter "
		"reject with icmpx admin-prohibited comment \"line 7\"\n"
		"\t\t" BOTH OUT "ip6 daddr 2000::/3 meta l4proto 17 th dport 80-443 counter "
		"reject with icmpx admin-prohibited comment \"line 7\"\n");
	/* Programs refuse it themselves; what they leave and nobody leads stays. */
	assert_int_equal(make(&m, nat_nft_make_taken, ROOM - 1), OK);
	assert_null(chain(&m, "past_proxies"));
	assert_chain(
		&m, "not_led",
		"\t\ttype filter hook forward priority 0; policy accept;\n"
		"\t\tmeta l4proto != tcp accept\n"
		"\t\t" GUEST OUT "meta nfproto ipv4 meta l4proto 6 th dport 80 counter drop "
		"comment \"line 6\"\n"
		"\t\t" BOTH OUT "ip saddr 192.168.1.9/32 meta l4proto 6 th dport 80-443 accept "
		"comment \"line 7\"\n"
		"\t\t" BOTH OUT "meta nfproto ipv4 meta l4proto 6 th dport 80-443 counter drop "
		"comment \"line 7\"\n"
		"\t\t" BOTH OUT "ip6 daddr 2000::/3 meta l4proto 6 th dport 80-443 counter drop "
		"comment \"line 7\"\n");
	done(&m);
}

/* Nothing is asked of each packet of UDP for nothing. */
static void where_every_entry_lets_it_pass_nothing_looks(void **state)
{
	struct made m;
	(void)state;
	begin(&m, HEAD "  intercept: {traffic: 80/tcp, to: 192.168.1.1:3180, quic: pass}\n");
	assert_int_equal(make(&m, nat_nft_make, ROOM - 1), OK);
	assert_non_null(chain(&m, "asked"));
	assert_null(chain(&m, "past_proxies"));
	done(&m);
}

static void what_stays_here_is_left_alone(void **state)
{
	struct made m;
	(void)state;
	begin(&m, HEAD "  intercept: {traffic: 80/tcp, to: 192.168.1.1:3180}\n");
	assert_int_equal(make(&m, nat_nft_make_taken, ROOM - 1), OK);
	const char *body = chain(&m, "to_proxies");
	assert_non_null(body);
	static const char head[] = "\t\ttype nat hook prerouting priority -105; policy accept;\n"
				   "\t\tmeta l4proto != tcp accept\n"
				   "\t\tiifname != { \"lan0\", \"guest0\" } accept\n"
				   "\t\tip daddr { ";
	if (strncmp(body, head, strlen(head)) != 0)
		fail_msg("%s", body);
	const char *six = strstr(body, " } accept\n\t\tip6 daddr { "),
		   *end = strstr(body, "\t\tjump");
	assert_true(six && end && six < end);
	assert_string_equal(end, "\t\tjump taken\n");
	/* The networks inside, of the route as well, and the machine's own address outside. */
	assert_non_null(strstr(body, "192.168.1.0-192.168.1.255"));
	assert_non_null(strstr(body, "192.168.20.0-192.168.20.255"));
	assert_non_null(strstr(body, "203.0.113.5"));
	assert_non_null(strstr(six, "2001:470:1::-2001:470:1:0:ffff:ffff:ffff:ffff"));
	done(&m);
}

static void a_family_that_nobody_has_here_has_no_line(void **state)
{
	struct made m;
	(void)state;
	site_init(&m.s, HEAD "  intercept: {traffic: 80/tcp, to: 192.168.1.1:3180}\n");
	m.s.net.addresses_n -= 2; /* those of IPv6 */
	site_make(&m.s, NULL, OK);
	m.text = calloc(1, ROOM);
	assert_int_equal(make(&m, nat_nft_make_taken, ROOM - 1), OK);
	const char *body = chain(&m, "to_proxies");
	assert_non_null(strstr(body, "ip daddr {"));
	assert_null(strstr(body, "ip6 daddr"));
	assert_null(strstr(body, "\t\t\t\t"));
	assert_non_null(strstr(body, " accept\n\t\tjump taken\n"));
	done(&m);
}

/* Each listener is open to whoever was led to it, and only to those. */
static void listeners_let_in_who_was_led(void **state)
{
	static const char *const lines[] = {
		"\t\t" BOTH "ct status dnat ip6 daddr fd00::1 tcp dport 3181 accept\n",
		"\t\t" BOTH "ct status dnat ip daddr 192.168.1.1 tcp dport 3182 accept\n",
		"\t\t" BOTH "ct status dnat ip daddr 192.168.1.1 tcp dport 3180 accept\n",
	};
	struct made m;
	(void)state;
	begin(&m, HEAD "  intercept:\n"
		       "    - {traffic: 443/tcp, to: [\"[fd00::1]:3181\", 192.168.1.1:3182]}\n"
		       "    - {traffic: 80/tcp, to: 192.168.1.1:3180}\n");
	assert_int_equal(make(&m, nat_nft_make, ROOM - 1), OK);
	const char *body = chain(&m, "input");
	for (size_t i = 0; i < 3; i++)
		if (!strstr(body, lines[i]))
			fail_msg("%s is not in\n%s", lines[i], body);
	size_t n = 0;
	for (const char *at = body; (at = strstr(at, "ct status dnat")); at++)
		n++;
	assert_int_equal(n, 3);
	done(&m);
}

/* Where nobody is inside, nobody is led and let in. */
static void without_devices_inside_there_is_nothing(void **state)
{
	struct nat_take_conf take = {.line = 1};
	const struct nat_conf conf = {.takes = {.items = &take, .n = 1}};
	char text[64];
	struct writer w = writer_of(text, sizeof(text));
	struct nat_tables *t = calloc(1, sizeof(*t));
	(void)state;
	assert_non_null(t);
	t->rules_taken = 1;
	struct nft_make m = {.conf = &conf, .t = t, .w = &w};
	nft_put_taken(&m, false);
	nft_put_took(&m);
	assert_int_equal(w.pos, 0);
	free(t);
}

/* Whatever the room, it is whole or told to be too small, and nothing is written past the end. */
static void says_where_room_ends(void **state)
{
	struct made m;
	(void)state;
	begin(&m, HEAD "  intercept: {traffic: 80/tcp, to: [192.168.1.1:3180, \"[fd00::1]:3\"], "
		       "except-to: 198.51.100.0/24}\n");
	assert_int_equal(make(&m, nat_nft_make_taken, ROOM - 1), OK);
	size_t whole = strlen(m.text);
	assert_true(whole > 500);
	for (size_t room = 0; room < whole; room++) {
		m.text[room + 1] = 'x';
		assert_int_equal(make(&m, nat_nft_make_taken, room), ERR_LIMIT);
		assert_int_equal(m.text[room + 1], 'x');
	}
	assert_int_equal(make(&m, nat_nft_make_taken, whole), OK);
	done(&m);
}

static void tells_of_a_device_that_cannot_be_named(void **state)
{
	struct made m;
	(void)state;
	begin(&m, "nat:\n  outside: wan0\n  inside: \"lan*\"\n"
		  "  intercept: {traffic: 80/tcp, to: 192.168.1.1:3180}\n");
	assert_int_equal(make(&m, nat_nft_make_taken, ROOM - 1), ERR_UNSUPPORTED);
	done(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_exceptions_stand_before_what_is_led),
		cmocka_unit_test(each_family_goes_to_its_own_listener),
		cmocka_unit_test(what_the_firewall_refuses_is_not_led),
		cmocka_unit_test(what_would_pass_by_is_refused),
		cmocka_unit_test(where_every_entry_lets_it_pass_nothing_looks),
		cmocka_unit_test(what_stays_here_is_left_alone),
		cmocka_unit_test(a_family_that_nobody_has_here_has_no_line),
		cmocka_unit_test(listeners_let_in_who_was_led),
		cmocka_unit_test(without_devices_inside_there_is_nothing),
		cmocka_unit_test(says_where_room_ends),
		cmocka_unit_test(tells_of_a_device_that_cannot_be_named),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
