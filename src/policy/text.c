#include "policy/text.h"

#include "policy/pattern.h"
#include "proto/ip/prefix.h"

#include <assert.h>

/* 0: not of names. */
static uint8_t name_octet(uint8_t c)
{
	if (c >= 'A' && c <= 'Z')
		return (uint8_t)(c + 32);
	if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_')
		return c;
	return 0;
}

static bool is_digits(const uint8_t *at, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (at[i] < '0' || at[i] > '9')
			return false;
	return true;
}

bool policy_name_read(struct span text, struct dns_name *ret)
{
	struct dns_name n = {0};
	size_t label = 0, at = 1; /* where the label's length stands; where the next octet goes */
	if (text.len && text.data[text.len - 1] == '.')
		text.len--;
	if (text.len == 0 || text.len > DNS_NAME_MAX - 2)
		return false;
	for (size_t i = 0; i <= text.len; i++) {
		uint8_t c = i < text.len ? text.data[i] : '.';
		if (c == '.') {
			size_t len = at - label - 1;
			if (len == 0 || len > DNS_LABEL_MAX)
				return false;
			/* No top-level domain is a number (RFC 3696 2): it is an address. */
			if (i == text.len && is_digits(n.wire + label + 1, len))
				return false;
			n.wire[label] = (uint8_t)len;
			label = at++;
			continue;
		}
		n.wire[at] = name_octet(c);
		if (n.wire[at++] == 0)
			return false;
	}
	n.wire[label] = 0;
	n.len = (uint8_t)(label + 1);
	*ret = n;
	return true;
}

void policy_address_name(const struct ip_address *a, struct dns_name *ret)
{
	static_assert(IP_ADDRESS_TEXT_MAX + 2 <= DNS_LABEL_MAX, "it is one label");
	const struct ip_address plain = ip_address_unmap(a);
	char text[IP_ADDRESS_TEXT_MAX];
	size_t len = ip_address_format(&plain, text);
	bool six = plain.family == 6;
	struct dns_name n = {0};
	if (six)
		n.wire[1] = '[';
	memcpy(n.wire + 1 + six, text, len);
	if (six)
		n.wire[2 + len] = ']';
	n.wire[0] = (uint8_t)(len + 2u * six);
	n.len = (uint8_t)(n.wire[0] + 2);
	*ret = n;
}

/* One label that has what no label of a name has. */
bool policy_is_address(const struct dns_name *name)
{
	struct span label = span_of(name->wire + 1, name->wire[0]);
	return name->wire[0] + 2 == name->len &&
	       (label.data[0] == '[' || span_find(label, '.') < label.len);
}

static bool read_ip(struct span text, struct ip_address *ret)
{
	bool six = text.len > 2 && text.data[0] == '[' && text.data[text.len - 1] == ']';
	if (six)
		text = span_sub(text, 1, text.len - 2);
	return ip_address_parse(text, ret) == OK && ret->family == (six ? 6 : 4);
}

bool policy_host_read(struct span text, struct dns_name *ret)
{
	struct ip_address a;
	if (!read_ip(text, &a))
		return policy_name_read(text, ret);
	policy_address_name(&a, ret);
	return true;
}

bool policy_text_next(struct span *text, struct span *ret_line)
{
	if (text->len == 0)
		return false;
	size_t end = span_find(*text, '\n');
	*ret_line = span_sub(*text, 0, end);
	*text = span_sub(*text, end + 1, text->len);
	return true;
}

static bool is_blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

/* The word at the start of text, which moves behind it and the blanks after it. */
static struct span next_word(struct span *text)
{
	size_t end = 0;
	while (end < text->len && !is_blank(text->data[end]))
		end++;
	struct span word = span_sub(*text, 0, end);
	*text = span_trim(span_sub(*text, end, text->len));
	return word;
}

static bool has(struct span s, const char *part)
{
	return s.len && memmem(s.data, s.len, part, strlen(part)) != NULL;
}

