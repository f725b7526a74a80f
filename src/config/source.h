/* The text of a configuration file and where its lines begin. Knows no YAML. */
#ifndef CONFIG_SOURCE_H
#define CONFIG_SOURCE_H

#include "base/err.h"
#include "base/span.h"

struct config_source {
	struct span text;      /* borrowed */
	const char *file_name; /* borrowed */
	uint32_t *line_starts; /* octets; owned */
	uint32_t lines_n;      /* at least 1 */
};

/* text: at most UINT32_MAX octets. ENOMEM. */
MUST enum err config_source_init(struct config_source *s, struct span text, const char *file_name);
void config_source_done(struct config_source *s);

/* Where the octet is, both from 1; the column counts characters. An offset past the end is at the
 * end. */
void config_source_place(const struct config_source *s, uint32_t offset, uint32_t *ret_line,
			 uint32_t *ret_column);

/* The octet at a column of a line, both from 1; clipped to the line and the text. */
uint32_t config_source_offset(const struct config_source *s, uint32_t line, uint32_t column);

/* The line (from 1, clipped) without its end. */
struct span config_source_line(const struct config_source *s, uint32_t line);

/* Octets of the character at data[0]: 1..4, never more than len; 1 where it is no UTF-8. Refuses
 * overlong forms, surrogates and what is past U+10FFFF. ret_point: the character; U+FFFD for none.
 * len > 0. */
size_t config_utf8_read(const uint8_t *data, size_t len, uint32_t *ret_point);

#endif
