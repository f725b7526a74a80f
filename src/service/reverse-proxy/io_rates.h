/* Limits that several gateways share: what the guard admitted goes into rows of the store, what
 * others admitted comes from theirs. Main thread, beside requests; without the store each gateway
 * goes by its own buckets. */
#ifndef REVERSE_PROXY_IO_RATES_H
#define REVERSE_PROXY_IO_RATES_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

struct guard_state;
struct loop;
struct reverse_conf;
struct reverse_rates;
struct writer;

/* The key of the guard's names, GUARD_SHARE_KEY_LEN octets; false: gateways do not share. */
bool reverse_rates_key(const struct reverse_conf *conf, uint8_t *ret);

/* loop, guard: borrowed. wake: wakes the loop; called in the store's thread. Touches nothing yet;
 * the store stays that of this configuration. ENOMEM; EIO: no randomness. */
MUST enum err reverse_rates_new(struct loop *loop, struct guard_state *guard,
				const struct reverse_conf *conf, void (*wake)(void *arg), void *arg,
				struct reverse_rates **ret);
/* After the sandbox, and for each configuration that comes into force: once a limit of one is
 * shared, the store is asked. */
void reverse_rates_set(struct reverse_rates *r, const struct reverse_conf *conf);
/* The loop was woken: what the store told. */
void reverse_rates_woken(struct reverse_rates *r);
void reverse_rates_metrics(const struct reverse_rates *r, struct writer *w);
/* Ends the store's thread. Accepts NULL. */
void reverse_rates_free(struct reverse_rates *r);

#endif
