#include "service/reverse-proxy/route/route.h"

#include "base/writer.h"
#include "service/reverse-proxy/route/edit.h"
#include "service/reverse-proxy/route/pattern.h"
#include "test/guard.h"
#include "test/random.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* A head for the tests: names and values in turn, ended by NULL. */
static bool text_field(const void *head, struct span name, size_t *at, struct span *ret)
{
	const char *const *texts = head;
	for (; texts[*at]; *at += 2)
		if (span_equal_nocase(span_text(texts[*at]), name)) {
			*ret = span_text(texts[*at + 1]);
			*at += 2;
			return true;
		}
	return false;
}

static const char *const no_fields[] = {NULL};

static struct route_facts facts_of(const char *host, const char *path)
{
	return (struct route_facts){.method = span_text("GET"),
				    .host = span_text(host),
				    .path = span_text(path),
				    .client = ip_address_v4(192, 0, 2, 1),
				    .field = text_field,
				    .head = no_fields};
}

/* The number of the route that is found; -1: none. */
static int number_of(const struct route_table *t, const struct route_facts *f)
{
	struct route_found found;
	return route_find(t, f, &found) ? (int)found.route->number : -1;
}

static int number(const struct route_table *t, const char *host, const char *path)
{
	struct route_facts f = facts_of(host, path);
	return number_of(t, &f);
}

/* A literal list and its length. */
#define LIST(member, ...)                                                                          \
	.member = (const char *const[]){__VA_ARGS__},                                              \
	.member##_n = sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *)

static struct route_table *table_of(const struct route *routes, size_t n)
{
	struct route_table *t;
	assert_int_equal(route_table_new(routes, n, &t), OK);
	return t;
}

static void finds_nothing_in_an_empty_table(void **state)
{
	(void)state;
	AUTO(route_table_free) struct route_table *t = table_of(NULL, 0);
	assert_int_equal(number(t, "a", "/"), -1);
}

static void the_closest_host_wins(void **state)
{
	(void)state;
	const struct route routes[] = {
		{.number = 0},
		{.number = 1, LIST(hosts, "*.home.arpa")},
		{.number = 2, LIST(hosts, "www.home.arpa", "web")},
		{.number = 3, LIST(hosts, "*.apps.home.arpa")},
	};
	AUTO(route_table_free) struct route_table *t = table_of(routes, 4);
	assert_int_equal(number(t, "www.home.arpa", "/"), 2);
	assert_int_equal(number(t, "web", "/"), 2);
	assert_int_equal(number(t, "mail.home.arpa", "/"), 1);
	assert_int_equal(number(t, "a.b.home.arpa", "/"), 1);
	assert_int_equal(number(t, "a.b.apps.home.arpa", "/"), 3);
	assert_int_equal(number(t, "home.arpa", "/"), 0);
	assert_int_equal(number(t, ".home.arpa", "/"), 0);
	assert_int_equal(number(t, "", "*"), 0);
}

static void the_closest_path_wins(void **state)
{
	(void)state;
	const struct route routes[] = {
		{.number = 0, LIST(paths, "/")},
		{.number = 1, LIST(paths, "/api/")},
		{.number = 2, LIST(paths, "=/api/health")},
		{.number = 3, LIST(paths, "/api/users/{id}", "/api/users/{id}/photos/{n}.jpg")},
		{.number = 4, LIST(paths, "/api/users")},
		{.number = 5, LIST(paths, "/docs/{rest...}")},
	};
	AUTO(route_table_free) struct route_table *t = table_of(routes, 6);
	assert_int_equal(number(t, "a", "/"), 0);
	assert_int_equal(number(t, "a", "/apix"), 0);
	assert_int_equal(number(t, "a", "/api"), 1);
	assert_int_equal(number(t, "a", "/api/x"), 1);
	assert_int_equal(number(t, "a", "/api/health"), 2);
	assert_int_equal(number(t, "a", "/api/health/"), 1);
	assert_int_equal(number(t, "a", "/api/users/7"), 3);
	assert_int_equal(number(t, "a", "/api/users/7/photos/2.jpg"), 3);
	assert_int_equal(number(t, "a", "/api/users/7/photos/.jpg"), 4);
	assert_int_equal(number(t, "a", "/api/users/"), 4);
	assert_int_equal(number(t, "a", "/docs"), 5);
	assert_int_equal(number(t, "a", "/docs/a/b"), 5);
}

