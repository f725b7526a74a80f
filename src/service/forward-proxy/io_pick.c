/* The way to the origin: a connection that was kept, or a new one to whichever of its addresses
 * takes it first. */
#include "base/decimal.h"
#include "base/writer.h"
#include "proxy/io_race.h"
#include "service/forward-proxy/io_face.h"
#include "service/forward-proxy/io_inspect.h"
#include "service/forward-proxy/upstream_health.h"

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

/* Those to an HTTP proxy are for all origins that it leads to. */
enum { KEPT_SHARED_MAX = 1024, LEAD_MOST_MS = 86400000 };

static struct proxy_hop_limits limits_of(const struct forward_exchange *e, bool shared,
					 size_t addresses)
{
	const struct forward_timeouts_conf *t = &e->view->site->conf->timeouts;
	uint64_t connect_ms = t->connect_ms;
	uint64_t lead_ms = t->upstream_ms ? t->upstream_ms : LEAD_MOST_MS;
	/* The last one has its time, too. */
	if (connect_ms)
		connect_ms += (addresses - 1) * PROXY_RACE_DELAY_MS;
	return (struct proxy_hop_limits){
		.connect_ms = (uint32_t)connect_ms,
		.lead_ms = e->upstream && !shared ? (uint32_t)lead_ms : 0,
		.idle_ms = (uint32_t)t->origin_idle_ms,
		.idle_max = shared	   ? KEPT_SHARED_MAX
			    : inside_of(e) ? KEPT_SECURE_MAX
					   : KEPT_MAX,
	};
}

/* ---- by a proxy of others ---- */

/* An HTTP proxy is asked for the address itself, on a connection that others' addresses share. Not
 * where it is to lead elsewhere than the address says. */
static bool is_shared(const struct forward_exchange *e)
{
	return e->upstream && upstream_is_http(e->upstream) && e->kind == FORWARD_FETCH &&
	       !inside_of(e) && !e->instead.len && !(e->taken && e->to.address.family);
}

static void socks_set(const struct forward_exchange *e, struct origin *o)
{
	const struct destination *place = forward_place(e);
	o->socks =
		(struct proxy_hop_socks){.target = {.address = place->address, .port = place->port},
					 .user = e->upstream->user,
					 .password = e->upstream->password};
	if (!place->address.family)
		o->socks.target.name = forward_place_name(e);
	o->hop.socks = &o->socks;
}

/* False: no memory. */
static bool connect_set(const struct forward_exchange *e, struct origin *o)
{
	const struct destination *place = forward_place(e);
	char host[DESTINATION_TEXT_MAX + 1], room[DESTINATION_TEXT_MAX];
	struct writer w = writer_of(room, sizeof(room));
	if (place->address.family)
		write_bytes(&w, host, destination_host_format(place, host));
	else
		write_span(&w, forward_place_name(e));
	write_u8(&w, ':');
	write_decimal(&w, place->port);
	o->connect.authority = proxy_exchange_store(e->x, writer_span(&w));
	o->hop.connect = &o->connect;
	return !w.bad && o->connect.authority.data;
}

/* What it is asked for, and how. */
static bool lead_set(const struct forward_exchange *e, bool shared, struct origin *o)
{
	if (shared)
		o->hop.tls = e->server->tls;
	else
		o->hop.lead_tls = e->server->tls;
	o->hop.authorization = e->upstream->authorization;
	o->hop.via_proxy = shared;
	if (shared)
		return true;
	if (upstream_is_http(e->upstream))
		return connect_set(e, o);
	socks_set(e, o);
	return true;
}

/* ---- the way ---- */

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
	char text[IP_ADDRESS_TEXT_MAX], host[DESTINATION_TEXT_MAX + 1];
	write_text(w, in->name);
	if (!in->elsewhere && e->instead.len) {
		write_u8(w, '>');
		write_span(w, e->instead);
	}
	if (in->fixed.n && !e->upstream) {
		write_u8(w, '@');
		write_span(w, span_of(text, ip_address_format(&in->fixed.items[0], text)));
	} else if (in->elsewhere && in->at.address.family) {
		write_u8(w, '@');
		write_bytes(w, host, destination_host_format(&in->at, host));
	} else if (in->elsewhere) {
		write_u8(w, '@');
		write_span(w, forward_place_name(e));
	}
	return writer_span(w);
}

