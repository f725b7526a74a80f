#include "service/dhcp/conf_option.h"

#include "base/nearest.h"
#include "base/writer.h"
#include "config/memory.h"
#include "config/table.h"
#include "proto/dhcp/option.h"
#include "service/dhcp/conf.h"

#include <stdarg.h>
#include <stdio.h>

/* One entry on its way to wire form. */
struct reading {
	const struct config_entry *entry;
	enum dhcp_option_type type;
	struct config_complaint *why;
	struct config_blame *blame;
};

__attribute__((format(printf, 2, 3))) static enum err refuse(struct config_complaint *why,
							     const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(why->message, sizeof(why->message), format, args);
	va_end(args);
	return ERR_FORMAT;
}

static void expect(struct config_complaint *why, const char *text)
{
	(void)snprintf(why->expected, sizeof(why->expected), "%s", text);
}

enum err dhcp_option_word(struct span word, uint8_t *ret_code)
{
	const struct dhcp_option_info *info = dhcp_option_by_name(word);
	uint64_t number;

	if (info)
		*ret_code = info->code;
	else if (span_to_u64(word, 254, &number) && number)
		*ret_code = (uint8_t)number;
	else
		return ERR_ABSENT;
	return OK;
}

const char *dhcp_option_nearest(const char *word)
{
	struct nearest near = nearest_to(word);
	size_t n;
	const struct dhcp_option_info *table = dhcp_option_table(&n);

	for (size_t i = 0; i < n; i++)
		nearest_offer(&near, table[i].name);
	return near.word;
}

/* Words of switches stand for a flag as everywhere in the file. */
static struct span flag_words(enum dhcp_option_type type, struct span text)
{
	if (type != DHCP_OPTION_FLAG && type != DHCP_OPTION_EMPTY)
		return text;
	if (span_is(text, "on") || span_is(text, "yes"))
		return span_text("true");
	if (span_is(text, "off") || span_is(text, "no"))
		return span_text("false");
	return text;
}

/* {to: 10.0.0.0/8, via: 192.0.2.1} as the text "10.0.0.0/8 192.0.2.1". */
static enum err route_text(const struct reading *r, const struct config_item *item,
			   struct writer *text)
{
	struct span to = {0}, via = {0};

	expect(r->why, "{to: 10.0.0.0/8, via: 192.0.2.1}, or the text \"10.0.0.0/8 192.0.2.1\"");
	for (size_t i = 0; i < item->parts_n; i++) {
		const struct config_part *part = &item->parts[i];
		struct span *into = span_is(part->name, "to")	 ? &to
				    : span_is(part->name, "via") ? &via
								 : NULL;
		r->blame->part = i;
		if (!into || into->len)
			return refuse(r->why, into ? "has '%.*s' twice" : "has no key '%.*s'",
				      (int)(part->name.len < 64 ? part->name.len : 64),
				      (const char *)part->name.data);
		*into = part->text;
	}
	r->blame->part = 0;
	if (to.len == 0 || via.len == 0)
		return refuse(r->why, "lacks '%s'", to.len ? "via" : "to");
	write_span(text, to);
	write_u8(text, ' ');
	write_span(text, via);
	return OK;
}

static enum err read_item(const struct reading *r, size_t at, struct writer *w)
{
	const struct config_item *item = &r->entry->items[at];
	char buf[512];
	struct writer route = writer_of(buf, sizeof(buf));
	bool is_map = item->parts_n != 1 || item->parts[0].name.len;
	struct span text = is_map ? (struct span){0} : flag_words(r->type, item->parts[0].text);

	*r->blame = (struct config_blame){.item = at};
	expect(r->why, dhcp_option_expected(r->type));
	if (is_map && r->type != DHCP_OPTION_ROUTES)
		return refuse(r->why, "is a map");
	if (is_map) {
		TRY(route_text(r, item, &route));
		if (route.bad)
			return refuse(r->why, "is too long");
		text = writer_span(&route);
	}
	switch (dhcp_option_from_text(r->type, text, w)) {
	case OK: return OK;
	case ERR_REFUSED: return refuse(r->why, "has bits set behind its length");
	case ERR_LIMIT: return refuse(r->why, "is too large, or too long");
	default: return ERR_FORMAT;
	}
}

static enum err read_values(const struct reading *r, struct config_memory *memory,
			    struct span *ret_data)
{
	uint8_t buf[DHCP_OPTION_VALUE_MAX];
	struct writer w = writer_of(buf, sizeof(buf));

	if (r->entry->items_n != 1 && !dhcp_option_type_is_list(r->type)) {
		expect(r->why, dhcp_option_expected(r->type));
		return refuse(r->why, r->entry->items_n ? "is one value, not several" : "is empty");
	}
	if (r->entry->items_n == 0)
		return refuse(r->why, "is an empty list; leave the option out instead");
	for (size_t i = 0; i < r->entry->items_n; i++)
		TRY(read_item(r, i, &w));
	*r->blame = (struct config_blame){0};
	if (w.pos == 0) {
		*ret_data = (struct span){0};
		return OK;
	}
	const char *copy = config_memory_text(memory, writer_span(&w));
	if (!copy)
		return ENOMEM;
	*ret_data = span_of(copy, w.pos);
	return OK;
}

/* "224" or "224/u16": a number, and of which type its value is. */
static enum err numbered(struct span name, uint64_t max, uint64_t *ret_number,
			 enum dhcp_option_type *ret_type, struct config_complaint *why)
{
	size_t slash = span_find(name, '/');

