/* Outside to inside: trains of datagrams are opened where they lie, judged, joined to
 * super-packets, and written into the TUN device. */
#include "service/vpn/io_worker_inner.h"

#include "os/clock.h"
#include "proto/wireguard/message.h"

/* ---- the TUN device ---- */

static void tun_write_parts(struct worker_port *port, const struct span *parts, size_t n)
{
	port->counts.writes_to_tun++;
	if (port->tun.fd < 0 || tun_write(&port->tun, parts, n))
		port->counts.tun_refused++;
}

void worker_tun_write_whole(struct worker_port *port, struct span packet)
{
	static const uint8_t head[TUN_HEAD_LEN];
	const struct span parts[] = {span_of(head, sizeof(head)), packet};
	port->counts.packets_to_tun++;
	tun_write_parts(port, parts, 2);
}

static void write_joined(struct worker_port *port)
{
	struct ip_coalesce *c = &port->worker->in.coalesce;
	for (size_t i = 0; i < c->n; i++) {
		struct span parts[IP_COALESCE_PARTS_MAX];
		size_t n = ip_coalesce_take(c, i, parts);
		port->counts.packets_to_tun += n - 1;
		port->counts.supers_to_tun += n > 2;
		tun_write_parts(port, parts, n);
	}
	ip_coalesce_begin(c, port->joins);
	port->worker->in.bytes = 0;
}

static_assert((int)IP_COALESCE_PARTS_MAX <= (int)TUN_PARTS_MAX, "written at once");

/* ---- datagrams ---- */

static void to_main(struct worker_port *port, const struct vpn_open *item)
{
	struct vpn_worker *worker = port->worker;
	struct handshake_item h = {
		.message = {.from = *item->from, .len = (uint16_t)item->datagram.len}};
	while (worker->workers->links[h.link] != port->link)
		h.link++;
	if (item->datagram.len > sizeof(h.message.bytes))
		return;
	memcpy(h.message.bytes, item->datagram.data, item->datagram.len);
	if (spsc_queue_put(worker->handshakes, &h))
		vpn_plane_count_drop(port->plane, VPN_DROP_QUEUE);
	else if (wg_message_kind(item->datagram) != WG_COOKIE_REPLY) /* which no mac1 vouches for */
		worker->in.of_use++;
	if (spsc_queue_used(worker->handshakes) >= WORKER_HANDSHAKES / 8)
		vpn_plane_note_load(port->plane, worker->now_ms);
	atomic_store(&worker->left_to_do, true);
}

static void to_tun(struct worker_port *port, const struct vpn_open *item)
{
	struct vpn_worker *worker = port->worker;
	struct gate_bytes bytes = {.data = item->out, .len = item->len};
	struct writer answer = writer_of(worker->answer, sizeof(worker->answer));
	enum gate_verdict verdict = gate_in(item->peer, bytes, worker->now_ms, &answer);
	if (verdict == GATE_ANSWERED)
		worker_out_packet(port, item->peer, NULL, writer_span(&answer));
	if (verdict != GATE_PASS)
		return;
	if (!ip_coalesce_add(&worker->in.coalesce, item->out, item->len)) {
		write_joined(port);
		(void)ip_coalesce_add(&worker->in.coalesce, item->out, item->len);
	}
	worker->in.bytes += item->len;
}

static void open_items(struct worker_port *port)
{
	struct worker_in *in = &port->worker->in;
	vpn_plane_open(port->plane, port->worker->now_ms, in->items, in->items_n);
	in->read += in->items_n;
	for (size_t i = 0; i < in->items_n; i++) {
		const struct vpn_open *item = &in->items[i];
		switch (item->result) {
		case VPN_OPEN_PACKET:
			in->of_use++;
			to_tun(port, item);
			break;
		case VPN_OPEN_HANDSHAKE: to_main(port, item); break;
		case VPN_OPEN_REPLY:
			worker_out_datagram(port, item->from, WORKER_HANDSHAKE_TOS,
					    span_of(item->out, item->len));
			break;
		case VPN_OPEN_KEEPALIVE: in->of_use++; break;
		case VPN_OPEN_DROP: break;
		}
	}
	in->items_n = 0;
}

