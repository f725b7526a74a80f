/* The addresses of one name, asked once of the configured resolvers in the main thread. Knows not
 * what for, and keeps nothing; names of servers, which are followed, are io_names.h's.
 */
#ifndef REVERSE_PROXY_IO_RESOLVE_H
#define REVERSE_PROXY_IO_RESOLVE_H

#include "os/loop.h"
#include "proto/dns/addresses.h"
#include "service/reverse-proxy/conf.h"

enum { RESOLVED_MAX = 2 * DNS_ADDRESSES_MAX };

/* n 0: there are none, or nobody tells. Called in a turn of the loop, never in reverse_resolve. */
typedef void reverse_resolved(void *arg, const struct ip_address *found, size_t n);

/* Storage is the caller's and may not move. */
struct reverse_resolve {
	struct loop *loop; /* borrowed */
	reverse_resolved *call;
	void *arg; /* borrowed */
	struct ip_endpoint resolvers[REVERSE_RESOLVERS_MAX];
	size_t resolvers_n;
	struct dns_name name;
	int fd; /* -1: none */
	uint16_t id;
	size_t type, tries; /* index of A, AAAA; questions sent for it */
	struct ip_address found[RESOLVED_MAX];
	size_t found_n;
	struct loop_watch watch;
	struct loop_timer timer;
};

void reverse_resolve_init(struct reverse_resolve *r, struct loop *loop, reverse_resolved *call,
			  void *arg);
/* Begins; one that runs is forgotten. resolvers: struct ip_endpoint, at most REVERSE_RESOLVERS_MAX;
 * copied, as a reload may end their configuration meanwhile. host: a name, or the text of an
 * address, which is told as it is. ERR_FORMAT: neither. */
MUST enum err reverse_resolve(struct reverse_resolve *r, const struct config_list *resolvers,
			      const char *host);
/* Nothing is told any more; accepts one that does not run, and zeroed storage. */
void reverse_resolve_stop(struct reverse_resolve *r);

#endif
