#include "import/kea_class.h"

#include "import/site.h"
#include "proto/dhcp/option.h"
#include "proto/dhcp6/option.h"

#define TEXT(s) (int)(s).len, (const char *)(s).data

static bool take(struct span *rest, const char *word)
{
	*rest = span_trim(*rest);
	if (!span_is(span_sub(*rest, 0, strlen(word)), word))
		return false;
	*rest = span_trim(span_sub(*rest, strlen(word), rest->len));
	return true;
}

static bool take_until(struct span *rest, char mark, struct span *ret)
{
	size_t n = span_find(*rest, (uint8_t)mark);

	if (n == rest->len)
		return false;
	*ret = span_trim(span_sub(*rest, 0, n));
	*rest = span_trim(span_sub(*rest, n + 1, rest->len));
	return true;
}

struct operand {
	const char *key; /* ours */
	bool part, hex, mac;
	uint64_t from;
};

static const char *key_of_option(struct span name)
{
	uint64_t number;
	unsigned code = span_to_u64(name, 254, &number) ? (unsigned)number : kea_option(name);

	switch (code) {
	case 60: return "vendor-class";
	case 77: return "user-class";
	case 93: return "architecture";
	default: return NULL;
	}
}

/* option[60].hex, relay4[1].text, pkt4.mac */
static bool source_take(struct span *rest, struct operand *o)
{
	struct span name;
	uint64_t number;

	if (take(rest, "option[")) {
		if (!take_until(rest, ']', &name))
			return false;
		o->key = key_of_option(name);
	} else if (take(rest, "relay4[")) {
		if (!take_until(rest, ']', &name) || !span_to_u64(name, 255, &number))
			return false;
		o->key = number == 1 ? "circuit-id" : number == 2 ? "remote-id" : NULL;
	} else if (take(rest, "pkt4.mac")) {
		o->key = "mac";
		o->mac = true;
		return true;
	}
	o->hex = take(rest, ".hex");
	return (o->hex || take(rest, ".text")) && o->key;
}

static bool operand_take(struct span *rest, struct operand *o)
{
	struct span from, length;

	o->part = take(rest, "substring(");
	if (!source_take(rest, o))
		return false;
	if (!o->part)
		return true;
	return take(rest, ",") && take_until(rest, ',', &from) &&
	       span_to_u64(from, 65535, &o->from) && take_until(rest, ')', &length);
}

static bool value_take(struct import_site *s, struct span *rest, const struct operand *o,
		       struct span *ret)
{
	struct span word;
	size_t n = 0;

	if (take(rest, "'")) {
		/* take() passes blanks too, which belong to the text: seldom, and then no match. */
		if (!take_until(rest, '\'', &word))
			return false;
		*ret = o->part ? import_format(s, "%.*s*", TEXT(word)) : word;
		return !o->mac && strcmp(o->key, "architecture") != 0;
	}
	while (n < rest->len && rest->data[n] != ' ' && rest->data[n] != ')')
		n++;
	word = span_sub(*rest, 0, n);
	*rest = span_trim(span_sub(*rest, n, rest->len));
	if (!span_is(span_sub(word, 0, 2), "0x"))
		return false;
	struct span digits = span_sub(word, 2, word.len);
	if (o->mac) {
		char text[3 * 16 + 2];
		size_t at = 0;
		for (size_t i = 0; i + 1 < digits.len && at + 3 < sizeof(text); i += 2) {
			text[at++] = (char)digits.data[i];
			text[at++] = (char)digits.data[i + 1];
			text[at++] = ':';
		}
		*ret = import_format(s, "%.*s%s", (int)(at - (at && !o->part)), text,
				     o->part ? "*" : "");
		return at != 0;
	}
	if (strcmp(o->key, "architecture") == 0) {
		uint64_t number = 0;
		for (size_t i = 0; i < digits.len && i < 8; i++) {
			uint8_t c = digits.data[i] | 0x20;
			number = number << 4 | (uint64_t)(c <= '9' ? c - '0' : c - 'a' + 10);
		}
		*ret = import_format(s, "%llu", (unsigned long long)number);
		return digits.len != 0 && digits.len <= 8;
	}
	*ret = import_format(s, "hex:%.*s", TEXT(digits));
	return !o->part;
}

bool kea_test_take(struct import_site *s, struct import_class *c, struct span test)
{
	struct span rest = span_trim(test);

	while (rest.len) {
		struct operand o = {.key = NULL};
		struct span value = {0};
		if (!operand_take(&rest, &o) || o.from || !take(&rest, "==") ||
		    !value_take(s, &rest, &o, &value))
			return false;
		for (const struct import_match *m = c->matches; m; m = m->next)
			if (strcmp(m->key, o.key) == 0)
				return false; /* twice the same: ours would take either */
		import_match_add(s, c, o.key, value);
		if (rest.len && !take(&rest, "and"))
			return false;
	}
	return c->matches != NULL;
}

struct span kea_identity(struct import_site *s, struct span text)
{
	if (text.len > 2 && text.data[0] == '\'' && text.data[text.len - 1] == '\'')
		return import_copy(s, span_sub(text, 1, text.len - 2));
	return import_hex(s, text);
}

unsigned kea_option(struct span name)
{
	/* Where Kea's word is not that of our table. */
	static const struct {
		const char *name;
		unsigned code;
	} others[] = {
		{"classless-static-route", 121},
		{"v4-captive-portal", 114},
		{"v6-only-preferred", 108},
		{"pcode", 100},
		{"tcode", 101},
		{"vendor-encapsulated-options", 43},
		{"boot-file-name", 67},
		{"client-system", 93},
		{"vivco-suboptions", 124},
		{"vivso-suboptions", 125},
	};
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (span_equal_nocase(name, span_text(others[i].name)))
			return others[i].code;
	const struct dhcp_option_info *info = dhcp_option_by_name(name);
	return info ? info->code : 0;
}

unsigned kea_option6(struct span name)
{
	static const struct {
		const char *name;
		unsigned code;
	} others[] = {
		{"dns-servers", 23},  {"domain-search", 24},
		{"sntp-servers", 31}, {"information-refresh-time", 32},
		{"bootfile-url", 59}, {"v6-captive-portal", 103},
	};
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (span_equal_nocase(name, span_text(others[i].name)))
			return others[i].code;
	const struct dhcp6_option_info *info = dhcp6_option_by_name(name);
	return info ? info->code : 0;
}
