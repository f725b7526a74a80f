#include "service/forward-proxy/conf.h"

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
	assert_false(u[0].has_socks);
	assert_true(u[1].has_socks);
	assert_int_equal(u[1].socks.port, 1080);
	assert_int_equal(u[2].socks.port, 9050);
	assert_string_equal(u[2].user, "me");
	assert_true(span_is(u[2].password, "it"));
	config_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_what_leads_nowhere),
		cmocka_unit_test(reads_servers_and_exceptions),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
