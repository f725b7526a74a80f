#include "service/vpn/portal/page.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static char buf[32768];

static const char *written(const struct writer *w)
{
	assert_false(w->bad);
	buf[w->pos] = 0;
	return buf;
}

static void markup_that_people_type_stays_text(void **state)
{
	struct writer w = writer_of(buf, sizeof(buf) - 1);
	(void)state;
	page_escaped(&w, span_text("<b a=\"x\" c='y'>&amp;"));
	assert_string_equal(written(&w), "&lt;b a=&quot;x&quot; c=&#39;y&#39;&gt;&amp;amp;");
	w = writer_of(buf, sizeof(buf) - 1);
	page_text_with(&w, PORTAL_ENGLISH, TEXT_SIGNED_IN_AS, span_text("<%s>"));
	assert_string_equal(written(&w), "Signed in as &lt;%s&gt;.");
	w = writer_of(buf, sizeof(buf) - 1);
	page_field(&w, PORTAL_ENGLISH,
		   &(struct page_field){.name = "user",
					.type = "text",
					.autocomplete = "off",
					.label = TEXT_USER,
					.value = span_text("\"><script>")});
	assert_null(strstr(written(&w), "<script"));
	assert_non_null(strstr(buf, "value=\"&quot;&gt;&lt;script&gt;\""));
}

static void durations_have_two_units_at_most(void **state)
{
	static const struct {
		uint64_t ms;
		const char *english, *korean;
	} cases[] = {
		{0, "0 s", "0초"},
		{1, "1 s", "1초"},
		{59000, "59 s", "59초"},
		{61000, "1 min", "1분"},
		{UINT64_C(12) * 3600 * 1000, "12 h", "12시간"},
		{UINT64_C(11) * 3600 * 1000 + 59 * 60 * 1000 + 3000, "11 h 59 min", "11시간 59분"},
		{UINT64_MAX, "5124095576030 h 25 min", "5124095576030시간 25분"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct writer w = writer_of(buf, sizeof(buf) - 1);
		page_duration(&w, PORTAL_ENGLISH, cases[i].ms);
		assert_string_equal(written(&w), cases[i].english);
		w = writer_of(buf, sizeof(buf) - 1);
		page_duration(&w, PORTAL_KOREAN, cases[i].ms);
		assert_string_equal(written(&w), cases[i].korean);
	}
}

/* WCAG 2.1: 1.3.1, 2.4.2, 3.1.1, 3.3.1, 3.3.2. */
static void page_tells_who_does_not_see(void **state)
{
	struct writer w = writer_of(buf, sizeof(buf) - 1);
	(void)state;
	page_begin(&w, PORTAL_KOREAN, TEXT_SIGN_IN, NULL);
	page_error(&w, PORTAL_KOREAN, TEXT_REFUSED, (struct span){0});
	page_field(&w, PORTAL_KOREAN,
		   &(struct page_field){.name = "code",
					.type = "text",
					.autocomplete = "one-time-code",
					.label = TEXT_CODE,
					.hint = TEXT_CODE_HINT});
	page_end(&w);
	const char *page = written(&w);
	assert_non_null(strstr(page, "<html lang=\"ko\">"));
	assert_non_null(strstr(page, "<title>로그인 · 네트워크 로그인</title>"));
	assert_non_null(strstr(page, "role=\"alert\""));
	assert_non_null(strstr(page, "<label for=\"code\">"));
	assert_non_null(strstr(page, "aria-describedby=\"code-hint\""));
	assert_non_null(strstr(page, "lang=\"en\" hreflang=\"en\">English</a>"));
	assert_null(strstr(page, "한국어</a>"));
	assert_null(strstr(page, "<script"));
	assert_null(strstr(page, " style=")); /* which the policy would refuse */
}

static void page_that_does_not_fit_marks_the_writer(void **state)
{
	struct writer w = writer_of(buf, 1000);
	(void)state;
	page_begin(&w, PORTAL_ENGLISH, TEXT_SIGN_IN, "/proof");
	assert_int_equal(writer_check(&w), ERR_LIMIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(markup_that_people_type_stays_text),
		cmocka_unit_test(durations_have_two_units_at_most),
		cmocka_unit_test(page_tells_who_does_not_see),
		cmocka_unit_test(page_that_does_not_fit_marks_the_writer),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
