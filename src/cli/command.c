#include "cli/command.h"

#include "base/nearest.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COMMAND_WORDS_MAX 64

const struct command *command_find(const struct command *const *table, const char *name)
{
	for (; *table; table++)
		if (strcmp((*table)->name, name) == 0)
			return *table;
	return NULL;
}

int command_unknown(const struct command *const *table, const char *also, const char *what,
		    const char *word, const char *more)
{
	struct nearest best = nearest_to(word);
	for (const struct command *const *c = table; *c; c++)
		nearest_offer(&best, (*c)->name);
	if (also)
		nearest_offer(&best, also);
	(void)fprintf(stderr, "gatehouse: there is no %s '%s'", what, word);
	if (best.word)
		(void)fprintf(stderr, "; did you mean '%s'?", best.word);
	(void)fprintf(stderr, "\nRun 'gatehouse %s' for the list.\n", more);
	return EXIT_USAGE;
}

int command_verb_missing(const struct command *command)
{
	command_usage_print(stderr, command);
	return EXIT_USAGE;
}

static void say(const char *next, const char *format, va_list args)
{
	(void)fputs("gatehouse: ", stderr);
	(void)vfprintf(stderr, format, args);
	(void)fputc('\n', stderr);
	if (next)
		(void)fprintf(stderr, "%s\n", next);
}

int command_fail(const char *next, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	say(next, format, args);
	va_end(args);
	return EXIT_FAILED;
}

int command_misused(const char *next, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	say(next, format, args);
	va_end(args);
	return EXIT_USAGE;
}

/* "zone check", as it is typed. Returns buf. */
static const char *words_of(const struct command *c, char buf[COMMAND_WORDS_MAX])
{
	(void)snprintf(buf, COMMAND_WORDS_MAX, "%s%s%s", c->within ? c->within : "",
		       c->within ? " " : "", c->name);
	return buf;
}

static void verbs_print(FILE *to, const struct command *const *verbs)
{
	int width = 0;
	for (const struct command *const *v = verbs; *v; v++) {
		int n = (int)strlen((*v)->arguments);
		width = n > width ? n : width;
	}
	for (const struct command *const *v = verbs; *v; v++)
		(void)fprintf(to, "  %-8s %-*s  %s\n", (*v)->name, width, (*v)->arguments,
			      (*v)->summary);
	(void)fputc('\n', to);
}

void command_usage_print(FILE *to, const struct command *command)
{
	char words[COMMAND_WORDS_MAX];
	(void)fprintf(to, "Usage: gatehouse %s", words_of(command, words));
	if (command->verbs)
		(void)fputs(command->run ? " [VERB]" : " VERB", to);
	if (command->options_n)
		(void)fputs(" [OPTION]...", to);
	if (command->arguments && command->arguments[0])
		(void)fprintf(to, " %s", command->arguments);
	(void)fprintf(to, "\n%s.\n\n", command->summary);
	if (command->verbs)
		verbs_print(to, command->verbs);
	for (size_t i = 0; i < command->options_n; i++) {
		const struct command_option *o = &command->options[i];
		char left[64];
		(void)snprintf(left, sizeof(left), "--%s%s%s", o->name, o->value ? " " : "",
			       o->value ? o->value : "");
		(void)fprintf(to, "  %c%c %-24s %s\n", o->letter ? '-' : ' ',
			      o->letter ? o->letter : ' ', left, o->help);
	}
	(void)fprintf(to, "     %-24s %s\n", "--json", "print JSON");
	(void)fprintf(to, "  -h %-24s %s\n", "--help", "print this");
}

/* Where to read on: the end of an error about the command line. */
static int usage_end(const struct command *command)
{
	char words[COMMAND_WORDS_MAX];
	(void)fprintf(stderr, "\nRun 'gatehouse help %s' for what it takes.\n",
		      words_of(command, words));
	return EXIT_USAGE;
}

static int usage_error(const struct command *command, const char *format, const char *word)
{
	char words[COMMAND_WORDS_MAX];
	(void)fprintf(stderr, "gatehouse: %s: ", words_of(command, words));
	(void)fprintf(stderr, format, word);
	return usage_end(command);
}

