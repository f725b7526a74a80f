/* All that a worker reads while it answers, of one state of the configuration: zones and rules,
 * immutable, swapped whole. Knows nothing of threads or of how it came to be. */
#ifndef AUTHORITY_GENERATION_H
#define AUTHORITY_GENERATION_H

#include "service/authority/answer.h"
#include "service/authority/zones.h"

struct generation {
	struct zones *zones; /* owned: one reference */
	struct answer_config answers;
	uint64_t idle_ms; /* of TCP clients */
	_Atomic uint32_t refs;
};

/* Takes zones over, and a reference to the keys in answers. */
MUST enum err generation_new(struct zones *zones, const struct answer_config *answers,
			     uint64_t idle_ms, struct generation **ret);
struct generation *generation_ref(struct generation *g);
/* The last reference frees it, and the zones that no other generation shares. */
void generation_unref(struct generation *g);
DEFINE_AUTO(struct generation, generation_unref)

#endif
