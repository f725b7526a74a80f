/* gatehouse proxy routes|backends|drain|undrain: which requests go where, who answers them, and
 * whom to leave out. */
#include "cli/commands.h"

#include "base/writer.h"
#include "cli/print.h"
#include "cli/proxy.h"
#include "cli/remote.h"

#include <string.h>

enum { TARGET_SIZE = 1024, CELL_SIZE = 256 };

const char proxy_service[] = "reverse-proxy";

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));
	return text ? text : "";
}

static long long number_of(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

/* --- routes --- */

/* "a, b", or what stands for none. */
static const char *joined(const json_t *list, const char *none, char buf[CELL_SIZE])
{
	struct writer w = writer_of(buf, CELL_SIZE - 1);
	const json_t *item;
	size_t i;
	json_array_foreach(list, i, item)
	{
		write_text(&w, i ? ", " : "");
		write_text(&w, json_string_value(item));
	}
	if (w.pos == 0)
		write_text(&w, none);
	buf[w.pos] = '\0';
	return buf;
}

static int routes_run(const struct command_line *line)
{
	static const char *const heads[] = {"HOST", "PATH", "METHOD", "TO", "LINE"};
	struct print_table table;
	char cell[CELL_SIZE];
	const json_t *r;
	size_t i;
	int code;
	json_t *answer = remote_ask_or_print(line, proxy_service, "GET", "/routes", &code);
	if (!answer)
		return code;
	print_table_init(&table, stdout, line->colour, sizeof(heads) / sizeof(heads[0]), heads);
	json_array_foreach(json_object_get(answer, "routes"), i, r)
	{
		print_cell(&table, PRINT_BOLD, "%s",
			   joined(json_object_get(r, "hosts"), "any", cell));
		print_cell(&table, PRINT_PLAIN, "%s",
			   joined(json_object_get(r, "paths"), "/", cell));
		print_cell(&table, PRINT_PLAIN, "%s",
			   joined(json_object_get(r, "methods"), "any", cell));
		const char *pool = text_of(r, "pool");
		print_cell(&table, *pool ? PRINT_GREEN : PRINT_CYAN, "%s",
			   *pool ? pool : text_of(r, "action"));
		print_cell(&table, PRINT_DIM, "%lld", number_of(r, "line"));
	}
	print_table_end(&table);
	json_decref(answer);
	return EXIT_OK;
}

static const struct command_option options[] = {REMOTE_OPTIONS};

const struct command proxy_routes_verb = {
	.name = "routes",
	.within = "proxy",
	.arguments = "",
	.summary = "List the routes in force, and where they lead",
	.options = options,
	.options_n = sizeof(options) / sizeof(options[0]),
	.run = routes_run,
};

/* --- backends --- */

static void print_time(struct print_table *t, const json_t *b, const char *key)
{
	char text[32];
	long long us = number_of(b, key);
	print_cell(t, us ? PRINT_PLAIN : PRINT_DIM, "%s",
		   us ? print_duration_us((uint64_t)us, text, sizeof(text)) : "-");
}

long long proxy_failures(const json_t *b)
{
	return number_of(b, "connect_errors") + number_of(b, "resets") + number_of(b, "timeouts") +
	       json_integer_value(json_array_get(json_object_get(b, "answers"), 5));
}

static void print_backend(struct print_table *t, const char *pool, const json_t *b)
{
	const char *state = text_of(b, "state");
	long long failures = proxy_failures(b);
	bool up = strcmp(state, "up") == 0;
	print_cell(t, PRINT_BOLD, "%s", pool);
	print_cell(t, PRINT_PLAIN, "%s", text_of(b, "address"));
	print_cell(t, up ? PRINT_GREEN : PRINT_RED, "%s", state);
	print_cell(t, PRINT_PLAIN, "%lld", number_of(b, "in_flight"));
	print_cell(t, PRINT_PLAIN, "%lld", number_of(b, "requests"));
	print_cell(t, failures ? PRINT_YELLOW : PRINT_DIM, "%lld", failures);
	print_time(t, b, "p50_us");
	print_time(t, b, "p90_us");
	print_time(t, b, "p99_us");
}

void proxy_backends_print(const json_t *answer, bool colour)
{
	static const char *const heads[] = {"POOL",   "SERVER", "STATE", "RUNNING", "REQUESTS",
					    "FAILED", "P50",	"P90",	 "P99"};
	struct print_table table;
	const json_t *pool, *b;
	size_t i, k;
	print_table_init(&table, stdout, colour, sizeof(heads) / sizeof(heads[0]), heads);
	json_array_foreach(json_object_get(answer, "pools"), i, pool)
	{
		json_array_foreach(json_object_get(pool, "backends"), k, b)
			print_backend(&table, text_of(pool, "pool"), b);
	}
	print_table_end(&table);
}

static bool is_plain(const char *text)
{
	return strspn(text,
		      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:[]") ==
	       strlen(text);
}

static int backends_run(const struct command_line *line)
{
	char target[TARGET_SIZE];
	int code, n;
	const char *pool = line->arguments_n ? line->arguments[0] : NULL;
	if (pool && !is_plain(pool))
		return command_misused(NULL, "'%s' cannot be a pool's name", pool);
	n = snprintf(target, sizeof(target), "/backends%s%s", pool ? "?pool=" : "",
		     pool ? pool : "");
	if (n < 0 || (size_t)n >= sizeof(target))
		return command_misused(NULL, "that is too long");
	json_t *answer = remote_ask_or_print(line, proxy_service, "GET", target, &code);
	if (answer)
		proxy_backends_print(answer, line->colour);
	json_decref(answer);
	return code;
}

const struct command proxy_backends_verb = {
	.name = "backends",
	.within = "proxy",
	.arguments = "[POOL]",
	.summary = "List the servers of the pools: state, requests, failures, latency",
	.arguments_max = 1,
	.options = options,
	.options_n = sizeof(options) / sizeof(options[0]),
	.run = backends_run,
};

/* --- drain, undrain --- */

static int set_drained(const struct command_line *line, const char *verb)
{
	char target[TARGET_SIZE];
	int code, n;
	const char *pool = command_line_value(line, "pool");
	if (!is_plain(line->arguments[0]) || (pool && !is_plain(pool)))
		return command_misused(NULL, "'%s' is neither an address with a port nor a name",
				       line->arguments[0]);
	n = snprintf(target, sizeof(target), "/%s?server=%s%s%s", verb, line->arguments[0],
		     pool ? "&pool=" : "", pool ? pool : "");
	if (n < 0 || (size_t)n >= sizeof(target))
		return command_misused(NULL, "that is too long");
	json_t *answer = remote_ask_or_print(line, proxy_service, "POST", target, &code);
	if (answer)
		(void)printf(
			"%s is %sed in %lld place%s.\n", line->arguments[0], verb,
			number_of(answer, strcmp(verb, "drain") == 0 ? "drained" : "undrained"),
			number_of(answer, "drained") == 1 || number_of(answer, "undrained") == 1
				? ""
				: "s");
	json_decref(answer);
	return code;
}

static int drain_run(const struct command_line *line)
{
	return set_drained(line, "drain");
}

static int undrain_run(const struct command_line *line)
{
	return set_drained(line, "undrain");
}

static const struct command_option drain_options[] = {
	{"pool", 'p', "POOL", "in this pool only"},
	REMOTE_OPTIONS,
};

const struct command proxy_drain_verb = {
	.name = "drain",
	.within = "proxy",
	.arguments = "SERVER",
	.summary = "Send nothing new to a server; what runs there ends in peace",
	.arguments_min = 1,
	.arguments_max = 1,
	.options = drain_options,
	.options_n = sizeof(drain_options) / sizeof(drain_options[0]),
	.run = drain_run,
};

const struct command proxy_undrain_verb = {
	.name = "undrain",
	.within = "proxy",
	.arguments = "SERVER",
	.summary = "Send requests to a drained server again",
	.arguments_min = 1,
	.arguments_max = 1,
	.options = drain_options,
	.options_n = sizeof(drain_options) / sizeof(drain_options[0]),
	.run = undrain_run,
};

static const struct command *const verbs[] = {
	&proxy_routes_verb,    &proxy_backends_verb, &proxy_drain_verb,	    &proxy_undrain_verb,
	&proxy_certs_verb,     &proxy_renew_verb,    &proxy_cache_verb,	    &proxy_top_verb,
	&proxy_hosts_verb,     &proxy_why_verb,	     &proxy_clients_verb,   &proxy_inspection_verb,
	&proxy_upstreams_verb, &proxy_quotas_verb,   &proxy_authority_verb, NULL};

const struct command command_proxy = {
	.name = "proxy",
	.arguments = "",
	.summary = "Show and steer the proxies: routes, servers, certificates; who goes where",
	.verbs = verbs,
};
