/* Whole files of nginx against what is made of them, its language, and the places it chooses. */
#include "import/nginx.h"

#include "base/writer.h"
#include "import/out_tree.h"
#include "import/site.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static char *file(const char *path, size_t *ret_len)
{
	FILE *f = fopen(path, "rb");
	if (!f)
		return NULL;
	char *text = calloc(1, 1 << 20);
	assert_non_null(text);
	*ret_len = fread(text, 1, (1 << 20) - 1, f);
	(void)fclose(f);
	return text;
}

/* Of the folder of test data; of the pattern there only one file is one. */
static enum err data_read(void *arg, struct span pattern,
			  enum err (*call)(void *call_arg, struct span path, struct span text),
			  void *call_arg)
{
	char path[4096], name[256];
	size_t len;
	(void)arg;
	if (span_is(pattern, "hosts.d/*.conf"))
		pattern = span_text("hosts.d/a.conf");
	assert_true(span_to_cstr(pattern, name, sizeof(name)));
	(void)snprintf(path, sizeof(path), "%s/nginx/%s", IMPORT_DATA, name);
	char *text = file(path, &len);
	if (!text)
		return ENOENT;
	enum err e = call(call_arg, pattern, span_of(text, len));
	free(text);
	return e;
}

static const struct nginx_files data_files = {NULL, data_read};

/* What the text becomes, with its notes as comments behind it; to be freed. */
static char *made_of(const char *text, const struct nginx_files *files, enum err expected)
{
	struct import_site s;
	struct out_node *tree = NULL;
	size_t cap = 1 << 20;
	char *out = malloc(cap);

	assert_non_null(out);
	import_site_init(&s);
	assert_int_equal(import_nginx(span_text(text), files, &s, &tree), expected);
	struct writer w = writer_of(out, cap - 1);
	if (!expected)
		out_write(tree, &w);
	for (const struct import_note *n = s.notes; n; n = n->next) {
		struct span path = import_file(&s, n->file);
		write_format(&w, "# %.*s:%u: %.*s\n", (int)path.len,
			     path.len ? (const char *)path.data : "", n->line, (int)n->text.len,
			     (const char *)n->text.data);
	}
	assert_int_equal(writer_check(&w), OK);
	out[w.pos] = '\0';
	import_site_done(&s);
	return out;
}

static void assert_file(const char *name)
{
	char path[4096];
	size_t len;
	(void)snprintf(path, sizeof(path), "%s/nginx/%s.conf", IMPORT_DATA, name);
	char *text = file(path, &len);
	(void)snprintf(path, sizeof(path), "%s/nginx/%s.yaml", IMPORT_DATA, name);
	char *expected = file(path, &len);
	assert_non_null(text);
	assert_non_null(expected);
	char *made = made_of(text, &data_files, OK);
	assert_string_equal(made, expected);
	free(made);
	free(expected);
	free(text);
}

static void a_usual_site_is_carried_over(void **state)
{
	(void)state;
	assert_file("site");
}

static void includes_maps_and_streams_are_carried_over(void **state)
{
	(void)state;
	assert_file("hosts");
}

static void torn_files_say_where(void **state)
{
	(void)state;
	static const struct {
		const char *text, *note;
	} torn[] = {
		{"http {\n server {\n}\n", "# :4: a block is not closed"},
		{"http {\n}\n}\n", "# :3: a `}` that closes nothing"},
		{"\nhttp", "# :2: a directive has no end: expected `;` or `{`"},
		{"http { server { listen '80; } }", "a quote is not closed"},
		{"http { server { listen \"80\"x; } }", "a word goes on behind it"},
		{"{ }", "# :1: a directive has no name"},
		{"http { include none; }", "# :1: there is no server in it"},
		{"", "# :1: there is no server in it"},
	};
	for (size_t i = 0; i < sizeof(torn) / sizeof(torn[0]); i++) {
		char *made = made_of(torn[i].text, NULL, ERR_FORMAT);
		if (!strstr(made, torn[i].note))
			fail_msg("%s:\n%s", torn[i].text, made);
		free(made);
	}
}

