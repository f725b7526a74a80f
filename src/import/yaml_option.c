#include "import/yaml_option.h"

#include "import/site.h"
#include "import/yaml_scalar.h"
#include "proto/dhcp/option.h"
#include "proto/dhcp6/option.h"

#include <stdio.h>

#define TEXT(s) (int)(s).len, (const char *)(s).data

/* One option on its way out: what is known of it, and those of its values that it takes. */
struct out {
	const struct import_option *option;
	bool ipv6;
	unsigned code;
	const char *name; /* ours; NULL: it has a number only */
	bool settable;
	unsigned type; /* of either family's table */
	bool typed;    /* type is not the one that the option has here: it is written */
	struct import_texts values;
};

/* --- what both families have --- */

static enum err value_put(const struct out *o, struct span text, struct writer *w)
{
	return o->ipv6 ? dhcp6_option_from_text((enum dhcp6_option_type)o->type, text, w)
		       : dhcp_option_from_text((enum dhcp_option_type)o->type, text, w);
}

static const char *value_expected(const struct out *o)
{
	return o->ipv6 ? dhcp6_option_expected((enum dhcp6_option_type)o->type)
		       : dhcp_option_expected((enum dhcp_option_type)o->type);
}

static bool is_list(const struct out *o)
{
	return o->ipv6 ? dhcp6_option_type_is_list((enum dhcp6_option_type)o->type)
		       : dhcp_option_type_is_list((enum dhcp_option_type)o->type);
}

static const char *type_name(const struct out *o)
{
	return o->ipv6 ? dhcp6_option_type_name((enum dhcp6_option_type)o->type)
		       : dhcp_option_type_name((enum dhcp_option_type)o->type);
}

static bool is_type(const struct out *o, enum dhcp_option_type four, enum dhcp6_option_type six)
{
	return o->type == (o->ipv6 ? (unsigned)six : (unsigned)four);
}

static void type_set(struct out *o, enum dhcp_option_type four, enum dhcp6_option_type six)
{
	o->type = o->ipv6 ? (unsigned)six : (unsigned)four;
}

static enum err whole_check(const struct out *o, struct span value)
{
	if (o->ipv6)
		return dhcp6_option_check_type((enum dhcp6_option_type)o->type, value);
	if (!o->typed)
		return dhcp_option_check((uint8_t)o->code, value);
	return dhcp_option_check_type((enum dhcp_option_type)o->type, value);
}

/* --- what type it is of --- */

static bool all_fit(struct out *o, enum dhcp_option_type four, enum dhcp6_option_type six)
{
	uint8_t value[DHCP_OPTION_VALUE_MAX];
	struct writer w = writer_of(value, sizeof(value));

	type_set(o, four, six);
	for (const struct import_text *t = o->option->values.first; t; t = t->next)
		if (value_put(o, t->text, &w))
			return false;
	return true;
}

/* As dnsmasq does: addresses, a number of the least width, octets with colons, else text. */
static void type_guess(struct out *o)
{
	const struct import_text *first = o->option->values.first;

	if (!first || all_fit(o, DHCP_OPTION_ADDRESSES, DHCP6_OPTION_ADDRESSES))
		return;
	bool one = !first->next;
	if ((one && (all_fit(o, DHCP_OPTION_U8, DHCP6_OPTION_U8) ||
		     all_fit(o, DHCP_OPTION_U16, DHCP6_OPTION_U16) ||
		     all_fit(o, DHCP_OPTION_U32, DHCP6_OPTION_U32))) ||
	    (!one && !o->ipv6 && all_fit(o, DHCP_OPTION_U8S, DHCP6_OPTION_HEX)))
		return;
	if (one && span_find(first->text, ':') < first->text.len &&
	    all_fit(o, DHCP_OPTION_HEX, DHCP6_OPTION_HEX))
		return;
	type_set(o, DHCP_OPTION_TEXT, DHCP6_OPTION_TEXT);
}

static bool type_by_name(struct out *o, struct span name)
{
	enum dhcp_option_type four = DHCP_OPTION_HEX;
	enum dhcp6_option_type six = DHCP6_OPTION_HEX;
	bool known = o->ipv6 ? dhcp6_option_type_by_name(name, &six)
			     : dhcp_option_type_by_name(name, &four);

	if (known)
		type_set(o, four, six);
	return known;
}

static void out_init(struct out *o, const struct import_option *option, bool ipv6, unsigned code)
{
	const struct dhcp_option_info *four = ipv6 ? NULL : dhcp_option_by_code((uint8_t)code);
	const struct dhcp6_option_info *six = ipv6 ? dhcp6_option_by_code((uint16_t)code) : NULL;

	*o = (struct out){.option = option, .ipv6 = ipv6, .code = code, .settable = true};
	if (four) {
		o->name = four->name;
		o->type = four->type;
		o->settable = four->flags & DHCP_OPTION_SETTABLE;
	} else if (six) {
		o->name = six->name;
		o->type = six->type;
		o->settable = six->flags & DHCP6_OPTION_SETTABLE;
	}
	unsigned own = o->type;
	bool known = o->name;
	if (option->hex)
		type_set(o, DHCP_OPTION_HEX, DHCP6_OPTION_HEX);
	else if (!(option->type && type_by_name(o, span_text(option->type))) && !known)
		type_guess(o);
	o->typed = !known || o->type != own;
}

