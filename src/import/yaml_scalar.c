#include "import/yaml_scalar.h"

#include "import/site.h"

void import_yaml_indent(struct writer *w, unsigned depth)
{
	for (unsigned i = 0; i < depth; i++)
		write_text(w, "  ");
}

/* May the text stand as it is, whatever is around it? */
static bool is_plain(struct span text)
{
	if (!text.len || text.data[0] == '-')
		return false;
	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.data[i];
		bool word = (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
		if (!word && c != '.' && c != '-' && c != '_' && c != '/')
			return false;
	}
	return true;
}

void import_yaml_scalar(struct writer *w, struct span text)
{
	if (is_plain(text)) {
		write_span(w, text);
		return;
	}
	write_u8(w, '"');
	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.data[i];
		if (c == '"' || c == '\\')
			write_format(w, "\\%c", c);
		else if (c < 0x20 || c == 0x7f)
			write_format(w, "\\x%02x", c);
		else
			write_u8(w, c);
	}
	write_u8(w, '"');
}

void import_yaml_line(struct writer *w, unsigned depth, const char *name, struct span value)
{
	if (!value.len)
		return;
	import_yaml_indent(w, depth);
	write_format(w, "%s: ", name);
	import_yaml_scalar(w, value);
	write_u8(w, '\n');
}

void import_yaml_list(struct writer *w, unsigned depth, const char *name,
		      const struct import_texts *list)
{
	if (!list->first)
		return;
	import_yaml_indent(w, depth);
	write_format(w, "%s: [", name);
	for (const struct import_text *t = list->first; t; t = t->next) {
		import_yaml_scalar(w, t->text);
		write_text(w, t->next ? ", " : "]\n");
	}
}
