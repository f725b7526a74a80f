#include "service/forward-proxy/conf.h"

#include "base/arena.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants the four above it. */
#include <cmocka.h>

#include "test/conf.h"

static const struct config_section section = {"forward-proxy", &forward_conf_map};
static const struct config_sections sections = {&section, 1};

#define HEAD "forward-proxy:\n  listen: 192.0.2.1\n  upstreams:\n"

static void refused(const char *text, uint32_t line, uint32_t column, const char *words)
{
	conf_refused(&sections, text, line, column, words);
}

static void refuses_what_leads_nowhere(void **state)
{
	(void)state;
	refused(HEAD "    - {}\n", 4, 7, "this says nothing");
	refused(HEAD "    - {to: [a.onion, \"a b\"], socks: 192.0.2.9}\n", 4, 22,
		"write a name, *.NAME or a prefix");
	refused(HEAD "    - {to: 192.0.2.1/24, socks: 192.0.2.9}\n", 4, 12,
		"write a name, *.NAME or a prefix");
	refused(HEAD "    - {socks: proxy.example}\n", 4, 15, "socks");
	refused(HEAD "    - {socks: 192.0.2.9, user: me}\n", 4, 32, "go together");
	refused(HEAD "    - {socks: 192.0.2.9, password: word}\n", 4, 36, "go together");
	refused(HEAD "    - {to: a.onion, user: me, password: word}\n", 4, 27,
		"there is no server");
}

static void reads_servers_and_exceptions(void **state)
{
	(void)state;
	struct config *c = conf_parse(
		&sections, HEAD "    - {to: [direct.onion]}\n"
				"    - {to: \"*.onion\", socks: 192.0.2.9}\n"
				"    - {socks: \"[2001:db8::1]:9050\", user: me, password: it}\n");
	const struct forward_conf *conf = config_section(c, "forward-proxy");
	assert_non_null(conf);
	const struct forward_upstream_conf *u = conf->upstreams.items;
	assert_int_equal(conf->upstreams.n, 3);
	assert_int_equal(u[0].socks.n, 0);
	assert_int_equal(u[1].socks.n, 1);
	assert_int_equal(((const struct ip_endpoint *)u[1].socks.items)->port, 1080);
	assert_int_equal(((const struct ip_endpoint *)u[2].socks.items)->port, 9050);
	assert_string_equal(u[2].user, "me");
	assert_true(span_is(u[2].password, "it"));
	config_free(c);
}

static void refuses_servers_that_are_none(void **state)
{
	(void)state;
	refused(HEAD "    - {http: [a.example, \"http://b.example\"]}\n", 4, 26,
		"is no server; write NAME or ADDRESS");
	refused(HEAD "    - {http: 0x7f.1}\n", 4, 14, "is no server");
	refused(HEAD "    - {https: \"a.example:0\"}\n", 4, 15, "is no server");
	refused(HEAD "    - {http: \"localhost:3128\"}\n", 4, 14, "write 127.0.0.1");
	refused(HEAD "    - {http: [a.example, a.example]}\n", 4, 26, "twice");
	refused(HEAD "    - {http: [a, b, c, d, e, f, g, h, i]}\n", 4, 14, "8");
	refused(HEAD "    - {socks: 192.0.2.9, https: a.example}\n", 4, 33, "of one kind each");
	refused(HEAD "    - {http: a.example, user: \"a:b\", password: c}\n", 4, 31, "colon");
	refused(HEAD "    - {http: a.example, ca: /x.pem}\n", 4, 29, "those of `https`");
	refused(HEAD "    - {to: a.example, otherwise: direct}\n", 4, 34, "there is no server");
	refused(HEAD "    - {to: a.example, pause: 3s}\n", 4, 30, "there is no server");
	refused(HEAD "    - {to: a.example, order: rotate}\n", 4, 30, "there is no server");
	refused(HEAD "    - {http: a.example, except: \"a b\"}\n", 4, 33, "is no place");
	refused(HEAD "    - {http: a.example, pause: 10ms}\n", 4, 32, "out of bounds");
}

