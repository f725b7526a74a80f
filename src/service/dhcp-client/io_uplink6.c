#include "service/dhcp-client/io_uplink6.h"

#include "control/service_life.h"
#include "crypto/random.h"
#include "os/clock.h"
#include "os/file.h"
#include "os/log.h"
#include "os/netlink_route.h"
#include "os/outbox.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	/* The clock of a machine that slept is looked at so often. */
	TIMER_MAX_MS = 30000,
	FILE_MODE = 0600,
};

/* All_DHCP_Relay_Agents_and_Servers, RFC 8415 7.1. */
static const struct ip_endpoint servers = {
	.address = {.family = 6, .bytes = {0xff, 2, [13] = 1, [15] = 2}},
	.port = DHCP6_SERVER_PORT,
};

static const struct net6 none;

static uint64_t now_of(const struct client_uplink6 *c)
{
	return client_env_now_ms(c->uplink->env);
}

static void arm(struct client_uplink6 *c)
{
	struct loop *loop = &c->uplink->env->life->loop;
	if (!c->begun) {
		loop_timer_cancel(loop, &c->timer);
		return;
	}
	uint64_t now_ms = now_of(c), next_ms = uplink6_next_ms(&c->u);
	uint64_t wait_ms = next_ms > now_ms ? next_ms - now_ms : 0;
	loop_timer_set(loop, &c->timer,
		       clock_monotonic_ms() + (wait_ms < TIMER_MAX_MS ? wait_ms : TIMER_MAX_MS));
}

static void on_timer(void *arg)
{
	struct client_uplink6 *c = arg;
	uplink6_turn(&c->u, now_of(c));
	arm(c);
}

static void count_failed(struct client_uplink6 *c, const char *what, enum err e)
{
	if (!e)
		return;
	c->failures++;
	log_warning(what, LOG_TEXT("interface", c->uplink->interface), LOG_ERR(e));
}

/* --- effects ---------------------------------------------------------------------------------- */

static void on_send(void *arg, struct span message)
{
	struct client_uplink6 *c = arg;
	const struct client_env *env = c->uplink->env;
	struct ip_endpoint to = servers;
	to.scope = c->uplink->ifindex;
	bool sent = outbox_add_udp(env->outbox, &to, NULL, c->uplink->ifindex, message) &&
		    outbox_send(env->outbox, env->udp6_fd) == 0;
	count_failed(c, "a DHCPv6 message could not be sent", sent ? OK : (enum err)ENETUNREACH);
}

/* The links on which this uplink sets addresses. */
static size_t links_of(const struct client_uplink6 *c, uint32_t *ret)
{
	const struct client_delegate_conf *d = c->uplink->conf->v6.delegate.items;
	size_t n = 0;
	ret[n++] = c->uplink->ifindex;
	for (size_t i = 0; i < c->uplink->conf->v6.delegate.n; i++) {
		const struct link *link = links_by_name(&c->uplink->env->links, d[i].interface);
		if (link)
			ret[n++] = link->index;
	}
	return n;
}

/* missing: what of wanted is to be set. */
static void set_net(struct client_uplink6 *c, const struct net6 *wanted, const struct net6 *missing)
{
	const struct client_env *env = c->uplink->env;
	const struct net6 *all[CLIENT_UPLINKS_MAX];
	uint32_t links[CLIENT_DELEGATES_MAX + 1];
	size_t all_n = 0;
	c->net = *wanted;
	for (size_t i = 0; i < env->uplinks_n; i++)
		if (env->uplinks[i]->v6)
			all[all_n++] = &env->uplinks[i]->v6->net;
	count_failed(c, "the DHCPv6 leases could not be set whole",
		     net6_set(missing, links, links_of(c, links), all, all_n, now_of(c)));
	env->changed(env->arg);
}

static void find_wanted(const struct client_uplink6 *c, struct net6 *ret)
{
	net6_wanted(c->u.leases, c->u.leases_n, &c->uplink->conf->v6, c->uplink->ifindex,
		    &c->uplink->env->links, now_of(c), &c->net, ret);
}

static void on_set(void *arg, const struct uplink6 *u)
{
	struct client_uplink6 *c = arg;
	struct net6 wanted;
	(void)u;
	if (store_is_taken(&c->uplink->store))
		return;
	find_wanted(c, &wanted);
	set_net(c, &wanted, &wanted);
}

