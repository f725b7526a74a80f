/* What is wrong with a configuration file: each error with its place, what was expected, what was
 * found and the nearest right word. Knows neither YAML nor schemas. */
#ifndef CONFIG_REPORT_H
#define CONFIG_REPORT_H

#include "base/err.h"
#include "base/span.h"

struct writer;

#define CONFIG_ERRORS_MAX	100    /* kept; those beyond are counted */
#define CONFIG_ERROR_TEXT_MAX	512    /* octets of each text, cut with "…" */
#define CONFIG_SOURCE_MAX	160    /* octets of the line that are shown */
#define CONFIG_REPORT_PRINT_MAX 262144 /* octets that config_report_print can need */
#define CONFIG_REPORT_JSON_MAX	524288 /* octets that config_report_json can need */

struct config_error {
	uint32_t line, column;	/* from 1; column counts characters, a tab as one. 0: no place */
	char *message;		/* one sentence, without what follows */
	char *expected;		/* "a duration such as 12h, …"; NULL: the message says it all */
	char *found;		/* as it was written; NULL */
	char *suggestion;	/* the nearest right word; NULL: none is near */
	char *source;		/* the line, or the part of it around the column; NULL */
	uint32_t source_column; /* from 1: where in source, in characters */
};

struct config_report {
	char *file_name;	     /* as given to config_parse; the end of a long one */
	struct config_error *errors; /* in the order of their places */
	size_t n;
	size_t more; /* errors beyond CONFIG_ERRORS_MAX */
};

/* An empty report needs no memory: struct config_report r = {0}. */
void config_report_done(struct config_report *r);

/* For each error
 *	gatehouse.yaml:7:3: unknown key 'listn'; expected one of listen, …; did you mean 'listen'?
 *	    listn: [127.0.0.1]
 *	    ^
 * and "and N more errors". Ends with a line feed; nothing for an empty report. */
void config_report_print(const struct config_report *r, struct writer *w);

/* The same as one JSON object: {"file": …, "errors": [{"line": 7, "column": 3, "message": …,
 * "expected": …, "found": …, "suggestion": …, "source": …}], "more": 0}; absent texts are null. */
void config_report_json(const struct config_report *r, struct writer *w);

#endif
