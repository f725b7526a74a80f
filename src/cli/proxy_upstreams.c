/* gatehouse proxy upstreams: the proxies of others that the forward proxy goes out by, and how they
 * do. */
#include "cli/commands.h"

#include "base/writer.h"
#include "cli/print.h"
#include "cli/remote.h"

#include <string.h>

enum { CELL_SIZE = 256 };

static const char service[] = "forward-proxy";

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));
	return text ? text : "";
}

static long long number_of(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

/* "*.onion, a.example", or "all". */
static const char *places(const json_t *entry, char buf[CELL_SIZE])
{
	const json_t *list = json_object_get(entry, "to"), *item;
	struct writer w = writer_of(buf, CELL_SIZE - 1);
	size_t i;
	json_array_foreach(list, i, item)
	{
		write_text(&w, i ? ", " : "");
		write_text(&w, json_string_value(item));
	}
	if (w.pos == 0)
		write_text(&w, "all");
	buf[w.pos] = '\0';
	return buf;
}

static void print_took(struct print_table *t, const json_t *server)
{
	char text[32];
	long long us = number_of(server, "latency_us");
	print_cell(t, us ? PRINT_PLAIN : PRINT_DIM, "%s",
		   us ? print_duration_us((uint64_t)us, text, sizeof(text)) : "-");
}

static void print_server(struct print_table *t, const json_t *entry, const json_t *server)
{
	char cell[CELL_SIZE];
	const char *state = text_of(server, "state"), *error = text_of(server, "last_error");
	long long errors = number_of(server, "errors");
	print_cell(t, PRINT_BOLD, "%s", places(entry, cell));
	print_cell(t, PRINT_CYAN, "%s", text_of(entry, "kind"));
	print_cell(t, PRINT_PLAIN, "%s", text_of(server, "server"));
	print_cell(t, strcmp(state, "up") == 0 ? PRINT_GREEN : PRINT_RED, "%s", state);
	print_cell(t, PRINT_PLAIN, "%lld", number_of(server, "requests"));
	print_cell(t, errors ? PRINT_YELLOW : PRINT_DIM, "%lld", errors);
	print_took(t, server);
	print_cell(t, PRINT_DIM, "%s", *error ? error : "-");
}

/* An exception: nobody leads there. */
static void print_direct(struct print_table *t, const json_t *entry)
{
	char cell[CELL_SIZE];
	print_cell(t, PRINT_BOLD, "%s", places(entry, cell));
	print_cell(t, PRINT_CYAN, "direct");
	for (unsigned i = 0; i < 6; i++)
		print_cell(t, PRINT_DIM, "-");
}

static int run(const struct command_line *line)
{
	static const char *const heads[] = {"TO",	"KIND",	  "SERVER", "STATE",
					    "REQUESTS", "FAILED", "TOOK",   "LAST ERROR"};
	struct print_table table;
	const json_t *entry, *server;
	size_t i, k;
	int code;
	json_t *answer = remote_ask_or_print(line, service, "GET", "/upstreams", &code);
	if (!answer)
		return code;
	print_table_init(&table, stdout, line->colour, sizeof(heads) / sizeof(heads[0]), heads);
	json_array_foreach(json_object_get(answer, "upstreams"), i, entry)
	{
		json_array_foreach(json_object_get(entry, "servers"), k, server)
			print_server(&table, entry, server);
		if (!json_array_size(json_object_get(entry, "servers")))
			print_direct(&table, entry);
	}
	print_table_end(&table);
	json_decref(answer);
	return EXIT_OK;
}

static const struct command_option options[] = {REMOTE_OPTIONS};

const struct command proxy_upstreams_verb = {
	.name = "upstreams",
	.within = "proxy",
	.arguments = "",
	.summary = "Show the proxies of others that the forward proxy goes out by",
	.options = options,
	.options_n = sizeof(options) / sizeof(options[0]),
	.run = run,
};
