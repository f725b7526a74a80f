/* Fragments of IPv4. The first one carries the ports and has (or begins) the flow; those after it
 * find the datagram by its identification; those before it are given to the service, which sends
 * them on when the first has come. Knows tc only; XDP leaves fragments to it.
 */
#ifndef NAT_BPF_FRAGMENT_H
#define NAT_BPF_FRAGMENT_H

#include "service/nat/bpf/carry.h"
#include "service/nat/bpf/datagram.h"
#include "service/nat/bpf/decide.h"
#include "service/nat/bpf/identity.h"
#include "service/nat/bpf/tc.h"

static __always_inline bool fragment_is_later(const struct packet *p)
{
	return (p->fragment & bpf_htons(IP_OFFSET)) != 0;
}

static __always_inline bool fragment_has_more(const struct packet *p)
{
	return (p->fragment & bpf_htons(IP_MORE)) != 0;
}

/* Its ports, when it is a first fragment; PACKET_FORMAT when it does not hold the whole L4 header,
 * which is how filters are deceived (RFC 1858 3). No ICMP error is that long. */
static __always_inline enum packet_kind fragment_ports(struct view view, struct packet *p)
{
	__u32 room = p->len - (p->l4 - p->l3);
	if (p->tuple.proto == IPPROTO_UDP && room >= sizeof(struct udphdr)) {
		return packet_udp(view, p, 0xffff); /* its length is the datagram's */
	}
	enum packet_kind kind = packet_ports(view, p, room);
	return kind == PACKET_ERROR ? PACKET_FORMAT : kind;
}

/* A packet or a first fragment, for who may begin a flow. */
static __always_inline enum packet_kind fragment_or_whole(struct view view, enum packet_kind kind,
							  struct packet *p)
{
	return kind == PACKET_FRAGMENT && !fragment_is_later(p) ? fragment_ports(view, p) : kind;
}

/* False: no host sends such a piece. RFC 3128: one at offset 8 would lie over TCP's flags. */
static __always_inline bool fragment_piece(const struct packet *p, struct piece *ret)
{
	__u32 head = p->l4 - p->l3, len = p->len - head;
	__u32 first = bpf_ntohs(p->fragment) & IP_OFFSET;
	if (len == 0 || first == 1 || head + first * 8 + len > 0xffff ||
	    (fragment_has_more(p) && len % 8 != 0)) {
		return false;
	}
	*ret = (struct piece){.first = (__u16)first, .end = (__u16)(first + (len + 7) / 8)};
	return true;
}

/* Told to the service, which may hold others of this datagram. */
static __always_inline void fragment_tell(const struct nat_tuple4 *key, const struct nat_leg4 *leg,
					  const struct nat_settings *s)
{
	struct scratch *scratch = scratch_get();
	const struct nat_device *device = device_at(leg->way.slot);
	if (scratch == NULL || device == NULL) {
		return;
	}
	struct nat_event *event = &scratch->carried.event;
	carry_begin(event, NAT_EVENT_FRAGMENT_FIRST, leg->way.mtu != 0 ? device->ifindex : 0);
	event->tuple = *key;
	event->answer = (struct nat_tuple4){.src = leg->dst,
					    .dst = leg->src,
					    .dport = leg->sport,
					    .proto = leg->in.proto,
					    .zone = leg->zone};
	event->answer.sport =
		key->src != leg->src ? identity_shuffled(key->sport, key->src, s) : key->sport;
	event->mtu = leg->way.mtu;
	event->flow = leg->zone == NAT_ZONE_GATEWAY;
	if (bpf_ringbuf_output(&events, event, sizeof(*event), 0) != 0) {
		count(NAT_C_EVENTS_LOST);
	}
}

/* What has come early belongs to the datagram as well; true: something had. */
static __always_inline bool fragment_take_early(const struct nat_tuple4 *key,
						const struct nat_settings *s, __u32 now,
						struct pieces *ret)
{
	struct datagram *early = early_get(key, s, now);
	if (early == NULL) {
		return false;
	}
	bpf_spin_lock(&early->lock);
	*ret = early->pieces;
	early->pieces.state = DATAGRAM_NONE;
	bpf_spin_unlock(&early->lock);
	return ret->state != DATAGRAM_NONE;
}

