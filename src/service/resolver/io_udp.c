/* Clients over UDP: a batch comes in, what the cache has goes out in the same batch. */
#include "os/clock.h"
#include "service/resolver/io_worker.h"

#define BATCHES_MAX 4u /* of one socket in a row, before the others have their turn */

static void answer_slot(struct resolver_udp *u, struct udp_slot *slot, uint64_t now_us)
{
	struct resolver_worker *w = u->worker;
	struct asker from = {.token = (uint64_t)(u - w->udp), .transport = ENGINE_UDP};
	if (slot->truncated)
		return; /* no query is that long */
	udp_slot_peer(slot, &from.peer);
	if (from.peer.port == 0)
		return;
	if (u->socket.wild) {
		udp_slot_local(w->batch, slot, &from.local);
		from.ifindex = udp_slot_ifindex(w->batch, slot);
	}
	slot->tx_len =
		(uint32_t)engine_query(w->engine, now_us, &from, span_of(slot->rx, slot->rx_len),
				       slot->tx, w->batch->tx_cap);
}

void resolver_udp_ready(void *arg, uint32_t events)
{
	struct resolver_udp *u = arg;
	struct resolver_worker *w = u->worker;
	(void)events;
	for (unsigned i = 0; i < BATCHES_MAX; i++) {
		if (udp_batch_receive(w->batch, &u->socket) != OK || w->batch->count == 0)
			return;
		if (w->rules->rules.filter)
			engine_wall_is(w->engine, clock_wall_s());
		uint64_t now_us = clock_ageing_us(), dropped = u->socket.send_dropped;
		for (size_t k = 0; k < w->batch->count; k++)
			answer_slot(u, &w->batch->slots[k], now_us);
		udp_batch_send(w->batch, &u->socket);
		counter_add(w->row, RESOLVER_SEND_DROPPED, u->socket.send_dropped - dropped);
		resolver_upstream_settle(w);
		if (w->batch->count < w->batch->slots_max)
			return;
	}
}

void resolver_udp_answer(struct resolver_worker *w, const struct asker *to, struct span message)
{
	const struct resolver_udp *u = &w->udp[to->token];
	const struct ip_address *from = u->socket.wild ? &to->local.address : NULL;
	if (udp_send_to(&u->socket, from, &to->peer, message) != OK)
		counter_add(w->row, RESOLVER_SEND_DROPPED, 1);
}