static void conditions_count_and_are_passed_over_when_they_do_not_hold(void **state)
{
	(void)state;
	const struct route_condition beta[] = {{"x-beta", "1"}}, token[] = {{"a b", NULL}};
	struct ip_prefix net;
	assert_int_equal(ip_prefix_parse(span_text("192.0.2.0/24"), &net), OK);
	const struct route routes[] = {
		{.number = 0, LIST(hosts, "a")},
		{.number = 1, LIST(hosts, "a"), .fields = beta, .fields_n = 1},
		{.number = 2, LIST(hosts, "a"), LIST(methods, "POST", "PUT")},
		{.number = 3,
		 LIST(hosts, "a"),
		 .query = token,
		 .query_n = 1,
		 .clients = &net,
		 .clients_n = 1},
		{.number = 4},
		{.number = 5, LIST(hosts, "b"), LIST(methods, "POST")},
	};
	AUTO(route_table_free) struct route_table *t = table_of(routes, 6);
	static const char *const fields[] = {"X-Beta", "0", "x-Beta", "1", NULL};
	struct route_facts f = facts_of("a", "/");
	assert_int_equal(number_of(t, &f), 0);
	f.head = fields;
	assert_int_equal(number_of(t, &f), 1);
	f.query = span_text("x=1&a+b");
	assert_int_equal(number_of(t, &f), 3);
	f.client = ip_address_v4(192, 0, 3, 1);
	assert_int_equal(number_of(t, &f), 1);
	f.method = span_text("PUT");
	assert_int_equal(number_of(t, &f), 2);
	assert_int_equal(number(t, "b", "/"), 4);
}

static void captures_have_names(void **state)
{
	(void)state;
	const struct route routes[] = {{LIST(paths, "/u/{id}/f-{name}.txt/{rest...}")}};
	AUTO(route_table_free) struct route_table *t = table_of(routes, 1);
	struct route_facts f = facts_of("a", "/u/7/f-x.txt/y/z");
	struct route_found found;
	struct span s;
	assert_true(route_find(t, &f, &found));
	assert_true(route_capture(&found, span_text("id"), &s) && span_is(s, "7"));
	assert_true(route_capture(&found, span_text("name"), &s) && span_is(s, "x"));
	assert_true(route_capture(&found, span_text("rest"), &s) && span_is(s, "y/z"));
	assert_false(route_capture(&found, span_text("other"), &s));
}

static void expressions_come_after_whole_paths_and_in_the_order_of_the_file(void **state)
{
	(void)state;
	const struct route routes[] = {
		{.number = 0, LIST(hosts, "a"), LIST(paths, "/static/")},
		{.number = 1, LIST(hosts, "a"), LIST(paths, "=/x.php")},
		{.number = 2, LIST(hosts, "a"), LIST(paths, "~^/(s)tat(ic)?/x", "~q$")},
		{.number = 3, LIST(hosts, "a"), LIST(paths, "~(?i)[.]php$"), LIST(methods, "GET")},
		{.number = 4, LIST(hosts, "a"), LIST(paths, "~[.]p")},
		{.number = 5, LIST(paths, "~[.]php$")},
	};
	AUTO(route_table_free) struct route_table *t = table_of(routes, 6);
	assert_int_equal(number(t, "a", "/x.php"), 1);
	assert_int_equal(number(t, "a", "/static/a"), 0);
	assert_int_equal(number(t, "a", "/static/x.php"), 2);
	assert_int_equal(number(t, "a", "/x.php/q"), 2);
	assert_int_equal(number(t, "a", "/static/y.PHP"), 3);
	assert_int_equal(number(t, "a", "/y.php/z"), 4);
	assert_int_equal(number(t, "b", "/y.php"), 5);
	assert_int_equal(number(t, "a", "/y"), -1);
	struct route_facts f = facts_of("a", "/static/x");
	struct route_found found;
	struct span s;
	assert_true(route_find(t, &f, &found));
	assert_true(route_capture(&found, span_text("1"), &s) && span_is(s, "s"));
	assert_true(route_capture(&found, span_text("2"), &s) && span_is(s, "ic"));
	assert_false(route_capture(&found, span_text("3"), &s));
	assert_false(route_capture(&found, span_text("0"), &s));
}

static void expressions_of_hosts_come_after_wildcards(void **state)
{
	(void)state;
	const struct route routes[] = {
		{.number = 0},
		{.number = 1, LIST(hosts, "~^www[0-9]+[.]home")},
		{.number = 2, LIST(hosts, "~home", "~^zz")},
		{.number = 3, LIST(hosts, "*.www1.home.arpa")},
		{.number = 4, LIST(hosts, "www2.home.arpa"), LIST(paths, "/x")},
	};
	AUTO(route_table_free) struct route_table *t = table_of(routes, 5);
	assert_int_equal(number(t, "www1.home.arpa", "/"), 1);
	assert_int_equal(number(t, "a.www1.home.arpa", "/"), 3);
	assert_int_equal(number(t, "www2.home.arpa", "/x"), 4);
	assert_int_equal(number(t, "www2.home.arpa", "/y"), 1);
	assert_int_equal(number(t, "wwwx.home.arpa", "/"), 2);
	assert_int_equal(number(t, "zz", "/"), 2);
	assert_int_equal(number(t, "other", "/"), 0);
	assert_int_equal(number(t, "", "/"), 0);
}