/* --- its values --- */

/* 1, on, yes and their contraries are how others write a flag. */
static struct span as_ours(const struct out *o, struct span text)
{
	static const char *const words[2][4] = {{"0", "off", "no", "false"},
						{"1", "on", "yes", "true"}};

	if (o->ipv6 || o->type != DHCP_OPTION_FLAG)
		return text;
	for (size_t i = 0; i < 4; i++)
		for (size_t is = 0; is < 2; is++)
			if (span_equal_nocase(text, span_text(words[is][i])))
				return span_text(is ? "true" : "false");
	return text;
}

static bool has_control(struct span text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.data[i] < 0x20 || text.data[i] == 0x7f)
			return true;
	return false;
}

/* Text with a newline in it, as people end an option 252 with: no text here, but octets. */
static struct span text_to_hex(struct import_site *s, struct out *o, struct span text)
{
	uint8_t digits[2 * 255];
	struct writer w = writer_of(digits, sizeof(digits));

	for (size_t i = 0; i < text.len; i++)
		write_format(&w, "%02x", text.data[i]);
	if (writer_check(&w))
		return text;
	type_set(o, DHCP_OPTION_HEX, DHCP6_OPTION_HEX);
	o->typed = true;
	return import_copy(s, writer_span(&w));
}

static void note_value(struct import_site *s, const struct out *o, struct span text)
{
	char number[16];
	(void)snprintf(number, sizeof(number), "%u", o->code);
	import_note(s, o->option->line, "option %s does not take %.*s: expected %s",
		    o->name ? o->name : number, TEXT(text), value_expected(o));
}

/* Keeps the values that the option takes; a note of each other. False: none is left. */
static bool values_take(struct import_site *s, struct out *o)
{
	uint8_t value[DHCP_OPTION_VALUE_MAX];
	struct writer w = writer_of(value, sizeof(value));
	const struct import_text *t = o->option->values.first;

	for (; t; t = t->next) {
		struct span text = as_ours(o, t->text);
		if (o->values.first && !is_list(o)) {
			import_note(s, o->option->line, "option %u has one value: %.*s is left out",
				    o->code, TEXT(text));
			continue;
		}
		if (!t->next && !o->values.first && has_control(text) &&
		    is_type(o, DHCP_OPTION_TEXT, DHCP6_OPTION_TEXT))
			text = text_to_hex(s, o, text);
		if (value_put(o, text, &w))
			note_value(s, o, text);
		else
			import_text_add(s, &o->values, text);
	}
	if (o->values.first && whole_check(o, writer_span(&w))) {
		unsigned least = o->ipv6 ? 0 : dhcp_option_least((uint8_t)o->code);
		if (least)
			import_note(s, o->option->line,
				    "option %s does not take %.*s: expected %u or more", o->name,
				    TEXT(o->values.first->text), least);
		else
			note_value(s, o, o->values.first->text);
		return false;
	}
	return o->values.first;
}

static bool judge(struct import_site *s, struct out *o)
{
	uint32_t line = o->option->line;

	if (!o->settable) {
		import_note(s, line, "option %s is not for a configuration to set", o->name);
		return false;
	}
	if (is_type(o, DHCP_OPTION_EMPTY, DHCP6_OPTION_EMPTY))
		return true;
	if (!o->option->values.first) {
		import_note(s, line,
			    "option %u without a value is left out: what nothing sets is not sent",
			    o->code);
		return false;
	}
	return values_take(s, o);
}

/* --- its line --- */

static void write_name(struct writer *w, const struct out *o)
{
	if (!o->typed)
		write_text(w, o->name);
	else if (!o->name && is_type(o, DHCP_OPTION_HEX, DHCP6_OPTION_HEX))
		write_format(w, "\"%u\"", o->code);
	else
		write_format(w, "\"%u/%s\"", o->code, type_name(o));
}

static void write_option(struct writer *w, unsigned depth, const struct out *o)
{
	const struct import_text *t = o->values.first;

	import_yaml_indent(w, depth);
	write_name(w, o);
	write_text(w, ": ");
	if (!t) {
		write_text(w, "true\n"); /* an option without octets */
		return;
	}
	bool many = t->next;
	if (many)
		write_u8(w, '[');
	for (; t; t = t->next) {
		import_yaml_scalar(w, t->text);
		write_text(w, t->next ? ", " : many ? "]\n" : "\n");
	}
}

static bool is_last(const struct import_option *o)
{
	for (const struct import_option *later = o->next; later; later = later->next)
		if (span_equal(later->name, o->name))
			return false;
	return true;
}

void import_yaml_options(struct import_site *s, struct writer *w, unsigned depth,
			 const struct import_options *list, bool ipv6)
{
	struct import_texts always = {.first = NULL};
	bool any = false;
	uint64_t code;

	for (const struct import_option *option = list->first; option; option = option->next) {
		struct out o;
		if (!is_last(option) || !span_to_u64(option->name, ipv6 ? UINT16_MAX : 254, &code))
			continue;
		out_init(&o, option, ipv6, (unsigned)code);
		if (!judge(s, &o))
			continue;
		if (!any) {
			import_yaml_indent(w, depth);
			write_text(w, "options:\n");
		}
		any = true;
		write_option(w, depth + 1, &o);
		if (option->always)
			import_text_add(s, &always, option->name);
	}
	import_yaml_list(w, depth, "always", &always);
}
