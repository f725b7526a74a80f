/* The programs for IPv6, which nat.bpf.c calls for every such packet. What they do is in the other
 * headers whose name ends with 6; NAT64 has its own in programs64.h.
 */
#ifndef NAT_BPF_PROGRAMS6_H
#define NAT_BPF_PROGRAMS6_H

#include "service/nat/bpf/answer6.h"
#include "service/nat/bpf/begin6.h"
#include "service/nat/bpf/judge6.h"
#include "service/nat/bpf/prefix6.h"
#include "service/nat/bpf/sweep6.h"
#include "service/nat/bpf/taken.h"

/* --- reading ---------------------------------------------------------------------------------- */

static __always_inline void work6_begin(struct work6 *w, __u32 ifindex, __u32 l3, __u8 zone)
{
	w->p.l3 = l3;
	w->p.tuple.zone = zone;
	w->ifindex = ifindex;
	w->now = tick_now();
	w->flow = 0;
	w->mapping = 0;
	w->rule = 0;
	w->rejects = 0;
	w->full = 0;
	w->flow_flags = 0;
	w->sumless = 0;
}

static __always_inline enum packet6_kind read6_skb(struct __sk_buff *skb, __u32 l3, __u8 zone,
						   struct work6 *w)
{
	work6_begin(w, skb->ifindex, l3, zone);
	return packet6_read(skb, PACKET6_SKB, skb->len - l3, skb->gso_segs != 0, false, &w->p);
}

/* What w->p says that it belongs to: w->flow and w->side; false: to none that is allowed now. */
static __always_inline bool find6(struct work6 *w)
{
	const struct nat_settings *s = settings_get();
	w->flow = index6_flow(&w->p.tuple, 0);
	const struct nat_flow6 *flow = flow6_get(w->flow);
	if (w->flow == 0 || flow == NULL || s == NULL || flow->life != NAT_LIVE) {
		return false;
	}
	w->side = tuple6_is(&flow->tuple[0], &w->p.tuple) ? 0 : 1;
	return flow->rules_gen == s->rules_gen;
}

static __always_inline __u32 local6(const struct nat_address6 *a)
{
	const __u32 *flags = bpf_map_lookup_elem(&locals6, a);
	return flags != NULL ? *flags : 0;
}

/* To the machine itself, by an address that it has or that every machine has on its links. */
static __always_inline bool is_ours6(const struct nat_address6 *a)
{
	return address6_is_link(a) || address6_is_group(a) || (local6(a) & NAT_LOCAL_HERE) != 0;
}

/* --- sources (RFC 2827) ----------------------------------------------------------------------- */

enum source6 { SOURCE6_GOOD, SOURCE6_LINK, SOURCE6_SPOOFED, SOURCE6_BOGON };

static __always_inline __u8 zone_of6(const struct nat_address6 *a)
{
	struct nat_source_key6 key = {.bits = 128};
	__builtin_memcpy(key.address, a->octets, 16);
	const struct nat_source *source = bpf_map_lookup_elem(&sources6, &key);
	return source != NULL ? source->zone : NAT_ZONE_OUTSIDE;
}

static __always_inline enum source6 source6(const struct packet6 *p)
{
	const struct nat_address6 *a = &p->tuple.src;
	const struct nat_settings6 *s = settings6_get();
	if (address6_is_link(a)) {
		return SOURCE6_LINK;
	}
	if (address6_is_group(a) || address6_is_martian(a)) {
		return SOURCE6_BOGON;
	}
	/* RFC 6146 3.5: a source under NAT64's prefix would make a loop. */
	if (s != NULL && s->nat64_bits != 0 && address6_under(a, &s->nat64, s->nat64_bits)) {
		return SOURCE6_SPOOFED;
	}
	__u8 zone = zone_of6(a);
	if (zone == NAT_ZONE_BOGON) {
		return SOURCE6_BOGON;
	}
	return zone == p->tuple.zone ? SOURCE6_GOOD : SOURCE6_SPOOFED;
}

