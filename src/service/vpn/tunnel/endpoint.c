/* A peer's endpoint: written by whoever got an authenticated datagram, read by all without a lock.
 * A turn that is odd, or another one after reading, tells a reader to read again. */
#include "service/vpn/tunnel/inner.h"

struct words {
	uint64_t word[ENDPOINT_WORDS];
};

/* Padding is zero, so that equal endpoints are equal words. */
static struct words words_of(const struct vpn_endpoint *e)
{
	struct words w = {0};
	struct vpn_endpoint clean;
	memset(&clean, 0, sizeof(clean));
	clean.remote.address.family = e->remote.address.family;
	memcpy(clean.remote.address.bytes, e->remote.address.bytes, 16);
	clean.remote.port = e->remote.port;
	clean.remote.scope = e->remote.scope;
	clean.local.family = e->local.family;
	memcpy(clean.local.bytes, e->local.bytes, 16);
	clean.ifindex = e->ifindex;
	memcpy(&w, &clean, sizeof(clean));
	return w;
}

static struct words load(const struct vpn_peer_inner *in)
{
	struct words w;
	uint32_t turn;
	do {
		turn = atomic_load_explicit(&in->endpoint_turn, memory_order_acquire);
		for (size_t i = 0; i < ENDPOINT_WORDS; i++)
			w.word[i] = atomic_load_explicit(&in->endpoint[i], memory_order_acquire);
	} while (turn % 2 ||
		 turn != atomic_load_explicit(&in->endpoint_turn, memory_order_relaxed));
	return w;
}

/* Under endpoint_flag. */
static void store(struct vpn_peer_inner *in, const struct words *w)
{
	uint32_t turn = atomic_load_explicit(&in->endpoint_turn, memory_order_relaxed);
	atomic_store_explicit(&in->endpoint_turn, turn + 1, memory_order_relaxed);
	for (size_t i = 0; i < ENDPOINT_WORDS; i++)
		atomic_store_explicit(&in->endpoint[i], w->word[i], memory_order_release);
	atomic_store_explicit(&in->endpoint_turn, turn + 2, memory_order_release);
}

static struct vpn_endpoint endpoint_of(const struct words *w)
{
	struct vpn_endpoint e;
	memcpy(&e, w, sizeof(e));
	return e;
}

bool vpn_peer_endpoint(const struct vpn_peer *peer, struct vpn_endpoint *ret)
{
	struct words w = load(peer->inner);
	struct vpn_endpoint e = endpoint_of(&w);
	if (!e.remote.address.family)
		return false;
	*ret = e;
	return true;
}

void vpn_peer_put_endpoint(struct vpn_peer *peer, const struct vpn_endpoint *to)
{
	struct words w = words_of(to);
	vpn_flag_take(&peer->inner->endpoint_flag);
	store(peer->inner, &w);
	vpn_flag_give(&peer->inner->endpoint_flag);
}

/* OPEN becomes what the policy says; nothing else is changed by a move. */
static void lower_gate(struct vpn_peer *peer, bool address_changed)
{
	_Atomic uint8_t *policy = address_changed ? &peer->on_moved_address : &peer->on_moved_port;
	uint8_t to = atomic_load_explicit(policy, memory_order_relaxed), open = VPN_GATE_OPEN;
	if (to != VPN_GATE_OPEN)
		(void)atomic_compare_exchange_strong(&peer->gate, &open, to);
}

static void note_move(struct vpn_peer *peer, const struct vpn_endpoint *before,
		      const struct vpn_endpoint *after)
{
	struct vpn_peer_inner *in = peer->inner;
	bool first = !before->remote.address.family;
	if (!first)
		lower_gate(peer,
			   !ip_address_equal(&before->remote.address, &after->remote.address));
	if (!in->moved)
		in->moved_before = *before;
	/* Back to where it was before main could be told: the farthest way is told. */
	if (!in->moved || !ip_endpoint_equal(&after->remote, &in->moved_before.remote))
		in->moved_after = *after;
	in->moved = true;
}

bool vpn_peer_learn(struct vpn_peer *peer, const struct vpn_endpoint *from)
{
	struct vpn_peer_inner *in = peer->inner;
	struct words now = words_of(from), was = load(in);
	if (memcmp(&now, &was, sizeof(now)) == 0)
		return false;
	vpn_flag_take(&in->endpoint_flag);
	was = load(in);
	struct vpn_endpoint before = endpoint_of(&was);
	/* Another address of ours, by which the same place is reached, is no move. */
	bool moved = !ip_endpoint_equal(&before.remote, &from->remote);
	if (moved)
		note_move(peer, &before, from);
	store(in, &now);
	vpn_flag_give(&in->endpoint_flag);
	return moved;
}

bool vpn_peer_take_move(struct vpn_peer *peer, struct vpn_endpoint *ret_before,
			struct vpn_endpoint *ret_after)
{
	struct vpn_peer_inner *in = peer->inner;
	vpn_flag_take(&in->endpoint_flag);
	bool moved = in->moved;
	if (moved) {
		*ret_before = in->moved_before;
		*ret_after = in->moved_after;
		in->moved = false;
	}
	vpn_flag_give(&in->endpoint_flag);
	return moved;
}
