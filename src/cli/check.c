/* gatehouse check FILE: 0 when it is right, with warnings of what it asks for in vain; every error
 * at once when it is not. */
#include "cli/commands.h"

#include "base/writer.h"
#include "cli/load.h"
#include "cli/services.h"
#include "config/config.h"
#include "config/report.h"

#include <stdlib.h>

static int report_json(const struct config_report *report)
{
	uint8_t *text = malloc(CONFIG_REPORT_JSON_MAX);
	if (!text)
		return command_fail(NULL, "out of memory");
	struct writer w = writer_of(text, CONFIG_REPORT_JSON_MAX);
	config_report_json(report, &w);
	(void)fwrite(text, 1, w.pos, stdout);
	free(text);
	return report->n ? EXIT_USAGE : EXIT_OK;
}

static void warn(void *arg, uint32_t line, const char *text)
{
	const char *path = *(const char *const *)arg;
	if (line)
		(void)fprintf(stderr, "%s:%u: warning: %s\n", path, line, text);
	else
		(void)fprintf(stderr, "%s: warning: %s\n", path, text);
}

/* Whom a service of the configuration obeys. */
static const char *obeyed_by(const struct config *config, const struct service *s)
{
	const void *section = config_section(config, s->name);
	return section && s->obeys ? s->obeys(section) : NULL;
}

/* Who obeys nobody that there is, and what nobody obeys. */
static void warn_of_obedience(const struct config *config, const char *path)
{
	char text[256];
	bool obeyed = false;
	for (const struct service *const *s = service_table; *s; s++) {
		const char *whom = obeyed_by(config, *s);
		obeyed = obeyed || whom;
		if (!whom || config_section(config, whom))
			continue;
		(void)snprintf(text, sizeof(text),
			       "`%s` obeys the section `%s`, which is not there: it refuses nobody "
			       "anything",
			       (*s)->name, whom);
		warn(&path, config_section_line(config, (*s)->name), text);
	}
	if (config_section(config, "policy") && !obeyed)
		warn(&path, config_section_line(config, "policy"),
		     "nobody obeys the section `policy`; write `policy: {}` in `resolver`, or "
		     "`policy: on` in `forward-proxy`");
}

/* Users who are kept by a service that keeps them to itself. */
static void warn_of_people(const struct config *config, const char *path)
{
	bool served = false;
	for (const struct service *const *s = service_table; *s; s++) {
		const void *section = config_section(config, (*s)->name);
		served = served || (section && (*s)->serves_people && (*s)->serves_people(section));
	}
	for (const struct service *const *s = service_table; *s && !served; s++) {
		const void *section = config_section(config, (*s)->name);
		if (section && (*s)->asks_people && (*s)->asks_people(section))
			warn(&path, config_section_line(config, (*s)->name),
			     "`vpn-users`: nobody answers for them, and all their passwords are "
			     "wrong; write `serve-users: yes` in `vpn`");
	}
}

/* What is right, and yet more than there will be. */
static void warn_all(const struct config *config, const char *path)
{
	for (const struct service *const *s = service_table; *s; s++) {
		const void *section = config_section(config, (*s)->name);
		if (section && (*s)->advise)
			(*s)->advise(section, warn, &path);
	}
	warn_of_obedience(config, path);
	warn_of_people(config, path);
}

static int check_run(const struct command_line *line)
{
	const char *path = line->arguments[0];
	struct config *config = NULL;
	if (!line->json) {
		enum err e = load_config(path, &config);
		if (!e)
			warn_all(config, path);
		config_free(config);
		return e == OK ? EXIT_OK : e == ERR_CONFIG ? EXIT_USAGE : EXIT_FAILED;
	}
	struct config_report report = {0};
	enum err e = load_judge(path, &config, &report);
	if (!e)
		warn_all(config, path);
	config_free(config);
	int status = e && e != ERR_CONFIG ? command_fail(NULL, "%s: %s", path, err_text(e))
					  : report_json(&report);
	config_report_done(&report);
	return status;
}

const struct command command_check = {
	.name = "check",
	.arguments = "FILE",
	.summary = "Judge a configuration file; print nothing when it is right and all of it can "
		   "be given",
	.arguments_min = 1,
	.arguments_max = 1,
	.run = check_run,
};
