#include "service/dhcp-client/io_uplink.h"

#include "control/service_life.h"
#include "crypto/random.h"
#include "os/clock.h"
#include "os/fd.h"
#include "os/log.h"
#include "os/netlink.h"
#include "os/packet.h"
#include "service/dhcp-client/io_effects.h"
#include "service/dhcp-client/io_net.h"
#include "service/dhcp-client/io_uplink6.h"

enum {
	PACKET_BYTES = 2304, /* a message of DHCP_MESSAGE_MAX with its heads */
	PACKETS_A_WAKE = 64,
	ARPHRD_ETHERNET = 1,
	/* The clock of a machine that slept is looked at so often. */
	TIMER_MAX_MS = 30000,
};

uint64_t client_env_now_ms(const struct client_env *env)
{
	return env->wall_ms + (clock_ageing_us() - env->ageing_us) / 1000;
}

/* --- the engine's time ------------------------------------------------------------------------ */

static void arm(struct client_uplink *c)
{
	struct loop *loop = &c->env->life->loop;
	uint64_t now_ms = client_env_now_ms(c->env), next_ms = uplink_next_ms(&c->u);
	if (!c->begun) {
		loop_timer_cancel(loop, &c->timer);
		return;
	}
	uint64_t wait_ms = next_ms > now_ms ? next_ms - now_ms : 0;
	loop_timer_set(loop, &c->timer,
		       clock_monotonic_ms() + (wait_ms < TIMER_MAX_MS ? wait_ms : TIMER_MAX_MS));
}

static void on_timer(void *arg)
{
	struct client_uplink *c = arg;
	uplink_turn(&c->u, client_env_now_ms(c->env));
	arm(c);
}

/* --- what comes ------------------------------------------------------------------------------- */

static void take_packet(struct client_uplink *c, struct span bytes,
			const struct packet_received *got)
{
	struct ip_packet packet;
	struct ip_udp udp;
	if (ip_packet_read(bytes, &packet) != OK ||
	    ip_udp_read(&packet, !got->checksum_pending, &udp) != OK ||
	    udp.destination_port != DHCP_PORT_CLIENT) {
		c->u.counts.refused[UPLINK_CAUSE_TORN]++;
		return;
	}
	struct reader sender = reader_of(got->from.address, got->from.address_len);
	read_bytes(&sender, c->sender, sizeof(c->sender));
	c->receiving = !sender.bad;
	uplink_receive(&c->u, client_env_now_ms(c->env), udp.payload);
	c->receiving = false;
}

static void on_packets(void *arg, uint32_t events)
{
	struct client_uplink *c = arg;
	uint8_t room[PACKET_BYTES];
	struct packet_received got;
	(void)events;
	for (int i = 0; i < PACKETS_A_WAKE; i++) {
		enum err e = packet_receive(c->ip_fd, room, sizeof(room), &got);
		if (e || got.len == 0)
			break; /* an error is of the link, which the watch of links tells too */
		if (got.len <= sizeof(room))
			take_packet(c, span_of(room, got.len), &got);
		else
			c->u.counts.refused[UPLINK_CAUSE_TORN]++;
	}
	arm(c);
}

static void on_arp(void *arg, uint32_t events)
{
	struct client_uplink *c = arg;
	uint8_t room[256];
	struct packet_received got;
	struct ip_arp arp;
	(void)events;
	for (int i = 0; i < PACKETS_A_WAKE; i++) {
		enum err e = packet_receive(c->arp_fd, room, sizeof(room), &got);
		if (e || got.len == 0)
			break;
		if (got.len <= sizeof(room) && ip_arp_read(span_of(room, got.len), &arp) == OK)
			uplink_arp(&c->u, client_env_now_ms(c->env), &arp);
	}
	arm(c);
}

/* --- the link --------------------------------------------------------------------------------- */

