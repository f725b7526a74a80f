#include "proto/http/token.h"

#include "test/guard.h"
#include "test/random.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static bool is_in(unsigned c, const char *set)
{
	bool letter = (c | 32) >= 'a' && (c | 32) <= 'z' && c < 128;
	return letter || (c >= '0' && c <= '9') || (c && strchr(set, (int)c));
}

/* RFC 9110 5.6.2: "tchar = "!" / "#" / "$" / "%" / "&" / "'" / "*" / "+" / "-" / "." / "^" / "_" /
 * "`" / "|" / "~" / DIGIT / ALPHA". */
static void takes_the_bytes_of_tokens_alone(void **state)
{
	(void)state;
	for (unsigned c = 0; c < 256; c++) {
		const uint8_t text[] = {'a', (uint8_t)c, 'z'};
		bool tchar = is_in(c, "!#$%&'*+-.^_`|~");
		assert_int_equal(http_is_token(span_of(text, 3)), tchar);
		assert_int_equal(http_token_end(span_of(text, 3), 0), tchar ? 3 : 1);
		assert_int_equal(http_token_end(span_of(text, 3), 1), tchar ? 3 : 1);
		assert_int_equal(http_token_end(span_of(text, 3), 2), 3);
		assert_int_equal(http_token_end(span_of(text, 3), 3), 3);
	}
	assert_false(http_is_token(span_text("")));
}

/* RFC 3986 2: unreserved, gen-delims but "#", sub-delims, "%". */
static void takes_the_bytes_of_uris_alone(void **state)
{
	(void)state;
	for (unsigned c = 0; c < 256; c++) {
		const uint8_t text[] = {'/', (uint8_t)c, 'z'};
		assert_int_equal(http_is_target(span_text("GET"), span_of(text, 3)),
				 is_in(c, "-._~:/?[]@!$&'()*+,;=%"));
	}
}

/* RFC 3986 3.2.2: reg-name = *( unreserved / pct-encoded / sub-delims ). */
static void takes_the_bytes_of_hosts_alone(void **state)
{
	(void)state;
	for (unsigned c = 0; c < 256; c++) {
		const uint8_t text[] = {'a', (uint8_t)c, 'z'};
		assert_int_equal(http_is_host(span_of(text, 3)), is_in(c, "-._~!$&'()*+,;=%"));
	}
	assert_true(http_is_host(span_text("")));
	assert_true(http_is_host(span_text("a:80")));
	assert_false(http_is_host(span_text("a:80a")));
}

/* RFC 9110 5.5: VCHAR, obs-text, SP and HTAB; at whichever place of whichever length. */
static void finds_each_control_byte_but_tabs_at_every_place(void **state)
{
	(void)state;
	for (size_t len = 1; len < 40; len++) {
		struct guard g = guard_of(len);
		uint8_t *text = g.end - len;
		for (size_t at = 0; at < len; at++)
			for (unsigned c = 0; c < 256; c++) {
				bool control = (c < 0x20 && c != '\t') || c == 0x7f;
				memset(text, '\t', len);
				memset(text, 0xff, at);
				text[at] = (uint8_t)c;
				struct span s = span_of(text, len);
				assert_int_equal(http_control_find(s, 0), control ? at : len);
				assert_int_equal(http_control_find(s, at), control ? at : len);
				assert_int_equal(http_control_find(s, at + 1), len);
				assert_int_equal(http_is_field_value(s), !control);
			}
		guard_done(&g);
	}
	assert_true(http_is_field_value(span_text("")));
}

static size_t slow_control_find(struct span s, size_t pos)
{
	while (pos < s.len && ((s.data[pos] >= 0x20 && s.data[pos] != 0x7f) || s.data[pos] == '\t'))
		pos++;
	return pos;
}

/* Several, and what is next to one in value. */
static void finds_the_first_control_byte_of_many(void **state)
{
	static const uint8_t near[] = {0x00, 0x01, '\t', 0x1f, 0x20, 0x21, 0x7e, 0x7f,
				       0x80, 0x81, 0x9f, 0xa0, 0xff, 'a',  'a',	 'a'};
	struct test_random random = test_random_begin();
	(void)state;
	for (size_t len = 1; len < 70; len++) {
		struct guard g = guard_of(len);
		uint8_t *text = g.end - len;
		for (int round = 0; round < 300; round++) {
			size_t of = 1 + test_random_below(&random, sizeof(near));
			for (size_t i = 0; i < len; i++)
				text[i] = near[sizeof(near) - 1 - test_random_below(&random, of)];
			text[test_random_below(&random, len)] =
				near[test_random_below(&random, sizeof(near))];
			struct span s = span_of(text, len);
			size_t pos = test_random_below(&random, len + 1);
			assert_int_equal(http_control_find(s, 0), slow_control_find(s, 0));
			assert_int_equal(http_control_find(s, pos), slow_control_find(s, pos));
		}
		guard_done(&g);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_the_bytes_of_tokens_alone),
		cmocka_unit_test(takes_the_bytes_of_uris_alone),
		cmocka_unit_test(takes_the_bytes_of_hosts_alone),
		cmocka_unit_test(finds_each_control_byte_but_tabs_at_every_place),
		cmocka_unit_test(finds_the_first_control_byte_of_many),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
