/* How fast the octets of a request may move: the buckets that it draws from. */
#include "proxy/pace.h"

#include "service/forward-proxy/access/bandwidth.h"
#include "service/forward-proxy/io_face.h"

/* In the exchange's memory. */
struct forward_pace {
	struct proxy_pace pace; /* its first member */
	struct forward_worker *worker;
	struct bandwidth_claim claim;
};

static size_t ask(struct proxy_pace *pace, enum proxy_pace_direction way, uint64_t now_ms,
		  uint32_t *ret_wait_ms)
{
	const struct forward_pace *p = (const struct forward_pace *)pace;
	size_t n = bandwidth_take(p->worker->bandwidth, &p->claim,
				  way == PROXY_PACE_UP ? BANDWIDTH_UP : BANDWIDTH_DOWN, now_ms,
				  ret_wait_ms);
	if (*ret_wait_ms)
		forward_count(p->worker, FORWARD_COUNT_PACED);
	return n;
}

static void give_back(struct proxy_pace *pace, enum proxy_pace_direction way, size_t left)
{
	const struct forward_pace *p = (const struct forward_pace *)pace;
	bandwidth_give(p->worker->bandwidth, &p->claim,
		       way == PROXY_PACE_UP ? BANDWIDTH_UP : BANDWIDTH_DOWN, left);
}

enum forward_step forward_limit_bandwidth(struct forward_exchange *e, struct proxy_verdict *ret)
{
	const struct bandwidth_limits *limits = &e->view->site->bandwidth;
	struct bandwidth_claim claim;
	/* What is inside a tunnel has moved with the tunnel. */
	if (!limits->n || e->x->pace || e->inside)
		return FORWARD_STEP_ON;
	const struct forward_membership groups = forward_membership_of(e);
	const struct access_facts facts = {
		.client = ip_address_unmap(&e->x->connection->peer.address),
		.user = e->user,
		.member = forward_member,
		.member_arg = &groups};
	bandwidth_claim(e->worker->bandwidth, limits, &facts, &claim);
	if (!claim.n)
		return FORWARD_STEP_ON;
	struct forward_pace *p = proxy_exchange_alloc(e->x, sizeof(*p));
	if (!p)
		return forward_refuse(e, REFUSAL_MEMORY, (struct span){0}, ret);
	*p = (struct forward_pace){
		.pace = {.ask = ask, .give_back = give_back}, .worker = e->worker, .claim = claim};
	proxy_exchange_pace(e->x, &p->pace);
	return FORWARD_STEP_ON;
}
