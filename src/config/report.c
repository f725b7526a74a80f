#include "config/report.h"

#include "base/writer.h"
#include "config/diagnose.h"
#include "config/json.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define FILE_NAME_MAX 256 /* octets that are shown */

static void error_done(struct config_error *e)
{
	free(e->message);
	free(e->expected);
	free(e->found);
	free(e->suggestion);
	free(e->source);
	*e = (struct config_error){0};
}

void config_report_done(struct config_report *r)
{
	for (size_t i = 0; i < r->n; i++)
		error_done(&r->errors[i]);
	free(r->errors);
	free(r->file_name);
	*r = (struct config_report){0};
}

/* A copy whose characters all may be shown on a terminal, at most max octets and then "…". */
static char *copy_shown(struct span text, size_t max)
{
	static const char ellipsis[] = "…";
	char *copy = malloc(text.len * 3 + sizeof(ellipsis)); /* one octet may become U+FFFD */
	if (!copy)
		return NULL;
	struct writer w = writer_of(copy, text.len * 3 + sizeof(ellipsis));
	uint32_t point;
	size_t n;
	for (size_t at = 0; at < text.len; at += n) {
		n = config_utf8_read(text.data + at, text.len - at, &point);
		if (w.pos + n > max) {
			write_text(&w, ellipsis);
			break;
		}
		if (point == '\t')
			write_u8(&w, '\t');
		else if (point == '\n' || point == '\r')
			write_u8(&w, ' ');
		else if (point < 0x20 || (point >= 0x7f && point < 0xa0) || point == 0xfffd)
			write_text(&w, "\uFFFD");
		else
			write_bytes(&w, text.data + at, n);
	}
	write_u8(&w, 0);
	ASSERT(!w.bad);
	return copy;
}

enum err config_report_start(struct config_report *r, const char *file_name)
{
	/* Of a long path the end tells more. */
	struct span name = span_text(file_name);
	if (name.len > FILE_NAME_MAX)
		name = span_sub(name, name.len - FILE_NAME_MAX, FILE_NAME_MAX);
	char *copy = copy_shown(name, FILE_NAME_MAX);
	if (!copy)
		return ENOMEM;
	config_report_done(r);
	r->file_name = copy;
	return OK;
}

static char *copy_text(const char *text)
{
	return text ? copy_shown(span_text(text), CONFIG_ERROR_TEXT_MAX) : NULL;
}

/* Of a long line only a part around the column is kept. */
static void take_source(struct config_error *e, const struct config_source *source)
{
	struct span line = config_source_line(source, e->line);
	uint32_t start = config_source_offset(source, e->line, e->column);
	uint32_t back = e->column;
	size_t line_at = (size_t)(line.data - source->text.data);
	if (start - line_at > CONFIG_SOURCE_MAX / 2) {
		back = CONFIG_SOURCE_MAX / 8;
		uint32_t first = config_source_offset(source, e->line, e->column - back + 1);
		line = span_sub(line, first - line_at, line.len);
	}
	e->source = copy_shown(line, CONFIG_SOURCE_MAX);
	e->source_column = back;
}

static bool error_fill(struct config_error *e, const struct config_source *source,
		       const struct config_fault *f, const char *message)
{
	config_source_place(source, f->offset, &e->line, &e->column);
	e->message = copy_text(message);
	e->expected = copy_text(f->expected);
	e->found = copy_text(f->found);
	e->suggestion = copy_text(f->suggestion);
	if (!f->hide_source)
		take_source(e, source);
	return e->message && !e->expected == !f->expected && !e->found == !f->found &&
	       !e->suggestion == !f->suggestion && (e->source || f->hide_source);
}

