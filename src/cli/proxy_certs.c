/* gatehouse proxy certs|renew: the certificates that clients are shown, and the order of one at
 * once. */
#include "cli/commands.h"

#include "base/writer.h"
#include "cli/print.h"
#include "cli/proxy.h"
#include "cli/remote.h"

#include <string.h>
#include <time.h>

enum { CELL_SIZE = 256, TARGET_SIZE = 512 };

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));
	return text ? text : "";
}

static long long number_of(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

/* "2026-11-29 12:00", in UTC; "-": there is no such time. */
static const char *time_text(long long s, char buf[32])
{
	time_t at = (time_t)s;
	struct tm tm;
	if (s <= 0 || !gmtime_r(&at, &tm) || strftime(buf, 32, "%Y-%m-%d %H:%M", &tm) == 0)
		return "-";
	return buf;
}

/* "www.home.arpa" or "www.home.arpa +2". */
static const char *names_text(const json_t *c, char buf[CELL_SIZE])
{
	const json_t *names = json_object_get(c, "names");
	struct writer w = writer_of(buf, CELL_SIZE - 1);
	const char *first = json_string_value(json_array_get(names, 0));
	write_format(&w, "%.200s", first ? first : "-");
	if (json_array_size(names) > 1)
		write_format(&w, " +%zu", json_array_size(names) - 1);
	buf[w.pos] = '\0';
	return buf;
}

/* What the issuer's line says first of all: its common name, if it has one. */
static const char *issuer_text(const json_t *c, char buf[CELL_SIZE])
{
	const char *line = text_of(c, "issuer"), *cn = strstr(line, "CN=");
	struct writer w = writer_of(buf, CELL_SIZE - 1);
	if (cn)
		line = cn + strlen("CN=");
	write_format(&w, "%.*s", (int)(cn ? strcspn(line, ",") : strlen(line)), *line ? line : "-");
	if (w.pos == 0 || !*line)
		return "-";
	buf[w.pos] = '\0';
	return buf;
}

static enum print_style style_of(const char *state)
{
	return strcmp(state, "good") == 0	 ? PRINT_GREEN
	       : strcmp(state, "ends soon") == 0 ? PRINT_YELLOW
						 : PRINT_RED;
}

static void print_one(struct print_table *t, const json_t *c)
{
	char cell[CELL_SIZE], when[32];
	const char *state = text_of(c, "state"), *authority = text_of(c, "authority");
	const char *key = text_of(c, "key");
	print_cell(t, PRINT_BOLD, "%s", names_text(c, cell));
	print_cell(t, style_of(state), "%s", *text_of(c, "order") ? "ordered" : state);
	print_cell(t, PRINT_PLAIN, "%s", issuer_text(c, cell));
	print_cell(t, PRINT_PLAIN, "%s", *key ? key : "-");
	print_cell(t, PRINT_DIM, "%s", time_text(number_of(c, "from"), when));
	print_cell(t, PRINT_PLAIN, "%s", time_text(number_of(c, "until"), when));
	print_cell(t, PRINT_PLAIN, "%s", time_text(number_of(c, "renewal"), when));
	print_cell(t, *authority ? PRINT_CYAN : PRINT_DIM, "%s",
		   *authority ? authority : text_of(c, "file"));
}

/* Below the table: they are too long for it. */
static void print_errors(const json_t *list, bool colour)
{
	char cell[CELL_SIZE], when[32];
	const json_t *c;
	size_t i;
	json_array_foreach(list, i, c)
	{
		if (!*text_of(c, "error"))
			continue;
		(void)printf("%s%s: %s%s (%lld in a row; again at %s)\n",
			     print_style_on(colour, PRINT_RED), names_text(c, cell),
			     text_of(c, "error"), print_style_off(colour, PRINT_RED),
			     number_of(c, "failures"), time_text(number_of(c, "retry"), when));
	}
}

static int certs_run(const struct command_line *line)
{
	static const char *const heads[] = {"NAME", "STATE", "ISSUER",	"KEY",
					    "FROM", "UNTIL", "RENEWAL", "SOURCE"};
	struct print_table table;
	const json_t *list, *c;
	size_t i;
	int code;
	json_t *answer = remote_ask_or_print(line, proxy_service, "GET", "/certificates", &code);
	if (!answer)
		return code;
	list = json_object_get(answer, "certificates");
	print_table_init(&table, stdout, line->colour, sizeof(heads) / sizeof(heads[0]), heads);
	json_array_foreach(list, i, c) print_one(&table, c);
	print_table_end(&table);
	print_errors(list, line->colour);
	json_decref(answer);
	return EXIT_OK;
}

static const struct command_option options[] = {REMOTE_OPTIONS};

const struct command proxy_certs_verb = {
	.name = "certs",
	.within = "proxy",
	.arguments = "",
	.summary = "List the certificates: issuer, time, key, next renewal, last error",
	.options = options,
	.options_n = sizeof(options) / sizeof(options[0]),
	.run = certs_run,
};

/* --- renew --- */

static int renew_run(const struct command_line *line)
{
	char target[TARGET_SIZE];
	const char *name = line->arguments[0];
	int code, n;
	if (strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.*") !=
	    strlen(name))
		return command_misused(NULL, "'%s' is no name", name);
	n = snprintf(target, sizeof(target), "/renew?name=%s", name);
	if (n < 0 || (size_t)n >= sizeof(target))
		return command_misused(NULL, "that is too long");
	json_t *answer = remote_ask_or_print(line, proxy_service, "POST", target, &code);
	if (answer)
		(void)printf("The certificate for %s is being ordered; `gatehouse proxy certs` "
			     "tells how it goes.\n",
			     name);
	json_decref(answer);
	return code;
}

const struct command proxy_renew_verb = {
	.name = "renew",
	.within = "proxy",
	.arguments = "NAME",
	.summary = "Order the certificate for a name now, whatever its schedule says",
	.arguments_min = 1,
	.arguments_max = 1,
	.options = options,
	.options_n = sizeof(options) / sizeof(options[0]),
	.run = renew_run,
};
