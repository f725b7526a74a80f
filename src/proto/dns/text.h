/* Words of DNS presentation format: the lexer of RFC 1035 5.1 and the number, time and base-N forms
 * that records use. Knows no record type, no directive and no zone. */
#ifndef PROTO_DNS_TEXT_H
#define PROTO_DNS_TEXT_H

#include "base/err.h"
#include "base/span.h"
#include "base/writer.h"

struct dns_name;

enum dns_token {
	DNS_TOKEN_END,	   /* of the text */
	DNS_TOKEN_NEWLINE, /* end of an entry: outside of parentheses */
	DNS_TOKEN_BLANK,   /* an entry begins with blanks, so its owner is left out */
	DNS_TOKEN_WORD,
	DNS_TOKEN_QUOTED, /* text is what stands between the quotes, escapes untouched */
	DNS_TOKEN_BAD,	  /* the error below says why */
};

/* Where an error is and what was expected there: a phrase like "an IPv4 address". */
struct dns_text_error {
	uint32_t line, column; /* from 1; columns count bytes */
	const char *expected;  /* NULL: no error. Static text */
	struct span found;     /* the offending word; empty at the end of an entry */
};

/* Internals but for token, text, escaped, line, column and error. */
struct dns_text_lexer {
	const uint8_t *data; /* borrowed */
	size_t len, pos, line_start;
	uint32_t at_line, parens, paren_line, paren_column;
	bool entry_start; /* the next token is the first of an entry */
	bool again;	  /* the token below is to be given once more */
	bool pairs;	  /* a word may go on with =" and hold blanks up to the next " (RFC 9460) */

	enum dns_token token;
	struct span text;      /* of WORD and QUOTED */
	bool escaped;	       /* text has a backslash */
	uint32_t line, column; /* of the token */

	struct dns_text_error error; /* the first since it was cleared */
};

void dns_text_init(struct dns_text_lexer *l, struct span text);

/* The next token; parentheses, comments and blanks between words are passed over. */
enum dns_token dns_text_next(struct dns_text_lexer *l);

/* Gives the current token again at the next call. Once. */
static inline void dns_text_back(struct dns_text_lexer *l)
{
	l->again = true;
}

/* Passes over the rest of the entry and clears the error. */
void dns_text_skip_entry(struct dns_text_lexer *l);

/* The current WORD, first on its line and in parentheses, is the first of another entry after all:
 * ERR_FORMAT for the open parenthesis, and the entry ends before the word. */
MUST enum err dns_text_break_entry(struct dns_text_lexer *l);

/* The next WORD (or QUOTED, for dns_text_string). The end of the entry is ERR_FORMAT with
 * `expected` in the error, and is given again. */
MUST enum err dns_text_word(struct dns_text_lexer *l, const char *expected, struct span *ret);
MUST enum err dns_text_string(struct dns_text_lexer *l, const char *expected, struct span *ret);

/* True when the entry goes on with a WORD or QUOTED, which is given again. */
bool dns_text_more(struct dns_text_lexer *l);

/* Notes the current token as the offending one (unless there is an error already); returns
 * ERR_FORMAT. _at: `offset` bytes into the token's text. _here: a token of before, remembered. */
MUST enum err dns_text_fail(struct dns_text_lexer *l, const char *expected);
MUST enum err dns_text_fail_at(struct dns_text_lexer *l, size_t offset, const char *expected);
struct dns_text_error dns_text_here(const struct dns_text_lexer *l);
MUST enum err dns_text_fail_here(struct dns_text_lexer *l, struct dns_text_error here,
				 const char *expected);

/* The current WORD as a name, case kept; NULL origin: relative names are taken as absolute. ret is
 * undefined after an error, which the lexer then has. */
MUST enum err dns_text_name(struct dns_text_lexer *l, const struct dns_name *origin,
			    struct dns_name *ret);

/* One byte of text with \X and \DDD (RFC 1035 5.1) resolved; *pos moves on. False at a torn escape.
 */
MUST bool dns_text_unescape(struct span text, size_t *pos, uint8_t *ret);

/* Resolves the escapes of a whole span into w. False at a torn escape (w is then torn too). */
MUST bool dns_text_unescape_all(struct span text, struct writer *w);

/* "..." with " and \ escaped by a backslash and bytes outside of 0x20..0x7e as \DDD. */
void dns_text_quote(struct span bytes, struct writer *w);

/* Seconds as digits, or with units in any case: 1w2d3h4m5s. At most max. */
MUST bool dns_text_period(struct span text, uint32_t max, uint32_t *ret);

/* YYYYMMDDHHmmSS in UTC, or seconds since 1970 in at most 10 digits, modulo 2^32 (RFC 4034 3.2). */
MUST bool dns_text_time(struct span text, uint32_t *ret);
/* 14 digits. The serial is taken as lying in 1970..2106. */
void dns_text_time_write(uint32_t time_s, struct writer *w);

/* Bytes from text that may come in several pieces. BASE64 is padded (RFC 4648 4); BASE32HEX has no
 * padding (RFC 5155 3.3); HEX and BASE32HEX take both cases. */
enum dns_text_base { DNS_TEXT_HEX, DNS_TEXT_BASE32HEX, DNS_TEXT_BASE64 };
struct dns_text_decoder {
	enum dns_text_base base;
	uint32_t bits;
	uint8_t bits_len, digits, pads;
};
/* Appends what is whole. ret_bad: offset of the byte that is refused. Room lacking marks w. */
MUST bool dns_text_decode(struct dns_text_decoder *d, struct span text, struct writer *w,
			  size_t *ret_bad);
/* True when what came so far is whole; digits left over, and left-over bits that are not 0, are not
 * (RFC 4648 3.5). */
MUST bool dns_text_decode_end(const struct dns_text_decoder *d);
/* The same for one piece. */
MUST bool dns_text_decode_all(enum dns_text_base base, struct span text, struct writer *w);
void dns_text_hex_write(struct span bytes, struct writer *w);	    /* upper case */
void dns_text_base64_write(struct span bytes, struct writer *w);    /* padded */
void dns_text_base32hex_write(struct span bytes, struct writer *w); /* lower case, unpadded */

#endif
