/* Names that are not inspected: each with all that are below it. Knows no connection. */
#ifndef FORWARD_PROXY_INSPECT_SKIP_H
#define FORWARD_PROXY_INSPECT_SKIP_H

#include "base/err.h"
#include "base/span.h"

struct arena;

struct inspect_skip {
	const struct span *names; /* sorted */
	size_t n;
};

/* names: lower case, without a dot at the end; they lie in a, or outlive it. ENOMEM. */
MUST enum err inspect_skip_new(struct arena *a, const struct span *names, size_t n,
			       struct inspect_skip *ret);
/* host: as the names are. */
bool inspect_skip_has(const struct inspect_skip *s, struct span host);

#endif
