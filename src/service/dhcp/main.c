/* The life of the address server. */
#include "crypto/random.h"
#include "os/clock.h"
#include "os/log.h"
#include "proto/dhcp/code.h"
#include "proto/dhcp6/code.h"
#include "service/dhcp/conf.h"
#include "service/dhcp/io_dhcp.h"
#include "service/dhcp/service.h"
#include "store/worker.h"
#include "supervisor/plan.h"

#include <stdlib.h>
#include <string.h>

static bool is_embedded(const struct dhcp_conf *conf)
{
	return strcmp(conf->store, "sqlite") == 0;
}

/* With a database elsewhere it has no leases of its own, but the table of devices, the DUID of IPv6
 * and its secret. */
static bool keeps_state(const void *section)
{
	(void)section;
	return true;
}

static enum err plan(const void *section, const struct config_global *global, struct plan *p)
{
	static const struct ip_endpoint v4 = {.address = {.family = 4}, .port = DHCP_PORT_SERVER};
	static const struct ip_endpoint v6 = {.address = {.family = 6}, .port = DHCP6_SERVER_PORT};
	const struct dhcp_conf *conf = section;
	(void)global;
	if (dhcp_v6_serves(&conf->v6))
		TRY(plan_add_udp(p, "dhcp", "v6", &v6, 0));
	if (dhcp_v6_advertises(&conf->v6))
		TRY(plan_add_raw(p, "dhcp", PLAN_ICMP6, "icmp6"));
	if (!dhcp_v4_serves(conf))
		return OK;
	TRY(plan_add_udp(p, "dhcp", "v4", &v4, PLAN_BROADCAST));
	TRY(plan_add_raw(p, "dhcp", PLAN_PACKET, "packet"));
	return plan_add_raw(p, "dhcp", PLAN_ICMP, "icmp");
}

uint64_t dhcp_now_ms(const struct dhcp_service *d)
{
	return d->wall_start_ms + (clock_ageing_us() - d->ageing_start_us) / 1000;
}

/* --- a turn of the loop --- */

static void engine_due(void *arg)
{
	struct dhcp_service *d = arg;
	dhcp_engine_turn(d->engine, dhcp_now_ms(d));
	dhcp_v6_turn(d);
}

static uint64_t next_due_ms(struct dhcp_service *d)
{
	uint64_t v4_ms = dhcp_engine_next_ms(d->engine), v6_ms = dhcp_v6_next_ms(d);
	uint64_t names_ms = dhcp_names_next_ms(d), next_ms = v4_ms < v6_ms ? v4_ms : v6_ms;
	return names_ms < next_ms ? names_ms : next_ms;
}

static void send_gathered(struct dhcp_service *d)
{
	dhcp_v4_flush(d);
	dhcp_v6_flush(d);
	dhcp_names_turn(d); /* after the answers: a name delays none */
}

/* What the turn gathered leaves at once: answers, writes to the store, events. */
static void turn_ends(void *arg)
{
	struct dhcp_service *d = arg;
	send_gathered(d);
	while (store_worker_flush(d->worker)) {
		dhcp_store_woken(d);
		send_gathered(d);
	}
	uint64_t next_ms = next_due_ms(d);
	if (control_events_read(d->life.control))
		events_tell(&d->events, d->life.control);
	if (next_ms == UINT64_MAX) {
		loop_timer_cancel(&d->life.loop, &d->engine_due);
		return;
	}
	uint64_t now_ms = dhcp_now_ms(d);
	loop_timer_set_after(&d->life.loop, &d->engine_due,
			     next_ms > now_ms ? next_ms - now_ms : 0);
}

static void event(void *arg, const struct dhcp_event *e)
{
	struct dhcp_service *d = arg;
	events_hold(&d->events, dhcp_now_ms(d), e);
}

static void named(void *arg, enum dhcp_name_change change, const struct dhcp_lease *l,
		  const struct dhcp_network *n)
{
	struct dhcp_service *d = arg;
	dhcp_devices_tell(d, change, l);
	dhcp_names_tell(d, change, l, n);
}

/* --- life --- */

static void clock_begin(struct dhcp_service *d)
{
	d->wall_start_ms = clock_wall_ms();
	d->ageing_start_us = clock_ageing_us();
}

/* The sandbox, which leaves what the way to the database needs. */
static enum err enter_sandbox(struct dhcp_service *d)
{
	const struct dhcp_conf *conf = dhcp_conf_of(d);
	struct store_paths paths;
	enum err e = store_paths(is_embedded(conf) ? NULL : conf->store, &paths);
	if (e) {
		log_error("the store's URL is not understood", LOG_ERR(e));
		return e;
	}
	return service_life_sandbox(&d->life, paths.list);
}

