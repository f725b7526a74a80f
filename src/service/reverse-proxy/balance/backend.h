/* What is known of one back end by all workers and the main thread: how busy, how fast, how well it
 * is; in atomics, kept under its identity so that it outlives a reload. Knows no socket, no clock
 * and no configuration.
 *
 *	main:	registry_backend(r, pool, &endpoint, &b)	the one there is, or a new one
 *		backend_set_checked(b, now_ms, true)		active checks
 *		backend_set_drained(b, true)			an administrator
 *	worker:	pool_pick (pool.h) takes a place at it; pool_done gives the place back
 */
#ifndef REVERSE_PROXY_BALANCE_BACKEND_H
#define REVERSE_PROXY_BALANCE_BACKEND_H

#include "base/err.h"
#include "base/siphash.h"
#include "base/table.h"
#include "proto/ip/address.h"

#include <stdatomic.h>

enum {
	BACKEND_POOL_NAME_MAX = 63,
	/* Answers are counted by the time to their first byte, four classes to each doubling:
	 * from 64 us to 64 s, the last holds what is longer. */
	BACKEND_TIMES = 80,
};

/* What active checks said last. */
enum backend_checked {
	BACKEND_UNCHECKED, /* nothing yet, or no checks are configured: taken for well */
	BACKEND_WELL,
	BACKEND_ILL,
};

enum backend_breaker {
	BACKEND_BREAKER_CLOSED,
	BACKEND_BREAKER_OPEN,	   /* nothing goes there until a time */
	BACKEND_BREAKER_HALF_OPEN, /* a few go there to see */
};

struct backend {
	/* The identity; never changes. */
	struct ip_endpoint at;
	char pool[BACKEND_POOL_NAME_MAX + 1];
	uint64_t id;	/* a hash of the identity by a secret of the registry; in sticky cookies */
	uint64_t place; /* a hash of the identity without any secret: its place in hash rings */

	atomic_uint refs;

	/* Load. */
	_Alignas(64) atomic_uint in_flight; /* requests or streams there now, of all workers */
	atomic_uint connections;  /* open to it, idle ones too; whoever opens them counts */
	_Atomic uint64_t latency; /* private: see backend_latency_us */

	/* Health; times are monotonic, 0: never. */
	_Alignas(64) _Atomic uint8_t checked; /* enum backend_checked */
	atomic_bool drained;		      /* by an administrator: nothing new, sticky stays */
	_Atomic uint64_t up_since_ms;	      /* slow start counts from here; 0: always was up */
	_Atomic uint64_t ejected_until_ms;    /* passive: it failed too often */
	atomic_uint ejections;		      /* in a row: the time grows with them */
	atomic_uint failures_in_a_row;
	_Atomic uint64_t window;  /* private to breaker.c: requests and failures of late */
	_Atomic uint64_t breaker; /* private to breaker.c: state, until when, probes */
	atomic_uint interval_requests, interval_failures; /* of outlier.c's interval */
	_Atomic(const char *) fault; /* why TLS to it failed last, a fixed text; NULL: it did not */
	const char *fault_told;	     /* the main thread's: what the log has of it */

	/* Counters since the start. */
	_Atomic uint64_t requests, answers[6], connect_errors, resets, timeouts, retries;
	_Atomic uint64_t tls_errors;				   /* among connect_errors */
	_Atomic uint64_t ejected_n, opened_n, bytes_in, bytes_out; /* in: from it */
	_Atomic uint32_t times[BACKEND_TIMES];
};

/* A moving mean of the time to the first byte (an eighth of each new one); 0: not known. It is
 * halved for every 8 s without a sample, so that one slow answer is not held against it for ever.
 */
uint64_t backend_latency_us(const struct backend *b, uint64_t now_ms);
void backend_latency_add(struct backend *b, uint64_t now_ms, uint64_t latency_us);

/* The class of BACKEND_TIMES of a time, and the least time that is above the class. */
unsigned backend_time_class(uint64_t us);
uint64_t backend_time_bound_us(unsigned class);

/* Active checks have come to another opinion. From ill to well: slow start, and ejection and
 * breaker are forgotten. */
void backend_set_checked(struct backend *b, uint64_t now_ms, enum backend_checked checked);
static inline enum backend_checked backend_checked(const struct backend *b)
{
	return (enum backend_checked)atomic_load_explicit(&b->checked, memory_order_relaxed);
}
void backend_set_drained(struct backend *b, uint64_t now_ms, bool drained);

/* Not ill, not drained, not ejected, breaker not open: why it may not be asked, as the control
 * socket says; "up" when it may. */
const char *backend_state_text(const struct backend *b, uint64_t now_ms);

struct backend *backend_ref(struct backend *b);
void backend_unref(struct backend *b); /* any thread; accepts NULL */

/* --- all of them: the main thread's --- */

/* What all back ends of a pool share and what outlives a reload; the pool itself is immutable. */
struct pool_state {
	char name[BACKEND_POOL_NAME_MAX + 1];
	atomic_uint refs;
	_Alignas(64) atomic_uint turn; /* round robin goes on here */
	atomic_uint in_flight;
	atomic_uint retries_in_flight;
	_Atomic uint64_t compare_at_ms; /* private to outlier.c: the end of the interval */
	/* Counters since the start. */
	_Alignas(64) _Atomic uint64_t requests, retries, retries_refused, fail_open, full, none,
		ejections_spared;
	_Atomic uint64_t waited, wait_refused, wait_timeouts;
};
struct pool_state *pool_state_ref(struct pool_state *s);
void pool_state_unref(struct pool_state *s); /* any thread; accepts NULL */

struct registry {
	struct table backends, states;
	struct hash_key secret; /* of backend.id */
};

/* key: random. secret: by the configuration, so that cookies outlive a restart and gateways agree,
 * or random. */
void registry_init(struct registry *r, struct hash_key key, struct hash_key secret);
void registry_done(struct registry *r); /* accepts zeroed storage */

/* The one of that pool at that address, with a reference for the caller; made when there is none:
 * *ret_new (may be NULL) tells. ERR_LIMIT, ENOMEM. */
MUST enum err registry_backend(struct registry *r, const char *pool, const struct ip_endpoint *at,
			       struct backend **ret, bool *ret_new);
MUST enum err registry_state(struct registry *r, const char *pool, struct pool_state **ret,
			     bool *ret_new);
/* The one at that address in that pool, or NULL; without a reference. */
struct backend *registry_find(const struct registry *r, const char *pool,
			      const struct ip_endpoint *at);
/* Forgets those that only the registry still holds. Returns how many. Call it now and then, some
 * time after a change, so that a back end that comes back soon is known. */
size_t registry_sweep(struct registry *r);

#endif
