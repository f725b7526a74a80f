/* gatehouse completion bash|zsh|fish: a small script for the shell, which asks `gatehouse
 * completion words` at each key: so what is completed is always what this very program knows. */
#include "cli/commands.h"

#include "base/writer.h"
#include "cli/services.h"
#include "config/reference.h"
#include "lab/topology.h"

#include <stdlib.h>
#include <string.h>

static const char bash_script[] = "_gatehouse() {\n"
				  "	local IFS=$'\\n'\n"
				  "	COMPREPLY=($(gatehouse completion words -- "
				  "\"${COMP_WORDS[@]:1:COMP_CWORD}\" | cut -f1))\n"
				  "	[[ ${#COMPREPLY[@]} -eq 0 ]] && COMPREPLY=($(compgen -f -- "
				  "\"${COMP_WORDS[COMP_CWORD]}\"))\n"
				  "	[[ ${COMPREPLY[0]} == *. ]] && compopt -o nospace\n"
				  "}\n"
				  "complete -F _gatehouse gatehouse\n";

static const char zsh_script[] =
	"#compdef gatehouse\n"
	"_gatehouse() {\n"
	"	local -a found\n"
	"	found=(${(f)\"$(gatehouse completion words -- ${words[2,CURRENT]} | sed "
	"'s/:/\\\\:/g; s/\\t/:/')\"})\n"
	"	if (( ${#found} )); then _describe gatehouse found; else _files; fi\n"
	"}\n"
	"compdef _gatehouse gatehouse\n";

static const char fish_script[] = "complete -c gatehouse -f -a '(gatehouse completion words -- "
				  "(commandline -opc)[2..-1] (commandline -ct))'\n"
				  "complete -c gatehouse -n 'string match -qr \"^-c$|check|zone\" "
				  "-- (commandline -opc)' -F\n";

static void word_print(const char *prefix, const char *word, const char *help)
{
	if (strncmp(word, prefix, strlen(prefix)) == 0)
		(void)printf("%s\t%s\n", word, help);
}

static void options_print(const struct command *c, const char *prefix)
{
	char word[64];
	for (size_t i = 0; i < c->options_n; i++) {
		(void)snprintf(word, sizeof(word), "--%s", c->options[i].name);
		word_print(prefix, word, c->options[i].help);
	}
	word_print(prefix, "--json", "print JSON");
	word_print(prefix, "--help", "say what it takes");
}

static void table_print(const struct command *const *table, const char *prefix)
{
	for (; *table; table++)
		word_print(prefix, (*table)->name, (*table)->summary);
}

static void keys_print(const char *prefix)
{
	uint8_t *text = malloc(CONFIG_REFERENCE_MAX);
	if (!text)
		return;
	struct writer w = writer_of(text, CONFIG_REFERENCE_MAX);
	config_keys(&service_sections, span_text(prefix), &w);
	if (!w.bad)
		(void)fwrite(text, 1, w.pos, stdout);
	free(text);
}

/* What may follow `help WORD`. */
static void help_print(const char *word, const char *prefix)
{
	const struct command *c = command_find(command_table, word);
	if (strcmp(word, "config") == 0)
		keys_print(prefix);
	else if (c && c->verbs)
		table_print(c->verbs, prefix);
}

/* `lab run HOST`, `lab shell HOST`. */
static void hosts_print(const char *prefix)
{
	for (const struct lab_host *h = lab_hosts; h->name; h++)
		word_print(prefix, h->name, h->role);
}

static bool takes_host(const struct command *c)
{
	return c->within && strcmp(c->within, "lab") == 0 && strncmp(c->arguments, "HOST", 4) == 0;
}

/* The words that may stand for the last of words, each with its meaning behind a tab. */
static int words_print(const char *const *words, int n)
{
	const char *last = n ? words[n - 1] : "";
	const struct command *c = n > 1 ? command_find(command_table, words[0]) : NULL;
	if (n <= 1) {
		table_print(command_table, last);
		return EXIT_OK;
	}
	if (c && c->verbs && n > 2 && command_find(c->verbs, words[1]))
		c = command_find(c->verbs, words[1]);
	if (!c)
		return EXIT_OK;
	if (last[0] == '-')
		options_print(c, last);
	else if (c->verbs && n == 2)
		table_print(c->verbs, last);
	else if (takes_host(c) && n == 3)
		hosts_print(last);
	else if (c == &command_help && n == 2) {
		table_print(command_table, last);
		word_print(last, "config", "the configuration's keys");
	} else if (c == &command_help && n == 3)
		help_print(words[1], last);
	else if (c == &command_status || c == &command_events)
		for (const struct service *const *s = service_table; *s; s++)
			word_print(last, (*s)->name, (*s)->summary);
	else if (c == &command_completion && n == 2) {
		word_print(last, "bash", "");
		word_print(last, "zsh", "");
		word_print(last, "fish", "");
	}
	return EXIT_OK;
}

static int completion_run(const struct command_line *line)
{
	const char *shell = line->arguments[0];
	if (strcmp(shell, "words") == 0)
		return words_print(line->arguments + 1, line->arguments_n - 1);
	if (line->arguments_n > 1)
		return command_misused(NULL, "completion: '%s' is one word too many",
				       line->arguments[1]);
	if (strcmp(shell, "bash") == 0)
		(void)fputs(bash_script, stdout);
	else if (strcmp(shell, "zsh") == 0)
		(void)fputs(zsh_script, stdout);
	else if (strcmp(shell, "fish") == 0)
		(void)fputs(fish_script, stdout);
	else
		return command_misused("It is one of bash, zsh, fish.", "no completion for '%s'",
				       shell);
	return EXIT_OK;
}

const struct command command_completion = {
	.name = "completion",
	.arguments = "bash|zsh|fish",
	.summary = "Print a script that completes words in a shell",
	.arguments_min = 1,
	.arguments_max = COMMAND_ARGUMENTS_MAX,
	.run = completion_run,
};
