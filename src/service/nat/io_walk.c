#include "service/nat/io_walk.h"

#include "os/clock.h"
#include "service/nat/io_nat.h"
#include "service/nat/top.h"

#include <stdlib.h>

enum { SLICE_FLOWS = 2048, SLICE_SEEN = 64 };

struct nat_walk *nat_walk_begin(struct nat *n, struct control_reply *reply)
{
	struct nat_walk *w = calloc(1, sizeof(*w));
	if (!w) {
		control_reply_error(reply, 500, "out of memory");
		return NULL;
	}
	w->n = n;
	w->reply = reply;
	w->filter = NAT_FLOW_FILTER_ANY;
	w->at = 1;
	w->next = n->walks;
	w->link = &n->walks;
	if (w->next)
		w->next->link = &w->next;
	n->walks = w;
	return w;
}

void nat_walk_free(struct nat_walk *w)
{
	loop_timer_cancel(&w->n->life.loop, &w->slice);
	*w->link = w->next;
	if (w->next)
		w->next->link = w->link;
	json_decref(w->list);
	nat_top_free(w->top);
	free(w->forwards);
	free(w);
}

static struct nat_flows flows_of(const struct nat *n)
{
	const struct nat_pool *pool = nat_plane_at(&n->plane, NAT_ARRAY_POOLS, NAT_POOL_FLOWS4);
	uint32_t fresh = __atomic_load_n(&pool->fresh, __ATOMIC_RELAXED);
	uint32_t max = n->plane.array[NAT_ARRAY_FLOWS4].entries_max;
	return (struct nat_flows){
		.items = nat_plane_at(&n->plane, NAT_ARRAY_FLOWS4, 0),
		.legs = nat_plane_at(&n->plane, NAT_ARRAY_LEGS4, 0),
		.legs_n = n->plane.array[NAT_ARRAY_LEGS4].entries_max * 2,
		.end = fresh < max ? fresh + 1 : max,
		.settings = nat_plane_settings(&n->plane),
		.now = (uint32_t)((clock_monotonic_us() * 1000) >> NAT_TICK_SHIFT),
	};
}

static struct nat_flows6 flows6_of(const struct nat *n)
{
	const struct nat_pool *pool = nat_plane_at(&n->plane, NAT_ARRAY_POOLS, NAT_POOL_FLOWS6);
	uint32_t fresh = __atomic_load_n(&pool->fresh, __ATOMIC_RELAXED);
	uint32_t max = n->plane.array[NAT_ARRAY_FLOWS6].entries_max;
	return (struct nat_flows6){
		.items = nat_plane_at(&n->plane, NAT_ARRAY_FLOWS6, 0),
		.end = fresh < max ? fresh + 1 : max,
		.settings = nat_plane_settings(&n->plane),
		.now = (uint32_t)((clock_monotonic_us() * 1000) >> NAT_TICK_SHIFT),
	};
}

/* Flows of IPv6 come after those of IPv4: their numbers begin at NAT_WALK_SIX. */
static bool read_at(const struct nat_flows *four, const struct nat_flows6 *six, uint32_t at,
		    struct nat_flow_view *ret)
{
	if (at < NAT_WALK_SIX)
		return nat_flow_read(four, at, ret);
	if (!nat_flow6_read(six, at - NAT_WALK_SIX, ret))
		return false;
	ret->number = at;
	return true;
}

static void slice(void *arg)
{
	struct nat_walk *w = arg;
	struct nat_flows flows = flows_of(w->n);
	struct nat_flows6 six = flows6_of(w->n);
	struct nat_flow_view v;
	unsigned seen = 0;
	for (unsigned i = 0; i < SLICE_FLOWS && seen < SLICE_SEEN; i++, w->at++) {
		if (w->at >= flows.end && w->at < NAT_WALK_SIX)
			w->at = NAT_WALK_SIX;
		if (w->at >= NAT_WALK_SIX && w->at - NAT_WALK_SIX >= six.end) {
			w->done(w);
			return;
		}
		if (!read_at(&flows, &six, w->at, &v) || !nat_flow_matches(&w->filter, &v))
			continue;
		if (!w->see(w, &v)) {
			w->done(w);
			return;
		}
		seen += w->list != NULL; /* what becomes JSON takes longer */
		w->seen_n++;
	}
	loop_timer_set_after(&w->n->life.loop, &w->slice, 0);
}

void nat_walk_go(struct nat_walk *w)
{
	void (*go)(void *arg) = nat_nft_is(&w->n->nft) ? nat_walk_tracked : slice;
	loop_timer_init(&w->slice, go, w);
	go(w);
}

void nat_walks_stop(struct nat *n)
{
	while (n->walks) {
		control_reply_error(n->walks->reply, 503, "the service ends");
		nat_walk_free(n->walks);
	}
}

/* --- what a request says --- */

bool nat_walk_number(const struct control_request *req, const char *name, uint64_t max,
		     uint64_t fallback, uint64_t *ret)
{
	const char *text = control_request_query(req, name);
	uint64_t number = fallback;
	if (text && (!span_to_u64(span_text(text), max, &number) || number == 0))
		return false;
	*ret = number;
	return true;
}

const char *nat_walk_filter(const struct control_request *req, struct nat_walk *w)
{
	struct nat_flow_filter *f = &w->filter;
	const char *host = control_request_query(req, "host");
	const char *protocol = control_request_query(req, "protocol");
	const char *zone = control_request_query(req, "zone");
	const char *state = control_request_query(req, "state");
	enum nat_flow_state flow_state;
	uint64_t port;
	if (host && ip_prefix_parse(span_text(host), &f->host))
		return "host= must be an address, or a network as 192.168.1.0/24";
	if (!nat_walk_number(req, "port", UINT16_MAX, 0, &port))
		return "port= must be a number from 1 to 65535";
	f->port = (uint16_t)port;
	if (protocol && !nat_proto_read(protocol, &f->proto))
		return "protocol= must be tcp, udp, icmp, gre, esp, or a number from 1 to 255";
	if (zone) {
		f->zone = nat_conf_zone(nat_conf_of(w->n), span_text(zone));
		if (f->zone < 0)
			return "zone= must be gateway, outside, inside, or one of the "
			       "configuration";
	}
	if (state && !nat_flow_state_read(state, &flow_state))
		return "state= must be opening, established, closing, unanswered or answered";
	if (state)
		f->state = (int)flow_state;
	return NULL;
}
