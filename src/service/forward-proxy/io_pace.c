/* How fast the octets of a request may move, and how many: the buckets and quotas that it draws
 * from. */
#include "proxy/pace.h"

#include "os/clock.h"
#include "service/forward-proxy/access/quota.h"
#include "service/forward-proxy/io_face.h"

/* In the exchange's memory. */
struct forward_pace {
	struct proxy_pace pace; /* its first member */
	struct forward_worker *worker;
	struct bandwidth_claim bandwidth;
	struct quota_claim quotas;
	size_t head; /* octets of the request's, as it came */
};

static enum bandwidth_direction direction(enum proxy_pace_direction way)
{
	return way == PROXY_PACE_UP ? BANDWIDTH_UP : BANDWIDTH_DOWN;
}

/* ---- what the core asks ---- */

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Who will be slow is granted little at once, so that he is slow soon. */
static size_t ask(struct proxy_pace *pace, enum proxy_pace_direction to, uint64_t now_ms,
		  uint32_t *ret_wait_ms)
{
	const struct forward_pace *p = (const struct forward_pace *)pace;
	struct bandwidth *b = p->worker->bandwidth;
	enum bandwidth_direction way = direction(to);
	struct bandwidth_claim slow;
	uint32_t wait_ms = 0;
	size_t n = bandwidth_take(b, &p->bandwidth, way, now_ms, ret_wait_ms);
	if (quota_slows(&p->quotas, &slow)) {
		size_t m = bandwidth_take(b, &slow, way, now_ms, &wait_ms);
		size_t both = least(least(n, m), QUOTA_GRANT_MAX);
		if (n != SIZE_MAX)
			bandwidth_give(b, &p->bandwidth, way, n - both);
		if (m != SIZE_MAX)
			bandwidth_give(b, &slow, way, m - both);
		n = both;
	}
	*ret_wait_ms = wait_ms > *ret_wait_ms ? wait_ms : *ret_wait_ms;
	if (*ret_wait_ms)
		forward_count(p->worker, FORWARD_COUNT_PACED);
	return n;
}

static void give_back(struct proxy_pace *pace, enum proxy_pace_direction to, size_t left)
{
	const struct forward_pace *p = (const struct forward_pace *)pace;
	struct bandwidth_claim slow;
	bandwidth_give(p->worker->bandwidth, &p->bandwidth, direction(to), left);
	if (quota_slows(&p->quotas, &slow))
		bandwidth_give(p->worker->bandwidth, &slow, direction(to), left);
}

static uint64_t room(struct proxy_pace *pace, enum proxy_pace_direction to)
{
	return quota_room(&((const struct forward_pace *)pace)->quotas, direction(to));
}

static void count(struct proxy_pace *pace, enum proxy_pace_direction to, size_t n)
{
	quota_count(&((const struct forward_pace *)pace)->quotas, direction(to), n);
}

/* ---- claims ---- */

/* As HTTP/1.1 would write it: what of it stands in no body and is moved all the same. */
static size_t head_size(const struct proxy_head *h)
{
	enum { LINE = 14, FIELD = 4 };
	size_t n = LINE + h->method.len + h->path.len;
	for (size_t i = 0; i < h->fields_n; i++)
		n += FIELD + h->fields[i].name.len + h->fields[i].value.len;
	return n;
}

/* By what is in force, whatever it began with: e->limited_by. */
static enum err claim(struct forward_exchange *e, struct bandwidth_claim *ret_bandwidth,
		      struct quota_claim *ret_quotas)
{
	const struct forward_site *site = e->limited_by->site;
	struct forward_view *own = e->view;
	e->view = e->limited_by;
	const struct forward_membership groups = forward_membership_of(e);
	e->view = own;
	const struct access_facts facts = {
		.client = ip_address_unmap(&e->x->connection->peer.address),
		.user = e->user,
		.now_s = site->quotas.n ? clock_wall_s() : 0,
		.member = forward_member,
		.member_arg = &groups};
	bandwidth_claim(e->worker->bandwidth, &site->bandwidth, &facts, ret_bandwidth);
	return quota_claim(e->worker->quotas, &site->quotas, &facts, ret_quotas);
}

static void follow(struct forward_exchange *e)
{
	struct forward_view *before = e->limited_by;
	e->limited_by = forward_view_use(e->worker->view);
	e->limited_policies = e->worker->policies;
	forward_view_leave(before);
}

static void set(struct forward_pace *p, const struct bandwidth_claim *bandwidth,
		const struct quota_claim *quotas)
{
	p->bandwidth = *bandwidth;
	p->quotas = *quotas;
	p->pace.room = quotas->n ? room : NULL;
	p->pace.count = quotas->n ? count : NULL;
}