static bool starts(struct span s, const char *part)
{
	size_t len = strlen(part);
	return s.len >= len && memcmp(s.data, part, len) == 0;
}

/* --- hosts files --- */

/* What the hosts files of systems say of themselves, and of no site. */
static bool is_local(struct span word)
{
	static const char *const names[] = {"localhost",     "localhost.localdomain",
					    "local",	     "broadcasthost",
					    "ip6-localhost", "ip6-loopback",
					    "ip6-localnet",  "ip6-mcastprefix",
					    "ip6-allnodes",  "ip6-allrouters",
					    "ip6-allhosts",  "localhost6",
					    "0.0.0.0",	     "localhost4",
					    "localdomain",   "localhost6.localdomain6"};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (span_equal_nocase(word, span_text(names[i])))
			return true;
	return false;
}

enum policy_line_kind policy_line_next(struct policy_line *l)
{
	if (l->more.len == 0 || l->more.data[0] == '#')
		return POLICY_LINE_EMPTY;
	struct span word = next_word(&l->more);
	if (is_local(word))
		return POLICY_LINE_LOCAL;
	return policy_name_read(word, &l->name) ? POLICY_LINE_RULE : POLICY_LINE_BAD;
}

static enum policy_line_kind read_hosts(const struct ip_address *address, struct span names,
					struct policy_line *ret)
{
	/* Another address is not a block but where a host is. */
	if (!ip_address_is_unspecified(address) && !ip_address_is_loopback(address))
		return POLICY_LINE_LOCAL;
	ret->form = POLICY_FORM_HOSTS;
	ret->scope = POLICY_EXACT;
	ret->more = names;
	enum policy_line_kind kind = policy_line_next(ret);
	return kind == POLICY_LINE_EMPTY ? POLICY_LINE_BAD : kind;
}

/* --- Adblock --- */

static enum policy_line_kind read_modifiers(struct span text, struct policy_line *ret)
{
	while (text.len) {
		struct span one = span_sub(text, 0, span_find(text, ','));
		text = span_sub(text, one.len + 1, text.len);
		one = span_trim(one);
		if (span_equal_nocase(one, span_text("important")))
			ret->important = true;
		else if (span_equal_nocase(one, span_text("badfilter")))
			ret->badfilter = true;
		else if (span_equal_nocase(one, span_text("match-case")))
			ret->match_case = true;
		else if (!span_equal_nocase(
				 one, span_text("all"))) /* whatever is fetched: as always here */
			return POLICY_LINE_MODIFIER;
	}
	return POLICY_LINE_RULE;
}

static enum policy_line_kind read_pattern(struct span text, bool start, struct policy_line *ret)
{
	size_t n = 0;
	if (text.len + start > sizeof(ret->room))
		return POLICY_LINE_BAD;
	if (start)
		ret->room[n++] = '|';
	for (size_t i = 0; i < text.len; i++)
		ret->room[n++] = text.data[i] >= 'A' && text.data[i] <= 'Z'
					 ? (uint8_t)(text.data[i] + 32)
					 : text.data[i];
	ret->pattern = span_of(ret->room, n);
	ret->scope = POLICY_PATTERN;
	ret->name = DNS_NAME_ROOT;
	if (!policy_pattern_is_valid(ret->pattern))
		return POLICY_LINE_BAD;
	struct span end = policy_pattern_end(ret->pattern);
	return end.len == 0 || policy_name_read(end, &ret->name) ? POLICY_LINE_RULE
								 : POLICY_LINE_BAD;
}

/* What stands between the anchors. exact: it began with one bar. */
static enum policy_line_kind read_anchored(struct span text, bool exact, struct policy_line *ret)
{
	ret->scope = exact ? POLICY_EXACT : POLICY_SUBTREE;
	if (!exact && span_is(text, "*")) {
		ret->name = DNS_NAME_ROOT;
		return POLICY_LINE_RULE;
	}
	if (!exact && starts(text, "*.") &&
	    policy_name_read(span_sub(text, 2, text.len), &ret->name)) {
		ret->scope = POLICY_BELOW;
		return POLICY_LINE_RULE;
	}
	if (span_find(text, '*') < text.len)
		return read_pattern(text, exact, ret);
	return policy_name_read(text, &ret->name) ? POLICY_LINE_RULE : POLICY_LINE_BAD;
}

