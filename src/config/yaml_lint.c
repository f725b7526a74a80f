#include "config/yaml_lint.h"

#include "config/config.h"
#include "config/diagnose.h"

#define LINT_ERRORS_MAX 10

static const char *character_fault(uint32_t point, size_t octets, bool crlf)
{
	if (point == 0xfffd && octets == 1)
		return "this octet is not UTF-8";
	if (point == '\r')
		return crlf ? NULL : "a carriage return without a line feed does not end a line";
	if (point == '\t' || point == '\n')
		return NULL;
	if (point < 0x20 || (point >= 0x7f && point < 0xa0))
		return "a control character";
	/* NEL, LS and PS end lines in YAML 1.1 and not in 1.2: what one sees is not what is read.
	 */
	if (point == 0x2028 || point == 0x2029)
		return "a Unicode line separator does not end a line";
	if (point == 0xfeff)
		return "a byte order mark inside the file";
	if (point == 0xfffe || point == 0xffff)
		return "a character that Unicode keeps out of files";
	return NULL;
}

static bool lint_characters(const struct config_source *source, struct config_report *report)
{
	struct span text = source->text;
	unsigned errors = 0;
	uint32_t point;
	size_t n;
	for (size_t at = 0; at < text.len && errors < LINT_ERRORS_MAX; at += n) {
		n = config_utf8_read(text.data + at, text.len - at, &point);
		bool crlf = at + 1 < text.len && text.data[at + 1] == '\n';
		const char *fault = character_fault(point, n, crlf);
		if (!fault)
			continue;
		bool torn = point == 0xfffd && n == 1;
		config_report_add(report, source, &(struct config_fault){.offset = (uint32_t)at},
				  "%s (%s%0*X)", fault, torn ? "0x" : "U+", torn ? 2 : 4,
				  torn ? text.data[at] : (unsigned)point);
		errors++;
	}
	return errors == 0;
}

/* %YAML and %TAG stand before the first "---". */
static bool lint_directives(const struct config_source *source, struct config_report *report)
{
	for (uint32_t line = 1; line <= source->lines_n; line++) {
		struct span l = config_source_line(source, line);
		struct span words = span_trim(l);
		if (words.len == 0 || words.data[0] == '#')
			continue;
		if (l.data[0] != '%')
			return true;
		uint32_t offset = config_source_offset(source, line, 1);
		config_report_add(report, source, &(struct config_fault){.offset = offset},
				  "directives (%%YAML, %%TAG) are not used here; delete this line");
		return false;
	}
	return true;
}

bool yaml_lint(const struct config_source *source, struct config_report *report)
{
	if (source->text.len > CONFIG_TEXT_MAX) {
		config_report_add(report, source, &(struct config_fault){.offset = CONFIG_TEXT_MAX},
				  "the file is longer than %u octets", CONFIG_TEXT_MAX);
		return false;
	}
	return lint_characters(source, report) && lint_directives(source, report);
}
