#include "service/forward-proxy/io_face.h"

#include "proto/ip/prefix.h"
#include "proxy/crowd.h"
#include "proxy/hop.h"
#include "proxy/socks.h"
#include "service/forward-proxy/io_inspect.h"
#include "service/forward-proxy/page.h"

/* The way of a request. Each step may let it go on, hold it up or answer it; who is held up comes
 * back to the same step. A rule of who may do what stands where what it goes by is known: of the
 * client ahead of the target, of the host ahead of its addresses, so that nobody is asked in the
 * DNS for what is refused anyway. */
static enum forward_step (*const steps[])(struct forward_exchange *e, struct proxy_verdict *ret) = {
	forward_read_target,	 /* what is asked for */
	forward_judge_written,	 /* may that host and port be gone to, as they are written? */
	forward_check_claim,	 /* of who knows of no proxy: is that name where it goes? */
	forward_choose_way,	 /* directly, or by a proxy of others? */
	forward_sign_in,	 /* who it is */
	forward_judge_rules,	 /* may it go there, as far as can be told without addresses? */
	forward_judge_policy,	 /* is the name blocked, or gone to under another one? */
	forward_count_hops,	 /* is it meant for us, or has it come too often? */
	forward_resolve,	 /* the addresses of its name */
	forward_judge_addresses, /* may each of them be gone to? */
	forward_judge_rules,	 /* may it, where the rules are about addresses? */
	forward_limit,		 /* how fast, and how much? */
	forward_edit_request,	 /* what the origin gets */
	forward_ask_cache,	 /* is the answer here? */
};
enum { STEPS = sizeof(steps) / sizeof(steps[0]) };

/* ---- connections ---- */

static bool is_client(const struct forward_conf *conf, const struct ip_address *peer)
{
	const struct ip_prefix *clients = conf->clients.items;
	struct ip_address plain = ip_address_unmap(peer);
	for (size_t i = 0; i < conf->clients.n; i++)
		if (ip_prefix_contains(&clients[i], &plain))
			return true;
	return false;
}

bool forward_may_come(const struct forward_view *v, const struct proxy_connection *c)
{
	const struct forward_entry *entry = c->door;
	return v->listens[entry->number] && is_client(v->site->conf, &c->peer.address);
}

static uint8_t socks_versions(const struct forward_listen_conf *l)
{
	const int *items = l->socks.items;
	uint8_t versions = 0;
	for (size_t i = 0; i < l->socks.n; i++)
		versions |= items[i] == FORWARD_SOCKS_V4 ? PROXY_SOCKS_4 : PROXY_SOCKS_5;
	return versions;
}

/* One more connection of its client, unless it has too many. */
static bool enters(struct forward_worker *w, struct proxy_connection *c)
{
	const struct ip_address client = ip_address_unmap(&c->peer.address);
	uint32_t most = w->view->site->conf->limits.client_connections;
	if (!most)
		return true;
	if (!crowd_enters(w->connected, &client, most)) {
		forward_count(w, FORWARD_COUNT_CROWDED);
		return false;
	}
	c->counted = true;
	return true;
}

static void disconnected(void *arg, struct proxy_connection *c)
{
	const struct forward_worker *w = arg;
	const struct ip_address client = ip_address_unmap(&c->peer.address);
	if (c->counted)
		crowd_leaves(w->connected, &client);
	forward_disconnected(arg, c);
}

static void connection(void *arg, struct proxy_connection *c, struct proxy_admission *ret)
{
	struct forward_worker *w = arg;
	const struct forward_entry *entry = c->door;
	const struct forward_site *site = w->view->site;
	const struct forward_conf *conf = site->conf;
	const struct forward_listen_conf *l = w->view->listens[entry->number];
	const struct forward_listen_conf *first = conf->listen.items;
	ret->refuse = !forward_may_come(w->view, c) || !enters(w, c);
	if (ret->refuse)
		return;
	ret->tls = site->servers[l - first];
	ret->http2_plain = l->h2c;
	ret->taken = l->transparent || l->transparent_tls;
	ret->opaque = l->transparent_tls;
	ret->socks_versions = socks_versions(l);
	ret->socks_datagrams = l->udp;
	ret->socks_passwords = forward_may_sign_in(site, c, ret->tls);
	ret->handshake_ms = (uint32_t)conf->timeouts.head_ms;
	ret->head_ms = (uint32_t)conf->timeouts.head_ms;
	ret->idle_ms = (uint32_t)conf->timeouts.idle_ms;
	ret->head_max = PROXY_BUFFER_SIZE;
}

/* ---- requests ---- */

static struct forward_exchange *begin(struct forward_worker *w, struct proxy_exchange *x)
{
	struct forward_exchange *e = proxy_exchange_alloc(x, sizeof(*e));
	if (!e)
		return NULL;
	memset(e, 0, offsetof(struct forward_exchange, to));
	destination_clear(&e->to);
	e->addresses.n = 0;
	e->x = x;
	e->worker = w;
	e->view = forward_view_use(w->view);
	e->inside = x->connection->service;
	/* Ahead of edits, which may make all languages one. */
	const struct http_field *f = proxy_head_find(&x->request, HTTP_FIELD_ACCEPT_LANGUAGE);
	e->language = (uint8_t)(f ? page_language_choose(f->value) : PAGE_ENGLISH);
	x->service = e;
	forward_review_add(e);
	return e;
}

