/* One thread of the resolver: its loop, its sockets to clients and servers, its engine. Knows
 * nothing of configuration files and decides nothing about names. */
#ifndef RESOLVER_IO_WORKER_H
#define RESOLVER_IO_WORKER_H

#include "base/slab.h"
#include "base/spsc_queue.h"
#include "os/counters.h"
#include "os/loop.h"
#include "os/thread.h"
#include "os/udp.h"
#include "service/resolver/conf.h"
#include "service/resolver/engine.h"

#define RESOLVER_SOCKETS_MAX 64u
#define RESOLVER_UPSTREAM_TCP                                                                      \
	256u /* connections to servers at once, each with room for a whole answer */
#define RESOLVER_TRACES_MAX 16u
#define RESOLVER_LINES_MAX  4096u /* of traces, on their way to the main thread */

struct resolver_worker;
struct upstream;
struct tcp_asker;

struct resolver_udp {
	struct resolver_worker *worker;
	struct loop_watch watch;
	struct udp_socket socket;
};

struct resolver_tcp {
	struct resolver_worker *worker;
	struct loop_watch watch;
	struct loop_timer retry; /* after the process ran out of descriptors */
	int fd;
};

/* From the main thread. */
struct resolver_order {
	enum { RESOLVER_ORDER_TRACE, RESOLVER_ORDER_FORGET_SERVERS } kind;
	uint64_t trace;
	struct dns_name name;
	uint16_t type;
};

/* To the main thread: a step of a trace and the bytes that it points to; free() by who takes it.
 * step.kind is TRACE_SUMMARY for the last. */
struct resolver_line {
	uint64_t trace;
	struct trace_step step;
	uint8_t records[];
};

/* A question that could not be sent. */
struct resolver_failure {
	struct ask_ref ref;
	bool sent; /* the network is there; it is this address that cannot be asked */
};

/* Storage must not move once the worker is started. */
struct resolver_worker {
	struct thread thread;
	struct loop loop;
	struct counter_row row, listed;	       /* listed: by numbers of the policy's lists */
	struct resolver_rules *rules;	       /* in use; a reference is held */
	_Atomic(struct resolver_rules *) next; /* published and not yet seen */
	atomic_bool stop;
	struct engine *engine;
	struct filter_stats filtered; /* likewise, of the filter's */
	struct engine_stats counted;  /* what of the engine's stats is in the row already */
	struct udp_batch *batch;
	struct resolver_udp udp[RESOLVER_SOCKETS_MAX];
	size_t udp_n;
	struct resolver_tcp tcp[RESOLVER_SOCKETS_MAX];
	size_t tcp_n;
	struct loop_timer timer; /* of the engine */

	/* Questions to servers, by ask_ref.slot. */
	struct upstream **asked;
	size_t asked_n;
	struct slab upstreams, upstream_tcps;
	struct resolver_failure
		*failed; /* could not be sent; told to the engine when it has returned */
	size_t failed_n;
	uint8_t ports[512]; /* random bytes for source ports */
	size_t ports_at;

	/* Clients over TCP, by the low half of asker.token. */
	struct tcp_asker **askers;
	size_t askers_max, askers_n;
	uint32_t asker_serial;
	struct slab asker_slab;
	struct tcp_asker *oldest, *newest; /* by their last sign of life */

	struct spsc_queue *orders; /* from the main thread; worker 0 only */
	struct spsc_queue *lines;  /* of struct resolver_line *, to it */
	struct loop *main;	   /* woken for lines */
	uint8_t datagram[UDP_DATAGRAM_MAX];
};

struct resolver_worker_options {
	struct counter_row row, listed;
	struct resolver_rules *rules; /* the worker takes a reference of its own */
	struct cache *cache;
	size_t walks_max, clients_max;
	bool shared; /* other workers wait on the same descriptors */
	bool traces; /* this one takes orders from main */
	struct loop *main;
};

/* udp and tcp: descriptors, borrowed; they stay open until resolver_worker_done. */
MUST enum err resolver_worker_init(struct resolver_worker *w,
				   const struct resolver_worker_options *options, const int *udp,
				   size_t udp_n, const int *tcp, size_t tcp_n);
MUST enum err resolver_worker_start(struct resolver_worker *w, const char *name, int cpu);
/* From the main thread: the worker turns to the rules (a reference of its own) before its next
 * query. */
void resolver_worker_publish(struct resolver_worker *w, struct resolver_rules *rules);
/* What was published last is what it goes by. */
bool resolver_worker_follows(const struct resolver_worker *w);
/* From the main thread, to the worker with traces. ERR_LIMIT: it has too much to do. */
MUST enum err resolver_worker_order(struct resolver_worker *w, const struct resolver_order *order);
/* Ends the thread and gives all back. Accepts one that was never started. */
void resolver_worker_done(struct resolver_worker *w);

/* Rows of the table of counters. */
enum resolver_counter {
	RESOLVER_QUERIES_UDP,
	RESOLVER_QUERIES_TCP,
	RESOLVER_HITS,
	RESOLVER_JOINED,
	RESOLVER_WALKS,
	RESOLVER_WALKS_NOW,
	RESOLVER_LIMIT,
	RESOLVER_ANSWERED,
	RESOLVER_NXDOMAIN,
	RESOLVER_SERVFAIL,
	RESOLVER_SYNTHESIZED,
	RESOLVER_BLOCKED,
	RESOLVER_ALIASED,
	RESOLVER_ALLOWED,
	RESOLVER_SAFE,
	RESOLVER_REFUSED,
	RESOLVER_MALFORMED,
	RESOLVER_DROPPED,
	RESOLVER_ASKS_UDP,
	RESOLVER_ASKS_TCP,
	RESOLVER_TIMEOUTS,
	RESOLVER_MISMATCHED,
	RESOLVER_LAME,
	RESOLVER_COOKIES_BAD,
	RESOLVER_TCP_ACCEPTED,
	RESOLVER_TCP_OPEN,
	RESOLVER_TCP_CLOSED_IDLE,
	RESOLVER_TCP_REFUSED,
	RESOLVER_SEND_DROPPED,
	RESOLVER_COUNTERS,
};
extern const struct counter_name resolver_counter_names[RESOLVER_COUNTERS];

/* io_udp.c */
void resolver_udp_ready(void *arg, uint32_t events);
void resolver_udp_answer(struct resolver_worker *w, const struct asker *to, struct span message);

/* io_tcp.c */
MUST enum err resolver_tcp_init(struct resolver_worker *w);
void resolver_tcp_ready(void *arg, uint32_t events);
void resolver_tcp_retry(void *arg);
void resolver_tcp_answer(struct resolver_worker *w, const struct asker *to, struct span message);
void resolver_tcp_done(struct resolver_worker *w);

/* io_upstream.c */
MUST enum err resolver_upstream_init(struct resolver_worker *w, size_t walks_max);
void resolver_upstream_ask(void *ctx, struct ask_ref ref, enum engine_transport transport,
			   const struct ip_endpoint *to, const struct ip_address *source,
			   struct span message);
void resolver_upstream_forget(void *ctx, struct ask_ref ref);
/* Tells the engine of what could not be sent; after every call of the engine. */
void resolver_upstream_settle(struct resolver_worker *w);
void resolver_upstream_done(struct resolver_worker *w);

#endif
