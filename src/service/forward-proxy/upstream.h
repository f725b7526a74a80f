/* Which proxy of somebody else's leads to a destination: a list of which the first that fits
 * decides. Knows no connection; that a name goes there unresolved is its caller's.
 */
#ifndef FORWARD_PROXY_UPSTREAM_H
#define FORWARD_PROXY_UPSTREAM_H

#include "base/span.h"
#include "service/forward-proxy/access/access.h"

struct destination;

/* Borrowed from the configuration. */
struct upstream {
	const struct access_place *to; /* to_n; none: everything */
	size_t to_n;
	bool direct;		    /* by no proxy: an exception from those below */
	struct ip_endpoint socks;   /* else by this SOCKS 5 server */
	struct span user, password; /* for it; empty: none */
};

/* NULL: none, directly. */
const struct upstream *upstream_find(const struct upstream *all, size_t n,
				     const struct destination *to);

#endif
