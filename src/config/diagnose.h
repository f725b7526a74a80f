/* Fills a report: each error from its octet in the text. Knows neither YAML nor schemas. */
#ifndef CONFIG_DIAGNOSE_H
#define CONFIG_DIAGNOSE_H

#include "config/report.h"
#include "config/source.h"

/* Where and what; texts are copied and cut at CONFIG_ERROR_TEXT_MAX. */
struct config_fault {
	uint32_t offset;	/* octet in the source */
	bool hide_source;	/* the line holds a secret: do not show it */
	const char *expected;	/* NULL: none, as in struct config_error */
	const char *found;	/* NULL */
	const char *suggestion; /* NULL */
};

/* Counts the error beyond CONFIG_ERRORS_MAX, and when there is no memory for it. */
__attribute__((format(printf, 4, 5))) void config_report_add(struct config_report *r,
							     const struct config_source *source,
							     const struct config_fault *fault,
							     const char *format, ...);

/* Takes the file's name; frees what r had. ENOMEM. */
MUST enum err config_report_start(struct config_report *r, const char *file_name);

/* By line and column; errors at one place stay in their order. */
void config_report_sort(struct config_report *r);

static inline bool config_report_empty(const struct config_report *r)
{
	return r->n == 0 && r->more == 0;
}

#endif
