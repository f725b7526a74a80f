#include "cli/idn.h"

#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static char buf[IDN_TEXT_MAX];

static void refuses_what_idna_refuses(void **state)
{
	/* Unicode IdnaTestV2: a label that begins with a combining mark, a bidi rule broken, an
	 * octet that is no UTF-8. */
	static const char *const bad[] = {"\u0301a.kr", "\u05d0a.example", "\xff\xfe.kr",
					  "한국\u2024kr\u0300\x80"};
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(idn_to_ascii(bad[i], buf, sizeof(buf)), ERR_FORMAT);
}

static void refuses_a_label_that_becomes_too_long(void **state)
{
	char typed[3 * 70 + 4] = "";
	(void)state;
	for (size_t i = 0; i < 70; i++)
		memcpy(typed + 3 * i, i % 2 ? "한" : "국", 3);
	memcpy(typed + 3 * 70, ".kr", 4);
	assert_int_equal(idn_to_ascii(typed, buf, sizeof(buf)), ERR_FORMAT);
}

static void refuses_what_has_no_room(void **state)
{
	char small[8];
	(void)state;
	assert_int_equal(idn_to_ascii("12345678", small, sizeof(small)), ERR_LIMIT);
	assert_int_equal(idn_to_ascii("한국.kr", small, sizeof(small)), ERR_LIMIT);
	assert_int_equal(idn_to_ascii("1234567", small, sizeof(small)), OK);
}

static void plain_names_go_through_as_they_are(void **state)
{
	static const char *const plain[] = {"www.Example.COM",
					    "_sip._udp.example.com.",
					    "a\\.b.example",
					    "*.example.com",
					    "xn--3e0b707e.kr",
					    ".",
					    "",
					    "-a-.b--c"};
	(void)state;
	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
		assert_int_equal(idn_to_ascii(plain[i], buf, sizeof(buf)), OK);
		assert_string_equal(buf, plain[i]);
	}
}

static void letters_become_what_is_asked(void **state)
{
	/* RFC 3492 7.1 (B) and the ccTLD of Korea; "faß" as IDNA 2008 has it (RFC 5894 7.2). */
	static const struct {
		const char *typed, *asked;
	} all[] = {{"한국.kr", "xn--3e0b707e.kr"},
		   {"www.한국.kr.", "www.xn--3e0b707e.kr."},
		   {"他们为什么不说中文", "xn--ihqwcrb4cv8a8dqg056pqjye"},
		   {"faß.example", "xn--fa-hia.example"},
		   {"BÜCHER.example", "xn--bcher-kva.example"},
		   {"u\u0308.example", "xn--tda.example"}};
	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		assert_int_equal(idn_to_ascii(all[i].typed, buf, sizeof(buf)), OK);
		assert_string_equal(buf, all[i].asked);
	}
}

static void shown_in_letters_where_they_can_be_shown(void **state)
{
	(void)state;
	assert_non_null(setlocale(LC_CTYPE, "C.UTF-8"));
	assert_string_equal(idn_to_shown("www.xn--3e0b707e.kr.", buf, sizeof(buf)), "www.한국.kr.");
	assert_string_equal(
		idn_to_shown("www.xn--3e0b707e.kr. 600 IN A 203.0.113.80", buf, sizeof(buf)),
		"www.한국.kr. 600 IN A 203.0.113.80");
	assert_non_null(setlocale(LC_CTYPE, "C"));
	assert_string_equal(idn_to_shown("www.xn--3e0b707e.kr.", buf, sizeof(buf)),
			    "www.xn--3e0b707e.kr.");
	assert_non_null(setlocale(LC_CTYPE, "C.UTF-8"));
}

static void what_would_read_back_otherwise_stays(void **state)
{
	/* No Punycode, or Punycode of what nobody can type: a plain letter, a capital. */
	static const char *const odd[] = {"xn--\x7f.kr",
					  "xn--a.example",
					  "xn--abc-.example",
					  "xn--.kr",
					  "plain.example",
					  "xn--BCHER-KVA7.example",
					  "."};
	(void)state;
	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++)
		assert_string_equal(idn_to_shown(odd[i], buf, sizeof(buf)), odd[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_what_idna_refuses),
		cmocka_unit_test(refuses_a_label_that_becomes_too_long),
		cmocka_unit_test(refuses_what_has_no_room),
		cmocka_unit_test(plain_names_go_through_as_they_are),
		cmocka_unit_test(letters_become_what_is_asked),
		cmocka_unit_test(shown_in_letters_where_they_can_be_shown),
		cmocka_unit_test(what_would_read_back_otherwise_stays),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
