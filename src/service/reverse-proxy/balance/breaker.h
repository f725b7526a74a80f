/* A circuit breaker: closed while few fail, open when the share of failures is too high, half open
 * after a time to see by a few probes whether it may close. Its state is in the back end's atomics;
 * knows nothing of what a failure is. */
#ifndef REVERSE_PROXY_BALANCE_BREAKER_H
#define REVERSE_PROXY_BALANCE_BREAKER_H

#include "service/reverse-proxy/balance/pool.h"

enum { BREAKER_PROBES_MAX = 64 };

/* May something go there now? A look that takes nothing. */
bool breaker_lets(const struct backend *b, const struct pool_breaker *policy, uint64_t now_ms);
/* The same, and takes a probe's place where it is half open: *ret_probe. False: not now. */
bool breaker_take(struct backend *b, const struct pool_breaker *policy, uint64_t now_ms,
		  bool *ret_probe);

enum breaker_word { BREAKER_GOOD, BREAKER_FAILED, BREAKER_ABANDONED };

/* Once for each breaker_take that answered true. */
void breaker_report(struct backend *b, const struct pool_breaker *policy, uint64_t now_ms,
		    bool probe, enum breaker_word word);

enum backend_breaker breaker_state(const struct backend *b, uint64_t now_ms);

#endif
