#include "supervisor/devices.h"

#include "os/log.h"
#include "os/tun.h"
#include "os/tun_link.h"
#include "proto/ip/prefix.h"

#include <stdlib.h>
#include <string.h>

/* Without the device file, the driver, or the right to use them. */
static bool is_missing(enum err e)
{
	return e == (enum err)ENOENT || e == (enum err)ENODEV || e == (enum err)ENXIO ||
	       e == (enum err)EPERM || e == (enum err)EACCES;
}

static enum err tun_device_open(const struct plan_record *r, struct socket_entry *ret)
{
	struct socket_entry entry = {.record = *r};
	size_t queues = r->copies < TUN_QUEUES_MAX ? r->copies : TUN_QUEUES_MAX;
	entry.fds = malloc(queues * sizeof(*entry.fds));
	if (!entry.fds)
		return (enum err)ENOMEM;
	enum err e = tun_open(r->path, queues, TUN_ALL, entry.fds, &entry.fds_n);
	if (e) {
		free(entry.fds);
		entry.fds = NULL;
		entry.fds_n = 0;
	}
	entry.missing = is_missing(e);
	if (entry.missing)
		log_warning("this machine gives no TUN device; the service starts without",
			    LOG_TEXT("service", r->service), LOG_TEXT("device", r->path),
			    LOG_ERR(e));
	else if (e)
		log_error(e == (enum err)EBUSY || e == (enum err)EINVAL
				  ? "a device of this name is there already, and not ours"
				  : "the TUN device cannot be made",
			  LOG_TEXT("service", r->service), LOG_TEXT("device", r->path), LOG_ERR(e));
	if (e && !entry.missing)
		return e;
	*ret = entry;
	return OK;
}

static enum err link_set(const struct plan_record *r)
{
	const struct ip_prefix to = {.address = r->endpoint.address, .bits = (uint8_t)r->number};
	switch (r->kind) {
	case PLAN_LINK: return tun_link_up(r->path, r->number);
	case PLAN_ADDRESS: return tun_link_address_add(r->path, &to.address, to.bits);
	case PLAN_ROUTE: return tun_link_route_add(r->path, &to);
	default: return ERR_FORMAT;
	}
}

static bool has_device(const struct socket_set *set, const struct plan_record *r, bool *ret_missing)
{
	for (size_t i = 0; set && i < set->n; i++) {
		const struct socket_entry *e = &set->entries[i];
		if (e->record.kind != PLAN_TUN || strcmp(e->record.path, r->path) != 0 ||
		    strcmp(e->record.service, r->service) != 0)
			continue;
		*ret_missing = e->missing;
		return true;
	}
	return false;
}

enum err device_open(const struct plan_record *r, const struct socket_set *set,
		     struct socket_entry *ret)
{
	struct socket_entry entry = {.record = *r};
	char text[IP_PREFIX_TEXT_MAX] = "";
	if (r->kind == PLAN_TUN)
		return tun_device_open(r, ret);
	if (!has_device(set, r, &entry.missing))
		return ERR_FORMAT; /* the plan is in no order that a service writes */
	enum err e = entry.missing ? OK : link_set(r);
	if (e && r->kind != PLAN_LINK)
		(void)ip_prefix_format(&(struct ip_prefix){.address = r->endpoint.address,
							   .bits = (uint8_t)r->number},
				       text);
	if (e == (enum err)EEXIST && r->kind == PLAN_ROUTE) {
		log_warning("the network is routed elsewhere already: it is not reached through "
			    "the tunnel",
			    LOG_TEXT("service", r->service), LOG_TEXT("device", r->path),
			    LOG_TEXT("to", text));
		entry.missing = true;
		e = OK;
	}
	if (e) {
		log_error(r->kind == PLAN_LINK	    ? "the device does not come up"
			  : r->kind == PLAN_ADDRESS ? "the device cannot get the address"
						    : "the network cannot be routed to the device",
			  LOG_TEXT("service", r->service), LOG_TEXT("device", r->path),
			  LOG_TEXT("address", text), LOG_ERR(e));
		return e;
	}
	*ret = entry;
	return OK;
}

static bool is_device_kept(const struct plan_record *r, const struct socket_set *keep)
{
	bool missing = false;
	return has_device(keep, r, &missing) && !missing;
}

void device_unset(const struct plan_record *r, const struct socket_set *keep)
{
	const struct ip_prefix to = {.address = r->endpoint.address, .bits = (uint8_t)r->number};
	enum err e = OK;
	if (!is_device_kept(r, keep))
		return;
	if (r->kind == PLAN_ADDRESS)
		e = tun_link_address_remove(r->path, &to.address, to.bits);
	else if (r->kind == PLAN_ROUTE)
		e = tun_link_route_remove(r->path, &to);
	/* Routes go with the address that they need, and a device with its last descriptor. */
	if (e && e != (enum err)ESRCH && e != (enum err)ENODEV && e != (enum err)EADDRNOTAVAIL)
		log_warning("what the device has too much cannot be taken away",
			    LOG_TEXT("service", r->service), LOG_TEXT("device", r->path),
			    LOG_ERR(e));
}
