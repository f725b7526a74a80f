#include "proto/dhcp/suboption.h"

#include "test/guard.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define SPAN(text) span_of(text, sizeof(text) - 1)

static void refuses_torn_lists(void **state)
{
	(void)state;
	struct reader r = reader_of_span(SPAN("\1\2ab\2\2c"));
	struct dhcp_suboption s;
	struct span v;
	struct dhcp_enterprise e;
	assert_true(dhcp_suboption_next(&r, &s));
	assert_false(dhcp_suboption_next(&r, &s));
	assert_int_equal(reader_end(&r), ERR_FORMAT);
	r = reader_of_span(SPAN("\1"));
	assert_false(dhcp_suboption_next(&r, &s));
	assert_int_equal(reader_end(&r), ERR_FORMAT);
	r = reader_of_span(SPAN("\3ab"));
	assert_false(dhcp_item_next(&r, &v));
	assert_int_equal(reader_end(&r), ERR_FORMAT);
	r = reader_of_span(SPAN("\0\0\x0d\xe9\2a"));
	assert_false(dhcp_enterprise_next(&r, &e));
	assert_int_equal(reader_end(&r), ERR_FORMAT);
	assert_false(dhcp_suboption_find(SPAN("\1\2ab\2\2c"), 1, &v));
}

static void no_code_of_option_82_is_special(void **state)
{
	(void)state;
	/* RFC 3046 2.0: "There is no pad suboption, and the Information field shall NOT be
	 * terminated with a 255 suboption." So 0 and 255 are codes like others. */
	struct reader r = reader_of_span(SPAN("\0\1a\xff\1b"));
	struct dhcp_suboption s;
	assert_true(dhcp_suboption_next(&r, &s));
	assert_int_equal(s.code, 0);
	assert_true(dhcp_suboption_next(&r, &s));
	assert_int_equal(s.code, 255);
	assert_true(span_is(s.value, "b"));
	assert_false(dhcp_suboption_next(&r, &s));
	assert_int_equal(reader_end(&r), OK);
}

static void option_43_has_pad_and_end(void **state)
{
	(void)state;
	struct reader r = reader_of_span(SPAN("\0\0\6\1a\0\7\2bc\xffjunk"));
	struct dhcp_suboption s;
	assert_true(dhcp_vendor_suboption_next(&r, &s));
	assert_int_equal(s.code, 6);
	assert_true(dhcp_vendor_suboption_next(&r, &s));
	assert_int_equal(s.code, 7);
	assert_true(span_is(s.value, "bc"));
	assert_false(dhcp_vendor_suboption_next(&r, &s));
	assert_int_equal(reader_end(&r), OK);
	r = reader_of_span(SPAN("\0\6\2a"));
	assert_false(dhcp_vendor_suboption_next(&r, &s));
	assert_int_equal(reader_end(&r), ERR_FORMAT);
}

static void finds_the_first_of_a_code(void **state)
{
	(void)state;
	struct span v;
	assert_true(dhcp_suboption_find(SPAN("\1\1a\2\0\1\1b"), 1, &v));
	assert_true(span_is(v, "a"));
	assert_true(dhcp_suboption_find(SPAN("\1\1a\2\0\1\1b"), 2, &v));
	assert_int_equal(v.len, 0);
	assert_false(dhcp_suboption_find(SPAN("\1\1a\2\0\1\1b"), 3, &v));
}

static void what_is_written_is_read(void **state)
{
	(void)state;
	uint8_t buf[600], big[256] = {0};
	struct writer w = writer_of(buf, sizeof(buf));
	dhcp_enterprise_write(&w, 4491, SPAN("\1\1a"));
	dhcp_enterprise_write(&w, 25506, SPAN("x"));
	dhcp_enterprise_write(&w, 4491, SPAN("\2\1b"));
	uint8_t joined[20];
	struct writer j = writer_of(joined, sizeof(joined));
	assert_int_equal(dhcp_enterprise_join(writer_span(&w), 4491, &j), OK);
	assert_true(span_equal(writer_span(&j), SPAN("\1\1a\2\1b")));
	assert_int_equal(dhcp_enterprise_join(writer_span(&w), 1, &j), ERR_ABSENT);
	j = writer_of(joined, 5);
	assert_int_equal(dhcp_enterprise_join(writer_span(&w), 4491, &j), ERR_LIMIT);
	w = writer_of(buf, sizeof(buf));
	dhcp_item_write(&w, span_text("abc"));
	dhcp_item_write(&w, (struct span){0});
	struct reader r = reader_of_span(writer_span(&w));
	struct span v;
	assert_true(dhcp_item_next(&r, &v));
	assert_true(span_is(v, "abc"));
	assert_true(dhcp_item_next(&r, &v));
	assert_int_equal(v.len, 0);
	assert_false(dhcp_item_next(&r, &v));
	/* One octet too long for a length of one octet. */
	w = writer_of(buf, sizeof(buf));
	dhcp_suboption_write(&w, 1, span_of(big, 255));
	assert_int_equal(writer_check(&w), OK);
	dhcp_suboption_write(&w, 1, span_of(big, 256));
	assert_int_equal(writer_check(&w), ERR_LIMIT);
	w = writer_of(buf, sizeof(buf));
	dhcp_enterprise_write(&w, 1, span_of(big, 256));
	assert_int_equal(writer_check(&w), ERR_LIMIT);
	assert_int_equal(w.pos, 0);
	w = writer_of(buf, sizeof(buf));
	dhcp_item_write(&w, span_of(big, 256));
	assert_int_equal(writer_check(&w), ERR_LIMIT);
}

static void read_all(const uint8_t *data, size_t len)
{
	struct dhcp_suboption s;
	struct dhcp_enterprise e;
	struct span v;
	unsigned sum = 0;
	struct reader r = reader_of(data, len);
	while (dhcp_suboption_next(&r, &s))
		sum += s.value.len ? s.value.data[s.value.len - 1] : 0u;
	r = reader_of(data, len);
	while (dhcp_vendor_suboption_next(&r, &s))
		sum += s.value.len ? s.value.data[s.value.len - 1] : 0u;
	r = reader_of(data, len);
	while (dhcp_enterprise_next(&r, &e))
		sum += e.data.len ? e.data.data[e.data.len - 1] : 0u;
	r = reader_of(data, len);
	while (dhcp_item_next(&r, &v))
		sum += v.len ? v.data[v.len - 1] : 0u;
	(void)sum;
}

static void survives_every_prefix_and_every_flip(void **state)
{
	(void)state;
	static const char data[] = "\0\0\x11\x8b\5\1\3abc\0\0\x11\x8b\3\2\1b\xff";
	guard_every_prefix(data, sizeof(data) - 1, read_all);
	guard_every_bit_flip(data, sizeof(data) - 1, read_all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_torn_lists),
		cmocka_unit_test(no_code_of_option_82_is_special),
		cmocka_unit_test(option_43_has_pad_and_end),
		cmocka_unit_test(finds_the_first_of_a_code),
		cmocka_unit_test(what_is_written_is_read),
		cmocka_unit_test(survives_every_prefix_and_every_flip),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
