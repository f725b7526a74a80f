/* How much may move in a time for a client, a user, or several together: token buckets that all
 * workers share. Knows no connection, no message and no clock.
 *
 * A bucket is one number, when it is full again (GCRA, ITU-T I.371): who asks is granted a little
 * at the time at which it is there, behind those who asked before, and comes back with the next. So
 * many that share a bucket have their turns, and nobody waits for a lock.
 *
 * Bounded: where there is no room a new client takes the bucket that has been full for longest. */
#ifndef FORWARD_PROXY_ACCESS_BANDWIDTH_H
#define FORWARD_PROXY_ACCESS_BANDWIDTH_H

#include "service/forward-proxy/access/access.h"

enum {
	BANDWIDTH_LIMITS_MAX = 16,
	BANDWIDTH_RATE_MIN = 1024,
	BANDWIDTH_BURST_MS = 1000,
	BANDWIDTH_DATAGRAM_MS = 500
};

enum bandwidth_direction { BANDWIDTH_UP, BANDWIDTH_DOWN, BANDWIDTH_DIRECTIONS };

/* Whose octets are counted together. */
enum bandwidth_by {
	BANDWIDTH_BY_ADDRESS, /* an IPv6 client is its /64 */
	BANDWIDTH_BY_USER,    /* who is not signed in: by address */
	BANDWIDTH_BY_ALL,     /* whoever the limit fits */
};

/* All that is given must fit the client; an empty list fits everybody. */
struct bandwidth_limit {
	const struct ip_prefix *from;
	size_t from_n;
	const char *const *groups; /* of the site's policy; one is enough */
	size_t groups_n;
	const char *const *users; /* "*": whoever is signed in */
	size_t users_n;
	enum bandwidth_by by;
	/* Octets a second, from BANDWIDTH_RATE_MIN on; 0: no limit. After a pause as many as in
	 * BANDWIDTH_BURST_MS go at once. */
	uint64_t rates[BANDWIDTH_DIRECTIONS];
};

struct bandwidth_limits {
	const struct bandwidth_limit *items;
	size_t n; /* at most BANDWIDTH_LIMITS_MAX */
};

/* The buckets that an exchange draws from; plain storage, nothing is held. */
struct bandwidth_claim {
	struct {
		uint64_t name;
		uint64_t rates[BANDWIDTH_DIRECTIONS];
	} items[BANDWIDTH_LIMITS_MAX];
	size_t n;
};

struct bandwidth;

/* buckets_max: at once, 24 bytes each. */
MUST enum err bandwidth_new(size_t buckets_max, struct bandwidth **ret);
void bandwidth_free(struct bandwidth *b); /* accepts NULL */
DEFINE_AUTO(struct bandwidth, bandwidth_free)

/* All limits that fit hold at once. Of f the client, the user, and the groups are looked at; what
 * is not known of groups is taken for the worse: the limit fits. */
void bandwidth_claim(const struct bandwidth *b, const struct bandwidth_limits *limits,
		     const struct access_facts *f, struct bandwidth_claim *ret);
/* The next grant in that direction, and the milliseconds until it may go; SIZE_MAX: there is no
 * limit. Any thread. */
size_t bandwidth_take(struct bandwidth *b, const struct bandwidth_claim *c,
		      enum bandwidth_direction way, uint64_t now_ms, uint32_t *ret_wait_ms);
/* Of a datagram of n octets, which nobody holds up: may it go now? Then it is spent. It goes ahead
 * of what others wait for up to BANDWIDTH_DATAGRAM_MS, so that a long download leaves room for it.
 */
bool bandwidth_pass(struct bandwidth *b, const struct bandwidth_claim *c,
		    enum bandwidth_direction way, size_t n, uint64_t now_ms);
/* n octets of a grant are not used. */
void bandwidth_give(struct bandwidth *b, const struct bandwidth_claim *c,
		    enum bandwidth_direction way, size_t n);

#endif
