/* By whom a request is led on: the entry of the configuration for where it goes, its servers in
 * turn, where those are, and what is learned of them. */
#include "service/forward-proxy/io_face.h"
#include "service/forward-proxy/io_inspect.h"
#include "service/forward-proxy/upstream_health.h"

#include <limits.h>

static uint64_t now_ms(const struct forward_exchange *e)
{
	return loop_now_ms(&e->worker->loop);
}

/* ---- the entry ---- */

/* An address of the inside that may be gone to: no proxy elsewhere knows what lies there. */
static bool is_inside(const struct forward_site *site, const struct destination *to)
{
	struct inside_rules rules = site->inside;
	rules.allow_n = 0;
	return to->address.family && inside_judge(&rules, &to->address) != INSIDE_NOT;
}

const struct upstream *forward_upstream_to(const struct forward_site *site,
					   const struct destination *to)
{
	size_t n = site->conf->upstreams.n;
	return n ? upstream_find(site->upstreams, n, to, is_inside(site, to)) : NULL;
}

/* None of its servers can be reached, and that is no end. */
static void fall(struct forward_exchange *e)
{
	e->upstream = NULL;
	if (!e->fell)
		forward_count(e->worker, FORWARD_COUNT_FELL);
	e->fell = true;
}

enum forward_step forward_choose_way(struct forward_exchange *e, struct proxy_verdict *ret)
{
	if (e->taken && e->upstream)
		return FORWARD_STEP_ON; /* by forward_check_claim, which stands by it */
	(void)ret;
	e->upstream = forward_upstream_to(e->view->site, forward_place(e));
	if (e->upstream && e->upstream->or_direct && e->kind != FORWARD_ASSOCIATE &&
	    !upstream_is_up(e->upstream, now_ms(e)))
		fall(e);
	return FORWARD_STEP_ON;
}

/* ---- its servers ---- */

enum lead { LEAD_ON, LEAD_WAIT, LEAD_NONE };

static void failed(struct forward_exchange *e, const char *why, bool down)
{
	upstream_health_failed(e->server->health, why, down, now_ms(e), e->upstream->pause_ms);
}

/* Where e->server is. WAIT: the DNS is asked. */
static enum lead find_server(struct forward_exchange *e)
{
	const struct destination *at = &e->server->at;
	e->addresses.n = e->at = 0;
	if (at->address.family) {
		names_addresses_set(&e->addresses, &at->address);
		return LEAD_ON;
	}
	switch (forward_names_find(e->worker->names, destination_name(at), &e->waiter,
				   &e->addresses)) {
	case NAMES_KNOWN: return LEAD_ON;
	case NAMES_WAIT: forward_count(e->worker, FORWARD_COUNT_NAMES); return LEAD_WAIT;
	case NAMES_ABSENT: failed(e, "absent", true); break;
	case NAMES_UNTOLD: failed(e, "untold", true); break;
	case NAMES_FULL: break;
	}
	return LEAD_NONE;
}

/* Of a connection that was taken on its way the claim was not judged as one that we resolve: the
 * next request's is, as the servers are known to be down by then. */
static bool may_fall(const struct forward_exchange *e)
{
	return e->upstream->or_direct && !e->taken && !e->led;
}

/* The one that led the tunnel, where its connection is: as long as it is up. */
static const struct upstream_server *tunnels_server(const struct forward_exchange *e)
{
	const struct forward_inspected *in = e->inside;
	const struct upstream *u = e->upstream;
	if (!in || !in->by || in->site != e->view->site->number)
		return NULL;
	for (size_t i = 0; i < u->servers_n; i++)
		if (u->servers[i].number == in->by - 1 && !(e->tried >> i & 1) &&
		    upstream_health_claim(u->servers[i].health, now_ms(e), u->pause_ms))
			return &u->servers[i];
	return NULL;
}

/* The next server, or the one whose name was waited for, until one is found. */
static enum lead next_server(struct forward_exchange *e)
{
	const struct upstream *u = e->upstream;
	for (;;) {
		if (!e->server)
			e->server = tunnels_server(e);
		if (!e->server)
			e->server = upstream_choose(u, e->tried, !may_fall(e), now_ms(e));
		if (!e->server)
			return LEAD_NONE;
		enum lead l = find_server(e);
		if (l != LEAD_NONE)
			return l;
		forward_server_leave(e);
	}
}

void forward_server_leave(struct forward_exchange *e)
{
	if (e->server)
		e->tried |= 1u << (e->server - e->upstream->servers);
	e->server = NULL;
}

static bool falls_to_direct(struct forward_exchange *e)
{
	if (!may_fall(e))
		return false;
	fall(e);
	e->addresses.n = e->at = 0;
	e->direct = true;
	return true;
}

