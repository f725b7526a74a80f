/* Active checks of the back ends of all pools, in the main thread. Knows no client and no route;
 * what it finds out is in the back ends' atomics, for all workers.
 */
#ifndef REVERSE_PROXY_IO_HEALTH_H
#define REVERSE_PROXY_IO_HEALTH_H

#include "os/loop.h"
#include "service/reverse-proxy/conf_pool.h"

struct pool;
struct reverse_health;
struct reverse_way;

/* A back end is taken for well, or for ill, from now on; why: of the latter, one line. */
typedef void reverse_health_changed(void *arg, const struct backend *b, bool well, const char *why);

/* loop: borrowed. ENOMEM, or no entropy. */
MUST enum err reverse_health_new(struct loop *loop, reverse_health_changed *changed, void *arg,
				 struct reverse_health **ret);
void reverse_health_free(struct reverse_health *h); /* accepts NULL */

/* From now on the members of these pools, the nth by the nth configuration and way. conf: borrowed
 * until the next call. Back ends that were there before keep what is known of them. ENOMEM: the
 * checks of some may be missing. */
MUST enum err reverse_health_set(struct reverse_health *h, const struct reverse_pool_conf *conf,
				 struct reverse_way *const *ways, struct pool *const *pools,
				 size_t n);

/* What its last failed check said, or that none has ended yet; "": the last one went well. NULL: it
 * is not checked. */
const char *reverse_health_why(const struct reverse_health *h, const struct backend *b);

#endif
