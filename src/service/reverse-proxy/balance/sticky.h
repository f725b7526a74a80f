/* The cookie by which a client stays with one back end: an opaque number that only who knows the
 * registry's secret can make. Knows no HTTP message beyond a Cookie field's value. */
#ifndef REVERSE_PROXY_BALANCE_STICKY_H
#define REVERSE_PROXY_BALANCE_STICKY_H

#include "base/writer.h"
#include "service/reverse-proxy/balance/pool.h"

/* The id for pool_ask.sticky_id from the value of a Cookie field (all of it); 0: no such cookie, or
 * nonsense in it. Call it for each Cookie field until it is not 0. */
uint64_t sticky_read(const struct pool_policy *policy, struct span cookie);

/* The value of the Set-Cookie field that names the place's back end, RFC 6265 4.1. Cookies of
 * SameSite=None are Secure whatever the policy says, as browsers refuse them otherwise. */
void sticky_write(const struct pool_policy *policy, const struct backend *b, struct writer *w);

#endif
