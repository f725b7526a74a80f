/* The inside of tunnels: who is answered here in the place of a server, what he is shown, and what
 * becomes of those that do not bear it. Requests in them take the steps of all others (io_face.c).
 */
#include "service/forward-proxy/io_inspect.h"

#include "crypto/random.h"
#include "crypto/tls.h"
#include "os/clock.h"
#include "proto/tls/client_hello.h"
#include "service/forward-proxy/inspect/authority.h"
#include "service/forward-proxy/inspect/skip.h"
#include "service/forward-proxy/io_face.h"

#include <stdlib.h>

enum {
	SITES_MAX = 4096,  /* of a worker */
	LEFT_S = 6 * 3600, /* a server that asks for certificates of clients is left alone */
};

/* ---- what is counted ---- */

enum err forward_inspection_new(struct forward_inspection **ret)
{
	uint64_t keys[2 * (TALLIES + 1)];
	struct forward_inspection *n = calloc(1, sizeof(*n));
	enum err e = n ? crypto_random(keys, sizeof(keys)) : (enum err)ENOMEM;
	if (e) {
		free(n);
		return e;
	}
	(void)pthread_mutex_init(&n->lock, NULL);
	inspect_sites_init(&n->sites, (struct hash_key){keys[0], keys[1]}, SITES_MAX);
	for (size_t i = 0; i < TALLIES; i++)
		busiest_init(&n->names[i], (struct hash_key){keys[2 * i + 2], keys[2 * i + 3]});
	*ret = n;
	return OK;
}

void forward_inspection_free(struct forward_inspection *n)
{
	if (!n)
		return;
	inspect_sites_done(&n->sites);
	for (size_t i = 0; i < TALLIES; i++)
		busiest_done(&n->names[i]);
	(void)pthread_mutex_destroy(&n->lock);
	free(n);
}

static void tally(struct forward_inspection *n, enum forward_tally which, const char *name)
{
	(void)pthread_mutex_lock(&n->lock);
	busiest_add(&n->names[which], span_text(name), 0);
	(void)pthread_mutex_unlock(&n->lock);
}

/* ---- who ---- */

bool forward_is_inspected(const struct forward_exchange *e)
{
	const struct forward_site *site = e->view->site;
	return site->inspect_like && forward_rules_fit(e, &site->inspect_rules);
}

/* Who offers protocols, and none that is spoken here, is after something else. */
static bool speaks_http(const struct client_hello *h)
{
	return !h->alpn_len || client_hello_offers(h, "http/1.1") || client_hello_offers(h, "h2");
}

/* The host as TLS has it. */
static bool name_write(const struct destination *to, char ret[INSPECT_SITE_NAME_MAX])
{
	char text[IP_ADDRESS_TEXT_MAX];
	struct span name = to->address.family ? span_of(text, ip_address_format(&to->address, text))
					      : destination_name(to);
	return span_to_cstr(name, ret, INSPECT_SITE_NAME_MAX);
}

/* Whom the client asks for, and where that is. */
static bool fill(struct forward_inspected *in, const struct forward_exchange *e,
		 const struct client_hello *h)
{
	struct span name = span_text(h->name);
	in->to = e->to;
	if (name.len && destination_read_host(name, e->to.port, &in->to))
		return false;
	bool same = in->to.address.family == e->to.address.family &&
		    (e->to.address.family
			     ? ip_address_equal(&in->to.address, &e->to.address)
			     : span_equal(destination_name(&in->to), destination_name(&e->to)));
	in->elsewhere = !same;
	in->at = e->to;
	if (!span_to_cstr(e->instead, in->instead, sizeof(in->instead)))
		return false;
	if (e->server) {
		in->by = e->server->number + 1;
		in->site = e->view->site->number;
	} else if (!same || e->taken) {
		in->fixed = e->addresses;
	}
	if (!span_to_cstr(e->user, in->user_text, sizeof(in->user_text)))
		return false;
	in->user = span_text(in->user_text);
	return name_write(&in->to, in->name);
}

static bool is_skipped(const struct forward_exchange *e, const struct destination *to)
{
	return !to->address.family &&
	       inspect_skip_has(&e->view->site->inspect_skip, destination_name(to));
}

static bool may_be_inspected(struct forward_exchange *e, const struct forward_inspected *in,
			     const struct client_hello *h)
{
	struct forward_inspection *n = e->worker->inspection;
	if (is_skipped(e, &e->to) || is_skipped(e, &in->to)) {
		forward_count(e->worker, FORWARD_COUNT_INSPECT_SKIPPED);
		return false;
	}
	if (!speaks_http(h) || inspect_sites_is_left(&n->sites, in->name, clock_wall_s())) {
		forward_count(e->worker, FORWARD_COUNT_INSPECT_LEFT);
		tally(n, TALLY_LEFT, in->name);
		return false;
	}
	return true;
}

