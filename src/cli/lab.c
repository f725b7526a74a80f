/* gatehouse lab up|down|status|run|shell: the small internet on this machine. */
#include "cli/commands.h"

#include "cli/lab.h"
#include "cli/print.h"
#include "cli/remote.h"
#include "lab/lab.h"
#include "os/fd.h"
#include "os/pidns.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	DOWN_WAIT_MS = 10000,
	TRANSLATION_LOOKS = 300,
	TRANSLATION_LOOK_US = 100000,
};

int lab_command_up(bool *ret_was_up)
{
	char text[256];
	enum err e = lab_up(text, sizeof(text));
	*ret_was_up = e == ERR_EXISTS;
	if (e == OK || e == ERR_EXISTS)
		return EXIT_OK;
	return command_fail("As root, or where the kernel gives ordinary users namespaces, it "
			    "works; 'unshare -Un true' tells.",
			    "the lab cannot be brought up: %s", text[0] ? text : err_text(e));
}

bool lab_command_await_translation(void)
{
	char path[LAB_SOCKET_MAX];
	bool yes = false;
	for (int i = 0; !yes && i < TRANSLATION_LOOKS; i++) {
		json_t *answer = NULL;
		int status;
		if (i)
			(void)usleep(TRANSLATION_LOOK_US);
		if (remote_call(lab_socket(path), "GET", "/status", &status, &answer))
			break;
		yes = json_is_true(json_object_get(answer, "translates"));
		json_decref(answer);
	}
	return yes;
}

static int up_run(const struct command_line *line)
{
	bool was_up;
	int status = lab_command_up(&was_up);
	if (status)
		return status;
	if (line->json)
		(void)printf("{\"lab\":\"up\",\"new\":%s}\n", was_up ? "false" : "true");
	else
		(void)printf("The lab is up%s. 'gatehouse lab status' shows it, 'gatehouse lab "
			     "shell client1' enters it, "
			     "'gatehouse lab down' ends it.\n",
			     was_up ? " already" : "");
	return EXIT_OK;
}

static const struct command lab_up_verb = {
	.name = "up",
	.within = "lab",
	.arguments = "",
	.summary = "Start it: servers, routers, a site behind a gateway that translates",
	.run = up_run,
};

/* --- status, down --- */

static int lab_fail(enum err e)
{
	if (e == (enum err)ECONNREFUSED || e == (enum err)ENOENT)
		return command_fail("Start it with 'gatehouse lab up'.", "the lab is not up");
	return command_fail(NULL, "the lab: %s", err_text(e));
}

static void host_print(struct print_table *t, const json_t *host)
{
	char addresses[512] = "";
	size_t i, n = 0;
	json_t *address;
	json_array_foreach(json_object_get(host, "addresses"), i, address)
	{
		int w = snprintf(addresses + n, sizeof(addresses) - n, "%s%s", i ? " " : "",
				 json_string_value(address));
		n += w > 0 && (size_t)w < sizeof(addresses) - n ? (size_t)w : 0;
	}
	const char *state = json_string_value(json_object_get(host, "gatehouse"));
	enum print_style style = strcmp(state, "serves") == 0 ? PRINT_GREEN
				 : strcmp(state, "-") == 0    ? PRINT_DIM
							      : PRINT_RED;
	print_cell(t, PRINT_BOLD, "%s", json_string_value(json_object_get(host, "host")));
	print_cell(t, style, "%s", state);
	print_cell(t, PRINT_PLAIN, "%s", json_string_value(json_object_get(host, "role")));
	print_cell(t, PRINT_DIM, "%s", addresses);
}

