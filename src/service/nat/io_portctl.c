/* Port control as a part of this service: what it does to the data plane (io_holds.c), tells to the
 * events, and follows of the machine. */
#include "os/log.h"
#include "service/nat/io_nat.h"

#include <stdio.h>

/* --- effects ---------------------------------------------------------------------------------- */

static void lost(void *arg)
{
	struct nat *n = arg;
	ports_io_lost(&n->ports);
}

static void told(void *arg, const char *what, const struct portctl_mapping *m)
{
	struct nat *n = arg;
	char name[32];
	if (!control_events_read(n->life.control))
		return;
	(void)snprintf(name, sizeof(name), "port %s", what);
	control_event(n->life.control, name, ports_io_mapping(m, loop_now_ms(&n->life.loop)));
}

/* --- start ------------------------------------------------------------------------------------ */

enum err nat_portctl_open(struct nat *n)
{
	const struct nat_conf *conf = nat_conf_of(n);
	TRY(nat_holds_open(n, &n->effects));
	n->effects.lost = lost;
	n->effects.told = told;
	if (!portctl_conf_on(&conf->port_control))
		return OK;
	TRY(portctl_rules_new(conf, &conf->port_control, &n->port_rules));
	return ports_io_open(&n->ports, &conf->port_control, &n->life.activation);
}

static void tell_places(struct nat *n, const struct nat_conf *conf)
{
	struct ports_place places[PORTS_PLACES_MAX];
	size_t count = ports_places(conf, &n->machine.net, places, PORTS_PLACES_MAX);
	ports_io_places(&n->ports, places, count);
}

enum err nat_portctl_begin(struct nat *n)
{
	(void)nat_holds_uplink_changed(n);
	if (n->port_rules) {
		TRY(ports_io_begin(&n->ports, &(struct ports_begin){
						      .loop = &n->life.loop,
						      .rules = n->port_rules,
						      .effects = &n->effects,
						      .state_path = service_life_state(&n->life)}));
		tell_places(n, nat_conf_of(n));
	}
	nat_holds_settle(n, n->ports.list);
	return OK;
}

/* --- life ------------------------------------------------------------------------------------- */

/* A forward of the configuration may have got a port that a host had: its mapping is gone. */
static void close_overtaken(struct nat *n)
{
	const struct portctl_mapping *m;
	bool any = false;
	for (size_t at = 0; (m = portctl_next(n->ports.list, &at));) {
		if (m->external.address.family != 4 || nat_holds_has(n, m))
			continue;
		portctl_revoke(n->ports.list, loop_now_ms(&n->life.loop), m);
		any = true;
		at = 0; /* the list is another now */
	}
	if (any) {
		nat_holds_settle(n, n->ports.list);
		ports_io_lost(&n->ports);
	}
}

static void follow(struct nat *n, const struct nat_conf *conf)
{
	if (nat_holds_uplink_changed(n)) {
		nat_holds_settle(n, n->ports.list);
		ports_io_outside(&n->ports, 4);
	}
	close_overtaken(n);
	tell_places(n, conf);
}

void nat_portctl_follow(struct nat *n)
{
	if (n->ports.list)
		follow(n, nat_conf_of(n));
}

enum err nat_portctl_reload(struct nat *n, const struct nat_conf *conf)
{
	struct portctl_rules *rules = NULL, *old = n->port_rules;
	if (!n->ports.list) {
		if (!nat_nft_is(&n->nft) && portctl_conf_on(&conf->port_control))
			log_notice(
				"hosts may ask for ports after the next start: the sockets for it "
				"are opened then");
		return OK;
	}
	TRY(portctl_rules_new(conf, &conf->port_control, &rules));
	ports_io_reload(&n->ports, &conf->port_control, rules);
	n->port_rules = rules;
	follow(n, conf);
	portctl_rules_free(old);
	return OK;
}

void nat_portctl_end(struct nat *n)
{
	ports_io_end(&n->ports);
	ports_io_done(&n->ports);
	portctl_rules_free(n->port_rules);
	n->port_rules = NULL;
}
