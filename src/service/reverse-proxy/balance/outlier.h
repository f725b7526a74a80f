/* Passive ejection: a back end that fails again and again, or far more often than the others, is
 * left alone for a while that grows each time. Knows nothing of what a failure is. */
#ifndef REVERSE_PROXY_BALANCE_OUTLIER_H
#define REVERSE_PROXY_BALANCE_OUTLIER_H

#include "service/reverse-proxy/balance/pool.h"

/* After each request: counts, and ejects after policy.outlier.failures in a row, unless too large a
 * share of the pool would then be out. */
void outlier_report(const struct pool *p, const struct pool_member *m, uint64_t now_ms,
		    bool failed);

#endif
