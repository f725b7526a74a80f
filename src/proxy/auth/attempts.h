/* How often passwords were tried from an address and found wrong: so many at once, then one in a
 * while. Shared by all workers; knows no user and no clock.
 *
 * A try is counted when it begins and given back when it was right, so that many at the same moment
 * are no way around. An IPv6 client is its /64. Bounded: a new address takes the place of the one
 * that has waited longest. */
#ifndef PROXY_AUTH_ATTEMPTS_H
#define PROXY_AUTH_ATTEMPTS_H

#include "base/err.h"
#include "proto/ip/address.h"

struct auth_attempts;

struct auth_attempts_conf {
	size_t clients_max; /* at once; 16 bytes each */
	uint32_t burst;	    /* wrong ones that are looked at without a pause; at least 1 */
	uint64_t each_ms;   /* then one in this time; at least 1 */
};

MUST enum err auth_attempts_new(const struct auth_attempts_conf *conf, struct auth_attempts **ret);
void auth_attempts_free(struct auth_attempts *a); /* accepts NULL */
DEFINE_AUTO(struct auth_attempts, auth_attempts_free)

/* One more: 0: it may be looked at, and is counted; else milliseconds until the next one may. Any
 * thread. */
uint64_t auth_attempts_begin(struct auth_attempts *a, const struct ip_address *client,
			     uint64_t now_ms);
/* It was right, or never looked at: it does not count. */
void auth_attempts_forgive(struct auth_attempts *a, const struct ip_address *client);

#endif
