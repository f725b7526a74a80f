/* Which proxy of somebody else's leads to a destination: a list of which the first that fits
 * decides, and of its servers the one whose turn it is. Knows no connection; that a name goes there
 * unresolved is its caller's.
 */
#ifndef FORWARD_PROXY_UPSTREAM_H
#define FORWARD_PROXY_UPSTREAM_H

#include "base/span.h"
#include "service/forward-proxy/access/access.h"
#include "service/forward-proxy/access/destination.h"

struct tls_peer;
struct upstream_health;

enum { UPSTREAM_SERVERS_MAX = 8 };

enum upstream_kind {
	UPSTREAM_DIRECT, /* by no proxy: an exception from those below */
	UPSTREAM_SOCKS,	 /* SOCKS 5 */
	UPSTREAM_HTTP,
	UPSTREAM_HTTPS, /* an HTTP proxy that is spoken to by TLS */
};

enum upstream_order {
	UPSTREAM_GIVEN,	 /* the first that is up */
	UPSTREAM_ROTATE, /* each in turn */
};

struct upstream_server {
	struct destination at;
	const char *text; /* "proxy.example:3128", one spelling */
	/* Of this configuration, from 0, each its own. */
	uint32_t number;
	struct upstream_health *health; /* of all threads; counted by the site */
	struct tls_peer *tls;		/* with UPSTREAM_HTTPS; counted by the site */
};

/* Borrowed from the configuration, what has no other comment. */
struct upstream {
	const struct access_place *to; /* to_n; none: everything */
	size_t to_n;
	const struct access_place *except; /* of those */
	size_t except_n;
	enum upstream_kind kind;
	struct upstream_server *servers; /* servers_n */
	size_t servers_n;
	enum upstream_order order;
	bool or_direct;		    /* when none of them can be reached */
	uint64_t pause_ms;	    /* one that could not be is passed over for that long */
	struct span user, password; /* of SOCKS; empty: none */
	struct span authorization;  /* of HTTP: of Proxy-Authorization; empty: none */
};

static inline bool upstream_is_http(const struct upstream *u)
{
	return u->kind == UPSTREAM_HTTP || u->kind == UPSTREAM_HTTPS;
}

/* NULL: none, directly. inside: it is an address of the inside that may be gone to; of those only
 * an entry decides that names its place. */
const struct upstream *upstream_find(const struct upstream *all, size_t n,
				     const struct destination *to, bool inside);

/* The server that is to be tried now, of those that are not in `tried` (bit i: servers[i]), and is
 * claimed by that for one who finds out whether it is up again. Those that are down come last, if
 * `down` lets them. NULL: there is none. */
struct upstream_server *upstream_choose(const struct upstream *u, unsigned tried, bool down,
					uint64_t now_ms);
/* Is one of them to be tried now, other than as the last resort? */
bool upstream_is_up(const struct upstream *u, uint64_t now_ms);

#endif
