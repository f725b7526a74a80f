/* gatehouse zone check FILE: reads a zone file as the authority would and says all that is wrong
 * with it. */
#include "cli/commands.h"

#include "cli/print.h"
#include "service/authority/service.h"

#include <inttypes.h>
#include <jansson.h>

struct told {
	const struct command_line *line;
	json_t *findings; /* with --json */
};

static void finding_print(void *arg, const struct authority_finding *f)
{
	struct told *t = arg;
	const char *word = f->error ? "error" : "warning";
	if (t->findings) {
		json_array_append_new(t->findings,
				      json_pack("{s:s,s:s?,s:i,s:i,s:s}", "severity", word, "file",
						f->file, "line", (int)f->line, "column",
						(int)f->column, "text", f->text));
		return;
	}
	if (f->file && f->line)
		(void)fprintf(stderr, "%s:%" PRIu32 ":%" PRIu32 ": ", f->file, f->line, f->column);
	else
		(void)fprintf(stderr, "%s: ", f->file ? f->file : t->line->arguments[0]);
	(void)fprintf(stderr, "%s: %s\n", word, f->text);
}

static void summary_print(const struct told *t, const struct authority_zone_summary *s, bool good)
{
	if (t->findings) {
		json_t *object =
			json_pack("{s:b,s:s,s:I,s:I,s:I,s:I,s:s,s:s,s:I,s:I,s:I,s:o}", "ok", good,
				  "origin", s->origin, "serial", (json_int_t)s->serial, "records",
				  (json_int_t)s->records, "rrsets", (json_int_t)s->rrsets, "names",
				  (json_int_t)s->names, "denial", s->denial ? s->denial : "none",
				  "digest", s->digest ? s->digest : "none", "errors",
				  (json_int_t)s->errors, "warnings", (json_int_t)s->warnings,
				  "bytes", (json_int_t)s->bytes, "findings", t->findings);
		(void)json_dumpf(object, stdout, JSON_INDENT(2));
		(void)fputc('\n', stdout);
		json_decref(object);
		return;
	}
	if (good)
		(void)printf("%s: serial %" PRIu32 ", %" PRIu64 " records in %" PRIu32
			     " sets at %" PRIu32 " names, denial %s, digest %s, %" PRIu32
			     " warnings\n",
			     s->origin, s->serial, s->records, s->rrsets, s->names,
			     s->denial ? s->denial : "none", s->digest ? s->digest : "none",
			     s->warnings);
}

static int check_run(const struct command_line *line)
{
	struct told told = {.line = line, .findings = line->json ? json_array() : NULL};
	struct authority_zone_summary summary = {.records = 0};
	const char *path = line->arguments[0];
	enum err e = authority_zone_check(path, command_line_value(line, "origin"),
					  command_line_value(line, "lenient") != NULL,
					  finding_print, &told, &summary);
	if (e && e != ERR_CONFIG) {
		json_decref(told.findings);
		return command_fail(NULL, "%s: %s", path, err_text(e));
	}
	summary_print(&told, &summary, e == OK);
	return e ? EXIT_FAILED : EXIT_OK;
}

static const struct command_option check_options[] = {
	{"origin", 'o', "NAME", "the zone's name (else as the file says itself)"},
	{"lenient", 0, NULL, "host names, out-of-zone data and missing glue are warnings"},
};

static const struct command zone_check_verb = {
	.name = "check",
	.within = "zone",
	.arguments = "FILE",
	.summary = "Judge a zone file; exit with 0 when it can be served, else 1",
	.arguments_min = 1,
	.arguments_max = 1,
	.options = check_options,
	.options_n = sizeof(check_options) / sizeof(check_options[0]),
	.run = check_run,
};

static const struct command *const zone_verbs[] = {&zone_check_verb, NULL};

const struct command command_zone = {
	.name = "zone",
	.arguments = "",
	.summary = "Judge zone files",
	.verbs = zone_verbs,
};
