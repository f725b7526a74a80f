/* The socket of port 67: messages in, a batch at a time, and answers out, by UDP where a host can
 * be reached by it and in a frame where it cannot yet (RFC 2131 4.1). */
#include "base/writer.h"
#include "os/fd.h"
#include "os/log.h"
#include "os/outbox.h"
#include "os/packet.h"
#include "proto/dhcp/message.h"
#include "proto/ip/frame.h"
#include "service/dhcp/conf.h"
#include "service/dhcp/io_dhcp.h"

enum {
	BATCH_SLOTS = UDP_BATCH_MAX,
	BATCH_UNUSED = 512, /* answers leave by the outboxes */
	ROUNDS_MAX = 8,	    /* batches in a row, before the loop looks at the others */
	RECEIVE_BYTES = 4 << 20,
	OUT_SLOTS = OUTBOX_SLOTS_MAX,
	HEADS_LEN = IP_PACKET_HEAD_LEN + IP_UDP_HEAD_LEN,
	OUT_SIZE = DHCP_MESSAGE_MAX + HEADS_LEN,
};

static struct ip_address address_of(uint32_t host)
{
	return ip_address_v4((uint8_t)(host >> 24), (uint8_t)(host >> 16), (uint8_t)(host >> 8),
			     (uint8_t)host);
}

bool dhcp_v4_serves(const struct dhcp_conf *conf)
{
	return conf->networks.n || conf->relays.n;
}

enum err dhcp_v4_open(struct dhcp_service *d)
{
	static const struct ip_endpoint at = {.address = {.family = 4}, .port = DHCP_PORT_SERVER};
	struct activation_fd *passed = activation_find(&d->life.activation, "v4", 0);
	if (!dhcp_v4_serves(dhcp_conf_of(d)))
		return OK;
	if (passed) {
		d->udp_fd = fd_take(&passed->fd);
	} else {
		enum err e = udp_open(&at, UDP_BROADCAST, &d->udp_fd);
		if (e) {
			log_error(e == (enum err)EADDRINUSE
					  ? "another DHCP server or relay has the port"
				  : e == (enum err)EACCES
					  ? "port 67 is for root to open; start it as root, or by "
					    "'gatehouse run'"
					  : "port 67 cannot be opened",
				  LOG_ENDPOINT("address", &at), LOG_ERR(e));
			return e;
		}
	}
	TRY(udp_prepare(d->udp_fd, RECEIVE_BYTES, &d->udp));
	TRY(udp_batch_new(BATCH_SLOTS, DHCP_MESSAGE_MAX, BATCH_UNUSED, &d->batch));
	TRY(outbox_new(OUT_SLOTS, OUT_SIZE, &d->datagrams));
	return outbox_new(OUT_SLOTS, OUT_SIZE, &d->packets);
}

/* --- in --- */

static void receive_slot(struct dhcp_service *d, const struct udp_slot *slot, uint64_t now_ms)
{
	struct ip_endpoint peer, local;
	struct dhcp_arrival a = {.ifindex = udp_slot_ifindex(d->batch, slot)};
	if (slot->truncated) {
		d->dropped_in++;
		return;
	}
	if (!dhcp_links_serves(d, a.ifindex)) {
		d->elsewhere++;
		return;
	}
	udp_slot_peer(slot, &peer);
	udp_slot_local(d->batch, slot, &local);
	a.from = dhcp_conf_v4(&peer.address);
	a.from_port = peer.port;
	a.to = dhcp_conf_v4(&local.address);
	struct span packet = span_of(slot->rx, slot->rx_len);
	if (!d->relay || !dhcp_relay_takes(d, &a, packet))
		dhcp_engine_receive(d->engine, now_ms, &a, packet);
}

static void ready(void *arg, uint32_t events)
{
	struct dhcp_service *d = arg;
	(void)events;
	for (unsigned round = 0; round < ROUNDS_MAX; round++) {
		/* An error of the socket is of one datagram; the next ones are there all the same.
		 */
		if (udp_batch_receive(d->batch, &d->udp) || d->batch->count == 0)
			return;
		uint64_t now_ms = dhcp_now_ms(d);
		for (size_t i = 0; i < d->batch->count; i++)
			receive_slot(d, &d->batch->slots[i], now_ms);
		if (d->batch->count < d->batch->slots_max)
			return;
	}
}

enum err dhcp_v4_watch(struct dhcp_service *d)
{
	return d->udp_fd < 0
		       ? OK
		       : loop_add(&d->life.loop, &d->udp_watch, d->udp_fd, LOOP_READ, ready, d);
}

/* --- out --- */

static void send_frame(struct dhcp_service *d, const struct dhcp_send *s)
{
	uint8_t room[HEADS_LEN];
	struct writer heads = writer_of(room, sizeof(room));
	struct packet_end to = {
		.ifindex = s->ifindex, .protocol = PACKET_IP4, .address_len = sizeof(s->mac)};
	const struct ip_datagram datagram = {.source = s->local,
					     .destination = s->address,
					     .source_port = DHCP_PORT_SERVER,
					     .destination_port = s->port,
					     .payload = s->message};
	memcpy(to.address, s->mac, sizeof(s->mac));
	ip_datagram_write_head(&heads, &datagram);
	if (heads.bad || !outbox_add_packet(d->packets, &to, writer_span(&heads), s->message))
		d->dropped_out++;
}

static void send_udp(struct dhcp_service *d, const struct dhcp_send *s)
{
	bool broadcast = s->how == DHCP_SEND_BROADCAST;
	const struct ip_endpoint to = {.address = address_of(broadcast ? UINT32_MAX : s->address),
				       .port = s->port};
	const struct ip_address from = address_of(s->local);
	if (!outbox_add_udp(d->datagrams, &to, s->local ? &from : NULL, broadcast ? s->ifindex : 0,
			    s->message))
		d->dropped_out++;
}

void dhcp_v4_send(void *arg, const struct dhcp_send *s)
{
	struct dhcp_service *d = arg;
	if (d->udp_fd < 0)
		return;
	if (outbox_is_full(d->datagrams) || outbox_is_full(d->packets))
		dhcp_v4_flush(d);
	if (s->how == DHCP_SEND_FRAME)
		send_frame(d, s);
	else
		send_udp(d, s);
}

void dhcp_v4_flush(struct dhcp_service *d)
{
	if (d->udp_fd < 0)
		return;
	if (!outbox_is_empty(d->datagrams))
		d->dropped_out += outbox_send(d->datagrams, d->udp_fd);
	if (!outbox_is_empty(d->packets))
		d->dropped_out += outbox_send(d->packets, d->packet_fd);
}

void dhcp_v4_done(struct dhcp_service *d)
{
	loop_remove(&d->life.loop, &d->udp_watch);
	udp_batch_free(TAKE(d->batch));
	outbox_free(TAKE(d->datagrams));
	outbox_free(TAKE(d->packets));
	fd_done(&d->udp_fd);
}