/* Each is one location's text, and lines that must be among what is made of it, `|` between. */
static const struct {
	const char *text, *lines;
} cases[] = {
	/* quotes, escapes, comments, ${} */
	{"location / { add_header X \"a;{b}\\\"c\" ; # }\n proxy_pass http://127.0.0.1:1; "
	 "}",
	 "add: [\"X: a;{{b}\\\"c\"]"},
	{"location / { proxy_set_header X \"${host}-x\"; proxy_pass http://127.0.0.1:1; }",
	 "set: [\"X: {host}-x\"]"},
	{"location ~ \"^/a{2}[.]\\.b$\" { return 410; }",
	 "path: [\"~^/a{2}[.]\\\\.b$\"]|status: 410"},
	/* the path of proxy_pass */
	{"location /a/ { proxy_pass http://127.0.0.1:1/; }", "path: [/a/]|strip: /a\n"},
	{"location /a/ { proxy_pass http://127.0.0.1:1; }", "to: \"127.0.0.1:1\"|path: [\"=/a\"]"},
	{"location = /a { proxy_pass http://127.0.0.1:1/b; }", "path: [\"=/a\"]|path: /b\n"},
	/* ^~ before expressions, but not for longer beginnings */
	{"location ^~ /a/ { return 410; } location /a/b/ { return 411; } location ~ x { "
	 "return 412; }",
	 "path: [\"~^(?=/a/)(?!/a/b/)\"]|path: [/a/b/]"},
	{"location ^~ /a/ { return 410; }", "path: [/a/]|path: [\"=/a\"]"},
	{"location /a { return 410; } location /ab { return 411; }",
	 "path: [/a, \"~^(?=/a)(?!/ab)/a[^/]\"]|path: [/ab, \"~^/ab[^/]\"]"},
	{"location /a/ { location ~ b$ { return 411; } return 410; }",
	 "path: [\"~^(?=/a/).*?b$\"]"},
	/* each alternative is within the place, in a group or not */
	{"location /a/ { location ~ [.]b$|[|].c$ { return 411; } return 410; }",
	 "path: [\"~^(?=/a/).*?(?:[.]b$|[|].c$)\"]"},
	{"location /a/ { location ~ ([)]b|c[]|])$ { return 411; } return 410; }",
	 "path: [\"~^(?=/a/).*?([)]b|c[]|])$\"]"},
	{"location /a/ { rewrite ^/a/b|^/c /d break; return 410; }",
	 "path: [\"~^(?=/a/).*?(?:^/a/b|^/c)\"]"},
	{"location ~ ^/a { location ~ b$ { return 411; } return 410; }",
	 "path: [\"~^(?=.*?(?:^/a)).*?b$\"]"},
	/* other ways to speak to servers */
	{"location / { proxy_pass https://127.0.0.1:1; }",
	 "\"127.0.0.1:1-https\":|verify: no|protocol: http/1.1"},
	/* redirects */
	{"return 301 https://$host$request_uri;", "to: https\n|status: 301"},
	{"return 301 /b$request_uri;", "to: \"/b{path}\"\n"},
	{"location /a { return 301 $uri/; }", "to: \"{path}/\"\n"},
	{"return 301 $request_uri;", "to: \"{path}\"\n"},
	{"return 301 https://b.example/c$request_uri;", "to: \"https://b.example/c{path}\"\n"},
	{"return 302 /b?x;", "to: \"/b?x\"|keep-query: no"},
	{"return https://b.example$request_uri;", "to: \"https://b.example\"\n|status: 302"},
	{"location /a { return 301 $scheme://b/c$is_args$args; }", "to: \"{scheme}://b/c\"\n"},
	{"rewrite ^/u/(.+)$ /v/$1? permanent;", "to: \"/v/{1}\"|status: 301|keep-query: no"},
	{"rewrite ^/u/(?<who>.+)$ /v?u=$who last; location /v { proxy_pass "
	 "http://127.0.0.1:1; }",
	 "to: \"127.0.0.1:1\"|path: /v\n|query: \"u={1}&{query}\""},
	/* files */
	{"root /srv; location / { try_files $uri $uri/ /index.html; }", "fallback: index.html"},
	{"root /srv; location / { try_files $uri =404; }", "index: []"},
	{"location /a/ { alias /srv/b/; }", "strip: /a\n|root: /srv/b\n"},
	{"location = /a { alias /srv/b.txt; }", "path: /b.txt|root: /srv\n"},
	/* times and sizes */
	{"client_max_body_size 1k; location / { proxy_read_timeout 1m30s; proxy_pass "
	 "http://[::1]:1; }",
	 "body: 1024|timeout: 90000ms|to: \"[::1]:1\""},
	/* who is let in */
	{"location / { deny 192.0.2.1; allow 192.0.2.0/24; deny all; proxy_pass "
	 "http://127.0.0.1:1; }",
	 "deny: [192.0.2.1/32]|allow: [192.0.2.0/24]"},
	{"location / { deny 10.0.0.1/8; proxy_pass http://127.0.0.1:1; }", "deny: [10.0.0.0/8]"},
	{"root /srv; location / { try_files $uri @a; } "
	 "location @a { deny 192.0.2.1; proxy_pass http://127.0.0.1:1; }",
	 "deny: [192.0.2.1/32]|to: \"127.0.0.1:1\"|asked of those who want files too"},
	{"root /srv; location / { deny 192.0.2.2; try_files $uri @a; } "
	 "location @a { deny 192.0.2.1; proxy_pass http://127.0.0.1:1; }",
	 "deny: [192.0.2.2/32]|what is no file is not there"},
	{"location / { deny all; proxy_pass http://127.0.0.1:1; }", "deny: [0.0.0.0/0, \"::/0\"]"},
	{"location / { deny 192.0.2.1; allow all; deny all; proxy_pass http://127.0.0.1:1; "
	 "}",
	 "deny: [192.0.2.1/32]\n      to"},
};

