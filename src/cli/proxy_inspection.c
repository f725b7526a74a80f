/* gatehouse proxy inspection|authority: whose TLS the forward proxy inspects, how that goes, and
 * the authority by which it does. */
#include "cli/commands.h"

#include "cli/print.h"
#include "cli/remote.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

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

/* --- inspection --- */

static const struct {
	const char *key, *names, *what;
} kinds[] = {
	{"refused", "refused_names", "refused by the client"},
	{"gone", "gone_names", "client was gone"},
	{"left", "left_names", "left alone"},
	{"bad", "bad_names", "server is not good"},
};
enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };

static void print_names(const json_t *answer, bool colour)
{
	static const char *const heads[] = {"NAME", "WHAT", "TIMES"};
	struct print_table table;
	const json_t *row;
	size_t i;
	print_table_init(&table, stdout, colour, sizeof(heads) / sizeof(heads[0]), heads);
	for (size_t k = 0; k < KINDS; k++)
		json_array_foreach(json_object_get(answer, kinds[k].names), i, row)
		{
			print_cell(&table, PRINT_BOLD, "%s", text_of(row, "name"));
			print_cell(&table, k == 2 ? PRINT_PLAIN : PRINT_YELLOW, "%s",
				   kinds[k].what);
			print_cell(&table, PRINT_PLAIN, "%lld", number_of(row, "times"));
		}
	print_table_end(&table);
}

static int inspection_run(const struct command_line *line)
{
	int code;
	json_t *answer = remote_ask_or_print(line, service, "GET", "/inspection", &code);
	if (!answer)
		return code;
	(void)printf("Tunnels inspected: %lld; skipped: %lld; left alone: %lld; refused by their "
		     "client: %lld; client was gone: %lld; to servers that are not good: %lld.\n",
		     number_of(answer, "inspected"), number_of(answer, "skipped"),
		     number_of(answer, "left"), number_of(answer, "refused"),
		     number_of(answer, "gone"), number_of(answer, "bad"));
	print_names(answer, line->colour);
	json_decref(answer);
	return EXIT_OK;
}

static const struct command_option options[] = {REMOTE_OPTIONS};

const struct command proxy_inspection_verb = {
	.name = "inspection",
	.within = "proxy",
	.arguments = "",
	.summary = "Show how TLS inspection goes, and the names that do not bear it",
	.options = options,
	.options_n = sizeof(options) / sizeof(options[0]),
	.run = inspection_run,
};

/* --- authority --- */

static void print_authority(const json_t *a)
{
	char date[32] = "";
	time_t until = (time_t)number_of(a, "until");
	struct tm tm;
	if (gmtime_r(&until, &tm))
		(void)strftime(date, sizeof(date), "%Y-%m-%d", &tm);
	(void)printf("Fingerprint (SHA-256): %s\nValid until: %s\n\n%s", text_of(a, "fingerprint"),
		     date, text_of(a, "pem"));
}

static int authority_run(const struct command_line *line)
{
	const char *verb = line->arguments_n ? line->arguments[0] : "show";
	bool rotate = strcmp(verb, "rotate") == 0;
	int code;
	if (!rotate && strcmp(verb, "show") != 0)
		return command_misused(NULL, "'%s' is neither show nor rotate", verb);
	json_t *answer = remote_ask_or_print(line, service, rotate ? "POST" : "GET",
					     rotate ? "/authority/rotate" : "/authority", &code);
	if (!answer)
		return code;
	print_authority(answer);
	if (rotate)
		(void)fputs(
			"Clients need this certificate now; what they have of the one before is "
			"of no use.\n",
			stderr);
	json_decref(answer);
	return EXIT_OK;
}

const struct command proxy_authority_verb = {
	.name = "authority",
	.within = "proxy",
	.arguments = "[show|rotate]",
	.summary = "Print the certificate by which the forward proxy inspects TLS, or make another",
	.arguments_max = 1,
	.options = options,
	.options_n = sizeof(options) / sizeof(options[0]),
	.run = authority_run,
};
