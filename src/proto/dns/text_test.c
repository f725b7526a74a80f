#include "proto/dns/text.h"

#include "proto/dns/name.h"
#include "test/guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

/* All tokens of the text as one line: B blank, N newline, w(text) word, q(text) quoted,
 * !phrase@line:column. */
static void assert_tokens(const char *text, const char *expected)
{
	static char got[4096];
	struct dns_text_lexer l;
	struct writer w = writer_of(got, sizeof(got) - 1);
	dns_text_init(&l, span_text(text));
	for (enum dns_token t; (t = dns_text_next(&l)) != DNS_TOKEN_END;) {
		switch (t) {
		case DNS_TOKEN_BLANK: write_u8(&w, 'B'); break;
		case DNS_TOKEN_NEWLINE: write_u8(&w, 'N'); break;
		case DNS_TOKEN_WORD:
		case DNS_TOKEN_QUOTED:
			write_format(&w, "%c%u:%u(%.*s)", t == DNS_TOKEN_WORD ? 'w' : 'q', l.line,
				     l.column, (int)l.text.len, l.text.data);
			break;
		default:
			write_format(&w, "!%u:%u %s!", l.error.line, l.error.column,
				     l.error.expected);
			l.error = (struct dns_text_error){0};
			break;
		}
	}
	got[w.pos] = 0;
	assert_string_equal(got, expected);
}

static void notes_where_text_is_torn(void **state)
{
	(void)state;
	assert_tokens("a \"bc\nd", "w1:1(a)!1:3 a closing quote on this line!Nw2:1(d)");
	assert_tokens("a \"bc\\\nd", "w1:1(a)!1:3 a closing quote on this line!Nw2:1(d)");
	assert_tokens("a \"bc", "w1:1(a)!1:3 a closing quote on this line!");
	assert_tokens("\"\\", "!1:1 a closing quote on this line!");
	assert_tokens("ab\\", "!1:3 a byte after the backslash!");
	assert_tokens("ab\\\nc", "!1:3 a byte after the backslash!Nw2:1(c)");
	assert_tokens("\\", "!1:1 a byte after the backslash!");
	assert_tokens("a ( b\nc",
		      "w1:1(a)w1:5(b)w2:1(c)!1:3 a closing parenthesis for the one here!");
	assert_tokens("a ( (b)\n", "w1:1(a)w1:6(b)!1:3 a closing parenthesis for the one here!");
	assert_tokens("a ) b", "w1:1(a)!1:3 an opening parenthesis before this one!w1:5(b)");
	assert_tokens("a\x01"
		      "b",
		      "w1:1(a)!1:2 text, not a control character!w1:3(b)");
	assert_tokens("\x7f", "!1:1 text, not a control character!");
}

static void cuts_text_into_tokens(void **state)
{
	(void)state;
	assert_tokens("", "");
	assert_tokens("\n\n ; c\n\t\n", "");
	assert_tokens("a b\n", "w1:1(a)w1:3(b)N");
	assert_tokens("a b", "w1:1(a)w1:3(b)");
	assert_tokens(" a\n", "Bw1:2(a)N");
	assert_tokens("a;b c\nd", "w1:1(a)Nw2:1(d)");
	assert_tokens("a \"b c;d\" e", "w1:1(a)q1:3(b c;d)w1:11(e)");
	assert_tokens("\"a\"\"b\"c", "q1:1(a)q1:4(b)w1:7(c)");
	assert_tokens("a\"b\"", "w1:1(a\"b\")");
	assert_tokens("\"a\\\"b\"", "q1:1(a\\\"b)");
	assert_tokens("a\\ b\\;c\\(d", "w1:1(a\\ b\\;c\\(d)");
	assert_tokens("a (\n b ; c\n\nd ) e\nf", "w1:1(a)w2:2(b)w4:1(d)w4:5(e)Nw5:1(f)");
	assert_tokens("a(b)c", "w1:1(a)w1:3(b)w1:5(c)");
	assert_tokens("( a\n)\nb", "w1:3(a)Nw3:1(b)");
	assert_tokens("a\r\n\r\nb\r\n", "w1:1(a)Nw3:1(b)N");
	assert_tokens("\xef\xbb\xbf"
		      "a",
		      "w1:1(a)");
	assert_tokens("\xc3\xa9", "w1:1(\xc3\xa9)");
}

