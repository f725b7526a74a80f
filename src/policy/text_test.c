/* Lines of lists as they are found in the wild. */
#include "policy/text.h"

#include "base/writer.h"
#include "test/guard.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static enum policy_line_kind kind(const char *text)
{
	struct policy_line l;
	uint8_t *copy = guard_copy(text, strlen(text));
	enum policy_line_kind k = policy_line_read(span_of(copy, strlen(text)), &l);
	guard_free(copy, strlen(text));
	return k;
}

static void is_rule(const char *text, enum policy_scope scope, const char *name)
{
	struct policy_line l;
	struct dns_name n;
	assert_int_equal(policy_line_read(span_text(text), &l), POLICY_LINE_RULE);
	assert_int_equal(l.scope, scope);
	assert_int_equal(dns_name_from_text(span_text(name), NULL, &n), OK);
	assert_true(dns_name_equal(&l.name, &n));
}

static void refuses_what_is_no_address(void **state)
{
	static const char *const lines[] = {
		"||192.0.2/a",	    "||192.0.2.01/a",  "||2001:db8::1/a", "||[192.0.2.1]/a",
		"||[2001:db8::1/a", "||*.192.0.2.1/a", "192.0.2.0/24",	  "192.0.2.1/24",
		"192.0.2.1/32",	    "2001:db8::/32"};
	struct policy_line l;
	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		assert_int_equal(policy_line_read(span_text(lines[i]), &l), POLICY_LINE_PATH);
}

static void refuses_what_is_no_domain_rule(void **state)
{
	(void)state;
	static const struct {
		enum policy_line_kind kind;
		const char *text;
	} lines[] = {
		{POLICY_LINE_EMPTY, ""},
		{POLICY_LINE_EMPTY, "  \t"},
		{POLICY_LINE_EMPTY, "# a comment"},
		{POLICY_LINE_EMPTY, "#"},
		{POLICY_LINE_EMPTY, "### title ###"},
		{POLICY_LINE_EMPTY, "! a comment"},
		{POLICY_LINE_EMPTY, "[Adblock Plus 2.0]"},
		{POLICY_LINE_COSMETIC, "##.banner"},
		{POLICY_LINE_COSMETIC, "example.org##.banner"},
		{POLICY_LINE_COSMETIC, "example.org#@#.banner"},
		{POLICY_LINE_COSMETIC, "example.org#?#div:has(> a)"},
		{POLICY_LINE_COSMETIC, "example.org#$#body { color: red }"},
		{POLICY_LINE_COSMETIC, "example.org#%#window.x = 1"},
		{POLICY_LINE_COSMETIC, "example.org$$script[data-src=\"x\"]"},
		{POLICY_LINE_PATH, "/banner\\d+/"},
		{POLICY_LINE_PATH, "/ads/*"},
		{POLICY_LINE_PATH, "example.org/ads^"},
		{POLICY_LINE_PATH, "||example.org:8080/ads"},
		{POLICY_LINE_PATH, "|http://user@example.org/"},
		{POLICY_LINE_PATH, "|https://example.org"},
		{POLICY_LINE_PATH, "||192.0.2.1:8080/a"},
		{POLICY_LINE_PATH, "||ads*.example.org/a"},
		{POLICY_LINE_PATH, "||example.org*/a"},
		{POLICY_LINE_PATH, "||org/a"},
		{POLICY_LINE_PATH, "example.org/a#b"},
		{POLICY_LINE_PATH, "either/or"},
		{POLICY_LINE_MODIFIER, "||example.org/ads$script"},
		{POLICY_LINE_MODIFIER, "||example.org^$match-case"},
		{POLICY_LINE_MODIFIER, "||example.org^$third-party"},
		{POLICY_LINE_MODIFIER, "||example.org^$important,client=127.0.0.1"},
		{POLICY_LINE_MODIFIER, "||example.org^$dnsrewrite=NOERROR;A;1.2.3.4"},
		{POLICY_LINE_LOCAL, "127.0.0.1 localhost"},
		{POLICY_LINE_LOCAL, "::1 ip6-localhost"},
		{POLICY_LINE_LOCAL, "192.168.1.5 printer.home.arpa"},
		{POLICY_LINE_LOCAL, "localhost"},
		{POLICY_LINE_BAD, "two words"},
		{POLICY_LINE_BAD, "-banner-^"},
		{POLICY_LINE_BAD, "||^"},
		{POLICY_LINE_BAD, "||a..b^"},
		{POLICY_LINE_BAD, "1.2.3.4"},
		{POLICY_LINE_BAD, "||1.2.3.4^"},
		{POLICY_LINE_BAD, "b\xc3\xbc"
				  "cher.example"},
		{POLICY_LINE_BAD, "@@"},
		{POLICY_LINE_BAD, "||*****.example.org^"},
	};
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		print_message("%s\n", lines[i].text);
		assert_int_equal(kind(lines[i].text), lines[i].kind);
	}
}

static void refuses_names_that_are_too_long(void **state)
{
	(void)state;
	char label[80], whole[400] = "";
	struct dns_name n;
	memset(label, 'a', 64);
	label[64] = '\0';
	assert_false(policy_name_read(span_text(label), &n));
	assert_true(policy_name_read(span_of(label, 63), &n));
	for (unsigned i = 0; i < 127; i++)
		strncat(whole, i ? ".a" : "a", 3);
	assert_true(policy_name_read(span_text(whole), &n)); /* 253 octets: 255 in wire form */
	assert_int_equal(n.len, DNS_NAME_MAX);
	strncat(whole, "a", 2);
	assert_false(policy_name_read(span_text(whole), &n));
}

