/* A filter of bodies for the fuzz targets of a whole proxy. Knows no model. */
#ifndef PROXY_FILTER_MODEL_TEST_H
#define PROXY_FILTER_MODEL_TEST_H

#include "base/span.h"
#include "proxy/body_filter.h"

#include <stdint.h>
#include <string.h>

enum { MODEL_FILTER_SIZE = 64 };

/* A filter that holds a little and passes the rest as it is. */
struct model_filter {
	struct proxy_filter f; /* first */
	size_t n;
	bool end;
	uint8_t held[MODEL_FILTER_SIZE];
};

/* True: nothing is held any more. */
static inline bool model_filter_pass(struct model_filter *own, struct proxy_exchange *x)
{
	size_t n = proxy_filter_next(&own->f, x, span_of(own->held, own->n), own->end);
	memmove(own->held, own->held + n, own->n - n);
	own->n -= n;
	return !own->n;
}

static inline size_t model_filter_push(struct proxy_filter *f, struct proxy_exchange *x,
				       struct span bytes, bool end)
{
	struct model_filter *own = (struct model_filter *)f;
	size_t taken = 0;
	if (own->n && !model_filter_pass(own, x)) {
		own->end = end && !bytes.len; /* taken by that: it follows what is held */
		return 0;
	}
	do {
		size_t left = bytes.len - taken;
		own->n = left < MODEL_FILTER_SIZE ? left : MODEL_FILTER_SIZE;
		if (own->n)
			memcpy(own->held, bytes.data + taken, own->n);
		taken += own->n;
		own->end = end && taken == bytes.len;
	} while (model_filter_pass(own, x) && taken < bytes.len);
	return taken;
}

static inline bool model_filter_resume(struct proxy_filter *f, struct proxy_exchange *x)
{
	struct model_filter *own = (struct model_filter *)f;
	return !own->n || model_filter_pass(own, x);
}

static inline void model_filter_close(struct proxy_filter *f, struct proxy_exchange *x, bool whole)
{
	(void)f;
	(void)x;
	(void)whole;
}

static const struct proxy_filter_ops model_filter_ops = {
	.push = model_filter_push, .resume = model_filter_resume, .close = model_filter_close};

#endif
