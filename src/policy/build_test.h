/* A policy for tests, made of a few texts. Knows nothing of what they test. */
#ifndef POLICY_BUILD_TEST_H
#define POLICY_BUILD_TEST_H

#include "policy/build.h"

#include <stdlib.h>

/* Bytes of the setup and its lists' texts (texts[i]: of list i; NULL: none); the caller's. */
static inline struct policy_built sample_build(const struct policy_setup *s,
					       const char *const *texts, size_t rules_max)
{
	static const uint8_t seed[16] = "seventeen octets";
	struct policy_build *maker = NULL;
	struct policy_built built = {0};
	struct policy_counts counts;
	enum err e = policy_build_new(s, rules_max, &maker);
	ASSERT(!e);
	for (size_t i = 0; i < s->lists_n; i++)
		if (texts[i]) {
			e = policy_build_text(maker, (unsigned)i, span_text(texts[i]), &counts);
			ASSERT(!e);
		}
	e = policy_build_finish(maker, seed, &built);
	ASSERT(!e);
	policy_build_free(maker);
	return built;
}

#endif