static int status_run(const struct command_line *line)
{
	static const char *const heads[] = {"HOST", "GATEHOUSE", "ROLE", "ADDRESSES"};
	char path[LAB_SOCKET_MAX];
	json_t *answer = NULL;
	int status;
	enum err e = remote_call(lab_socket(path), "GET", "/status", &status, &answer);
	if (e)
		return lab_fail(e);
	if (line->json) {
		(void)json_dumpf(answer, stdout, JSON_INDENT(2));
		(void)fputc('\n', stdout);
	} else {
		struct print_table t;
		size_t i;
		json_t *host;
		print_table_init(&t, stdout, line->colour, 4, heads);
		json_array_foreach(json_object_get(answer, "hosts"), i, host) host_print(&t, host);
		print_table_end(&t);
	}
	json_decref(answer);
	return EXIT_OK;
}

static const struct command lab_status_verb = {
	.name = "status",
	.within = "lab",
	.arguments = "",
	.summary = "List its hosts, what they are and whether they serve",
	.run = status_run,
};

static int down_run(const struct command_line *line)
{
	char path[LAB_SOCKET_MAX];
	json_t *answer = NULL;
	int status;
	AUTO_DONE(fd_done) int keeper = -1;
	enum err e = lab_keeper_open(&keeper);
	if (!e)
		e = remote_call(lab_socket(path), "POST", "/down", &status, &answer);
	if (e)
		return lab_fail(e);
	if (status != 200) {
		int code = remote_refused(status, answer);
		json_decref(answer);
		return code;
	}
	json_decref(answer);
	if (process_await_end(keeper, DOWN_WAIT_MS))
		return command_fail(NULL, "the lab does not end");
	if (line->json)
		(void)printf("{\"lab\":\"down\"}\n");
	return EXIT_OK;
}

static const struct command lab_down_verb = {
	.name = "down",
	.within = "lab",
	.arguments = "",
	.summary = "End it and all that runs in it",
	.run = down_run,
};

/* --- run, shell --- */

static int in_lab(const char *host, const char *const *argv)
{
	int status;
	enum err e = lab_run(host, argv, &status);
	if (e == ERR_ABSENT)
		return command_fail("Run 'gatehouse lab status' for the list.",
				    "the lab has no host '%s'", host);
	return e ? lab_fail(e) : status;
}

static int run_run(const struct command_line *line)
{
	const char *argv[COMMAND_ARGUMENTS_MAX + 1] = {NULL};
	for (int i = 1; i < line->arguments_n; i++)
		argv[i - 1] = line->arguments[i];
	return in_lab(line->arguments[0], argv);
}

static const struct command lab_run_verb = {
	.name = "run",
	.within = "lab",
	.arguments = "HOST COMMAND [ARGUMENT]...",
	.summary = "Run a command on one of its hosts",
	.arguments_min = 2,
	.arguments_max = COMMAND_ARGUMENTS_MAX,
	.passes_on = true,
	.run = run_run,
};

static int shell_run(const struct command_line *line)
{
	const char *shell = getenv("SHELL");
	const char *argv[] = {shell && shell[0] ? shell : "/bin/sh", NULL};
	return in_lab(line->arguments[0], argv);
}

static const struct command lab_shell_verb = {
	.name = "shell",
	.within = "lab",
	.arguments = "HOST",
	.summary = "A shell on one of its hosts: try dig, host, getent",
	.arguments_min = 1,
	.arguments_max = 1,
	.run = shell_run,
};

static int keeper_run(const struct command_line *line)
{
	(void)line;
	return lab_keep();
}

static const struct command lab_keeper_verb = {
	.name = "keeper",
	.within = "lab",
	.arguments = "",
	.summary = "What 'up' starts: holds the lab until it ends",
	.run = keeper_run,
};

static const struct command *const lab_verbs[] = {
	&lab_up_verb,	&lab_status_verb, &lab_tour_verb,   &lab_run_verb,    &lab_shell_verb,
	&lab_down_verb, &lab_watch_verb,  &lab_tunnel_verb, &lab_keeper_verb, NULL,
};

const struct command command_lab = {
	.name = "lab",
	.arguments = "",
	.summary = "A small internet on this machine, to learn and test with",
	.verbs = lab_verbs,
};