/* False: it is too long. */
static bool key_of(const struct forward_exchange *e, bool shared, char room[ORIGIN_HOST_MAX + 1],
		   struct origin_key *ret)
{
	const struct upstream_server *s = e->upstream ? e->server : NULL;
	const struct forward_inspected *in = inside_of(e);
	struct writer w = writer_of(room, ORIGIN_HOST_MAX);
	*ret = (struct origin_key){.port = shared ? s->at.port : e->to.port};
	/* Ways by one server of one configuration; shared ones are apart. */
	if (s || in)
		ret->by = e->view->site->number << 16 | (s ? (s->number + 1) << 1 : 0) | shared;
	ret->protocol = in ? PROXY_HTTP_ALPN : e->kind == FORWARD_FETCH ? PROXY_HTTP1 : PROXY_RAW;
	if (in)
		ret->host = secure_host(e, &w);
	else
		ret->host = shared ? span_of(room, destination_host_format(&s->at, room))
				   : key_host(e, room);
	return !w.bad;
}

struct origin *forward_way(const struct forward_exchange *e)
{
	char room[ORIGIN_HOST_MAX + 1];
	const struct forward_inspected *in = inside_of(e);
	struct origin_key key;
	bool shared = is_shared(e);
	if (!key_of(e, shared, room, &key))
		return NULL;
	uint16_t port = e->upstream ? e->server->at.port : e->to.port;
	struct ip_endpoint to[ORIGIN_OTHERS_MAX + 1];
	size_t n = 0;
	for (size_t i = e->at; i < e->addresses.n && n < ORIGIN_OTHERS_MAX + 1; i++)
		to[n++] = (struct ip_endpoint){.address = e->addresses.items[i], .port = port};
	struct origin *o = n ? origins_use(&e->worker->origins, &key) : NULL;
	if (!o)
		return NULL;
	origin_lead(o, to, n);
	if ((in && origin_secure(o, e->view->site->inspect_client, in->name)) ||
	    (e->upstream && !lead_set(e, shared, o))) {
		origins_leave(&e->worker->origins, o);
		return NULL;
	}
	o->hop.limits = limits_of(e, shared, n);
	return o;
}

/* There may be others where all addresses were given up. HOP: there are. */
static enum proxy_pick look_further(struct forward_exchange *e, struct proxy_verdict *ret)
{
	switch (forward_lead_again(e, ret)) {
	case FORWARD_STEP_ON: break;
	case FORWARD_STEP_WAIT: return PROXY_PICK_WAIT;
	case FORWARD_STEP_ANSWERED: return PROXY_PICK_ANSWER;
	}
	if (e->at < e->addresses.n)
		return PROXY_PICK_HOP;
	/* Names of servers that are not known: none was tried. */
	if (e->x->cause == PROXY_FINE && e->upstream)
		e->x->cause = PROXY_CONNECT_FAILED;
	return PROXY_PICK_NONE;
}

enum proxy_pick forward_pick(void *arg, struct proxy_exchange *x, struct proxy_hop **ret_hop,
			     struct proxy_verdict *ret)
{
	struct forward_exchange *e = x->service;
	enum proxy_pick p = e->at < e->addresses.n ? PROXY_PICK_HOP : look_further(e, ret);
	(void)arg;
	if (p != PROXY_PICK_HOP)
		return p;
	e->origin = forward_way(e);
	if (!e->origin) {
		x->cause = PROXY_BUSY;
		return PROXY_PICK_NONE;
	}
	e->asked_by = e->server;
	if (e->upstream)
		upstream_health_asked(e->server->health);
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
	origins_leave(&w->origins, TAKE(e->origin));
	if (e->upstream) {
		forward_lead_left(e, cause);
		return;
	}
	switch (cause) {
	case PROXY_BACK_STALE: /* neither says anything of the address */
	case PROXY_TRY_ANOTHER: break;
	case PROXY_FINE:
		if (!forward_place(e)->address.family &&
		    !ip_address_equal(reached, &e->addresses.items[0]))
			forward_names_worked(w->names, forward_place_name(e), reached);
		break;
	case PROXY_CONNECT_FAILED:
	case PROXY_CONNECT_TIME: e->at = e->addresses.n; break; /* none did */
	default: give_up(e, reached); break;
	}
}

void forward_hop_empty(void *arg, struct proxy_hop *hop)
{
	struct forward_worker *w = arg;
	origins_empty(&w->origins, hop->owner);
}
