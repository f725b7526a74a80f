/* Flows of the nftables back end: conntrack's, in the terms of the data plane's. */
#include "os/conntrack.h"
#include "service/nat/io_nat.h"
#include "service/nat/io_walk.h"
#include "service/nat/traffic.h"

static unsigned zone_of(const struct nat *n, const struct ip_address *a)
{
	unsigned zone = nat_tables_zone(n->now, a, NULL);
	return zone == NAT_ZONE_BOGON ? NAT_ZONE_OUTSIDE : zone;
}

static enum nat_flow_state state_of(const struct conntrack_flow *f)
{
	if (f->proto != NAT_PROTO_TCP)
		return f->status & CONNTRACK_ANSWERED ? NAT_FLOW_ANSWERED : NAT_FLOW_UNANSWERED;
	return f->tcp == CONNTRACK_OPEN	     ? NAT_FLOW_ESTABLISHED
	       : f->tcp == CONNTRACK_OPENING ? NAT_FLOW_OPENING
					     : NAT_FLOW_CLOSING;
}

/* False: nobody of a zone is in it. */
static bool view_of(const struct nat *n, const struct conntrack_flow *f, struct nat_flow_view *ret)
{
	struct nat_flow_view v = {.proto = f->proto,
				  .state = state_of(f),
				  .untimed = true,
				  .from = f->way[0].from,
				  .to = f->way[0].to,
				  .from_as = f->way[1].to,
				  .to_as = f->way[1].from,
				  .bytes = {f->way[0].bytes, f->way[1].bytes},
				  .left_s = f->left_s};
	bool forwarded = (f->status & CONNTRACK_DESTINATION) && v.to.address.family == 4;
	v.from_zone = zone_of(n, &v.from.address);
	v.to_zone = zone_of(n, &v.to_as.address);
	if (v.from_zone == NAT_ZONE_GATEWAY && v.to_zone == NAT_ZONE_GATEWAY)
		return false;
	if (f->status & CONNTRACK_ANSWERED)
		v.flags |= NAT_FLOW_REPLIED;
	if (forwarded)
		v.flags |= NAT_FLOW_FORWARD;
	if (forwarded && v.from_zone >= NAT_ZONE_INSIDE)
		v.flags |= NAT_FLOW_HAIRPIN;
	if (v.from_zone == NAT_ZONE_GATEWAY || v.to_zone == NAT_ZONE_GATEWAY)
		v.flags |= NAT_FLOW_GATEWAY;
	if (v.from_zone >= NAT_ZONE_INSIDE)
		v.host = v.from.address;
	else if (v.to_zone >= NAT_ZONE_INSIDE)
		v.host = v.to_as.address;
	*ret = v;
	return true;
}

struct reading {
	struct nat_walk *walk;
	uint32_t number; /* of those that the filter wants */
};

static bool see(void *arg, const struct conntrack_flow *flow)
{
	struct reading *r = arg;
	struct nat_walk *w = r->walk;
	struct nat_flow_view v;
	if (!view_of(w->n, flow, &v) || !nat_flow_matches(&w->filter, &v) || ++r->number < w->at)
		return true;
	v.number = w->at = r->number;
	w->tracked = flow;
	if (!w->see(w, &v))
		return false;
	w->at++;
	w->seen_n++;
	return true;
}

void nat_walk_tracked(void *arg)
{
	struct nat_walk *w = arg;
	struct reading r = {.walk = w};
	enum err e = conntrack_list(0, see, &r);
	w->tracked = NULL;
	if (!e) {
		w->done(w);
		return;
	}
	control_reply_error(w->reply, 500, err_text(e));
	nat_walk_free(w);
}
