/* Pipes by which bodies go from one socket to another without being copied, kept for the next one.
 * Knows nothing of messages.
 */
#ifndef PROXY_IO_SPLICE_H
#define PROXY_IO_SPLICE_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

struct proxy_splice;
struct proxy_transport;

enum {
	PROXY_SPLICES_KEPT = 64,
	PROXY_SPLICES_MAX = 256, /* at once: who takes nothing more keeps his */
};

/* Those of one worker. Zeroed storage is none yet. */
struct proxy_splices {
	struct proxy_splice *free;
	size_t free_n;
	size_t out_n; /* taken */
};
/* All must have been given back. */
void proxy_splices_done(struct proxy_splices *all);

/* NULL: all are taken, no descriptors, or no memory. */
struct proxy_splice *proxy_splice_take(struct proxy_splices *all);
/* What is in it is lost. Accepts NULL. */
void proxy_splice_give(struct proxy_splices *all, struct proxy_splice *s);

#endif
