#include "import/isc_option.h"

#include "proto/dhcp/option.h"
#include "proto/dhcp6/option.h"

#define TEXT(s) (int)(s).len, (const char *)(s).data

static const struct isc_definition *definition_find(const struct isc_definition *definitions,
						    struct span name)
{
	while (definitions && !span_equal_nocase(definitions->name, name))
		definitions = definitions->next;
	return definitions;
}

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
	const struct isc_definition *own = definition_find(definitions, name);

	if (own)
		return own->code;
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

/* dhcp6.name-servers and the others (dhcp-options(5)); 0: none. */
static unsigned option_code6(struct span name)
{
	static const struct {
		const char *name;
		unsigned code;
	} others[] = {
		{"name-servers", 23},	       {"domain-search", 24},	 {"sip-servers-names", 21},
		{"sip-servers-addresses", 22}, {"nis-servers", 27},	 {"nisp-servers", 28},
		{"nis-domain-name", 29},       {"nisp-domain-name", 30}, {"sntp-servers", 31},
		{"info-refresh-time", 32},     {"bootfile-url", 59},	 {"bootfile-param", 60},
	};
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (span_equal_nocase(name, span_text(others[i].name)))
			return others[i].code;
	const struct dhcp6_option_info *info = dhcp6_option_by_name(name);
	return info ? info->code : 0;
}

/* own: the definition of that name; NULL: none. */
static bool is_octets(const struct isc_definition *own, struct span name)
{
	if (own)
		return own->octets;
	return span_equal_nocase(name, span_text("rfc3442-classless-static-routes")) ||
	       span_equal_nocase(name, span_text("ms-classless-static-routes"));
}

/* [array of] [unsigned|signed] integer 8 | text | ip-address | … to our word for it. */
static const char *type_take(struct isc_lexer *l)
{
	static const struct {
		const char *word, *one, *array;
	} types[] = {
		{"ip-address", "address", "addresses"},
		{"text", "text", NULL},
		{"boolean", "flag", NULL},
		{"domain-name", "name", "names"},
		{"domain-list", "search", NULL},
	};
	static const struct {
		const char *width, *one, *array;
	} widths[] = {{"8", "u8", "u8-list"}, {"16", "u16", "u16-list"}, {"32", "u32", "u32-list"}};
	bool array = false, is_signed = false, integer = false;
	const char *type = NULL;

	for (; l->token.kind != ISC_END && !isc_is(l, ';') && !isc_is(l, '}'); isc_next(l)) {
		array |= isc_is_word(l, "array");
		is_signed |= isc_is_word(l, "signed");
		for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
			if (isc_is_word(l, types[i].word))
				type = array ? types[i].array : types[i].one;
		for (size_t i = 0; integer && i < sizeof(widths) / sizeof(widths[0]); i++)
			if (isc_is_word(l, widths[i].width) && !is_signed)
				type = array ? widths[i].array : widths[i].one;
		if (integer && is_signed && isc_is_word(l, "32") && !array)
			type = "s32";
		integer = isc_is_word(l, "integer");
	}
	return type;
}

/* code N = TYPE; */
static void define(struct import_site *s, struct isc_lexer *l, struct span name,
		   struct isc_definition **definitions)
{
	uint64_t code = 0;

	isc_next(l);
	if (l->token.kind == ISC_WORD && !span_to_u64(l->token.text, 254, &code))
		import_note(s, l->token.line,
			    "an option code above 254 is not one of DHCP for IPv4");
	const char *type = type_take(l);
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
	d->type = type;
	d->octets = type && strcmp(type, "u8-list") == 0;
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

/* base: it is no digit of that base. */
static unsigned digit_of(uint8_t c, unsigned base)
{
	unsigned digit = base;

	if (c >= '0' && c <= '9')
		digit = c - '0';
	else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
		digit = (c | 0x20) - 'a' + 10U;
	return digit < base ? digit : base;
}

/* Of digits from *at on, `most` of them at most. */
static uint8_t octet_take(struct span text, size_t *at, unsigned base, size_t most)
{
	unsigned value = 0;
	size_t end = *at + most < text.len ? *at + most : text.len;

	for (; *at < end && digit_of(text.data[*at], base) < base; ++*at)
		value = value * base + digit_of(text.data[*at], base);
	return (uint8_t)value;
}

/* Behind a backslash: n, t, b, r, 007, x41; all else is itself. */
static uint8_t escaped_take(struct span text, size_t *at)
{
	static const char letters[] = "ntbr", octets[] = "\n\t\b\r";
	uint8_t c = text.data[*at];

	if (digit_of(c, 8) < 8)
		return octet_take(text, at, 8, 3);
	++*at;
	if (c == 'x')
		return octet_take(text, at, 16, 2);
	const char *letter = c ? strchr(letters, c) : NULL;
	return letter ? (uint8_t)octets[letter - letters] : c;
}

static struct span isc_unescaped(struct import_site *s, struct span text)
{
	uint8_t out[1024];
	struct writer w = writer_of(out, sizeof(out));

	for (size_t i = 0; i < text.len;) {
		uint8_t c = text.data[i++];
		write_u8(&w, c == '\\' && i < text.len ? escaped_take(text, &i) : c);
	}
	return writer_check(&w) ? import_copy(s, text) : import_copy(s, writer_span(&w));
}

/* Values between commas; words of one value are joined by blanks (10.0.0.1 10.0.0.2). */
static void values_take(struct import_site *s, struct isc_lexer *l, struct import_option *o)
{
	struct span value = {0};

	for (; l->token.kind != ISC_END && !isc_is(l, ';') && !isc_is(l, '}'); isc_next(l)) {
		struct span text = l->token.kind == ISC_STRING ? isc_unescaped(s, l->token.text)
							       : l->token.text;
		if (isc_is(l, ',')) {
			import_text_add(s, &o->values, value);
			value = (struct span){0};
		} else if (value.len) {
			value = import_format(s, "%.*s %.*s", TEXT(value), TEXT(text));
		} else {
			value = text;
		}
	}
	if (value.len)
		import_text_add(s, &o->values, value);
}

static void note_no_option(struct import_site *s, uint32_t line, struct span name, bool expression,
			   bool six)
{
	import_note(s, line,
		    expression ? "an expression as the value of %.*s is not carried over"
		    : six      ? "the option of DHCPv6 %.*s is not carried over: write it under "
				 "`ipv6`"
			       : "no option of that name: %.*s",
		    TEXT(name));
}

void isc_option_take(struct import_site *s, struct isc_lexer *l,
		     struct isc_definition **definitions, const struct isc_option_place *place)
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
	const struct isc_definition *own = definition_find(*definitions, name);
	bool six = !own && span_equal_nocase(span_sub(name, 0, 6), span_text("dhcp6."));
	unsigned code = six ? option_code6(span_sub(name, 6, name.len))
			    : isc_option_code(*definitions, name);
	struct import_options *to = six ? place->six : place->four;
	if (expression || !code || !to || (!six && code == 82)) {
		note_no_option(s, line, name, expression, six);
		isc_skip_statement(l);
		return;
	}
	struct import_option *o = import_option_add(s, to, code, line);
	if (is_octets(own, name)) {
		octets_take(s, l, o);
		o->hex = true;
	} else {
		o->type = own ? own->type : NULL;
		values_take(s, l, o);
	}
	if (isc_is(l, ';'))
		isc_next(l);
}
