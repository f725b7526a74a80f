/* Judges the octets of a file before a YAML parser sees them. Knows no YAML but its characters. */
#ifndef CONFIG_YAML_LINT_H
#define CONFIG_YAML_LINT_H

#include <stdbool.h>

struct config_report;
struct config_source;

/* Tells what no configuration may hold: too many octets, what is not UTF-8, control characters,
 * directives. True: a parser may read it. */
bool yaml_lint(const struct config_source *source, struct config_report *report);

#endif
