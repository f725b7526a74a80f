/* gatehouse proxy hosts|clients: where the forward proxy is asked to go most, and by whom. */
#include "cli/commands.h"

#include "cli/print.h"
#include "cli/remote.h"

#include <stdio.h>

enum { TARGET_SIZE = 64 };

static const char service[] = "forward-proxy";

static int run(const struct command_line *line, const char *title, const char *name,
	       const char *head)
{
	const char *const heads[] = {head, "REQUESTS", "OCTETS"};
	const char *limit = command_line_value(line, "limit");
	char target[TARGET_SIZE];
	struct print_table table;
	const json_t *row;
	size_t i;
	int code;
	int n = snprintf(target, sizeof(target), "/%s%s%s", title, limit ? "?limit=" : "",
			 limit ? limit : "");
	if (n < 0 || (size_t)n >= sizeof(target))
		return command_misused(NULL, "--limit wants a number up to 256");
	json_t *answer = remote_ask_or_print(line, service, "GET", target, &code);
	if (!answer)
		return code;
	print_table_init(&table, stdout, line->colour, sizeof(heads) / sizeof(heads[0]), heads);
	json_array_foreach(json_object_get(answer, title), i, row)
	{
		print_cell(&table, PRINT_BOLD, "%s", json_string_value(json_object_get(row, name)));
		print_cell(&table, PRINT_PLAIN, "%lld",
			   (long long)json_integer_value(json_object_get(row, "requests")));
		print_cell(&table, PRINT_PLAIN, "%lld",
			   (long long)json_integer_value(json_object_get(row, "bytes")));
	}
	print_table_end(&table);
	json_decref(answer);
	return EXIT_OK;
}

static int hosts_run(const struct command_line *line)
{
	return run(line, "hosts", "host", "HOST");
}

static int clients_run(const struct command_line *line)
{
	return run(line, "clients", "client", "CLIENT");
}

static const struct command_option options[] = {
	{"limit", 'n', "N", "that many of them, at most 256 (20)"},
	REMOTE_OPTIONS,
};

const struct command proxy_hosts_verb = {
	.name = "hosts",
	.within = "proxy",
	.arguments = "",
	.summary = "Show where the forward proxy is asked to go most",
	.options = options,
	.options_n = sizeof(options) / sizeof(options[0]),
	.run = hosts_run,
};

const struct command proxy_clients_verb = {
	.name = "clients",
	.within = "proxy",
	.arguments = "",
	.summary = "Show whose requests to the forward proxy are most",
	.options = options,
	.options_n = sizeof(options) / sizeof(options[0]),
	.run = clients_run,
};