static void places_become_routes(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[1024];
		(void)snprintf(text, sizeof(text), "server { listen 80; %s }\n", cases[i].text);
		char *made = made_of(text, NULL, OK);
		struct span rest = span_text(cases[i].lines);
		while (rest.len) {
			size_t end = span_find(rest, '|');
			char line[256];
			assert_true(span_to_cstr(span_sub(rest, 0, end), line, sizeof(line)));
			if (!strstr(made, line))
				fail_msg("%s: no '%s' in\n%s", cases[i].text, line, made);
			rest = span_sub(rest, end + 1, rest.len);
		}
		free(made);
	}
}

/* What was forbidden must not be open because it could not be carried over. */
static void what_is_not_understood_lets_nobody_in(void **state)
{
	static const char *const closed[] = {
		"auth_basic x; auth_basic_user_file none; proxy_pass http://127.0.0.1:1;",
		"auth_basic x; proxy_pass http://127.0.0.1:1;",
		"auth_request /none; location /none { return 200; } proxy_pass http://127.0.0.1:1;",
	};
	(void)state;
	for (size_t i = 0; i < sizeof(closed) / sizeof(closed[0]); i++) {
		char text[256];
		(void)snprintf(text, sizeof(text), "server { location / { %s } }", closed[i]);
		char *made = made_of(text, &data_files, OK);
		assert_non_null(strstr(made, "deny: [0.0.0.0/0, \"::/0\"]"));
		assert_non_null(strstr(made, "# :1: "));
		free(made);
	}
	/* Nor does it lead to the rest of the server. */
	static const char *const nowhere[] = {"proxy_pass http://$host;", "fastcgi_pass unix:/x;",
					      "internal;", "return 301 ftp://a;",
					      "proxy_pass http://unix:/run/x:/;"};
	for (size_t i = 0; i < sizeof(nowhere) / sizeof(nowhere[0]); i++) {
		char text[256];
		(void)snprintf(text, sizeof(text),
			       "server { location /a/ { %s } location / { return 200 open; } }",
			       nowhere[i]);
		char *made = made_of(text, NULL, OK);
		const char *route = strstr(made, "path: [/a/]");
		assert_non_null(route);
		assert_non_null(strstr(route, "answer:\n        status: "));
		assert_true(strstr(route, "answer:") < strstr(route, "path: [/]"));
		free(made);
	}
}

