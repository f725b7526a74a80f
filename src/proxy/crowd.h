/* How many of something each client has at once, counted by all workers without a lock: its
 * connections, for instance. Knows not what they are.
 *
 * A count and the name of whose it is are one number, which is set by compare-and-exchange. Where
 * there is no room for one client more it is not counted, and not refused. */
#ifndef PROXY_CROWD_H
#define PROXY_CROWD_H

#include "base/err.h"
#include "proto/ip/address.h"

enum { CROWD_KEY_MAX = 17 };

struct crowd;

/* clients_max: at once, 8 bytes each. */
MUST enum err crowd_new(size_t clients_max, struct crowd **ret);
void crowd_free(struct crowd *c); /* accepts NULL */
DEFINE_AUTO(struct crowd, crowd_free)

/* One more of this client, an IPv6 one is its /64; false: it has max already. max 0: any number.
 * Any thread. */
bool crowd_enters(struct crowd *c, const struct ip_address *client, uint32_t max);
/* One less, of those that entered. */
void crowd_leaves(struct crowd *c, const struct ip_address *client);

/* Who counts as one client, in ret; how many bytes of it. */
size_t crowd_client_key(const struct ip_address *client, uint8_t ret[CROWD_KEY_MAX]);

#endif