/* --- in --------------------------------------------------------------------------------------- */

/* Neighbours, routers and groups of a link: to the machine, and never through it (RFC 4890 4.3.3,
 * 4.4.1). */
static __always_inline int link6(const struct packet6 *p)
{
	bool neighbour = p->type >= ICMP6_ROUTER_FIRST && p->type <= ICMP6_NEIGHBOURS_LAST;
	/* RFC 4861 6.1, 7.1: 255 says that no router was passed. */
	if ((neighbour && (p->hops != 255 || p->code != 0)) || !is_ours6(&p->tuple.dst)) {
		return tc_drop(NAT_C_DROP_ICMP);
	}
	return tc_pass();
}

static __always_inline int unread6(enum packet6_kind kind)
{
	switch (kind) {
	case PACKET6_ALIEN: return tc_drop(NAT_C_DROP_PROTOCOL);
	case PACKET6_TINY: return tc_drop(NAT_C_DROP_FRAGMENT);
	default: return tc_drop(NAT_C_DROP_FORMAT);
	}
}

static __always_inline int in6(struct __sk_buff *skb, void *calls)
{
	const struct nat_device *in = device_get(skb->ifindex);
	struct work6 *w = work6_get(WORK6_IN);
	if (in == NULL || w == NULL) {
		return TC_ACT_UNSPEC;
	}
	count(NAT_C_PACKETS);
	enum packet6_kind kind = read6_skb(skb, tc_l3(in), in->zone, w);
	if (kind == PACKET6_LINK) {
		return link6(&w->p);
	}
	if (kind != PACKET6_FLOW && kind != PACKET6_ERROR && kind != PACKET6_FRAGMENT) {
		return unread6(kind);
	}
	switch (source6(&w->p)) {
	case SOURCE6_BOGON: return tc_drop(NAT_C_DROP_BOGON);
	case SOURCE6_SPOOFED: return tc_drop(NAT_C_DROP_SPOOFED);
	case SOURCE6_LINK:
		/* RFC 4291 2.5.6: never forwarded. */
		if (!is_ours6(&w->p.tuple.dst)) {
			return tc_drop(NAT_C_DROP_SPOOFED);
		}
		break;
	default: break;
	}
	if (kind == PACKET6_ERROR) {
		bpf_tail_call(skb, calls, NAT_CALL_ERROR6);
		return tc_drop(NAT_C_DROP_ICMP);
	}
	if (kind == PACKET6_FRAGMENT) {
		bpf_tail_call(skb, calls, NAT_CALL_FRAGMENT6);
		return tc_drop(NAT_C_DROP_FRAGMENT);
	}
	if (find6(w)) {
		return forward6(skb, calls, w);
	}
	bpf_tail_call(skb, calls, NAT_CALL_NEW6);
	return tc_drop(NAT_C_DROP_NO_FLOW);
}

/* --- a new flow ------------------------------------------------------------------------------- */

/* Who may begin: TCP with its SYN, ICMPv6 with a query, all else with anything. */
static __always_inline bool opens6(const struct packet6 *p)
{
	if (p->tuple.proto == IPPROTO_TCP) {
		return tcp_opens(p->tcp_flags);
	}
	return p->tuple.proto != NEXT_ICMP6 || p->type == ICMP6_ECHO;
}

static __always_inline int refuse6(struct __sk_buff *skb, void *calls, const struct work6 *w,
				   enum nat_counter why)
{
	if (w->rejects != 0) {
		bpf_tail_call(skb, calls, NAT_CALL_REJECT6);
	}
	return tc_drop(why);
}

