#include "proto/dns/text.h"

#include "proto/dns/name.h"

enum class { WORD, BLANK, NEWLINE, COMMENT, OPEN, CLOSE, QUOTE, ESCAPE, CONTROL };

/* What begins at each byte. Inside a word only WORD and ESCAPE, and QUOTE as it stands, go on. */
/* clang-format off */
static const uint8_t class_of[256] = {
	[0 ... 8] = CONTROL, ['\t'] = BLANK, ['\n'] = NEWLINE, [11] = CONTROL, ['\f'] = BLANK,
	['\r'] = BLANK, [14 ... 31] = CONTROL, [' '] = BLANK, ['"'] = QUOTE, ['('] = OPEN,
	[')'] = CLOSE, [';'] = COMMENT, ['\\'] = ESCAPE, [127] = CONTROL,
};
/* clang-format on */

static const char unclosed[] = "a closing parenthesis for the one here";

void dns_text_init(struct dns_text_lexer *l, struct span text)
{
	*l = (struct dns_text_lexer){
		.data = text.data,
		.len = text.len,
		.at_line = 1,
		.entry_start = true,
		.token = DNS_TOKEN_NEWLINE,
	};
	/* A byte order mark, which some editors leave, is no part of the first owner. */
	if (text.len >= 3 && memcmp(text.data, "\xef\xbb\xbf", 3) == 0)
		l->pos = l->line_start = 3;
}

/* Notes where the token begins. */
static void token_at(struct dns_text_lexer *l, enum dns_token token)
{
	l->token = token;
	l->text = (struct span){0};
	l->escaped = false;
	l->line = l->at_line;
	l->column = (uint32_t)(l->pos - l->line_start) + 1;
}

struct dns_text_error dns_text_here(const struct dns_text_lexer *l)
{
	return (struct dns_text_error){.line = l->line, .column = l->column, .found = l->text};
}

static void note_error(struct dns_text_lexer *l, struct dns_text_error here, const char *expected)
{
	if (!l->error.expected) {
		l->error = here;
		l->error.expected = expected;
	}
	/* The end of the entry stays to be seen by who skips it. */
	if (l->token == DNS_TOKEN_NEWLINE || l->token == DNS_TOKEN_END)
		l->again = true;
}

enum err dns_text_fail_here(struct dns_text_lexer *l, struct dns_text_error here,
			    const char *expected)
{
	note_error(l, here, expected);
	return ERR_FORMAT;
}

enum err dns_text_fail_at(struct dns_text_lexer *l, size_t offset, const char *expected)
{
	struct dns_text_error here = dns_text_here(l);
	here.column += (uint32_t)offset + (l->token == DNS_TOKEN_QUOTED);
	here.found = span_sub(l->text, offset, l->text.len);
	return dns_text_fail_here(l, here, expected);
}

enum err dns_text_fail(struct dns_text_lexer *l, const char *expected)
{
	return dns_text_fail_here(l, dns_text_here(l), expected);
}

static enum dns_token token_bad(struct dns_text_lexer *l, const char *expected)
{
	l->token = DNS_TOKEN_BAD;
	note_error(l, dns_text_here(l), expected);
	return DNS_TOKEN_BAD;
}

static void skip_class(struct dns_text_lexer *l, enum class class)
{
	while (l->pos < l->len && class_of[l->data[l->pos]] == class)
		l->pos++;
}

static void skip_comment(struct dns_text_lexer *l)
{
	const uint8_t *end = memchr(l->data + l->pos, '\n', l->len - l->pos);
	l->pos = end ? (size_t)(end - l->data) : l->len;
}

static void pass_newline(struct dns_text_lexer *l)
{
	l->pos++;
	l->at_line++;
	l->line_start = l->pos;
}

/* From the opening quote to the closing one on the same line. */
static enum dns_token lex_quoted(struct dns_text_lexer *l)
{
	token_at(l, DNS_TOKEN_QUOTED);
	size_t start = ++l->pos;
	for (; l->pos < l->len; l->pos++) {
		uint8_t c = l->data[l->pos];
		if (c == '"') {
			l->text = span_of(l->data + start, l->pos - start);
			l->pos++;
			return DNS_TOKEN_QUOTED;
		}
		if (c == '\\') {
			l->escaped = true;
			l->pos++;
		}
		if (l->pos == l->len || l->data[l->pos] == '\n')
			break;
	}
	l->text = span_of(l->data + start - 1, 1);
	return token_bad(l, "a closing quote on this line");
}

/* The quoted part of key="...", from its opening quote. False when it does not end on this line. */
static bool pass_pair_quotes(struct dns_text_lexer *l)
{
	for (l->pos++; l->pos < l->len && l->data[l->pos] != '\n'; l->pos++) {
		if (l->data[l->pos] == '"')
			return true;
		if (l->data[l->pos] == '\\') {
			l->escaped = true;
			if (l->pos + 1 < l->len && l->data[l->pos + 1] != '\n')
				l->pos++;
		}
	}
	return false;
}

