/* A pool out of its configuration, with the back ends that the registry knows. Asks nobody for
 * names: what they stand for is told by whoever has asked.
 */
#ifndef REVERSE_PROXY_POOL_MAKE_H
#define REVERSE_PROXY_POOL_MAKE_H

#include "service/reverse-proxy/conf_pool.h"

/* What a server's name or SRV records lead to. */
struct reverse_target {
	struct ip_endpoint at;
	uint16_t weight; /* 1..POOL_WEIGHT_MAX */
	uint16_t level;	 /* 0: asked first; by SRV priority */
};

/* The nth target of a server that has a name or SRV records; false: no more, or none is known. */
typedef bool reverse_target_find(void *arg, const struct reverse_server_conf *server, size_t nth,
				 struct reverse_target *ret);

enum { REVERSE_BACKUP_LEVEL = 1000 }; /* of back-up servers; SRV priorities come before */

/* New back ends of a pool that was there before begin slowly, from now_ms. find: NULL: no names.
 * ERR_LIMIT: more than POOL_MEMBERS_MAX; ENOMEM. */
MUST enum err reverse_pool_make(struct registry *registry, const struct reverse_pool_conf *conf,
				uint64_t now_ms, reverse_target_find *find, void *arg,
				struct pool **ret);

/* A pool of one address, by that name, with what a pool has that says nothing else. */
MUST enum err reverse_pool_make_one(struct registry *registry, const char *name,
				    const struct ip_endpoint *at, struct pool **ret);

#endif
