/* What the resolver's control socket shows and does: traces, the cache, counters. Knows no packets.
 */
#ifndef RESOLVER_CONTROL_H
#define RESOLVER_CONTROL_H

#include "control/control.h"
#include "service/resolver/io_policy.h"
#include "service/resolver/io_worker.h"

struct cache;
struct policy_follow;
struct resolver_forwarders;
struct service_life;

struct resolver_trace {
	uint64_t number;	       /* 0: free */
	struct control_stream *stream; /* NULL: the reader has gone */
	unsigned steps;
};

/* What the main thread has; filled by main.c. */
struct resolver_control {
	struct service_life *life;
	struct cache *cache;
	struct resolver_worker *workers; /* the first takes orders */
	size_t workers_n;
	struct counter_set counters;
	struct counter_set listed;		      /* blocked, by the lists' numbers */
	const struct policy_follow *follow;	      /* NULL: no policy is obeyed */
	const struct resolver_forwarders *forwarders; /* NULL: none are taken */
	void (*reload)(void *arg, struct control_reply *reply);
	void *arg;
	/* Its own. */
	struct resolver_trace traces[RESOLVER_TRACES_MAX];
	uint64_t trace_last;
	struct resolver_listed lists;
};

/* The face of the control socket; borrows c. */
void resolver_control_face(struct resolver_control *c, struct control_face *ret);

/* Passes lines of traces on; for loop_on_wake of the main loop. */
void resolver_control_woken(void *arg);

/* Ends the streams that are open, before the control socket goes. */
void resolver_control_done(struct resolver_control *c);

/* A packed RRset (rrset.h) as texts, at most max, appended to array. */
void resolver_records_json(struct span row, size_t max, json_t *array);

#endif
