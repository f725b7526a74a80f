#include "lab/tunnel.h"

#include "proto/wireguard/message.h"

static struct span payload_of(const struct lab_datagram *d)
{
	return span_of(d->bytes + d->payload_at, d->len - d->payload_at);
}

/* An empty one is a keepalive, which carries nothing. */
static bool is_transport(const struct lab_datagram *d)
{
	struct span payload = payload_of(d);
	return wg_message_kind(payload) == WG_TRANSPORT && payload.len > WG_TRANSPORT_MIN;
}

bool lab_tunnel_see(struct lab_tunnel *t, enum lab_side side, const struct lab_datagram *d,
		    size_t mtu, struct lab_carried *ret)
{
	if (side == LAB_OUTSIDE && !is_transport(d))
		return false;
	for (size_t i = 0; i < LAB_TUNNEL_MAX; i++) {
		/* From the eldest on. */
		size_t at = (t->next + i) % LAB_TUNNEL_MAX;
		if (!t->seen[at].here || t->seen[at].side == side)
			continue;
		const struct lab_datagram *other = &t->seen[at].datagram;
		const struct lab_datagram *inner = side == LAB_INSIDE ? d : other;
		const struct lab_datagram *outer = side == LAB_INSIDE ? other : d;
		if (payload_of(outer).len != WG_OVERHEAD + wg_padded_len(inner->len, mtu))
			continue;
		*ret = (struct lab_carried){.inner = *inner, .outer = *outer};
		t->seen[at].here = false;
		return true;
	}
	t->seen[t->next].side = side;
	t->seen[t->next].here = true;
	t->seen[t->next].datagram = *d;
	t->next = (t->next + 1) % LAB_TUNNEL_MAX;
	return false;
}
