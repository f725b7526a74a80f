/* Endpoints by name: asked of the resolvers when they are new, and anew when handshakes there go
 * unanswered, as the address may be another by now. A few at a time, each from a port of its own.
 */
#include "crypto/random.h"
#include "os/fd.h"
#include "os/log.h"
#include "os/udp.h"
#include "proto/dns/addresses.h"
#include "proto/dns/type.h"
#include "service/vpn/io_vpn.h"

#include <stdlib.h>

enum {
	ASKS_MAX = 8,
	TRIES = 2, /* of each resolver, for each type */
	WAIT_MS = 2000,
	RETRY_FIRST_MS = 1000, /* after no answer, twice as long each time, up to: */
	RETRY_MOST_MS = 60000,
	ANSWER_MAX = 4096,
};

/* Addresses of IPv4 come first, then those of IPv6. */
static const uint16_t types[] = {DNS_TYPE_A, DNS_TYPE_AAAA};
enum { TYPES = sizeof(types) / sizeof(types[0]) };

struct ask {
	struct vpn *vpn;
	int fd; /* -1: not in use */
	struct vpn_interface *of;
	uint8_t key[VPN_KEY_LEN]; /* of the peer, which may go meanwhile */
	struct dns_name name;
	uint16_t id, port;
	size_t type;
	unsigned tries;
	struct dns_addresses found;
	struct loop_watch watch;
	struct loop_timer timer;
};

struct vpn_lookups {
	struct loop_timer next;
	struct ask asks[ASKS_MAX];
};

static void ask_close(struct ask *a)
{
	loop_remove(&a->vpn->life.loop, &a->watch);
	loop_timer_cancel(&a->vpn->life.loop, &a->timer);
	fd_done(&a->fd);
}

/* The peer, unless it went or has another endpoint by now. */
static struct vpn_peer *peer_of(const struct ask *a)
{
	struct vpn_peer *p = vpn_engine_find_peer(a->of->engine, a->key);
	struct vpn_own *own = p ? vpn_own_of(p) : NULL;
	bool same = own && own->remote.at.port == a->port &&
		    dns_name_equal(&own->remote.name, &a->name);
	return same ? p : NULL;
}

/* --- what was found --------------------------------------------------------------------------- */

static void retry(struct ask *a, struct vpn_own *own)
{
	uint64_t wait_ms = RETRY_FIRST_MS;
	for (uint32_t i = 1; i < own->lookups && wait_ms < RETRY_MOST_MS; i++)
		wait_ms *= 2;
	own->lookup_ms = vpn_now_ms() + (wait_ms < RETRY_MOST_MS ? wait_ms : RETRY_MOST_MS);
	log_debug("an endpoint's name has no address", LOG_TEXT("interface", a->of->name));
}

/* Of several addresses the next each time, as the one before did not answer. */
static void use(struct ask *a, struct vpn_peer *p)
{
	struct vpn_own *own = vpn_own_of(p);
	struct ip_endpoint to = {.address = a->found.items[(own->lookups - 1) % a->found.n],
				 .port = a->port};
	struct vpn_endpoint now = {0};
	uint16_t keepalive_s = p->keepalive_s;
	own->lookup_ms = 0;
	if (vpn_peer_endpoint(p, &now) && ip_endpoint_equal(&now.remote, &to))
		return;
	vpn_engine_begin(a->of->engine);
	vpn_engine_set_endpoint(a->of->engine, p, &to);
	/* The one that was to leave at once had nowhere to go. */
	if (keepalive_s) {
		vpn_engine_set_keepalive(a->of->engine, vpn_now_ms(), p, 0);
		vpn_engine_set_keepalive(a->of->engine, vpn_now_ms(), p, keepalive_s);
	}
	vpn_engine_end(a->of->engine);
	log_info("an endpoint's address was found", LOG_TEXT("interface", a->of->name),
		 LOG_TEXT("peer", p->name), LOG_ENDPOINT("at", &to));
}

static void finish(struct ask *a)
{
	struct vpn *v = a->vpn;
	struct vpn_peer *p = peer_of(a);
	ask_close(a);
	if (p) {
		vpn_own_of(p)->lookups++;
		if (a->found.n)
			use(a, p);
		else
			retry(a, vpn_own_of(p));
	}
	loop_timer_set_after(&v->life.loop, &v->lookups->next, 0);
	vpn_engines_turn(v);
}

/* --- one question ----------------------------------------------------------------------------- */

static void answered(void *arg, uint32_t events);

static enum err send_question(struct ask *a, const struct ip_endpoint *to)
{
	uint8_t room[DNS_ADDRESSES_QUERY_MAX];
	TRY(crypto_random(&a->id, sizeof(a->id)));
	TRY(udp_connect(to, NULL, 0, &a->fd));
	enum err e = udp_write(a->fd, dns_addresses_query(&a->name, types[a->type], a->id, room));
	if (!e)
		e = loop_add(&a->vpn->life.loop, &a->watch, a->fd, LOOP_READ, answered, a);
	if (e)
		fd_done(&a->fd);
	else
		loop_timer_set_after(&a->vpn->life.loop, &a->timer, WAIT_MS);
	return e;
}