/* What the process before us left: its lease, and what is set on the link. */
static void restore(struct client_uplink *c)
{
	uint8_t room[DHCP_MESSAGE_MAX];
	struct lease_file f;
	uint64_t now_ms = client_env_now_ms(c->env);
	enum err e = store_read(&c->store, room, &f);
	if (e && e != (enum err)ENOENT)
		log_warning("the lease on disk cannot be read; it is asked for anew",
			    LOG_TEXT("file", c->store.path), LOG_ERR(e));
	if (e)
		f = (struct lease_file){0};
	c->mtu_before = f.mtu_before <= UINT32_MAX ? (uint32_t)f.mtu_before : 0;
	struct dhcp_message *m = &c->u.message;
	bool in_force = f.message.len && dhcp_message_read(f.message, m) == OK &&
			net_has(c->ifindex, m->head.yiaddr);
	uint64_t end_ms = f.expires_s == UINT64_MAX ? UINT64_MAX : f.expires_s * 1000;
	/* A clock that was set back must not make a lease longer than it was. */
	uint64_t begun_ms = f.obtained_s * 1000 < now_ms ? f.obtained_s * 1000 : now_ms;
	if (!f.message.len ||
	    uplink_restore(&c->u, now_ms, f.message, begun_ms, end_ms, in_force) != OK) {
		f.message = (struct span){0};
		in_force = false;
	}
	if (!in_force && net_unset(c->ifindex, &c->mtu_before) != OK)
		c->counts[CLIENT_COUNT_SET_FAILED]++;
	f.mtu_before = c->mtu_before;
	if (store_write(&c->store, &f) != OK)
		c->counts[CLIENT_COUNT_STORE_FAILED]++;
}

static enum err begin(struct client_uplink *c, const struct link *link)
{
	struct client_env *env = c->env;
	struct uplink_effects effects;
	uint8_t seed[16];
	c->ifindex = link->index;
	memcpy(c->mac, link->mac, sizeof(c->mac));
	if (env->duid.len == 0)
		TRY(store_duid(service_life_state(env->life), span_of(c->mac, sizeof(c->mac)),
			       clock_wall_s(), &env->duid));
	TRY(crypto_random(seed, sizeof(seed)));
	TRY(packet_listen_udp4(c->ip_fd, c->ifindex, DHCP_PORT_CLIENT));
	TRY(packet_listen(c->arp_fd, c->ifindex, PACKET_ARP));
	client_rules_fill(c->conf, c->mac, duid_span(&env->duid), &c->rules[c->rules_at]);
	client_effects(c, &effects);
	struct uplink_counts counts = c->u.counts;
	uplink_init(&c->u, &c->rules[c->rules_at].rules, c->mac, seed, &effects);
	c->u.counts = counts; /* of the service's whole life */
	c->begun = true;
	restore(c);
	if (c->v6)
		client_uplink6_begin(c->v6);
	/* Nobody else may have done it: the address of this link is our business. */
	enum err e = link->up ? OK : link_up(c->interface);
	if (e)
		log_warning("the link cannot be brought up", LOG_TEXT("interface", c->interface),
			    LOG_ERR(e));
	return OK;
}

static bool is_ethernet(struct client_uplink *c, const struct link *link)
{
	bool is = link->hardware == ARPHRD_ETHERNET && link->mac_len == IP_MAC_LEN;
	if (!is && !c->told_strange)
		log_error("this link is no Ethernet: no address is asked for on it",
			  LOG_TEXT("interface", c->interface));
	c->told_strange = !is;
	return is;
}

/* Its number or its address is another one: all that was said there is void. */
static void end(struct client_uplink *c, bool link_is_there)
{
	if (!c->begun)
		return;
	uplink_link(&c->u, client_env_now_ms(c->env), false);
	if (c->v6)
		client_uplink6_end(c->v6);
	if (link_is_there && net_unset(c->ifindex, &c->mtu_before) != OK)
		c->counts[CLIENT_COUNT_SET_FAILED]++;
	c->begun = false;
	c->env->changed(c->env->arg);
}

void client_uplink_links(struct client_uplink *c)
{
	const struct link *link = links_by_name(&c->env->links, c->interface);
	bool there = link && is_ethernet(c, link);
	if (c->begun &&
	    (!there || link->index != c->ifindex || memcmp(link->mac, c->mac, sizeof(c->mac)) != 0))
		end(c, link && link->index == c->ifindex);
	if (there && !c->begun) {
		enum err e = begin(c, link);
		if (e)
			log_error("the uplink cannot be served",
				  LOG_TEXT("interface", c->interface), LOG_ERR(e));
	}
	if (c->begun && there)
		uplink_link(&c->u, client_env_now_ms(c->env),
			    link->up && link->carrier && c->conf->ipv4);
	if (there && c->v6)
		client_uplink6_links(c->v6, link);
	arm(c);
}

