/* What the tests of services' configurations share: a text is read, or refused in one place for one
 * reason. Needs cmocka's header before it; knows no service. */
#ifndef TEST_CONF_H
#define TEST_CONF_H

#include "base/writer.h"
#include "config/config.h"
#include "config/report.h"

#include <string.h>

static inline void conf_schema_is_sound(const struct config_sections *sections)
{
	char text[4096];
	struct writer w = writer_of(text, sizeof(text) - 1);
	enum err e = config_schema_check(sections, &w);
	text[w.pos] = 0;
	assert_string_equal(text, "");
	assert_int_equal(e, OK);
}

static inline struct config *conf_parse(const struct config_sections *sections, const char *text)
{
	struct config *c = NULL;
	struct config_report report = {0};
	struct config_input in = {.text = span_text(text), .file_name = "test.yaml"};
	enum err e = config_parse(sections, &in, &c, &report);
	if (e)
		fail_msg("%s", report.n ? report.errors[0].message : "?");
	config_report_done(&report);
	return c;
}

/* One error, in that line and column, that has these words. */
static inline void conf_refused(const struct config_sections *sections, const char *text,
				uint32_t line, uint32_t column, const char *words)
{
	struct config *c = NULL;
	struct config_report report = {0};
	struct config_input in = {.text = span_text(text), .file_name = "test.yaml"};
	assert_int_equal(config_parse(sections, &in, &c, &report), ERR_CONFIG);
	if (report.n != 1 || !strstr(report.errors[0].message, words) ||
	    report.errors[0].line != line || report.errors[0].column != column)
		fail_msg("%s: %zu errors, the first in %u:%u: %s", text, report.n,
			 report.errors[0].line, report.errors[0].column, report.errors[0].message);
	config_report_done(&report);
}

#endif