/* One's own address is no way out. */
static void refuses_a_way_that_leads_to_itself(void **state)
{
	(void)state;
	refused(HEAD "    - {http: \"192.0.2.1:3128\"}\n", 4, 14, "the proxy's own");
	refused(HEAD "    - {to: b.example, socks: 192.0.2.7}\n    - {http: [x.example, "
		     "192.0.2.1]}\n",
		5, 26, "the proxy's own");
	refused("forward-proxy:\n  listen: 0.0.0.0:3999\n  upstreams:\n"
		"    - {http: \"127.0.0.1:3999\"}\n",
		4, 14, "the proxy's own");
}

static void makes_servers_of_what_is_written(void **state)
{
	(void)state;
	struct config *c =
		conf_parse(&sections, HEAD
			   "    - {to: \"*.example\", except: x.example, http: [A.Example, "
			   "\"[2001:db8::1]:8080\"], user: joe, password: secret, order: rotate}\n"
			   "    - {https: \"b.example:443\", otherwise: direct, pause: 3s}\n"
			   "    - {to: d.example, socks: [192.0.2.9, \"192.0.2.9:9050\"]}\n");
	const struct forward_conf *conf = config_section(c, "forward-proxy");
	struct arena a;
	struct upstream *u = NULL;
	assert_non_null(conf);
	arena_init(&a, 1 << 20);
	assert_int_equal(forward_upstreams(&a, &conf->upstreams, &u), OK);
	assert_int_equal(u[0].kind, UPSTREAM_HTTP);
	assert_int_equal(u[0].order, UPSTREAM_ROTATE);
	assert_int_equal(u[0].servers_n, 2);
	assert_int_equal(u[0].except_n, 1);
	assert_string_equal(u[0].servers[0].text, "a.example:3128");
	assert_string_equal(u[0].servers[1].text, "[2001:db8::1]:8080");
	assert_true(span_is(u[0].authorization, "Basic am9lOnNlY3JldA=="));
	assert_false(u[0].or_direct);
	assert_int_equal(u[0].pause_ms, 10000);
	assert_int_equal(u[1].kind, UPSTREAM_HTTPS);
	assert_string_equal(u[1].servers[0].text, "b.example:443");
	assert_true(u[1].or_direct);
	assert_int_equal(u[1].pause_ms, 3000);
	assert_int_equal(u[1].authorization.len, 0);
	assert_int_equal(u[2].kind, UPSTREAM_SOCKS);
	assert_string_equal(u[2].servers[1].text, "192.0.2.9:9050");
	/* each server its own number */
	assert_int_equal(u[2].servers[1].number, 4);
	arena_done(&a);
	config_free(c);
}

struct told {
	unsigned n;
	uint32_t lines[8];
	char words[8][64];
};

static void tell(void *arg, uint32_t line, const char *text)
{
	struct told *t = arg;
	assert_true(t->n < 8);
	t->lines[t->n] = line;
	(void)snprintf(t->words[t->n++], sizeof(t->words[0]), "%s", text);
}

static void advises_of_what_is_never_come_to_and_of_bare_passwords(void **state)
{
	(void)state;
	struct told t = {0};
	struct config *c = conf_parse(
		&sections,
		HEAD "    - {to: a.example, http: a.example, user: u, password: p}\n"
		     "    - {to: b.example, http: 10.0.0.9, user: u, password: p}\n"
		     "    - {to: b.example, https: a.example, user: u, password: p}\n"
		     "    - {http: \"[2001:470::9]:1\", user: u, password: p, except: c.example}\n"
		     "    - {socks: 192.0.2.9}\n"
		     "    - {to: c.example}\n");
	const struct forward_conf *conf = config_section(c, "forward-proxy");
	assert_non_null(conf);
	forward_upstreams_advise(&conf->upstreams, tell, &t);
	assert_int_equal(t.n, 3);
	assert_int_equal(t.lines[0], 4);
	assert_non_null(strstr(t.words[0], "password"));
	assert_int_equal(t.lines[1], 7);
	assert_non_null(strstr(t.words[1], "password"));
	assert_int_equal(t.lines[2], 9);
	assert_non_null(strstr(t.words[2], "entry"));
	config_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_what_leads_nowhere),
		cmocka_unit_test(reads_servers_and_exceptions),
		cmocka_unit_test(refuses_servers_that_are_none),
		cmocka_unit_test(refuses_a_way_that_leads_to_itself),
		cmocka_unit_test(makes_servers_of_what_is_written),
		cmocka_unit_test(advises_of_what_is_never_come_to_and_of_bare_passwords),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
