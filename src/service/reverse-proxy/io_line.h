/* Requests of one worker that wait for a place at a pool: a line for each pool, looked at when a
 * place was given back and every few milliseconds. Knows no connection; how long a line may be is
 * the pool's.
 */
#ifndef REVERSE_PROXY_IO_LINE_H
#define REVERSE_PROXY_IO_LINE_H

#include "base/err.h"

#include <stdbool.h>

struct pool;
struct reverse_exchange;
struct reverse_worker;

void reverse_lines_init(struct reverse_worker *w);
void reverse_lines_done(struct reverse_worker *w);

/* At the end of the line of e's pool. ERR_LIMIT: it is full, or the pool has none. */
MUST enum err reverse_line_join(struct reverse_worker *w, struct reverse_exchange *e);
/* Whether somebody waits there already: who comes must not overtake. */
bool reverse_line_waits(const struct reverse_worker *w, const struct pool *p);
/* Resumes those for whom there is a place now, and those whose time is over. Not from within a call
 * of the core. */
void reverse_lines_look(struct reverse_worker *w);

#endif