/* What forbids something must not be passed by a path that makes its expression give up. */
static void an_expression_that_gives_up_lets_nobody_past(void **state)
{
	(void)state;
	const struct route routes[] = {
		{.number = 0, LIST(paths, "/")},
		{.number = 1, LIST(paths, "~^/(a+)+secret")},
		{.number = 2, LIST(hosts, "~^(b+)+x"), LIST(paths, "/forbidden")},
	};
	AUTO(route_table_free) struct route_table *t = table_of(routes, 3);
	char path[200] = "/", host[200] = "";
	memset(path + 1, 'a', sizeof(path) - 2);
	memset(host, 'b', sizeof(host) - 1);
	/* The library sees at once that what lacks the last word cannot match. */
	memcpy(path + sizeof(path) - 9, "-secret", 8);
	memcpy(host + sizeof(host) - 4, ".x", 3);
	assert_int_equal(number(t, "h", path), -1);
	assert_int_equal(number(t, host, "/forbidden"), -1);
	assert_int_equal(number(t, "h", "/b"), 0);
}

static void ports_of_ours_are_a_condition(void **state)
{
	(void)state;
	const int64_t plain[] = {80, 8080}, tls[] = {443};
	const struct route routes[] = {
		{.number = 0, LIST(hosts, "a"), .ports = plain, .ports_n = 2},
		{.number = 1, LIST(hosts, "a"), .ports = tls, .ports_n = 1},
		{.number = 2},
	};
	AUTO(route_table_free) struct route_table *t = table_of(routes, 3);
	struct route_facts f = facts_of("a", "/");
	static const struct {
		uint16_t port;
		int number;
	} asked[] = {{80, 0}, {8080, 0}, {443, 1}, {81, 2}};
	for (size_t i = 0; i < 4; i++) {
		f.port = asked[i].port;
		assert_int_equal(number_of(t, &f), asked[i].number);
	}
}

static void a_redirect_to_https_is_for_who_came_without(void **state)
{
	(void)state;
	const struct route routes[] = {
		{.number = 0, LIST(hosts, "a")},
		{.number = 1, LIST(hosts, "a", "b"), .action = ROUTE_REDIRECT},
	};
	AUTO(route_table_free) struct route_table *t = table_of(routes, 2);
	struct route_facts f = facts_of("a", "/");
	assert_int_equal(number_of(t, &f), 1);
	f.secure = true;
	assert_int_equal(number_of(t, &f), 0);
	f.host = span_text("b");
	assert_int_equal(number_of(t, &f), -1);
}

/* ---- the table beside a loop over all routes ---- */

static bool host_fits(const struct route *r, struct span host, size_t *ret_rank)
{
	bool any = r->hosts_n == 0;
	size_t best = 0;
	for (size_t i = 0; i < r->hosts_n; i++) {
		struct span want = span_text(r->hosts[i]);
		size_t rank = 0;
		if (want.data[0] != '*')
			rank = span_equal(want, host) ? 1000 : 0;
		else if (want.len - 1 < host.len &&
			 span_equal(span_sub(want, 1, want.len),
				    span_sub(host, host.len - want.len + 1, host.len)))
			rank = want.len;
		best = rank > best ? rank : best;
	}
	*ret_rank = best;
	return any || best > 0;
}

static bool path_fits(const char *text, struct span path, size_t *ret_rank)
{
	struct pattern p = pattern_of(text);
	struct span captures[ROUTE_CAPTURES_MAX];
	size_t n;
	/* head, then kind, then segments: as route.h says */
	*ret_rank = p.kind == PATTERN_EXACT
			    ? 1000000
			    : p.head.len * 1000 + (p.kind == PATTERN_NAMES) * (100 + p.segments);
	if (p.kind == PATTERN_EXACT)
		return span_equal(path, p.head);
	if (path.len < p.head.len || !span_equal(span_sub(path, 0, p.head.len), p.head) ||
	    (path.len > p.head.len && path.data[p.head.len] != '/'))
		return false;
	return p.kind == PATTERN_PREFIX ||
	       pattern_fits(text, path, captures, ROUTE_CAPTURES_MAX, &n);
}

