/* A client of the control sockets: one request, its JSON answer or its stream of JSON lines. Knows
 * no verb. */
#ifndef CLI_REMOTE_H
#define CLI_REMOTE_H

#include "base/err.h"

#include <jansson.h>
#include <stdbool.h>

struct command_line;

/* The run directory of the configuration that -c names, else the default one. ERR_CONFIG: the file
 * cannot be used, and why was said. */
MUST enum err remote_folder(const struct command_line *line, char *buf, size_t size);
/* The socket of a service: what --control says, else SERVICE.sock in that directory. The command
 * has both options (REMOTE_OPTIONS). On failure buf holds a text as well. */
MUST enum err remote_path(const struct command_line *line, const char *service, char *buf,
			  size_t size);

#define REMOTE_OPTIONS                                                                             \
	{"config", 'c', "FILE", "the configuration: for its run directory"},                       \
	{                                                                                          \
		"control", 0, "PATH", "the control socket itself"                                  \
	}

/* One answer. *ret_status: the HTTP status; *ret: its JSON, NULL when there was none. ENOENT and
 * ECONNREFUSED: no such service runs; EACCES: this user may not. */
MUST enum err remote_call(const char *path, const char *method, const char *target, int *ret_status,
			  json_t **ret);

/* One answer of a service to whoever typed this line, with status 200; else NULL: it was said what
 * is wrong, and *ret_code is the exit status. The command has REMOTE_OPTIONS. */
json_t *remote_ask(const struct command_line *line, const char *service, const char *method,
		   const char *target, int *ret_code);

/* The same for a command with --json, which prints the answer as it is: NULL then too. */
json_t *remote_ask_or_print(const struct command_line *line, const char *service,
			    const char *method, const char *target, int *ret_code);

/* As remote_ask by POST with a body of JSON (borrowed), which may hold secrets: what was sent is
 * wiped.
 */
json_t *remote_post(const struct command_line *line, const char *service, const char *target,
		    const json_t *body, int *ret_code);

/* A stream: line(arg, object) for each object as it comes (borrowed), until the end or until it
 * returns false. A status other than 200 comes with its JSON in *ret_error, which is NULL else. */
MUST enum err remote_stream(const char *path, const char *method, const char *target,
			    bool (*line)(void *arg, json_t *object), void *arg, int *ret_status,
			    json_t **ret_error);

/* Says on stderr why nobody answered at path and what to do; returns the exit status. */
int remote_fail(const char *path, enum err e);
/* The same for an answer other than 2xx; 400 is a wrong word of the command line. */
int remote_refused(int status, const json_t *error);

/* The members of an answer for people, a line each, their names as wide as width. */
void remote_members_print(const json_t *object, int width);

#endif
