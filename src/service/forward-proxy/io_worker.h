/* One thread of the forward proxy: its loop, the core with its connections, what it sees of the
 * site in force, the names that it knows and the ways to origins. Knows no configuration file.
 *
 * Exchanges hold the view of the site that they began with; the worker drops it, and with it its
 * count of the site, when the last of them has ended. Names and origins are the worker's own and
 * outlive reloads.
 */
#ifndef FORWARD_PROXY_IO_WORKER_H
#define FORWARD_PROXY_IO_WORKER_H

#include "os/counters.h"
#include "os/loop.h"
#include "os/thread.h"
#include "proxy/access-log/io_access.h"
#include "proxy/cache/io_cache.h"
#include "proxy/io_worker.h"
#include "service/forward-proxy/io_names.h"
#include "service/forward-proxy/io_own.h"
#include "service/forward-proxy/io_review.h"
#include "service/forward-proxy/io_site.h"
#include "service/forward-proxy/io_top.h"
#include "service/forward-proxy/origin.h"
#include "service/forward-proxy/refusal.h"

struct auth_attempts;
struct auth_desk;
struct auth_hasher;
struct auth_known;
struct bandwidth;
struct crowd;
struct forward_revocation;
struct policy_held;
struct quota_table;

/* Where clients come in; as many as there are sockets of a worker, the same for all workers. */
struct forward_entry {
	struct ip_endpoint at;
	size_t number;
};

struct forward_view {
	struct forward_worker *worker;
	struct forward_site *site; /* counted */
	size_t users;		   /* exchanges; one more while it is in force */
	/* By forward_entry.number; NULL: not served any more. Borrowed from the configuration. */
	const struct forward_listen_conf **listens;
};

enum forward_count {
	FORWARD_COUNT_FETCHES, /* requests for http addresses that were let go */
	FORWARD_COUNT_TUNNELS,
	FORWARD_COUNT_SOCKS,
	FORWARD_COUNT_ASSOCIATIONS,
	FORWARD_COUNT_DATAGRAMS_UP,
	FORWARD_COUNT_DATAGRAMS_DOWN,
	FORWARD_COUNT_DATAGRAMS_DROPPED,
	FORWARD_COUNT_TAKEN,		 /* requests on their way elsewhere */
	FORWARD_COUNT_TAKEN_TLS,	 /* connections of TLS likewise, that were let go */
	FORWARD_COUNT_UNPROVED,		 /* of them, with a name that does not lead there */
	FORWARD_COUNT_NAMES,		 /* that were asked for */
	FORWARD_COUNT_INSPECTED,	 /* tunnels whose client was answered here */
	FORWARD_COUNT_INSPECT_BAD,	 /* by a page: their server was not good */
	FORWARD_COUNT_INSPECT_SKIPPED,	 /* tunnels of such clients that were not, by `skip` */
	FORWARD_COUNT_INSPECT_LEFT,	 /* or because it would not work */
	FORWARD_COUNT_REVOCATION_ASKED,	 /* questions to OCSP servers */
	FORWARD_COUNT_REVOCATION_UNTOLD, /* that had no answer, or could not be asked */
	FORWARD_COUNT_INSPECT_REFUSED,	 /* whose client refused the handshake with us */
	FORWARD_COUNT_INSPECT_GONE,	 /* or ended ahead of its end, and did not say why */
	FORWARD_COUNT_FELL,		 /* to direct, as no upstream could be reached */
	FORWARD_COUNT_SCRIPTS,		 /* of ours, for browsers */
	FORWARD_COUNT_CUT,		 /* tunnels and associations that may be no more */
	FORWARD_COUNT_DATAGRAMS_OVER,	 /* of the dropped: over `bandwidth` or a quota */
	FORWARD_COUNT_CROWDED,		 /* connections of clients that had too many */
	FORWARD_COUNT_PACED,		 /* how often octets waited for their time */
	FORWARD_COUNT_REFUSED,		 /* REFUSALS numbers */
	FORWARD_COUNTS = FORWARD_COUNT_REFUSED + REFUSALS,
};