/* A LAN may have come or gone, or lost its addresses by going down. The kernel tells of each
 * address that is set, also when it was there before: who set all of them here would be told of it
 * and be here again, for ever. */
static void mend(struct client_uplink6 *c)
{
	struct net6 wanted, missing;
	if (store_is_taken(&c->uplink->store))
		return;
	find_wanted(c, &wanted);
	if (net6_missing(&wanted, &c->net, &c->uplink->env->links, &missing))
		set_net(c, &wanted, &missing);
	else
		c->net = wanted;
}

static void on_store(void *arg, struct span lease)
{
	struct client_uplink6 *c = arg;
	if (store_is_taken(&c->uplink->store))
		return;
	enum err e = lease.len ? file_write_atomic(c->path, lease, FILE_MODE)
		     : unlink(c->path) == 0 || errno == ENOENT ? OK
							       : err_errno();
	count_failed(c, "the DHCPv6 lease could not be stored", e);
}

static void log_event(const struct client_uplink6 *c, const struct uplink6_event *e)
{
	if (e->kind == UPLINK6_EVENT_EXPIRED && e->lease)
		log_warning("the lease is over", LOG_TEXT("interface", c->uplink->interface),
			    LOG_ADDRESS("address", &e->lease->prefix.address),
			    LOG_U64("bits", e->lease->prefix.bits));
	else if (e->kind == UPLINK6_EVENT_STATE && e->state == UPLINK6_BOUND)
		log_info("the DHCPv6 leases are in force",
			 LOG_TEXT("interface", c->uplink->interface),
			 LOG_U64("leases", c->u.leases_n));
}

static void on_event(void *arg, const struct uplink6_event *e)
{
	static const char *const names[] = {[UPLINK6_EVENT_SENT] = "sent",
					    [UPLINK6_EVENT_RECEIVED] = "received",
					    [UPLINK6_EVENT_REFUSED] = "refused",
					    [UPLINK6_EVENT_STATE] = "state",
					    [UPLINK6_EVENT_EXPIRED] = "expired"};
	struct client_uplink6 *c = arg;
	log_event(c, e);
	struct control *control = c->uplink->env->life->control;
	if (!control)
		return;
	json_t *fields = json_pack("{s:s,s:i,s:s}", "interface", c->uplink->interface, "family", 6,
				   "state", uplink6_state_name(e->state));
	const char *type = e->type ? dhcp6_type_name(e->type) : NULL;
	char text[IP_PREFIX_TEXT_MAX];
	if (type)
		(void)json_object_set_new(fields, "message", json_string(type));
	if (e->cause)
		(void)json_object_set_new(fields, "cause",
					  json_string(uplink6_cause_name(e->cause)));
	if (e->status)
		(void)json_object_set_new(fields, "status", json_integer(e->status));
	if (e->transaction_id)
		(void)json_object_set_new(fields, "transaction", json_integer(e->transaction_id));
	if (e->lease && ip_prefix_format(&e->lease->prefix, text))
		(void)json_object_set_new(fields, "lease", json_string(text));
	control_event(control, names[e->kind], fields);
}

/* --- the link --------------------------------------------------------------------------------- */

static void restore(struct client_uplink6 *c)
{
	char *bytes = NULL;
	size_t len = 0;
	enum err e = file_read(c->path, UPLINK6_STORED_MAX, &bytes, &len);
	if (!e)
		e = uplink6_restore(&c->u, now_of(c), span_of(bytes, len));
	free(bytes);
	if (e && e != (enum err)ENOENT && e != ERR_ABSENT)
		log_warning("the DHCPv6 lease on disk cannot be read; it is asked for anew",
			    LOG_TEXT("file", c->path), LOG_ERR(e));
}

void client_uplink6_begin(struct client_uplink6 *c)
{
	struct client_uplink *uplink = c->uplink;
	const struct uplink6_effects effects = {
		.arg = c, .send = on_send, .set = on_set, .store = on_store, .event = on_event};
	struct uplink6_counts counts = c->u.counts;
	uint8_t seed[16];
	if (crypto_random(seed, sizeof(seed)) != OK)
		return; /* the IPv4 side has told */
	client_rules6_fill(uplink->conf, uplink->mac, duid_span(&uplink->env->duid),
			   &c->rules[c->rules_at]);
	uplink6_init(&c->u, &c->rules[c->rules_at].rules, seed, &effects);
	c->u.counts = counts; /* of the service's whole life */
	c->begun = true;
	restore(c);
}

