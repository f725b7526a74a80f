#include "proto/http/uri.h"

#include "base/writer.h"
#include "test/guard.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static enum err normal(const char *path, unsigned flags, char *ret, size_t size)
{
	uint8_t room[256];
	struct writer w = writer_of(room, sizeof(room));
	struct span s;
	enum err e = uri_path_normal(span_text(path), flags, &w, &s);
	if (!e)
		assert_true(span_to_cstr(s, ret, size));
	return e;
}

#define REFUSES(want, path, flags)                                                                 \
	do {                                                                                       \
		char got_[256] = "";                                                               \
		assert_int_equal(normal(path, flags, got_, sizeof(got_)), want);                   \
	} while (0)
#define BECOMES(want, path, flags)                                                                 \
	do {                                                                                       \
		char got_[256] = "";                                                               \
		assert_int_equal(normal(path, flags, got_, sizeof(got_)), OK);                     \
		assert_string_equal(got_, want);                                                   \
	} while (0)

static void refuses_what_two_readers_take_for_two_things(void **state)
{
	(void)state;
	REFUSES(ERR_FORMAT, "", 0);
	REFUSES(ERR_FORMAT, "a", 0);
	REFUSES(ERR_FORMAT, "*", 0);
	REFUSES(ERR_FORMAT, "/a b", 0);
	REFUSES(ERR_FORMAT, "/a\\b", 0);
	REFUSES(ERR_FORMAT, "/a?b", 0);
	REFUSES(ERR_FORMAT, "/a#b", 0);
	REFUSES(ERR_FORMAT, "/\xc3\xa4", 0);
	REFUSES(ERR_FORMAT, "/%", 0);
	REFUSES(ERR_FORMAT, "/%4", 0);
	REFUSES(ERR_FORMAT, "/%4g", 0);
	REFUSES(ERR_REFUSED, "/a%00b", 0);
	REFUSES(ERR_REFUSED, "/a%2fb", 0);
	REFUSES(ERR_REFUSED, "/a%5Cb", 0);
	REFUSES(ERR_REFUSED, "/a%00b", URI_ENCODED_SLASHES);
	REFUSES(ERR_REFUSED, "/..", 0);
	REFUSES(ERR_REFUSED, "/a/../..", 0);
	REFUSES(ERR_REFUSED, "/a/%2e%2E/../b", 0);
	REFUSES(ERR_REFUSED, "/a/..;/b", 0);
	REFUSES(ERR_REFUSED, "/a/.;x/b", 0);
}

static void makes_one_form_of_paths(void **state)
{
	(void)state;
	BECOMES("/", "/", 0);
	BECOMES("/a/b", "/a/b", 0);
	BECOMES("/a/.b/..c", "/a/.b/..c", 0);
	BECOMES("/a;v=1/b@c:d", "/a;v=1/b@c:d", 0);
	BECOMES("/a/c", "/a/b/../c", 0);
	BECOMES("/", "/a/..", 0);
	BECOMES("/a/", "/a/.", 0);
	BECOMES("/a/", "/a/b/..", 0);
	BECOMES("/a/b", "/a/./b", 0);
	BECOMES("/a/g", "/a/b/c/./../../g", 0); /* RFC 3986 5.2.4 */
	BECOMES("/a/b/", "//a///b//", 0);
	BECOMES("//a///b//", "//a///b//", URI_EMPTY_SEGMENTS);
	BECOMES("//b", "//a/../b", URI_EMPTY_SEGMENTS);
	BECOMES("/~user", "/%7euser", 0);
	BECOMES("/ab-._~9", "/%61%62%2D%2e%5F%7E%39", 0);
	BECOMES("/%20%C3%A4", "/%20%c3%a4", 0);
	BECOMES("/a%2Fb", "/a%2fb", URI_ENCODED_SLASHES);
}

static void says_when_there_is_no_room(void **state)
{
	(void)state;
	uint8_t room[4];
	struct writer w = writer_of(room, sizeof(room));
	struct span s;
	assert_int_equal(uri_path_normal(span_text("/%61bcdef/.."), 0, &w, &s), ERR_LIMIT);
}

static void once_more_changes_nothing(const uint8_t *data, size_t len)
{
	uint8_t room[2][256];
	struct writer a = writer_of(room[0], 256), b = writer_of(room[1], 256);
	struct span one, two;
	if (uri_path_normal(span_of(data, len), 0, &a, &one) != OK)
		return;
	assert_int_equal(uri_path_normal(one, 0, &b, &two), OK);
	assert_true(span_equal(one, two));
}

static void normal_form_is_final_for_every_prefix_and_flip(void **state)
{
	(void)state;
	static const char path[] = "/a//%62/./c%2Dd/../e;f/%41%7e/..";
	guard_every_prefix(path, sizeof(path) - 1, once_more_changes_nothing);
	guard_every_bit_flip(path, sizeof(path) - 1, once_more_changes_nothing);
}

static void makes_one_form_of_hosts(void **state)
{
	(void)state;
	static const struct {
		const char *in, *host;
		uint16_t port;
	} cases[] = {
		{"example.com", "example.com", 0},
		{"Example.COM.:8080", "example.com", 8080},
		{"[2001:DB8::1]:443", "[2001:db8::1]", 443},
		{"a:", "a", 0},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t room[64];
		struct writer w = writer_of(room, sizeof(room));
		struct span host;
		uint16_t port;
		assert_int_equal(uri_host_normal(span_text(cases[i].in), &w, &host, &port), OK);
		assert_true(span_is(host, cases[i].host));
		assert_int_equal(port, cases[i].port);
	}
	static const char *const bad[] = {"", ":80", ".", "a b", "a:b", "[::1", "user@a", "a/b"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		uint8_t room[64];
		struct writer w = writer_of(room, sizeof(room));
		struct span host;
		uint16_t port;
		assert_int_equal(uri_host_normal(span_text(bad[i]), &w, &host, &port), ERR_FORMAT);
	}
}

static void reads_arguments(void **state)
{
	(void)state;
	struct span rest = span_text("a=1&b&=x&c%3D=y+z"), name, value;
	assert_true(uri_query_next(&rest, &name, &value));
	assert_true(span_is(name, "a") && span_is(value, "1"));
	assert_true(uri_query_next(&rest, &name, &value));
	assert_true(span_is(name, "b") && value.len == 0);
	assert_true(uri_query_next(&rest, &name, &value));
	assert_true(name.len == 0 && span_is(value, "x"));
	assert_true(uri_query_next(&rest, &name, &value));
	assert_true(uri_is_text(name, true, "c=") && uri_is_text(value, true, "y z"));
	assert_false(uri_is_text(value, false, "y z"));
	assert_false(uri_is_text(value, true, "y "));
	assert_false(uri_query_next(&rest, &name, &value));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_what_two_readers_take_for_two_things),
		cmocka_unit_test(makes_one_form_of_paths),
		cmocka_unit_test(says_when_there_is_no_room),
		cmocka_unit_test(normal_form_is_final_for_every_prefix_and_flip),
		cmocka_unit_test(makes_one_form_of_hosts),
		cmocka_unit_test(reads_arguments),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
