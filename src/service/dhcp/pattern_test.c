#include "service/dhcp/pattern.h"

#include "base/writer.h"
#include "test/random.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static bool matches(const char *pattern, const char *text)
{
	uint8_t buf[256];
	struct writer w = writer_of(buf, sizeof(buf));
	struct dhcp_pattern p;

	assert_int_equal(dhcp_pattern_parse(span_text(pattern), &w, &p), OK);
	return dhcp_pattern_matches(&p, span_text(text));
}

static enum err parse(const char *pattern, size_t room)
{
	uint8_t buf[256];
	struct writer w = writer_of(buf, room);
	struct dhcp_pattern p;

	return dhcp_pattern_parse(span_text(pattern), &w, &p);
}

static void refuses_what_is_no_pattern(void **state)
{
	(void)state;
	assert_int_equal(parse("", 256), ERR_FORMAT);
	assert_int_equal(parse("hex:", 256), ERR_FORMAT);
	assert_int_equal(parse("hex:0", 256), ERR_FORMAT);
	assert_int_equal(parse("hex:0g", 256), ERR_FORMAT);
	assert_int_equal(parse("a*b*c*d*e*f*g*h*i", 256), ERR_LIMIT);
	assert_int_equal(parse("a*b*c*d*e*f*g*h*", 256), OK);
	assert_int_equal(parse("abcdef", 5), ERR_LIMIT);
}

static void stars_are_anything(void **state)
{
	(void)state;
	assert_true(matches("PXEClient*", "PXEClient:Arch:00007"));
	assert_true(matches("PXEClient*", "PXEClient"));
	assert_false(matches("PXEClient*", "PXEClien"));
	assert_true(matches("a*c", "ac"));
	assert_true(matches("a*c", "abbc"));
	assert_false(matches("a*c", "abcd"));
	assert_false(matches("ab*bc", "abc"));
	assert_true(matches("*b*", "abc"));
	assert_true(matches("*", ""));
	assert_true(matches("abc", "abc"));
	assert_false(matches("abc", "abcd"));
	assert_false(matches("abc", "xabc"));
	assert_true(matches("*ab", "aab"));
	assert_true(matches("*aab", "aaab"));
	assert_true(matches("hex:61:62*", "abc"));
	assert_true(matches("hex:6162*63", "ab-c"));
	assert_false(matches("hex:6162", "abc"));
	assert_true(matches("**a", "ba"));
}

/* The obvious definition. */
static bool slow(const char *p, const char *s)
{
	if (*p == '*')
		return slow(p + 1, s) || (*s && slow(p, s + 1));
	return *p == *s && (*p == '\0' || slow(p + 1, s + 1));
}

static void agrees_with_the_obvious_definition(void **state)
{
	(void)state;
	struct test_random r = test_random_begin();
	unsigned found = 0;

	for (unsigned round = 0; round < 200000; round++) {
		char p[8] = {0}, s[10] = {0};
		size_t p_len = 1 + test_random_below(&r, sizeof(p) - 1);
		size_t s_len = test_random_below(&r, sizeof(s));
		for (size_t i = 0; i < p_len; i++)
			p[i] = "ab*"[test_random_below(&r, 3)];
		for (size_t i = 0; i < s_len; i++)
			s[i] = "ab"[test_random_below(&r, 2)];
		if (matches(p, s) != slow(p, s))
			print_error("%s against %s\n", p, s);
		assert_int_equal(matches(p, s), slow(p, s));
		found += slow(p, s);
	}
	assert_true(found > 1000);
}

static void octets_are_text_or_hex(void **state)
{
	(void)state;
	uint8_t buf[4];
	struct writer w = writer_of(buf, sizeof(buf));

	assert_int_equal(dhcp_octets_parse(span_text(""), &w), ERR_FORMAT);
	assert_int_equal(dhcp_octets_parse(span_text("hex:"), &w), ERR_FORMAT);
	assert_int_equal(dhcp_octets_parse(span_text("abcde"), &w), ERR_LIMIT);
	assert_int_equal(dhcp_octets_parse(span_text("hex:0102030405"), &w), ERR_LIMIT);
	assert_int_equal(w.pos, 0);
	assert_int_equal(dhcp_octets_parse(span_text("a*"), &w), OK);
	assert_int_equal(dhcp_octets_parse(span_text("hex:0A-ff"), &w), OK);
	assert_memory_equal(buf, "a*\x0a\xff", 4);
}

static void mac_prefixes_end_at_an_octet(void **state)
{
	(void)state;
	struct dhcp_mac_prefix p;
	static const char *const wrong[] = {
		"",
		"*",
		"02",
		"02:00:00:00:00",
		"02:00:00:00:00:01:*",
		"02:0*",
		"02*",
		"02:00:00:00:00:01:02",
		"02:00:00:00:00:0g",
		":*",
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(dhcp_mac_prefix_parse(span_text(wrong[i]), &p), ERR_FORMAT);
	assert_int_equal(dhcp_mac_prefix_parse(span_text("02:ab:*"), &p), OK);
	assert_int_equal(p.octets_n, 2);
	assert_memory_equal(p.octets, "\x02\xab", 2);
	assert_int_equal(dhcp_mac_prefix_parse(span_text("02-ab-00-00-00-01"), &p), OK);
	assert_int_equal(p.octets_n, 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_what_is_no_pattern),
		cmocka_unit_test(stars_are_anything),
		cmocka_unit_test(agrees_with_the_obvious_definition),
		cmocka_unit_test(octets_are_text_or_hex),
		cmocka_unit_test(mac_prefixes_end_at_an_octet),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