/* Storage must not move once the worker is started. */
struct forward_worker {
	struct thread thread;
	struct loop loop;
	struct proxy_io *io;
	struct proxy_listener **listeners;   /* entries_n */
	const struct forward_entry *entries; /* borrowed from main */
	size_t entries_n;
	struct forward_view *view;		   /* the one in force */
	_Atomic(struct forward_site *) next;	   /* published and not yet seen; counted */
	struct policy_held *policy;		   /* in force; counted; NULL: none */
	uint64_t policies;			   /* that came since the start */
	_Atomic(struct policy_held *) next_policy; /* published and not yet seen; counted */
	atomic_bool stop, drain;
	atomic_bool drained;	   /* the last connection has gone */
	atomic_uint_fast64_t seen; /* number of the site in force */
	struct forward_names *names;
	struct origins origins;
	struct forward_own own;
	size_t associations, associations_max;
	struct forward_review review;
	struct auth_desk *desk;		      /* where passwords are hashed */
	struct auth_known *known;	      /* borrowed from main */
	struct auth_known *people_known;      /* likewise: of the tunnels' users */
	struct auth_attempts *attempts;	      /* likewise */
	struct bandwidth *bandwidth;	      /* likewise */
	struct quota_table *quotas;	      /* likewise */
	struct crowd *connected, *associated; /* likewise: how many each client has */
	struct proxy_cache_desk cache;
	struct forward_revocation *revocation;
	struct forward_inspection *inspection; /* the main thread reads it, too */
	struct forward_top *top;	       /* the main thread reads it, too */
	struct access_out *access;	       /* borrowed from main, who reads its other end */
	struct loop *main;		       /* woken when it has drained */
	struct proxy_limits limits;	       /* before a verdict */
	atomic_uint_fast64_t counts[FORWARD_COUNTS];
};

struct forward_worker_options {
	struct forward_site *site;	     /* the worker takes a count of its own */
	const struct forward_entry *entries; /* borrowed */
	const int *fds;			     /* entries_n listening sockets, borrowed */
	size_t entries_n;
	size_t connections_max, exchanges_max, buffers_max, origins_max, associations_max;
	struct loop *main;		      /* borrowed */
	struct auth_hasher *hasher;	      /* borrowed, until its end before _done */
	struct auth_known *known;	      /* borrowed */
	struct auth_known *people_known;      /* borrowed */
	struct auth_attempts *attempts;	      /* borrowed */
	struct bandwidth *bandwidth;	      /* borrowed */
	struct quota_table *quotas;	      /* borrowed */
	struct crowd *connected, *associated; /* borrowed */
	struct cache_memory *cache;	      /* borrowed; NULL: nothing is kept */
	struct policy_held *policy;	      /* the worker takes a count of its own; NULL: none */
	unsigned number;		      /* of this worker */
	struct ring *ring;		      /* borrowed; NULL: none */
	struct access_out *access; /* borrowed, zeroed: begun here, ended by the caller */
};

MUST enum err forward_worker_init(struct forward_worker *w,
				  const struct forward_worker_options *options);
MUST enum err forward_worker_start(struct forward_worker *w, const char *name, int cpu);
/* From the main thread: new exchanges go by this one (a count of its own is taken). */
void forward_worker_publish(struct forward_worker *w, struct forward_site *s);
/* What was published last is what it goes by. */
bool forward_worker_follows(const struct forward_worker *w);
/* From the main thread: requests are judged by this one (a count of its own is taken). */
void forward_worker_obey(struct forward_worker *w, struct policy_held *held);
/* From the main thread: no new connections, and those there are end with what runs on them. */
void forward_worker_drain(struct forward_worker *w);
/* Ends the thread only. Accepts zeroed storage. */
void forward_worker_stop(struct forward_worker *w);
/* Ends the thread and gives all back. Accepts zeroed storage. */
void forward_worker_done(struct forward_worker *w);

static inline struct forward_view *forward_view_use(struct forward_view *v)
{
	v->users++;
	return v;
}
void forward_view_leave(struct forward_view *v); /* accepts NULL */

static inline void forward_count(struct forward_worker *w, unsigned which)
{
	/* One writer. */
	atomic_uint_fast64_t *at = &w->counts[which];
	atomic_store_explicit(at, atomic_load_explicit(at, memory_order_relaxed) + 1,
			      memory_order_relaxed);
}

#endif
