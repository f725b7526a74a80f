#include "config/yaml_syntax.h"

#include "config/diagnose.h"
#include "proto/ip/address.h"

/* Parts of libfyaml's messages, and what they mean to whoever wrote the file. */
static const struct {
	const char *part, *meaning;
} meanings[] = {
	{"multiline plain key",
	 "this value and the next line read as one key: the next line has the wrong indentation, "
	 "or a ':' is missing"},
	{"expected ':'", "this line has no ':' followed by a space, and continues no value"},
	{"nested block mapping on the same line",
	 "a second ': ' on one line; quote the value if the ':' belongs to it"},
	{"wrongly indented flow sequence", "this '[' has no ']', or its lines are not indented"},
	{"wrongly indented flow mapping", "this '{' has no '}', or its lines are not indented"},
	{"missing comma", "a ',' is missing before this"},
	{"wrongly indented", "the closing quote is missing, or its lines are not indented"},
	{"block sequence on the same line",
	 "a list of '-' lines begins below its key, not beside it"},
	{"without closing quote", "the closing quote is missing"},
	{"without a closing bracket", "this '[' has no ']'"},
	{"without a closing brace", "this '{' has no '}'"},
	{"indendation in sequence", "this '-' stands under no other '-' of its list"},
	{"indentation in mapping", "this key stands under no other key of its map"},
	{"plain scalar cannot start with",
	 "no value may begin with this character; quote the value"},
};

static bool contains(struct span s, const char *part)
{
	size_t n = strlen(part);
	for (size_t i = 0; i + n <= s.len; i++) {
		if (memcmp(s.data + i, part, n) == 0)
			return true;
	}
	return false;
}

static const char *meaning_of(const char *message)
{
	for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++) {
		if (contains(span_text(message), meanings[i].part))
			return meanings[i].meaning;
	}
	return message;
}

/* A tab among the blanks in front of a line, the commonest fault; its octet or UINT32_MAX. */
static uint32_t indenting_tab(const struct config_source *source, uint32_t line)
{
	struct span l = config_source_line(source, line);
	for (size_t i = 0; i < l.len && (l.data[i] == ' ' || l.data[i] == '\t'); i++) {
		if (l.data[i] == '\t')
			return (uint32_t)((size_t)(l.data - source->text.data) + i);
	}
	return UINT32_MAX;
}

/* A [ADDRESS]:PORT without quotes reads as a list in YAML. */
static bool has_bare_endpoint(struct span line)
{
	for (size_t i = 1; i < line.len; i++) {
		if (line.data[i - 1] != '[' ||
		    (i >= 2 && (line.data[i - 2] == '"' || line.data[i - 2] == '\'')))
			continue;
		struct span rest = span_sub(line, i, IP_ENDPOINT_TEXT_MAX);
		size_t end = span_find(rest, ']');
		struct ip_address address;
		if (end + 1 < rest.len && rest.data[end + 1] == ':' &&
		    ip_address_parse(span_sub(rest, 0, end), &address) == OK)
			return true;
	}
	return false;
}

static bool begins_section(struct span line)
{
	size_t i = 0;
	while (i < line.len && ((line.data[i] >= 'a' && line.data[i] <= 'z') ||
				(line.data[i] >= 'A' && line.data[i] <= 'Z') ||
				(line.data[i] >= '0' && line.data[i] <= '9') ||
				line.data[i] == '-' || line.data[i] == '_'))
		i++;
	return i > 0 && i < line.len && line.data[i] == ':' && line.data[0] != '-' &&
	       (i + 1 == line.len || line.data[i + 1] == ' ' || line.data[i + 1] == '\t');
}

static uint32_t next_section(const struct config_source *source, uint32_t after_line)
{
	for (uint32_t line = after_line + 1; line <= source->lines_n; line++) {
		struct span l = config_source_line(source, line);
		if (begins_section(l))
			return (uint32_t)(l.data - source->text.data);
	}
	return 0;
}

static uint32_t fault_offset(const struct config_source *source, const struct yaml_fault *f)
{
	if (!f->message)
		return f->last;
	if (f->opening && (contains(span_text(f->message), "without a closing b") ||
			   contains(span_text(f->message), "wrongly indented flow")))
		return f->opening;
	uint32_t line, column;
	config_source_place(source, f->base, &line, &column);
	return config_source_offset(source, line + f->line - 1, f->column);
}

uint32_t yaml_syntax_tell(const struct config_source *source, struct config_report *report,
			  const struct yaml_fault *fault)
{
	uint32_t offset = fault_offset(source, fault), line, column;
	config_source_place(source, offset, &line, &column);
	const char *hint = "";
	if (has_bare_endpoint(config_source_line(source, line)))
		hint = "; an IPv6 endpoint must be quoted: \"[::1]:53\"";
	uint32_t tab = indenting_tab(source, line);
	if (tab == UINT32_MAX && line < source->lines_n)
		tab = indenting_tab(source, line + 1);
	if (tab != UINT32_MAX) {
		offset = tab;
		config_source_place(source, offset, &line, &column);
		config_report_add(report, source, &(struct config_fault){.offset = offset},
				  "a tab indents this line; YAML wants spaces");
	} else {
		config_report_add(report, source, &(struct config_fault){.offset = offset}, "%s%s",
				  fault->message ? meaning_of(fault->message) : "not YAML", hint);
	}
	return next_section(source, line);
}
