#include "service/nat/held.h"

#include "service/nat/ip4.h"

#include <assert.h>
#include <string.h>

void held_init(struct held *h, held_send *send, void *arg)
{
	h->send = send;
	h->arg = arg;
}

void held_expire(struct held *h, uint64_t now_ms)
{
	for (size_t i = 0; i < HELD_MAX; i++) {
		struct held_piece *piece = &h->pieces[i];
		if (piece->until_ms != 0 && piece->until_ms <= now_ms) {
			piece->until_ms = 0;
			h->counts.expired++;
		}
	}
}

static bool same(const struct nat_tuple4 *a, const struct nat_tuple4 *b)
{
	static_assert(sizeof(*a) == 16, "no padding is compared");
	return memcmp(a, b, sizeof(*a)) == 0;
}

static uint16_t host16(__be16 v)
{
	uint8_t at[2];
	memcpy(at, &v, sizeof(at));
	return (uint16_t)(at[0] << 8 | at[1]);
}

/* --- sending ---------------------------------------------------------------------------------- */

struct sending {
	struct held *h;
	uint32_t ifindex;
};

static void send_piece(void *arg, const struct nat_ip4 *piece)
{
	const struct sending *s = arg;
	struct writer w = writer_of(s->h->out, sizeof(s->h->out));
	nat_ip4_write(&w, piece);
	if (!w.bad)
		s->h->send(s->h->arg, s->ifindex, span_of(w.data, w.pos));
}

/* mtu 0: it is not known. */
static bool send_cut(struct held *h, const struct nat_ip4 *p, uint32_t ifindex, uint16_t mtu)
{
	struct sending s = {h, ifindex};
	if (nat_ip4_cut(p, mtu ? mtu : UINT16_MAX, send_piece, &s) == OK)
		return true;
	h->counts.refused++;
	return false;
}

/* A held fragment, translated as its first was. */
static void send_held(struct held *h, const struct held_first *first, struct span wire)
{
	struct nat_ip4 p;
	if (nat_ip4_read(wire, &p) || (p.fragment & NAT_IP4_OFFSET) == 0 || p.ttl <= 1) {
		h->counts.format++;
		return;
	}
	p.id = host16(first->answer.sport);
	memcpy(p.source, &first->answer.dst, sizeof(p.source));
	memcpy(p.destination, &first->answer.src, sizeof(p.destination));
	if (!first->machine)
		p.ttl--;
	if (send_cut(h, &p, first->machine ? 0 : first->ifindex, first->mtu))
		h->counts.sent++;
}

/* --- what comes from the ring ----------------------------------------------------------------- */

static struct held_piece *place(struct held *h, const struct nat_tuple4 *key)
{
	struct held_piece *room = NULL;
	size_t of_source = 0;
	for (size_t i = 0; i < HELD_MAX; i++) {
		struct held_piece *piece = &h->pieces[i];
		if (piece->until_ms == 0)
			room = room ? room : piece;
		else if (piece->key.src == key->src)
			of_source++;
	}
	if (of_source >= HELD_SOURCE_MAX) {
		h->counts.source_full++;
		return NULL;
	}
	if (!room)
		h->counts.full++;
	return room;
}

static const struct held_first *first_of(const struct held *h, const struct nat_tuple4 *key,
					 uint64_t now_ms)
{
	for (size_t i = 0; i < HELD_FIRSTS_MAX; i++) {
		const struct held_first *first = &h->firsts[i];
		if (first->until_ms > now_ms && same(&first->key, key))
			return first;
	}
	return NULL;
}

static void hold(struct held *h, uint64_t now_ms, const struct nat_event *event, struct span packet)
{
	const struct held_first *first = first_of(h, &event->tuple, now_ms);
	if (first) {
		send_held(h, first, packet);
		return;
	}
	if (packet.len > NAT_EVENT_PACKET_MAX) {
		h->counts.format++;
		return;
	}
	struct held_piece *piece = place(h, &event->tuple);
	if (!piece)
		return;
	piece->key = event->tuple;
	piece->until_ms = now_ms + HELD_MS;
	piece->len = (uint16_t)packet.len;
	struct writer w = writer_of(piece->bytes, sizeof(piece->bytes));
	write_span(&w, packet);
	h->counts.held++;
}

/* What of it comes later still finds it here. */
static void come(struct held *h, uint64_t now_ms, const struct nat_event *event)
{
	struct held_first *first = &h->firsts[h->firsts_next];
	h->firsts_next = (h->firsts_next + 1) % HELD_FIRSTS_MAX;
	*first = (struct held_first){.key = event->tuple,
				     .answer = event->answer,
				     .until_ms = now_ms + HELD_MS,
				     .ifindex = event->ifindex,
				     .mtu = event->mtu,
				     .machine = event->flow != 0};
	for (size_t i = 0; i < HELD_MAX; i++) {
		struct held_piece *piece = &h->pieces[i];
		if (piece->until_ms == 0 || !same(&piece->key, &event->tuple))
			continue;
		piece->until_ms = 0;
		send_held(h, first, span_of(piece->bytes, piece->len));
	}
}

static void cut(struct held *h, const struct nat_event *event, struct span packet)
{
	struct writer w = writer_of(h->copy, sizeof(h->copy));
	struct nat_ip4 p;
	write_span(&w, packet);
	if (w.bad || nat_ip4_read(span_of(w.data, w.pos), &p)) {
		h->counts.format++;
		return;
	}
	nat_ip4_complete(&p, h->copy + (w.pos - p.payload.len));
	/* The kernel would give each piece another one. */
	if (p.id == 0)
		p.id = h->id = (uint16_t)(h->id % UINT16_MAX + 1);
	if (send_cut(h, &p, event->ifindex, event->mtu))
		h->counts.cut++;
}

void held_event(struct held *h, uint64_t now_ms, const struct nat_event *event, struct span packet)
{
	held_expire(h, now_ms);
	switch (event->kind) {
	case NAT_EVENT_FRAGMENT: hold(h, now_ms, event, packet); break;
	case NAT_EVENT_FRAGMENT_FIRST: come(h, now_ms, event); break;
	case NAT_EVENT_CUT: cut(h, event, packet); break;
	default: break;
	}
}
