/* What answers differ by besides the address and Vary, and which requests are left out, by the
 * configuration. Knows no service and nothing of what is kept.
 */
#ifndef PROXY_CACHE_RULES_H
#define PROXY_CACHE_RULES_H

#include "base/span.h"

#include <stdbool.h>

struct proxy_cache_rules_conf;
struct proxy_exchange;
struct writer;

/* by-headers and by-cookies of x->request, as a part of proxy_cache_request.space. */
void proxy_cache_rules_write(const struct proxy_cache_rules_conf *conf,
			     const struct proxy_exchange *x, struct writer *w);
/* The target with its query, or without what is ignored of it. */
struct span proxy_cache_rules_target(const struct proxy_cache_rules_conf *conf, struct span target);
/* bypass-headers, bypass-cookies. */
bool proxy_cache_rules_bypass(const struct proxy_cache_rules_conf *conf,
			      const struct proxy_exchange *x);

#endif