enum joining_way {
	JOIN_FIRST, /* begins its datagram, if it is not known yet */
	JOIN_LATER, /* of one that is known */
	JOIN_EARLY, /* of one whose first piece has not come */
};

enum joining_verdict {
	JOINED,
	JOINED_EARLY,	/* and others had come before */
	JOINED_NOBODYS, /* later: there is no such datagram */
	JOINED_NOT,
};

/* A piece on its way to the others of its datagram. */
struct joining {
	struct nat_tuple4 key;
	struct piece piece;
	__be16 sport, dport; /* first: what it says; later: what the first one said */
	bool more;
};

static __always_inline struct datagram *fragment_place(bool early, const struct nat_tuple4 *key,
						       const struct nat_settings *s, __u32 now)
{
	return early ? datagram_place(&earlies, EARLIES - 1, key, s, now)
		     : datagram_place(&datagrams, DATAGRAMS - 1, key, s, now);
}

/* begin: one that had nothing yet but these. */
static __always_inline enum piece_verdict fragment_add(struct datagram *d, struct joining *j,
						       const struct pieces *begin, __u32 now)
{
	union tuple_words words = {.tuple = j->key};
	struct piece piece = j->piece;
	bool more = j->more;
	__be16 sport = j->sport, dport = j->dport;
	enum piece_verdict verdict = PIECE_DROP;
	bpf_spin_lock(&d->lock);
	if (begin != NULL) {
		d->since = now;
		d->key = words.tuple;
		d->sport = sport;
		d->dport = dport;
		d->pieces = *begin;
	}
	if (tuple_is(&d->key, words.word)) {
		verdict = piece_add(&d->pieces, piece, more);
		sport = d->sport;
		dport = d->dport;
	}
	bpf_spin_unlock(&d->lock);
	j->sport = sport;
	j->dport = dport;
	return verdict;
}

/* Global, as the verifier would read it anew for each kind of piece. */
__noinline int fragment_join(struct joining *j, int way)
{
	const struct nat_settings *s = settings_get();
	struct pieces with = {.state = DATAGRAM_LIVE};
	__u32 now = tick_now();
	bool had = false;
	if (s == NULL || j == NULL) {
		return JOINED_NOT;
	}
	struct nat_tuple4 key = j->key;
	struct datagram *d =
		way == JOIN_EARLY ? early_get(&key, s, now) : datagram_get(&key, s, now);
	bool begins = d == NULL;
	if (begins && way == JOIN_LATER) {
		return JOINED_NOBODYS;
	}
	if (begins && way == JOIN_FIRST) {
		had = fragment_take_early(&key, s, now, &with);
	}
	if (begins) {
		d = fragment_place(way == JOIN_EARLY, &key, s, now);
	}
	if (d == NULL || fragment_add(d, j, begins ? &with : NULL, now) != PIECE_GO) {
		return JOINED_NOT;
	}
	return had ? JOINED_EARLY : JOINED;
}

/* A host's identification becomes one that no other host behind its address has. */
static __always_inline bool fragment_identify(struct __sk_buff *skb, const struct packet *p,
					      const struct nat_leg4 *leg,
					      const struct nat_settings *s)
{
	if (p->tuple.src == leg->src) {
		return true;
	}
	struct view view = view_skb(skb);
	struct iphdr *ip = view.data + (p->l3 & 0xf);
	if ((void *)(ip + 1) > view.end) {
		return false;
	}
	__be16 id = identity_shuffled(ip->id, p->tuple.src, s);
	ip->check = checksum_moved(ip->check, delta_16(ip->id, id));
	ip->id = id;
	return true;
}

