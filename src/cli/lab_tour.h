/* What the journeys of `gatehouse lab tour` are made of. Knows none of them but the last. */
#ifndef CLI_LAB_TOUR_H
#define CLI_LAB_TOUR_H

#include "base/err.h"
#include "cli/command.h"

#include <stdbool.h>

struct spawn_child;

enum { TOUR_WATCH_STARTS_US = 500000 }; /* so that it sees the first message */

void tour_heading(const struct command_line *line, const char *text);

/* Starts `gatehouse lab run HOST words...`, shown as a person would type it. */
MUST enum err tour_start(const char *host, const char *const *words, struct spawn_child *ret);
/* Waits for its end; an exit status. */
int tour_end(const char *host, struct spawn_child *child);
/* Both. */
int tour_step(const char *host, const char *const *words);

/* What a program prints on standard output, shown to nobody. Owned by the caller. */
char *tour_printed(const char *const *argv, bool *ret_succeeded);

/* The fourth journey: tunnels. In lab_tour_tunnels.c. */
int tour_tunnels(const struct command_line *line);

/* The fifth: the reverse proxy. In lab_tour_proxy.c. */
int tour_proxy(const struct command_line *line);

/* The sixth: out through the forward proxy. In lab_tour_out.c. */
int tour_out(const struct command_line *line);

#endif
