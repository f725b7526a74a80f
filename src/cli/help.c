/* gatehouse help [COMMAND|config [KEY]]: what there is, what one command takes, what a
 * configuration key means; gatehouse version. */
#include "cli/commands.h"

#include "base/writer.h"
#include "cli/print.h"
#include "cli/services.h"
#include "config/reference.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

void command_list_print(FILE *to)
{
	(void)fputs("gatehouse: the network services of a site in one suite.\n\n"
		    "Usage: gatehouse COMMAND [OPTION]... [ARGUMENT]...\n\n",
		    to);
	for (const struct command *const *c = command_table; *c; c++)
		(void)fprintf(to, "  %-12s %s\n", (*c)->name, (*c)->summary);
	(void)fputs("\n'gatehouse help COMMAND' says what a command takes,\n"
		    "'gatehouse help config' lists the configuration's keys.\n",
		    to);
}

typedef void reference_call(const struct config_sections *, struct writer *);

static void scdoc_write(const struct config_sections *sections, struct writer *w)
{
	config_reference_scdoc(sections, GATEHOUSE_VERSION, w);
}

static int reference_print(reference_call *write)
{
	uint8_t *text = malloc(CONFIG_REFERENCE_MAX);
	if (!text)
		return command_fail(NULL, "out of memory");
	struct writer w = writer_of(text, CONFIG_REFERENCE_MAX);
	write(&service_sections, &w);
	int status = w.bad ? command_fail(NULL, "the reference is larger than its bound") : EXIT_OK;
	if (!w.bad)
		(void)fwrite(text, 1, w.pos, stdout);
	free(text);
	return status;
}

/* The keys that begin with prefix as "PATH\tHELP" lines; of a map that it names in full, those in
 * it. */
static void keys_find(const char *prefix, struct writer *w)
{
	size_t n = strlen(prefix);
	config_keys(&service_sections, span_text(prefix), w);
	struct span found = writer_span(w);
	char inner[256];
	if (w->bad || n == 0 || n + 2 > sizeof(inner) || span_find(found, '\n') + 1 != found.len ||
	    span_find(found, '\t') != n + 1 || found.data[n] != '.')
		return;
	(void)snprintf(inner, sizeof(inner), "%s.", prefix);
	writer_rewind(w, 0);
	config_keys(&service_sections, span_text(inner), w);
}

/* What was found as a table. */
static int keys_print(const struct command_line *line, const char *prefix)
{
	static const char *const heads[] = {"KEY", "MEANS"};
	uint8_t *text = malloc(CONFIG_REFERENCE_MAX);
	if (!text)
		return command_fail(NULL, "out of memory");
	struct writer w = writer_of(text, CONFIG_REFERENCE_MAX);
	keys_find(prefix, &w);
	struct span rest = writer_span(&w);
	if (w.bad || rest.len == 0) {
		free(text);
		return command_fail("Run 'gatehouse help config' for the first of them.",
				    "no configuration key begins with '%s'", prefix);
	}
	struct print_table t;
	print_table_init(&t, stdout, line->colour, 2, heads);
	while (rest.len) {
		size_t end = span_find(rest, '\n');
		struct span row = span_sub(rest, 0, end);
		size_t tab = span_find(row, '\t');
		print_cell(&t, PRINT_CYAN, "%.*s", (int)tab, (const char *)row.data);
		print_cell(&t, PRINT_PLAIN, "%.*s", tab < row.len ? (int)(row.len - tab - 1) : 0,
			   (const char *)row.data + (tab < row.len ? tab + 1 : tab));
		rest = span_sub(rest, end + 1, rest.len);
	}
	print_table_end(&t);
	free(text);
	return EXIT_OK;
}

static int verb_print(const struct command *command, const char *word)
{
	char more[64];
	const struct command *verb = command->verbs ? command_find(command->verbs, word) : NULL;
	if (!command->verbs)
		return command_misused("Run 'gatehouse help COMMAND' for one of them.",
				       "%s has no verbs", command->name);
	(void)snprintf(more, sizeof(more), "help %s", command->name);
	if (!verb)
		return command_unknown(command->verbs, NULL, "verb", word, more);
	command_usage_print(stdout, verb);
	return EXIT_OK;
}

static int help_run(const struct command_line *line)
{
	if (line->arguments_n == 0) {
		command_list_print(stdout);
		return EXIT_OK;
	}
	const char *word = line->arguments[0];
	if (strcmp(word, "config") == 0) {
		if (command_line_value(line, "scdoc"))
			return reference_print(scdoc_write);
		if (line->json)
			return reference_print(config_json_schema);
		return keys_print(line, line->arguments_n > 1 ? line->arguments[1] : "");
	}
	const struct command *command = command_find(command_table, word);
	if (!command)
		return command_unknown(command_table, "config", "command", word, "help");
	if (line->arguments_n > 1)
		return verb_print(command, line->arguments[1]);
	command_usage_print(stdout, command);
	return EXIT_OK;
}

static const struct command_option help_options[] = {
	{"scdoc", 0, NULL,
	 "with 'config': the reference manual page's source (--json: a JSON Schema)"}};

const struct command command_help = {
	.name = "help",
	.arguments = "[COMMAND [VERB] | config [KEY]]",
	.summary = "Say what a command takes or what a configuration key means",
	.arguments_max = 2,
	.options = help_options,
	.options_n = sizeof(help_options) / sizeof(help_options[0]),
	.run = help_run,
};

static int version_run(const struct command_line *line)
{
	if (!line->json) {
		(void)printf("gatehouse %s\n", GATEHOUSE_VERSION);
		return EXIT_OK;
	}
	json_t *services = json_array();
	for (const struct service *const *s = service_table; *s; s++)
		json_array_append_new(services, json_string((*s)->name));
	json_t *object = json_pack("{s:s,s:o}", "version", GATEHOUSE_VERSION, "services", services);
	(void)json_dumpf(object, stdout, JSON_INDENT(2));
	(void)fputc('\n', stdout);
	json_decref(object);
	return EXIT_OK;
}

const struct command command_version = {
	.name = "version",
	.arguments = "",
	.summary = "Print the version",
	.run = version_run,
};
