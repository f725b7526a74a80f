/* The three answers of every text parser. Knows no text. */
#ifndef BASE_PARSE_H
#define BASE_PARSE_H

enum parse {
	PARSE_DONE, /* one whole thing was read */
	PARSE_MORE, /* right so far, and not all here yet */
	PARSE_BAD,  /* can never become right */
};

#endif
