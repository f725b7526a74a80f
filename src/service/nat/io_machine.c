#include "service/nat/io_machine.h"

#include "os/log.h"
#include "os/netlink_route.h"
#include "service/nat/conf.h"

#include <stdio.h>
#include <stdlib.h>

enum { HARDWARE_ETHERNET = 1 };

enum err nat_machine_open(struct nat_machine *m)
{
	TRY(links_open(&m->links));
	m->opened = true;
	m->watch.fd = -1;
	return netlink_watch_open(NETLINK_ROUTES | NETLINK_NEIGHBOURS | NETLINK_QDISCS, &m->watch);
}

/* --- following -------------------------------------------------------------------------------- */

static void links_woken(void *arg, uint32_t events)
{
	struct nat_machine *m = arg;
	bool changed = false;
	(void)events;
	enum err e = links_read(&m->links, &changed);
	if (e)
		log_warning("the links cannot be followed", LOG_ERR(e));
	if (changed)
		m->changed(m->arg, NETLINK_LINKS | NETLINK_ADDRESSES);
}

static void others_woken(void *arg, uint32_t events)
{
	struct nat_machine *m = arg;
	unsigned bits = 0;
	(void)events;
	enum err e = netlink_watch_read(&m->watch, &bits);
	if (e)
		log_warning("the routes cannot be followed", LOG_ERR(e));
	if (bits)
		m->changed(m->arg, bits);
}

enum err nat_machine_watch(struct nat_machine *m, struct loop *loop,
			   void (*changed)(void *arg, unsigned bits), void *arg)
{
	m->loop = loop;
	m->changed = changed;
	m->arg = arg;
	TRY(loop_add(loop, &m->links_watch, m->links.fd, LOOP_READ, links_woken, m));
	return loop_add(loop, &m->others_watch, m->watch.fd, LOOP_READ, others_woken, m);
}

/* --- reading ---------------------------------------------------------------------------------- */

static enum err make_room(struct nat_machine *m)
{
	size_t addresses = 0;
	for (size_t i = 0; i < m->links.n; i++)
		addresses += m->links.list[i].addresses_n;
	free(m->devices);
	free(m->addresses);
	free(m->routes);
	m->net = (struct nat_net){0};
	m->devices = calloc(m->links.n + 1, sizeof(*m->devices));
	m->addresses = calloc(addresses + 1, sizeof(*m->addresses));
	m->routes = calloc(NAT_ROUTES_MAX, sizeof(*m->routes));
	if (!m->devices || !m->addresses || !m->routes)
		return ENOMEM;
	m->net.devices = m->devices;
	m->net.addresses = m->addresses;
	m->net.routes = m->routes;
	return OK;
}

static void take_link(struct nat_machine *m, const struct link *link, const struct nat_conf *conf)
{
	struct nat_net_device *d = &m->devices[m->net.devices_n++];
	d->ifindex = link->index;
	d->mtu = link->mtu;
	d->ethernet = link->hardware == HARDWARE_ETHERNET && link->mac_len == sizeof(d->mac);
	d->up = link->up;
	(void)snprintf(d->name, sizeof(d->name), "%s", link->name);
	for (size_t i = 0; d->ethernet && i < sizeof(d->mac); i++)
		d->mac[i] = link->mac[i];
	d->zone = link->loopback ? -1 : nat_conf_interface_zone(conf, link->name);
	for (size_t i = 0; i < link->addresses_n; i++)
		m->addresses[m->net.addresses_n++] =
			(struct nat_net_address){.ifindex = link->index,
						 .address = link->addresses[i].address,
						 .bits = link->addresses[i].bits};
}

static void take_route(void *arg, const struct netlink_route *r)
{
	struct nat_machine *m = arg;
	const struct nat_net_device *d = nat_net_device(&m->net, r->ifindex);
	if (r->kind == NETLINK_ROUTE_UNICAST && d && d->zone >= 0 &&
	    m->net.routes_n < NAT_ROUTES_MAX)
		m->routes[m->net.routes_n++] =
			(struct nat_net_route){.ifindex = r->ifindex, .to = r->to};
}

enum err nat_machine_read(struct nat_machine *m, const struct nat_conf *conf)
{
	TRY(make_room(m));
	for (size_t i = 0; i < m->links.n; i++)
		take_link(m, &m->links.list[i], conf);
	enum err e = netlink_routes(0, NETLINK_PROTOCOL_ANY, take_route, m);
	if (m->net.routes_n == NAT_ROUTES_MAX)
		log_warning("there are more routes than are looked at; hosts behind the others are "
			    "taken for strangers",
			    LOG_U64("routes", NAT_ROUTES_MAX));
	return e;
}

void nat_machine_done(struct nat_machine *m)
{
	if (m->loop) {
		loop_remove(m->loop, &m->links_watch);
		loop_remove(m->loop, &m->others_watch);
	}
	if (m->opened) {
		links_done(&m->links);
		netlink_watch_done(&m->watch);
	}
	free(m->devices);
	free(m->addresses);
	free(m->routes);
	*m = (struct nat_machine){0};
}
