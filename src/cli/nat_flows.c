/* gatehouse nat flows|top|end: who speaks with whom, who has most of it, and its end by order. */
#include "cli/commands.h"

#include "base/writer.h"
#include "cli/print.h"
#include "cli/remote.h"
#include "proto/http/http1.h"

#include <string.h>

enum { TARGET_SIZE = 2048, PAGE = 500 };

static const char service[] = "nat";

/* --- requests --------------------------------------------------------------------------------- */

/* "?a=b" or "&a=b", when value is not NULL. */
static void parameter(struct writer *w, const char *name, const char *value)
{
	if (!value)
		return;
	write_text(w, memchr(w->data, '?', w->pos) ? "&" : "?");
	write_text(w, name);
	write_text(w, "=");
	http_percent_encode(w, span_text(value));
}

static void filters(struct writer *w, const struct command_line *line)
{
	static const char *const names[] = {"port", "protocol", "zone", "state"};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		parameter(w, names[i], command_line_value(line, names[i]));
}

/* As remote_ask; a target that is too long is the fault of who typed it. */
static json_t *ask(const struct command_line *line, const char *method, const struct writer *target,
		   int *ret_code)
{
	char text[TARGET_SIZE];
	if (target->bad || !span_to_cstr(writer_span(target), text, sizeof(text))) {
		*ret_code = command_misused(NULL, "the request is too long");
		return NULL;
	}
	return remote_ask(line, service, method, text, ret_code);
}

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));
	return text ? text : "";
}

static uint64_t number_of(const json_t *object, const char *key)
{
	return (uint64_t)json_integer_value(json_object_get(object, key));
}

/* --- cells ------------------------------------------------------------------------------------ */

/* "999", "1.2k", "34M": three digits, powers of 1000. */
static void octets_print(struct print_table *t, uint64_t n)
{
	static const char units[] = {'k', 'M', 'G', 'T', 'P', 'E'};
	double value = (double)n;
	int unit = -1;
	/* 999.5 would be written as 1000. */
	while (value >= 999.5) {
		value /= 1000;
		unit++;
	}
	if (unit < 0)
		print_cell(t, PRINT_PLAIN, "%llu", (unsigned long long)n);
	else
		print_cell(t, PRINT_PLAIN, "%.*f%c", value < 9.95 ? 1 : 0, value, units[unit]);
}

static void seconds_print(struct print_table *t, uint64_t s)
{
	char text[64];
	if (s < 60)
		print_cell(t, PRINT_DIM, "%llu s", (unsigned long long)s);
	else
		print_cell(t, PRINT_DIM, "%s", print_duration_us(s * 1000000, text, sizeof(text)));
}

/* "a", or "a → b" where the translation makes b of it. */
static void end_print(struct print_table *t, const json_t *flow, const char *key, const char *as)
{
	const char *after = text_of(flow, as);
	print_cell(t, PRINT_PLAIN, "%s%s%s", text_of(flow, key), after[0] ? " → " : "", after);
}

static enum print_style style_of(const char *state)
{
	if (strcmp(state, "established") == 0 || strcmp(state, "answered") == 0)
		return PRINT_GREEN;
	return strcmp(state, "closing") == 0 ? PRINT_DIM : PRINT_YELLOW;
}

/* --- flows ------------------------------------------------------------------------------------ */

static void flow_print(struct print_table *t, const json_t *flow)
{
	const char *state = text_of(flow, "state");
	print_cell(t, PRINT_BOLD, "%s", text_of(flow, "protocol"));
	print_cell(t, style_of(state), "%s", state);
	end_print(t, flow, "from", "as");
	end_print(t, flow, "to", "reaches");
	octets_print(t, number_of(flow, "bytes_sent"));
	octets_print(t, number_of(flow, "bytes_received"));
	seconds_print(t, number_of(flow, "age_s"));
	seconds_print(t, number_of(flow, "left_s"));
}

/* JSON goes out flow by flow, so that millions of them need no memory here. */
static void page_json(const json_t *flows, bool *first)
{
	size_t i;
	json_t *flow;
	json_array_foreach(flows, i, flow)
	{
		(void)fputs(*first ? "[\n  " : ",\n  ", stdout);
		*first = false;
		(void)json_dumpf(flow, stdout, JSON_COMPACT);
	}
}

static void page_print(const json_t *flows, const struct command_line *line)
{
	static const char *const heads[] = {"PROTOCOL", "STATE",    "FROM", "TO",
					    "SENT",	"RECEIVED", "AGE",  "LEFT"};
	struct print_table table;
	size_t i;
	json_t *flow;
	print_table_init(&table, stdout, line->colour, sizeof(heads) / sizeof(heads[0]), heads);
	json_array_foreach(flows, i, flow) flow_print(&table, flow);
	print_table_end(&table);
}

/* As many as --limit says; 0: all. False: it is no number. */
static bool limit_of(const struct command_line *line, uint64_t fallback, uint64_t *ret)
{
	const char *text = command_line_value(line, "limit");
	*ret = fallback;
	return !text || span_to_u64(span_text(text), UINT32_MAX, ret);
}

/* The next page, NULL at an error; *from: where it begins, then where the one after it does, 0: it
 * was the last. */
static json_t *page_ask(const struct command_line *line, uint64_t n, uint64_t *from, int *ret_code)
{
	char room[TARGET_SIZE], number[24];
	struct writer target = writer_of(room, sizeof(room));
	write_text(&target, "/flows");
	parameter(&target, "host", line->arguments_n ? line->arguments[0] : NULL);
	filters(&target, line);
	(void)snprintf(number, sizeof(number), "%llu", (unsigned long long)*from);
	parameter(&target, "from", number);
	(void)snprintf(number, sizeof(number), "%llu", (unsigned long long)n);
	parameter(&target, "limit", number);
	json_t *answer = ask(line, "GET", &target, ret_code);
	*from = answer ? number_of(answer, "next") : 0;
	return answer;
}

