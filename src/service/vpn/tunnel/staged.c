/* Packets that wait for a handshake: a few for each peer, in order, in the engine's memory. */
#include "service/vpn/tunnel/inner.h"

/* Under staged_flag. */
static struct vpn_staged *take_first(struct vpn_peer_inner *in)
{
	struct vpn_staged *s = in->staged_first;
	if (!s)
		return NULL;
	in->staged_first = s->next;
	if (!s->next)
		in->staged_last = NULL;
	return s;
}

/* Room for another one of this peer: new, or its own oldest one. NULL: none. */
static struct vpn_staged *room_for(struct vpn_plane *p, struct vpn_peer_inner *in)
{
	struct vpn_engine *e = p->engine;
	struct vpn_staged *s = NULL;
	vpn_flag_take(&e->staged_flag);
	if (atomic_load(&in->staged_n) < VPN_STAGED_MAX)
		s = slab_take(&e->staged);
	bool fresh = s != NULL;
	if (fresh)
		atomic_fetch_add(&in->staged_n, 1);
	else
		s = take_first(in);
	vpn_flag_give(&e->staged_flag);
	if (s && !fresh)
		vpn_plane_count_drop(p, VPN_DROP_STAGED_FULL);
	return s;
}

enum vpn_drop vpn_staged_put(struct vpn_plane *p, struct vpn_peer *peer, struct span packet)
{
	struct vpn_engine *e = p->engine;
	struct vpn_peer_inner *in = peer->inner;
	if (packet.len + VPN_DATA_OVERHEAD + VPN_PADDING_MAX > e->staged_room)
		return VPN_DROP_SIZE;
	struct vpn_staged *s = room_for(p, in);
	if (!s)
		return VPN_DROP_STAGED_FULL;
	s->next = NULL;
	s->len = packet.len;
	memcpy(s->room + VPN_DATA_HEAD, packet.data, packet.len);
	vpn_flag_take(&e->staged_flag);
	if (in->staged_last)
		in->staged_last->next = s;
	else
		in->staged_first = s;
	in->staged_last = s;
	vpn_flag_give(&e->staged_flag);
	atomic_fetch_add_explicit(&e->staged_ever, 1, memory_order_relaxed);
	return VPN_DROP_NONE;
}

static struct vpn_staged *take(struct vpn_engine *e, struct vpn_peer_inner *in)
{
	vpn_flag_take(&e->staged_flag);
	struct vpn_staged *s = take_first(in);
	vpn_flag_give(&e->staged_flag);
	return s;
}

/* Only now does the peer's number go down: a worker that sees 0 may send past it. */
static void give(struct vpn_engine *e, struct vpn_peer_inner *in, struct vpn_staged *s)
{
	vpn_flag_take(&e->staged_flag);
	slab_give(&e->staged, s);
	atomic_fetch_sub(&in->staged_n, 1);
	vpn_flag_give(&e->staged_flag);
}

void vpn_staged_send(struct vpn_engine *e, uint64_t now_ms, struct vpn_peer *peer)
{
	struct vpn_peer_inner *in = peer->inner;
	struct vpn_staged *s;
	if (atomic_load(&in->staged_n) == 0)
		return;
	/* Exclusive: no worker adds while the last ones leave. */
	vpn_engine_begin(e);
	while ((s = take(e, in))) {
		if (!vpn_engine_send_data(e, now_ms, peer, s->room, s->len))
			vpn_plane_count_drop(main_plane(e), VPN_DROP_STAGED_OLD);
		give(e, in, s);
	}
	vpn_engine_end(e);
}

void vpn_staged_drop(struct vpn_engine *e, struct vpn_peer *peer, enum vpn_drop cause)
{
	struct vpn_peer_inner *in = peer->inner;
	struct vpn_staged *s;
	while ((s = take(e, in))) {
		vpn_plane_count_drop(main_plane(e), cause);
		give(e, in, s);
	}
}
