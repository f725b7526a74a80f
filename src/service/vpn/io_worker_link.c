/* An interface in the workers: its descriptors prepared and watched, what is on, what was counted,
 * what the main thread sends by it. */
#include "service/vpn/io_worker_inner.h"

#include "os/udp_steer.h"
#include "proto/wireguard/message.h"

#include <stdlib.h>

/* ---- ports ---- */

static enum err port_sockets(struct worker_port *port, const struct vpn_link_setting *s, size_t i)
{
	port->sockets[0].udp.fd = port->sockets[1].udp.fd = -1;
	if (i < s->udp4_n) {
		TRY(udp_train_prepare(s->udp4[i], 0, s->trains, &port->sockets[0]));
		TRY(loop_add(&port->worker->loop, &port->udp_watches[0], s->udp4[i], LOOP_READ,
			     worker_read_udp4, port));
	}
	if (i < s->udp6_n) {
		TRY(udp_train_prepare(s->udp6[i], 0, s->trains, &port->sockets[1]));
		TRY(loop_add(&port->worker->loop, &port->udp_watches[1], s->udp6[i], LOOP_READ,
			     worker_read_udp6, port));
	}
	return OK;
}

static enum err port_tun(struct worker_port *port, const struct vpn_link_setting *s, size_t i)
{
	port->tun.fd = -1;
	if (s->tuns_n == 0)
		return OK;
	TRY(tun_prepare(s->tuns[i % s->tuns_n], s->offloads, &port->tun));
	/* The kernel takes from us the kinds that it gives us. */
	port->joins = (port->tun.on & TUN_TSO4 ? IP_COALESCE_TCP4 : 0u) |
		      (port->tun.on & TUN_TSO6 ? IP_COALESCE_TCP6 : 0u) |
		      (port->tun.on & TUN_USO ? IP_COALESCE_UDP : 0u);
	if (i >= s->tuns_n)
		return OK;
	return loop_add(&port->worker->loop, &port->tun_watch, port->tun.fd, LOOP_READ,
			worker_read_tun, port);
}

static void port_done(struct worker_port *port)
{
	loop_remove(&port->worker->loop, &port->udp_watches[0]);
	loop_remove(&port->worker->loop, &port->udp_watches[1]);
	loop_remove(&port->worker->loop, &port->tun_watch);
}

/* Data goes to the workers, all else to the last one's socket. */
static bool steer(const struct vpn_workers *w, const int *fds, size_t n, uint8_t family)
{
	if (n < w->workers_n)
		return false;
	int fd = fds[w->workers_n - 1];
	if (udp_steer(fd, family, WG_TRANSPORT, (uint32_t)w->workers_n - 1))
		return false;
	/* One that stays as large as it was only holds more of a flood. */
	err_ignore(udp_shrink(fd, WORKER_HANDSHAKE_BYTES));
	return true;
}

/* ---- links ---- */

static void link_free(struct vpn_link *link)
{
	if (!link)
		return;
	for (size_t i = 0; link->ports && i < link->workers->workers_n; i++)
		if (link->ports[i].worker)
			port_done(&link->ports[i]);
	free(link->ports);
	free(link);
}
DEFINE_AUTO(struct vpn_link, link_free)

enum err vpn_workers_add(struct vpn_workers *w, const struct vpn_link_setting *s,
			 struct vpn_link **ret)
{
	ASSERT(!w->run);
	if (w->links_n == VPN_LINKS_MAX)
		return ERR_LIMIT;
	AUTO(link_free) struct vpn_link *link = calloc(1, sizeof(*link));
	if (!link)
		return (enum err)ENOMEM;
	link->workers = w;
	link->engine = s->engine;
	link->mtu = s->mtu;
	link->queues = s->tuns_n;
	link->ports = calloc(w->workers_n, sizeof(*link->ports));
	if (!link->ports)
		return (enum err)ENOMEM;
	for (size_t i = 0; i < w->workers_n; i++) {
		struct worker_port *port = &link->ports[i];
		port->worker = w->workers[i];
		port->link = link;
		port->plane = vpn_engine_plane(s->engine, i);
		TRY(port_sockets(port, s, i));
		TRY(port_tun(port, s, i));
	}
	struct worker_port *last = &link->ports[w->workers_n - 1];
	last->steered[0] = steer(w, s->udp4, s->udp4_n, 4);
	last->steered[1] = steer(w, s->udp6, s->udp6_n, 6);
	link->main_sockets[0] = link->ports[0].sockets[0];
	link->main_sockets[1] = link->ports[0].sockets[1];
	w->links[w->links_n++] = link;
	*ret = TAKE(link);
	return OK;
}

