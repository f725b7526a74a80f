/* A pool of back ends as one configuration has it, and the choice among them; immutable, counted by
 * references, shared by all workers. Knows no socket and no HTTP: time and entropy are arguments,
 * and a pick allocates nothing.
 *
 *	pick:	struct pool_ask ask = {.now_ms, .random, .hash, .tried = &exchange->tried};
 *		switch (pool_pick(pool, &ask, &place))
 *		POOL_PICKED	connect to place.member->backend->at
 *		POOL_FULL	wait (wait.h) or 503: all that are well have as many as they may
 *		POOL_NONE	503: none is well
 *	done:	pool_done(pool, &place, now_ms, &result), once for each POOL_PICKED
 *	again:	if (pool_may_retry(pool, tried.n)) pick once more with the same .tried
 */
#ifndef REVERSE_PROXY_BALANCE_POOL_H
#define REVERSE_PROXY_BALANCE_POOL_H

#include "base/arena.h"
#include "service/reverse-proxy/balance/backend.h"

enum { POOL_MEMBERS_MAX = 1024, POOL_TRIED_MAX = 8, POOL_WEIGHT_MAX = 256 };

enum pool_balance {
	POOL_TWO_CHOICES, /* two at random, the one with fewer requests for its weight */
	POOL_ROUND_ROBIN, /* in turn, weights spread evenly */
	POOL_LEAST,	  /* the one with the fewest requests for its weight */
	POOL_HASH,	  /* a ring by pool_ask.hash, none loaded much beyond the mean */
	POOL_RANDOM,
};

/* What pool_ask.hash is made of, with POOL_HASH. */
enum pool_hash_by { POOL_HASH_ADDRESS, POOL_HASH_HEADER, POOL_HASH_COOKIE, POOL_HASH_PATH };

enum pool_same_site { POOL_SAME_SITE_LAX, POOL_SAME_SITE_STRICT, POOL_SAME_SITE_NONE };

/* All times in ms; 0 turns a part off unless said otherwise. */
struct pool_policy {
	enum pool_balance balance;
	enum pool_hash_by hash_by;
	const char *hash_name;	/* of the header or cookie; NULL else */
	uint32_t hash_load_pct; /* bounded load: at most this share of the mean; 0: no bound */
	uint64_t slow_start_ms;
	uint32_t requests_max; /* in flight in the whole pool; 0: no limit */
	uint32_t zone_min_pct; /* own zone alone while this share of it is well */
	bool fail_open;	       /* when none is well, ask them all the same */
	struct pool_sticky {
		const char *cookie; /* its name; NULL: not sticky */
		enum pool_same_site same_site;
		bool secure, http_only;
		uint64_t max_age_s; /* 0: as long as the browser's session */
	} sticky;
	/* Passive ejection, outlier.h. */
	struct pool_outlier {
		uint32_t failures; /* this many in a row */
		uint64_t eject_ms, eject_max_ms;
		uint32_t eject_max_pct;	    /* of the pool's members at once */
		uint64_t interval_ms;	    /* success rates are compared this often */
		uint32_t interval_requests; /* those with fewer are not judged */
		uint32_t deviations_tenths; /* below the mean by so many standard deviations */
	} outlier;
	/* Circuit breaker of each back end, breaker.h. */
	struct pool_breaker {
		uint32_t failure_pct, requests_min;
		uint64_t window_ms, open_ms;
		uint32_t probes;
	} breaker;
	/* A retry is allowed while those under way are fewer than this share of all requests under
	 * way and this number more, so that retries cannot bury back ends that struggle. */
	struct pool_retry {
		uint32_t tries_max; /* of one request, the first counted; 1: none again */
		uint32_t budget_pct, budget_min;
	} retry;
	/* Of each worker, wait.h. */
	struct pool_wait {
		uint32_t length;
		uint64_t time_ms;
	} wait;
};

