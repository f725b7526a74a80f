#include "cli/print.h"

#include "base/err.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

const char *print_style_on(bool colour, enum print_style style)
{
	static const char *const codes[] = {
		[PRINT_PLAIN] = "",	   [PRINT_BOLD] = "\033[1m",   [PRINT_DIM] = "\033[2m",
		[PRINT_RED] = "\033[31m",  [PRINT_GREEN] = "\033[32m", [PRINT_YELLOW] = "\033[33m",
		[PRINT_BLUE] = "\033[34m", [PRINT_CYAN] = "\033[36m",
	};
	return colour ? codes[style] : "";
}

const char *print_style_off(bool colour, enum print_style style)
{
	return colour && style != PRINT_PLAIN ? "\033[0m" : "";
}

size_t print_width(const char *text)
{
	size_t width = 0;
	mbstate_t state = {0};
	size_t left = strlen(text);
	while (left) {
		wchar_t c;
		size_t n = mbrtowc(&c, text, left, &state);
		if (n == 0 || n > left) { /* not UTF-8, or not a UTF-8 locale: an octet, a column */
			state = (mbstate_t){0};
			n = 1;
			width++;
		} else {
			int w = wcwidth(c);
			width += w > 0 ? (size_t)w : 0;
		}
		text += n;
		left -= n;
	}
	return width;
}

void print_table_init(struct print_table *t, FILE *to, bool colour, size_t columns,
		      const char *const *heads)
{
	ASSERT(columns > 0 && columns <= PRINT_COLUMNS_MAX);
	*t = (struct print_table){.to = to, .colour = colour, .columns = columns};
	for (size_t i = 0; i < columns; i++)
		print_cell(t, PRINT_BOLD, "%s", heads[i]);
}

static bool table_grow(struct print_table *t)
{
	size_t size = t->cells_size ? t->cells_size * 2 : 64;
	char **cells = realloc(t->cells, size * sizeof(*cells));
	if (cells)
		t->cells = cells;
	enum print_style *styles = realloc(t->styles, size * sizeof(*styles));
	if (styles)
		t->styles = styles;
	if (cells && styles)
		t->cells_size = size;
	return cells && styles;
}

void print_cell(struct print_table *t, enum print_style style, const char *format, ...)
{
	char *text;
	va_list args;
	if (t->cells_n == t->cells_size && !table_grow(t)) {
		t->failed = true;
		return;
	}
	va_start(args, format);
	int n = vasprintf(&text, format, args);
	va_end(args);
	if (n < 0) {
		t->failed = true;
		return;
	}
	t->cells[t->cells_n] = text;
	t->styles[t->cells_n++] = style;
}

static void row_print(const struct print_table *t, size_t row, const size_t *widths)
{
	size_t last = t->columns - 1; /* that is not empty: no blanks are printed behind it */
	while (last > 0 && !t->cells[row * t->columns + last][0])
		last--;
	for (size_t i = 0; i <= last; i++) {
		size_t at = row * t->columns + i;
		(void)fprintf(t->to, "%s%s%s", print_style_on(t->colour, t->styles[at]),
			      t->cells[at], print_style_off(t->colour, t->styles[at]));
		if (i < last)
			(void)fprintf(t->to, "%*s",
				      (int)(widths[i] - print_width(t->cells[at]) + 2), "");
	}
	(void)fputc('\n', t->to);
}

void print_table_end(struct print_table *t)
{
	size_t widths[PRINT_COLUMNS_MAX] = {0};
	for (size_t i = 0; i < t->cells_n; i++) {
		size_t width = print_width(t->cells[i]);
		if (width > widths[i % t->columns])
			widths[i % t->columns] = width;
	}
	ASSERT(t->failed || t->cells_n % t->columns == 0);
	for (size_t row = 0; !t->failed && row < t->cells_n / t->columns; row++)
		row_print(t, row, widths);
	for (size_t i = 0; i < t->cells_n; i++)
		free(t->cells[i]);
	free(t->cells);
	free(t->styles);
	*t = (struct print_table){0};
}

const char *print_duration_us(uint64_t us, char *buf, size_t size)
{
	uint64_t s = us / 1000000;
	if (us < 1000)
		(void)snprintf(buf, size, "%u µs", (unsigned)us);
	else if (us < 10000)
		(void)snprintf(buf, size, "%u.%02u ms", (unsigned)(us / 1000),
			       (unsigned)(us % 1000 / 10));
	else if (s < 10)
		(void)snprintf(buf, size, "%u ms", (unsigned)(us / 1000));
	else if (s < 120)
		(void)snprintf(buf, size, "%u s", (unsigned)s);
	else if (s < 7200)
		(void)snprintf(buf, size, "%u min %u s", (unsigned)(s / 60), (unsigned)(s % 60));
	else if (s < 172800)
		(void)snprintf(buf, size, "%u h %u min", (unsigned)(s / 3600),
			       (unsigned)(s % 3600 / 60));
	else
		(void)snprintf(buf, size, "%u d %u h", (unsigned)(s / 86400),
			       (unsigned)(s % 86400 / 3600));
	return buf;
}
