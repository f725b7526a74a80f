/* Servers' names, asked of the configured resolvers in the main thread. Knows no pool; what answers
 * come to is in lookup.h.
 */
#ifndef REVERSE_PROXY_IO_NAMES_H
#define REVERSE_PROXY_IO_NAMES_H

#include "os/loop.h"
#include "service/reverse-proxy/conf_pool.h"
#include "service/reverse-proxy/pool_make.h"

struct reverse_names;

/* loop: borrowed. changed: names lead to other servers than before. ENOMEM. */
MUST enum err reverse_names_new(struct loop *loop, void (*changed)(void *arg), void *arg,
				struct reverse_names **ret);
void reverse_names_free(struct reverse_names *n); /* accepts NULL */

/* From now on the names of these pools, asked of these resolvers (struct ip_endpoint). Both are
 * borrowed until the next call. ENOMEM, ERR_LIMIT: some are missing. */
MUST enum err reverse_names_set(struct reverse_names *n, const struct config_list *resolvers,
				const struct reverse_pool_conf *pools, size_t pools_n);

/* A reverse_target_find; arg: struct reverse_names. */
bool reverse_names_target(void *arg, const struct reverse_server_conf *server, size_t nth,
			  struct reverse_target *ret);

#endif