/* The next resolver, then the next type; over when all were tried. */
static void go_on(struct ask *a)
{
	const struct config_list *resolvers = &vpn_conf_of(a->vpn)->resolver;
	const struct ip_endpoint *at = resolvers->items;
	ask_close(a);
	for (; a->type < TYPES; a->type++, a->tries = 0)
		while (a->tries < resolvers->n * TRIES)
			if (send_question(a, &at[a->tries++ % resolvers->n]) == OK)
				return;
	finish(a);
}

static void timed_out(void *arg)
{
	go_on(arg);
}

static void answered(void *arg, uint32_t events)
{
	struct ask *a = arg;
	struct dns_addresses answer;
	uint8_t message[ANSWER_MAX];
	size_t len = 0;
	(void)events;
	enum err e = udp_read(a->fd, message, sizeof(message), &len);
	if (!e && (len == 0 || len > sizeof(message)))
		return;
	if (!e)
		e = dns_addresses_read(span_of(message, len), &a->name, types[a->type], a->id,
				       &answer);
	if (e == ERR_FORMAT)
		return; /* somebody else's; the right one may come yet */
	for (size_t i = 0; !e && i < answer.n && a->found.n < DNS_ADDRESSES_MAX; i++)
		a->found.items[a->found.n++] = answer.items[i];
	if (!e) {
		a->type++;
		a->tries = 0;
	}
	go_on(a);
}

/* --- all -------------------------------------------------------------------------------------- */

static struct ask *ask_free(struct vpn_lookups *l)
{
	for (size_t i = 0; i < ASKS_MAX; i++)
		if (l->asks[i].fd < 0)
			return &l->asks[i];
	return NULL;
}

static void ask_begin(struct ask *a, struct vpn_interface *f, const struct vpn_peer *p)
{
	struct vpn_own *own = vpn_own_of(p);
	a->of = f;
	a->name = own->remote.name;
	a->port = own->remote.at.port;
	a->type = 0;
	a->tries = 0;
	a->found = (struct dns_addresses){0};
	memcpy(a->key, p->public_key, sizeof(a->key));
	own->lookup_ms = UINT64_MAX;
	go_on(a);
}

/* The peers whose name is due, as far as there is room for questions; then when the next is. */
static void ask_next(void *vpn)
{
	struct vpn *v = vpn;
	uint64_t now_ms = vpn_now_ms(), next_ms = UINT64_MAX;
	struct ask *a = ask_free(v->lookups);
	for (size_t i = 0; a && i < v->interfaces_n; i++) {
		struct vpn_interface *f = &v->interfaces[i];
		for (struct vpn_peer *p = NULL; a && (p = vpn_engine_next_peer(f->engine, p));) {
			struct vpn_own *own = vpn_own_of(p);
			if (!own || !own->lookup_ms || own->lookup_ms == UINT64_MAX)
				continue;
			if (own->lookup_ms <= now_ms)
				ask_begin(a, f, p); /* may be over at once, without a network */
			if (own->lookup_ms > now_ms && own->lookup_ms < next_ms)
				next_ms = own->lookup_ms;
			a = ask_free(v->lookups);
		}
	}
	if (a && next_ms != UINT64_MAX) /* else who ends asks for the next */
		loop_timer_set_after(&v->life.loop, &v->lookups->next, next_ms - now_ms);
}

void vpn_lookup_want(struct vpn *v, struct vpn_peer *peer)
{
	struct vpn_own *own = vpn_own_of(peer);
	if (!own || !own->remote.name.len || own->lookup_ms == UINT64_MAX)
		return;
	own->lookup_ms = vpn_now_ms();
	loop_timer_set_after(&v->life.loop, &v->lookups->next, 0);
}

enum err vpn_lookups_new(struct vpn *v)
{
	v->lookups = calloc(1, sizeof(*v->lookups));
	if (!v->lookups)
		return ENOMEM;
	loop_timer_init(&v->lookups->next, ask_next, v);
	for (size_t i = 0; i < ASKS_MAX; i++) {
		v->lookups->asks[i].vpn = v;
		v->lookups->asks[i].fd = -1;
		loop_timer_init(&v->lookups->asks[i].timer, timed_out, &v->lookups->asks[i]);
	}
	return OK;
}

void vpn_lookups_free(struct vpn *v)
{
	if (!v->lookups)
		return;
	for (size_t i = 0; i < ASKS_MAX; i++)
		ask_close(&v->lookups->asks[i]);
	loop_timer_cancel(&v->life.loop, &v->lookups->next);
	free(TAKE(v->lookups));
}
