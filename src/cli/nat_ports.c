/* gatehouse nat ports: what hosts inside have opened for themselves, and its end by order. */
#include "cli/commands.h"

#include "base/writer.h"
#include "cli/print.h"
#include "cli/remote.h"
#include "proto/http/http1.h"

#include <string.h>

enum { TARGET_SIZE = 512 };

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));
	return text ? text : "";
}

/* --- list ------------------------------------------------------------------------------------- */

static void print_allowed(struct print_table *t, const json_t *m)
{
	const json_t *list = json_object_get(m, "allowed");
	const char *first = text_of(json_array_get(list, 0), "from");
	size_t n = json_array_size(list);
	if (!n)
		print_cell(t, PRINT_PLAIN, "all");
	else if (n == 1)
		print_cell(t, PRINT_PLAIN, "%s", first);
	else
		print_cell(t, PRINT_PLAIN, "%s and %zu more", first, n - 1);
}

static void print_port(struct print_table *t, const json_t *m)
{
	print_cell(t, PRINT_PLAIN, "%s", text_of(m, "protocol"));
	print_cell(t, PRINT_PLAIN, "%s", text_of(m, "external"));
	print_cell(t, PRINT_GREEN, "%s", text_of(m, "internal"));
	print_allowed(t, m);
	print_cell(t, PRINT_PLAIN, "%llds", json_integer_value(json_object_get(m, "left_s")));
	print_cell(t, PRINT_PLAIN, "%s", text_of(m, "by"));
	print_cell(t, PRINT_DIM, "%s", text_of(m, "description"));
}

static void print_ports(const struct command_line *line, const json_t *answer)
{
	static const char *const heads[] = {"PROTOCOL", "OUTSIDE", "INSIDE",	 "FOR",
					    "LEFT",	"BY",	   "DESCRIPTION"};
	const json_t *ports = json_object_get(answer, "ports"), *m;
	json_int_t more = json_integer_value(json_object_get(answer, "more"));
	struct print_table table;
	size_t i;
	if (!json_is_true(json_object_get(answer, "on"))) {
		(void)printf("Hosts cannot open ports: port-control is off.\n");
		return;
	}
	print_table_init(&table, stdout, line->colour, sizeof(heads) / sizeof(heads[0]), heads);
	json_array_foreach(ports, i, m) print_port(&table, m);
	print_table_end(&table);
	if (more)
		(void)printf("%lld more are not shown.\n", more);
}

/* --- revoke ----------------------------------------------------------------------------------- */

static json_t *revoke(const struct command_line *line, int *ret_code)
{
	char target[TARGET_SIZE];
	uint8_t room[TARGET_SIZE];
	struct writer w = writer_of(room, sizeof(room));
	write_text(&w, "/ports/revoke?protocol=");
	http_percent_encode(&w, span_text(line->arguments[1]));
	write_text(&w, "&internal=");
	http_percent_encode(&w, span_text(line->arguments[2]));
	if (w.bad || !span_to_cstr(writer_span(&w), target, sizeof(target))) {
		*ret_code = command_misused(NULL, "the request is too long");
		return NULL;
	}
	return remote_ask(line, "nat", "POST", target, ret_code);
}

static int run(const struct command_line *line)
{
	bool all = line->arguments_n == 0;
	int code;
	if (!all && (line->arguments_n != 3 || strcmp(line->arguments[0], "revoke") != 0))
		return command_misused(NULL, "what can be done with ports is: revoke tcp|udp "
					     "HOST:PORT");
	json_t *answer =
		all ? remote_ask(line, "nat", "GET", "/ports", &code) : revoke(line, &code);
	if (answer && line->json) {
		(void)json_dumpf(answer, stdout, JSON_INDENT(2));
		(void)fputc('\n', stdout);
	} else if (answer && all) {
		print_ports(line, answer);
	} else if (answer) {
		(void)printf("Closed. The host may ask again, unless a rule forbids it.\n");
	}
	json_decref(answer);
	return code;
}

static const struct command_option options[] = {REMOTE_OPTIONS};

const struct command nat_ports_verb = {
	.name = "ports",
	.within = "nat",
	.arguments = "[revoke PROTOCOL HOST:PORT]",
	.summary = "List the ports that hosts inside have opened for themselves, or close one",
	.arguments_min = 0,
	.arguments_max = 3,
	.options = options,
	.options_n = sizeof(options) / sizeof(options[0]),
	.run = run,
};
