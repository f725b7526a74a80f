#include "service/dhcp/io_v6.h"

#include "crypto/random.h"
#include "crypto/secret.h"
#include "os/fd.h"
#include "os/icmp.h"
#include "os/log.h"
#include "os/outbox.h"
#include "proto/dhcp6/code.h"
#include "proto/ndp/message.h"
#include "service/dhcp/conf.h"
#include "service/dhcp/io_dhcp.h"

#include <stdlib.h>

enum {
	BATCH_SLOTS = UDP_BATCH_MAX,
	BATCH_RX = 9216, /* a jumbo frame; longer ones cost a counter */
	BATCH_UNUSED = 512,
	ROUNDS_MAX = 8,
	RECEIVE_BYTES = 4 << 20,
	OUT_SLOTS = 64,
	OUT_SIZE = 9216,
	ICMP_MAX = 2048,
	ICMP_TURN = 64,
};

static const struct ip_address all_routers = {.family = 6, .bytes = {0xff, 2, [15] = 2}};
/* RFC 8415 7.1 */
static const struct ip_address all_agents = {.family = 6, .bytes = {0xff, 2, [13] = 1, [15] = 2}};
static const struct ip_address all_servers = {.family = 6, .bytes = {0xff, 5, [13] = 1, [15] = 3}};

bool dhcp_v6_serves(const struct v6_conf *conf)
{
	return conf->networks.n || conf->relays.n;
}

bool dhcp_v6_advertises(const struct v6_conf *conf)
{
	return conf->advertise.n != 0;
}

/* --- opening --- */

static enum err udp_socket_open(struct dhcp_service *d)
{
	static const struct ip_endpoint at = {.address = {.family = 6}, .port = DHCP6_SERVER_PORT};
	struct activation_fd *passed = activation_find(&d->life.activation, "v6", 0);
	enum err e = OK;
	if (passed)
		d->v6.udp_fd = fd_take(&passed->fd);
	else
		e = udp_open(&at, 0, &d->v6.udp_fd);
	if (!e)
		e = udp_prepare(d->v6.udp_fd, RECEIVE_BYTES, &d->v6.udp);
	/* RFC 8415 19: to servers by multicast with a hop limit of 8; to clients the link is the
	 * end. */
	if (!e)
		e = multicast_hops_set(d->v6.udp_fd, DHCP6_HOP_COUNT_LIMIT);
	if (!e)
		e = udp_batch_new(BATCH_SLOTS, BATCH_RX, BATCH_UNUSED, &d->v6.batch);
	if (!e)
		e = outbox_new(OUT_SLOTS, OUT_SIZE, &d->v6.datagrams);
	if (e)
		log_error(e == (enum err)EADDRINUSE ? "another DHCPv6 server or relay has the port"
						    : "port 547 cannot be opened",
			  LOG_ENDPOINT("address", &at), LOG_ERR(e));
	return e;
}

static enum err icmp_socket_open(struct dhcp_service *d)
{
	static const uint8_t types[] = {NDP_ROUTER_SOLICIT};
	struct activation_fd *passed = activation_find(&d->life.activation, "icmp6", 0);
	enum err e = OK;
	if (passed)
		d->v6.icmp_fd = fd_take(&passed->fd);
	else
		e = icmp_open(6, &d->v6.icmp_fd);
	if (!e)
		e = icmp_listen(d->v6.icmp_fd, 6, types, sizeof(types));
	if (e)
		log_error("router advertisements need a raw socket, which is for root to open",
			  LOG_ERR(e));
	return e;
}

enum err dhcp_v6_open(struct dhcp_service *d)
{
	const struct v6_conf *conf = &dhcp_conf_of(d)->v6;
	if (dhcp_v6_serves(conf))
		TRY(udp_socket_open(d));
	return dhcp_v6_advertises(conf) ? icmp_socket_open(d) : OK;
}

/* --- out --- */

static void send_to(struct dhcp_service *d, const struct ip_address *to, uint16_t port,
		    uint32_t ifindex, struct span message)
{
	bool local = ip_address_is_link_local(to) || ip_address_is_multicast(to);
	const struct ip_endpoint end = {.address = *to, .port = port, .scope = local ? ifindex : 0};
	if (outbox_is_full(d->v6.datagrams))
		dhcp_v6_flush(d);
	if (!outbox_add_udp(d->v6.datagrams, &end, NULL, ifindex, message))
		d->v6.dropped_out++;
}

static void send_engine(void *arg, const struct v6_send *s)
{
	send_to(arg, &s->to, s->port, s->ifindex, s->message);
}

static void send_relay(void *arg, uint32_t ifindex, const struct ip_address *to, uint16_t port,
		       struct span message)
{
	send_to(arg, to, port, ifindex, message);
}

