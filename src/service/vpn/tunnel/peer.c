#include "service/vpn/tunnel/peer.h"

const char *vpn_gate_name(enum vpn_gate gate)
{
	static const char *const names[VPN_GATES] = {
		[VPN_GATE_OPEN] = "open",
		[VPN_GATE_CLOSED] = "closed",
		[VPN_GATE_PROOF] = "proof",
		[VPN_GATE_EXPIRED] = "expired",
	};
	return gate < VPN_GATES ? names[gate] : "?";
}

enum vpn_gate vpn_peer_gate(const struct vpn_peer *peer, uint64_t now_ms)
{
	if (peer->expires_ms && now_ms >= peer->expires_ms)
		return VPN_GATE_EXPIRED;
	/* Acquire: who sees OPEN sees the date that was set before it. */
	enum vpn_gate gate = atomic_load_explicit(&peer->gate, memory_order_acquire);
	uint64_t until_ms = atomic_load_explicit(&peer->gate_until_ms, memory_order_relaxed);
	uint64_t idle_ms = atomic_load_explicit(&peer->gate_idle_ms, memory_order_relaxed);
	if (gate != VPN_GATE_OPEN && gate != VPN_GATE_PROOF)
		return gate;
	if (until_ms && now_ms >= until_ms)
		return VPN_GATE_CLOSED;
	if (!idle_ms)
		return gate;
	/* Another worker's data may be of a time that this one has not seen yet. */
	uint64_t data_ms = atomic_load_explicit(&peer->data_ms, memory_order_relaxed);
	return now_ms > data_ms && now_ms - data_ms >= idle_ms ? VPN_GATE_CLOSED : gate;
}
