#include "service/authority/generation.h"

#include "service/authority/keyring.h"

#include <stdlib.h>

enum err generation_new(struct zones *zones, const struct answer_config *answers, uint64_t idle_ms,
			struct generation **ret)
{
	struct generation *g = calloc(1, sizeof(*g));

	if (!g)
		return ENOMEM;
	g->zones = zones;
	g->answers = *answers;
	g->idle_ms = idle_ms;
	(void)keyring_ref(g->answers.keys);
	g->refs = 1;
	*ret = g;
	return OK;
}

struct generation *generation_ref(struct generation *g)
{
	atomic_fetch_add_explicit(&g->refs, 1, memory_order_relaxed);
	return g;
}

void generation_unref(struct generation *g)
{
	if (!g || atomic_fetch_sub_explicit(&g->refs, 1, memory_order_acq_rel) != 1)
		return;
	zones_free(g->zones);
	keyring_unref(g->answers.keys);
	explicit_bzero(g->answers.cookie_secret, sizeof(g->answers.cookie_secret));
	free(g);
}
