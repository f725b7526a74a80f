/* Queries over UDP, a batch at a time. */
#include "os/clock.h"
#include "service/authority/io_worker.h"

#define ROUNDS_MAX 8 /* batches in a row, before the loop looks at the other sockets */

static void update_slot(struct worker_udp *u, struct udp_slot *slot, struct answer_facts *facts,
			uint32_t now_s)
{
	struct worker *w = u->worker;

	if (!worker_update_udp(w, &u->socket, slot, facts))
		slot->tx_len = (uint32_t)answer_update_write(span_of(slot->rx, slot->rx_len),
							     DNS_RCODE_SERVFAIL, &facts->tsig,
							     now_s, slot->tx, w->batch->tx_cap);
}

static void answer_slot(struct worker_udp *u, struct udp_slot *slot, uint32_t now_s)
{
	struct worker *w = u->worker;
	const struct generation *g = w->generation;
	struct ip_endpoint peer;
	struct answer_facts facts;

	if (slot->truncated) {
		counter_add(w->row, COUNT_DROP_LONG, 1);
		return;
	}
	udp_slot_peer(slot, &peer);
	struct answer_input in = {
		.packet = span_of(slot->rx, slot->rx_len),
		.client = &peer.address,
		.now_s = now_s,
		.random = worker_random(w),
	};
	slot->tx_len = (uint32_t)answer_make(g->zones, &g->answers, &in, slot->tx, w->batch->tx_cap,
					     &facts);
	if (facts.update)
		update_slot(u, slot, &facts, now_s);
	count_answer(w->row, &facts, false);
}

void worker_udp_ready(void *arg, uint32_t events)
{
	struct worker_udp *u = arg;
	struct worker *w = u->worker;
	(void)events;

	for (unsigned round = 0; round < ROUNDS_MAX; round++) {
		/* An error of the socket is of one datagram; the next ones are there all the same.
		 */
		if (udp_batch_receive(w->batch, &u->socket) || w->batch->count == 0)
			return;
		uint32_t now_s = (uint32_t)clock_wall_s();
		for (size_t i = 0; i < w->batch->count; i++)
			answer_slot(u, &w->batch->slots[i], now_s);
		uint64_t dropped = u->socket.send_dropped;
		udp_batch_send(w->batch, &u->socket);
		if (u->socket.send_dropped != dropped)
			counter_add(w->row, COUNT_DROP_SEND, u->socket.send_dropped - dropped);
		if (w->batch->count < w->batch->slots_max)
			return;
	}
}
