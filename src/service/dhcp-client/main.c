/* The life of the client: sockets of all uplinks, the sandbox, the state directory, the loop. */
#include "config/config.h"
#include "config/global.h"
#include "control/service_life.h"
#include "crypto/random.h"
#include "os/clock.h"
#include "os/fd.h"
#include "os/log.h"
#include "os/outbox.h"
#include "os/packet.h"
#include "os/state_dir.h"
#include "os/udp.h"
#include "service/dhcp-client/control.h"
#include "service/dhcp-client/io_forwarders.h"
#include "service/dhcp-client/io_resolv.h"
#include "service/dhcp-client/io_uplink6.h"
#include "service/dhcp-client/resolv.h"
#include "service/dhcp-client/service.h"
#include "supervisor/plan.h"

#include <stdio.h>
#include <stdlib.h>

#define NAME		 "dhcp-client"
#define SEND_SLOTS	 4
#define SEND_BYTES	 1500
#define RECEIVE_BYTES	 65536
#define BATCH_SLOTS	 8
#define BATCH_BYTES	 4096
#define BATCH_SEND_BYTES 512 /* nothing is answered in a batch */
#define BATCHES_A_WAKE	 8

struct client {
	struct service_life life;
	struct client_env env;
	struct client_control control;
	struct loop_watch links_watch, udp6_watch;
	struct udp_socket udp6;
	struct udp_batch *batch;
	struct client_forwarders forwarders;
	bool links_opened;
};

static const struct ip_endpoint any_546 = {.address = {.family = 6}, .port = DHCP6_CLIENT_PORT};
static const struct ip_endpoint any_68 = {.address = {.family = 4}, .port = DHCP_PORT_CLIENT};

/* --- sockets ---------------------------------------------------------------------------------- */

/* "ip4-eth0", "arp-eth0": how the sockets are called while they are passed. */
static void socket_name(char room[PLAN_NAME_MAX], const char *kind, const char *interface)
{
	(void)snprintf(room, PLAN_NAME_MAX, "%s-%s", kind, interface);
}

static bool wants_v6(const struct client_conf *conf)
{
	const struct client_uplink_conf *uplinks = conf->uplinks.items;
	for (size_t i = 0; i < conf->uplinks.n; i++)
		if (uplinks[i].has_v6)
			return true;
	return false;
}

static enum err plan(const void *section, const struct config_global *global, struct plan *p)
{
	const struct client_conf *conf = section;
	const struct client_uplink_conf *uplinks = conf->uplinks.items;
	char name[PLAN_NAME_MAX];
	(void)global;
	if (wants_v6(conf))
		TRY(plan_add_udp(p, NAME, "udp6", &any_546, 0));
	for (size_t i = 0; i < conf->uplinks.n; i++) {
		socket_name(name, "ip4", uplinks[i].interface);
		TRY(plan_add_raw(p, NAME, PLAN_PACKET, name));
		socket_name(name, "arp", uplinks[i].interface);
		TRY(plan_add_raw(p, NAME, PLAN_PACKET, name));
	}
	return plan_add_udp(p, NAME, "udp", &any_68, 0);
}

static bool keeps_state(const void *section)
{
	(void)section;
	return true;
}

/* Passed under that name, or made here. */
static enum err take_packet(struct client *c, const char *kind, const char *interface, int *ret)
{
	char name[PLAN_NAME_MAX];
	socket_name(name, kind, interface);
	struct activation_fd *passed = activation_find(&c->life.activation, name, 0);
	if (passed) {
		*ret = fd_take(&passed->fd);
		return OK;
	}
	enum err e = packet_open(ret);
	if (e)
		log_error("a packet socket cannot be opened", LOG_TEXT("interface", interface),
			  LOG_ERR(e));
	return e;
}

static enum err take_udp(struct client *c, const char *name, const struct ip_endpoint *at,
			 struct udp_socket *ret)
{
	struct activation_fd *passed = activation_find(&c->life.activation, name, 0);
	int fd = -1;
	enum err e = OK;
	if (passed)
		fd = fd_take(&passed->fd);
	else
		e = udp_open(at, 0, &fd);
	if (!e)
		e = udp_prepare(fd, RECEIVE_BYTES, ret);
	if (!e)
		ret->fd = fd_take(&fd);
	else
		log_error("the port of DHCP clients cannot be had; is another one running?",
			  LOG_ENDPOINT("at", at), LOG_ERR(e));
	fd_done(&fd);
	return e;
}

static enum err take_sockets(struct client *c, const struct client_conf *conf)
{
	struct udp_socket udp;
	TRY(take_udp(c, "udp", &any_68, &udp));
	c->env.udp_fd = udp.fd;
	if (!wants_v6(conf))
		return OK;
	TRY(take_udp(c, "udp6", &any_546, &c->udp6));
	c->env.udp6_fd = c->udp6.fd;
	return udp_batch_new(BATCH_SLOTS, BATCH_BYTES, BATCH_SEND_BYTES, &c->batch);
}