/* Without an anchor it is any part of an address. What is a name has all below it; other parts are
 * too little to judge a name by. */
static enum policy_line_kind read_loose(struct span text, struct policy_line *ret)
{
	size_t skip = starts(text, "*.") ? 2 : starts(text, ".") ? 1 : 0;
	struct span name = span_sub(text, skip, text.len);
	ret->scope = skip ? POLICY_BELOW : POLICY_SUBTREE;
	return has(name, ".") && policy_name_read(name, &ret->name) ? POLICY_LINE_RULE
								    : POLICY_LINE_BAD;
}

/* Where its modifiers begin: a path may have such a mark itself, ahead of theirs. */
static size_t modifiers_at(struct span text)
{
	size_t at = span_find(text, '$');
	if (span_find(text, '/') > at)
		return at;
	for (size_t i = at; i < text.len; i++)
		if (text.data[i] == '$')
			at = i;
	return at;
}

/* Where its path begins, behind a name; text.len: it has none. A mark for the end of the name is
 * none. */
static size_t path_at(struct span text)
{
	size_t slash = span_find(text, '/'), border = span_find(text, '^');
	size_t at = slash < border ? slash : border;
	struct span rest = span_sub(text, at, text.len);
	return span_is(rest, "^") || span_is(rest, "^|") ? text.len : at;
}

/* A name and a path. flags: of path.h. */
static enum policy_line_kind read_path(struct span host, struct span path, unsigned flags,
				       struct policy_line *ret)
{
	bool below = starts(host, "*.") && !(flags & (POLICY_PATH_CLEAR | POLICY_PATH_SECURE));
	if (below) {
		ret->scope = POLICY_BELOW;
		host = span_sub(host, 2, host.len);
	}
	if (ret->match_case)
		flags |= POLICY_PATH_CASE;
	/* Below an address is nobody. With room for the label in which its anchor lies. */
	bool found =
		below ? policy_name_read(host, &ret->name) : policy_host_read(host, &ret->name);
	return found && (has(host, ".") || has(host, ":")) &&
			       ret->name.len + POLICY_PATH_LABEL_LEN <= DNS_NAME_MAX &&
			       policy_path_read(path, flags, ret->room, &ret->path)
		       ? POLICY_LINE_RULE
		       : POLICY_LINE_PATH;
}

/* |https://example.org/ads, behind the bar. */
static enum policy_line_kind read_address(struct span text, struct policy_line *ret)
{
	bool secure = starts(text, "https://");
	text = span_sub(text, secure ? 8 : 7, text.len);
	size_t slash = span_find(text, '/'), border = span_find(text, '^');
	size_t end = slash < border ? slash : border;
	ret->scope = POLICY_EXACT;
	return read_path(span_sub(text, 0, end), span_sub(text, end, text.len),
			 secure ? POLICY_PATH_SECURE : POLICY_PATH_CLEAR, ret);
}

/* What stands between the exception's mark and the modifiers. */
static enum policy_line_kind read_pattern_text(struct span text, struct policy_line *ret)
{
	bool subtree = starts(text, "||"), exact = !subtree && starts(text, "|");
	text = span_sub(text, subtree ? 2 : exact ? 1 : 0, text.len);
	if (exact && (starts(text, "http://") || starts(text, "https://")))
		return read_address(text, ret);
	size_t path = path_at(text);
	if (path < text.len && subtree) {
		ret->scope = POLICY_SUBTREE;
		return read_path(span_sub(text, 0, path), span_sub(text, path, text.len), 0, ret);
	}
	if (ret->match_case)
		return POLICY_LINE_MODIFIER;
	if (text.len && text.data[text.len - 1] == '|')
		text.len--;
	if (text.len && text.data[text.len - 1] == '^')
		text.len--;
	if (has(text, "/") || has(text, ":") || has(text, "?") || has(text, "="))
		return POLICY_LINE_PATH;
	return subtree || exact ? read_anchored(text, exact, ret) : read_loose(text, ret);
}

