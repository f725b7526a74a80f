#include "lab/network.h"

#include "lab/topology.h"
#include "os/device.h"
#include "os/fd.h"
#include "os/file.h"
#include "os/netlink.h"
#include "os/netns.h"
#include "os/thread.h"
#include "proto/ip/prefix.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "192.0.2.2/24": an address and the length of its network's prefix. */
static enum err leg_parse(const char *text, struct ip_address *ret, uint8_t *ret_bits)
{
	const char *slash = strchr(text, '/');
	uint64_t bits;
	if (!slash || !span_to_u64(span_text(slash + 1), 128, &bits))
		return ERR_FORMAT;
	*ret_bits = (uint8_t)bits;
	return ip_address_parse(span_of(text, (size_t)(slash - text)), ret);
}

static enum err addresses_add(const char *link, const char *const *texts, size_t n)
{
	for (size_t i = 0; i < n && texts[i]; i++) {
		struct ip_address address;
		uint8_t bits;
		TRY(leg_parse(texts[i], &address, &bits));
		TRY(address_add(link, &address, bits));
	}
	return OK;
}

static enum err gateways_add(const struct lab_host *h)
{
	for (size_t i = 0; i < 2 && h->gateways[i]; i++) {
		struct ip_address via;
		TRY(ip_address_parse(span_text(h->gateways[i]), &via));
		struct ip_address any = {.family = via.family};
		TRY(route_add(&any, 0, &via, NULL));
	}
	return OK;
}

static size_t host_at(const char *name)
{
	const struct lab_host *h = lab_host_find(name);
	ASSERT(h);
	return (size_t)(h - lab_hosts);
}

static enum err host_make(const struct lab_host *h, int *ret_fd)
{
	char path[128];
	(void)snprintf(path, sizeof(path), LAB_FOLDER "/%s", h->name);
	TRY(dir_ensure(path, 0755));
	(void)snprintf(path, sizeof(path), LAB_FOLDER "/%s/netns", h->name);
	AUTO_DONE(fd_done) int fd = -1;
	TRY(netns_new(&fd));
	TRY(netns_bind(fd, path));
	*ret_fd = fd_take(&fd);
	return OK;
}

/* In the router: its bridges and that it forwards. */
static enum err router_set_up(const struct lab_host *h)
{
	bool routes = false;
	for (const struct lab_bridge *b = lab_bridges; b->router; b++) {
		if (strcmp(b->router, h->name) != 0)
			continue;
		routes = true;
		TRY(link_add_bridge(b->name));
		TRY(link_up(b->name));
		TRY(addresses_add(b->name, b->addresses, 2));
	}
	/* A translator lets its router forward, once nothing private can leave. */
	if (!routes || h->translates)
		return OK;
	TRY(file_write_text("/proc/sys/net/ipv4/ip_forward", "1"));
	return file_write_text("/proc/sys/net/ipv6/conf/all/forwarding", "1");
}

/* In the host: its one leg. */
static enum err leg_set_up(const struct lab_host *h)
{
	TRY(device_fill_checksums("eth0")); /* for those who look on */
	TRY(link_up("eth0"));
	TRY(addresses_add("eth0", h->addresses, LAB_ADDRESSES_MAX));
	return gateways_add(h);
}

static enum err host_join(const struct lab_host *h, const int *netns_fds)
{
	size_t at = (size_t)(h - lab_hosts);
	TRY(netns_enter(netns_fds[at]));
	/* No address is given twice here, and a link-local one that is still being probed (RFC
	 * 4862 5.4) would leave the first second of the lab without IPv6. */
	TRY(file_write_text("/proc/sys/net/ipv6/conf/default/accept_dad", "0"));
	TRY(file_write_text("/proc/sys/net/ipv6/conf/default/dad_transmits", "0"));
	TRY(link_up("lo"));
	TRY(router_set_up(h));
	if (!h->router)
		return OK;
	TRY(netns_enter(netns_fds[host_at(h->router)]));
	TRY(link_add_veth(h->name, "eth0", netns_fds[at]));
	TRY(link_set_master(h->name, h->bridge));
	TRY(link_up(h->name));
	TRY(netns_enter(netns_fds[at]));
	return leg_set_up(h);
}

struct making {
	int *netns_fds;
	const char **ret_what;
	enum err error;
};

static enum err network_make(const struct making *m)
{
	for (size_t i = 0; lab_hosts[i].name; i++) {
		ASSERT(i < LAB_HOSTS_MAX);
		*m->ret_what = lab_hosts[i].name;
		TRY(host_make(&lab_hosts[i], &m->netns_fds[i]));
	}
	/* Routers stand before their hosts in the table. */
	for (size_t i = 0; lab_hosts[i].name; i++) {
		*m->ret_what = lab_hosts[i].name;
		TRY(host_join(&lab_hosts[i], m->netns_fds));
	}
	return OK;
}

static void make(void *arg)
{
	struct making *m = arg;
	m->error = network_make(m);
}

enum err lab_network_make(int netns_fds[LAB_HOSTS_MAX], const char **ret_what)
{
	struct making m = {.netns_fds = netns_fds, .ret_what = ret_what};
	struct thread thread;
	/* A thread of its own goes from namespace to namespace and ends in the last: an ordinary
	 * user may enter those that he made, but not go back to the one he came from. */
	TRY(thread_start(&thread, "network", -1, make, &m));
	thread_join(&thread);
	return m.error;
}
