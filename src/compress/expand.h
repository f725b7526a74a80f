/* Bodies in gzip (RFC 1952) as they were before, a stream at a time. Knows no message, and no bound
 * on what comes out: its caller counts, as a few bytes may become a thousand times as many. */
#ifndef COMPRESS_EXPAND_H
#define COMPRESS_EXPAND_H

#include "base/err.h"
#include "base/span.h"

struct expand;
struct writer;

/* Takes 44 KiB. ENOMEM. */
MUST enum err expand_new(struct expand **ret);
void expand_free(struct expand *x); /* accepts NULL */
DEFINE_AUTO(struct expand, expand_free)

/* Takes from the front of *in what it can and writes what it has; *in is moved behind what was
 * taken. *ret_more: out is full, and there may be more: make room and call again. ERR_FORMAT: it is
 * no gzip, or was changed on its way; then it can only be freed. */
MUST enum err expand_read(struct expand *x, struct span *in, struct writer *out, bool *ret_more);
/* All that began has ended: nothing was cut off. */
bool expand_is_whole(const struct expand *x);

#endif