static enum dns_token lex_word(struct dns_text_lexer *l)
{
	token_at(l, DNS_TOKEN_WORD);
	size_t start = l->pos, pos = l->pos;
	for (; pos < l->len; pos++) {
		enum class class = class_of[l->data[pos]];
		if (__builtin_expect(class == WORD, 1))
			continue;
		if (class == ESCAPE && pos + 1 < l->len && l->data[pos + 1] != '\n') {
			l->escaped = true;
			pos++;
		} else if (class == QUOTE && l->pairs && pos > start && l->data[pos - 1] == '=') {
			l->pos = pos;
			if (!pass_pair_quotes(l))
				return token_bad(l, "a closing quote on this line");
			pos = l->pos;
		} else if (class != QUOTE) {
			break;
		}
	}
	l->text = span_of(l->data + start, pos - start);
	l->pos = pos;
	if (pos == start || (pos < l->len && class_of[l->data[pos]] == ESCAPE)) {
		l->text = span_of(l->data + pos, 1);
		l->column += (uint32_t)(pos - start);
		l->pos++;
		return token_bad(l, "a byte after the backslash");
	}
	return DNS_TOKEN_WORD;
}

static enum dns_token lex_end(struct dns_text_lexer *l)
{
	token_at(l, DNS_TOKEN_END);
	if (l->parens == 0)
		return DNS_TOKEN_END;
	l->parens = 0;
	l->line = l->paren_line;
	l->column = l->paren_column;
	return token_bad(l, unclosed);
}

/* Blanks at the start of an entry: a token, unless nothing follows them. */
static bool lex_blank(struct dns_text_lexer *l)
{
	bool first = l->entry_start;
	if (first)
		token_at(l, DNS_TOKEN_BLANK);
	skip_class(l, BLANK);
	if (!first || l->pos == l->len)
		return false;
	enum class class = class_of[l->data[l->pos]];
	return class != NEWLINE && class != COMMENT;
}

/* Parentheses, comments, ends of lines. True when that makes a token. */
static bool lex_mark(struct dns_text_lexer *l, enum class class)
{
	switch (class) {
	case NEWLINE:
		token_at(l, DNS_TOKEN_NEWLINE);
		pass_newline(l);
		if (l->parens || l->entry_start)
			return false;
		l->entry_start = true;
		return true;
	case COMMENT: skip_comment(l); return false;
	case OPEN:
		if (l->parens++ == 0) {
			l->paren_line = l->at_line;
			l->paren_column = (uint32_t)(l->pos - l->line_start) + 1;
		}
		l->entry_start = false;
		l->pos++;
		return false;
	default: /* CLOSE */
		if (l->parens) {
			l->parens--;
			l->pos++;
			return false;
		}
		l->entry_start = false;
		token_at(l, DNS_TOKEN_BAD);
		l->text = span_of(l->data + l->pos, 1);
		l->pos++;
		token_bad(l, "an opening parenthesis before this one");
		return true;
	}
}

enum dns_token dns_text_next(struct dns_text_lexer *l)
{
	if (l->again) {
		l->again = false;
		return l->token;
	}
	while (l->pos < l->len) {
		enum class class = class_of[l->data[l->pos]];
		switch (class) {
		case WORD:
		case ESCAPE: l->entry_start = false; return lex_word(l);
		case QUOTE: l->entry_start = false; return lex_quoted(l);
		case BLANK:
			if (lex_blank(l)) {
				l->entry_start = false;
				return DNS_TOKEN_BLANK;
			}
			break;
		case CONTROL:
			l->entry_start = false;
			token_at(l, DNS_TOKEN_BAD);
			l->text = span_of(l->data + l->pos, 1);
			l->pos++;
			return token_bad(l, "text, not a control character");
		default:
			if (lex_mark(l, class))
				return l->token;
		}
	}
	return lex_end(l);
}

void dns_text_skip_entry(struct dns_text_lexer *l)
{
	l->again = l->pairs = false;
	while (l->token != DNS_TOKEN_NEWLINE && l->token != DNS_TOKEN_END)
		(void)dns_text_next(l);
	l->error = (struct dns_text_error){0};
}

enum err dns_text_break_entry(struct dns_text_lexer *l)
{
	ASSERT(l->parens && l->column == 1);
	struct dns_text_error open = {.line = l->paren_line, .column = l->paren_column};
	note_error(l, open, unclosed);
	l->parens = 0;
	l->pos = l->line_start;
	l->token = DNS_TOKEN_NEWLINE;
	l->again = false;
	l->entry_start = true;
	return ERR_FORMAT;
}