	if (!span_to_u64(span_sub(name, 0, slash), max, ret_number))
		return ERR_ABSENT;
	if (slash == name.len ||
	    dhcp_option_type_by_name(span_sub(name, slash + 1, name.len), ret_type))
		return OK;
	expect(why, "a type such as hex, text, u8, u16, u32, flag, address, addresses, name");
	return refuse(why, "has a type that there is none of: '%.*s'",
		      (int)(name.len < 64 ? name.len : 64), (const char *)name.data);
}

static const struct {
	uint8_t code;
	const char *instead;
} set_elsewhere[] = {
	{DHCP_OPT_LEASE_TIME, "write lease-time"},
	{DHCP_OPT_RENEWAL_TIME, "write renew-time"},
	{DHCP_OPT_REBINDING_TIME, "write rebind-time"},
	{DHCP_OPT_SERVER_IDENTIFIER, "write server-id in the network"},
	{DHCP_OPT_RAPID_COMMIT, "write rapid-commit"},
};

static enum err judge_settable(const struct dhcp_option_info *info, struct config_complaint *why)
{
	if (info->flags & DHCP_OPTION_SETTABLE)
		return OK;
	for (size_t i = 0; i < sizeof(set_elsewhere) / sizeof(set_elsewhere[0]); i++) {
		if (set_elsewhere[i].code == info->code)
			return refuse(why, "is not set as an option; %s", set_elsewhere[i].instead);
	}
	return refuse(why, info->flags & DHCP_OPTION_PROTOCOL
				   ? "cannot be set: the exchange itself decides it"
				   : "cannot be set: only clients and relays send this option");
}

static enum err option_read(struct config_memory *memory, const struct config_entry *e, void *into,
			    struct config_complaint *ret_why, struct config_blame *ret_blame)
{
	struct dhcp_option_conf o = {0};
	struct reading r = {.entry = e, .why = ret_why, .blame = ret_blame};
	const struct dhcp_option_info *info = dhcp_option_by_name(e->name);
	uint64_t number = 0;
	bool typed = false;

	r.type = DHCP_OPTION_HEX;
	if (!info) {
		TRY(numbered(e->name, 254, &number, &r.type, ret_why));
		info = number ? dhcp_option_by_code((uint8_t)number) : NULL;
		typed = span_find(e->name, '/') < e->name.len;
	}
	if (!info && number == 0)
		return ERR_ABSENT;
	o.code = info ? info->code : (uint16_t)number;
	if (info)
		TRY(judge_settable(info, ret_why));
	if (info && !typed)
		r.type = info->type;
	TRY(read_values(&r, memory, &o.data));
	if (info && dhcp_option_check(info->code, o.data) != OK) {
		unsigned least = dhcp_option_least(info->code);
		expect(ret_why, dhcp_option_expected(info->type));
		if (least)
			(void)snprintf(ret_why->expected, sizeof(ret_why->expected), "%u or more",
				       least);
		return refuse(ret_why, "is not what option %u holds", info->code);
	}
	*(struct dhcp_option_conf *)into = o;
	return OK;
}

static bool option_row(size_t n, struct config_row *ret)
{
	size_t len, settable = 0;
	const struct dhcp_option_info *table = dhcp_option_table(&len);

	for (size_t i = 0; i < len; i++) {
		if (!(table[i].flags & DHCP_OPTION_SETTABLE) || settable++ != n)
			continue;
		*ret = (struct config_row){.name = table[i].name,
					   .takes = dhcp_option_expected(table[i].type),
					   .is_list = dhcp_option_type_is_list(table[i].type)};
		return true;
	}
	return false;
}

const struct config_table dhcp_option_table_conf = {
	.title = "DHCP OPTIONS",
	.help = "Options by the names of IANA's registry, each with a value of its own type, or a "
		"list of such. Routes are `{to: 10.0.0.0/8, via: 192.0.2.1}`; clients that take "
		"them do "
		"not look at `routers`, so write the way to 0.0.0.0/0 too. Types of values for "
		"options "
		"by number: hex (unless said), text, u8, u16, u32, flag, address, addresses, name, "
		"names",
	.size = sizeof(struct dhcp_option_conf),
	.row = option_row,
	.others = "the number of an option, with a type or not: \"224/u16\"",
	.read = option_read,
};

static enum err vendor_read(struct config_memory *memory, const struct config_entry *e, void *into,
			    struct config_complaint *ret_why, struct config_blame *ret_blame)
{
	struct dhcp_option_conf o = {0};
	struct reading r = {
		.entry = e, .type = DHCP_OPTION_HEX, .why = ret_why, .blame = ret_blame};
	uint64_t number = 0;

	TRY(numbered(e->name, 254, &number, &r.type, ret_why));
	if (number == 0)
		return ERR_ABSENT;
	o.code = (uint16_t)number;
	TRY(read_values(&r, memory, &o.data));
	if (o.data.len > UINT8_MAX)
		return refuse(ret_why, "is longer than the 255 octets of a vendor's option");
	*(struct dhcp_option_conf *)into = o;
	return OK;
}

static bool vendor_row(size_t n, struct config_row *ret)
{
	(void)n;
	(void)ret;
	return false;
}

const struct config_table dhcp_vendor_table_conf = {
	.title = "OPTIONS OF VENDORS",
	.help = "Options that a vendor numbers itself: NUMBER, whose value is hex, or NUMBER/TYPE, "
		"as in `\"1/address\": 192.0.2.1`",
	.size = sizeof(struct dhcp_option_conf),
	.row = vendor_row,
	.others = "numbers from 1 to 254, with a type or not: \"1/address\"",
	.read = vendor_read,
};