static const struct ip_address *link_local_of(const struct dhcp_service *d, uint32_t ifindex)
{
	const struct link *l = links_by_index(&d->links, ifindex);
	for (size_t i = 0; l && i < l->addresses_n; i++)
		if (l->addresses[i].address.family == 6 && !l->addresses[i].tentative &&
		    ip_address_is_link_local(&l->addresses[i].address))
			return &l->addresses[i].address;
	return NULL;
}

static void send_advert(void *arg, uint32_t ifindex, const struct ip_address *to, struct span icmp)
{
	struct dhcp_service *d = arg;
	const struct ip_address *from = link_local_of(d, ifindex);
	if (!from || icmp6_send(d->v6.icmp_fd, ifindex, from, to, icmp))
		d->v6.dropped_out++;
}

void dhcp_v6_flush(struct dhcp_service *d)
{
	if (d->v6.datagrams && !outbox_is_empty(d->v6.datagrams))
		d->v6.dropped_out += outbox_send(d->v6.datagrams, d->v6.udp_fd);
}

/* --- in --- */

static bool is_relayed(const struct relay6 *r, uint32_t ifindex)
{
	for (size_t i = 0; r && i < r->links_n; i++)
		if (r->present[i].ifindex == ifindex)
			return true;
	return false;
}

static void receive_slot(struct dhcp_service *d, const struct udp_slot *slot, uint64_t now_ms)
{
	struct ip_endpoint peer, local;
	struct v6_arrival a = {.ifindex = udp_slot_ifindex(d->v6.batch, slot)};
	struct span packet = span_of(slot->rx, slot->rx_len);
	if (slot->truncated) {
		d->v6.dropped_in++;
		return;
	}
	if (!dhcp_links_serves(d, a.ifindex)) {
		d->elsewhere++;
		return;
	}
	udp_slot_peer(slot, &peer);
	udp_slot_local(d->v6.batch, slot, &local);
	a.from = peer.address;
	a.to = local.address;
	/* An interface belongs to one of them; what servers answer comes by any. */
	bool answer = packet.len && packet.data[0] == DHCP6_RELAY_REPL;
	if (d->v6.relay && (answer || !d->v6.engine || is_relayed(d->v6.relay, a.ifindex)))
		relay6_receive(d->v6.relay, &a, (struct span){0}, packet);
	else if (d->v6.engine)
		v6_engine_receive(d->v6.engine, now_ms, &a, packet);
}

static void udp_ready(void *arg, uint32_t events)
{
	struct dhcp_service *d = arg;
	(void)events;
	for (unsigned round = 0; round < ROUNDS_MAX; round++) {
		if (udp_batch_receive(d->v6.batch, &d->v6.udp) || d->v6.batch->count == 0)
			return;
		uint64_t now_ms = dhcp_now_ms(d);
		for (size_t i = 0; i < d->v6.batch->count; i++)
			receive_slot(d, &d->v6.batch->slots[i], now_ms);
		if (d->v6.batch->count < d->v6.batch->slots_max)
			return;
	}
}

static void icmp_ready(void *arg, uint32_t events)
{
	struct dhcp_service *d = arg;
	uint8_t buf[ICMP_MAX];
	(void)events;
	for (unsigned i = 0; i < ICMP_TURN; i++) {
		struct icmp_received got;
		if (icmp_receive(d->v6.icmp_fd, buf, sizeof(buf), &got) || got.message.len == 0)
			return;
		const struct ndp_arrival a = {
			.source = got.from, .destination = got.to, .hop_limit = got.hop_limit};
		if (d->v6.ra && dhcp_links_serves(d, got.ifindex))
			ra_receive(d->v6.ra, dhcp_now_ms(d), got.ifindex, &a, got.message);
	}
}

enum err dhcp_v6_watch(struct dhcp_service *d)
{
	struct loop *loop = &d->life.loop;
	if (d->v6.udp_fd >= 0)
		TRY(loop_add(loop, &d->v6.udp_watch, d->v6.udp_fd, LOOP_READ, udp_ready, d));
	if (d->v6.icmp_fd >= 0)
		TRY(loop_add(loop, &d->v6.icmp_watch, d->v6.icmp_fd, LOOP_READ, icmp_ready, d));
	return OK;
}

/* --- links --- */

static void groups_join(struct dhcp_service *d, const struct link *l)
{
	enum err e = OK;
	if (d->v6.udp_fd >= 0)
		e = multicast_join(d->v6.udp_fd, &all_agents, l->index);
	if (!e && d->v6.udp_fd >= 0)
		e = multicast_join(d->v6.udp_fd, &all_servers, l->index);
	if (!e && d->v6.icmp_fd >= 0)
		e = multicast_join(d->v6.icmp_fd, &all_routers, l->index);
	if (e && e != (enum err)ENODEV) /* it has gone again */
		log_warning("IPv6 hosts of an interface cannot be heard",
			    LOG_TEXT("interface", l->name), LOG_ERR(e));
}

