/* gatehouse dhcp-client renew|release [IFACE]: asks the client of the uplinks for one of the two.
 */
#include "cli/commands.h"

#include "cli/remote.h"

#include <string.h>

enum { PATH_SIZE = 512, TARGET_SIZE = 128 };

static const char service[] = "dhcp-client";

/* Interface names hold no octet that a target of HTTP would have to escape but by malice. */
static bool is_plain(const char *name)
{
	return strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:") ==
	       strlen(name);
}

static int order(const struct command_line *line, const char *verb, const char *done)
{
	const char *name = line->arguments_n ? line->arguments[0] : NULL;
	char path[PATH_SIZE], target[TARGET_SIZE];
	json_t *answer = NULL;
	int status;
	if (name && (!is_plain(name) || strlen(name) > TARGET_SIZE / 2))
		return command_misused(NULL, "'%s' cannot be an interface", name);
	(void)snprintf(target, sizeof(target), "%s%s%s", verb, name ? "?interface=" : "",
		       name ? name : "");
	enum err e = remote_path(line, service, path, sizeof(path));
	if (!e)
		e = remote_call(path, "POST", target, &status, &answer);
	int code = e		       ? remote_fail(path, e)
		   : status / 100 == 2 ? EXIT_OK
				       : remote_refused(status, answer);
	if (code == EXIT_OK && line->json)
		(void)json_dumpf(answer, stdout, JSON_INDENT(2));
	else if (code == EXIT_OK)
		(void)printf("%s", done);
	if (code == EXIT_OK)
		(void)fputc('\n', stdout);
	json_decref(answer);
	return code;
}

static int renew_run(const struct command_line *line)
{
	return order(line, "/renew",
		     "The server is being asked; 'gatehouse status dhcp-client' "
		     "shows what comes of it.");
}

static int release_run(const struct command_line *line)
{
	return order(line, "/release", "Given back; 'gatehouse dhcp-client renew' asks anew.");
}

static const struct command_option options[] = {REMOTE_OPTIONS};

#define VERB(word, text)                                                                           \
	const struct command uplink_##word##_verb = {                                              \
		.name = #word,                                                                     \
		.within = "dhcp-client",                                                           \
		.arguments = "[IFACE]",                                                            \
		.summary = text,                                                                   \
		.arguments_max = 1,                                                                \
		.options = options,                                                                \
		.options_n = sizeof(options) / sizeof(options[0]),                                 \
		.run = word##_run,                                                                 \
	}

VERB(renew, "Ask the server of an uplink now");
VERB(release, "Give the lease of an uplink back and stay without one");