static enum policy_line_kind read_adblock(struct span text, struct policy_line *ret)
{
	ret->form = POLICY_FORM_ADBLOCK;
	if (starts(text, "@@")) {
		ret->exception = true;
		text = span_sub(text, 2, text.len);
	}
	size_t dollar = modifiers_at(text);
	if (dollar < text.len) {
		enum policy_line_kind kind =
			read_modifiers(span_sub(text, dollar + 1, text.len), ret);
		if (kind != POLICY_LINE_RULE)
			return kind;
		text = span_sub(text, 0, dollar);
	}
	return read_pattern_text(text, ret);
}

/* --- plain lists --- */

static enum policy_line_kind read_plain(struct span word, struct policy_line *ret)
{
	struct span name = word;
	struct ip_prefix network;
	/* 192.0.2.0/24: a list of networks, and not a path /24. */
	if (has(word, "/") && ip_prefix_parse_masked(word, &network) == OK)
		return POLICY_LINE_PATH;
	ret->form = POLICY_FORM_DOMAIN;
	ret->scope = POLICY_EXACT;
	if (starts(word, "http://") || starts(word, "https://"))
		word = span_sub(word, span_find(word, ':') + 3, word.len);
	size_t slash = span_find(word, '/');
	if (slash < word.len)
		return read_path(span_sub(word, 0, slash), span_sub(word, slash, word.len), 0, ret);
	if (starts(word, "*.")) {
		ret->scope = POLICY_BELOW;
		name = span_sub(word, 2, word.len);
	} else if (starts(word, ".")) {
		ret->scope = POLICY_BELOW;
		name = span_sub(word, 1, word.len);
	}
	if (policy_name_read(name, &ret->name))
		return is_local(name) ? POLICY_LINE_LOCAL : POLICY_LINE_RULE;
	return has(word, "?") ? POLICY_LINE_PATH : POLICY_LINE_BAD;
}

static bool is_cosmetic(struct span line)
{
	size_t hash = span_find(line, '#');
	if (hash + 1 >= line.len)
		return has(line, "$$");
	uint8_t next = line.data[hash + 1];
	return next == '#' || next == '@' || next == '?' || next == '$' || next == '%' ||
	       has(line, "$$");
}

enum policy_line_kind policy_line_read(struct span line, struct policy_line *ret)
{
	struct ip_address address;
	if (line.len && line.data[line.len - 1] == '\r')
		line.len--;
	line = span_trim(line);
	if (line.len > POLICY_LINE_LEN_MAX)
		return POLICY_LINE_BAD;
	if (line.len == 0 || line.data[0] == '!' || line.data[0] == '[')
		return POLICY_LINE_EMPTY;
	if (line.data[0] == '#')
		return starts(line, "##") && line.len > 2 && !is_blank(line.data[2]) &&
				       line.data[2] != '#'
			       ? POLICY_LINE_COSMETIC
			       : POLICY_LINE_EMPTY;
	*ret = (struct policy_line){0};
	struct span rest = line, word = next_word(&rest);
	if (rest.len && ip_address_parse(word, &address) == OK)
		return read_hosts(&address, rest, ret);
	if (is_cosmetic(line))
		return POLICY_LINE_COSMETIC;
	if (line.data[0] == '/')
		return POLICY_LINE_PATH;
	if (rest.len && rest.data[0] != '#') /* of more than one word: none of these */
		return POLICY_LINE_BAD;
	if (starts(word, "@@") || starts(word, "|") || span_find(word, '$') < word.len ||
	    span_find(word, '^') < word.len)
		return read_adblock(word, ret);
	return read_plain(word, ret);
}
