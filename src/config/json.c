#include "config/json.h"

#include "base/writer.h"
#include "config/source.h"

void config_json_string(struct writer *w, struct span text)
{
	write_u8(w, '"');
	uint32_t point;
	size_t n;
	for (size_t at = 0; at < text.len; at += n) {
		n = config_utf8_read(text.data + at, text.len - at, &point);
		if (point == '"' || point == '\\')
			write_format(w, "\\%c", (int)point);
		else if (point < 0x20 || (point >= 0x7f && point < 0xa0) || point == 0xfffd)
			write_format(w, "\\u%04x", (unsigned)point);
		else
			write_bytes(w, text.data + at, n);
	}
	write_u8(w, '"');
}

void config_json_text(struct writer *w, const char *text)
{
	if (text)
		config_json_string(w, span_text(text));
	else
		write_text(w, "null");
}
