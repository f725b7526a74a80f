/* PCP's and NAT-PMP's datagrams: from a socket to the engine and back, and announcements. */
#include "base/writer.h"
#include "os/log.h"
#include "os/outbox.h"
#include "service/nat/io_ports.h"

static void answer(struct ports_io *io, const struct udp_batch *batch, struct udp_slot *slot)
{
	struct pcp_arrival a;
	struct ip_endpoint local;
	struct writer w = writer_of(slot->tx, PCP_MESSAGE_MAX);
	uint32_t ifindex = udp_slot_ifindex(batch, slot);
	udp_slot_peer(slot, &a.source);
	udp_slot_local(batch, slot, &local);
	if (ip_address_is_multicast(&local.address)) {
		io->strangers++;
		return;
	}
	/* RFC 6886 3.1: a gateway MUST NOT accept what comes by its external interface, or is
	 * sent to its external address. */
	const struct ports_place *place = ports_place_of(io, ifindex, &local.address);
	if (!place)
		return;
	a.zone = place->zone;
	pcp_server_receive(&io->pcp, loop_now_ms(io->loop), &a,
			   span_of(slot->rx, slot->truncated ? batch->rx_cap : slot->rx_len), &w);
	slot->tx_len = w.bad ? 0 : (uint32_t)w.pos;
}

static void ready(void *arg, uint32_t events)
{
	struct ports_udp *u = arg;
	struct ports_io *io = u->io;
	(void)events;
	enum err e = udp_batch_receive(u->batch, &u->socket);
	if (e) {
		log_debug("port-control cannot receive", LOG_ERR(e));
		return;
	}
	for (size_t i = 0; i < u->batch->count; i++)
		answer(io, u->batch, &u->batch->slots[i]);
	udp_batch_send(u->batch, &u->socket);
	ports_io_changed(io);
}

static enum err watch(struct ports_io *io, struct ports_udp *u)
{
	if (u->socket.fd < 0)
		return OK;
	u->io = io;
	return loop_add(io->loop, &u->watch, u->socket.fd, LOOP_READ, ready, u);
}

enum err ports_pcp_begin(struct ports_io *io)
{
	TRY(watch(io, &io->pcp4));
	return watch(io, &io->pcp6);
}

/* RFC 6887 14.1.3: to all nodes of the link, 224.0.0.1 and ff02::1, by NAT-PMP as well. */
static void announce_at(struct ports_io *io, const struct ports_place *place, struct ports_udp *u)
{
	static const struct ip_endpoint all4 = {.address = {4, {224, 0, 0, 1}},
						.port = PCP_CLIENT_PORT},
					all6 = {.address = {6, {0xff, 2, [15] = 1}},
						.port = PCP_CLIENT_PORT};
	uint8_t room[PCP_HEADER_LEN];
	bool v4 = place->address.family == 4;
	struct ip_endpoint to = v4 ? all4 : all6;
	to.scope = v4 ? 0 : place->ifindex;
	struct writer w = writer_of(room, sizeof(room));
	pcp_announcement(&io->pcp, loop_now_ms(io->loop), &w);
	if (io->pcp.pcp)
		(void)outbox_add_udp(u->out, &to, &place->address, place->ifindex, writer_span(&w));
	w = writer_of(room, sizeof(room));
	natpmp_announcement(&io->pcp, loop_now_ms(io->loop), &place->address, &w);
	if (io->pcp.nat_pmp && v4)
		(void)outbox_add_udp(u->out, &to, &place->address, place->ifindex, writer_span(&w));
	if (outbox_is_full(u->out))
		(void)outbox_send(u->out, u->socket.fd);
}

void ports_pcp_announce(struct ports_io *io)
{
	for (size_t i = 0; i < io->places_n; i++) {
		const struct ports_place *place = &io->places[i];
		struct ports_udp *u = place->address.family == 4 ? &io->pcp4 : &io->pcp6;
		if (u->socket.fd >= 0)
			announce_at(io, place, u);
	}
	for (int v = 0; v < 2; v++) {
		struct ports_udp *u = v ? &io->pcp6 : &io->pcp4;
		if (u->socket.fd >= 0 && !outbox_is_empty(u->out))
			(void)outbox_send(u->out, u->socket.fd);
	}
}