enum err dns_text_string(struct dns_text_lexer *l, const char *expected, struct span *ret)
{
	enum dns_token token = dns_text_next(l);
	if (__builtin_expect(token != DNS_TOKEN_WORD && token != DNS_TOKEN_QUOTED, 0))
		return dns_text_fail(l, expected);
	*ret = l->text;
	return OK;
}

enum err dns_text_word(struct dns_text_lexer *l, const char *expected, struct span *ret)
{
	if (__builtin_expect(dns_text_next(l) != DNS_TOKEN_WORD, 0))
		return dns_text_fail(l, expected);
	*ret = l->text;
	return OK;
}

bool dns_text_more(struct dns_text_lexer *l)
{
	enum dns_token token = dns_text_next(l);
	dns_text_back(l);
	/* A bad token is given again too: who then asks for a word gets its error. */
	return token != DNS_TOKEN_NEWLINE && token != DNS_TOKEN_END;
}

bool dns_text_unescape(struct span text, size_t *pos, uint8_t *ret)
{
	size_t at = *pos;
	if (at >= text.len)
		return false;
	uint8_t c = text.data[at++];
	if (c == '\\') {
		if (at >= text.len)
			return false;
		c = text.data[at++];
		if (c >= '0' && c <= '9') {
			uint64_t number;
			struct span digits = span_sub(text, at - 1, 3);
			if (digits.len != 3 || !span_to_u64(digits, 255, &number))
				return false;
			c = (uint8_t)number;
			at += 2;
		}
	}
	*pos = at;
	*ret = c;
	return true;
}

bool dns_text_unescape_all(struct span text, struct writer *w)
{
	for (size_t pos = 0; pos < text.len;) {
		uint8_t c;
		if (!dns_text_unescape(text, &pos, &c))
			return false;
		write_u8(w, c);
	}
	return true;
}

void dns_text_quote(struct span bytes, struct writer *w)
{
	write_u8(w, '"');
	for (size_t i = 0; i < bytes.len; i++) {
		uint8_t c = bytes.data[i];
		if (c == '"' || c == '\\') {
			write_u8(w, '\\');
			write_u8(w, c);
		} else if (c < 0x20 || c > 0x7e) {
			write_format(w, "\\%03u", c);
		} else {
			write_u8(w, c);
		}
	}
	write_u8(w, '"');
}

/* The labels of a word without escapes; the last is left open. Returns the phrase of an error. */
static const char *read_labels(struct span text, struct dns_name *ret, size_t *ret_label,
			       size_t *ret_len)
{
	size_t label_at = 0, len = 1;
	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.data[i];
		if (__builtin_expect(len >= DNS_NAME_MAX, 0))
			return "a domain name of at most 255 bytes";
		ret->wire[len++] = c;
		if (c != '.')
			continue;
		size_t label_len = len - label_at - 2;
		if (label_len == 0)
			return "a domain name without empty labels";
		if (label_len > DNS_LABEL_MAX)
			return "a domain name with labels of at most 63 bytes";
		ret->wire[label_at] = (uint8_t)label_len;
		label_at = len - 1;
	}
	*ret_label = label_at;
	*ret_len = len;
	return NULL;
}

/* Closes the open label and appends the origin. */
static const char *finish_name(struct dns_name *ret, size_t label_at, size_t len,
			       const struct dns_name *origin)
{
	size_t label_len = len - label_at - 1;
	if (label_len > DNS_LABEL_MAX)
		return "a domain name with labels of at most 63 bytes";
	ret->wire[label_at] = (uint8_t)label_len;
	if (label_len == 0 || !origin) {
		if (label_len && len >= DNS_NAME_MAX)
			return "a domain name of at most 255 bytes";
		if (label_len)
			ret->wire[len++] = 0;
		ret->len = (uint8_t)len;
		return NULL;
	}
	if (len + origin->len > DNS_NAME_MAX)
		return "a domain name of at most 255 bytes with its origin";
	memcpy(ret->wire + len, origin->wire, origin->len);
	ret->len = (uint8_t)(len + origin->len);
	return NULL;
}

enum err dns_text_name(struct dns_text_lexer *l, const struct dns_name *origin,
		       struct dns_name *ret)
{
	size_t label_at, len;
	bool plain = !l->escaped && l->text.len && !span_is(l->text, "@") && !span_is(l->text, ".");
	if (plain) {
		const char *wrong = read_labels(l->text, ret, &label_at, &len);
		if (!wrong)
			wrong = finish_name(ret, label_at, len, origin);
		return wrong ? dns_text_fail(l, wrong) : OK;
	}
	enum err e = dns_name_from_text_case(l->text, origin, ret);
	if (e == ERR_LIMIT)
		return dns_text_fail(l, "labels of at most 63 bytes in a name of at most 255");
	return e ? dns_text_fail(l, "a domain name") : OK;
}