/* --- its life --------------------------------------------------------------------------------- */

enum err client_uplink_init(struct client_uplink *c, struct client_env *env,
			    const struct client_uplink_conf *conf, int ip_fd, int arp_fd)
{
	struct loop *loop = &env->life->loop;
	*c = (struct client_uplink){.env = env, .conf = conf, .ip_fd = ip_fd, .arp_fd = arp_fd};
	if (!span_to_cstr(span_text(conf->interface), c->interface, sizeof(c->interface)))
		return ERR_FORMAT;
	loop_timer_init(&c->timer, on_timer, c);
	TRY(store_init(&c->store, service_life_state(env->life), c->interface, env->owner));
	if (conf->has_v6)
		TRY(client_uplink6_new(c, &c->v6));
	TRY(loop_add(loop, &c->ip_watch, ip_fd, LOOP_READ, on_packets, c));
	return loop_add(loop, &c->arp_watch, arp_fd, LOOP_READ, on_arp, c);
}

/* IPv6 that is turned off, or on where there is a socket for it. */
static void reload_v6(struct client_uplink *c)
{
	bool wanted = c->conf->has_v6 && c->env->udp6_fd >= 0;
	if (c->v6 && !wanted) {
		client_uplink6_stop(c->v6);
		client_uplink6_free(TAKE(c->v6));
	} else if (c->v6) {
		client_uplink6_reload(c->v6);
	} else if (wanted) {
		if (client_uplink6_new(c, &c->v6) == OK && c->begun)
			client_uplink6_begin(c->v6);
	} else if (c->conf->has_v6) {
		log_notice("IPv6 is asked for from the next start on: its socket is not there yet",
			   LOG_TEXT("interface", c->interface));
	}
}

void client_uplink_reload(struct client_uplink *c, const struct client_uplink_conf *conf)
{
	bool had_ipv4 = c->conf->ipv4;
	if (had_ipv4 && !conf->ipv4) /* while the old rules hold */
		err_ignore(client_uplink_release(c));
	c->conf = conf;
	c->rules_at = !c->rules_at;
	client_rules_fill(conf, c->mac, duid_span(&c->env->duid), &c->rules[c->rules_at]);
	if (c->begun) {
		uplink_set_rules(&c->u, client_env_now_ms(c->env), &c->rules[c->rules_at].rules);
		client_effects_again(c);
	}
	reload_v6(c);
	if (!had_ipv4 && conf->ipv4) /* IDLE or DOWN until now */
		err_ignore(client_uplink_renew(c));
	client_uplink_links(c);
}

enum err client_uplink_renew(struct client_uplink *c)
{
	enum err e = c->begun ? uplink_renew(&c->u, client_env_now_ms(c->env)) : ERR_REFUSED;
	arm(c);
	return e;
}

enum err client_uplink_release(struct client_uplink *c)
{
	enum err e = c->begun ? uplink_release(&c->u, client_env_now_ms(c->env)) : ERR_ABSENT;
	arm(c);
	return e;
}

void client_uplink_stop(struct client_uplink *c)
{
	if (!c->begun || store_is_taken(&c->store))
		return;
	if (c->v6)
		client_uplink6_stop(c->v6);
	if (c->conf->release_on_stop)
		err_ignore(client_uplink_release(c)); /* without a lease there is nothing to do */
	else if (net_unset(c->ifindex, &c->mtu_before) != OK)
		log_warning("not all that was set could be removed",
			    LOG_TEXT("interface", c->interface));
	c->begun = false;
}

void client_uplink_done(struct client_uplink *c)
{
	if (!c->env)
		return;
	loop_remove(&c->env->life->loop, &c->ip_watch);
	loop_remove(&c->env->life->loop, &c->arp_watch);
	loop_timer_cancel(&c->env->life->loop, &c->timer);
	client_uplink6_free(c->v6);
	fd_done(&c->ip_fd);
	fd_done(&c->arp_fd);
}
