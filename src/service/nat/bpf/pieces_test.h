/* For tests of fragments: datagrams longer than plane_test.h makes, their pieces, and what the
 * programs tell through the ring. Knows no behaviour. */
#ifndef NAT_BPF_PIECES_TEST_H
#define NAT_BPF_PIECES_TEST_H

#include "service/nat/bpf/plane_test.h"

enum { TCP = 6, UDP = 17, ICMP = 1, SYN = 2, ACK = 0x10 };
enum { DONT = 0x4000, MORE = 0x2000 };
enum { LONG = 400 }; /* octets of IP's payload */

/* The identification of all long frames: what one test has left is nothing to the next. */
static uint16_t frame_id = 0x1234;

/* Only its IP header's checksum is mended. */
static inline void frame_seal_ip(struct frame *f)
{
	frame_put16(f->bytes + ETHER + 2, (uint32_t)(f->len - ETHER));
	frame_put16(f->bytes + ETHER + 10, 0);
	frame_put16(f->bytes + ETHER + 10, ~frame_sum(f->bytes + ETHER, IP, 0) & 0xffff);
}

/* Octets of IP's payload, counted up. */
static inline struct frame frame_long(const struct plane *p, unsigned device, uint8_t proto,
				      uint32_t src, uint16_t sport, uint32_t dst, uint16_t dport,
				      size_t octets)
{
	struct frame f = frame_make(p, device, proto, src, sport, dst, dport, ACK);
	size_t head = ETHER + IP + (proto == TCP ? 20 : 8);
	f.len = ETHER + IP + octets;
	for (size_t i = head; i < f.len; i++)
		f.bytes[i] = (uint8_t)(i - head);
	frame_put16(f.bytes + ETHER + 4, frame_id);
	frame_seal(&f);
	return f;
}

/* Its octets from `from` on, up to `end` or its own end. */
static inline struct frame piece_of(const struct frame *whole, size_t from, size_t end)
{
	struct frame f = *whole;
	size_t all = whole->len - ETHER - IP, to = end < all ? end : all;
	memmove(f.bytes + ETHER + IP, whole->bytes + ETHER + IP + from, to - from);
	f.len = ETHER + IP + to - from;
	frame_put16(f.bytes + ETHER + 6, (uint32_t)(from / 8) | (to < all ? MORE : 0));
	frame_seal_ip(&f);
	return f;
}

/* Whether it is the other one hop on; *id: the identification that it must have, 0: any, which is
 * then remembered. */
static inline bool piece_is_hop(const struct frame *f, const struct frame *want, uint16_t *id)
{
	struct frame hop = *want;
	if (*id == 0)
		*id = frame_get16(f->bytes + ETHER + 4);
	frame_put16(hop.bytes + ETHER + 4, *id);
	hop.bytes[ETHER + 8]--;
	frame_seal_ip(&hop);
	return f->len == hop.len && !memcmp(f->bytes + 12, hop.bytes + 12, hop.len - 12);
}

/* ---- the ring ---- */

struct told {
	unsigned n[16]; /* by enum nat_event_kind */
	struct nat_event last;
	uint8_t packet[2048];
	size_t packet_len;
};

static inline void told_hear(void *arg, struct span record)
{
	struct told *t = arg;
	if (record.len < sizeof(t->last))
		return;
	memcpy(&t->last, record.data, sizeof(t->last));
	t->packet_len = record.len - sizeof(t->last);
	if (t->last.kind < 16)
		t->n[t->last.kind]++;
	if (t->packet_len <= sizeof(t->packet))
		memcpy(t->packet, record.data + sizeof(t->last), t->packet_len);
}

/* What has been told since it was last asked. */
static inline struct told told_by(const struct plane *p)
{
	static struct bpf_ring *ring;
	static struct told told;
	struct bpf_table t;
	size_t n;
	memset(&told, 0, sizeof(told));
	if (!ring &&
	    (bpf_set_table(p->set, "events", &t) || bpf_ring_new(&t, told_hear, &told, &ring)))
		return told;
	if (bpf_ring_consume(ring, 1 << 16, &n))
		told.n[0] = 1;
	return told;
}

#endif
