/* One thread of the reverse proxy: its loop, the core with its connections, what it sees of the
 * snapshot in force, and the ways to back ends. Knows no configuration file.
 *
 * A view is the worker's own side of a snapshot: for each place of each pool the hop that leads
 * there. Exchanges hold the view that they began with; the worker drops it, and with it its count
 * of the snapshot, when the last of them has ended. Hops are kept by back end, so that connections
 * outlive a reload.
 */
#ifndef REVERSE_PROXY_IO_WORKER_H
#define REVERSE_PROXY_IO_WORKER_H

#include "base/table.h"
#include "os/counters.h"
#include "os/loop.h"
#include "os/thread.h"
#include "proxy/access-log/io_access.h"
#include "proxy/cache/io_cache.h"
#include "proxy/hop.h"
#include "proxy/io_worker.h"
#include "service/reverse-proxy/conf_listen.h"
#include "service/reverse-proxy/route/compression.h"

struct acme_proofs;
struct auth_desk;
struct auth_hasher;
struct backend;
struct guard_state;
struct reverse_line;
struct reverse_snapshot;
struct reverse_datagrams;
struct reverse_streams;
struct reverse_way;

/* Where clients come in; as many as there are sockets of a worker, the same for all workers. */
struct reverse_entry {
	struct ip_endpoint at;
	size_t number;
};

/* A way to a back end, first member the core's. */
struct reverse_hop {
	struct proxy_hop hop;
	struct backend *backend; /* counted */
	struct reverse_way *way; /* counted; NULL: HTTP/1.1, plain */
	size_t views;		 /* that lead here */
	struct reverse_hop *next_closing;
};

struct reverse_view {
	struct reverse_worker *worker;
	struct reverse_snapshot *snapshot; /* counted */
	size_t users;			   /* exchanges; one more while it is in force */
	struct reverse_hop ***hops;	   /* [pool][member] */
	/* By reverse_entry.number; NULL: not served any more. Borrowed from the configuration. */
	const struct reverse_listen_conf **listens;
};

/* Storage must not move once the worker is started. */
struct reverse_worker {
	struct thread thread;
	struct loop loop;
	struct proxy_io *io;
	struct proxy_listener **listeners;   /* entries_n */
	const struct reverse_entry *entries; /* borrowed from main */
	size_t entries_n;
	struct reverse_view *view;		 /* the one in force */
	_Atomic(struct reverse_snapshot *) next; /* published and not yet seen; counted */
	atomic_bool stop, drain;
	atomic_bool drained; /* the last connection has gone */
	bool core_drained;   /* that of HTTP has */
	struct reverse_streams *streams;
	struct reverse_datagrams *datagrams;
	atomic_uint_fast64_t seen;  /* number of the snapshot in force */
	struct table hops;	    /* struct reverse_hop by back end and way */
	struct access_out *access;  /* borrowed from main, who reads its other end */
	struct loop *main;	    /* woken when it has drained */
	uint64_t random[2];	    /* xoroshiro128+ */
	struct reverse_line *lines; /* of those that wait, by pool's state */
	struct loop_timer look;	    /* at those lines */
	struct proxy_limits limits; /* before a verdict */
	struct guard_state *guard;  /* borrowed from main; shared by all workers */
	struct auth_desk *desk;	    /* passwords on their way to the hash thread */
	struct compression_pool compression;
	struct acme_proofs *proofs; /* borrowed from main; shared by all workers */
	struct proxy_cache_desk cache;
};

struct reverse_worker_options {
	struct reverse_snapshot *snapshot;   /* the worker takes a count of its own */
	const struct reverse_entry *entries; /* borrowed */
	const int *fds;			     /* entries_n listening sockets, borrowed */
	size_t entries_n;
	const struct ip_endpoint *streams_at; /* borrowed */
	const int *stream_fds;		      /* streams_n listening sockets, borrowed */
	size_t streams_n;
	const struct ip_endpoint *datagrams_at; /* borrowed */
	const int *datagram_fds;		/* datagrams_n bound sockets, borrowed */
	size_t datagrams_n;
	size_t sessions_max, client_sessions_max; /* of datagrams; the latter 0: no limit */
	size_t connections_max, exchanges_max, buffers_max; /* as many streams as connections */
	struct loop *main;				    /* borrowed */
	struct guard_state *guard;			    /* borrowed */
	struct cache_memory *cache;			    /* borrowed */
	unsigned number;				    /* from 0 */
	struct ring *ring;				    /* borrowed; NULL: none */
	struct auth_hasher *hasher;			    /* borrowed */
	struct acme_proofs *proofs;			    /* borrowed */
	struct access_out *access; /* borrowed, zeroed: begun here, ended by the caller */
};

MUST enum err reverse_worker_init(struct reverse_worker *w,
				  const struct reverse_worker_options *options);
MUST enum err reverse_worker_start(struct reverse_worker *w, const char *name, int cpu);
/* From the main thread: new exchanges go by this one (a count of its own is taken). */
void reverse_worker_publish(struct reverse_worker *w, struct reverse_snapshot *s);
/* What was published last is what it goes by. */
bool reverse_worker_follows(const struct reverse_worker *w);
/* From the main thread: no new connections, and those there are end with what runs on them. */
void reverse_worker_drain(struct reverse_worker *w);
/* Ends the thread only; what other threads may still call stays. Accepts zeroed storage. */
void reverse_worker_stop(struct reverse_worker *w);
/* Ends the thread and gives all back. After auth_hasher_free. Accepts zeroed storage. */
void reverse_worker_done(struct reverse_worker *w);

/* A number that looks random; not a secret. */
uint64_t reverse_worker_random(struct reverse_worker *w);

/* --- io_view.c: in the worker's thread --- */

/* Zeroed storage but for the worker's fields above. ENOMEM. */
MUST enum err reverse_view_new(struct reverse_worker *w, struct reverse_snapshot *s,
			       struct reverse_view **ret);
static inline struct reverse_view *reverse_view_use(struct reverse_view *v)
{
	v->users++;
	return v;
}
void reverse_view_leave(struct reverse_view *v); /* accepts NULL */
/* A hop that was closed has no connection any more. */
void reverse_hop_empty(struct reverse_hop *h);
/* Frees those that are left, without the core. */
void reverse_hops_done(struct reverse_worker *w);

/* io_face.c: what the core asks; arg is the worker. */
extern const struct proxy_face reverse_face;

#endif
