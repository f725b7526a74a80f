/* The way to the origin: a connection that was kept, or a new one to whichever of its addresses
 * takes it first. */
#include "base/writer.h"
#include "proxy/io_race.h"
#include "service/forward-proxy/io_face.h"
#include "service/forward-proxy/io_inspect.h"

/* Connections to one origin, of one worker. Were they fewer than its clients use at once, each
 * burst would open anew what the one before had closed. */
enum {
	KEPT_MAX = 128,
	KEPT_SECURE_MAX = 16, /* each tunnel that is inspected brings one along */
};

/* What the client asks for by TLS, whatever the tunnel was opened for. */
static const struct forward_inspected *inside_of(const struct forward_exchange *e)
{
	return e->inspecting ? e->inspecting : e->inside;
}

static struct proxy_hop_limits limits_of(const struct forward_exchange *e, size_t addresses)
{
	const struct forward_conf *conf = e->view->site->conf;
	uint64_t connect_ms = e->upstream ? conf->timeouts.upstream_ms : conf->timeouts.connect_ms;
	/* The last one has its time, too. */
	if (connect_ms)
		connect_ms += (addresses - 1) * PROXY_RACE_DELAY_MS;
	return (struct proxy_hop_limits){
		.connect_ms = (uint32_t)connect_ms,
		.idle_ms = (uint32_t)conf->timeouts.origin_idle_ms,
		.idle_max = inside_of(e) ? KEPT_SECURE_MAX : KEPT_MAX,
	};
}

enum forward_step forward_choose_way(struct forward_exchange *e, struct proxy_verdict *ret)
{
	const struct forward_site *site = e->view->site;
	e->upstream = upstream_find(site->upstreams, site->conf->upstreams.n, &e->to);
	/* Since a reload: the next tunnel goes that way, and is not inspected. */
	if (e->upstream && e->inside) {
		ret->kind = PROXY_DROP;
		return FORWARD_STEP_ANSWERED;
	}
	return FORWARD_STEP_ON;
}

/* What a proxy of others is asked for. */
static void socks_set(const struct forward_exchange *e, struct origin *o)
{
	o->socks =
		(struct proxy_hop_socks){.target = {.address = e->to.address, .port = e->to.port},
					 .user = e->upstream->user,
					 .password = e->upstream->password};
	if (!e->to.address.family)
		o->socks.target.name = e->instead.len ? e->instead : destination_name(&e->to);
	o->hop.socks = &o->socks;
}

/* A connection to the engine itself is none to its safe name; and what leads to one address, as the
 * client wanted it, is none to another one of the name's. */
static struct span key_host(const struct forward_exchange *e, char room[DESTINATION_TEXT_MAX + 1])
{
	if (e->instead.len)
		return e->instead;
	if (!e->taken || e->upstream || !e->addresses.n)
		return e->host;
	const struct destination place = {.address = e->addresses.items[0], .port = e->to.port};
	return span_of(room, destination_host_format(&place, room));
}

/* Servers are known by the name that they prove, and apart by where that leads. */
static struct span secure_host(const struct forward_exchange *e, struct writer *w)
{
	const struct forward_inspected *in = inside_of(e);
	char text[IP_ADDRESS_TEXT_MAX];
	write_text(w, in->name);
	if (e->instead.len) {
		write_u8(w, '>');
		write_span(w, e->instead);
	}
	if (in->fixed.n) {
		write_u8(w, '@');
		write_span(w, span_of(text, ip_address_format(&in->fixed.items[0], text)));
	}
	return writer_span(w);
}

static bool origin_key_of(const struct forward_exchange *e, char room[DESTINATION_TEXT_MAX + 1],
			  struct origin_key *ret)
{
	struct writer w = writer_of(room, ORIGIN_HOST_MAX);
	const struct forward_inspected *in = inside_of(e);
	*ret = (struct origin_key){.port = e->to.port,
				   .by = e->upstream || in ? e->view->site->number : 0};
	if (in) {
		ret->protocol = PROXY_HTTP_ALPN;
		ret->host = secure_host(e, &w);
	} else {
		ret->protocol = e->kind == FORWARD_FETCH ? PROXY_HTTP1 : PROXY_RAW;
		ret->host = key_host(e, room);
	}
	return !w.bad;
}

struct origin *forward_way(const struct forward_exchange *e)
{
	char room[DESTINATION_TEXT_MAX + 1];
	const struct forward_inspected *in = inside_of(e);
	struct origin_key key;
	if (!origin_key_of(e, room, &key))
		return NULL;
	struct ip_endpoint to[ORIGIN_OTHERS_MAX + 1];
	size_t n = 0;
	for (size_t i = e->at; i < e->addresses.n && n < ORIGIN_OTHERS_MAX + 1; i++)
		to[n++] =
			(struct ip_endpoint){.address = e->addresses.items[i], .port = e->to.port};
	if (n && e->upstream)
		to[0] = e->upstream->socks;
	struct origin *o = n ? origins_use(&e->worker->origins, &key) : NULL;
	if (!o)
		return NULL;
	if (in && origin_secure(o, e->view->site->inspect_client, in->name)) {
		origins_leave(&e->worker->origins, o);
		return NULL;
	}
	origin_lead(o, to, n);
	if (e->upstream)
		socks_set(e, o);
	o->hop.limits = limits_of(e, n);
	return o;
}

enum proxy_pick forward_pick(void *arg, struct proxy_exchange *x, struct proxy_hop **ret_hop,
			     struct proxy_verdict *ret)
{
	struct forward_exchange *e = x->service;
	(void)arg;
	(void)ret;
	if (e->at >= e->addresses.n)
		return PROXY_PICK_NONE;
	e->origin = forward_way(e);
	if (!e->origin) {
		x->cause = PROXY_BUSY;
		return PROXY_PICK_NONE;
	}
	*ret_hop = &e->origin->hop;
	return PROXY_PICK_HOP;
}

/* It took a connection and did not do well: the others may. */
static void give_up(struct forward_exchange *e, const struct ip_address *a)
{
	for (size_t i = e->at; i < e->addresses.n; i++) {
		if (!ip_address_equal(&e->addresses.items[i], a))
			continue;
		e->addresses.items[i] = e->addresses.items[e->at];
		e->addresses.items[e->at] = *a;
		e->at++;
		return;
	}
}

void forward_left(void *arg, struct proxy_exchange *x, struct proxy_hop *hop,
		  enum proxy_cause cause)
{
	struct forward_worker *w = arg;
	struct forward_exchange *e = x->service;
	const struct ip_address *reached = &x->reached.address;
	(void)hop;
	switch (cause) {
	case PROXY_BACK_STALE: /* neither says anything of the address */
	case PROXY_TRY_ANOTHER: break;
	case PROXY_FINE:
		if (!e->to.address.family && !ip_address_equal(reached, &e->addresses.items[0]))
			forward_names_worked(w->names,
					     e->instead.len ? e->instead : destination_name(&e->to),
					     reached);
		break;
	case PROXY_CONNECT_FAILED:
	case PROXY_CONNECT_TIME: e->at = e->addresses.n; break; /* none did */
	default: give_up(e, reached); break;
	}
	origins_leave(&w->origins, TAKE(e->origin));
}

void forward_hop_empty(void *arg, struct proxy_hop *hop)
{
	struct forward_worker *w = arg;
	origins_empty(&w->origins, hop->owner);
}