/* What is said to it where a proxy takes, as taken_action4. */
__noinline int taken_action6(const struct nat_tuple6 *tuple)
{
	if (tuple == NULL || !taken_asks(tuple->proto)) {
		return 0;
	}
	struct rule_question q = {0};
	__builtin_memcpy(q.src, tuple->src.words, 16);
	__builtin_memcpy(q.dst, tuple->dst.words, 16);
	q.from = 1u << (tuple->zone & 31);
	q.proto = tuple->proto;
	q.sport = bpf_ntohs(tuple->sport);
	q.dport = bpf_ntohs(tuple->dport);
	return taken_by_rules(&q);
}

static __always_inline bool taken6(const struct nat_tuple6 *tuple)
{
	return tuple->proto == IPPROTO_TCP && taken_action6(tuple) == NAT_ALLOW;
}

/* Whether what w->tuple begins towards w->to in w->zone passes by a proxy. Where its destination is
 * another one than it says, it goes to nobody in the world. */
static __always_inline bool passes_by6(const struct work6 *w)
{
	return w->tuple.proto == IPPROTO_UDP && w->zone == NAT_ZONE_OUTSIDE &&
	       w->tuple.zone != NAT_ZONE_OUTSIDE && w->tuple.zone != NAT_ZONE_GATEWAY &&
	       address6_is(&w->to, &w->tuple.dst) && taken_action6(&w->tuple) == NAT_REJECT;
}

/* Who sends it is told, and whoever was called outside is not. */
static __always_inline int refuse6_quic(struct __sk_buff *skb, void *calls, struct work6 *w)
{
	w->rejects = w->p.tuple.zone != NAT_ZONE_OUTSIDE ? NAT_C_DROP_QUIC : 0;
	return refuse6(skb, calls, w, NAT_C_DROP_QUIC);
}

/* A flow that was allowed by rules that are no more, by those of now: 0, or why it ends. */
static __always_inline int judge6_again(struct work6 *w)
{
	const struct nat_settings *s = settings_get();
	struct nat_flow6 *flow = flow6_get(w->flow);
	if (flow == NULL || s == NULL) {
		return NAT_C_DROP_RULE;
	}
	w->tuple = flow->tuple[0];
	w->to = flow->tuple[1].src;
	w->zone = flow->tuple[1].zone;
	if (w->tuple.proto == NEXT_ICMP6) {
		w->p.type = ICMP6_ECHO;
		w->p.code = 0;
	}
	bool judged = w->tuple.zone != NAT_ZONE_GATEWAY;
	int why = judged && !judge6(w) ? NAT_C_DROP_RULE : passes_by6(w) ? NAT_C_DROP_QUIC : 0;
	if (why != 0) {
		flow->flags |= NAT_FLOW_END;
		return why;
	}
	flow->rule = w->rule;
	flow->rules_gen = s->rules_gen;
	return 0;
}

/* w->answer for w->p as it came in, w->to and w->zone; from: its source as the far side sees it. */
static __always_inline void make_answer6(struct work6 *w, const struct nat_address6 *from)
{
	w->answer.src = w->to;
	w->answer.dst = *from;
	w->answer.sport = w->tuple.dport;
	w->answer.dport = w->tuple.sport;
	w->answer.proto = w->tuple.proto;
	w->answer.zone = w->zone;
	w->answer.pool = 0;
}

/* No flow came to be, and that is counted. RFC 5508 REQ-8: who is refused by a limit is told. */
static __always_inline int refuse6_full(struct __sk_buff *skb, void *calls, const struct work6 *w)
{
	if (w->full != 0 && w->p.tuple.zone != NAT_ZONE_OUTSIDE) {
		bpf_tail_call(skb, calls, NAT_CALL_REJECT6);
	}
	return TC_ACT_SHOT;
}

static __always_inline int begin6(struct __sk_buff *skb, void *calls, struct work6 *w)
{
	w->flow = flow6_begin(w);
	if (w->flow == 0) {
		return refuse6_full(skb, calls, w);
	}
	w->side = 0;
	sweep6_start(false);
	return forward6(skb, calls, w);
}

