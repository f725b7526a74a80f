#include "import/isc_match.h"

#define TEXT(s) (int)(s).len, (const char *)(s).data

/* What is compared: an option, or the hardware address, or the first octets of either. */
struct operand {
	const char *key; /* ours; NULL: none that we can compare */
	bool part, hardware;
	uint64_t from;
};

static const char *key_of(unsigned code, struct span name)
{
	if (span_equal_nocase(name, span_text("agent.circuit-id")))
		return "circuit-id";
	if (span_equal_nocase(name, span_text("agent.remote-id")))
		return "remote-id";
	switch (code) {
	case 60: return "vendor-class";
	case 77: return "user-class";
	case 93: return "architecture";
	default: return NULL;
	}
}

static struct operand operand_take(struct isc_lexer *l, const struct isc_definition *definitions)
{
	struct operand o = {.key = NULL};
	uint64_t number;

	if (isc_is_word(l, "substring")) {
		o.part = true;
		isc_next(l);
		if (isc_is(l, '('))
			isc_next(l);
	}
	if (isc_is_word(l, "option")) {
		isc_next(l);
		o.key = key_of(isc_option_code(definitions, l->token.text), l->token.text);
		isc_next(l);
	} else if (isc_is_word(l, "hardware")) {
		o.key = "mac";
		o.hardware = true;
		isc_next(l);
	}
	if (!o.part)
		return o;
	for (unsigned i = 0; l->token.kind != ISC_END && !isc_is(l, ')') && !isc_is(l, ';');
	     isc_next(l)) {
		if (l->token.kind == ISC_WORD && i++ == 0 &&
		    span_to_u64(l->token.text, 65535, &number))
			o.from = number;
	}
	if (isc_is(l, ')'))
		isc_next(l);
	return o;
}

/* 00:07 to 7. */
static bool number_of(struct span hex, uint64_t *ret)
{
	*ret = 0;
	for (size_t i = 0; i < hex.len; i++) {
		uint8_t c = hex.data[i] | 0x20;
		if (hex.data[i] == ':')
			continue;
		if ((c < '0' || c > '9') && (c < 'a' || c > 'f'))
			return false;
		*ret = *ret << 4 | (uint64_t)(c <= '9' ? c - '0' : c - 'a' + 10);
	}
	return hex.len != 0 && hex.len <= 11;
}

static bool compare_add(struct import_site *s, struct import_class *c, const struct operand *o,
			struct span value, bool text)
{
	uint64_t number;

	if (!o->key || (o->part && o->from != (o->hardware ? 1 : 0)))
		return false;
	if (strcmp(o->key, "architecture") == 0) {
		if (!number_of(value, &number))
			return false;
		value = import_format(s, "%llu", (unsigned long long)number);
	} else if (o->hardware && !o->part) {
		/* The first octet is the hardware's type: 1 is Ethernet. */
		if (!span_is(span_sub(value, 0, 2), "1:"))
			return false;
		value = span_sub(value, 2, value.len);
	} else if (o->part) {
		value = import_format(s, o->hardware ? "%.*s:*" : "%.*s*", TEXT(value));
	}
	if (!text && !o->hardware && strcmp(o->key, "architecture") != 0)
		return false; /* bytes where we compare text */
	import_match_add(s, c, o->key, value);
	return true;
}

void isc_match_take(struct import_site *s, struct isc_lexer *l,
		    const struct isc_definition *definitions, struct import_class *c)
{
	uint32_t line = l->token.line;
	bool good = false;

	if (isc_is_word(l, "if")) {
		isc_next(l);
		struct operand o = operand_take(l, definitions);
		if (isc_is(l, '=')) {
			isc_next(l);
			good = compare_add(s, c, &o, l->token.text, l->token.kind == ISC_STRING);
			isc_next(l);
		}
		good = good && isc_is(l, ';');
	} else {
		good = isc_is_word(l, "hardware"); /* its subclasses say the values */
	}
	if (!good) {
		/* The half of it would let in others than the whole. */
		c->matches = c->matches_last = NULL;
		c->told = true;
		import_note(s, line,
			    "the condition of the class \"%.*s\" is not carried over: write its "
			    "`match`",
			    TEXT(c->name));
	}
	isc_skip_statement(l);
}

void isc_match_value(struct import_site *s, struct import_class *c, struct span value, bool text,
		     uint32_t line)
{
	if (!text && span_is(span_sub(value, 0, 2), "1:"))
		import_match_add(s, c, "mac", span_sub(value, 2, value.len));
	else
		import_note(s, line,
			    "the member \"%.*s\" of the class \"%.*s\" is not carried over",
			    TEXT(value), TEXT(c->name));
}
