#include "service/vpn/tunnel/plane.h"

#include "service/vpn/tunnel/inner.h"

bool vpn_plane_take_wake(struct vpn_plane *p)
{
	bool wake = p->wake;
	p->wake = false;
	return wake;
}

void vpn_plane_count_drop(struct vpn_plane *p, enum vpn_drop drop)
{
	ASSERT(drop < VPN_DROPS);
	vpn_count(&p->dropped[drop], 1);
}

void vpn_plane_note_load(struct vpn_plane *p, uint64_t now_ms)
{
	enum { LOAD_MS = 1000 };
	struct vpn_engine *e = p->engine;
	uint64_t was_ms =
		atomic_exchange_explicit(&e->load_until_ms, now_ms + LOAD_MS, memory_order_relaxed);
	if (was_ms <= now_ms)
		atomic_fetch_add_explicit(&e->load_turns, 1, memory_order_relaxed);
	if (wg_cookie_secret_is_due(&e->secret, now_ms) &&
	    !atomic_exchange(&e->secret_wanted, true))
		p->wake = true;
}

struct vpn_peer *vpn_plane_route(struct vpn_plane *p, struct span packet)
{
	struct span to = {0};
	if (packet.len >= 20 && packet.data[0] >> 4 == 4)
		to = span_sub(packet, 16, 4);
	else if (packet.len >= 40 && packet.data[0] >> 4 == 6)
		to = span_sub(packet, 24, 16);
	struct vpn_peer *peer = to.len ? vpn_allowed_find(&p->engine->allowed, to) : NULL;
	if (!peer)
		vpn_plane_count_drop(p, VPN_DROP_NO_ROUTE);
	return peer;
}

void vpn_plane_notice(struct vpn_plane *p, struct vpn_peer *peer, uint32_t wants)
{
	struct vpn_peer_inner *in = peer->inner;
	if ((atomic_load_explicit(&in->wants, memory_order_relaxed) & wants) == wants)
		return;
	p->wake = true;
	/* Who asks first puts it on the list; main takes it off before it reads what is wanted. */
	if (atomic_fetch_or(&in->wants, wants) != 0)
		return;
	struct vpn_peer *head = atomic_load(&p->engine->noticed);
	do
		in->noticed_next = head;
	while (!atomic_compare_exchange_weak(&p->engine->noticed, &head, peer));
}

/* The timer is looked at no later than then: it finds out itself whether something is due. */
static void need_timer(struct vpn_plane *p, struct vpn_peer *peer, uint64_t due_ms)
{
	if (atomic_load_explicit(&peer->inner->timer_ms, memory_order_relaxed) > due_ms)
		vpn_plane_notice(p, peer, WANT_TIMER);
}

static uint64_t get(const _Atomic uint64_t *cell)
{
	return atomic_load_explicit(cell, memory_order_relaxed);
}

/* Only what changes is written: the cache line may be another worker's as well. */
static void set(_Atomic uint64_t *cell, uint64_t value)
{
	if (get(cell) != value)
		atomic_store_explicit(cell, value, memory_order_relaxed);
}

static void traffic(struct vpn_plane *p, uint64_t now_ms, struct vpn_peer *peer)
{
	set(&peer->inner->traffic_ms, now_ms);
	if (peer->keepalive_s)
		need_timer(p, peer, now_ms + (uint64_t)peer->keepalive_s * 1000);
}

void vpn_peer_received(struct vpn_plane *p, uint64_t now_ms, struct vpn_peer *peer, bool data)
{
	struct vpn_peer_inner *in = peer->inner;
	set(&in->unanswered_ms, 0);
	traffic(p, now_ms, peer);
	if (!data)
		return;
	set(&in->received_data_ms, now_ms);
	/* The paper 6.5: a keepalive answers data that nothing else answers for KEEPALIVE_TIMEOUT.
	 */
	if (!get(&in->owed_ms)) {
		set(&in->owed_ms, now_ms);
		need_timer(p, peer, now_ms + VPN_KEEPALIVE_TIMEOUT_MS);
	}
}

void vpn_peer_sent(struct vpn_plane *p, uint64_t now_ms, struct vpn_peer *peer, bool data)
{
	struct vpn_peer_inner *in = peer->inner;
	set(&in->owed_ms, 0);
	traffic(p, now_ms, peer);
	/* The paper 6.5: data that nothing answers for KEEPALIVE_TIMEOUT + REKEY_TIMEOUT. */
	if (data && !get(&in->unanswered_ms)) {
		set(&in->unanswered_ms, now_ms);
		need_timer(p, peer, now_ms + VPN_KEEPALIVE_TIMEOUT_MS + VPN_REKEY_TIMEOUT_MS);
	}
}