/* To the machine itself. Inside devices are let in without a flow, by rules where there are some.
 */
static __always_inline int new_ours6(struct __sk_buff *skb, void *calls, struct work6 *w)
{
	const struct nat_device *in = device_get(w->ifindex);
	if (in == NULL) {
		return TC_ACT_UNSPEC;
	}
	bool outside = in->zone == NAT_ZONE_OUTSIDE;
	bool opens = opens6(&w->p);
	if (!outside &&
	    ((in->flags & NAT_DEVICE_JUDGED) == 0 || (!opens && w->p.tuple.proto != NEXT_ICMP6))) {
		return tc_pass();
	}
	w->zone = NAT_ZONE_GATEWAY;
	if (outside && !opens) {
		return tc_drop(NAT_C_DROP_NO_FLOW);
	}
	if (!judge6(w)) {
		return refuse6(skb, calls, w, w->rule != 0 ? NAT_C_DROP_RULE : NAT_C_DROP_UNASKED);
	}
	if (!outside || address6_is_group(&w->p.tuple.dst)) {
		return tc_pass();
	}
	w->flow_flags = NAT_FLOW_GATEWAY;
	make_answer6(w, &w->p.tuple.src);
	return begin6(skb, calls, w);
}

/* The source that leaves by w->zone; false: none may (RFC 4193 4.3, RFC 6296). */
static __always_inline bool leaves6(struct work6 *w, struct nat_address6 *from)
{
	if (w->zone != NAT_ZONE_OUTSIDE || w->tuple.zone == NAT_ZONE_OUTSIDE) {
		return true;
	}
	enum prefix6_way way = prefix6_translate(from, true);
	return way != PREFIX6_REFUSED && !address6_is_private(from);
}

static __always_inline bool is_nat64(const struct work6 *w)
{
	const struct nat_settings6 *s = settings6_get();
	return s != NULL && s->nat64_bits != 0 && w->p.tuple.zone != NAT_ZONE_OUTSIDE &&
	       address6_under(&w->p.tuple.dst, &s->nat64, s->nat64_bits);
}

static __always_inline int new_through6(struct __sk_buff *skb, void *calls, struct work6 *w)
{
	const struct nat_settings6 *s = settings6_get();
	const struct nat_settings *all = settings_get();
	struct nat_address6 from = w->p.tuple.src;
	bool outside = w->p.tuple.zone == NAT_ZONE_OUTSIDE;
	if (s == NULL || all == NULL || (s->flags & NAT_SETTING6_ROUTE) == 0 ||
	    (all->flags & NAT_SETTING_FORWARDING) == 0) {
		return tc_drop(NAT_C_DROP_UNASKED);
	}
	bool opens = opens6(&w->p), taken = !outside && taken6(&w->tuple);
	if (!opens && !taken) {
		return tc_drop(NAT_C_DROP_NO_FLOW);
	}
	enum prefix6_way inward = prefix6_translate(&w->to, false);
	if (inward == PREFIX6_REFUSED) {
		return tc_drop(NAT_C_DROP_UNASKED);
	}
	enum hop_way way = hop6_ask(skb, w);
	if (way != HOP_SEND && way != HOP_NEIGHBOUR) {
		return tc_drop(NAT_C_DROP_NO_ROUTE);
	}
	/* From outside to a private address by its own name: nobody has been told of it. */
	if (outside && (w->zone == NAT_ZONE_OUTSIDE ||
			(inward == PREFIX6_NONE && address6_is_private(&w->to)))) {
		return tc_drop(NAT_C_DROP_UNASKED);
	}
	taken = taken && w->zone == NAT_ZONE_OUTSIDE && inward == PREFIX6_NONE;
	if (!opens) {
		return taken ? tc_pass() : tc_drop(NAT_C_DROP_NO_FLOW);
	}
	if (!judge6(w)) {
		return refuse6(skb, calls, w,
			       w->rule != 0 || !outside ? NAT_C_DROP_RULE : NAT_C_DROP_UNASKED);
	}
	if (taken) {
		return tc_pass();
	}
	if (passes_by6(w)) {
		return refuse6_quic(skb, calls, w);
	}
	/* RFC 6296 2.2, 3.6? Two inside that speak by an outer address: both are translated. */
	if (!outside && inward == PREFIX6_MOVED && w->zone != NAT_ZONE_OUTSIDE) {
		w->flow_flags |= NAT_FLOW_HAIRPIN;
		if (prefix6_translate(&from, true) == PREFIX6_REFUSED) {
			return tc_drop(NAT_C_DROP_LEAK);
		}
	} else if (!leaves6(w, &from)) {
		return tc_drop(NAT_C_DROP_LEAK);
	}
	w->flow_flags |= outside ? NAT_FLOW_FORWARD : 0;
	make_answer6(w, &from);
	return begin6(skb, calls, w);
}