/* --- IPv6 comes ------------------------------------------------------------------------------- */

static void take_slot(struct client *c, const struct udp_slot *slot)
{
	struct ip_endpoint from, to;
	uint32_t ifindex = udp_slot_ifindex(c->batch, slot);
	udp_slot_peer(slot, &from);
	udp_slot_local(c->batch, slot, &to);
	for (size_t i = 0; !slot->truncated && i < c->env.uplinks_n; i++) {
		struct client_uplink *u = c->env.uplinks[i];
		if (u->v6 && u->begun && u->ifindex == ifindex)
			client_uplink6_receive(u->v6, &from.address,
					       ip_address_is_multicast(&to.address),
					       span_of(slot->rx, slot->rx_len));
	}
}

static void udp6_woken(void *arg, uint32_t events)
{
	struct client *c = arg;
	(void)events;
	for (int i = 0; i < BATCHES_A_WAKE; i++) {
		if (udp_batch_receive(c->batch, &c->udp6) != OK || c->batch->count == 0)
			return;
		for (size_t k = 0; k < c->batch->count; k++)
			take_slot(c, &c->batch->slots[k]);
	}
}

/* --- leases change ---------------------------------------------------------------------------- */

static void forwarders_follow(struct client *c, const struct client_conf *conf)
{
	struct resolv r = {0};
	if (conf->forwarders)
		resolv_gather(c->env.uplinks, c->env.uplinks_n, &r);
	if (conf->forwarders && !c->forwarders.begun)
		client_forwarders_begin(&c->forwarders, &c->life.loop, c->life.global->run);
	client_forwarders_set(&c->forwarders, r.servers, r.servers_n);
}

static void leases_changed(void *arg)
{
	struct client *c = arg;
	const struct client_conf *conf = service_life_conf(&c->life);
	forwarders_follow(c, conf);
	if (!conf->resolver_file)
		return;
	enum err e = resolv_write(service_life_state(&c->life), c->env.uplinks, c->env.uplinks_n);
	if (e)
		log_warning("resolv.conf cannot be written",
			    LOG_TEXT("folder", service_life_state(&c->life)), LOG_ERR(e));
}

/* Others may read resolv.conf by its name. */
static void show_resolver_file(struct client *c, const struct client_conf *conf)
{
	enum err e = conf->resolver_file ? state_dir_show(service_life_state(&c->life)) : OK;
	if (e)
		log_warning("resolv.conf cannot be shown to others",
			    LOG_TEXT("folder", service_life_state(&c->life)), LOG_ERR(e));
}

static void links_woken(void *arg, uint32_t events)
{
	struct client *c = arg;
	bool changed = false;
	(void)events;
	enum err e = links_read(&c->env.links, &changed);
	if (e)
		log_warning("the links cannot be followed", LOG_ERR(e));
	for (size_t i = 0; changed && i < c->env.uplinks_n; i++)
		client_uplink_links(c->env.uplinks[i]);
}

/* --- reload ----------------------------------------------------------------------------------- */

static const struct client_uplink_conf *find_conf(const struct client_conf *conf,
						  const char *interface)
{
	const struct client_uplink_conf *uplinks = conf->uplinks.items;
	for (size_t i = 0; i < conf->uplinks.n; i++)
		if (strcmp(uplinks[i].interface, interface) == 0)
			return &uplinks[i];
	return NULL;
}

static void drop_uplink(struct client *c, size_t at)
{
	client_uplink_stop(c->env.uplinks[at]);
	client_uplink_done(c->env.uplinks[at]);
	free(c->env.uplinks[at]);
	c->env.uplinks[at] = c->env.uplinks[--c->env.uplinks_n];
}

static void adopt(struct client *c, const struct client_conf *conf)
{
	size_t kept = 0;
	for (size_t i = c->env.uplinks_n; i-- > 0;) {
		const struct client_uplink_conf *one =
			find_conf(conf, c->env.uplinks[i]->interface);
		if (one) {
			client_uplink_reload(c->env.uplinks[i], one);
			kept++;
		} else {
			drop_uplink(c, i);
		}
	}
	if (kept < conf->uplinks.n)
		log_notice("a new uplink is served from the next start on: its sockets are not "
			   "there yet");
	show_resolver_file(c, conf);
}

