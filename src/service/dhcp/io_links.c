/* The links of this machine, told to the engine as they come, go and change. */
#include "os/log.h"
#include "service/dhcp/conf.h"
#include "service/dhcp/io_dhcp.h"
#include "service/dhcp/relay.h"

#include <stdlib.h>

bool dhcp_links_serves(const struct dhcp_service *d, uint32_t ifindex)
{
	for (size_t i = 0; !d->serves_all && i < d->served_n; i++)
		if (d->served[i] == ifindex)
			return true;
	return d->serves_all;
}

static bool is_named(const struct dhcp_conf *conf, const char *name)
{
	const char *const *names = conf->interfaces.items;
	for (size_t i = 0; i < conf->interfaces.n; i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return conf->interfaces.n == 0;
}

/* Our address there: the first that a network of the site holds. */
static void address_choose(const struct dhcp_service *d, const struct link *from,
			   struct dhcp_link *to)
{
	for (size_t i = 0; i < from->addresses_n; i++) {
		const struct link_address *a = &from->addresses[i];
		if (a->address.family != 4 ||
		    !dhcp_site_network_of(d->site, dhcp_conf_v4(&a->address)))
			continue;
		to->address = dhcp_conf_v4(&a->address);
		to->bits = a->bits;
		return;
	}
}

/* A relay has no network: any address of the link is its own there. */
static void address_first(const struct link *from, struct dhcp_link *to)
{
	for (size_t i = 0; i < from->addresses_n && !to->address; i++)
		if (from->addresses[i].address.family == 4) {
			to->address = dhcp_conf_v4(&from->addresses[i].address);
			to->bits = from->addresses[i].bits;
		}
}

static void served_set(struct dhcp_service *d, const struct dhcp_link *links, size_t n)
{
	const struct dhcp_conf *conf = dhcp_conf_of(d);
	d->serves_all = conf->interfaces.n == 0;
	d->served_n = 0;
	for (size_t i = 0; i < n; i++)
		d->served[d->served_n++] = links[i].ifindex;
}

void dhcp_links_tell(struct dhcp_service *d)
{
	const struct dhcp_conf *conf = dhcp_conf_of(d);
	struct dhcp_link list[DHCP_LINKS_MAX], relayed[DHCP_LINKS_MAX];
	size_t n = 0, left_out = 0;
	for (size_t i = 0; i < d->links.n; i++) {
		const struct link *l = &d->links.list[i];
		if (!l->up || !is_named(conf, l->name))
			continue;
		struct dhcp_link link = {.ifindex = l->index};
		memcpy(link.name, l->name, sizeof(link.name));
		if (l->mac_len == sizeof(link.mac))
			memcpy(link.mac, l->mac, sizeof(link.mac));
		if (n == DHCP_LINKS_MAX) {
			left_out++;
			continue;
		}
		relayed[n] = list[n] = link;
		address_first(l, &relayed[n]);
		address_choose(d, l, &list[n++]);
	}
	if (left_out)
		log_warning("there are more links than can be served; `interfaces` chooses some",
			    LOG_U64("served", n), LOG_U64("left_out", left_out));
	served_set(d, list, n);
	dhcp_engine_set_links(d->engine, list, n);
	if (d->relay)
		relay_set_links(d->relay, relayed, n);
	dhcp_v6_links_tell(d);
}

static void ready(void *arg, uint32_t events)
{
	struct dhcp_service *d = arg;
	bool changed = false;
	(void)events;
	enum err e = links_read(&d->links, &changed);
	if (e)
		log_warning("the links cannot be followed", LOG_ERR(e));
	if (changed)
		dhcp_links_tell(d);
}

enum err dhcp_links_open(struct dhcp_service *d)
{
	enum err e = links_open(&d->links);
	if (e)
		log_error("the links of this machine cannot be read", LOG_ERR(e));
	d->served = e ? NULL : calloc(DHCP_LINKS_MAX, sizeof(*d->served));
	return e ? e : d->served ? OK : (enum err)ENOMEM;
}

enum err dhcp_links_watch(struct dhcp_service *d)
{
	return loop_add(&d->life.loop, &d->links_watch, d->links.fd, LOOP_READ, ready, d);
}

void dhcp_links_done(struct dhcp_service *d)
{
	loop_remove(&d->life.loop, &d->links_watch);
	links_done(&d->links);
	free(d->served);
	d->served = NULL;
}
