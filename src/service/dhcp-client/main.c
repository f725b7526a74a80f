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
#include "service/dhcp-client/io_resolv.h"
#include "service/dhcp-client/service.h"
#include "supervisor/plan.h"

#include <stdio.h>
#include <stdlib.h>

#define NAME	      "dhcp-client"
#define SEND_SLOTS    4
#define SEND_BYTES    1500
#define RECEIVE_BYTES 4096 /* of the socket that is never read */

struct client {
	struct service_life life;
	struct client_env env;
	struct client_control control;
	struct client_uplink *uplinks[CLIENT_UPLINKS_MAX];
	size_t uplinks_n;
	struct loop_watch links_watch;
	bool links_opened;
};

static const struct ip_endpoint any_68 = {.address = {.family = 4}, .port = DHCP_PORT_CLIENT};

/* --- sockets ---------------------------------------------------------------------------------- */

/* "ip4-eth0", "arp-eth0": how the sockets are called while they are passed. */
static void socket_name(char room[PLAN_NAME_MAX], const char *kind, const char *interface)
{
	(void)snprintf(room, PLAN_NAME_MAX, "%s-%s", kind, interface);
}

static enum err plan(const void *section, const struct config_global *global, struct plan *p)
{
	const struct client_conf *conf = section;
	const struct client_uplink_conf *uplinks = conf->uplinks.items;
	char name[PLAN_NAME_MAX];
	(void)global;
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

static enum err take_udp(struct client *c)
{
	struct udp_socket prepared;
	struct activation_fd *passed = activation_find(&c->life.activation, "udp", 0);
	enum err e = OK;
	if (passed)
		c->env.udp_fd = fd_take(&passed->fd);
	else
		e = udp_open(&any_68, 0, &c->env.udp_fd);
	if (!e)
		e = udp_prepare(c->env.udp_fd, RECEIVE_BYTES, &prepared);
	if (e)
		log_error("port 68 cannot be had; is another DHCP client running?", LOG_ERR(e));
	return e;
}

/* --- leases change ---------------------------------------------------------------------------- */

static void leases_changed(void *arg)
{
	struct client *c = arg;
	const struct client_conf *conf = service_life_conf(&c->life);
	if (!conf->resolver_file)
		return;
	enum err e = resolv_write(service_life_state(&c->life), c->uplinks, c->uplinks_n);
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
	for (size_t i = 0; changed && i < c->uplinks_n; i++)
		client_uplink_links(c->uplinks[i]);
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
	client_uplink_stop(c->uplinks[at]);
	client_uplink_done(c->uplinks[at]);
	free(c->uplinks[at]);
	c->uplinks[at] = c->uplinks[--c->uplinks_n];
}

static void adopt(struct client *c, const struct client_conf *conf)
{
	size_t kept = 0;
	for (size_t i = c->uplinks_n; i-- > 0;) {
		const struct client_uplink_conf *one = find_conf(conf, c->uplinks[i]->interface);
		if (one) {
			client_uplink_reload(c->uplinks[i], one);
			kept++;
		} else {
			drop_uplink(c, i);
		}
	}
	c->control.uplinks_n = c->uplinks_n;
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
	c->uplinks[c->uplinks_n++] = u;
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
	TRY(take_udp(c));
	for (size_t i = 0; i < conf->uplinks.n; i++)
		TRY(add_uplink(c, &uplinks[i]));
	TRY(links_open(&c->env.links));
	c->links_opened = true;
	TRY(service_life_sandbox(&c->life, NULL));
	show_resolver_file(c, conf);
	c->control = (struct client_control){.env = &c->env,
					     .uplinks = c->uplinks,
					     .uplinks_n = c->uplinks_n,
					     .reload = reload,
					     .arg = c};
	return service_life_signals(&c->life);
}

static enum err live(struct client *c, struct control_face *face, int *ret_status)
{
	TRY(open_all(c));
	TRY(service_life_control(&c->life, face));
	TRY(loop_add(&c->life.loop, &c->links_watch, c->env.links.fd, LOOP_READ, links_woken, c));
	for (size_t i = 0; i < c->uplinks_n; i++)
		client_uplink_links(c->uplinks[i]);
	leases_changed(c);
	c->life.reload = hangup;
	c->life.arg = c;
	*ret_status = service_life_run(&c->life);
	for (size_t i = 0; i < c->uplinks_n; i++)
		client_uplink_stop(c->uplinks[i]);
	leases_changed(c);
	return OK;
}

static void client_free(struct client *c)
{
	while (c->uplinks_n) {
		client_uplink_done(c->uplinks[--c->uplinks_n]);
		free(c->uplinks[c->uplinks_n]);
	}
	loop_remove(&c->life.loop, &c->links_watch);
	service_life_done(&c->life);
	if (c->links_opened)
		links_done(&c->env.links);
	outbox_free(c->env.outbox);
	fd_done(&c->env.udp_fd);
	free(c);
}

static int run(const struct service_start *start)
{
	struct client *c = calloc(1, sizeof(*c));
	struct control_face face;
	int status = 1;
	if (!c)
		return 1;
	c->env.udp_fd = -1;
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
