#include "proto/dns/name.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void assert_reads(const char *text, const struct dns_name *origin, const char *want)
{
	struct dns_name n;
	char buf[DNS_NAME_TEXT_MAX];
	assert_int_equal(dns_name_from_text_case(span_text(text), origin, &n), OK);
	assert_string_equal(dns_name_format(&n, buf), want);
}

static void assert_fails(struct span text, enum err want)
{
	struct dns_name n = DNS_NAME_ROOT, origin = DNS_NAME_ROOT;
	assert_int_equal(dns_name_from_text(text, &origin, &n), want);
	assert_int_equal(n.len, 1);
}

static void refuses_empty_labels_and_torn_escapes(void **state)
{
	(void)state;
	static const char *const bad[] = {"",	    "..",    ".a",   "a..b",  "a..",
					  "\\",	    "a\\",   "\\1",  "\\12",  "\\12a",
					  "\\256.", "\\999", "a.\\", "\\1x2", "\\a..b"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_fails(span_text(bad[i]), ERR_FORMAT);
}

static void refuses_labels_past_63_and_names_past_255(void **state)
{
	(void)state;
	char text[400];
	memset(text, 'a', sizeof(text));
	assert_fails(span_of(text, 64), ERR_LIMIT);
	assert_fails(span_of(text, sizeof(text)), ERR_LIMIT);
	for (size_t i = 63; i < sizeof(text); i += 64)
		text[i] = '.';
	struct dns_name n;
	/* 63 + 63 + 63 + 61 and four lengths and the root are 255. */
	assert_int_equal(dns_name_from_text(span_of(text, 64 * 3 + 61), NULL, &n), OK);
	assert_int_equal(n.len, 255);
	assert_fails(span_of(text, 64 * 3 + 62), ERR_LIMIT);
	struct dns_name origin;
	assert_int_equal(dns_name_from_text(span_text("b."), NULL, &origin), OK);
	assert_int_equal(dns_name_from_text(span_of(text, 64 * 3 + 59), &origin, &n), OK);
	assert_int_equal(n.len, 255);
	assert_int_equal(dns_name_from_text(span_of(text, 64 * 3 + 60), &origin, &n), ERR_LIMIT);
}

static void reads_master_file_names(void **state)
{
	(void)state;
	struct dns_name origin;
	assert_int_equal(dns_name_from_text(span_text("example.COM"), NULL, &origin), OK);
	assert_reads("@", &origin, "example.com.");
	assert_reads("www", &origin, "www.example.com.");
	assert_reads("www.Net.", &origin, "www.Net.");
	assert_reads("www.net", NULL, "www.net.");
	assert_reads(".", &origin, ".");
	assert_reads("*", &origin, "*.example.com.");
	assert_reads("a\\.b.c.", &origin, "a\\.b.c.");
	assert_reads("\\097\\000.", &origin, "a\\000.");
	assert_reads("\\@.", &origin, "\\@.");
	assert_reads("\\@", &origin, "\\@.example.com.");
	assert_reads("\\a\\-b.", &origin, "a-b.");
	assert_reads("\\.", &origin, "\\..example.com.");
	assert_reads("\xc3\xbc.", &origin, "\\195\\188.");
	assert_reads("a b.", &origin, "a\\032b.");
	struct dns_name n;
	assert_int_equal(dns_name_from_text(span_text("@"), NULL, &n), ERR_FORMAT);
}

/* origin and ret may be one: $ORIGIN sub. */
static void reads_relative_to_itself(void **state)
{
	(void)state;
	struct dns_name n;
	char buf[DNS_NAME_TEXT_MAX];
	assert_int_equal(dns_name_from_text(span_text("example."), NULL, &n), OK);
	assert_int_equal(dns_name_from_text(span_text("@"), &n, &n), OK);
	assert_int_equal(dns_name_from_text(span_text("SUB"), &n, &n), OK);
	assert_string_equal(dns_name_format(&n, buf), "sub.example.");
}

static void gives_back_every_octet(void **state)
{
	(void)state;
	for (unsigned c = 0; c < 256; c++) {
		uint8_t label[63];
		struct dns_name n = DNS_NAME_ROOT, back;
		char buf[DNS_NAME_TEXT_MAX];
		memset(label, (int)c, sizeof(label));
		for (int i = 0; i < 3; i++)
			assert_int_equal(dns_name_prepend_label(span_of(label, 63), &n, &n), OK);
		assert_int_equal(dns_name_prepend_label(span_of(label, 61), &n, &n), OK);
		dns_name_format(&n, buf);
		assert_int_equal(dns_name_from_text_case(span_text(buf), NULL, &back), OK);
		assert_true(dns_name_equal(&n, &back));
	}
}

static void shows_what_is_no_name_as_a_question_mark(void **state)
{
	(void)state;
	char buf[DNS_NAME_TEXT_MAX];
	assert_string_equal(dns_name_format_span(span_of("\3ab", 3), buf), "?");
	assert_string_equal(dns_name_format_span((struct span){0}, buf), "?");
	assert_string_equal(dns_name_format_span(span_of("\2ab", 4), buf), "ab.");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_empty_labels_and_torn_escapes),
		cmocka_unit_test(refuses_labels_past_63_and_names_past_255),
		cmocka_unit_test(reads_master_file_names),
		cmocka_unit_test(reads_relative_to_itself),
		cmocka_unit_test(gives_back_every_octet),
		cmocka_unit_test(shows_what_is_no_name_as_a_question_mark),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
