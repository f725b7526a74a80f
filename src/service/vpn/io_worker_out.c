/* Inside to outside: what the TUN device gives is routed, judged, cut, sealed where it will be sent
 * from, and sent in trains. */
#include "service/vpn/io_worker_inner.h"

#include "proto/ip/segment.h"
#include "proto/wireguard/message.h"

/* ---- trains ---- */

static bool full(const struct worker_out *out)
{
	return out->bytes >= WORKER_BYTES_MAX || out->trains[0]->count == WORKER_TRAINS_OUT ||
	       out->trains[1]->count == WORKER_TRAINS_OUT;
}

/* An empty one. There is room when out is not full. */
static struct worker_train *train_new(struct worker_out *out, const struct vpn_endpoint *to,
				      uint8_t tos)
{
	size_t side = to->remote.address.family == 6;
	struct udp_trains *trains = out->trains[side];
	ASSERT(trains->count < WORKER_TRAINS_OUT);
	struct worker_train *way = &out->under_way[side][trains->count];
	struct udp_train *t = &trains->trains[trains->count++];
	uint8_t *room = t->data;
	/* fe80::1 means nothing without its link; other addresses may leave by any. */
	bool of_link = ip_address_is_link_local(&to->local);
	*t = (struct udp_train){.data = room,
				.peer = to->remote,
				.local = to->local,
				.tos = tos,
				.ifindex = of_link ? to->ifindex : 0};
	*way = (struct worker_train){.train = t};
	return way;
}

/* The newest of a peer: what follows may join no other. */
static struct worker_train *train_of(struct worker_out *out, const struct vpn_peer *peer)
{
	for (size_t side = 0; side < 2; side++)
		for (size_t i = out->trains[side]->count; i-- > 0;)
			if (out->under_way[side][i].peer == peer)
				return &out->under_way[side][i];
	return NULL;
}

/* The train that a datagram of len octets joins; all but its last are of one length. */
static struct worker_train *train_for(struct worker_port *port, const struct vpn_peer *peer,
				      uint8_t tos, size_t len)
{
	struct worker_out *out = &port->worker->out;
	struct worker_train *way = train_of(out, peer);
	if (way && !way->closed && way->train->tos == tos && len <= way->train->segment &&
	    way->planned + len <= UDP_TRAIN_MAX && way->datagrams < UDP_TRAIN_DATAGRAMS_MAX) {
		way->closed = len < way->train->segment;
		return way;
	}
	if (full(out))
		worker_out_flush(port);
	/* Without an endpoint nothing will be sent: the plane says so. */
	struct vpn_endpoint to = {0};
	(void)vpn_peer_endpoint(peer, &to);
	way = train_new(out, &to, tos);
	way->peer = peer;
	way->train->segment = (uint16_t)len;
	return way;
}

/* ---- sealing ---- */

/* In their order; what is not to be sent leaves no hole in its train. */
static void seal(struct worker_port *port)
{
	struct worker_out *out = &port->worker->out;
	vpn_plane_seal(port->plane, port->worker->now_ms, out->items, out->items_n);
	for (size_t i = 0; i < out->items_n; i++) {
		const struct vpn_seal *item = &out->items[i];
		struct udp_train *t = out->item_trains[i]->train;
		if (item->result != VPN_SEAL_DATAGRAM)
			continue;
		ASSERT(item->len <= t->segment);
		if (item->out != t->data + t->len)
			memmove(t->data + t->len, item->out, item->len);
		t->len += (uint32_t)item->len;
	}
	for (size_t i = 0; i < out->items_n; i++)
		out->item_trains[i]->planned = out->item_trains[i]->train->len;
	out->items_n = 0;
}

/* Room for one more, at the end of its train. len: of the packet; sealed: of its datagram. */
static uint8_t *place(struct worker_port *port, struct vpn_peer *peer, uint8_t tos, size_t len)
{
	struct worker_out *out = &port->worker->out;
	size_t sealed = wg_padded_len(len, port->link->mtu) + VPN_DATA_OVERHEAD;
	if (out->items_n == VPN_PLANE_BATCH_MAX)
		seal(port);
	struct worker_train *way = train_for(port, peer, tos, sealed);
	uint8_t *room = way->train->data + way->planned;
	way->planned += (uint32_t)sealed;
	way->datagrams++;
	out->bytes += sealed;
	out->item_trains[out->items_n] = way;
	out->items[out->items_n++] =
		(struct vpn_seal){.peer = peer,
				  .packet = span_of(room + VPN_DATA_HEAD, len),
				  .out = room,
				  .out_cap = len + VPN_DATA_OVERHEAD + VPN_PADDING_MAX};
	return room + VPN_DATA_HEAD;
}

