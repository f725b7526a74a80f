#include "import/isc_lex.h"

static bool is_word_octet(uint8_t c)
{
	return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '-' ||
	       c == '_' || c == '.' || c == ':' || c == '/' || c >= 0x80;
}

static void skip_blanks(struct isc_lexer *l)
{
	bool comment = false;

	while (l->rest.len) {
		uint8_t c = l->rest.data[0];
		if (c == '\n') {
			l->line++;
			comment = false;
		} else if (c == '#') {
			comment = true;
		} else if (!comment && c != ' ' && c != '\t' && c != '\r' && c != '\f') {
			return;
		}
		l->rest = span_sub(l->rest, 1, l->rest.len);
	}
}

static size_t string_len(struct span text)
{
	size_t n = 0;

	while (n < text.len && text.data[n] != '"' && text.data[n] != '\n')
		n += text.data[n] == '\\' && n + 1 < text.len ? 2 : 1;
	return n;
}

void isc_next(struct isc_lexer *l)
{
	skip_blanks(l);
	l->token = (struct isc_token){.kind = ISC_END, .line = l->line};
	if (!l->rest.len)
		return;
	size_t n = 0, passed;
	if (l->rest.data[0] == '"') {
		struct span inner = span_sub(l->rest, 1, l->rest.len);
		l->token.kind = ISC_STRING;
		n = string_len(inner);
		l->token.text = span_sub(inner, 0, n);
		passed = n + 1;
		passed += passed < l->rest.len && l->rest.data[passed] == '"';
	} else {
		while (n < l->rest.len && is_word_octet(l->rest.data[n]))
			n++;
		l->token.kind = n ? ISC_WORD : ISC_MARK;
		passed = n ? n : 1;
		l->token.text = span_sub(l->rest, 0, passed);
	}
	l->rest = span_sub(l->rest, passed, l->rest.len);
}

struct isc_lexer isc_lexer_of(struct span text)
{
	struct isc_lexer l = {.rest = text, .line = 1};
	isc_next(&l);
	return l;
}

bool isc_is_word(const struct isc_lexer *l, const char *word)
{
	return l->token.kind == ISC_WORD && span_equal_nocase(l->token.text, span_text(word));
}

void isc_skip_statement(struct isc_lexer *l)
{
	unsigned depth = 0;

	for (; l->token.kind != ISC_END; isc_next(l)) {
		if (isc_is(l, '{')) {
			depth++;
		} else if (isc_is(l, '}')) {
			if (depth == 0)
				return; /* of the block that we are in */
			if (--depth == 0) {
				isc_next(l);
				return;
			}
		} else if (isc_is(l, ';') && depth == 0) {
			isc_next(l);
			return;
		}
	}
}
