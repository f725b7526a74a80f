/* One thread that answers: its loop, its sockets, its clients, its row of counters, and the
 * generation that it reads. Knows nothing of configuration files or of how zones are loaded. */
#ifndef AUTHORITY_IO_WORKER_H
#define AUTHORITY_IO_WORKER_H

#include "os/loop.h"
#include "os/thread.h"
#include "os/udp.h"
#include "service/authority/generation.h"
#include "service/authority/io_counters.h"
#include "service/authority/io_updater.h"

struct slab;
struct tcp_client;
struct worker;

#define WORKER_SOCKETS_MAX 256 /* addresses that one service listens on */

struct worker_udp {
	struct worker *worker;
	struct loop_watch watch;
	struct udp_socket socket;
};

struct worker_tcp {
	struct worker *worker;
	struct loop_watch watch;
	struct loop_timer retry; /* after the process ran out of descriptors */
	int fd;
};

/* Storage must not move once the worker is started. */
struct worker {
	struct thread thread;
	struct loop loop;
	struct counter_row row;
	struct generation *generation;	   /* in use; a reference is held */
	_Atomic(struct generation *) next; /* published and not yet seen; a reference is held */
	atomic_bool stop;
	uint64_t random; /* state of a generator that spreads load and guards nothing */
	struct udp_batch *batch;
	struct worker_udp udp[WORKER_SOCKETS_MAX];
	size_t udp_n;
	struct worker_tcp tcp[WORKER_SOCKETS_MAX];
	size_t tcp_n;
	size_t clients_max, clients_n;
	struct slab *clients;		    /* of struct tcp_client */
	struct tcp_client *oldest, *newest; /* by their last sign of life */
	struct updater *updater;	    /* borrowed; NULL: there is none */
	size_t port, updates_out;	    /* with the updater */
};

struct worker_options {
	struct counter_row row;
	struct generation *generation; /* the worker takes a reference of its own */
	size_t clients_max;
	bool shared;		 /* other workers wait on the same descriptors */
	struct updater *updater; /* borrowed */
	size_t port;
};

/* udp and tcp: descriptors, borrowed; they must stay open until worker_done. */
MUST enum err worker_init(struct worker *w, const struct worker_options *options, const int *udp,
			  size_t udp_n, const int *tcp, size_t tcp_n);
MUST enum err worker_start(struct worker *w, const char *name, int cpu);
/* From any one thread: the worker turns to g (a reference of its own) before its next query. */
void worker_publish(struct worker *w, struct generation *g);
/* What was published last is what it goes by. */
bool worker_follows(const struct worker *w);
/* Ends the thread and gives all back. Accepts one that was never started. */
void worker_done(struct worker *w);

/* A number that differs from query to query. */
static inline uint32_t worker_random(struct worker *w)
{
	uint64_t x = w->random; /* Marsaglia's xorshift64 with a multiplier (Vigna's star) */

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	w->random = x;
	return (uint32_t)(x * UINT64_C(2685821657736338717) >> 32);
}

/* io_udp.c, io_tcp.c */
void worker_udp_ready(void *arg, uint32_t events);
MUST enum err worker_tcp_init(struct worker *w);
void worker_tcp_ready(void *arg, uint32_t events);
void worker_tcp_retry(void *arg);
void worker_tcp_done(struct worker *w);
/* The answer to the client's UPDATE came back. */
void worker_tcp_updated(struct tcp_client *c, struct span answer);

/* io_update.c. False, NULL: it cannot be taken, and the answer is SERVFAIL. */
MUST bool worker_update_udp(struct worker *w, struct udp_socket *socket,
			    const struct udp_slot *slot, const struct answer_facts *facts);
MUST struct update_job *worker_update_tcp(struct worker *w, struct tcp_client *client,
					  const struct ip_endpoint *peer, struct span packet,
					  const struct answer_facts *facts);
/* Sends the answers to updates that came back. */
void worker_updates_ready(struct worker *w);

#endif