static void a_pair_may_hold_blanks_in_quotes(void **state)
{
	(void)state;
	struct dns_text_lexer l;
	struct span word;
	dns_text_init(&l, span_text("a=\"b c\" d=\"e\\\" f\"g h=\"i"));
	l.pairs = true;
	assert_int_equal(dns_text_word(&l, "x", &word), OK);
	assert_true(span_is(word, "a=\"b c\""));
	assert_int_equal(dns_text_word(&l, "x", &word), OK);
	assert_true(span_is(word, "d=\"e\\\" f\"g"));
	assert_int_equal(dns_text_word(&l, "x", &word), ERR_FORMAT);
	assert_string_equal(l.error.expected, "a closing quote on this line");
}

static void skips_to_the_next_entry(void **state)
{
	(void)state;
	struct dns_text_lexer l;
	dns_text_init(&l, span_text("a ( b\n c\n) d \"e\nf ) g\nh"));
	assert_int_equal(dns_text_next(&l), DNS_TOKEN_WORD);
	assert_int_equal(dns_text_fail(&l, "another"), ERR_FORMAT);
	assert_string_equal(l.error.expected, "another");
	assert_int_equal(l.error.column, 1);
	dns_text_skip_entry(&l);
	assert_null(l.error.expected);
	assert_int_equal(dns_text_next(&l), DNS_TOKEN_WORD);
	assert_true(span_is(l.text, "f"));
	dns_text_skip_entry(&l);
	/* The end of an entry that a reader ran into is not passed twice. */
	struct span word;
	assert_int_equal(dns_text_word(&l, "x", &word), OK);
	assert_int_equal(dns_text_word(&l, "x", &word), ERR_FORMAT);
	dns_text_skip_entry(&l);
	assert_int_equal(dns_text_next(&l), DNS_TOKEN_END);
	assert_int_equal(dns_text_next(&l), DNS_TOKEN_END);
}

static void resolves_escapes(void **state)
{
	(void)state;
	uint8_t out[16];
	struct writer w = writer_of(out, sizeof(out));
	assert_false(dns_text_unescape_all(span_text("\\256"), &w));
	assert_false(dns_text_unescape_all(span_text("\\25"), &w));
	assert_false(dns_text_unescape_all(span_text("\\2x5"), &w));
	assert_false(dns_text_unescape_all(span_text("a\\"), &w));
	w = writer_of(out, sizeof(out));
	assert_true(dns_text_unescape_all(span_text("a\\b\\\\\\000\\255\\\"1"), &w));
	assert_int_equal(w.pos, 7);
	assert_memory_equal(out, "ab\\\0\xff\"1", 7);
	w = writer_of(out, 2);
	assert_true(dns_text_unescape_all(span_text("abc"), &w));
	assert_int_equal(writer_check(&w), ERR_LIMIT);
}

static void quotes_what_needs_it(void **state)
{
	(void)state;
	char out[64] = {0};
	struct writer w = writer_of(out, sizeof(out));
	dns_text_quote(span_of("a \"\\\0\x7f\xff;", 8), &w);
	assert_string_equal(out, "\"a \\\"\\\\\\000\\127\\255;\"");
}

static void reads_periods_with_units(void **state)
{
	(void)state;
	static const char *const bad[] = {"",	   "h",	   "1x",	 "1h30",
					  "-1",	   "1 ",   "4294967296", "1w1",
					  "7102w", "1.5h", "h1",	 "99999999999999999999s"};
	static const struct {
		const char *text;
		uint32_t s;
	} good[] = {{"0", 0},
		    {"0s", 0},
		    {"3600", 3600},
		    {"1h30m", 5400},
		    {"1H30M", 5400},
		    {"1w2d3h4m5s", 788645},
		    {"4294967295", UINT32_MAX},
		    {"1d1d", 172800}};
	uint32_t s = 7;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_false(dns_text_period(span_text(bad[i]), UINT32_MAX, &s));
		assert_int_equal(s, 7);
	}
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_true(dns_text_period(span_text(good[i].text), UINT32_MAX, &s));
		assert_int_equal(s, good[i].s);
	}
	assert_false(dns_text_period(span_text("2m"), 119, &s));
	assert_true(dns_text_period(span_text("2m"), 120, &s));
}