static __always_inline int new6(struct __sk_buff *skb, void *calls)
{
	struct work6 *w = work6_get(WORK6_IN);
	if (w == NULL) {
		return TC_ACT_SHOT;
	}
	if (w->flow != 0) {
		int why = judge6_again(w);
		if (why == NAT_C_DROP_QUIC) {
			return refuse6_quic(skb, calls, w);
		}
		return why == 0 ? forward6(skb, calls, w) : refuse6(skb, calls, w, why);
	}
	w->tuple = w->p.tuple;
	w->to = w->p.tuple.dst;
	if (is_ours6(&w->p.tuple.dst)) {
		return new_ours6(skb, calls, w);
	}
	if (is_nat64(w)) {
		bpf_tail_call(skb, calls, NAT_CALL_SIX_TO_FOUR);
		return tc_drop(NAT_C_DROP_PROTOCOL);
	}
	return new_through6(skb, calls, w);
}

/* --- later fragments -------------------------------------------------------------------------- */

static __always_inline int fragment6(struct __sk_buff *skb, void *calls)
{
	struct work6 *w = work6_get(WORK6_IN);
	const struct nat_settings *s = settings_get();
	if (w == NULL || s == NULL) {
		return TC_ACT_SHOT;
	}
	const struct packet6 *p = &w->p;
	struct fragment6_key key = {
		.src = p->tuple.src, .dst = p->tuple.dst, .id = p->id, .zone = p->tuple.zone};
	const struct fragment6 *note = bpf_map_lookup_elem(&fragments6, &key);
	if (note == NULL) {
		/* The machine puts its own together again. */
		return p->tuple.zone != NAT_ZONE_OUTSIDE && is_ours6(&p->tuple.dst)
			       ? tc_pass()
			       : tc_drop(NAT_C_DROP_FRAGMENT);
	}
	w->flow = note->flow;
	w->side = (__u8)note->side;
	const struct nat_flow6 *flow = flow6_get(w->flow);
	/* RFC 5722: none may lie over what the first one has shown. The flow's number may have
	 * another flow by now, but not for these two. */
	if (w->now - note->seen > s->idle[NAT_IDLE_FRAGMENT] || p->offset < note->first ||
	    flow == NULL || flow->life != NAT_LIVE ||
	    !address6_is(&flow->tuple[w->side & 1].src, &p->tuple.src) ||
	    !address6_is(&flow->tuple[w->side & 1].dst, &p->tuple.dst)) {
		return tc_drop(NAT_C_DROP_FRAGMENT);
	}
	return forward6(skb, calls, w);
}

/* --- errors ----------------------------------------------------------------------------------- */

