/* gatehouse status [SERVICE]: what runs and how it does. gatehouse events [SERVICE]: what happens,
 * as it happens. */
#include "cli/commands.h"

#include "base/nearest.h"
#include "cli/print.h"
#include "cli/remote.h"
#include "cli/services.h"

#include <stdlib.h>
#include <string.h>

enum { PATH_SIZE = 512, PATH_MORE = 64 };

static const struct command_option remote_options[] = {REMOTE_OPTIONS};

static void members_print(json_t *object, const char *prefix);

/* Each of a list of objects, by its number. */
static void items_print(json_t *list, const char *prefix)
{
	size_t i;
	json_t *item;
	json_array_foreach(list, i, item)
	{
		char name[288];
		(void)snprintf(name, sizeof(name), "%.255s.%zu", prefix, i);
		members_print(item, name);
	}
}

static void members_print(json_t *object, const char *prefix)
{
	const char *key;
	json_t *value;
	json_object_foreach(object, key, value)
	{
		char name[256];
		(void)snprintf(name, sizeof(name), "%s%s%s", prefix, prefix[0] ? "." : "", key);
		if (json_is_object(value)) {
			members_print(value, name);
			continue;
		}
		if (json_is_object(json_array_get(value, 0))) {
			items_print(value, name);
			continue;
		}
		char *text = json_is_string(value)
				     ? NULL
				     : json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
		(void)printf("  %-28s %s\n", name, text ? text : json_string_value(value));
		free(text);
	}
}

static int service_unknown(const char *word)
{
	struct nearest best = nearest_to(word);
	for (const struct service *const *s = service_table; *s; s++)
		nearest_offer(&best, (*s)->name);
	if (best.word)
		return command_misused(NULL, "there is no service '%s'; did you mean '%s'?", word,
				       best.word);
	return command_misused("Run 'gatehouse version --json' for the list.",
			       "there is no service '%s'", word);
}

/* One service in full. */
static int status_one(const struct command_line *line, const char *service)
{
	char path[PATH_SIZE];
	json_t *answer = NULL;
	int status;
	if (!service_find(service))
		return service_unknown(service);
	enum err e = remote_path(line, service, path, sizeof(path));
	if (!e)
		e = remote_call(path, "GET", "/status", &status, &answer);
	if (e)
		return remote_fail(path, e);
	if (status != 200) {
		int code = remote_refused(status, answer);
		json_decref(answer);
		return code;
	}
	if (line->json) {
		(void)json_dumpf(answer, stdout, JSON_INDENT(2));
		(void)fputc('\n', stdout);
	} else {
		(void)printf("%s%s%s\n", print_style_on(line->colour, PRINT_BOLD), service,
			     print_style_off(line->colour, PRINT_BOLD));
		members_print(answer, "");
	}
	json_decref(answer);
	return EXIT_OK;
}

static void row_print(struct print_table *t, const char *service, const json_t *answer, enum err e)
{
	char up[64] = "";
	if (answer) {
		json_int_t s = json_integer_value(json_object_get(answer, "uptime_s"));
		if (s < 10) /* known in whole seconds only */
			(void)snprintf(up, sizeof(up), "%d s", (int)s);
		else
			(void)print_duration_us((uint64_t)s * 1000000, up, sizeof(up));
	}
	print_cell(t, PRINT_BOLD, "%s", service);
	print_cell(t, answer ? PRINT_GREEN : PRINT_RED, "%s", answer ? "running" : "not running");
	if (answer)
		print_cell(t, PRINT_PLAIN, "%d",
			   (int)json_integer_value(json_object_get(answer, "pid")));
	else
		print_cell(t, PRINT_PLAIN, "-");
	print_cell(t, PRINT_PLAIN, "%s", answer ? up : "-");
	print_cell(t, PRINT_DIM, "%s", answer ? "" : err_text(e));
}