enum forward_step forward_find_upstream(struct forward_exchange *e, struct proxy_verdict *ret)
{
	switch (next_server(e)) {
	case LEAD_ON: return FORWARD_STEP_ON;
	case LEAD_WAIT: return FORWARD_STEP_WAIT;
	case LEAD_NONE: break;
	}
	if (falls_to_direct(e))
		return FORWARD_STEP_ON;
	return forward_refuse(e, REFUSAL_UPSTREAM, (struct span){0}, ret);
}

/* ---- on the way ---- */

/* Directly, where that was not meant: as if it had been from the start. */
static enum forward_step go_directly(struct forward_exchange *e, struct proxy_verdict *ret)
{
	enum forward_step s = forward_resolve(e, ret);
	if (s == FORWARD_STEP_ON)
		s = forward_judge_addresses(e, ret);
	if (s == FORWARD_STEP_ON)
		s = forward_judge_rules(e, ret);
	if (s == FORWARD_STEP_ON)
		e->direct = false;
	return s;
}

enum forward_step forward_lead_again(struct forward_exchange *e, struct proxy_verdict *ret)
{
	if (e->upstream) {
		enum lead l = next_server(e);
		if (l != LEAD_NONE)
			return l == LEAD_WAIT ? FORWARD_STEP_WAIT : FORWARD_STEP_ON;
		(void)falls_to_direct(e);
	}
	return e->direct ? go_directly(e, ret) : FORWARD_STEP_ON;
}

void forward_opened(void *arg, struct proxy_exchange *x)
{
	const struct forward_exchange *e = x->service;
	(void)arg;
	if (!e || !e->server)
		return;
	upstream_health_worked(e->server->health);
	if (e->kind == FORWARD_FETCH && (!e->inside || x->kept))
		return;
	upstream_health_leads(e->server->health);
	upstream_health_took(e->server->health, x->times.open_us - x->times.picked_us);
}

/* It does not take us: neither will it take others. Who has taken us asks for another password
 * where this one may not go; and a 407 to a fetch may be the server's own, which it leads to. */
void forward_upstream_declined(struct forward_exchange *e)
{
	if (e->server)
		failed(e, "sign-in", !upstream_health_has_led(e->server->health));
}

void forward_upstream_answered(struct forward_exchange *e)
{
	enum { ERRORS = 400 };
	if (e->server && e->x->response.status < ERRORS)
		upstream_health_leads(e->server->health);
}

/* By CONNECT it said no, and that by a status: of a filter, a page that says why may be behind it.
 * It was reached, so nobody goes there without it. */
static void refused(struct forward_exchange *e, enum proxy_cause cause)
{
	bool has_led = upstream_health_has_led(e->server->health);
	failed(e, proxy_cause_text(cause), !has_led);
	e->led = e->led || has_led || cause != PROXY_UPSTREAM_SIGN_IN;
}

void forward_lead_left(struct forward_exchange *e, enum proxy_cause cause)
{
	struct proxy_exchange *x = e->x;
	const char *word = proxy_cause_text(cause);
	switch (cause) {
	case PROXY_BACK_STALE:
	case PROXY_TRY_ANOTHER: return;
	case PROXY_FINE:
		if (e->kind == FORWARD_FETCH && x->times.first_us > x->times.picked_us)
			upstream_health_took(e->server->health,
					     x->times.first_us - x->times.picked_us);
		return;
	case PROXY_CONNECT_FAILED:
		/* A SOCKS server's own word on where it was to lead. */
		failed(e, word, !x->asked);
		e->led = e->led || x->asked;
		e->tried |= x->asked ? UINT_MAX : 0;
		break;
	case PROXY_BACK_TLS:
	case PROXY_BACK_CERTIFICATE:
		/* It has led on, to a server that is at fault itself. */
		if (!x->asked)
			failed(e, word, true);
		e->led = e->led || x->asked;
		break;
	case PROXY_CONNECT_TIME: failed(e, word, true); break;
	case PROXY_UPSTREAM_SIGN_IN: refused(e, cause); break;
	case PROXY_UPSTREAM_FORMAT:
		if (x->lead_status)
			refused(e, cause);
		else
			failed(e, word, true);
		break;
	case PROXY_BACK_CLOSED:
	case PROXY_BACK_FORMAT:
	case PROXY_BACK_HEAD_LIMIT:
	case PROXY_BACK_TIME:
	case PROXY_BACK_BODY_TIME:
	case PROXY_BACK_TORN:
	case PROXY_UPSTREAM_FAILED:
	case PROXY_UPSTREAM_TIME:
		failed(e, word, false);
		e->led = true;
		break;
	case PROXY_UPSTREAM_REFUSED: e->led = true; break;
	default: return; /* the client's doing, or ours */
	}
	forward_server_leave(e);
	e->at = e->addresses.n;
}
