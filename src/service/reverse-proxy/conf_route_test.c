#include "service/reverse-proxy/conf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants the four above it. */
#include <cmocka.h>

#include "service/reverse-proxy/route/route.h"
#include "test/conf.h"

static const struct config_section section = {"reverse-proxy", &reverse_conf_map};
static const struct config_sections sections = {&section, 1};

#define HEAD "reverse-proxy:\n  listen: 192.0.2.1\n  pools: {web: 10.0.0.1:80}\n  routes:\n"

/* One route of the fifth line is refused there. */
static void refused(const char *route, uint32_t column, const char *words)
{
	char text[1024];
	struct writer w = writer_of(text, sizeof(text) - 1);
	write_format(&w, HEAD "    - %s\n", route);
	text[w.pos] = 0;
	conf_refused(&sections, text, 5, column, words);
}

static void refuses_what_no_request_can_match(void **state)
{
	(void)state;
	refused("{path: a, to: web}", 14, "begins with a slash");
	refused("{path: \"/a/*\", to: web}", 14, "without '*'");
	refused("{path: /a//b, to: web}", 14, "no request has it in this form");
	refused("{path: \"/{a}{b}\", to: web}", 14, "one name only");
	refused("{host: a.home.arpa:80, to: web}", 14, "without a port");
	refused("{host: A.home.arpa, to: web}", 14, "small letters");
	refused("{path: [/a, \"~^/(b\"], to: web}", 19,
		"'~^/(b': no regular expression: missing closing parenthesis (at character 5)");
	refused("{host: \"~[\", to: web}", 14, "missing terminating ]");
	refused("{port: 0, to: web}", 14, "");
	refused("{method: \"G T\", to: web}", 16, "no method");
	refused("{header: \"a b=c\", to: web}", 16, "no field's name");
}

static void refuses_a_route_without_one_end(void **state)
{
	(void)state;
	refused("{host: a}", 7, "leads nowhere");
	refused("{to: web, redirect: https}", 12, "one of");
	refused("{to: web, files: {root: /a, fallback: b}}", 12, "not both");
	refused("{to: web, files: /a, answer: 410}", 24, "one of");
	refused("{to: web, rewrite: {query: \"?a\"}}", 34, "behind the question mark");
	refused("{redirect: ftp://a}", 18, "write `https`");
	refused("{redirect: \"https://a/{b\"}", 18, "brace is open");
}

static void refuses_pages_that_are_none(void **state)
{
	(void)state;
	refused("{to: web, guard: {deny-countries: kr}}", 41, "two capital letters");
	refused("{to: web, guard: {deny-countries: KR}}", 24, "`countries: PATH`");
	refused("{to: web, errors: {399: /a}}", 31, "no status of an error");
	refused("{to: web, errors: {500-400: /a}}", 35, "no status of an error");
	refused("{to: web, errors: {404: {servers: yes}}}", 31, "a `file` or a `text`");
	refused("{to: web, errors: {404: {file: /a, text: b}}}", 48, "one of both");
}

static void tells_how_servers_are_written(void **state)
{
	(void)state;
	refused("{to: \"http://10.0.0.11:80\"}", 12, "an address of the web");
	refused("{to: \"localhost:3000\"}", 12, "written in a pool");
	refused("{to: nowhere}", 12, "there is no pool");
	refused("{to: web, guard: {basic: {users: {anna: secret}}}}", 47,
		"no record of a password");
}

static void refuses_edits_of_what_the_proxy_writes(void **state)
{
	(void)state;
	refused("{to: web, request: {set: [\"Host: a\"]}}", 33, "the proxy itself");
	refused("{to: web, request: {set: [Host]}}", 33, "Name: text");
	refused("{to: web, response: {remove: [\"a b\"]}}", 37, "no name of a field");
	refused("{to: web, response: {add: [\"A: {x\"]}}", 34, "a brace is open");
	refused("{to: web, rewrite: {strip: /a, path: /b}}", 44, "the whole path");
	refused("{to: web, rewrite: {add: ab}}", 32, "begins with a slash");
}

static const struct route *nth(const struct reverse_routes *r, size_t i)
{
	assert_true(i < r->routes_n);
	return &r->routes[i];
}

static void compiles_what_was_written(void **state)
{
	(void)state;
	struct config *c = conf_parse(
		&sections,
		HEAD "    - {host: [a, \"*.b\"], path: \"/u/{x}\", method: POST, header: [A=1, B], "
		     "query: \"c=d=e\", client: 10.0.0.0/8, to: web, body-max: 1M, "
		     "rewrite: {path: \"/v/{x}\"}, request: {set: [\"X: {client}\"], remove: Y}}\n"
		     "    - {to: 10.0.0.9:81}\n"
		     "    - {host: c, redirect: https}\n"
		     "    - {host: d, redirect: {to: \"http://e\", status: 301}}\n"
		     "    - {host: f, answer: {status: 410, body: gone}}\n"
		     "    - {host: g, to: 10.0.0.9:82}\n");
	const struct reverse_conf *conf = config_section(c, "reverse-proxy");
	AUTO(reverse_routes_free) struct reverse_routes *r = NULL;
	assert_int_equal(reverse_routes_new(conf, &r), OK);
	const struct route *one = nth(r, 0);
	assert_int_equal(one->hosts_n, 2);
	assert_string_equal(one->fields[0].value, "1");
	assert_null(one->fields[1].value);
	assert_string_equal(one->query[0].name, "c");
	assert_string_equal(one->query[0].value, "d=e");
	assert_int_equal(one->body_max, 1 << 20);
	assert_int_equal(one->request_edits->n, 2);
	assert_int_equal(one->request_edits->items[0].kind, EDIT_REMOVE);
	assert_int_equal(one->pool, 0);
	assert_int_equal(reverse_route_pools(conf), 2);
	assert_int_equal(nth(r, 1)->pool, 1);
	assert_int_equal(nth(r, 5)->pool, 2);
	struct ip_endpoint e;
	assert_true(reverse_route_pool(conf, 2, &e) && e.port == 82);
	assert_false(reverse_route_pool(conf, 0, &e));
	assert_false(reverse_route_pool(conf, 3, &e));
	assert_true(nth(r, 2)->action == ROUTE_REDIRECT && !nth(r, 2)->redirect.to);
	assert_int_equal(nth(r, 2)->redirect.status, 308);
	assert_true(nth(r, 3)->redirect.keep_path && nth(r, 3)->redirect.status == 301);
	assert_true(nth(r, 4)->action == ROUTE_ANSWER && nth(r, 4)->answer.status == 410);
	struct route_found found;
	const struct route_facts f = {.host = span_text("x.b"),
				      .path = span_text("/u/1"),
				      .method = span_text("GET"),
				      .client = ip_address_v4(10, 1, 1, 1)};
	assert_true(route_find(r->table, &f, &found));
	assert_int_equal(found.route->number, 1);
	config_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_what_no_request_can_match),
		cmocka_unit_test(refuses_a_route_without_one_end),
		cmocka_unit_test(refuses_pages_that_are_none),
		cmocka_unit_test(tells_how_servers_are_written),
		cmocka_unit_test(refuses_edits_of_what_the_proxy_writes),
		cmocka_unit_test(compiles_what_was_written),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