/* The flow that what is quoted belongs to: as its answers come, where the error comes. */
static __always_inline bool find_quoted6(struct __sk_buff *skb, struct work6 *w, __u32 at)
{
	w->tuple.proto = 0; /* of nobody, unless it can be read */
	w->quoted.l3 = at;
	w->quoted.tuple.zone = w->p.tuple.zone;
	if (skb->len <= at) {
		return false;
	}
	enum packet6_kind kind =
		packet6_read(skb, PACKET6_SKB, skb->len - at, false, true, &w->quoted);
	if (kind != PACKET6_FLOW) {
		return false;
	}
	w->tuple = w->quoted.tuple;
	w->tuple.src = w->quoted.tuple.dst;
	w->tuple.dst = w->quoted.tuple.src;
	w->tuple.sport = w->quoted.tuple.dport;
	w->tuple.dport = w->quoted.tuple.sport;
	w->flow = index6_flow(&w->tuple, 0);
	const struct nat_flow6 *flow = flow6_get(w->flow);
	if (w->flow == 0 || flow == NULL || flow->life != NAT_LIVE) {
		return false;
	}
	w->side = tuple6_is(&flow->tuple[0], &w->tuple) ? 0 : 1;
	return true;
}

/* Moves 16 octets at `at` of an ICMPv6 error; outer: they are of the pseudo header, else quoted. */
static __always_inline bool error6_move(struct __sk_buff *skb, const struct work6 *w, __u32 at,
					const struct nat_address6 *from,
					const struct nat_address6 *to, bool outer)
{
	if (address6_is(from, to)) {
		return true;
	}
	__u16 delta = sum_fold(delta_address6(from, to));
	if (delta != 0 && delta != 0xffff &&
	    bpf_l4_csum_replace(skb, w->p.l4 + 2, 0, delta, outer ? BPF_F_PSEUDO_HDR : 0) != 0) {
		return false;
	}
	return bpf_skb_store_bytes(skb, at, to, 16, outer ? BPF_F_RECOMPUTE_CSUM : 0) == 0;
}

/* Both headers as those to whom it goes know them. */
static __always_inline bool error6_rewrite(struct __sk_buff *skb, struct work6 *w,
					   const struct nat_tuple6 *out)
{
	struct nat_address6 from = w->p.tuple.src;
	__u8 limit = w->p.hops - 1;
	/* Who tells, if inside, is seen as he would be if he sent: never by a private address. */
	if (out->zone == NAT_ZONE_OUTSIDE) {
		if (prefix6_translate(&from, true) == PREFIX6_REFUSED ||
		    address6_is_private(&from)) {
			from = out->dst;
		}
	}
	__u32 quoted = w->quoted.l3;
	return error6_move(skb, w, w->p.l3 + 8, &w->p.tuple.src, &from, true) &&
	       error6_move(skb, w, w->p.l3 + 24, &w->p.tuple.dst, &out->src, true) &&
	       error6_move(skb, w, quoted + 8, &w->quoted.tuple.src, &out->src, false) &&
	       error6_move(skb, w, quoted + 24, &w->quoted.tuple.dst, &out->dst, false) &&
	       bpf_skb_store_bytes(skb, w->p.l3 + 7, &limit, 1, BPF_F_RECOMPUTE_CSUM) == 0;
}