/* Without anything that holds e->pace stays NULL. */
static enum err begin(struct forward_exchange *e)
{
	struct bandwidth_claim bandwidth;
	struct quota_claim quotas;
	follow(e);
	const struct forward_site *site = e->limited_by->site;
	if (!site->bandwidth.n && !site->quotas.n)
		return OK;
	TRY(claim(e, &bandwidth, &quotas));
	if (!bandwidth.n && !quotas.n)
		return OK;
	struct forward_pace *p = proxy_exchange_alloc(e->x, sizeof(*p));
	if (!p) {
		quota_leave(&quotas);
		return (enum err)ENOMEM;
	}
	*p = (struct forward_pace){.pace = {.ask = ask, .give_back = give_back},
				   .worker = e->worker,
				   .head = head_size(&e->x->request)};
	set(p, &bandwidth, &quotas);
	e->pace = p;
	return OK;
}

/* The exchange's memory only grows: in the same place. */
static enum err change(struct forward_exchange *e)
{
	struct forward_pace *p = e->pace;
	struct bandwidth_claim bandwidth;
	struct quota_claim quotas;
	proxy_pace_anew(&p->pace);
	follow(e);
	/* Held until then, so that nobody takes what was used for nobody's. */
	enum err err = claim(e, &bandwidth, &quotas);
	quota_leave(&p->quotas);
	if (err)
		bandwidth.n = quotas.n = 0;
	set(p, &bandwidth, &quotas);
	return err;
}

enum forward_step forward_limit(struct forward_exchange *e, struct proxy_verdict *ret)
{
	/* What is inside a tunnel has moved with the tunnel. */
	if (e->pace || e->inside)
		return FORWARD_STEP_ON;
	switch (begin(e)) {
	case OK: break;
	case ERR_LIMIT: return forward_refuse(e, REFUSAL_BUSY, (struct span){0}, ret);
	default: return forward_refuse(e, REFUSAL_MEMORY, (struct span){0}, ret);
	}
	if (!e->pace)
		return FORWARD_STEP_ON;
	if (forward_is_spent(e))
		return forward_refuse_spent(e, ret);
	proxy_exchange_pace(e->x, &e->pace->pace);
	return FORWARD_STEP_ON;
}

bool forward_limit_anew(struct forward_exchange *e, unsigned *ret)
{
	const struct forward_worker *w = e->worker;
	bool paced = e->pace;
	/* Of what waits at an earlier step it is chosen then, and refusals cost nothing. */
	if (!e->limited_by || e->refusal ||
	    (e->limited_by == w->view && e->limited_policies == w->policies))
		return true;
	enum err err = paced ? change(e) : begin(e);
	if (!err && !paced && e->pace && !e->association)
		proxy_exchange_pace(e->x, &e->pace->pace);
	*ret = err == ERR_LIMIT ? REFUSAL_BUSY : REFUSAL_MEMORY;
	if (err)
		forward_count(e->worker, FORWARD_COUNT_REFUSED + *ret);
	return !err;
}

const struct quota *forward_spent(const struct forward_exchange *e, uint64_t *ret_ends_s)
{
	return e->pace ? quota_refuses(&e->pace->quotas, ret_ends_s) : NULL;
}

void forward_pace_leave(struct forward_exchange *e)
{
	struct forward_pace *p = TAKE(e->pace);
	if (!p)
		return;
	/* Our own answer that it goes nowhere is not the client's to pay. */
	if (!e->refusal && e->kind != FORWARD_ASSOCIATE) {
		quota_count(&p->quotas, BANDWIDTH_UP, p->head);
		quota_count(&p->quotas, BANDWIDTH_DOWN, head_size(&e->x->response));
	}
	quota_leave(&p->quotas);
}

/* ---- datagrams ---- */

enum err forward_limit_datagrams(struct forward_exchange *e)
{
	return e->pace ? change(e) : begin(e);
}

bool forward_datagram_may(struct forward_exchange *e, enum bandwidth_direction way, size_t n)
{
	struct forward_pace *p = e->pace;
	struct bandwidth *b = e->worker->bandwidth;
	uint64_t now_ms = loop_now_ms(&e->worker->loop);
	struct bandwidth_claim slow;
	if (!p)
		return true;
	bool slows = quota_slows(&p->quotas, &slow);
	bool may = quota_room(&p->quotas, way) && bandwidth_pass(b, &p->bandwidth, way, n, now_ms);
	if (may && slows && !bandwidth_pass(b, &slow, way, n, now_ms)) {
		bandwidth_give(b, &p->bandwidth, way, n);
		may = false;
	}
	if (may)
		quota_count(&p->quotas, way, n);
	else
		forward_count(e->worker, FORWARD_COUNT_DATAGRAMS_OVER);
	return may;
}