enum err forward_inspects(struct forward_exchange *e, const struct client_hello *h, bool *ret)
{
	bool inspects = forward_is_inspected(e);
	struct forward_inspected *in = inspects ? calloc(1, sizeof(*in)) : NULL;
	enum err error = OK;
	if (inspects && !in)
		error = (enum err)ENOMEM;
	else if (inspects && !fill(in, e, h))
		error = ERR_FORMAT;
	else if (inspects)
		inspects = may_be_inspected(e, in, h);
	if (!error && inspects)
		e->inspecting = TAKE(in);
	free(in);
	if (!error)
		*ret = inspects;
	return error;
}

void forward_inspect_leave(struct forward_exchange *e)
{
	free(TAKE(e->inspecting));
}

/* ---- the server, then its client ---- */

struct proxy_hop *forward_inspect(void *arg, struct proxy_exchange *x)
{
	struct forward_exchange *e = x->service;
	(void)arg;
	e->origin = forward_way(e);
	return e->origin ? &e->origin->hop : NULL;
}

/* Every request is told by a page, which is all that is behind what is shown then. */
static void refuse_inside(struct forward_exchange *e, const struct proxy_transport *server)
{
	struct forward_inspected *in = e->inspecting;
	bool certificate = server->error == ERR_REFUSED;
	in->refusal = certificate ? REFUSAL_SERVER_CERTIFICATE : REFUSAL_SERVER_TLS;
	in->detail = server->fault && *server->fault ? span_text(server->fault)
						     : span_text("connection lost");
	e->refusal = in->refusal;
	e->detail = in->detail;
	tally(e->worker->inspection, TALLY_BAD, in->name);
}

static enum err show(const struct forward_exchange *e, const struct proxy_tls_facts *facts,
		     struct tls_server **ret)
{
	const struct forward_site *site = e->view->site;
	const struct forward_inspected *in = e->inspecting;
	uint64_t now_s = clock_wall_s();
	const struct inspect_maker maker = {inspect_authority_mint(site->authority),
					    site->inspect_like};
	struct certificate_time time = {0, UINT64_MAX}; /* of a page it is our own alone */
	if (!in->refusal)
		time = (struct certificate_time){facts->peer_from_s, facts->peer_until_s};
	return inspect_sites_door(&e->worker->inspection->sites, &maker, in->name, time, now_s,
				  ret);
}

enum proxy_greet forward_greet(void *arg, struct proxy_exchange *x,
			       const struct proxy_transport *server, struct proxy_connection *c,
			       struct proxy_admission *ret)
{
	struct forward_worker *w = arg;
	struct forward_exchange *e = x->service;
	struct forward_inspected *in = e->inspecting;
	const struct forward_timeouts_conf *t = &e->view->site->conf->timeouts;
	bool good = !(server->ready & PROXY_BROKEN);
	struct tls_server *door = NULL;
	if (server->tls && server->tls->asks_certificate) {
		/* Only the client can say who it is. */
		inspect_sites_leave(&w->inspection->sites, in->name, clock_wall_s() + LEFT_S);
		forward_count(w, FORWARD_COUNT_INSPECT_LEFT);
		tally(w->inspection, TALLY_LEFT, in->name);
		forward_inspect_leave(e);
		return PROXY_GREET_PASS;
	}
	if (!good)
		refuse_inside(e, server);
	if (show(e, server->tls, &door))
		return PROXY_GREET_END;
	forward_count(w, good ? FORWARD_COUNT_INSPECTED : FORWARD_COUNT_INSPECT_BAD);
	*ret = (struct proxy_admission){.tls = door,
					.handshake_ms = (uint32_t)t->head_ms,
					.head_ms = (uint32_t)t->head_ms,
					.idle_ms = (uint32_t)t->idle_ms,
					.head_max = PROXY_BUFFER_SIZE};
	/* The site keeps the door as long as it is not made anew, and so does who is let in. */
	tls_server_unref(door);
	e->inspected = true;
	c->service = TAKE(e->inspecting);
	return PROXY_GREET_ENTER;
}

/* It knows another certificate, does not know our authority, or speaks no TLS of ours. Who ends, or
 * is late, has not said why. */
static bool said_no(uint8_t kind)
{
	return kind == PROXY_HANDSHAKE_CERTIFICATE || kind == PROXY_HANDSHAKE_PROTOCOL;
}

void forward_disconnected(void *arg, struct proxy_connection *c)
{
	struct forward_worker *w = arg;
	struct forward_inspected *in = TAKE(c->service);
	if (!in)
		return;
	if (c->fault && said_no(c->fault_kind)) {
		forward_count(w, FORWARD_COUNT_INSPECT_REFUSED);
		tally(w->inspection, TALLY_REFUSED, in->name);
	} else if (c->fault) {
		forward_count(w, FORWARD_COUNT_INSPECT_GONE);
		tally(w->inspection, TALLY_GONE, in->name);
	}
	free(in);
}
