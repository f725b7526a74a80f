/* The workers' rings (os/ring.h), all or none of them, made before the sandbox in which none can be
 * made. Knows no worker.
 */
#ifndef PROXY_IO_RINGS_H
#define PROXY_IO_RINGS_H

#include "base/err.h"

#include <stddef.h>

struct ring;
struct writer;

enum proxy_rings_wish { PROXY_RINGS_AUTO, PROXY_RINGS_OFF };
#define PROXY_RINGS_WORDS "auto", "off" /* of the configuration, in that order */

/* Zeroed storage has none. */
struct proxy_rings {
	struct ring **of; /* of each worker; NULL: there is none for any */
	size_t n;
	enum err e; /* why there is none, where one was wished for */
};

/* That there can be none is logged, and no error: each call is then made by itself. */
void proxy_rings_open(struct proxy_rings *ret, enum proxy_rings_wish wish, size_t n);
/* The workers must have ended. Accepts zeroed storage. */
void proxy_rings_done(struct proxy_rings *r);

/* NULL: none. */
static inline struct ring *proxy_rings_get(const struct proxy_rings *r, size_t worker)
{
	return r->of ? r->of[worker] : NULL;
}

/* What the sandbox must allow for them. */
const int *proxy_rings_syscalls(const struct proxy_rings *r, size_t *ret_n);

/* "on", "off", or why there can be none. */
const char *proxy_rings_text(const struct proxy_rings *r);
/* How many there are. */
void proxy_rings_metrics(const struct proxy_rings *r, const char *prefix, struct writer *w);

#endif
