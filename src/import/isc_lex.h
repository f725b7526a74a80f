/* The tokens of dhcpd.conf. Knows no statement. */
#ifndef IMPORT_ISC_LEX_H
#define IMPORT_ISC_LEX_H

#include "base/span.h"

enum isc_kind {
	ISC_END,
	ISC_WORD,   /* subnet, 192.168.7.0, 00:11:22:33:44:55, 600 */
	ISC_STRING, /* text without its quotes, escapes as they stand */
	ISC_MARK,   /* one of { } ; , = ( ) [ ] ! and others */
};

struct isc_token {
	enum isc_kind kind;
	uint32_t line;
	struct span text;
};

struct isc_lexer {
	struct span rest; /* borrowed */
	uint32_t line;
	struct isc_token token; /* the present one */
};

/* The first token is the present one then. */
struct isc_lexer isc_lexer_of(struct span text);
void isc_next(struct isc_lexer *l);

static inline bool isc_is(const struct isc_lexer *l, char mark)
{
	return l->token.kind == ISC_MARK && l->token.text.data[0] == (uint8_t)mark;
}

/* A word, letters without case. */
bool isc_is_word(const struct isc_lexer *l, const char *word);

/* Passes over the rest of a statement: up to and with its `;`, or its block. */
void isc_skip_statement(struct isc_lexer *l);

#endif