void vpn_workers_remove(struct vpn_workers *w, struct vpn_link *link)
{
	struct handshake_item item;
	size_t at = 0;
	ASSERT(!w->run);
	while (w->links[at] != link)
		ASSERT(++at < w->links_n);
	/* What waits names links by their places, which change; whoever sent it sends it again. */
	for (size_t i = 0; i < w->workers_n; i++)
		while (spsc_queue_take(w->workers[i]->handshakes, &item))
			;
	for (w->links_n--; at < w->links_n; at++)
		w->links[at] = w->links[at + 1];
	link_free(link);
}

void vpn_link_set_mtu(struct vpn_link *link, uint16_t mtu)
{
	link->mtu = mtu;
}

void vpn_link_send(struct vpn_link *link, const struct vpn_endpoint *to, uint8_t tos,
		   struct span datagram)
{
	struct udp_train_socket *socket = &link->main_sockets[to->remote.address.family == 6];
	struct udp_trains *out = link->workers->main_out;
	struct udp_train *t = &out->trains[0];
	if (socket->udp.fd < 0 || datagram.len == 0 || datagram.len > UDP_TRAIN_MAX) {
		socket->lost++;
		return;
	}
	uint8_t *room = t->data;
	memcpy(room, datagram.data, datagram.len);
	*t = (struct udp_train){
		.data = room,
		.len = (uint32_t)datagram.len,
		.segment = (uint16_t)datagram.len,
		.tos = tos,
		.peer = to->remote,
		.local = to->local,
		.ifindex = ip_address_is_link_local(&to->local) ? to->ifindex : 0,
	};
	out->count = 1;
	udp_trains_send(out, socket);
}

/* ---- what is told ---- */

void vpn_link_features(struct vpn_link *link, struct vpn_link_features *ret)
{
	const struct worker_port *port = &link->ports[0];
	vpn_workers_begin(link->workers);
	*ret = (struct vpn_link_features){.tun = port->tun.on, .queues = link->queues};
	ret->trains_sent = true;
	const struct worker_port *last = &link->ports[link->workers->workers_n - 1];
	ret->steers = last->steered[0] || last->steered[1];
	for (size_t side = 0; side < 2; side++)
		if (port->sockets[side].udp.fd >= 0)
			ret->steers &= last->steered[side];
	for (size_t i = 0; i < link->workers->workers_n; i++)
		for (size_t side = 0; side < 2; side++) {
			const struct udp_train_socket *s = &link->ports[i].sockets[side];
			if (s->udp.fd < 0)
				continue;
			ret->trains_sent &= s->sends_trains;
			ret->trains_received |= s->receives_trains;
		}
	vpn_workers_end(link->workers);
}

static void add_socket(const struct udp_train_socket *s, struct vpn_worker_counts *ret)
{
	if (s->udp.fd < 0)
		return;
	ret->datagrams_received += s->received;
	ret->datagrams_sent += s->sent;
	ret->datagrams_lost += s->lost;
	ret->trains_cut += s->cut;
}

static void add_port(const struct worker_port *port, struct vpn_worker_counts *ret)
{
	const struct vpn_worker_counts *c = &port->counts;
	ret->trains_received += c->trains_received;
	ret->packets_to_tun += c->packets_to_tun;
	ret->supers_to_tun += c->supers_to_tun;
	ret->writes_to_tun += c->writes_to_tun;
	ret->tun_refused += c->tun_refused;
	ret->reads_from_tun += c->reads_from_tun;
	ret->packets_from_tun += c->packets_from_tun;
	ret->tun_malformed += c->tun_malformed;
	ret->trains_sent += c->trains_sent;
	ret->datagrams_lost += c->datagrams_lost;
	add_socket(&port->sockets[0], ret);
	add_socket(&port->sockets[1], ret);
}

void vpn_link_counts(struct vpn_link *link, size_t worker, struct vpn_worker_counts *ret)
{
	struct vpn_worker_counts sum = {0};
	vpn_workers_begin(link->workers);
	for (size_t i = 0; i < link->workers->workers_n; i++)
		if (worker == SIZE_MAX || worker == i)
			add_port(&link->ports[i], &sum);
	vpn_workers_end(link->workers);
	for (size_t side = 0; worker == SIZE_MAX && side < 2; side++)
		add_socket(&link->main_sockets[side], &sum);
	*ret = sum;
}
