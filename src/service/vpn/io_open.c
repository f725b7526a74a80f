/* TUN devices and UDP sockets: what is wanted of the supervisor, what it passed, and the same made
 * here for who starts the service alone. */
#include "os/fd.h"
#include "os/file.h"
#include "os/log.h"
#include "os/thread.h"
#include "os/tun.h"
#include "os/tun_link.h"
#include "os/udp.h"
#include "service/vpn/conf_inner.h"
#include "service/vpn/conf_routes.h"
#include "service/vpn/io_uapi.h"
#include "service/vpn/io_vpn.h"
#include "supervisor/plan.h"

#include <stdio.h>
#include <stdlib.h>

#define NAME "vpn"

enum { WORKERS_MAX = 64, TUN_FD_NAME_MAX = 32 };

size_t vpn_workers_of(const struct vpn_conf *conf)
{
	size_t n = conf->workers ? conf->workers : thread_cpus();
	return n < WORKERS_MAX ? n : WORKERS_MAX;
}

static void tun_fd_name(const char *device, char ret[TUN_FD_NAME_MAX])
{
	(void)snprintf(ret, TUN_FD_NAME_MAX, "tun-%s", device);
}

/* A machine whose kernel knows no IPv6 is served all the same, unless IPv6 is asked for. */
static bool can_listen(const struct vpn_interface_conf *f, const struct ip_endpoint *at)
{
	struct file_state state;
	return f->has_listen || at->address.family == 4 ||
	       file_stat("/proc/net/if_inet6", &state) == OK;
}

static enum err plan_interface(const struct vpn_interface_conf *f, unsigned workers, struct plan *p)
{
	const struct ip_endpoint *listen = f->listen.items;
	struct vpn_device_address own;
	struct ip_prefix routes[VPN_ROUTES_MAX];
	char name[TUN_FD_NAME_MAX];
	size_t n;
	tun_fd_name(f->name, name);
	TRY(plan_add_tun(p, NAME, name, f->name, workers));
	TRY(plan_add_link(p, NAME, f->name, f->mtu));
	for (size_t a = 0; a < f->addresses.n; a++) {
		TRY(vpn_conf_address(f, a, &own));
		TRY(plan_add_to_link(p, NAME, PLAN_ADDRESS, f->name, &own.address, own.bits));
	}
	TRY(vpn_conf_routes(f, routes, &n));
	for (size_t r = 0; r < n; r++)
		TRY(plan_add_to_link(p, NAME, PLAN_ROUTE, f->name, &routes[r].address,
				     routes[r].bits));
	for (size_t l = 0; l < f->listen.n; l++)
		if (can_listen(f, &listen[l]))
			/* One more: handshakes have their own (io_worker.h). */
			TRY(plan_add_socket(p, NAME, PLAN_UDP, &listen[l], workers + 1));
	return OK;
}

enum err vpn_plan(const struct vpn_conf *conf, struct plan *p)
{
	unsigned workers = (unsigned)vpn_workers_of(conf);
	for (size_t i = 0; i < conf->interfaces.n; i++)
		TRY(plan_interface(vpn_conf_interface(conf, i), workers, p));
	return vpn_uapi_plan(conf, p);
}

/* --- the device ------------------------------------------------------------------------------- */

static enum err take_tun(struct vpn *v, struct vpn_interface *f)
{
	char name[TUN_FD_NAME_MAX];
	struct activation_fd *passed;
	tun_fd_name(f->name, name);
	while (f->tuns_n < v->workers_n &&
	       (passed = activation_find(&v->life.activation, name, 0)) != NULL)
		f->tuns[f->tuns_n++] = fd_take(&passed->fd);
	return OK;
}

static bool is_missing(enum err e)
{
	return e == (enum err)ENOENT || e == (enum err)ENODEV || e == (enum err)ENXIO ||
	       e == (enum err)EPERM || e == (enum err)EACCES;
}

static enum err link_set(const struct plan_record *r)
{
	const struct ip_prefix to = {.address = r->endpoint.address, .bits = (uint8_t)r->number};
	switch (r->kind) {
	case PLAN_LINK: return tun_link_up(r->path, r->number);
	case PLAN_ADDRESS: return tun_link_address_add(r->path, &to.address, to.bits);
	case PLAN_ROUTE: return tun_link_route_add(r->path, &to);
	default: return OK;
	}
}

