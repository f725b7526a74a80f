/* What a YAML parser's complaint means to a person, and where to read on after it. Knows no
 * parser. */
#ifndef CONFIG_YAML_SYNTAX_H
#define CONFIG_YAML_SYNTAX_H

#include <stdint.h>

struct config_report;
struct config_source;

struct yaml_fault {
	const char *message; /* the parser's; NULL: it gave none, and no place */
	uint32_t base;	     /* octet where the parser began; the start of a line */
	uint32_t line;	     /* from 1, counted from base; column in characters */
	uint32_t column;
	uint32_t last;	  /* octet of the last value that was read */
	uint32_t opening; /* octet of the innermost list or map that is open; 0: none or the root */
};

/* Tells the fault in report; returns the octet after it where a section seems to begin, a word and
 * a colon at the start of a line; 0: none. */
uint32_t yaml_syntax_tell(const struct config_source *source, struct config_report *report,
			  const struct yaml_fault *fault);

#endif