static bool is_global(const struct link_address *a)
{
	return a->address.family == 6 && !a->tentative && !ip_address_is_link_local(&a->address) &&
	       !ip_address_is_loopback(&a->address);
}

static void link_fill(const struct link *from, struct v6_link *to)
{
	*to = (struct v6_link){.ifindex = from->index};
	memcpy(to->name, from->name, sizeof(to->name));
	for (size_t i = 0; i < from->addresses_n && to->addresses_n < V6_LINK_ADDRESSES_MAX; i++)
		if (is_global(&from->addresses[i])) {
			to->addresses[to->addresses_n] = from->addresses[i].address;
			to->bits[to->addresses_n++] = from->addresses[i].bits;
		}
}

/* Seconds that are left of a lifetime which the kernel told a while ago. */
static uint32_t left_s(uint32_t told_s, uint64_t age_s)
{
	return told_s == UINT32_MAX ? NDP_INFINITY
	       : told_s > age_s	    ? (uint32_t)(told_s - age_s)
				    : 0;
}

static void ra_link_fill(const struct link *from, uint64_t mono_ms, struct ra_link *to)
{
	*to = (struct ra_link){.ifindex = from->index};
	memcpy(to->name, from->name, sizeof(to->name));
	to->has_mac = from->mac_len == sizeof(to->mac);
	if (to->has_mac)
		memcpy(to->mac, from->mac, sizeof(to->mac));
	for (size_t i = 0; i < from->addresses_n; i++) {
		const struct link_address *a = &from->addresses[i];
		uint64_t age_s = (mono_ms - a->told_ms) / 1000;
		if (a->address.family == 6 && !a->tentative &&
		    ip_address_is_link_local(&a->address) && to->link_local.family == 0)
			to->link_local = a->address;
		if (is_global(a) && to->prefixes_n < RA_PREFIXES_MAX)
			to->prefixes[to->prefixes_n++] =
				(struct ndp_prefix){.prefix = ip_prefix_of(&a->address, a->bits),
						    .on_link = true,
						    .autonomous = true,
						    .valid_s = left_s(a->valid_s, age_s),
						    .preferred_s = left_s(a->preferred_s, age_s)};
	}
}

void dhcp_v6_links_tell(struct dhcp_service *d)
{
	static const size_t max = DHCP_LINKS_MAX;
	if (d->v6.udp_fd < 0 && d->v6.icmp_fd < 0)
		return;
	struct v6_link *links = calloc(max, sizeof(*links));
	struct ra_link *ra_links = calloc(max, sizeof(*ra_links));
	uint64_t mono_ms = links_now_ms();
	size_t n = 0;
	for (size_t i = 0; links && ra_links && i < d->links.n && n < max; i++) {
		const struct link *l = &d->links.list[i];
		if (!l->up || l->loopback || !dhcp_links_serves(d, l->index))
			continue;
		groups_join(d, l);
		link_fill(l, &links[n]);
		ra_link_fill(l, mono_ms, &ra_links[n++]);
	}
	if (!links || !ra_links) {
		log_error("no memory to follow the links");
	} else {
		if (d->v6.engine)
			v6_engine_set_links(d->v6.engine, links, n);
		if (d->v6.relay)
			relay6_set_links(d->v6.relay, links, n);
		if (d->v6.ra)
			ra_set_links(d->v6.ra, dhcp_now_ms(d), ra_links, n);
		dhcp_v6_told_keep(d);
	}
	free(links);
	free(ra_links);
}

/* --- configuration --- */

enum err dhcp_v6_site_make(struct dhcp_service *d, const struct dhcp_conf *conf,
			   struct v6_site **ret)
{
	struct reserved_conf joined;
	TRY(reserved_conf_make(&d->reserved, conf, &joined));
	enum err e = v6_site_new(&joined.conf->v6, ret);
	reserved_conf_done(&joined);
	return e;
}

void dhcp_v6_site_take(struct dhcp_service *d, struct v6_site *site)
{
	if (d->v6.engine)
		v6_engine_set_site(d->v6.engine, site, dhcp_now_ms(d));
	v6_site_unref(d->v6.site);
	d->v6.site = site;
}

static void event(void *arg, const struct v6_event *e)
{
	struct dhcp_service *d = arg;
	events_hold6(&d->events, dhcp_now_ms(d), e);
}

static void named(void *arg, enum dhcp_name_change change, const struct v6_lease_view *l,
		  const struct v6_network *n)
{
	struct dhcp_service *d = arg;
	dhcp_devices_tell6(d, change, l);
	dhcp_names_tell6(d, change, l, n);
}