static int flows_run(const struct command_line *line)
{
	uint64_t left, from = 1;
	bool first = true;
	int code = EXIT_OK;
	if (!limit_of(line, 0, &left))
		return command_misused(NULL, "--limit takes a number; 0 is all");
	bool all = left == 0;
	while (from && (all || left)) {
		json_t *answer = page_ask(line, all || left > PAGE ? PAGE : left, &from, &code);
		const json_t *flows = json_object_get(answer, "flows");
		if (!answer)
			break;
		left -= all ? 0 : json_array_size(flows);
		if (line->json)
			page_json(flows, &first);
		else
			page_print(flows, line);
		json_decref(answer);
	}
	if (line->json && code == EXIT_OK)
		(void)fputs(first ? "[]\n" : "\n]\n", stdout);
	return code;
}

#define FILTER_OPTIONS                                                                             \
	{"port", 'p', "PORT", "only with this port at either end"},                                \
		{"protocol", 0, "PROTOCOL", "only this one: tcp, udp, icmp, or a number"},         \
		{"zone", 'z', "ZONE", "only from or to this zone"},                                \
	{                                                                                          \
		"state", 's', "STATE", "opening, established, closing; unanswered, answered"       \
	}

static const struct command_option flows_options[] = {
	FILTER_OPTIONS,
	{"limit", 'n', "N", "so many at most; all, unless given"},
	REMOTE_OPTIONS,
};

const struct command nat_flows_verb = {
	.name = "flows",
	.within = "nat",
	.arguments = "[HOST]",
	.summary = "List the flows, all or those of a host or network",
	.arguments_max = 1,
	.options = flows_options,
	.options_n = sizeof(flows_options) / sizeof(flows_options[0]),
	.run = flows_run,
};

/* --- top -------------------------------------------------------------------------------------- */

static void host_print(struct print_table *t, const json_t *row)
{
	uint64_t refused = number_of(row, "refused"), max = number_of(row, "flows_max");
	print_cell(t, PRINT_BOLD, "%s", text_of(row, "host"));
	octets_print(t, number_of(row, "bytes_out"));
	octets_print(t, number_of(row, "bytes_in"));
	print_cell(t, PRINT_PLAIN, "%llu", (unsigned long long)number_of(row, "flows"));
	print_cell(t, PRINT_DIM, max ? "%llu" : "-", (unsigned long long)max);
	print_cell(t, PRINT_PLAIN, "%llu", (unsigned long long)number_of(row, "begun"));
	print_cell(t, refused ? PRINT_RED : PRINT_DIM, "%llu", (unsigned long long)refused);
}

static int top_run(const struct command_line *line)
{
	static const char *const heads[] = {"HOST", "OUT",   "IN",     "FLOWS",
					    "MAX",  "BEGUN", "REFUSED"};
	char room[TARGET_SIZE];
	struct writer target = writer_of(room, sizeof(room));
	struct print_table table;
	size_t i;
	json_t *row;
	int code;
	write_text(&target, "/top");
	parameter(&target, "by", command_line_value(line, "by"));
	parameter(&target, "limit", command_line_value(line, "limit"));
	json_t *answer = ask(line, "GET", &target, &code);
	const json_t *rows = json_object_get(answer, "top");
	if (!answer)
		return code;
	if (line->json) {
		(void)json_dumpf(rows, stdout, JSON_INDENT(2));
		(void)fputc('\n', stdout);
	} else {
		print_table_init(&table, stdout, line->colour, sizeof(heads) / sizeof(heads[0]),
				 heads);
		json_array_foreach(rows, i, row) host_print(&table, row);
		print_table_end(&table);
	}
	json_decref(answer);
	return EXIT_OK;
}

static const struct command_option top_options[] = {
	{"by", 'b', "WHAT", "bytes (unless given), flows, begun or refused"},
	{"limit", 'n', "N", "so many hosts, 20 unless given, 1000 at most"},
	REMOTE_OPTIONS,
};

const struct command nat_top_verb = {
	.name = "top",
	.within = "nat",
	.arguments = "",
	.summary = "Show the hosts with the most traffic or flows",
	.options = top_options,
	.options_n = sizeof(top_options) / sizeof(top_options[0]),
	.run = top_run,
};

/* --- end -------------------------------------------------------------------------------------- */

static int end_run(const struct command_line *line)
{
	char room[TARGET_SIZE];
	struct writer target = writer_of(room, sizeof(room));
	int code;
	write_text(&target, "/flows/end");
	parameter(&target, "host", line->arguments[0]);
	filters(&target, line);
	json_t *answer = ask(line, "POST", &target, &code);
	if (!answer)
		return code;
	uint64_t n = number_of(answer, "ended");
	if (line->json) {
		(void)json_dumpf(answer, stdout, JSON_INDENT(2));
		(void)fputc('\n', stdout);
	} else {
		(void)printf("%llu flow%s\n", (unsigned long long)n, n == 1 ? " ends" : "s end");
	}
	json_decref(answer);
	return EXIT_OK;
}

static const struct command_option end_options[] = {FILTER_OPTIONS, REMOTE_OPTIONS};

const struct command nat_end_verb = {
	.name = "end",
	.within = "nat",
	.arguments = "HOST",
	.summary = "End the flows of a host or network",
	.arguments_min = 1,
	.arguments_max = 1,
	.options = end_options,
	.options_n = sizeof(end_options) / sizeof(end_options[0]),
	.run = end_run,
};
