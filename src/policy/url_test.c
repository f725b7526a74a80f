/* The readings of a target that servers have. */
#include "policy/url.h"

#include "test/guard.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct policy_readings readings;

static void read_text(const char *text)
{
	uint8_t *copy = guard_copy(text, strlen(text));
	policy_url_read(span_of(copy, strlen(text)), &readings);
	guard_free(copy, strlen(text));
}

static bool has(const char *reading)
{
	for (unsigned i = 0; i < readings.n; i++)
		if (span_is(readings.items[i], reading))
			return true;
	return false;
}

/* All readings, each once. */
static void reads_as(const char *text, unsigned n, const char *const *all)
{
	print_message("%s\n", text);
	read_text(text);
	assert_int_equal(readings.n, n);
	for (unsigned i = 0; i < n; i++)
		assert_true(has(all[i]));
}

#define READS(text, ...)                                                                           \
	reads_as(text, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *),                \
		 (const char *const[]){__VA_ARGS__})

static void what_all_servers_read_alike_has_one_reading(void **state)
{
	(void)state;
	READS("/", "/");
	READS("", "/");
	READS("*", "/*");
	READS("/ads/a.gif", "/ads/a.gif");
	READS("/%61d%73/%41.gif", "/ads/A.gif");
	READS("//ads///a", "/ads/a");
	READS("/a%20b", "/a b");
	READS("/a%zz%1", "/a%zz%1");
	READS("/%2561ds", "/%61ds"); /* once, and not twice */
	READS("/a?b=%2Fc", "/a?b=/c");
	READS("/a?b/../c;d\\e", "/a?b/../c;d\\e"); /* nobody resolves a query */
	READS("?a", "/?a");
}

static void dot_segments_are_resolved_and_stay(void **state)
{
	(void)state;
	READS("/x/../ads/", "/x/../ads/", "/ads/");
	READS("/x/%2e%2E/ads/", "/x/../ads/", "/ads/");
	READS("/./ads/.", "/./ads/.", "/ads/");
	READS("/../../ads", "/../../ads", "/ads");
	READS("/a/b/..", "/a/b/..", "/a/");
	READS("/a//../b", "/a/../b", "/a/b", "/b");
	READS("/.ads", "/.ads");
	READS("/ads/..?x", "/ads/..?x", "/?x");
}

static void an_escaped_slash_is_one_and_is_none(void **state)
{
	(void)state;
	READS("/ads%2Fx", "/ads/x");
	READS("/ads/..%2Fx", "/ads/../x", "/x");
	READS("/y/../ads%2F../x", "/y/../ads/../x", "/ads/../x", "/x");
	READS("/a%2Fb/../c", "/a/b/../c", "/c", "/a/c");
	READS("/a%2f%2Fb", "/a/b");
}

static void backslashes_parameters_and_torn_ends_are_read_eagerly(void **state)
{
	(void)state;
	READS("/x\\..\\ads\\", "/x\\..\\ads\\", "/ads/");
	READS("/x%5c..%5Cads", "/x\\..\\ads", "/ads");
	READS("/ads;x=1/a", "/ads;x=1/a", "/ads/a");
	READS("/x/..;/ads", "/x/..;/ads", "/ads");
	READS("/x/%2e%2e%3bp/ads", "/x/..;p/ads", "/ads");
	READS("/a#/../ads", "/a#/../ads", "/ads", "/a");
	read_text("/a.exe%00.png");
	assert_int_equal(readings.n, 2);
	assert_true(has("/a.exe"));
}

static void the_longest_target_has_room(void **state)
{
	(void)state;
	static char text[POLICY_URL_MAX + 1];
	memset(text, ';', POLICY_URL_MAX);
	memcpy(text, "x/../%2F", 8); /* without a slash: one is put before it, thrice */
	read_text(text);
	assert_int_equal(readings.n, 3);
	assert_int_equal(readings.items[0].len, POLICY_URL_MAX - 2);
}

static void splits_addresses_as_people_write_them(void **state)
{
	(void)state;
	struct policy_address a;
	assert_true(policy_address_split(span_text("HTTPS://example.org:8443/a?b#c"), &a));
	assert_true(a.secure && span_is(a.host, "example.org") && span_is(a.port, "8443") &&
		    span_is(a.target, "/a?b"));
	assert_true(policy_address_split(span_text("example.org"), &a));
	assert_true(!a.secure && span_is(a.host, "example.org") && !a.port.len &&
		    span_is(a.target, "/"));
	assert_true(policy_address_split(span_text("http://[2001:db8::1]/x"), &a));
	assert_true(span_is(a.host, "[2001:db8::1]") && span_is(a.target, "/x"));
	assert_false(policy_address_split(span_text("/ads"), &a));
	assert_false(policy_address_split(span_text("http://"), &a));
	assert_false(policy_address_split(span_text("http://a@example.org/"), &a));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_all_servers_read_alike_has_one_reading),
		cmocka_unit_test(dot_segments_are_resolved_and_stay),
		cmocka_unit_test(an_escaped_slash_is_one_and_is_none),
		cmocka_unit_test(backslashes_parameters_and_torn_ends_are_read_eagerly),
		cmocka_unit_test(the_longest_target_has_room),
		cmocka_unit_test(splits_addresses_as_people_write_them),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