static int slow_find(const struct route *routes, size_t n, const struct route_facts *f)
{
	int best = -1;
	size_t best_rank[3] = {0};
	for (size_t i = 0; i < n; i++) {
		const struct route *r = &routes[i];
		size_t rank[3] = {0}, one;
		bool fits = r->paths_n == 0;
		for (size_t p = 0; p < r->paths_n; p++)
			if (path_fits(r->paths[p], f->path, &one)) {
				fits = true;
				rank[1] = one > rank[1] ? one : rank[1];
			}
		rank[2] = r->methods_n > 0;
		bool method = r->methods_n == 0 || span_is(f->method, r->methods[0]);
		if (!fits || !method || !host_fits(r, f->host, &rank[0]))
			continue;
		bool better = best < 0;
		for (size_t k = 0; k < 3 && !better && rank[k] >= best_rank[k]; k++)
			better = rank[k] > best_rank[k];
		if (!better)
			continue;
		best = (int)i;
		memcpy(best_rank, rank, sizeof(rank));
	}
	return best;
}

static const char *const oracle_hosts[] = {"a", "b.a", "*.a", "*.b.a", "c.b.a", "*"};
static const char *const oracle_paths[] = {"/",		 "/x",	   "=/x",  "/x/y",    "/x/{n}",
					   "/{n}",	 "/{n}/y", "=/x/", "/x/y/z",  "/x/{n...}",
					   "/x/{n}/{m}", "/xx",	   "=/",   "/{n}.js", "/x/v{n}"};
static const char *const oracle_requests[] = {"/",	"/x",	   "/x/", "/x/y", "/x/y/",
					      "/x/y/z", "/xx",	   "/q",  "/q/y", "/q.js",
					      "/x/v1",	"/x/v1/k", "*"};

static void agrees_with_a_loop_over_all_routes(void **state)
{
	(void)state;
	struct test_random r = test_random_begin();
	static const char *const post[] = {"POST"};
	for (unsigned round = 0; round < 300; round++) {
		struct route routes[12];
		size_t n = 1 + test_random_below(&r, 12);
		for (size_t i = 0; i < n; i++) {
			routes[i] = (struct route){.number = (uint32_t)i};
			routes[i].hosts = &oracle_hosts[test_random_below(&r, 5)];
			routes[i].hosts_n = test_random_below(&r, 2);
			routes[i].paths = &oracle_paths[test_random_below(&r, 15)];
			routes[i].paths_n = test_random_below(&r, 4) > 0;
			routes[i].methods = post;
			routes[i].methods_n = test_random_below(&r, 4) == 0;
		}
		AUTO(route_table_free) struct route_table *t = table_of(routes, n);
		for (unsigned k = 0; k < 60; k++) {
			static const char *const hosts[] = {"a",       "b.a", "c.b.a",
							    "d.c.b.a", "z",   ""};
			struct route_facts f = facts_of(hosts[test_random_below(&r, 6)],
							oracle_requests[test_random_below(&r, 13)]);
			if (test_random_below(&r, 2))
				f.method = span_text("POST");
			/* "*" is no path: the root's prefixes only */
			if (f.path.data[0] == '*')
				continue;
			assert_int_equal(number_of(t, &f), slow_find(routes, n, &f));
		}
	}
}

static void many_routes_are_found_each(void **state)
{
	(void)state;
	enum { MANY = 5000 };
	struct route *routes = calloc(MANY, sizeof(*routes));
	char(*texts)[2][32] = calloc(MANY, sizeof(*texts));
	const char *(*lists)[2] = calloc(MANY, sizeof(*lists));
	for (uint32_t i = 0; i < MANY; i++) {
		(void)snprintf(texts[i][0], 32, "h%u.home.arpa", i % 50);
		(void)snprintf(texts[i][1], 32, "/app%u/v%u", i / 50, i % 3);
		lists[i][0] = texts[i][0];
		lists[i][1] = texts[i][1];
		routes[i] = (struct route){.number = i,
					   .hosts = &lists[i][0],
					   .hosts_n = 1,
					   .paths = &lists[i][1],
					   .paths_n = 1};
	}
	AUTO(route_table_free) struct route_table *t = table_of(routes, MANY);
	for (uint32_t i = 0; i < MANY; i += 7) {
		char path[64];
		(void)snprintf(path, sizeof(path), "%s/x/y", texts[i][1]);
		assert_int_equal(number(t, texts[i][0], path), i);
	}
	free(routes);
	free(texts);
	free(lists);
}

