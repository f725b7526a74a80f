/* gatehouse proxy quotas [show|reset|grant]: what clients of the forward proxy may move in a time,
 * and have moved. */
#include "cli/commands.h"

#include "base/writer.h"
#include "cli/print.h"
#include "cli/remote.h"
#include "proto/http/http1.h"

#include <string.h>
#include <time.h>

enum { TARGET_SIZE = 1024, SIZE_TEXT = 24 };

static const char service[] = "forward-proxy";

static long long number_of(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));
	return text ? text : "";
}

/* "2026-12-01 00:00" by this machine's clock. */
static const char *time_text(long long s, char buf[32])
{
	time_t at = (time_t)s;
	struct tm tm;
	if (s <= 0 || !localtime_r(&at, &tm) || strftime(buf, 32, "%Y-%m-%d %H:%M", &tm) == 0)
		return "-";
	return buf;
}

/* "1.5 GiB"; "-": none. */
static const char *size_text(long long n, char buf[SIZE_TEXT])
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
	size_t unit = 0;
	double left = (double)n;
	while (left >= 1024 && unit + 1 < sizeof(units) / sizeof(units[0])) {
		left /= 1024;
		unit++;
	}
	if (n == 0)
		return "-";
	(void)snprintf(buf, SIZE_TEXT, unit && left < 10 ? "%.1f %s" : "%.0f %s", left,
		       units[unit]);
	return buf;
}

/* A verb with parameters; those of which the value is NULL are left out. NULL: as
 * remote_ask_or_print. */
static json_t *ask(const struct command_line *line, const char *method, const char *verb,
		   const char *const parameters[][2], size_t n, int *ret_code)
{
	char target[TARGET_SIZE];
	struct writer w = writer_of(target, sizeof(target) - 1);
	const char *between = "?";
	write_text(&w, verb);
	for (size_t i = 0; i < n; i++) {
		if (!parameters[i][1])
			continue;
		write_format(&w, "%s%s=", between, parameters[i][0]);
		http_percent_encode(&w, span_text(parameters[i][1]));
		between = "&";
	}
	if (w.bad) {
		*ret_code = command_misused(NULL, "that is too long");
		return NULL;
	}
	target[w.pos] = '\0';
	return remote_ask_or_print(line, service, method, target, ret_code);
}

/* --- show --- */

static const json_t *quota_of(const json_t *answer, const char *name)
{
	const json_t *q;
	size_t i;
	json_array_foreach(json_object_get(answer, "quotas"), i, q)
	{
		if (strcmp(text_of(q, "quota"), name) == 0)
			return q;
	}
	return NULL;
}

static void print_size(struct print_table *t, enum print_style style, long long n)
{
	char text[SIZE_TEXT];
	print_cell(t, style, "%s", size_text(n, text));
}

/* "10 GiB", or "8 GiB down, 2 GiB up". */
static void print_limit(struct print_table *t, const json_t *q)
{
	char both[SIZE_TEXT], down[SIZE_TEXT], up[SIZE_TEXT];
	bool all = number_of(q, "bytes"), d = number_of(q, "down"), u = number_of(q, "up");
	print_cell(t, PRINT_PLAIN, "%s%s%s%s%s%s%s",
		   all ? size_text(number_of(q, "bytes"), both) : "", all && (d || u) ? ", " : "",
		   d ? size_text(number_of(q, "down"), down) : "", d ? " down" : "",
		   d && u ? ", " : "", u ? size_text(number_of(q, "up"), up) : "", u ? " up" : "");
}

static void print_clients(const json_t *answer, bool colour)
{
	static const char *const heads[] = {"QUOTA", "CLIENT", "UP",   "DOWN",
					    "OF",    "EXTRA",  "ENDS", "STATE"};
	struct print_table table;
	const json_t *c;
	char ends[32];
	size_t i;
	print_table_init(&table, stdout, colour, sizeof(heads) / sizeof(heads[0]), heads);
	json_array_foreach(json_object_get(answer, "clients"), i, c)
	{
		const json_t *q = quota_of(answer, text_of(c, "quota"));
		bool over = json_is_true(json_object_get(c, "over"));
		print_cell(&table, PRINT_BOLD, "%s", text_of(c, "quota"));
		print_cell(&table, PRINT_PLAIN, "%s", text_of(c, "client"));
		print_size(&table, PRINT_PLAIN, number_of(c, "up"));
		print_size(&table, PRINT_PLAIN, number_of(c, "down"));
		print_limit(&table, q);
		print_size(&table, PRINT_DIM, number_of(c, "extra"));
		print_cell(&table, PRINT_PLAIN, "%s", time_text(number_of(c, "ends"), ends));
		print_cell(&table, over ? PRINT_RED : PRINT_GREEN, "%s",
			   !over				? "fine"
			   : strcmp(text_of(q, "then"), "slow") ? "refused"
								: "slow");
	}
	print_table_end(&table);
}

static int show(const struct command_line *line, const char *quota)
{
	const char *const parameters[][2] = {{"quota", quota},
					     {"limit", command_line_value(line, "limit")}};
	int code;
	json_t *answer = ask(line, "GET", "/quotas", parameters, 2, &code);
	if (!answer)
		return code;
	print_clients(answer, line->colour);
	json_decref(answer);
	return EXIT_OK;
}

/* --- reset, grant --- */

static int reset(const struct command_line *line)
{
	const char *const parameters[][2] = {{"quota", line->arguments[1]},
					     {"client", line->arguments[2]}};
	int code;
	json_t *answer = ask(line, "POST", "/quotas/reset", parameters, 2, &code);
	if (answer)
		(void)printf("%s of %s begins anew.\n", line->arguments[1], line->arguments[2]);
	json_decref(answer);
	return code;
}

static int grant(const struct command_line *line)
{
	const char *const parameters[][2] = {{"quota", line->arguments[1]},
					     {"client", line->arguments[2]},
					     {"bytes", line->arguments[3]}};
	char size[SIZE_TEXT], ends[32];
	int code;
	json_t *answer = ask(line, "POST", "/quotas/grant", parameters, 3, &code);
	if (answer)
		(void)printf("%s may move %s more of %s until %s.\n", line->arguments[2],
			     size_text(number_of(answer, "granted"), size), line->arguments[1],
			     time_text(number_of(answer, "ends"), ends));
	json_decref(answer);
	return code;
}

static int run(const struct command_line *line)
{
	const char *verb = line->arguments_n ? line->arguments[0] : "show";
	if (strcmp(verb, "show") == 0 && line->arguments_n <= 2)
		return show(line, line->arguments_n > 1 ? line->arguments[1] : NULL);
	if (strcmp(verb, "reset") == 0 && line->arguments_n == 3)
		return reset(line);
	if (strcmp(verb, "grant") == 0 && line->arguments_n == 4)
		return grant(line);
	return command_misused(NULL, "write `show [QUOTA]`, `reset QUOTA CLIENT` or "
				     "`grant QUOTA CLIENT SIZE`");
}

static const struct command_option options[] = {
	{"limit", 'n', "N", "with show: those that have used most, so many of them (100)"},
	REMOTE_OPTIONS,
};

const struct command proxy_quotas_verb = {
	.name = "quotas",
	.within = "proxy",
	.arguments = "[show [QUOTA] | reset QUOTA CLIENT | grant QUOTA CLIENT SIZE]",
	.summary = "What clients of the forward proxy have used of their quotas; change it",
	.arguments_max = 4,
	.options = options,
	.options_n = sizeof(options) / sizeof(options[0]),
	.run = run,
};