/* As the supervisor does, for the service that is started alone by root. */
static enum err make_tun(struct vpn *v, struct vpn_interface *f, const struct plan *p)
{
	enum err e = tun_open(f->name, v->workers_n, TUN_ALL, f->tuns, &f->tuns_n);
	for (size_t i = 0; !e && i < p->n; i++) {
		const struct plan_record *r = &p->records[i];
		if (strcmp(r->path, f->name) == 0)
			e = link_set(r);
		if (e == (enum err)EEXIST && r->kind == PLAN_ROUTE) {
			log_warning("a network of the tunnel is routed elsewhere already",
				    LOG_TEXT("device", f->name),
				    LOG_ADDRESS("to", &r->endpoint.address));
			e = OK;
		}
	}
	if (is_missing(e) && f->tuns_n == 0) {
		log_warning("this machine gives no TUN device: no packet passes",
			    LOG_TEXT("device", f->name), LOG_ERR(e));
		return OK;
	}
	if (e)
		log_error("the tunnel's device cannot be made", LOG_TEXT("device", f->name),
			  LOG_ERR(e));
	return e;
}

/* --- sockets ---------------------------------------------------------------------------------- */

static enum err open_listen(struct vpn *v, const struct ip_endpoint *at, int *fds, size_t *n)
{
	struct activation_fd *passed;
	size_t wanted = v->workers_n + 1; /* the last for handshakes */
	while (*n < wanted &&
	       (passed = activation_find_at(&v->life.activation, ACTIVATION_UDP, at, 0)) != NULL)
		fds[(*n)++] = fd_take(&passed->fd);
	while (*n < wanted) {
		enum err e = udp_open(at, UDP_REUSEPORT, &fds[*n]);
		if (e && *n)
			return OK; /* fewer than workers were passed, and no more can be had */
		if (e) {
			log_error("the address cannot be served", LOG_ENDPOINT("listen", at),
				  LOG_ERR(e));
			return e;
		}
		(*n)++;
	}
	return OK;
}

static enum err open_interface(struct vpn *v, struct vpn_interface *f,
			       const struct vpn_interface_conf *conf, const struct plan *alone)
{
	const struct ip_endpoint *listen = conf->listen.items;
	f->tuns = calloc(v->workers_n, sizeof(int));
	f->udp4 = calloc(v->workers_n + 1, sizeof(int));
	f->udp6 = calloc(v->workers_n + 1, sizeof(int));
	if (!f->tuns || !f->udp4 || !f->udp6)
		return ENOMEM;
	TRY(take_tun(v, f));
	if (f->tuns_n == 0 && alone)
		TRY(make_tun(v, f, alone));
	for (size_t l = 0; l < conf->listen.n; l++) {
		if (!can_listen(conf, &listen[l]))
			continue;
		f->listen[f->listen_n++] = listen[l];
		if (listen[l].address.family == 4)
			TRY(open_listen(v, &listen[l], f->udp4, &f->udp4_n));
		else
			TRY(open_listen(v, &listen[l], f->udp6, &f->udp6_n));
	}
	return OK;
}

enum err vpn_open(struct vpn *v)
{
	const struct vpn_conf *conf = vpn_conf_of(v);
	struct plan plan = {0};
	bool alone = v->life.start->user == NULL;
	enum err e = OK;
	v->interfaces = calloc(conf->interfaces.n, sizeof(*v->interfaces));
	plan.records = calloc(PLAN_RECORDS_MAX, sizeof(*plan.records));
	if (!v->interfaces || !plan.records) {
		free(plan.records);
		return ENOMEM;
	}
	if (alone)
		e = vpn_plan(conf, &plan);
	for (size_t i = 0; !e && i < conf->interfaces.n; i++) {
		struct vpn_interface *f = &v->interfaces[v->interfaces_n++];
		const struct vpn_interface_conf *of = vpn_conf_interface(conf, i);
		f->vpn = v;
		(void)snprintf(f->name, sizeof(f->name), "%s", of->name);
		e = open_interface(v, f, of, alone ? &plan : NULL);
	}
	free(plan.records);
	return e;
}

static void close_all(int *fds, size_t n)
{
	for (size_t i = 0; i < n; i++)
		fd_done(&fds[i]);
	free(fds);
}

void vpn_close(struct vpn *v)
{
	for (size_t i = 0; i < v->interfaces_n; i++) {
		struct vpn_interface *f = &v->interfaces[i];
		close_all(f->tuns, f->tuns_n);
		close_all(f->udp4, f->udp4_n);
		close_all(f->udp6, f->udp6_n);
	}
	free(v->interfaces);
	v->interfaces = NULL;
	v->interfaces_n = 0;
}