/* On its way as any packet of its flow. Who cuts it needs the ports as well. */
static __always_inline int fragment_send(struct __sk_buff *skb, void *calls,
					 const struct nat_device *in, const struct packet *p,
					 struct nat_leg4 *leg, const struct nat_settings *s)
{
	struct note *note = note_get();
	if (note == NULL || !fragment_identify(skb, p, leg, s)) {
		return tc_drop(NAT_C_DROP_FRAGMENT);
	}
	note->sport = p->tuple.sport;
	note->dport = p->tuple.dport;
	return tc_known(skb, calls, in, p, leg);
}

static __always_inline int fragment_first(struct __sk_buff *skb, void *calls,
					  const struct nat_device *in, struct packet *p,
					  struct joining *j)
{
	const struct nat_settings *s = settings_get();
	if (s == NULL || fragment_ports(view_skb(skb), p) != PACKET_FLOW) {
		return tc_drop(NAT_C_DROP_FRAGMENT);
	}
	struct nat_leg4 *leg = leg_of(&p->tuple, s);
	if (leg == NULL || leg->rules_gen != s->rules_gen) {
		bpf_tail_call(skb, calls, NAT_CALL_NEW);
		return tc_drop(NAT_C_DROP_NO_FLOW);
	}
	if (p->ttl <= 1 && leg->zone != NAT_ZONE_GATEWAY) {
		bpf_tail_call(skb, calls, NAT_CALL_TTL);
		return tc_drop(NAT_C_DROP_TTL);
	}
	j->sport = p->tuple.sport;
	j->dport = p->tuple.dport;
	int verdict = fragment_join(j, JOIN_FIRST);
	if (verdict == JOINED_EARLY) {
		fragment_tell(&j->key, leg, s);
	}
	return verdict != JOINED_NOT ? fragment_send(skb, calls, in, p, leg, s)
				     : tc_drop(NAT_C_DROP_FRAGMENT);
}

/* Whether a piece of nobody's datagram may be one at all. */
static __always_inline int fragment_may_wait(const struct nat_device *in, const struct packet *p)
{
	struct nat_source source = source_of(p->tuple.src);
	if (source.zone != in->zone) {
		return source.zone == NAT_ZONE_BOGON ? NAT_C_DROP_BOGON : NAT_C_DROP_SPOOFED;
	}
	return p->ttl <= 1 ? NAT_C_DROP_TTL : OPEN_GO;
}

/* Before its first: the service holds it for a while. */
static __always_inline int fragment_early(struct __sk_buff *skb, const struct nat_device *in,
					  const struct packet *p, struct joining *j)
{
	struct scratch *scratch = scratch_get();
	if (scratch == NULL || fragment_join(j, JOIN_EARLY) == JOINED_NOT ||
	    !carry_may(CARRY_HELD)) {
		return tc_drop(NAT_C_DROP_FRAGMENT);
	}
	carry_begin(&scratch->carried.event, NAT_EVENT_FRAGMENT, in->ifindex);
	scratch->carried.event.tuple = j->key;
	if (!carry_packet(skb, &scratch->carried, p)) {
		return tc_drop(NAT_C_DROP_FRAGMENT);
	}
	count(NAT_C_FRAGMENTS_HELD);
	return TC_ACT_SHOT;
}

static __always_inline int fragment_later(struct __sk_buff *skb, void *calls,
					  const struct nat_device *in, struct packet *p,
					  struct joining *j)
{
	const struct nat_settings *s = settings_get();
	int verdict = s != NULL ? fragment_join(j, JOIN_LATER) : JOINED_NOT;
	if (s == NULL || verdict == JOINED_NOT) {
		return tc_drop(NAT_C_DROP_FRAGMENT);
	}
	if (verdict == JOINED_NOBODYS && owner64_has_datagram(&j->key, j->key.sport)) {
		bpf_tail_call(skb, calls, NAT_CALL_FOUR_TO_SIX);
	}
	if (verdict == JOINED_NOBODYS) {
		/* The machine's stack puts together by itself what hosts inside send to it. */
		__be32 to = p->tuple.dst;
		const struct nat_local *local = bpf_map_lookup_elem(&locals4, &to);
		if ((in->flags & NAT_DEVICE_OUTSIDE) == 0 && local != NULL &&
		    (local->flags & NAT_LOCAL_HERE) != 0) {
			return tc_pass();
		}
		int decision = fragment_may_wait(in, p);
		return decision != OPEN_GO ? tc_drop(decision) : fragment_early(skb, in, p, j);
	}
	p->tuple.sport = j->sport;
	p->tuple.dport = j->dport;
	struct nat_leg4 *leg = leg_of(&p->tuple, s);
	if (leg == NULL || p->ttl <= 1) {
		return tc_drop(leg == NULL ? NAT_C_DROP_NO_FLOW : NAT_C_DROP_TTL);
	}
	return fragment_send(skb, calls, in, p, leg, s);
}