static void says_what_is_wrong_with_paths_and_hosts(void **state)
{
	(void)state;
	static const char *const good_paths[] = {
		"/", "/a/", "=/a", "/{a}", "/a/{b}.x/{c...}", "/a%2Fb", "~[.]php$"};
	static const char *const bad_paths[] = {"",	"a",	     "=a",     "/a//b",	  "/a/../b",
						"/%61", "/{a",	     "/a}",    "/{a}{b}", "/{}",
						"/{A}", "/{a...}/b", "~(",     "=/{a}",	  "/a b",
						"/{1}", "/x{a...}",  "/{host}"};
	for (size_t i = 0; i < sizeof(good_paths) / sizeof(char *); i++)
		assert_null(route_path_wrong(good_paths[i]));
	for (size_t i = 0; i < sizeof(bad_paths) / sizeof(char *); i++)
		assert_non_null(route_path_wrong(bad_paths[i]));
	static const char *const good_hosts[] = {"*", "a", "*.home.arpa", "[::1]", "192.0.2.1"};
	static const char *const bad_hosts[] = {"",   "A",  "a.",  "a:80", "a*.b",
						"*.", ".a", "a b", "a:",   "*.*.a"};
	for (size_t i = 0; i < sizeof(good_hosts) / sizeof(char *); i++)
		assert_null(route_host_wrong(good_hosts[i]));
	for (size_t i = 0; i < sizeof(bad_hosts) / sizeof(char *); i++)
		assert_non_null(route_host_wrong(bad_hosts[i]));
}

static void texts_with_variables_are_written(void **state)
{
	(void)state;
	const struct route routes[] = {{LIST(paths, "/u/{id}")}};
	AUTO(route_table_free) struct route_table *t = table_of(routes, 1);
	struct route_facts f = facts_of("a", "/u/7");
	struct route_found found;
	assert_true(route_find(t, &f, &found));
	const struct edit_values v = {
		.client = {.address = ip_address_v4(192, 0, 2, 1), .port = 4711},
		.host = span_text("a:80"),
		.scheme = span_text("https"),
		.path = f.path,
		.query = span_text("q"),
		.found = &found,
	};
	struct edit_text text;
	char buf[128];
	struct writer w = writer_of(buf, sizeof(buf));
	assert_int_equal(
		edit_text_parse("{{x} {client}:{client-port} {scheme}://{host}{path}?{query} {id} "
				"<{tls}>",
				true, &text),
		OK);
	edit_text_write(&text, &v, &w);
	assert_true(span_is(writer_span(&w), "{x} 192.0.2.1:4711 https://a:80/u/7?q 7 <>"));
	struct writer small = writer_of(buf, 5);
	edit_text_write(&text, &v, &small);
	assert_true(small.bad);
	assert_int_equal(edit_text_parse("{id}{id", true, &text), ERR_FORMAT);
	assert_int_equal(edit_text_parse("{", true, &text), ERR_FORMAT);
	assert_int_equal(edit_text_parse("{}", true, &text), ERR_FORMAT);
	assert_int_equal(edit_text_parse("{nothing}", false, &text), ERR_FORMAT);
	assert_int_equal(edit_text_parse("", false, &text), OK);
	assert_int_equal(text.pieces_n, 0);
}

static void fields_of_framing_cannot_be_edited(void **state)
{
	(void)state;
	assert_null(edit_name_wrong("X-Frame-Options"));
	assert_non_null(edit_name_wrong("Content-Length"));
	assert_non_null(edit_name_wrong("transfer-encoding"));
	assert_non_null(edit_name_wrong("a b"));
	assert_non_null(edit_name_wrong(""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_nothing_in_an_empty_table),
		cmocka_unit_test(the_closest_host_wins),
		cmocka_unit_test(the_closest_path_wins),
		cmocka_unit_test(conditions_count_and_are_passed_over_when_they_do_not_hold),
		cmocka_unit_test(captures_have_names),
		cmocka_unit_test(expressions_come_after_whole_paths_and_in_the_order_of_the_file),
		cmocka_unit_test(expressions_of_hosts_come_after_wildcards),
		cmocka_unit_test(an_expression_that_gives_up_lets_nobody_past),
		cmocka_unit_test(ports_of_ours_are_a_condition),
		cmocka_unit_test(a_redirect_to_https_is_for_who_came_without),
		cmocka_unit_test(agrees_with_a_loop_over_all_routes),
		cmocka_unit_test(many_routes_are_found_each),
		cmocka_unit_test(says_what_is_wrong_with_paths_and_hosts),
		cmocka_unit_test(texts_with_variables_are_written),
		cmocka_unit_test(fields_of_framing_cannot_be_edited),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
