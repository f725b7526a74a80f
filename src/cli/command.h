/* A subcommand as a row of a table, and its command line as read by that row. Knows no particular
 * subcommand. */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define COMMAND_OPTIONS_MAX   16
#define COMMAND_ARGUMENTS_MAX 256

/* Exit statuses of all subcommands. */
enum {
	EXIT_OK = 0,
	EXIT_FAILED = 1, /* it was tried, and did not succeed */
	EXIT_USAGE = 2,	 /* the command line or the configuration is wrong */
};

struct command_option {
	const char *name;  /* long, without the dashes */
	char letter;	   /* or 0 */
	const char *value; /* what its value is called; NULL: a switch */
	const char *help;
};

struct command_line;

struct command {
	const char *name;
	const char *within;    /* of a verb: the command it is a verb of; NULL */
	const char *arguments; /* as in a usage line: "NAME [TYPE]" */
	const char *summary;   /* one line */
	int arguments_min, arguments_max;
	const struct command_option *options;
	size_t options_n;
	/* The rest of the line belongs to another program: options end at the first argument. */
	bool passes_on;
	int (*run)(const struct command_line *line); /* NULL: it only has verbs */
	const struct command *const
		*verbs; /* second words (`zone check`), ended by NULL; or NULL */
};

struct command_line {
	const struct command *command;
	const char *program;			 /* how we were called */
	const char *values[COMMAND_OPTIONS_MAX]; /* by option; a switch that is on has "" */
	const char *arguments[COMMAND_ARGUMENTS_MAX];
	int arguments_n;
	bool json;   /* --json, which all take */
	bool colour; /* stdout is a terminal and NO_COLOR is not set */
};

/* Reads argv behind the subcommand's name; program: how we were called. On a wrong line it says on
 * stderr what is wrong, the nearest right word and how to see more, and returns EXIT_USAGE; EXIT_OK
 * with *ret_help set when
 * --help was asked for. */
int command_line_read(const struct command *command, const char *program, int argc, char **argv,
		      struct command_line *ret, bool *ret_help);

/* The value of the option, "" for a switch that is on, NULL when it was not given. */
const char *command_line_value(const struct command_line *line, const char *option);

void command_usage_print(FILE *to, const struct command *command);
void command_list_print(FILE *to);

/* The table, ended by NULL. */
extern const struct command *const command_table[];

const struct command *command_find(const struct command *const *table, const char *name);
/* Says that word is none of table, nor `also` (or NULL), and which is nearest; more: the command
 * that lists them. Returns EXIT_USAGE. */
int command_unknown(const struct command *const *table, const char *also, const char *what,
		    const char *word, const char *more);

/* A command that only has verbs was called without one: says which there are. Returns EXIT_USAGE.
 */
int command_verb_missing(const struct command *command);

/* "gatehouse: text", and under it what to do next when next is not NULL; on stderr. Returns
 * EXIT_FAILED. */
__attribute__((format(printf, 2, 3))) int command_fail(const char *next, const char *format, ...);
/* The same for a wrong command line. Returns EXIT_USAGE. */
__attribute__((format(printf, 2, 3))) int command_misused(const char *next, const char *format,
							  ...);

#endif
