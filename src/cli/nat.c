/* gatehouse nat explain|forwards|detach: what the translator would do, where its ports lead, and
 * its end. */
#include "cli/commands.h"

#include "cli/print.h"
#include "cli/remote.h"
#include "os/sysctl.h"

#include <string.h>

enum { TARGET_SIZE = 1024 };

static const char service[] = "nat";

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));
	return text ? text : "";
}

/* --- explain ---------------------------------------------------------------------------------- */

/* Letters that need no escape in a target; all that addresses, names and traffic are written with.
 */
static bool is_plain(const char *text)
{
	return strspn(text,
		      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:/") ==
	       strlen(text);
}

static int print_steps(const struct command_line *line, const json_t *answer)
{
	const char *verdict = text_of(answer, "verdict");
	bool good = strcmp(verdict, "sent") == 0 || strcmp(verdict, "passed") == 0;
	const json_t *step;
	size_t i;
	json_array_foreach(json_object_get(answer, "steps"), i, step)
	{
		const char *kind = text_of(step, "kind");
		bool rule = strcmp(kind, "rule") == 0;
		bool last = strcmp(kind, "verdict") == 0;
		bool quiet = rule && !json_is_true(json_object_get(step, "matched"));
		enum print_style style = quiet		? PRINT_DIM
					 : last && good ? PRINT_GREEN
					 : last		? PRINT_RED
					 : rule		? PRINT_BOLD
							: PRINT_PLAIN;
		char where[32] = "";
		if (json_object_get(step, "line"))
			(void)snprintf(where, sizeof(where), " line %lld",
				       json_integer_value(json_object_get(step, "line")));
		else if (rule)
			(void)snprintf(where, sizeof(where), " default");
		(void)printf("%s%-11s%-9s %s%s\n", print_style_on(line->colour, style), kind, where,
			     text_of(step, "text"), print_style_off(line->colour, style));
	}
	return EXIT_OK;
}

static int explain_run(const struct command_line *line)
{
	static const char *const words[] = {"traffic", "sport", "zone"};
	char target[TARGET_SIZE];
	int code, n;
	for (int i = 0; i < line->arguments_n; i++)
		if (!is_plain(line->arguments[i]))
			return command_misused(NULL, "'%s' is neither an address nor a name",
					       line->arguments[i]);
	n = snprintf(target, sizeof(target), "/explain?src=%s&dst=%s", line->arguments[0],
		     line->arguments[1]);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		const char *value = command_line_value(line, words[i]);
		if (value && !is_plain(value))
			return command_misused(NULL, "'%s' cannot be --%s", value, words[i]);
		if (value && n > 0 && (size_t)n < sizeof(target))
			n += snprintf(target + n, sizeof(target) - (size_t)n, "&%s=%s", words[i],
				      value);
	}
	if (n < 0 || (size_t)n >= sizeof(target))
		return command_misused(NULL, "that is too long");
	json_t *answer = remote_ask_or_print(line, service, "GET", target, &code);
	if (answer)
		code = print_steps(line, answer);
	json_decref(answer);
	return code;
}

static const struct command_option explain_options[] = {
	{"traffic", 't', "TRAFFIC", "443/tcp (the default), 53/udp, ping, icmp/3, esp…"},
	{"sport", 0, "PORT", "the sender's port"},
	{"zone", 'z', "ZONE", "where the packet comes in; where its source belongs, unless given"},
	REMOTE_OPTIONS,
};

const struct command nat_explain_verb = {
	.name = "explain",
	.within = "nat",
	.arguments = "SRC DST",
	.summary = "Say what would happen to a new flow, rule by rule",
	.arguments_min = 2,
	.arguments_max = 2,
	.options = explain_options,
	.options_n = sizeof(explain_options) / sizeof(explain_options[0]),
	.run = explain_run,
};

/* --- forwards --------------------------------------------------------------------------------- */

static void print_forward(struct print_table *t, const json_t *f)
{
	const json_t *host = json_object_get(f, "host");
	const char *address = text_of(f, "address");
	print_cell(t, PRINT_PLAIN, "%s%s%s", address, *address ? " " : "", text_of(f, "from"));
	print_cell(t, PRINT_PLAIN, "%s", text_of(f, "to"));
	if (json_is_string(host))
		print_cell(t, PRINT_GREEN, "%s:%lld", json_string_value(host),
			   json_integer_value(json_object_get(f, "port")));
	else
		print_cell(t, PRINT_RED, "nowhere now");
	print_cell(t, PRINT_PLAIN, "%s",
		   json_is_true(json_object_get(f, "limited")) ? "some" : "all");
	print_cell(t, PRINT_PLAIN, "%lld", json_integer_value(json_object_get(f, "flows")));
	print_cell(t, PRINT_DIM, "%lld", json_integer_value(json_object_get(f, "line")));
}

static int forwards_run(const struct command_line *line)
{
	static const char *const heads[] = {"PORTS", "TO", "NOW", "FOR", "FLOWS", "LINE"};
	struct print_table table;
	const json_t *f;
	size_t i;
	int code;
	json_t *answer = remote_ask_or_print(line, service, "GET", "/forwards", &code);
	if (!answer)
		return code;
	print_table_init(&table, stdout, line->colour, sizeof(heads) / sizeof(heads[0]), heads);
	json_array_foreach(json_object_get(answer, "forwards"), i, f) print_forward(&table, f);
	print_table_end(&table);
	json_decref(answer);
	return EXIT_OK;
}

static const struct command_option options[] = {REMOTE_OPTIONS};

const struct command nat_forwards_verb = {
	.name = "forwards",
	.within = "nat",
	.arguments = "",
	.summary = "List the forwarded ports and the hosts that they lead to now",
	.options = options,
	.options_n = sizeof(options) / sizeof(options[0]),
	.run = forwards_run,
};

/* --- detach ----------------------------------------------------------------------------------- */

/* The kernel's forwarding goes off first: the service has given up the right to do that, and does
 * not take its guard off while private sources could leave. */
static int detach_run(const struct command_line *line)
{
	int code;
	enum err e = sysctl_forwarding_write(4, 0);
	if (e)
		return command_fail("Only root may, in the network namespace of the service.",
				    "net.ipv4.ip_forward cannot be turned off: %s", err_text(e));
	json_t *answer = remote_ask_or_print(line, service, "POST", "/detach", &code);
	if (answer)
		(void)printf("Taken off. IPv4 is not forwarded any more; a restart of the service "
			     "begins anew.\n");
	json_decref(answer);
	return code;
}

const struct command nat_detach_verb = {
	.name = "detach",
	.within = "nat",
	.arguments = "",
	.summary = "Stop forwarding and take all programs off all devices; flows end",
	.options = options,
	.options_n = sizeof(options) / sizeof(options[0]),
	.run = detach_run,
};
