#include "service/forward-proxy/page.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void escapes_what_a_stranger_wrote(void **state)
{
	char room[PAGE_MAX + 1];
	struct writer w = writer_of(room, PAGE_MAX);
	const struct page p = {.why = *refusal_facts(REFUSAL_INSIDE),
			       .asked = span_text("<script>\"&'\r\n\xff:80"),
			       .detail = span_text("loopback"),
			       .proxy = span_text("gatehouse")};
	(void)state;
	page_write(&p, &w);
	assert_false(w.bad);
	room[w.pos] = '\0';
	assert_null(strstr(room, "<script"));
	assert_non_null(strstr(room, "&#60;script&#62;&#34;&#38;&#39;???:80"));
	assert_non_null(strstr(room, "403 Forbidden"));
	assert_non_null(strstr(room, "inside: loopback"));
}

static void the_configuration_s_words_stay_what_they_are(void **state)
{
	char room[PAGE_MAX + 1];
	struct writer w = writer_of(room, PAGE_MAX);
	const struct page p = {.why = *refusal_facts(REFUSAL_RULE),
			       .contact = span_text("\"Ops\" <ops@home.arpa>"),
			       .language = PAGE_KOREAN,
			       .reason = span_text("<b>수업 중 & \"x\"\n"),
			       .proxy = span_text("gatehouse")};
	(void)state;
	page_write(&p, &w);
	assert_false(w.bad);
	room[w.pos] = '\0';
	assert_non_null(strstr(room, "<html lang=\"ko\">"));
	assert_non_null(
		strstr(room, "<dt>문의</dt><dd>&#34;Ops&#34; &#60;ops@home.arpa&#62;</dd>"));
	assert_non_null(strstr(room, "이 프록시의 규칙이"));
	assert_non_null(
		strstr(room, "<p class=\"error\">&#60;b&#62;수업 중 &#38; &#34;x&#34; </p>"));
}

static void every_reason_fits_with_the_longest_address(void **state)
{
	uint8_t longest[2 * PAGE_ASKED_MAX];
	const size_t reason_max = 255; /* of a rule's in the configuration */
	(void)state;
	memset(longest, '<', sizeof(longest));
	for (int why = REFUSAL_NONE + 1; why < REFUSALS; why++) {
		uint8_t room[PAGE_MAX];
		struct writer w = writer_of(room, sizeof(room));
		const struct page p = {.why = *refusal_facts((enum refusal)why),
				       .asked = span_of(longest, sizeof(longest)),
				       .detail = span_text("metadata"),
				       .reason = span_of(longest, reason_max),
				       .contact = span_of(longest, reason_max),
				       .language = PAGE_KOREAN,
				       .proxy = span_text("proxy.home.arpa")};
		page_write(&p, &w);
		assert_false(w.bad);
	}
	for (int cause = 0; cause < PROXY_CAUSES; cause++) {
		struct refusal_facts f = refusal_of_cause((enum proxy_cause)cause, 502);
		assert_true(f.word && f.error && f.status == 502);
		assert_true(f.text[PAGE_ENGLISH][0] && f.text[PAGE_KOREAN][0]);
	}
}

static void tells_programs_too(void **state)
{
	char room[256];
	struct writer w = writer_of(room, sizeof(room) - 1);
	const struct page p = {.why = *refusal_facts(REFUSAL_INSIDE),
			       .detail = span_text("loopback"),
			       .proxy = span_text("gatehouse")};
	(void)state;
	page_write_status(&p, &w);
	room[w.pos] = '\0';
	assert_string_equal(room,
			    "gatehouse; error=destination_ip_prohibited; details=\"loopback\"");
}

static void a_client_s_language_is_spoken(void **state)
{
	(void)state;
	assert_int_equal(page_language_choose(span_text("")), PAGE_ENGLISH);
	assert_int_equal(page_language_choose(span_text("de")), PAGE_ENGLISH);
	assert_int_equal(page_language_choose(span_text("*")), PAGE_ENGLISH);
	assert_int_equal(page_language_choose(span_text("ko-KR,ko;q=0.9,en;q=0.8")), PAGE_KOREAN);
	assert_int_equal(page_language_choose(span_text("en,ko;q=0.9")), PAGE_ENGLISH);
	for (int why = REFUSAL_NONE + 1; why < REFUSALS; why++)
		for (unsigned l = 0; l < PAGE_LANGUAGES; l++)
			assert_true(refusal_facts((enum refusal)why)->text[l] &&
				    refusal_facts((enum refusal)why)->text[l][0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(escapes_what_a_stranger_wrote),
		cmocka_unit_test(the_configuration_s_words_stay_what_they_are),
		cmocka_unit_test(every_reason_fits_with_the_longest_address),
		cmocka_unit_test(tells_programs_too),
		cmocka_unit_test(a_client_s_language_is_spoken),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
