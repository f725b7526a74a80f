/* What was admitted of keys that gateways share, until it is told to the others: a table of fixed
 * size that workers add to and one thread empties, all with atomics. Knows no bucket and no store.
 *
 * A worker that is stopped between finding its key and adding to it may find that the key was told
 * and freed: then one request is counted for the next key there. That is rare, and what others hear
 * is late anyway. */
#ifndef REVERSE_PROXY_GUARD_SHARE_H
#define REVERSE_PROXY_GUARD_SHARE_H

#include "service/reverse-proxy/guard/guard.h"

/* Within which others are to hear; longer ways cost accuracy. */
#define SHARE_DELAY_US UINT64_C(1000000)

struct share_table;

MUST enum err share_table_new(size_t keys_max, struct share_table **ret);
void share_table_free(struct share_table *t); /* accepts NULL */

/* One more was admitted. Any thread; never waits. name: not 0. */
void share_add(struct share_table *t, uint64_t name, uint32_t each_us, uint32_t burst);
/* As guard_shares_take. */
size_t share_take(struct share_table *t, struct guard_share *ret, size_t max);
uint64_t share_lost(const struct share_table *t);

#endif