static void reload(void *arg, struct control_reply *reply)
{
	struct client *c = arg;
	struct config *config = NULL;
	service_life_reloading(&c->life, false);
	enum err err = service_life_reread(&c->life, &config);
	const struct client_conf *conf = err ? NULL : config_section(config, NAME);
	if (!err && !conf)
		err = ERR_CONFIG;
	if (!err) {
		adopt(c, conf);
		service_life_adopt(&c->life, TAKE(config));
		leases_changed(c);
		log_info("reloaded");
	}
	config_free(config);
	service_life_reloading(&c->life, true);
	control_event(c->life.control, err ? "reload refused" : "reloaded", NULL);
	if (reply && err)
		control_reply_error(reply, 409, "the configuration is refused; the log says why");
	else if (reply)
		control_reply_json(reply, 200, json_pack("{s:b}", "reloaded", 1));
}

static void hangup(void *arg)
{
	reload(arg, NULL);
}

/* --- start and end ---------------------------------------------------------------------------- */

static enum err add_uplink(struct client *c, const struct client_uplink_conf *conf)
{
	AUTO_DONE(fd_done) int ip = -1;
	AUTO_DONE(fd_done) int arp = -1;
	TRY(take_packet(c, "ip4", conf->interface, &ip));
	TRY(take_packet(c, "arp", conf->interface, &arp));
	struct client_uplink *u = calloc(1, sizeof(*u));
	if (!u)
		return ENOMEM;
	c->env.uplinks[c->env.uplinks_n++] = u;
	return client_uplink_init(u, &c->env, conf, fd_take(&ip), fd_take(&arp));
}

/* Everything that needs to be opened, then the sandbox. */
static enum err open_all(struct client *c)
{
	const struct client_conf *conf = service_life_conf(&c->life);
	const struct client_uplink_conf *uplinks = conf->uplinks.items;
	c->env.life = &c->life;
	c->env.changed = leases_changed;
	c->env.arg = c;
	c->env.wall_ms = clock_wall_ms();
	c->env.ageing_us = clock_ageing_us();
	TRY(crypto_random(&c->env.owner, sizeof(c->env.owner)));
	TRY(outbox_new(SEND_SLOTS, SEND_BYTES, &c->env.outbox));
	TRY(take_sockets(c, conf));
	for (size_t i = 0; i < conf->uplinks.n; i++)
		TRY(add_uplink(c, &uplinks[i]));
	TRY(links_open(&c->env.links));
	c->links_opened = true;
	TRY(service_life_sandbox(&c->life, NULL));
	show_resolver_file(c, conf);
	c->control = (struct client_control){.env = &c->env, .reload = reload, .arg = c};
	return service_life_signals(&c->life);
}

static enum err live(struct client *c, struct control_face *face, int *ret_status)
{
	TRY(open_all(c));
	TRY(service_life_control(&c->life, face));
	TRY(loop_add(&c->life.loop, &c->links_watch, c->env.links.fd, LOOP_READ, links_woken, c));
	if (c->env.udp6_fd >= 0)
		TRY(loop_add(&c->life.loop, &c->udp6_watch, c->env.udp6_fd, LOOP_READ, udp6_woken,
			     c));
	for (size_t i = 0; i < c->env.uplinks_n; i++)
		client_uplink_links(c->env.uplinks[i]);
	leases_changed(c);
	c->life.reload = hangup;
	c->life.arg = c;
	*ret_status = service_life_run(&c->life);
	for (size_t i = 0; i < c->env.uplinks_n; i++)
		client_uplink_stop(c->env.uplinks[i]);
	leases_changed(c);
	return OK;
}

static void client_free(struct client *c)
{
	while (c->env.uplinks_n) {
		client_uplink_done(c->env.uplinks[--c->env.uplinks_n]);
		free(c->env.uplinks[c->env.uplinks_n]);
	}
	loop_remove(&c->life.loop, &c->links_watch);
	loop_remove(&c->life.loop, &c->udp6_watch);
	client_forwarders_done(&c->forwarders);
	service_life_done(&c->life);
	if (c->links_opened)
		links_done(&c->env.links);
	outbox_free(c->env.outbox);
	udp_batch_free(c->batch);
	fd_done(&c->env.udp_fd);
	fd_done(&c->env.udp6_fd);
	free(c);
}

static int run(const struct service_start *start)
{
	struct client *c = calloc(1, sizeof(*c));
	struct control_face face;
	int status = 1;
	if (!c)
		return 1;
	c->env.udp_fd = c->env.udp6_fd = -1;
	client_control_face(&c->control, &face);
	enum err err = service_life_begin(&c->life, start);
	bool begun = !err;
	if (!err)
		err = live(c, &face, &status);
	if (begun && err)
		log_error("the service ends", LOG_ERR(err));
	client_free(c);
	return err == ERR_CONFIG ? 2 : err ? 1 : status;
}

const struct service dhcp_client_service = {
	.name = NAME,
	.summary = "the client of the uplinks: gets their addresses from servers and sets them",
	.schema = &dhcp_client_conf_map,
	.keeps_state = keeps_state,
	.changes_links = true,
	.capabilities = SANDBOX_CAP_NET_ADMIN,
	.plan = plan,
	.run = run,
};