void config_report_add(struct config_report *r, const struct config_source *source,
		       const struct config_fault *fault, const char *format, ...)
{
	char message[CONFIG_ERROR_TEXT_MAX + 8];
	va_list args;
	va_start(args, format);
	(void)vsnprintf(message, sizeof(message), format, args);
	va_end(args);

	if (!r->errors)
		r->errors = calloc(CONFIG_ERRORS_MAX, sizeof(*r->errors));
	if (!r->errors || r->n == CONFIG_ERRORS_MAX) {
		r->more++;
		return;
	}
	struct config_error e = {0};
	if (error_fill(&e, source, fault, message)) {
		r->errors[r->n++] = e;
	} else {
		error_done(&e);
		r->more++;
	}
}

static bool is_before(const struct config_error *a, const struct config_error *b)
{
	return a->line < b->line || (a->line == b->line && a->column < b->column);
}

void config_report_sort(struct config_report *r)
{
	for (size_t i = 1; i < r->n; i++) {
		struct config_error e = r->errors[i];
		size_t at = i;
		for (; at > 0 && is_before(&e, &r->errors[at - 1]); at--)
			r->errors[at] = r->errors[at - 1];
		r->errors[at] = e;
	}
}

/* Terminal cells of a character, near enough for a caret: two for East Asian wide ones and
 * pictures (Unicode TR 11), none for combining marks. */
static unsigned cells_of(uint32_t point)
{
	static const struct {
		uint32_t first, last;
		unsigned cells;
	} ranges[] = {
		{0x0300, 0x036f, 0}, {0x1100, 0x115f, 2},   {0x200b, 0x200f, 0},
		{0x2e80, 0xa4cf, 2}, {0xac00, 0xd7a3, 2},   {0xf900, 0xfaff, 2},
		{0xfe00, 0xfe0f, 0}, {0xfe30, 0xfe6f, 2},   {0xff00, 0xff60, 2},
		{0xffe0, 0xffe6, 2}, {0x1f300, 0x1faff, 2}, {0x20000, 0x3fffd, 2},
	};
	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		if (point >= ranges[i].first && point <= ranges[i].last)
			return ranges[i].cells;
	}
	return 1;
}

static void print_source(const struct config_error *e, struct writer *w)
{
	write_format(w, "    %s\n    ", e->source);
	struct span line = span_text(e->source);
	size_t at = 0;
	uint32_t point;
	for (uint32_t c = 1; c < e->source_column && at < line.len; c++) {
		at += config_utf8_read(line.data + at, line.len - at, &point);
		if (point == '\t')
			write_u8(w, '\t');
		else
			write_format(w, "%*s", (int)cells_of(point), "");
	}
	write_text(w, "^\n");
}

void config_report_print(const struct config_report *r, struct writer *w)
{
	for (size_t i = 0; i < r->n; i++) {
		const struct config_error *e = &r->errors[i];
		write_format(w, "%s:%u:%u: %s", r->file_name, e->line, e->column, e->message);
		if (e->expected)
			write_format(w, "; expected %s", e->expected);
		if (e->found)
			write_format(w, "; found %s", e->found);
		if (e->suggestion)
			write_format(w, "; did you mean '%s'?", e->suggestion);
		write_u8(w, '\n');
		if (e->source && e->source[0])
			print_source(e, w);
	}
	if (r->more)
		write_format(w, "and %zu more error%s\n", r->more, r->more == 1 ? "" : "s");
}

void config_report_json(const struct config_report *r, struct writer *w)
{
	write_text(w, "{\"file\": ");
	config_json_text(w, r->file_name);
	write_text(w, ", \"errors\": [");
	for (size_t i = 0; i < r->n; i++) {
		const struct config_error *e = &r->errors[i];
		write_format(w, "%s{\"line\": %u, \"column\": %u, \"message\": ", i ? ", " : "",
			     e->line, e->column);
		config_json_text(w, e->message);
		write_text(w, ", \"expected\": ");
		config_json_text(w, e->expected);
		write_text(w, ", \"found\": ");
		config_json_text(w, e->found);
		write_text(w, ", \"suggestion\": ");
		config_json_text(w, e->suggestion);
		write_text(w, ", \"source\": ");
		config_json_text(w, e->source);
		write_u8(w, '}');
	}
	write_format(w, "], \"more\": %zu}\n", r->more);
}
