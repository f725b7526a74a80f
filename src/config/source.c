#include "config/source.h"

#include <stdlib.h>

enum err config_source_init(struct config_source *s, struct span text, const char *file_name)
{
	ASSERT(text.len < UINT32_MAX);
	uint32_t n = 1;
	for (size_t i = 0; i < text.len; i++)
		n += text.data[i] == '\n';
	uint32_t *starts = calloc(n, sizeof(*starts));
	if (!starts)
		return ENOMEM;
	uint32_t line = 1;
	for (size_t i = 0; i < text.len; i++) {
		if (text.data[i] == '\n')
			starts[line++] = (uint32_t)i + 1;
	}
	*s = (struct config_source){
		.text = text, .file_name = file_name, .line_starts = starts, .lines_n = n};
	return OK;
}

void config_source_done(struct config_source *s)
{
	free(s->line_starts);
	*s = (struct config_source){0};
}

size_t config_utf8_read(const uint8_t *data, size_t len, uint32_t *ret_point)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	uint8_t c = data[0];
	size_t n = c < 0x80 ? 1 : c >= 0xc2 && c < 0xe0 ? 2 : (c & 0xf0) == 0xe0 ? 3 : 4;
	*ret_point = c;
	if (n == 1)
		return 1;
	*ret_point = 0xfffd;
	if ((n == 4 && (c < 0xf0 || c > 0xf4)) || n > len)
		return 1;
	uint32_t point = c & (0xffU >> (n + 1));
	for (size_t i = 1; i < n; i++) {
		if ((data[i] & 0xc0) != 0x80)
			return 1;
		point = point << 6 | (data[i] & 0x3f);
	}
	if (point < least[n] || point > 0x10ffff || (point >= 0xd800 && point < 0xe000))
		return 1;
	*ret_point = point;
	return n;
}

struct span config_source_line(const struct config_source *s, uint32_t line)
{
	if (line < 1)
		line = 1;
	if (line > s->lines_n)
		line = s->lines_n;
	size_t start = s->line_starts[line - 1];
	size_t end = line < s->lines_n ? s->line_starts[line] - 1 : s->text.len;
	struct span l = span_sub(s->text, start, end - start);
	if (l.len && l.data[l.len - 1] == '\r')
		l.len--;
	return l;
}

void config_source_place(const struct config_source *s, uint32_t offset, uint32_t *ret_line,
			 uint32_t *ret_column)
{
	if (offset > s->text.len)
		offset = (uint32_t)s->text.len;
	uint32_t low = 0, high = s->lines_n; /* the line is in [low, high) */
	while (high - low > 1) {
		uint32_t middle = low + (high - low) / 2;
		if (s->line_starts[middle] <= offset)
			low = middle;
		else
			high = middle;
	}
	uint32_t column = 1, point;
	size_t at = s->line_starts[low];
	while (at < offset) {
		at += config_utf8_read(s->text.data + at, s->text.len - at, &point);
		column++;
	}
	*ret_line = low + 1;
	*ret_column = column;
}

uint32_t config_source_offset(const struct config_source *s, uint32_t line, uint32_t column)
{
	struct span l = config_source_line(s, line);
	size_t at = 0;
	uint32_t point;
	for (uint32_t c = 1; c < column && at < l.len; c++)
		at += config_utf8_read(l.data + at, l.len - at, &point);
	return (uint32_t)((size_t)(l.data - s->text.data) + at);
}
