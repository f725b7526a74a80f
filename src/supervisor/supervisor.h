/* The top process: has the plan made, opens its sockets, starts the services with them, restarts
 * what crashes and passes signals on. Parses nothing: no text, no packet; links no service. */
#ifndef SUPERVISOR_SUPERVISOR_H
#define SUPERVISOR_SUPERVISOR_H

#include <stdbool.h>

struct supervisor_options {
	const char *config_path;
	bool json_log;
};

/* Runs until SIGTERM or SIGINT. Exit status: 0 after a clean stop, 1 when it could not start, 2 for
 * a wrong configuration (the plan process has said where). */
int supervisor_run(const struct supervisor_options *options);

#endif