struct pool_member {
	struct backend *backend; /* counted */
	const char *name;	 /* as configured, of the host; borrowed from the pool */
	const char *host; /* by which it proves itself; borrowed from the pool; may be NULL */
	uint16_t weight;  /* 1..POOL_WEIGHT_MAX */
	uint16_t level;	  /* 0 first; higher ones only when none of the lower is well */
	bool own_zone;
	bool draining;	       /* by the configuration: as backend.drained */
	uint32_t requests_max; /* in flight there, of all workers; 0: no limit */
};

struct pool_tier;

struct pool {
	atomic_uint refs;
	struct pool_state *state;  /* counted */
	struct pool_policy policy; /* its texts are borrowed from the pool */
	struct pool_member *members;
	size_t members_n;
	/* private */
	struct pool_tier *tiers; /* in the order in which they are tried */
	size_t tiers_n;
	struct arena memory;
};

/* Copies all; members' backends are referenced once more. Several members of one back end: the
 * first counts. members_n may be 0. ERR_LIMIT, ENOMEM. */
MUST enum err pool_new(struct pool_state *state, const struct pool_policy *policy,
		       const struct pool_member *members, size_t members_n, struct pool **ret);
struct pool *pool_ref(struct pool *p);
void pool_unref(struct pool *p); /* any thread; accepts NULL */

/* Those that an exchange has tried, so that it does not meet one twice while there are others. */
struct pool_tried {
	const struct backend *items[POOL_TRIED_MAX]; /* borrowed; compared, never followed */
	size_t n;
};

struct pool_ask {
	uint64_t now_ms;
	uint64_t random;
	uint64_t hash;		  /* with POOL_HASH: pool_hash of what policy.hash_by says */
	bool has_hash;		  /* false: what it is made of is absent; two choices then */
	uint64_t sticky_id;	  /* from the cookie (sticky.h); 0: none */
	struct pool_tried *tried; /* NULL: none; what is picked is added */
	bool waits;		  /* in a line: that all are full is not counted again */
};

enum pool_verdict { POOL_PICKED, POOL_FULL, POOL_NONE };

/* A place at a back end; until pool_done it counts in in_flight. Holds no reference: keep the pool.
 */
struct pool_place {
	const struct pool_member *member;
	bool moved;	/* another than the sticky id names, or there was none: set the cookie */
	bool fail_open; /* none was well, and it was picked all the same */
	bool probe;	/* the breaker is half open, and this is to see */
	bool again;	/* a retry, by the budget */
};

enum pool_verdict pool_pick(const struct pool *p, const struct pool_ask *ask,
			    struct pool_place *ret);

enum pool_result_kind {
	POOL_RESULT_ANSWERED,	    /* status says what; streams: it ended well */
	POOL_RESULT_CONNECT_FAILED, /* refused, unreachable, TLS */
	POOL_RESULT_RESET,	    /* it closed or reset before the end, or wrote nonsense */
	POOL_RESULT_TIMEOUT,	    /* it did not answer in time */
	POOL_RESULT_ABANDONED,	    /* the client went, or we: says nothing about it */
};

struct pool_result {
	enum pool_result_kind kind;
	uint16_t status;     /* of the answer; 0: a stream */
	uint64_t latency_us; /* to the first byte, or to the connection of a stream; 0: not known */
	uint64_t bytes_in, bytes_out; /* in: from the back end */
};

/* What an exchange came to. Of statuses only 502, 503 and 504 are failures to ejection and breaker:
 * a 500 may be an application's answer to one request, and who sends that often must not be able to
 * have back ends ejected. */
void pool_done(const struct pool *p, const struct pool_place *place, uint64_t now_ms,
	       const struct pool_result *result);

/* Before a request goes again: is there room in the budget? tries: those made. Says nothing about
 * whether the request may be repeated at all. */
bool pool_may_retry(const struct pool *p, size_t tries);

/* A hash for pool_ask.hash and for hash rings: the same on every machine, so that gateways agree.
 */
uint64_t pool_hash(struct span bytes);

/* Members that are well now, those that have as many requests as they may among them. */
size_t pool_well(const struct pool *p, uint64_t now_ms);

/* The main thread, once a second: forgives old ejections, and each policy.outlier.interval_ms
 * ejects those whose share of successes is far below the others'. */
void pool_outliers_turn(const struct pool *p, uint64_t now_ms);

#endif