static int unknown_option(const struct command *command, const char *word)
{
	struct nearest best = nearest_to(word);
	nearest_offer(&best, "json");
	nearest_offer(&best, "help");
	for (size_t i = 0; i < command->options_n; i++)
		nearest_offer(&best, command->options[i].name);
	char words[COMMAND_WORDS_MAX];
	(void)fprintf(stderr, "gatehouse: %s: there is no option '--%s'", words_of(command, words),
		      word);
	if (best.word)
		(void)fprintf(stderr, "; did you mean '--%s'?", best.word);
	return usage_end(command);
}

/* The option that word ("--name", "--name=value" or "-n") stands for; *ret_value: what is behind
 * "=". */
static const struct command_option *option_find(const struct command *command, const char *word,
						const char **ret_value)
{
	*ret_value = NULL;
	for (size_t i = 0; i < command->options_n; i++) {
		const struct command_option *o = &command->options[i];
		if (word[1] != '-') {
			if (word[1] == o->letter && word[2] == '\0')
				return o;
			continue;
		}
		size_t n = strlen(o->name);
		if (strncmp(word + 2, o->name, n) != 0)
			continue;
		if (word[2 + n] == '=')
			*ret_value = word + 3 + n;
		if (word[2 + n] == '=' || word[2 + n] == '\0')
			return o;
	}
	return NULL;
}

/* One option at argv[*i], and its value. */
static int option_read(const struct command *command, int argc, char **argv, int *i,
		       struct command_line *ret)
{
	const char *value;
	const struct command_option *o = option_find(command, argv[*i], &value);
	if (!o && argv[*i][1] == '-')
		return unknown_option(command, argv[*i] + 2);
	if (!o)
		return usage_error(command, "there is no option '%s'", argv[*i]);
	if (!o->value && value)
		return usage_error(command, "option '--%s' takes no value", o->name);
	if (o->value && !value) {
		if (*i + 1 == argc)
			return usage_error(command, "option '--%s' needs a value", o->name);
		value = argv[++*i];
	}
	ret->values[o - command->options] = value ? value : "";
	return EXIT_OK;
}

static int arguments_check(const struct command_line *line)
{
	const struct command *c = line->command;
	if (line->arguments_n < c->arguments_min)
		return usage_error(c, "it needs %s", c->arguments);
	if (line->arguments_n > c->arguments_max)
		return usage_error(c, "'%s' is one word too many",
				   line->arguments[c->arguments_max]);
	return EXIT_OK;
}

int command_line_read(const struct command *command, const char *program, int argc, char **argv,
		      struct command_line *ret, bool *ret_help)
{
	bool options = true;
	ASSERT(command->options_n <= COMMAND_OPTIONS_MAX);
	*ret = (struct command_line){.command = command, .program = program};
	*ret_help = false;
	const char *no_colour = getenv("NO_COLOR"); /* no-color.org: set, and not empty */
	ret->colour = isatty(STDOUT_FILENO) && !(no_colour && no_colour[0]);
	for (int i = 0; i < argc; i++) {
		const char *word = argv[i];
		if (options && strcmp(word, "--") == 0) {
			options = false;
		} else if (options && strcmp(word, "--json") == 0) {
			ret->json = true;
		} else if (options && (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)) {
			*ret_help = true;
			return EXIT_OK;
		} else if (options && word[0] == '-' && word[1] != '\0') {
			int status = option_read(command, argc, argv, &i, ret);
			if (status)
				return status;
		} else {
			if (ret->arguments_n == COMMAND_ARGUMENTS_MAX)
				return usage_error(command, "'%s' is one word too many", word);
			ret->arguments[ret->arguments_n++] = word;
			if (command->passes_on)
				options = false;
		}
	}
	return arguments_check(ret);
}

const char *command_line_value(const struct command_line *line, const char *option)
{
	for (size_t i = 0; i < line->command->options_n; i++)
		if (strcmp(line->command->options[i].name, option) == 0)
			return line->values[i];
	ASSERT(false); /* an option that the command's table lacks */
	return NULL;
}
