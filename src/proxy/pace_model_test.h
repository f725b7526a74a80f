/* A pace for the fuzz targets of a whole proxy: small grants at short times, as the input wants
 * them. Knows no version of HTTP.
 */
#ifndef PROXY_PACE_MODEL_TEST_H
#define PROXY_PACE_MODEL_TEST_H

#include "proxy/exchange.h"
#include "proxy/pace.h"

struct pace_model {
	struct proxy_pace pace; /* first */
	const uint8_t *how;	/* the model's: how slow; 0: there is no limit any more */
	size_t granted[2];	/* the last one, each way */
};

static inline size_t pace_model_ask(struct proxy_pace *p, enum proxy_pace_direction way,
				    uint64_t now_ms, uint32_t *ret_wait_ms)
{
	struct pace_model *m = (struct pace_model *)p;
	(void)now_ms;
	if (!*m->how)
		return SIZE_MAX;
	*ret_wait_ms = *m->how % 16u * 3;
	m->granted[way] = 1 + *m->how * (way == PROXY_PACE_UP ? 3u : 7u);
	return m->granted[way];
}

/* No more than was granted. */
static inline void pace_model_give_back(struct proxy_pace *p, enum proxy_pace_direction way,
					size_t left)
{
	struct pace_model *m = (struct pace_model *)p;
	ASSERT(left <= m->granted[way]);
	m->granted[way] = 0;
}

/* From within face.request. Without memory it goes as fast as it can. */
static inline void pace_model_set(struct proxy_exchange *x, const uint8_t *how)
{
	struct pace_model *m = *how && !x->pace ? proxy_exchange_alloc(x, sizeof(*m)) : NULL;
	if (!m)
		return;
	*m = (struct pace_model){.pace = {.ask = pace_model_ask, .give_back = pace_model_give_back},
				 .how = how};
	proxy_exchange_pace(x, &m->pace);
}

#endif