static uint8_t ecn_of(struct span packet)
{
	if (packet.len < 2)
		return 0;
	return packet.data[0] >> 4 == 4 ? packet.data[1] & 3 : packet.data[1] >> 4 & 3;
}

void worker_out_packet(struct worker_port *port, struct vpn_peer *peer,
		       const struct ip_offload *head, struct span packet)
{
	static const struct ip_offload whole = {0};
	struct ip_segments s;
	size_t len;
	if (ip_segments_init(&s, head ? head : &whole, packet) || s.len_max > port->link->mtu) {
		port->counts.tun_malformed++;
		return;
	}
	uint8_t tos = ecn_of(packet);
	while ((len = ip_segments_next_len(&s))) {
		(void)ip_segments_next(&s, place(port, peer, tos, len));
		port->counts.packets_from_tun++;
	}
}

void worker_out_datagram(struct worker_port *port, const struct vpn_endpoint *to, uint8_t tos,
			 struct span datagram)
{
	struct worker_out *out = &port->worker->out;
	if (datagram.len == 0 || datagram.len > UDP_TRAIN_MAX)
		return;
	if (full(out))
		worker_out_flush(port);
	struct worker_train *way = train_new(out, to, tos);
	memcpy(way->train->data, datagram.data, datagram.len);
	way->train->segment = (uint16_t)datagram.len;
	way->train->len = (uint32_t)datagram.len;
}

void worker_out_flush(struct worker_port *port)
{
	struct worker_out *out = &port->worker->out;
	seal(port);
	for (size_t side = 0; side < 2; side++) {
		struct udp_train_socket *socket = &port->sockets[side];
		if (out->trains[side]->count == 0)
			continue;
		port->counts.trains_sent += out->trains[side]->count;
		if (socket->udp.fd >= 0) {
			udp_trains_send(out->trains[side], socket);
		} else {
			port->counts.datagrams_lost += out->trains[side]->count;
			out->trains[side]->count = 0;
		}
	}
	out->bytes = 0;
}

/* ---- the TUN device ---- */

/* One packet or super-packet, with its head. */
static void from_tun(struct worker_port *port, uint8_t *room, size_t len)
{
	struct vpn_worker *worker = port->worker;
	const struct ip_offload head = ip_offload_of(room);
	struct gate_bytes bytes = {.data = room + TUN_HEAD_LEN,
				   .len = len - TUN_HEAD_LEN,
				   .partial = head.flags & IP_OFFLOAD_CHECKSUM};
	struct span packet = span_of(bytes.data, bytes.len);
	struct vpn_peer *peer = vpn_plane_route(port->plane, packet);
	if (!peer)
		return;
	struct writer answer = writer_of(worker->answer, sizeof(worker->answer));
	enum gate_verdict verdict = gate_out(peer, bytes, worker->now_ms, &answer);
	if (verdict == GATE_PASS)
		worker_out_packet(port, peer, &head, packet);
	else if (verdict == GATE_ANSWERED)
		worker_tun_write_whole(port, writer_span(&answer));
}

/* The device is gone, whoever took it: its descriptor would be ready for ever. */
static bool is_gone(enum err e)
{
	return e == (enum err)EBADFD || e == (enum err)EFAULT;
}

void worker_read_tun(void *arg, uint32_t events)
{
	struct worker_port *port = arg;
	struct vpn_worker *worker = port->worker;
	(void)events;
	worker_begin(worker);
	for (size_t i = 0; i < WORKER_READS_MAX; i++) {
		size_t len = 0;
		enum err e =
			tun_read(&port->tun, worker->tun_room, TUN_HEAD_LEN + TUN_PACKET_MAX, &len);
		if (is_gone(e))
			loop_remove(&worker->loop, &port->tun_watch);
		if (e || len == 0)
			break;
		port->counts.reads_from_tun++;
		if (len > TUN_HEAD_LEN)
			from_tun(port, worker->tun_room, len);
		if (worker->out.bytes >= WORKER_BYTES_MAX)
			worker_out_flush(port);
	}
	worker_end(port);
}
