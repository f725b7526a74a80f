/* The addresses of one name, asked once of the given resolvers by DNS. Knows not what for, and
 * keeps nothing.
 */
#ifndef FETCH_RESOLVE_H
#define FETCH_RESOLVE_H

#include "os/loop.h"
#include "proto/dns/addresses.h"

enum { FETCH_RESOLVERS_MAX = 4, FETCH_RESOLVED_MAX = 2 * DNS_ADDRESSES_MAX };

/* Whom to ask. Borrowed for the call only: a reload may end their configuration meanwhile. */
struct fetch_resolvers {
	const struct ip_endpoint *items;
	size_t n; /* at most FETCH_RESOLVERS_MAX */
};

/* n 0: there are none, or nobody tells. Called in a turn of the loop, never in fetch_resolve. */
typedef void fetch_resolved(void *arg, const struct ip_address *found, size_t n);

/* Storage is the caller's and may not move. */
struct fetch_resolve {
	struct loop *loop; /* borrowed */
	fetch_resolved *call;
	void *arg; /* borrowed */
	struct ip_endpoint resolvers[FETCH_RESOLVERS_MAX];
	size_t resolvers_n;
	struct dns_name name;
	int fd; /* -1: none */
	uint16_t id;
	size_t type, tries; /* index of A, AAAA; questions sent for it */
	struct ip_address found[FETCH_RESOLVED_MAX];
	size_t found_n;
	struct loop_watch watch;
	struct loop_timer timer;
};

void fetch_resolve_init(struct fetch_resolve *r, struct loop *loop, fetch_resolved *call,
			void *arg);
/* Begins; one that runs is forgotten. host: a name, or the text of an address, which is told as it
 * is. ERR_FORMAT: neither. */
MUST enum err fetch_resolve(struct fetch_resolve *r, struct fetch_resolvers resolvers,
			    const char *host);
/* Nothing is told any more; accepts one that does not run, and zeroed storage. */
void fetch_resolve_stop(struct fetch_resolve *r);

#endif