static void reads_each_form(void **state)
{
	(void)state;
	is_rule("example.org", POLICY_EXACT, "example.org");
	is_rule("  Example.ORG.  # why", POLICY_EXACT, "example.org");
	is_rule("*.example.org", POLICY_BELOW, "example.org");
	is_rule(".example.org", POLICY_BELOW, "example.org");
	is_rule("0.0.0.0 example.org", POLICY_EXACT, "example.org");
	is_rule("127.0.0.1\texample.org\r", POLICY_EXACT, "example.org");
	is_rule(":: example.org", POLICY_EXACT, "example.org");
	is_rule("||example.org^", POLICY_SUBTREE, "example.org");
	is_rule("||example.org^|", POLICY_SUBTREE, "example.org");
	is_rule("||example.org", POLICY_SUBTREE, "example.org");
	is_rule("|example.org^", POLICY_EXACT, "example.org");
	is_rule("||*.example.org^", POLICY_BELOW, "example.org");
	is_rule("||_dmarc.xn--bcher-kva.example^", POLICY_SUBTREE, "_dmarc.xn--bcher-kva.example");
	is_rule("||*^", POLICY_SUBTREE, ".");
	is_rule("example.org^", POLICY_SUBTREE, "example.org");
	is_rule("@@example.org", POLICY_SUBTREE, "example.org");
	is_rule("||ads*.example.org^", POLICY_PATTERN, "example.org");
	is_rule("||ads.*^", POLICY_PATTERN, ".");
}

static void is_path(const char *text, enum policy_scope scope, const char *name, unsigned flags,
		    const char *path)
{
	struct policy_line l;
	char written[3 * POLICY_PATH_MAX];
	struct writer w = writer_of(written, sizeof(written));
	print_message("%s\n", text);
	is_rule(text, scope, name);
	assert_int_equal(policy_line_read(span_text(text), &l), POLICY_LINE_RULE);
	assert_true(l.path.len > 1);
	assert_int_equal(l.path.data[0], flags);
	policy_path_write(l.path, &w);
	assert_true(span_is(writer_span(&w), path));
}

static void reads_paths_behind_names(void **state)
{
	(void)state;
	is_path("||example.org/ads/*", POLICY_SUBTREE, "example.org", 0, "/ads/*");
	is_path("||Example.org/Ads^|", POLICY_SUBTREE, "example.org", 0, "/Ads^|");
	is_path("@@||example.org^*/ok|", POLICY_SUBTREE, "example.org", 0, "^*/ok|");
	is_path("||*.example.org/a", POLICY_BELOW, "example.org", 0, "/a");
	is_path("||example.org/a$b$all", POLICY_SUBTREE, "example.org", 0, "/a%24b");
	is_path("||example.org/A$important,match-case", POLICY_SUBTREE, "example.org",
		POLICY_PATH_CASE, "/A");
	is_path("|https://example.org/", POLICY_EXACT, "example.org", POLICY_PATH_SECURE, "/");
	is_path("|http://example.org^", POLICY_EXACT, "example.org", POLICY_PATH_CLEAR, "^");
	is_path("https://example.org/list", POLICY_EXACT, "example.org", 0, "/list");
	is_path("example.org/list?a=b", POLICY_EXACT, "example.org", 0, "/list?a=b");
	is_path("*.example.org/list", POLICY_BELOW, "example.org", 0, "/list");
	is_path("example.org/24", POLICY_EXACT, "example.org", 0, "/24");
}

static void reads_anchors_and_modifiers(void **state)
{
	(void)state;
	struct policy_line l;
	assert_int_equal(policy_line_read(span_text("@@||Example.org^$Important"), &l),
			 POLICY_LINE_RULE);
	assert_true(l.exception && l.important && !l.badfilter);
	assert_int_equal(policy_line_read(span_text("||example.org^$badfilter,important"), &l),
			 POLICY_LINE_RULE);
	assert_true(!l.exception && l.important && l.badfilter);
	assert_int_equal(policy_line_read(span_text("|Ads*.example.org^"), &l), POLICY_LINE_RULE);
	assert_true(span_is(l.pattern, "|ads*.example.org"));
}

static void reads_every_name_of_a_hosts_line(void **state)
{
	(void)state;
	struct policy_line l;
	char text[DNS_NAME_TEXT_MAX];
	struct span line =
		span_text("0.0.0.0 a.example  localhost\tb.example bad..name # c.example");
	assert_int_equal(policy_line_read(line, &l), POLICY_LINE_RULE);
	assert_string_equal(dns_name_format(&l.name, text), "a.example.");
	assert_int_equal(policy_line_next(&l), POLICY_LINE_LOCAL);
	assert_int_equal(policy_line_next(&l), POLICY_LINE_RULE);
	assert_string_equal(dns_name_format(&l.name, text), "b.example.");
	assert_int_equal(policy_line_next(&l), POLICY_LINE_BAD);
	assert_int_equal(policy_line_next(&l), POLICY_LINE_EMPTY);
}

static void a_text_has_its_last_line_without_an_end_too(void **state)
{
	(void)state;
	struct span text = span_text("a\n\nb"), line;
	assert_true(policy_text_next(&text, &line) && span_is(line, "a"));
	assert_true(policy_text_next(&text, &line) && line.len == 0);
	assert_true(policy_text_next(&text, &line) && span_is(line, "b"));
	assert_false(policy_text_next(&text, &line));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_what_is_no_domain_rule),
		cmocka_unit_test(refuses_what_is_no_address),
		cmocka_unit_test(refuses_names_that_are_too_long),
		cmocka_unit_test(reads_each_form),
		cmocka_unit_test(reads_paths_behind_names),
		cmocka_unit_test(reads_anchors_and_modifiers),
		cmocka_unit_test(reads_every_name_of_a_hosts_line),
		cmocka_unit_test(a_text_has_its_last_line_without_an_end_too),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