/* Everything that needs to be opened, then the sandbox. */
static enum err open_all(struct dhcp_service *d)
{
	uint8_t key[SIPHASH_KEY_LEN];
	TRY(crypto_random(key, sizeof(key)));
	d->key = hash_key_of(key);
	TRY(dhcp_v4_open(d));
	TRY(dhcp_probe_open(d));
	TRY(dhcp_v6_open(d));
	TRY(dhcp_links_open(d));
	TRY(dhcp_store_open(d));
	dhcp_names_open(d);
	TRY(enter_sandbox(d));
	return service_life_signals(&d->life);
}

static enum err engine_make(struct dhcp_service *d)
{
	const struct dhcp_conf *conf = dhcp_conf_of(d);
	const struct dhcp_effects effects = {.arg = d,
					     .send = dhcp_v4_send,
					     .store = dhcp_store_put,
					     .probe = dhcp_probe_send,
					     .name = named,
					     .event = event};
	d->leases_max = dhcp_conf_leases(conf);
	const struct dhcp_limits limits = {.leases = d->leases_max, .waiting = conf->waiting_max};
	TRY(dhcp_site_make(d, conf, &d->site));
	return dhcp_engine_new(d->site, &limits, &effects, d->key, &d->engine);
}

static enum err live(struct dhcp_service *d, const struct control_face *face, int *ret_status)
{
	TRY(open_all(d));
	TRY(engine_make(d));
	TRY(dhcp_relay_set(d, dhcp_conf_of(d)));
	TRY(dhcp_v6_begin(d));
	TRY(dhcp_names_set(d, dhcp_conf_of(d)));
	enum err e = dhcp_store_load(d);
	if (e && e != ERR_CLOSED)
		return e;
	if (d->reserved.changed)
		dhcp_site_renew(d);
	dhcp_devices_set(d);
	dhcp_links_tell(d);
	TRY(service_life_control(&d->life, face));
	TRY(dhcp_store_start(d));
	TRY(dhcp_links_watch(d));
	TRY(dhcp_probe_watch(d));
	TRY(dhcp_v4_watch(d));
	TRY(dhcp_v6_watch(d));
	loop_timer_init(&d->engine_due, engine_due, d);
	loop_before_sleep(&d->life.loop, turn_ends, d);
	*ret_status = service_life_run(&d->life);
	return OK;
}

static void hangup(void *arg)
{
	dhcp_reload(arg, NULL);
}

static void done(struct dhcp_service *d)
{
	dhcp_store_stop(d); /* what is durable by now is acknowledged */
	dhcp_v6_stop(d);
	dhcp_leases_stop(d);
	dhcp_leases6_stop(d);
	loop_timer_cancel(&d->life.loop, &d->engine_due);
	dhcp_v4_done(d);
	dhcp_v6_done(d);
	dhcp_relay_done(d);
	dhcp_names_done(d);
	dhcp_devices_done(d);
	dhcp_probe_done(d);
	dhcp_links_done(d);
	service_life_done(&d->life);
	dhcp_engine_free(d->engine);
	dhcp_store_done(d);
	dhcp_site_unref(d->site);
	reserved_done(&d->reserved);
	free(d);
}

static int run(const struct service_start *start)
{
	struct dhcp_service *d = calloc(1, sizeof(*d));
	struct control_face face = dhcp_face;
	int status = 1;
	if (!d)
		return 1;
	dhcp_names_init(&d->names);
	d->udp_fd = d->packet_fd = d->icmp_fd = d->links.fd = -1;
	d->v6.udp_fd = d->v6.icmp_fd = -1;
	clock_begin(d);
	face.arg = d;
	enum err e = service_life_begin(&d->life, start);
	bool begun = !e;
	if (!e) {
		d->life.reload = hangup;
		d->life.arg = d;
		e = live(d, &face, &status);
	}
	if (begun && e)
		log_error("the service ends", LOG_ERR(e));
	done(d);
	return e == ERR_CONFIG ? 2 : status;
}

static void advise(const void *section, void (*tell)(void *arg, uint32_t line, const char *text),
		   void *arg)
{
	const struct dhcp_conf *conf = section;
	store_library_advise(conf->store, tell, arg);
}

const struct service dhcp_service = {
	.name = "dhcp",
	.summary = "the address server: hosts configure themselves",
	.schema = &dhcp_conf_map,
	.keeps_state = keeps_state,
	.plan = plan,
	.advise = advise,
	.run = run,
};