/* All services, a line each; 1 when none runs. */
static int status_all(const struct command_line *line)
{
	static const char *const heads[] = {"SERVICE", "STATE", "PID", "UP", ""};
	struct print_table table;
	char run[PATH_SIZE];
	enum err found = remote_folder(line, run, sizeof(run));
	if (found)
		return remote_fail(run, found);
	json_t *all = json_object();
	int running = 0;
	print_table_init(&table, stdout, line->colour, 5, heads);
	for (const struct service *const *s = service_table; *s; s++) {
		char path[PATH_SIZE + PATH_MORE];
		json_t *answer = NULL;
		int status = 0;
		(void)snprintf(path, sizeof(path), "%s/%s.sock", run, (*s)->name);
		enum err e = remote_call(path, "GET", "/status", &status, &answer);
		if (status != 200) {
			json_decref(answer);
			answer = NULL;
		}
		running += answer != NULL;
		row_print(&table, (*s)->name, answer, e);
		json_object_set_new(all, (*s)->name, answer ? answer : json_null());
	}
	if (line->json) {
		table.to = NULL;
		table.failed = true; /* frees, prints nothing */
		(void)json_dumpf(all, stdout, JSON_INDENT(2));
		(void)fputc('\n', stdout);
	}
	print_table_end(&table);
	json_decref(all);
	return running ? EXIT_OK : EXIT_FAILED;
}

static int status_run(const struct command_line *line)
{
	if (line->arguments_n)
		return status_one(line, line->arguments[0]);
	if (command_line_value(line, "control"))
		return command_misused("Name the service that listens there.",
				       "--control is one service's socket");
	return status_all(line);
}

const struct command command_status = {
	.name = "status",
	.arguments = "[SERVICE]",
	.summary = "Show which services run and how they do",
	.arguments_max = 1,
	.options = remote_options,
	.options_n = sizeof(remote_options) / sizeof(remote_options[0]),
	.run = status_run,
};

/* --- events --- */

static bool event_print(void *arg, json_t *event)
{
	const struct command_line *line = *(const struct command_line **)arg;
	const char *key;
	json_t *value;
	if (line->json) {
		(void)json_dumpf(event, stdout, JSON_COMPACT);
		return fputc('\n', stdout) != EOF && fflush(stdout) == 0;
	}
	(void)printf("%s%s%s %s%s%s", print_style_on(line->colour, PRINT_DIM),
		     json_string_value(json_object_get(event, "time")),
		     print_style_off(line->colour, PRINT_DIM),
		     print_style_on(line->colour, PRINT_BOLD),
		     json_string_value(json_object_get(event, "event")),
		     print_style_off(line->colour, PRINT_BOLD));
	json_object_foreach(event, key, value)
	{
		if (strcmp(key, "time") == 0 || strcmp(key, "event") == 0 ||
		    strcmp(key, "service") == 0)
			continue;
		char *text = json_is_string(value)
				     ? NULL
				     : json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
		(void)printf(" %s=%s", key, text ? text : json_string_value(value));
		free(text);
	}
	return fputc('\n', stdout) != EOF && fflush(stdout) == 0;
}

static int events_run(const struct command_line *line)
{
	const char *service = line->arguments[0];
	const char *last = command_line_value(line, "last");
	char path[PATH_SIZE], target[64];
	json_t *error = NULL;
	int status = 0;
	if (!service_find(service))
		return service_unknown(service);
	(void)snprintf(target, sizeof(target), "/events?last=%.16s", last ? last : "0");
	enum err e = remote_path(line, service, path, sizeof(path));
	if (!e)
		e = remote_stream(path, "GET", target, event_print, &line, &status, &error);
	if (e == ERR_CLOSED)
		return EXIT_OK; /* the service has ended */
	if (e)
		return remote_fail(path, e);
	int code = status == 200 ? EXIT_OK : remote_refused(status, error);
	json_decref(error);
	return code;
}

static const struct command_option events_options[] = {
	REMOTE_OPTIONS, {"last", 'n', "N", "begin with the last N events (256 are kept)"}};

const struct command command_events = {
	.name = "events",
	.arguments = "SERVICE",
	.summary = "Show what a service does, as it happens",
	.arguments_min = 1,
	.arguments_max = 1,
	.options = events_options,
	.options_n = sizeof(events_options) / sizeof(events_options[0]),
	.run = events_run,
};
