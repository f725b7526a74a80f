/* What stands between the back and the front of an answer's body: compression, a copy for the
 * cache. Knows no connection; a filter switches splicing off.
 *
 * Bytes are pushed through the chain as they are between ends (end.h): who takes fewer bytes than
 * it was offered is asked by resume when there is room behind it.
 */
#ifndef PROXY_BODY_FILTER_H
#define PROXY_BODY_FILTER_H

#include "base/err.h"
#include "base/span.h"

#include <stdbool.h>

struct proxy_exchange;
struct proxy_filter;

struct proxy_filter_ops {
	/* How many bytes were taken; they go on by proxy_filter_next now, or are held. With end and
	 * all bytes taken, the filter has told end to the next one, or does so in resume. */
	size_t (*push)(struct proxy_filter *f, struct proxy_exchange *x, struct span bytes,
		       bool end);
	/* Nothing more comes in this turn: what may be held for better packing goes on. May be
	 * NULL. */
	void (*flush)(struct proxy_filter *f, struct proxy_exchange *x);
	/* There is room behind: push on what is held. True: nothing is held any more. NULL: holds
	 * nothing. */
	bool (*resume)(struct proxy_filter *f, struct proxy_exchange *x);
	/* Always once; whole: the body came to its end. */
	void (*close)(struct proxy_filter *f, struct proxy_exchange *x, bool whole);
};

/* The first member of each kind; in the exchange's storage, or owned by what close frees. */
struct proxy_filter {
	const struct proxy_filter_ops *ops;
	struct proxy_filter *next; /* NULL: the front */
};

/* Offers bytes to what stands behind f; how many were taken. */
MUST size_t proxy_filter_next(struct proxy_filter *f, struct proxy_exchange *x, struct span bytes,
			      bool end);

#endif