/* Its datagrams, opened in place: a packet begins where its head ended. A reply may be longer than
 * what a short datagram has behind its head, but what asks for one is longer than that. */
static void take_train(struct worker_port *port, const struct udp_train *t,
		       const struct vpn_endpoint *from)
{
	struct worker_in *in = &port->worker->in;
	for (uint32_t at = 0; at < t->len; at += t->segment) {
		uint8_t *data = t->data + at;
		size_t len = t->len - at < t->segment ? t->len - at : t->segment;
		if (in->items_n == VPN_PLANE_BATCH_MAX)
			open_items(port);
		in->items[in->items_n++] = (struct vpn_open){
			.datagram = span_of(data, len),
			.from = from,
			.out = data + VPN_DATA_HEAD,
			.out_cap = len < VPN_DATA_HEAD + WORKER_OUT_MIN ? WORKER_OUT_MIN
									: len - VPN_DATA_HEAD,
			.ecn = t->tos & 3,
		};
	}
}

/* A source that floods is not even looked at. */
static bool admits(struct worker_port *port, size_t side, const struct udp_train *t)
{
	struct vpn_worker *worker = port->worker;
	if (!port->steered[side] || vpn_pace_admits(worker->pace, &t->peer.address))
		return true;
	for (uint32_t at = 0; at < t->len; at += t->segment) {
		vpn_plane_count_drop(port->plane, VPN_DROP_FLOOD);
		worker->in.read++;
	}
	return false;
}

static void take_trains(struct worker_port *port, size_t side)
{
	struct worker_in *in = &port->worker->in;
	/* An error of the socket is told by the next call again, or is gone. */
	err_ignore(udp_trains_receive(in->trains, &port->sockets[side]));
	ip_coalesce_begin(&in->coalesce, port->joins);
	port->counts.trains_received += in->trains->count;
	for (size_t i = 0; i < in->trains->count; i++) {
		const struct udp_train *t = &in->trains->trains[i];
		in->from[i] = (struct vpn_endpoint){
			.remote = t->peer, .local = t->local, .ifindex = t->ifindex};
		if (admits(port, side, t))
			take_train(port, t, &in->from[i]);
		if (in->bytes >= WORKER_BYTES_MAX)
			write_joined(port);
	}
	open_items(port);
	write_joined(port);
}

static void read_udp(struct worker_port *port, size_t side)
{
	worker_begin(port->worker);
	take_trains(port, side);
	worker_end(port);
}

/* ---- the thread for handshakes ---- */

static void watch_steered(struct vpn_worker *worker, uint32_t events)
{
	struct vpn_workers *w = worker->workers;
	for (size_t i = 0; i < w->links_n; i++) {
		struct worker_port *port = &w->links[i]->ports[worker->number];
		for (size_t side = 0; side < 2; side++)
			if (port->steered[side])
				err_ignore(loop_modify(&worker->loop, &port->udp_watches[side],
						       events));
	}
}

void worker_rested(void *arg)
{
	watch_steered(arg, LOOP_READ);
}

static void read_steered(struct worker_port *port, size_t side)
{
	struct vpn_worker *worker = port->worker;
	struct worker_in *in = &worker->in;
	uint64_t before_us = clock_thread_cpu_us();
	if (worker->rest.set)
		return; /* another socket of this turn was read too long */
	in->read = in->of_use = 0;
	worker_begin(worker);
	vpn_pace_at(worker->pace, worker->now_ms);
	take_trains(port, side);
	worker_end(port);
	uint32_t rest_ms = vpn_pace_spend(worker->pace, clock_thread_cpu_us() - before_us,
					  in->read - in->of_use, in->read);
	if (!rest_ms)
		return;
	watch_steered(worker, 0);
	loop_timer_set_after(&worker->loop, &worker->rest, rest_ms);
}

static void read_side(struct worker_port *port, size_t side)
{
	if (port->steered[side])
		read_steered(port, side);
	else
		read_udp(port, side);
}

void worker_read_udp4(void *port, uint32_t events)
{
	(void)events;
	read_side(port, 0);
}

void worker_read_udp6(void *port, uint32_t events)
{
	(void)events;
	read_side(port, 1);
}