static void request(void *arg, struct proxy_exchange *x, struct proxy_verdict *ret)
{
	struct forward_worker *w = arg;
	enum forward_step s = FORWARD_STEP_ON;
	/* A reload may have taken him, or where he came in, off the list since. */
	if (!x->service && !forward_may_come(w->view, x->connection)) {
		ret->kind = PROXY_DROP;
		return;
	}
	struct forward_exchange *e = x->service ? x->service : begin(w, x);
	if (!e) {
		forward_refuse_bare(x, ret);
		return;
	}
	ret->limits = &e->view->site->limits;
	if (x->request.version < 10 && x->request.method_id != PROXY_CONNECT) {
		bool datagrams = span_is(x->request.method, PROXY_SOCKS_ASSOCIATE_METHOD);
		e->kind = datagrams ? FORWARD_ASSOCIATE : FORWARD_SIGN_IN;
		if ((datagrams ? forward_associate : forward_sign_in_alone)(e, ret) ==
		    FORWARD_STEP_WAIT)
			ret->kind = PROXY_WAIT;
		return;
	}
	while (e->step < STEPS && (s = steps[e->step](e, ret)) == FORWARD_STEP_ON)
		e->step++;
	if (s == FORWARD_STEP_WAIT)
		ret->kind = PROXY_WAIT;
	if (s != FORWARD_STEP_ON)
		return;
	static const enum forward_count counts[] = {[FORWARD_FETCH] = FORWARD_COUNT_FETCHES,
						    [FORWARD_TUNNEL] = FORWARD_COUNT_TUNNELS,
						    [FORWARD_SOCKS] = FORWARD_COUNT_SOCKS,
						    [FORWARD_TLS] = FORWARD_COUNT_TAKEN_TLS};
	/* It waited for something, and what is in force is another now: it will last. */
	unsigned why;
	if (e->kind != FORWARD_FETCH && e->view != w->view && !forward_may_run(e, &why)) {
		(void)forward_say(e, (enum refusal)why, e->detail, ret);
		return;
	}
	ret->kind = e->kind == FORWARD_FETCH ? PROXY_FORWARD : PROXY_TUNNEL;
	ret->first_bytes = ret->kind == PROXY_TUNNEL && forward_looks_into(e);
	forward_count(w, counts[e->kind]);
}

static enum proxy_judgement response(void *arg, struct proxy_exchange *x, struct proxy_verdict *ret)
{
	struct forward_exchange *e = x->service;
	(void)arg;
	/* RFC 9110 15.5.8 is of proxies: a client would tell it the password that is for us. */
	if (x->response.status == 407) {
		bool upstream = x->hop && x->hop->via_proxy;
		proxy_cached_drop(e->cached);
		if (upstream)
			forward_upstream_declined(e);
		(void)forward_refuse(e, upstream ? REFUSAL_UPSTREAM_SIGN_IN : REFUSAL_ANSWER,
				     (struct span){0}, ret);
		return PROXY_REPLACE;
	}
	forward_upstream_answered(e);
	enum proxy_judgement judged = proxy_cached_response(e->cached, ret);
	if (judged != PROXY_PASS)
		return judged;
	if (!forward_answer_passes(e, ANSWERS_ANY_SIZE, ret)) {
		/* Of what others may have nothing is lost: the next of them asks for it. */
		proxy_cached_drop(e->cached);
		return PROXY_REPLACE;
	}
	forward_edit_answer(e);
	proxy_cached_fields(e->cached);
	return PROXY_PASS;
}

static void done(void *arg, struct proxy_exchange *x)
{
	struct forward_worker *w = arg;
	struct forward_exchange *e = x->service;
	if (e && x->cause == PROXY_QUOTA)
		forward_tell_spent(e);
	/* That somebody signed in shows in the request behind it. */
	if (!e || e->kind != FORWARD_SIGN_IN || e->refusal)
		forward_log(w, x, e);
	if (!e)
		return;
	forward_review_leave(e);
	proxy_cached_leave(TAKE(e->cached));
	forward_pace_leave(e);
	forward_top_add(w->top, x, e);
	names_leave(&e->waiter);
	forward_sign_in_leave(e);
	forward_inspect_leave(e);
	x->service = NULL;
	forward_view_leave(e->limited_by);
	forward_view_leave(e->view);
}

const struct proxy_face forward_face = {
	.connection = connection,
	.opening = forward_opening,
	.disconnected = disconnected,
	.request = request,
	.pick = forward_pick,
	.opened = forward_opened,
	.left = forward_left,
	.response = response,
	.first_bytes = forward_first_bytes,
	.inspect = forward_inspect,
	.greet = forward_greet,
	.error = forward_error,
	.done = done,
	.hop_empty = forward_hop_empty,
};
