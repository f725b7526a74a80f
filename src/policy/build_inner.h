/* The builder of a policy as its own files see it, for this folder alone. Knows nothing of how
 * lines lie in it.
 */
#ifndef POLICY_BUILD_INNER_H
#define POLICY_BUILD_INNER_H

#include "policy/build.h"

/* A line of a list that says something of a name. ENOMEM; ERR_LIMIT: they take too much room. */
MUST enum err policy_build_rule(struct policy_build *b, unsigned list, uint32_t number,
				const struct policy_line *l, struct policy_counts *c);

#endif