static enum err engine_make(struct dhcp_service *d, const struct v6_conf *conf)
{
	const struct v6_limits limits = {.leases = conf->leases_max, .waiting = conf->waiting_max};
	const struct v6_effects effects = {.arg = d,
					   .send = send_engine,
					   .store = dhcp_store_put,
					   .name = named,
					   .event = event};
	TRY(dhcp_v6_identity(d));
	return v6_engine_new(d->v6.site, &limits, &effects, span_of(d->v6.duid, sizeof(d->v6.duid)),
			     d->v6.secret, d->key, &d->v6.engine);
}

static enum err relay_make(struct dhcp_service *d, const struct v6_conf *conf)
{
	const struct relay6_effects effects = {.arg = d, .send = send_relay};
	d->v6.relay = calloc(1, sizeof(*d->v6.relay));
	return d->v6.relay ? relay6_init(d->v6.relay, conf, &effects) : (enum err)ENOMEM;
}

static enum err ra_make(struct dhcp_service *d)
{
	const struct ra_effects effects = {.arg = d, .send = send_advert};
	uint8_t seed[16];
	TRY(crypto_random(seed, sizeof(seed)));
	d->v6.ra = calloc(1, sizeof(*d->v6.ra));
	if (!d->v6.ra)
		return (enum err)ENOMEM;
	ra_init(d->v6.ra, seed, &effects);
	return OK;
}

static void rules_set(struct dhcp_service *d, const struct v6_conf *conf)
{
	struct ra_rules *rules = calloc(RA_INTERFACES_MAX, sizeof(*rules));
	size_t n = 0;
	if (!rules) {
		log_error("no memory for router advertisements");
		return;
	}
	while (n < RA_INTERFACES_MAX && ra_rules_of(conf, n, &rules[n]))
		n++;
	ra_set_rules(d->v6.ra, dhcp_now_ms(d), rules, n);
	free(rules);
}

enum err dhcp_v6_begin(struct dhcp_service *d)
{
	const struct v6_conf *conf = &dhcp_conf_of(d)->v6;
	TRY(v6_site_new(conf, &d->v6.site));
	if (conf->networks.n)
		TRY(engine_make(d, conf));
	if (conf->relays.n)
		TRY(relay_make(d, conf));
	if (dhcp_v6_advertises(conf)) {
		TRY(ra_make(d));
		rules_set(d, conf);
		dhcp_v6_told_recall(d);
	}
	return OK;
}

/* What was not there at the start has no socket, and no engine. */
static void warn_of_restart(const struct dhcp_service *d, const struct v6_conf *conf)
{
	if ((conf->networks.n && !d->v6.engine) || (conf->relays.n && !d->v6.relay) ||
	    (dhcp_v6_advertises(conf) && !d->v6.ra))
		log_warning("`ipv6` asks for what it did not at the start, which needs a restart");
}

void dhcp_v6_take(struct dhcp_service *d, const struct v6_conf *conf, struct v6_site *site)
{
	warn_of_restart(d, conf);
	dhcp_v6_site_take(d, site);
	if (d->v6.ra)
		rules_set(d, conf);
	if (d->v6.relay) {
		const struct relay6_effects effects = {.arg = d, .send = send_relay};
		if (relay6_init(d->v6.relay, conf, &effects))
			log_error("there are more relayed links than can be served");
	}
}

/* --- time --- */

uint64_t dhcp_v6_next_ms(struct dhcp_service *d)
{
	uint64_t next = d->v6.engine ? v6_engine_next_ms(d->v6.engine) : UINT64_MAX;
	uint64_t advert = d->v6.ra ? ra_next_ms(d->v6.ra) : UINT64_MAX;
	return next < advert ? next : advert;
}

void dhcp_v6_turn(struct dhcp_service *d)
{
	if (d->v6.engine)
		v6_engine_turn(d->v6.engine, dhcp_now_ms(d));
	if (d->v6.ra)
		ra_turn(d->v6.ra, dhcp_now_ms(d));
}

void dhcp_v6_stop(struct dhcp_service *d)
{
	if (d->v6.ra && d->v6.icmp_fd >= 0)
		ra_stop(d->v6.ra, dhcp_now_ms(d));
}

void dhcp_v6_done(struct dhcp_service *d)
{
	loop_remove(&d->life.loop, &d->v6.udp_watch);
	loop_remove(&d->life.loop, &d->v6.icmp_watch);
	v6_engine_free(d->v6.engine);
	v6_site_unref(d->v6.site);
	free(d->v6.relay);
	free(d->v6.ra);
	udp_batch_free(d->v6.batch);
	outbox_free(d->v6.datagrams);
	fd_done(&d->v6.udp_fd);
	fd_done(&d->v6.icmp_fd);
	crypto_wipe(d->v6.secret, sizeof(d->v6.secret));
}
