#include "service/dhcp/conf6_option.h"

#include "base/nearest.h"
#include "config/memory.h"
#include "proto/dhcp6/option.h"
#include "service/dhcp/conf6.h"

#include <stdarg.h>
#include <stdio.h>

__attribute__((format(printf, 2, 3))) static enum err refuse(struct config_complaint *why,
							     const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(why->message, sizeof(why->message), format, args);
	va_end(args);
	return ERR_FORMAT;
}

enum err v6_option_word(struct span word, uint16_t *ret_code)
{
	const struct dhcp6_option_info *info = dhcp6_option_by_name(word);
	uint64_t number;
	if (info)
		*ret_code = info->code;
	else if (span_to_u64(word, UINT16_MAX, &number) && number)
		*ret_code = (uint16_t)number;
	else
		return ERR_ABSENT;
	return OK;
}

const char *v6_option_nearest(const char *word)
{
	struct nearest near = nearest_to(word);
	size_t n;
	const struct dhcp6_option_info *table = dhcp6_option_table(&n);
	for (size_t i = 0; i < n; i++)
		nearest_offer(&near, table[i].name);
	return near.word;
}

static enum err read_item(const struct config_item *item, enum dhcp6_option_type type,
			  struct writer *w, struct config_complaint *why)
{
	bool is_map = item->parts_n != 1 || item->parts[0].name.len;
	(void)snprintf(why->expected, sizeof(why->expected), "%s", dhcp6_option_expected(type));
	if (is_map)
		return refuse(why, "is a map");
	struct span text = item->parts[0].text;
	if (type == DHCP6_OPTION_EMPTY && (span_is(text, "on") || span_is(text, "yes")))
		text = span_text("true");
	switch (dhcp6_option_from_text(type, text, w)) {
	case OK: return OK;
	case ERR_LIMIT: return refuse(why, "is too large, or too long");
	default: return ERR_FORMAT;
	}
}

static enum err read_values(const struct config_entry *e, enum dhcp6_option_type type,
			    struct config_memory *memory, struct span *ret_data,
			    struct config_complaint *why, struct config_blame *blame)
{
	uint8_t buf[DHCP6_OPTION_VALUE_MAX];
	struct writer w = writer_of(buf, sizeof(buf));
	if (e->items_n == 0)
		return refuse(why, "is an empty list; leave the option out instead");
	if (e->items_n != 1 && !dhcp6_option_type_is_list(type)) {
		(void)snprintf(why->expected, sizeof(why->expected), "%s",
			       dhcp6_option_expected(type));
		return refuse(why, "is one value, not several");
	}
	for (size_t i = 0; i < e->items_n; i++) {
		*blame = (struct config_blame){.item = i};
		TRY(read_item(&e->items[i], type, &w, why));
	}
	*blame = (struct config_blame){0};
	const char *copy = config_memory_text(memory, writer_span(&w));
	if (!copy)
		return ENOMEM;
	*ret_data = span_of(copy, w.pos);
	return OK;
}

/* "4711" or "4711/u16": a number, and of which type its value is. */
static enum err numbered(struct span name, uint16_t *ret_code, enum dhcp6_option_type *ret_type,
			 struct config_complaint *why)
{
	size_t slash = span_find(name, '/');
	uint64_t number;
	if (!span_to_u64(span_sub(name, 0, slash), UINT16_MAX, &number) || number == 0)
		return ERR_ABSENT;
	*ret_code = (uint16_t)number;
	if (slash == name.len ||
	    dhcp6_option_type_by_name(span_sub(name, slash + 1, name.len), ret_type))
		return OK;
	return refuse(why, "has a type that there is none of: '%.*s'",
		      (int)(name.len < 64 ? name.len : 64), (const char *)name.data);
}

static enum err option_read(struct config_memory *memory, const struct config_entry *e, void *into,
			    struct config_complaint *ret_why, struct config_blame *ret_blame)
{
	struct v6_option_conf o = {0};
	enum dhcp6_option_type type = DHCP6_OPTION_HEX;
	const struct dhcp6_option_info *info = dhcp6_option_by_name(e->name);
	bool typed = false;
	if (info) {
		o.code = info->code;
	} else {
		TRY(numbered(e->name, &o.code, &type, ret_why));
		typed = span_find(e->name, '/') < e->name.len;
		info = dhcp6_option_by_code(o.code);
	}
	if (info && !(info->flags & DHCP6_OPTION_SETTABLE))
		return refuse(ret_why, info->flags & DHCP6_OPTION_CLIENTS
					       ? "cannot be set: only clients and relays send this "
						 "option"
					       : "cannot be set: the exchange itself decides it");
	if (info && !typed)
		type = (enum dhcp6_option_type)info->type;
	TRY(read_values(e, type, memory, &o.data, ret_why, ret_blame));
	if (info && dhcp6_option_check_type((enum dhcp6_option_type)info->type, o.data) != OK)
		return refuse(ret_why, "is not what option %u holds", info->code);
	*(struct v6_option_conf *)into = o;
	return OK;
}

static bool option_row(size_t n, struct config_row *ret)
{
	size_t len, settable = 0;
	const struct dhcp6_option_info *table = dhcp6_option_table(&len);
	for (size_t i = 0; i < len; i++) {
		if (!(table[i].flags & DHCP6_OPTION_SETTABLE) || settable++ != n)
			continue;
		*ret = (struct config_row){
			.name = table[i].name,
			.takes = dhcp6_option_expected((enum dhcp6_option_type)table[i].type)};
		return true;
	}
	return false;
}

const struct config_table v6_option_table_conf = {
	.title = "DHCPV6 OPTIONS",
	.help = "Options by the names of IANA's registry, each with a value of its own type, or a "
		"list of such where it takes several",
	.size = sizeof(struct v6_option_conf),
	.row = option_row,
	.others = "the number of an option, whose value is hex, or NUMBER/TYPE with a type such as "
		  "hex, text, u8, u16, u32, address, addresses, name, names: \"4711/u16\": 5",
	.read = option_read,
};