static __always_inline int fragment_in(struct __sk_buff *skb, void *calls,
				       const struct nat_device *in)
{
	struct packet p;
	struct joining j = {};
	if (tc_read(skb, in, in->zone, &p) != PACKET_FRAGMENT || !fragment_piece(&p, &j.piece)) {
		return tc_drop(NAT_C_DROP_FRAGMENT);
	}
	struct view view = view_skb(skb);
	const struct iphdr *ip = view.data + (p.l3 & 0xf);
	if ((void *)(ip + 1) > view.end) {
		return tc_drop(NAT_C_DROP_FRAGMENT);
	}
	j.key = datagram_key(&p, ip->id);
	j.more = fragment_has_more(&p);
	return fragment_is_later(&p) ? fragment_later(skb, calls, in, &p, &j)
				     : fragment_first(skb, calls, in, &p, &j);
}

/* The machine's own, whose source nat_tc_out has looked at: only the first has ports, and of its
 * own address nothing else changes. */
static __always_inline int fragment_out(struct __sk_buff *skb, void *calls,
					const struct nat_device *out, const struct nat_settings *s)
{
	struct packet p;
	if (tc_read(skb, out, NAT_ZONE_GATEWAY, &p) != PACKET_FRAGMENT) {
		return tc_drop(NAT_C_DROP_FRAGMENT);
	}
	if (fragment_is_later(&p)) {
		return TC_ACT_UNSPEC;
	}
	if (fragment_ports(view_skb(skb), &p) != PACKET_FLOW) {
		return tc_drop(NAT_C_DROP_FRAGMENT);
	}
	struct nat_leg4 *leg = leg_of(&p.tuple, s);
	if (leg == NULL || leg->rules_gen != s->rules_gen) {
		bpf_tail_call(skb, calls, NAT_CALL_NEW_OUT);
		return tc_drop(NAT_C_DROP_NO_FLOW);
	}
	return tc_out_known(skb, &p, leg);
}

/* Too big for the note's MTU. Told to the sender, if that is what he wants to know; else the
 * service cuts it. */
static __always_inline int fragment_cut(struct __sk_buff *skb, struct packet *p)
{
	const struct nat_settings *s = settings_get();
	const struct note *note = note_get();
	struct scratch *scratch = scratch_get();
	if (s == NULL || note == NULL || scratch == NULL) {
		return tc_drop(NAT_C_DROP_MTU);
	}
	if (fragment_is_later(p)) {
		p->tuple.sport = note->sport;
		p->tuple.dport = note->dport;
	}
	struct nat_leg4 *leg = leg_of(&p->tuple, s);
	if (leg == NULL || !carry_may(CARRY_CUT)) {
		return tc_drop(NAT_C_DROP_MTU);
	}
	flow_refresh(leg, p, tick_now());
	if (!flow_rewrite_skb(skb, p, leg, true)) {
		return tc_drop(NAT_C_DROP_FORMAT);
	}
	carry_begin(&scratch->carried.event, NAT_EVENT_CUT, note->ifindex);
	scratch->carried.event.mtu = (__u16)note->mtu;
	if (!carry_packet(skb, &scratch->carried, p)) {
		return tc_drop(NAT_C_DROP_MTU);
	}
	count(NAT_C_TRANSLATED);
	return TC_ACT_SHOT;
}

#endif
