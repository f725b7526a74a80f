/* Reads and judges a configuration file for a subcommand, and says what is wrong with it. Knows no
 * service. */
#ifndef CLI_LOAD_H
#define CLI_LOAD_H

#include "base/err.h"

struct config;
struct config_report;

/* ERR_CONFIG and other errors have been said on stderr. */
MUST enum err load_config(const char *path, struct config **ret);

/* The same without a word, for who prints the report himself; *ret_report is filled with ERR_CONFIG
 * alone. */
MUST enum err load_judge(const char *path, struct config **ret, struct config_report *ret_report);

#endif
