#include "service/authority/conf.h"

#include "base/writer.h"
#include "config/config.h"
#include "config/report.h"
#include "service/authority/answer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
/* cmocka wants the four above it. */
#include <cmocka.h>

static const struct config_section section = {"authority", &authority_conf_map};
static const struct config_sections sections = {&section, 1};

static void schema_is_sound(void **state)
{
	(void)state;
	char text[4096];
	struct writer w = writer_of(text, sizeof(text) - 1);

	enum err e = config_schema_check(&sections, &w);
	text[w.pos] = 0;
	assert_string_equal(text, "");
	assert_int_equal(e, OK);
}

static size_t errors_of(const char *text)
{
	struct config *c = NULL;
	struct config_report report = {0};
	struct config_input in = {.text = span_text(text), .file_name = "test.yaml"};
	enum err e = config_parse(&sections, &in, &c, &report);
	size_t n = report.n;

	assert_int_equal(e, n ? ERR_CONFIG : OK);
	config_report_done(&report);
	config_free(c);
	return n;
}

static void refuses_zones_named_twice_and_bad_secrets(void **state)
{
	(void)state;
	assert_int_equal(
		errors_of("authority:\n  zones:\n    - {origin: a.test, file: x}\n"
			  "    - {origin: b.test, file: x}\n    - {origin: A.test., file: y}\n"),
		1);
	assert_int_equal(errors_of("authority:\n  cookie-secret: \"0123\"\n"), 1);
	assert_int_equal(
		errors_of("authority:\n  cookie-secret: 0123456789abcdef0123456789abcdeg\n"), 1);
	assert_int_equal(errors_of("authority:\n  edns-size: 511\n"), 1);
	assert_int_equal(errors_of("authority:\n  zones:\n    - {origin: ., file: root.zone, "
				   "checks: lenient}\n"),
			 0);
}

static void answers_are_made_by_what_is_configured(void **state)
{
	(void)state;
	static const char text[] =
		"authority:\n  answers: minimal\n  identity: ns1\n  round-robin: off\n"
		"  tcp: {idle: 5s}\n  cookie-secret: 000102030405060708090a0B0C0d0e0F\n";
	static const uint8_t made[16] = {1},
			     wanted[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
	struct config *c = NULL;
	struct config_report report = {0};
	struct config_input in = {.text = span_text(text), .file_name = "test.yaml"};
	struct answer_config answers;

	assert_int_equal(config_parse(&sections, &in, &c, &report), OK);
	authority_conf_answers(config_section(c, "authority"), made, &answers);
	config_free(c);
	config_report_done(&report);
	assert_true(answers.minimal && !answers.round_robin && answers.cookies);
	assert_int_equal(answers.edns_size, 1232);
	assert_int_equal(answers.idle_100ms, 50);
	assert_int_equal(answers.identity_len, 3);
	assert_memory_equal(answers.cookie_secret, wanted, 16);
	assert_null(answers.version);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(schema_is_sound),
		cmocka_unit_test(refuses_zones_named_twice_and_bad_secrets),
		cmocka_unit_test(answers_are_made_by_what_is_configured),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
