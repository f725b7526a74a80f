/* A configuration file on disk, read and judged: the one place where its text, which may hold
 * secrets, passes through memory and is wiped. Knows no service. */
#ifndef CONTROL_CONF_FILE_H
#define CONTROL_CONF_FILE_H

#include "base/err.h"

struct config;
struct config_report;
struct config_sections;

/* As config_parse: ERR_CONFIG with what is wrong in ret_report; other errors when the file cannot
 * be read, and ret_report stays empty. */
MUST enum err conf_file_judge(const char *path, const struct config_sections *sections,
			      struct config **ret, struct config_report *ret_report);

/* The report as it stands in the file, on stderr: for a person, so not through the log. */
void conf_file_tell(const struct config_report *report);

#endif
