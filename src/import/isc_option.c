#include "import/isc_option.h"

#include "proto/dhcp/option.h"

#define TEXT(s) (int)(s).len, (const char *)(s).data

unsigned isc_option_code(const struct isc_definition *definitions, struct span name)
{
	/* Where dhcpd's word is not that of the registry (dhcp-options(5)). */
	static const struct {
		const char *name;
		unsigned code;
	} others[] = {
		{"dhcp-client-identifier", 61},
		{"dhcp-lease-time", 51},
		{"dhcp-renewal-time", 58},
		{"dhcp-rebinding-time", 59},
		{"vendor-encapsulated-options", 43},
		{"dhcp-parameter-request-list", 55},
		{"rfc3442-classless-static-routes", 121},
		{"ms-classless-static-routes", 249},
		{"pxe-system-type", 93},
		{"pxe-client-id", 97},
		{"agent.circuit-id", 82},
		{"agent.remote-id", 82},
	};
	uint64_t number;
	const struct dhcp_option_info *info;

	for (const struct isc_definition *d = definitions; d; d = d->next)
		if (span_equal_nocase(d->name, name))
			return d->code;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (span_equal_nocase(name, span_text(others[i].name)))
			return others[i].code;
	struct span rest = span_sub(name, 7, name.len); /* option-224, unknown-224 */
	if (span_equal_nocase(span_sub(name, 0, 7), span_text("option-")) &&
	    span_to_u64(rest, 254, &number))
		return (unsigned)number;
	info = dhcp_option_by_name(name);
	return info ? info->code : 0;
}

static bool is_octets(const struct isc_definition *definitions, struct span name)
{
	for (const struct isc_definition *d = definitions; d; d = d->next)
		if (span_equal_nocase(d->name, name))
			return d->octets;
	return span_equal_nocase(name, span_text("rfc3442-classless-static-routes")) ||
	       span_equal_nocase(name, span_text("ms-classless-static-routes"));
}

/* code N = [array of] [unsigned] integer 8 | text | ip-address | … ; */
static void define(struct import_site *s, struct isc_lexer *l, struct span name,
		   struct isc_definition **definitions)
{
	uint64_t code = 0, width;
	bool octets = false, integer = false;

	isc_next(l);
	if (l->token.kind == ISC_WORD && !span_to_u64(l->token.text, 254, &code))
		import_note(s, l->token.line,
			    "an option code above 254 is not one of DHCP for IPv4");
	for (; l->token.kind != ISC_END && !isc_is(l, ';') && !isc_is(l, '}'); isc_next(l)) {
		if (isc_is_word(l, "integer"))
			integer = true;
		else if (integer && l->token.kind == ISC_WORD)
			octets = span_to_u64(l->token.text, 64, &width) && width == 8;
	}
	if (isc_is(l, ';'))
		isc_next(l);
	struct isc_definition *d =
		arena_zalloc(&s->arena, 1, sizeof(*d), _Alignof(struct isc_definition));
	if (!d) {
		s->failed = true;
		return;
	}
	d->name = name;
	d->code = (unsigned)code;
	d->octets = octets;
	d->next = *definitions;
	*definitions = d;
}

/* Numbers, each an octet, to hex. */
static void octets_take(struct import_site *s, struct isc_lexer *l, struct import_option *o)
{
	uint8_t text[2 * 255];
	struct writer w = writer_of(text, sizeof(text));
	uint64_t octet;

	for (; l->token.kind != ISC_END && !isc_is(l, ';') && !isc_is(l, '}'); isc_next(l)) {
		if (isc_is(l, ','))
			continue;
		if (l->token.kind == ISC_WORD && span_to_u64(l->token.text, 255, &octet))
			write_format(&w, "%02x", (unsigned)octet);
		else
			import_note(s, l->token.line, "no octet: %.*s", TEXT(l->token.text));
	}
	if (writer_check(&w))
		import_note(s, l->token.line, "an option of more than 255 octets was cut");
	import_text_add(s, &o->values, writer_span(&w));
}

/* Values between commas; words of one value are joined by blanks (10.0.0.1 10.0.0.2). */
static void values_take(struct import_site *s, struct isc_lexer *l, struct import_option *o)
{
	struct span value = {0};

	for (; l->token.kind != ISC_END && !isc_is(l, ';') && !isc_is(l, '}'); isc_next(l)) {
		if (isc_is(l, ',')) {
			import_text_add(s, &o->values, value);
			value = (struct span){0};
		} else if (value.len) {
			value = import_format(s, "%.*s %.*s", TEXT(value), TEXT(l->token.text));
		} else {
			value = l->token.text;
		}
	}
	if (value.len)
		import_text_add(s, &o->values, value);
}

void isc_option_take(struct import_site *s, struct isc_lexer *l,
		     struct isc_definition **definitions, struct import_options *to)
{
	uint32_t line = l->token.line;
	struct span name = l->token.text;

	if (isc_is_word(l, "space") || isc_is_word(l, "definition")) {
		import_note(s, line, "option spaces are not carried over");
		isc_skip_statement(l);
		return;
	}
	isc_next(l);
	if (isc_is_word(l, "code")) {
		define(s, l, name, definitions);
		return;
	}
	bool expression = isc_is(l, '=');
	unsigned code = isc_option_code(*definitions, name);
	bool six = span_equal_nocase(span_sub(name, 0, 6), span_text("dhcp6."));
	if (expression || !code || six || code == 82) {
		import_note(s, line,
			    expression ? "an expression as the value of %.*s is not carried over"
			    : six ? "the option of DHCPv6 %.*s is not carried over: write it under "
				    "`ipv6`"
				  : "no option of that name: %.*s",
			    TEXT(name));
		isc_skip_statement(l);
		return;
	}
	struct import_option *o = import_option_add(s, to, import_format(s, "%u", code));
	if (is_octets(*definitions, name)) {
		octets_take(s, l, o);
		o->hex = true;
	} else {
		values_take(s, l, o);
	}
	if (isc_is(l, ';'))
		isc_next(l);
}
