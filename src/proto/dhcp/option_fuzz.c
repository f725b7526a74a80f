/* The first octet says which option; the rest is its value, and also its text, item by item with
 * '|' between. What comes from text passes the check, and its own text makes the same octets. */
#include "proto/dhcp/option.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t value[DHCP_OPTION_VALUE_MAX], again[DHCP_OPTION_VALUE_MAX], text[32768];

static bool make(enum dhcp_option_type type, struct span items, const char *between,
		 struct writer *w)
{
	size_t step = strlen(between);
	for (;;) {
		size_t len = 0;
		while (len + step <= items.len && memcmp(items.data + len, between, step) != 0)
			len++;
		bool last = len + step > items.len;
		if (last)
			len = items.len;
		if (dhcp_option_from_text(type, span_sub(items, 0, len), w))
			return false;
		if (last || !dhcp_option_type_is_list(type))
			return true;
		items = span_sub(items, len + step, items.len);
	}
}

static void format(enum dhcp_option_type type, struct span v, struct writer *w)
{
	*w = writer_of(text, sizeof(text));
	dhcp_option_format_type(type, v, w);
	for (size_t i = 0; i < w->pos; i++)
		ASSERT(text[i] >= ' ' && text[i] <= '~');
}

/* Types whose text says all of the value, in the form in which it is read. */
static bool goes_back(enum dhcp_option_type type, struct span v)
{
	switch (type) {
	case DHCP_OPTION_TEXT:
	case DHCP_OPTION_FLAG_TEXT:
	case DHCP_OPTION_ITEMS:
		/* Escapes are for people, and ", " separates. */
		for (size_t i = 0; i < v.len; i++) {
			if (v.data[i] == '\\' || v.data[i] > '~' || v.data[i] == ',' ||
			    v.data[i] == ' ')
				return false;
		}
		return true;
	case DHCP_OPTION_VENDOR:
	case DHCP_OPTION_CLIENT_ID:
	case DHCP_OPTION_FQDN:
	case DHCP_OPTION_RELAY:
	case DHCP_OPTION_NAME:
	case DHCP_OPTION_NAMES:
	case DHCP_OPTION_SEARCH:
	case DHCP_OPTION_SIP_SERVERS: return false; /* names may hold commas and blanks */
	default: return true;
	}
}

static void check_text(enum dhcp_option_type type, struct span items)
{
	struct writer w = writer_of(value, sizeof(value)), t, back;
	if (!make(type, items, "|", &w))
		return;
	/* Some are right only when something else is there as well: */
	bool whole = dhcp_option_check_type(type, writer_span(&w)) == OK;
	ASSERT(whole || type == DHCP_OPTION_CLIENT_ID || type == DHCP_OPTION_FQDN ||
	       type == DHCP_OPTION_RELAY);
	format(type, writer_span(&w), &t);
	if (!whole || t.bad || !goes_back(type, writer_span(&w)))
		return;
	back = writer_of(again, sizeof(again));
	ASSERT(make(type, writer_span(&t), ", ", &back));
	ASSERT(span_equal(writer_span(&w), writer_span(&back)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	const struct dhcp_option_info *o = dhcp_option_by_code(data[0]);
	enum dhcp_option_type type = o ? (enum dhcp_option_type)o->type
				       : (enum dhcp_option_type)(data[0] % DHCP_OPTION_TYPES);
	struct span rest = span_of(data + 1, size - 1);
	struct writer w;
	err_ignore(dhcp_option_check(data[0], rest));
	format(type, rest, &w);
	check_text(type, rest);
	(void)dhcp_option_by_name(rest);
	return 0;
}