static __always_inline int error6(struct __sk_buff *skb, void *calls)
{
	struct work6 *w = work6_get(WORK6_IN);
	if (w == NULL) {
		return TC_ACT_SHOT;
	}
	if (!find_quoted6(skb, w, w->p.l4 + 8)) {
		/* About what the machine has sent inside, without a flow; or a proxy of it, in the
		 * name of the world. */
		bool inside = w->p.tuple.zone != NAT_ZONE_OUTSIDE;
		bool ours = is_ours6(&w->p.tuple.dst) ||
			    (address6_is(&w->p.tuple.dst, &w->tuple.dst) && taken6(&w->tuple));
		return inside && ours ? tc_pass() : tc_drop(NAT_C_DROP_ICMP);
	}
	const struct nat_flow6 *flow = flow6_get(w->flow);
	if (flow == NULL) {
		return TC_ACT_SHOT;
	}
	int side = w->side & 1;
	const struct nat_tuple6 *out = &flow->tuple[side ^ 1];
	/* It goes to whom the quoted packet names as its sender, or it is forged. */
	if (!address6_is(&w->p.tuple.dst, &w->quoted.tuple.src)) {
		return tc_drop(NAT_C_DROP_ICMP);
	}
	if (out->zone == NAT_ZONE_GATEWAY) {
		return tc_pass();
	}
	if (w->p.hops <= 1) {
		return tc_drop(NAT_C_DROP_TTL); /* RFC 4443 2.4 e: no error about an error */
	}
	if (address6_is_mapped(&out->src)) {
		bpf_tail_call(skb, calls, NAT_CALL_ERROR_SIX_TO_FOUR);
		return tc_drop(NAT_C_DROP_PROTOCOL);
	}
	w->tuple = w->p.tuple;
	w->to = out->src;
	enum hop_way way = hop6_ask(skb, w);
	if ((way != HOP_SEND && way != HOP_NEIGHBOUR) || w->zone != out->zone) {
		return tc_drop(NAT_C_DROP_NO_ROUTE);
	}
	if (!error6_rewrite(skb, w, out)) {
		return tc_drop(NAT_C_DROP_FORMAT);
	}
	return send6(skb, w, way == HOP_NEIGHBOUR, ETH_P_IPV6);
}

/* --- out -------------------------------------------------------------------------------------- */

/* What leaves by an outside device and is not what we have sent on ourselves: the machine's own, or
 * what the kernel would forward behind our back. */
static __always_inline int out6(struct __sk_buff *skb)
{
	const struct nat_device *device = device_get(skb->ifindex);
	struct work6 *w = work6_get(WORK6_OUT);
	if (device == NULL || w == NULL) {
		return TC_ACT_UNSPEC;
	}
	enum packet6_kind kind = read6_skb(skb, tc_l3(device), NAT_ZONE_GATEWAY, w);
	const struct nat_address6 *from = &w->p.tuple.src;
	bool none = (from->halves[0] | from->halves[1]) == 0;
	if (kind == PACKET6_FORMAT || kind == PACKET6_TINY) {
		return tc_drop(NAT_C_DROP_FORMAT);
	}
	/* Of the link: neighbours, routers, groups, DHCPv6. */
	if (none || address6_is_link(from)) {
		return address6_is_link(&w->p.tuple.dst) || address6_is_group(&w->p.tuple.dst)
			       ? tc_pass()
			       : tc_drop(NAT_C_DROP_LEAK);
	}
	__u32 flags = local6(from);
	if ((flags & NAT_LOCAL_HERE) == 0 || (flags & NAT_LOCAL_OUTSIDE) == 0) {
		return tc_drop(NAT_C_DROP_LEAK);
	}
	if (kind != PACKET6_FLOW || address6_is_group(&w->p.tuple.dst)) {
		return tc_pass();
	}
	w->flow = index6_flow(&w->p.tuple, 0);
	struct nat_flow6 *flow = flow6_get(w->flow);
	if (w->flow != 0 && flow != NULL && flow->life == NAT_LIVE) {
		flow6_refresh(flow, &w->p, tuple6_is(&flow->tuple[0], &w->p.tuple) ? 0 : 1, w->now);
		return tc_pass();
	}
	/* Also in the middle of a connection: it is older than we are. */
	if (w->p.tuple.proto == IPPROTO_TCP ? (w->p.tcp_flags & TCP_RST) != 0 : !opens6(&w->p)) {
		return tc_pass();
	}
	w->tuple = w->p.tuple;
	w->to = w->p.tuple.dst;
	w->zone = NAT_ZONE_OUTSIDE;
	w->flow_flags = NAT_FLOW_GATEWAY;
	make_answer6(w, from);
	flow6_begin(w); /* full: its answers are not known, and that was counted */
	sweep6_start(false);
	return tc_pass();
}

#endif
