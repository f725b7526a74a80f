#include "service/vpn/gate/peer.h"

#include "service/vpn/gate/gate.h"
#include "service/vpn/tunnel/peer.h"

/* Refusals answered: so many a second, and a page full of connections at once. */
enum { ANSWERS_PER_S = 50, ANSWER_COST = SHAPE_BURST_MIN / 32 };

void gate_peer_init(struct gate_peer *peer, struct gate_net *net)
{
	*peer = (struct gate_peer){.net = net};
	shape_init(&peer->answers, ANSWERS_PER_S * ANSWER_COST);
}

bool gate_peer_take_answer(struct gate_peer *peer, uint64_t now_ms)
{
	return shape_take(&peer->answers, ANSWER_COST, now_ms);
}

static void set(_Atomic uint64_t *at, uint64_t ms)
{
	atomic_store_explicit(at, ms, memory_order_relaxed);
}

static void begin(struct vpn_peer *peer, uint64_t until_ms, uint64_t idle_ms, uint64_t data_ms,
		  uint8_t gate)
{
	set(&peer->gate_until_ms, until_ms);
	set(&peer->gate_idle_ms, idle_ms);
	set(&peer->data_ms, data_ms);
	/* Release: who sees the gate sees what was written before it. */
	atomic_store_explicit(&peer->gate, gate, memory_order_release);
}

void gate_open(struct vpn_peer *peer, uint64_t until_ms, uint64_t idle_ms, uint64_t data_ms)
{
	begin(peer, until_ms, idle_ms, data_ms, VPN_GATE_OPEN);
}

void gate_open_unproved(struct vpn_peer *peer, uint64_t until_ms, uint64_t idle_ms,
			uint64_t data_ms)
{
	begin(peer, until_ms, idle_ms, data_ms, VPN_GATE_PROOF);
}

void gate_close(struct vpn_peer *peer)
{
	atomic_store_explicit(&peer->gate, VPN_GATE_CLOSED, memory_order_release);
}
