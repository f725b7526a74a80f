#include "service/vpn/portal/text.h"

#include "test/guard.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void every_text_is_there_in_every_language(void **state)
{
	(void)state;
	for (unsigned t = 0; t < TEXTS; t++) {
		const char *english = portal_text(PORTAL_ENGLISH, (enum portal_text)t);
		const char *korean = portal_text(PORTAL_KOREAN, (enum portal_text)t);
		assert_non_null(english);
		assert_non_null(korean);
		assert_true(*english && *korean && strcmp(english, korean) != 0);
		assert_int_equal(!strstr(english, "%s"), !strstr(korean, "%s"));
		for (const char *c = english; (c = strchr(c, '%')); c++)
			assert_int_equal(c[1], 's');
	}
}

static void chooses_what_the_browser_prefers(void **state)
{
	static const struct {
		const char *accepted;
		enum portal_language language;
	} cases[] = {
		{"", PORTAL_ENGLISH},
		{"de, fr;q=0.9", PORTAL_ENGLISH},
		{"ko", PORTAL_KOREAN},
		{"ko-KR,ko;q=0.9,en-US;q=0.8,en;q=0.7", PORTAL_KOREAN},
		{"en-US,en;q=0.9,ko;q=0.8", PORTAL_ENGLISH},
		{"de, en;q=0.5 , KO ; q=0.75", PORTAL_KOREAN},
		{"ko;q=0, en;q=0.001", PORTAL_ENGLISH},
		{"ko;q=0", PORTAL_ENGLISH},
		{"*, ko;q=0.5", PORTAL_KOREAN},
		{"korean", PORTAL_ENGLISH},
		{",,;q=,ko", PORTAL_KOREAN},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(portal_language_choose(span_text(cases[i].accepted)),
				 cases[i].language);
}

static void knows_its_own_tags_only(void **state)
{
	enum portal_language l = PORTAL_ENGLISH;
	(void)state;
	assert_false(portal_language_read(span_text("k"), &l));
	assert_false(portal_language_read(span_text("kor"), &l));
	assert_false(portal_language_read(span_text(""), &l));
	assert_true(portal_language_read(span_text("KO"), &l));
	assert_int_equal(l, PORTAL_KOREAN);
	assert_string_equal(portal_language_tag(PORTAL_KOREAN), "ko");
	assert_string_equal(portal_language_name(PORTAL_ENGLISH), "English");
}

static void choose(const uint8_t *data, size_t len)
{
	assert_true(portal_language_choose(span_of(data, len)) < PORTAL_LANGUAGES);
}

static void reads_nothing_past_the_end(void **state)
{
	static const char accepted[] = "ko-KR;q=0.123, en;q=1.000, *;q=0";
	(void)state;
	guard_every_prefix(accepted, sizeof(accepted) - 1, choose);
	guard_every_bit_flip(accepted, sizeof(accepted) - 1, choose);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_text_is_there_in_every_language),
		cmocka_unit_test(knows_its_own_tags_only),
		cmocka_unit_test(chooses_what_the_browser_prefers),
		cmocka_unit_test(reads_nothing_past_the_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