/* No line of a file is without a route or a note of its own. */
static void what_is_not_carried_over_is_told(void **state)
{
	(void)state;
	char *made =
		made_of("server {\n listen 80;\n geoip2 x;\n location / {\n  proxy_magic on;\n"
			"  if ($a) {\n   return 1;\n  }\n  proxy_pass http://127.0.0.1:1;\n }\n}\n"
			"geo $x {\n default 1;\n}\n",
			NULL, OK);
	assert_non_null(strstr(made, "# :3: geoip2: not carried over: not known here"));
	assert_non_null(strstr(made, "# :5: proxy_magic: not carried over: not known here"));
	assert_non_null(strstr(made, "# :6: if: a condition that is not carried over"));
	assert_non_null(strstr(made, "# :12: geo: not carried over"));
	free(made);
	/* Once, for however many places it holds. */
	made = made_of(
		"server {\n auth_basic x; auth_basic_user_file none;\n location /a { root /; }\n"
		" location /b { root /; }\n}\n",
		&data_files, OK);
	static const char *const once[] = {"could not be read", "nobody is let in"};
	for (size_t i = 0; i < 2; i++) {
		const char *first = strstr(made, once[i]);
		assert_non_null(first);
		assert_null(strstr(first + 1, once[i]));
	}
	free(made);
}

/* As certbot writes them, and more of them than the server has names. */
static void conditions_on_hosts_are_routes_or_told(void **state)
{
	(void)state;
	char *made =
		made_of("server {\n server_name a b;\n if ($host = a) { return 301 /a; }\n"
			" if ($host = b) { return 301 /b; }\n if ($host = a) { return 301 /c; }\n"
			" if ($host != c) { return 403; }\n return 404;\n}\n",
			NULL, OK);
	assert_non_null(strstr(made, "host: [a]\n      redirect:\n        to: /a\n"));
	assert_non_null(strstr(made, "host: [b]\n      redirect:\n        to: /b\n"));
	assert_null(strstr(made, "to: /c"));
	assert_null(strstr(made, "# :4: "));
	assert_non_null(strstr(made, "# :5: if: a condition that is not carried over"));
	assert_non_null(strstr(made, "# :6: if: a condition that is not carried over"));
	free(made);
}

/* What does not fit is cut, but leads to its own servers. */
static void long_names_stay_apart(void **state)
{
	(void)state;
#define LONG "0123456789012345678901234567890123456789012345678"
	char *made = made_of("upstream " LONG "a { server 127.0.0.1:1; }\n"
			     "upstream " LONG "b { server 127.0.0.1:2; }\n"
			     "server { location /a { proxy_pass http://" LONG "a; }\n"
			     " location /b { proxy_pass http://" LONG "b; } }\n",
			     NULL, OK);
	const char *first = strstr(made, "      to: "), *second = strstr(first + 1, "      to: ");
	assert_non_null(second);
	assert_int_not_equal(strncmp(first, second, sizeof("      to: ") - 1 + 48), 0);
	assert_null(strstr(made, "# "));
	free(made);
}

static void files_that_include_themselves_end(void **state)
{
	(void)state;
	char *made = made_of("include loop.conf;", &data_files, ERR_FORMAT);
	assert_non_null(strstr(made, "too many files are included"));
	free(made);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(torn_files_say_where),
		cmocka_unit_test(files_that_include_themselves_end),
		cmocka_unit_test(conditions_on_hosts_are_routes_or_told),
		cmocka_unit_test(long_names_stay_apart),
		cmocka_unit_test(what_is_not_understood_lets_nobody_in),
		cmocka_unit_test(what_is_not_carried_over_is_told),
		cmocka_unit_test(places_become_routes),
		cmocka_unit_test(a_usual_site_is_carried_over),
		cmocka_unit_test(includes_maps_and_streams_are_carried_over),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