void client_uplink6_end(struct client_uplink6 *c)
{
	if (!c->begun)
		return;
	uplink6_link(&c->u, now_of(c), false);
	c->begun = false;
	set_net(c, &none, &none);
	arm(c);
}

/* Nothing can be sent before the link-local address is known to be ours alone. */
static bool has_link_local(const struct link *link)
{
	for (size_t i = 0; i < link->addresses_n; i++)
		if (link->addresses[i].address.family == 6 && !link->addresses[i].tentative &&
		    ip_address_is_link_local(&link->addresses[i].address))
			return true;
	return false;
}

struct duplicates {
	const struct uplink6 *u;
	size_t n;
	struct ip_address list[UPLINK6_LEASES_MAX];
};

static void see_duplicate(void *arg, const struct netlink_address *a)
{
	struct duplicates *d = arg;
	for (size_t i = 0; a->duplicate && i < d->u->leases_n; i++)
		if (d->u->leases[i].kind != DHCP6_IA_PD && d->n < UPLINK6_LEASES_MAX &&
		    ip_address_equal(&d->u->leases[i].prefix.address, &a->address))
			d->list[d->n++] = a->address;
}

/* Addresses of which the kernel says that somebody else has them (RFC 4862 5.4). */
static void decline_duplicates(struct client_uplink6 *c)
{
	struct duplicates d = {.u = &c->u};
	if (netlink_addresses(c->uplink->ifindex, see_duplicate, &d) != OK)
		return;
	for (size_t i = 0; i < d.n; i++)
		err_ignore(uplink6_decline(&c->u, now_of(c), &d.list[i]));
}

void client_uplink6_links(struct client_uplink6 *c, const struct link *link)
{
	if (!c->begun)
		return;
	uplink6_link(&c->u, now_of(c), link->up && link->carrier && has_link_local(link));
	if (c->u.leases_n)
		mend(c);
	decline_duplicates(c);
	arm(c);
}

void client_uplink6_receive(struct client_uplink6 *c, const struct ip_address *from,
			    bool to_multicast, struct span datagram)
{
	if (!c->begun)
		return;
	uplink6_receive(&c->u, now_of(c), from, to_multicast, datagram);
	arm(c);
}

/* --- its life --------------------------------------------------------------------------------- */

enum err client_uplink6_new(struct client_uplink *uplink, struct client_uplink6 **ret)
{
	struct client_uplink6 *c = calloc(1, sizeof(*c));
	if (!c)
		return ENOMEM;
	c->uplink = uplink;
	loop_timer_init(&c->timer, on_timer, c);
	int n = snprintf(c->path, sizeof(c->path), "%s/%s.lease6",
			 service_life_state(uplink->env->life), uplink->interface);
	if (n < 0 || (size_t)n >= sizeof(c->path)) {
		free(c);
		return ERR_LIMIT;
	}
	*ret = c;
	return OK;
}

void client_uplink6_free(struct client_uplink6 *c)
{
	if (!c)
		return;
	loop_timer_cancel(&c->uplink->env->life->loop, &c->timer);
	free(c);
}

void client_uplink6_reload(struct client_uplink6 *c)
{
	struct client_uplink *uplink = c->uplink;
	if (!c->begun)
		return;
	c->rules_at = !c->rules_at;
	client_rules6_fill(uplink->conf, uplink->mac, duid_span(&uplink->env->duid),
			   &c->rules[c->rules_at]);
	uplink6_set_rules(&c->u, now_of(c), &c->rules[c->rules_at].rules);
	on_set(c, &c->u);
	arm(c);
}

enum err client_uplink6_renew(struct client_uplink6 *c)
{
	enum err e = c->begun ? uplink6_renew(&c->u, now_of(c)) : ERR_REFUSED;
	arm(c);
	return e;
}

enum err client_uplink6_release(struct client_uplink6 *c)
{
	enum err e = c->begun ? uplink6_release(&c->u, now_of(c)) : ERR_ABSENT;
	/* What is given back is not deprecated but gone. */
	if (!e)
		set_net(c, &none, &none);
	arm(c);
	return e;
}

void client_uplink6_stop(struct client_uplink6 *c)
{
	if (!c->begun)
		return;
	if (c->uplink->conf->release_on_stop) /* one Release leaves; nobody waits for its answer */
		err_ignore(uplink6_release(&c->u, now_of(c)));
	c->begun = false;
	set_net(c, &none, &none);
}
