/* A walk over all flows on behalf of one request of the control socket, in slices between
 * everything else: millions of flows stall nobody. Knows no verb.
 *
 *	w = nat_walk_begin(n, reply);	with what the verb needs to remember in w->...
 *	w->see, w->done			called for each flow that the filter wants, and at the end
 *	nat_walk_go(w);
 */
#ifndef NAT_IO_WALK_H
#define NAT_IO_WALK_H

#include "control/control.h"
#include "os/loop.h"
#include "service/nat/flows.h"
#include "service/nat/flows6.h"

struct conntrack_flow;
struct nat;
struct nat_forward_counts;
struct nat_top;

/* The number of no flow of IPv4; that of one of IPv6 is so much more than its own. */
#define NAT_WALK_SIX NAT_NUMBERS

struct nat_walk {
	struct nat *n;		     /* borrowed */
	struct control_reply *reply; /* owed until done */
	struct nat_flow_filter filter;
	uint32_t at; /* the next flow */
	/* False: enough, go on with done. */
	bool (*see)(struct nat_walk *w, const struct nat_flow_view *v);
	/* Gives the answer. */
	void (*done)(struct nat_walk *w);
	/* Of the verbs. */
	json_t *list;
	size_t limit;
	bool more; /* the list goes on behind the limit */
	unsigned round;
	uint64_t seen_n; /* flows that see was called for */
	struct nat_top *top;
	unsigned by;			     /* enum nat_top_by */
	struct nat_forward_counts *forwards; /* NAT_SET_FORWARDS of them */
	/* Of the nftables back end: the flow that see is called for. */
	const struct conntrack_flow *tracked;
	uint64_t refreshes; /* of the service when it was begun */
	struct loop_timer slice;
	struct nat_walk *next, **link;
};

/* NULL: no memory, and that was answered. */
struct nat_walk *nat_walk_begin(struct nat *n, struct control_reply *reply);
void nat_walk_go(struct nat_walk *w);
/* Without an answer: that was given. */
void nat_walk_free(struct nat_walk *w);

/* host= (address or prefix), port=, protocol=, zone=, state= into the filter; NULL, or what is
 * wrong. */
const char *nat_walk_filter(const struct control_request *req, struct nat_walk *w);
/* A number from 1 to max; fallback where there is none. False: it is none, or not in there. */
bool nat_walk_number(const struct control_request *req, const char *name, uint64_t max,
		     uint64_t fallback, uint64_t *ret);

/* io_nft_flows.c: a whole walk over the flows that the kernel tracks, at one go. arg: the walk. */
void nat_walk_tracked(void *arg);

/* Answers all that is owed: the service ends. */
void nat_walks_stop(struct nat *n);

#endif