static void reads_and_writes_times(void **state)
{
	(void)state;
	static const char *const bad[] = {"",
					  "20240230000000",
					  "20230229000000",
					  "20241301000000",
					  "20240001000000",
					  "20240100000000",
					  "20240101240000",
					  "20240101006000",
					  "20240101000060",
					  "19691231235959",
					  "2024010100000",
					  "4294967296",
					  "202401010000000",
					  "2024010100000x"};
	static const struct {
		const char *text;
		uint32_t s;
	} good[] = {{"19700101000000", 0},	    {"20040509183619", 1084127779},
		    {"20240229120000", 1709208000}, {"20000229000000", 951782400},
		    {"20380119031408", 2147483648}, {"21060207062815", UINT32_MAX},
		    {"1084127779", 1084127779},	    {"21060207062816", 0}};
	uint32_t s = 7;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(dns_text_time(span_text(bad[i]), &s));
	assert_int_equal(s, 7);
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_true(dns_text_time(span_text(good[i].text), &s));
		assert_int_equal(s, good[i].s);
	}
	/* Every day that a serial can say, and there and back. */
	char before[15] = "";
	for (uint64_t t = 0; t <= UINT32_MAX; t += 43200) {
		char text[16] = {0};
		struct writer w = writer_of(text, sizeof(text));
		dns_text_time_write((uint32_t)t, &w);
		assert_int_equal(w.pos, 14);
		assert_true(strcmp(before, text) < 0);
		memcpy(before, text, sizeof(before));
		assert_true(dns_text_time(span_text(text), &s));
		assert_int_equal(s, t);
	}
}

static void decodes(enum dns_text_base base, const char *text, const char *bytes)
{
	char out[64];
	struct writer w = writer_of(out, sizeof(out));
	assert_true(dns_text_decode_all(base, span_text(text), &w));
	assert_true(span_is(writer_span(&w), bytes));
}

/* RFC 4648 10; base32hex without its padding. */
static void knows_the_vectors_of_rfc_4648(void **state)
{
	(void)state;
	static const char *const vectors[][4] = {
		{"", "", "", ""},
		{"f", "Zg==", "co", "66"},
		{"fo", "Zm8=", "cpng", "666F"},
		{"foo", "Zm9v", "cpnmu", "666F6F"},
		{"foob", "Zm9vYg==", "cpnmuog", "666F6F62"},
		{"fooba", "Zm9vYmE=", "cpnmuoj1", "666F6F6261"},
		{"foobar", "Zm9vYmFy", "cpnmuoj1e8", "666F6F626172"},
	};
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		const char *const *v = vectors[i];
		char out[64];
		decodes(DNS_TEXT_BASE64, v[1], v[0]);
		decodes(DNS_TEXT_BASE32HEX, v[2], v[0]);
		decodes(DNS_TEXT_HEX, v[3], v[0]);
		struct writer w = writer_of(out, sizeof(out));
		dns_text_base64_write(span_text(v[0]), &w);
		assert_true(span_is(writer_span(&w), v[1]));
		w = writer_of(out, sizeof(out));
		dns_text_base32hex_write(span_text(v[0]), &w);
		assert_true(span_is(writer_span(&w), v[2]));
		w = writer_of(out, sizeof(out));
		dns_text_hex_write(span_text(v[0]), &w);
		assert_true(span_is(writer_span(&w), v[3]));
	}
	decodes(DNS_TEXT_BASE32HEX, "CPNMUOJ1E8", "foobar");
	decodes(DNS_TEXT_HEX, "666f6F", "foo");
}

static void refuses_digits_that_are_not_whole(void **state)
{
	(void)state;
	static const struct {
		enum dns_text_base base;
		const char *text;
	} bad[] = {
		{DNS_TEXT_HEX, "0"},
		{DNS_TEXT_HEX, "0g"},
		{DNS_TEXT_HEX, "\x80\x80"},
		{DNS_TEXT_HEX, "0x"},
		{DNS_TEXT_BASE64, "Zg"},
		{DNS_TEXT_BASE64, "Zg="},
		{DNS_TEXT_BASE64, "Zg==="},
		{DNS_TEXT_BASE64, "Z==="},
		{DNS_TEXT_BASE64, "Zh=="},
		{DNS_TEXT_BASE64, "Zm9="},
		{DNS_TEXT_BASE64, "Zg==Zg=="},
		{DNS_TEXT_BASE64, "Z-8="},
		{DNS_TEXT_BASE64, "===="},
		{DNS_TEXT_BASE64, "Zm9vY"},
		{DNS_TEXT_BASE32HEX, "c"},
		{DNS_TEXT_BASE32HEX, "cpn"},
		{DNS_TEXT_BASE32HEX, "cp"},
		{DNS_TEXT_BASE32HEX, "cw"},
		{DNS_TEXT_BASE32HEX, "co======"},
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		uint8_t out[16];
		struct writer w = writer_of(out, sizeof(out));
		assert_false(dns_text_decode_all(bad[i].base, span_text(bad[i].text), &w));
	}
}

