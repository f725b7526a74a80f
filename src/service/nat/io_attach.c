#include "service/nat/io_attach.h"

#include "os/log.h"
#include "service/nat/conf.h"
#include "service/nat/net.h"

#include <stdio.h>
#include <string.h>

static struct nat_attached *find(struct nat_attachments *a, uint32_t ifindex)
{
	for (size_t i = 0; i < a->n; i++)
		if (a->items[i].ifindex == ifindex)
			return &a->items[i];
	return NULL;
}

/* --- on --------------------------------------------------------------------------------------- */

static void put(const struct nat_plane *p, struct nat_attached *item, enum bpf_hook hook,
		enum bpf_way way)
{
	static const char *const programs[] = {"XDP", "the way in", "the way out"};
	int fd = hook == BPF_HOOK_XDP ? p->xdp_fd : hook == BPF_HOOK_INGRESS ? p->in_fd : p->out_fd;
	struct bpf_attachment done;
	if (item->has[hook])
		return;
	enum err e = bpf_attach(p->links, item->ifindex, hook, way, fd, &done);
	if (e && e != item->err)
		log_error(e == ERR_EXISTS ? "another program is at the device already"
					  : "a program cannot be attached",
			  LOG_TEXT("device", item->name), LOG_TEXT("at", programs[hook]),
			  LOG_ERR(e));
	item->err = e;
	item->has[hook] = !e;
	item->way[hook] = e ? way : done.way;
}

/* What the configuration says, and for `auto` what the device is. */
static bool wants_xdp(struct nat_attached *item, const struct nat_conf *conf, enum bpf_way *ret)
{
	struct device device;
	struct device_choice choice;
	*ret = BPF_WAY_NATIVE;
	if (conf->attach == NAT_ATTACH_TC || conf->attach == NAT_ATTACH_XDP_GENERIC ||
	    conf->attach == NAT_ATTACH_XDP) {
		(void)snprintf(item->why, sizeof(item->why), "the configuration says so");
		*ret = conf->attach == NAT_ATTACH_XDP_GENERIC ? BPF_WAY_GENERIC : BPF_WAY_NATIVE;
		return conf->attach != NAT_ATTACH_TC;
	}
	if (device_get(item->ifindex, &device)) {
		(void)snprintf(item->why, sizeof(item->why), "its kind is not known");
		return false;
	}
	device_choose(&device, &choice);
	(void)snprintf(item->why, sizeof(item->why), "%s", choice.why);
	return choice.xdp;
}

/* Asked at each change of the machine: its other end may move, and a queueing discipline come. */
static bool has_peer(const struct nat_attached *item, const struct nat_conf *conf)
{
	struct device device;
	return conf->veth_peers && !device_get(item->ifindex, &device) && device_has_peer(&device);
}

static struct nat_attached *item_of(struct nat_attachments *a, const struct nat_net_device *d)
{
	struct nat_attached *item = find(a, d->ifindex);
	if (!item && a->n < NAT_ATTACHED_MAX) {
		item = &a->items[a->n++];
		*item = (struct nat_attached){.ifindex = d->ifindex};
	}
	if (item) {
		item->zone = d->zone;
		(void)snprintf(item->name, sizeof(item->name), "%s", d->name);
	}
	return item;
}

static void take_off(const struct nat_plane *p, struct nat_attached *item)
{
	static const enum bpf_hook order[] = {BPF_HOOK_XDP, BPF_HOOK_INGRESS, BPF_HOOK_EGRESS};
	for (size_t i = 0; i < BPF_HOOKS; i++) {
		enum err e = bpf_detach(p->links, item->ifindex, order[i]);
		item->has[order[i]] &= e != OK;
		if (e)
			log_warning("a program cannot be taken off", LOG_TEXT("device", item->name),
				    LOG_ERR(e));
	}
}

/* Devices that have left their zones, also while nobody was here to see it; of those that are gone
 * the kernel has taken the programs. */
static void drop_others(struct nat_attachments *a, const struct nat_plane *p,
			const struct nat_net *net)
{
	for (size_t i = 0; !a->looked && i < net->devices_n; i++) {
		struct nat_attached other = {.ifindex = net->devices[i].ifindex};
		(void)snprintf(other.name, sizeof(other.name), "%s", net->devices[i].name);
		if (net->devices[i].zone < 0)
			take_off(p, &other);
	}
	a->looked = true;
	for (size_t i = a->n; i-- > 0;) {
		const struct nat_net_device *d = nat_net_device(net, a->items[i].ifindex);
		if (d && d->zone >= 0)
			continue;
		take_off(p, &a->items[i]);
		a->items[i] = a->items[--a->n];
	}
}

/* Of an earlier configuration. */
static void no_xdp(const struct nat_plane *p, struct nat_attached *item)
{
	if (item->looked && !item->has[BPF_HOOK_XDP])
		return;
	item->looked = bpf_detach(p->links, item->ifindex, BPF_HOOK_XDP) == OK;
	item->has[BPF_HOOK_XDP] &= !item->looked;
}

void nat_attach(struct nat_attachments *a, const struct nat_plane *p, const struct nat_conf *conf,
		const struct nat_net *net)
{
	enum bpf_way way;
	if (a->off)
		return;
	drop_others(a, p, net);
	for (unsigned turn = 0; turn < BPF_HOOKS; turn++)
		for (size_t i = 0; i < net->devices_n; i++) {
			const struct nat_net_device *d = &net->devices[i];
			struct nat_attached *item = d->zone >= 0 ? item_of(a, d) : NULL;
			if (!item)
				continue;
			if (turn == 0 && d->zone == NAT_ZONE_OUTSIDE)
				put(p, item, BPF_HOOK_EGRESS, BPF_WAY_ANY);
			else if (turn == 1) {
				put(p, item, BPF_HOOK_INGRESS, BPF_WAY_ANY);
				item->peer = has_peer(item, conf);
			} else if (turn == 2 && wants_xdp(item, conf, &way))
				put(p, item, BPF_HOOK_XDP, way);
			else if (turn == 2)
				no_xdp(p, item);
		}
}

uint16_t nat_attach_sends(const struct nat_attachments *a, uint32_t ifindex)
{
	for (size_t i = 0; i < a->n; i++) {
		const struct nat_attached *item = &a->items[i];
		if (item->ifindex != ifindex)
			continue;
		bool xdp = item->has[BPF_HOOK_XDP] && item->way[BPF_HOOK_XDP] == BPF_WAY_NATIVE;
		return (uint16_t)((xdp ? NAT_DEVICE_XDP_SEND : 0) |
				  (item->peer ? NAT_DEVICE_PEER : 0));
	}
	return 0;
}

bool nat_attach_is_guarded(const struct nat_attachments *a)
{
	for (size_t i = 0; i < a->n; i++)
		if (a->items[i].zone == NAT_ZONE_OUTSIDE && !a->items[i].has[BPF_HOOK_EGRESS])
			return false;
	return true;
}

/* --- off -------------------------------------------------------------------------------------- */

enum err nat_attach_end(struct nat_attachments *a, const struct nat_plane *p,
			const struct nat_net *net)
{
	static const enum bpf_hook order[] = {BPF_HOOK_XDP, BPF_HOOK_INGRESS, BPF_HOOK_EGRESS};
	enum err first = OK;
	a->off = true;
	for (size_t h = 0; h < BPF_HOOKS; h++)
		for (size_t i = 0; i < net->devices_n; i++) {
			enum err e = bpf_detach(p->links, net->devices[i].ifindex, order[h]);
			if (e && !first)
				first = e;
		}
	if (!first)
		a->n = 0;
	return first;
}