static void digits_may_come_in_pieces(void **state)
{
	(void)state;
	char out[16];
	size_t bad;
	struct writer w = writer_of(out, sizeof(out));
	struct dns_text_decoder d = {.base = DNS_TEXT_BASE64};
	assert_true(dns_text_decode(&d, span_text("Zm9vY"), &w, &bad));
	assert_false(dns_text_decode_end(&d));
	assert_true(dns_text_decode(&d, span_text("g="), &w, &bad));
	assert_true(dns_text_decode(&d, span_text("="), &w, &bad));
	assert_true(dns_text_decode_end(&d));
	assert_true(span_is(writer_span(&w), "foob"));
	assert_false(dns_text_decode(&d, span_text("Zm"), &w, &bad));
	assert_int_equal(bad, 0);
}

static void name_is(const char *text, const char *expected)
{
	static const char *const root = "example.";
	struct dns_name origin, name;
	struct dns_text_lexer l;
	char out[DNS_NAME_TEXT_MAX];
	assert_int_equal(dns_name_from_text(span_text(root), NULL, &origin), OK);
	dns_text_init(&l, span_text(text));
	assert_int_equal(dns_text_next(&l), DNS_TOKEN_WORD);
	if (dns_text_name(&l, &origin, &name)) {
		assert_string_equal(l.error.expected, expected);
		return;
	}
	assert_string_equal(dns_name_format(&name, out), expected);
	/* The slow one says the same. */
	struct dns_name slow;
	assert_int_equal(dns_name_from_text_case(span_text(text), &origin, &slow), OK);
	assert_true(dns_name_equal(&slow, &name));
}

#define L63 "012345678901234567890123456789012345678901234567890123456789012"

static void reads_names(void **state)
{
	(void)state;
	name_is("a..b", "a domain name without empty labels");
	name_is(".a", "a domain name without empty labels");
	name_is("..", "a domain name without empty labels");
	name_is("a..", "a domain name without empty labels");
	name_is("a\\..b\\256", "a domain name");
	name_is(L63 "x", "a domain name with labels of at most 63 bytes");
	name_is(L63 "x.", "a domain name with labels of at most 63 bytes");
	name_is(L63 "." L63 "." L63 "." L63 ".", "a domain name of at most 255 bytes");
	name_is(L63 "." L63 "." L63 ".012345678901234567890123456789012345678901234567890123",
		"a domain name of at most 255 bytes with its origin");
	name_is(".", ".");
	name_is("@", "example.");
	name_is("\\@", "\\@.example.");
	name_is("a", "a.example.");
	name_is("a.B.", "a.B.");
	name_is("a\\.b.c", "a\\.b.c.example.");
	name_is(L63, L63 ".example.");
	name_is(L63 "." L63 "." L63
		    ".0123456789012345678901234567890123456789012345678901234567890.",
		L63 "." L63 "." L63
		    ".0123456789012345678901234567890123456789012345678901234567890.");
	name_is(L63 "." L63 "." L63 ".0123456789012345678901234567890123456789012345678901", L63
		"." L63 "." L63 ".0123456789012345678901234567890123456789012345678901.example.");
}

static void lex_all(const uint8_t *data, size_t len)
{
	struct dns_text_lexer l;
	dns_text_init(&l, span_of(data, len));
	size_t tokens = 0;
	while (dns_text_next(&l) != DNS_TOKEN_END)
		assert_true(++tokens <= len + 1);
	assert_true(l.pos <= len);
}

static void stays_inside_torn_text(void **state)
{
	(void)state;
	static const char text[] =
		"a ( b \"c\\\"d\" ; e\n f\\003 ) g=\"h i\"\n\tj\\\\ \"k\" \xc3\xa9";
	guard_every_prefix(text, sizeof(text) - 1, lex_all);
	guard_every_bit_flip(text, sizeof(text) - 1, lex_all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(notes_where_text_is_torn),
		cmocka_unit_test(cuts_text_into_tokens),
		cmocka_unit_test(a_pair_may_hold_blanks_in_quotes),
		cmocka_unit_test(skips_to_the_next_entry),
		cmocka_unit_test(resolves_escapes),
		cmocka_unit_test(quotes_what_needs_it),
		cmocka_unit_test(reads_periods_with_units),
		cmocka_unit_test(reads_and_writes_times),
		cmocka_unit_test(refuses_digits_that_are_not_whole),
		cmocka_unit_test(knows_the_vectors_of_rfc_4648),
		cmocka_unit_test(digits_may_come_in_pieces),
		cmocka_unit_test(reads_names),
		cmocka_unit_test(stays_inside_torn_text),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
