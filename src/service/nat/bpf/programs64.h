/* NAT64's programs (RFC 6146): from IPv6 to IPv4, and back for the ports that its mappings hold.
 * Knows nothing of IPv4's own flows.
 */
#ifndef NAT_BPF_PROGRAMS64_H
#define NAT_BPF_PROGRAMS64_H

#include "service/nat/bpf/icmp64.h"
#include "service/nat/bpf/mapping6.h"
#include "service/nat/bpf/programs6.h"

/* --- from six to four ------------------------------------------------------------------------- */

/* The IPv4 address that w->p is for. */
static __always_inline bool far64(const struct work6 *w, const struct nat_settings6 *s, __be32 *ret)
{
	const struct nat_address6 *to = &w->p.tuple.dst;
	if (s->nat64_bits < 96 && to->octets[8] != 0) {
		return false; /* RFC 6052 2.2 */
	}
	*ret = nat64_extract(to, s->nat64_bits);
	return (s->flags & NAT_SETTING6_WELL_KNOWN) == 0 || nat64_is_global(*ret);
}

static __always_inline bool proto64(const struct packet6 *p)
{
	return p->tuple.proto == IPPROTO_TCP || p->tuple.proto == IPPROTO_UDP ||
	       (p->tuple.proto == NEXT_ICMP6 && p->fragment_at == 0);
}

/* Leaves the mapping that a flow could not be begun with. */
static __always_inline int begin64(struct __sk_buff *skb, void *calls, struct work6 *w)
{
	w->flow = flow6_begin(w);
	if (w->flow == 0) {
		mapping6_leave(w->mapping);
		return refuse6_full(skb, calls, w);
	}
	w->side = 0;
	sweep6_start(false);
	return forward6(skb, calls, w);
}

/* To another host of IPv6 by its public endpoint (RFC 6146 3.5.4, 4787 REQ-9): IPv6 all the way,
 * both ends rewritten. */
static __always_inline int hairpin64(struct __sk_buff *skb, void *calls, struct work6 *w,
				     __u32 slot)
{
	const struct nat_settings6 *s = settings6_get();
	const __u32 *word =
		port_word(slot, space6_of(w->p.tuple.proto), bpf_ntohs(w->p.tuple.dport));
	if (s == NULL || word == NULL || w->p.tuple.proto == NEXT_ICMP6 || *word >> 30 != 1) {
		return tc_drop(NAT_C_DROP_UNASKED);
	}
	const struct nat_mapping6 *theirs = mapping6_get(*word & ~NAT_PORT_SIX);
	if (theirs == NULL || theirs->life != NAT_LIVE) {
		return tc_drop(NAT_C_DROP_UNASKED);
	}
	w->to = theirs->in.src;
	w->zone = theirs->in.zone;
	if (!judge6(w)) {
		return refuse6(skb, calls, w, NAT_C_DROP_RULE);
	}
	w->mapping = mapping6_get_for(w, (__s32)slot);
	const struct nat_mapping6 *mine = mapping6_get(w->mapping);
	if (w->mapping == 0 || mine == NULL) {
		return refuse6_full(skb, calls, w);
	}
	struct nat_address6 from;
	nat64_embed(&s->nat64, s->nat64_bits, mine->address, &from);
	make_answer6(w, &from);
	w->answer.sport = theirs->in.sport;
	w->answer.dport = mine->port;
	w->flow_flags = NAT_FLOW_HAIRPIN;
	return begin64(skb, calls, w);
}

static __always_inline int new64(struct __sk_buff *skb, void *calls, struct work6 *w)
{
	const struct nat_settings6 *s = settings6_get();
	__be32 far = 0;
	if (s == NULL || !proto64(&w->p)) {
		return tc_drop(NAT_C_DROP_PROTOCOL);
	}
	if (!opens6(&w->p)) {
		return tc_drop(NAT_C_DROP_NO_FLOW);
	}
	if (!far64(w, s, &far)) {
		return tc_drop(NAT_C_DROP_BOGON);
	}
	w->to = address6_map(far);
	const struct nat_local *local = bpf_map_lookup_elem(&locals4, &far);
	if (local != NULL && local->public_slot != NAT_NO_PUBLIC) {
		return hairpin64(skb, calls, w, local->public_slot);
	}
	enum hop_way way = local != NULL ? HOP_STACK : hop6_ask(skb, w);
	const struct nat_device *device = device_get(w->hop.ifindex);
	if ((way != HOP_SEND && way != HOP_NEIGHBOUR) || device == NULL) {
		return tc_drop(NAT_C_DROP_NO_ROUTE);
	}
	if (!judge6(w)) {
		return refuse6(skb, calls, w, NAT_C_DROP_RULE);
	}
	w->mapping = mapping6_get_for(w, public6_slot(device, &w->p.tuple.src));
	const struct nat_mapping6 *mapping = mapping6_get(w->mapping);
	if (w->mapping == 0 || mapping == NULL) {
		return refuse6_full(skb, calls, w);
	}
	struct nat_address6 from = address6_map(mapping->address);
	make_answer6(w, &from);
	w->answer.dport = mapping->port;
	if (w->tuple.proto == NEXT_ICMP6) {
		w->answer.proto = IPPROTO_ICMP;
	}
	return begin64(skb, calls, w);
}

/* Octets of IPv4 on the wire: of each, where it is taken apart later. */
static __always_inline __u32 wire4(const struct __sk_buff *skb, const struct packet6 *p)
{
	return packet6_wire(skb, p) - (p->l4 - p->l3) + HEAD4;
}

static __always_inline int six_to_four(struct __sk_buff *skb, void *calls)
{
	struct work6 *w = work6_get(WORK6_IN);
	if (w == NULL) {
		return TC_ACT_SHOT;
	}
	if (w->flow == 0) {
		return new64(skb, calls, w);
	}
	struct nat_flow6 *flow = flow6_get(w->flow);
	if (flow == NULL || !proto64(&w->p)) {
		return tc_drop(NAT_C_DROP_PROTOCOL);
	}
	if (wire4(skb, &w->p) > w->hop.mtu) {
		w->mtu = (__u32)w->hop.mtu + HEAD6 - HEAD4;
		if (w->mtu < MTU6_LEAST) {
			w->mtu = MTU6_LEAST;
		}
		bpf_tail_call(skb, calls, NAT_CALL_TOO_BIG6);
		return tc_drop(NAT_C_DROP_MTU);
	}
	flow6_refresh(flow, &w->p, w->side & 1, w->now);
	if (!six_to_four_skb(skb, &w->p, &flow->tuple[(w->side & 1) ^ 1])) {
		return tc_drop(NAT_C_DROP_PROTOCOL);
	}
	return send6(skb, w, w->ask != 0, ETH_P_IP);
}

static __always_inline int error_six_to_four(struct __sk_buff *skb)
{
	struct work6 *w = work6_get(WORK6_IN);
	const struct nat_settings6 *s = settings6_get();
	const struct nat_flow6 *flow = w != NULL ? flow6_get(w->flow) : NULL;
	__u32 value = 0;
	if (flow == NULL || s == NULL || bpf_skb_load_bytes(skb, w->p.l4 + 4, &value, 4) != 0) {
		return TC_ACT_SHOT;
	}
	const struct nat_tuple6 *out = &flow->tuple[(w->side & 1) ^ 1];
	struct nat_tuple6 sent = *out;
	w->tuple = w->p.tuple;
	w->to = out->src;
	enum hop_way way = hop6_ask(skb, w);
	if ((way != HOP_SEND && way != HOP_NEIGHBOUR) || w->zone != out->zone) {
		return tc_drop(NAT_C_DROP_NO_ROUTE);
	}
	struct error64 e = {w->p.type, w->p.code, bpf_ntohl(value)};
	if (!error_to_four(&e, w->hop.mtu)) {
		return tc_drop(NAT_C_DROP_ICMP);
	}
	/* RFC 7915 5.1: a router inside that has no address of IPv4 speaks by the public one. */
	__u32 len = error_made_four(skb, w, &e, &sent, out->dst.words[3]);
	if (len == 0 || bpf_skb_change_proto(skb, bpf_htons(ETH_P_IP), 0) != 0 ||
	    !made6_put(skb, w, w->p.l3, len)) {
		return tc_drop(NAT_C_DROP_ICMP);
	}
	return send6(skb, w, way == HOP_NEIGHBOUR, ETH_P_IP);
}

/* --- from four to six ------------------------------------------------------------------------- */

/* The IPv4 packet as far as it is of NAT64; core has judged its header and its source. */
__noinline bool read4(struct __sk_buff *skb, struct work6 *w)
{
	if (w == NULL) {
		return false;
	}
	struct packet6 *p = &w->p;
	struct iphdr ip;
	__u8 l4[14];
	if (bpf_skb_load_bytes(skb, p->l3, &ip, sizeof(ip)) != 0 || ip.version != 4 || ip.ihl < 5) {
		return false;
	}
	__u16 fragment = bpf_ntohs(ip.frag_off);
	p->l4 = p->l3 + ip.ihl * 4;
	p->len = skb->gso_segs != 0 && ip.tot_len == 0 ? skb->len - p->l3 : bpf_ntohs(ip.tot_len);
	p->offset = (fragment & IP_OFFSET) << 3;
	p->more = (fragment & IP_MORE) != 0;
	p->fragment_at = 0;
	p->id = bpf_htonl(bpf_ntohs(ip.id));
	p->hops = ip.ttl;
	p->class = ip.tos;
	p->label = 0;
	p->extended = (fragment & IP_DONT) != 0;
	p->tuple.src = address6_map(ip.saddr);
	p->tuple.dst = address6_map(ip.daddr);
	p->tuple.sport = 0;
	p->tuple.dport = 0;
	p->tuple.proto = ip.protocol;
	p->tuple.pool = 0;
	p->tcp_flags = 0;
	if (p->len > skb->len - p->l3 || p->len < p->l4 - p->l3 + 8) {
		return false;
	}
	if (p->offset != 0) {
		return true;
	}
	if (bpf_skb_load_bytes(skb, p->l4, l4, ip.protocol == IPPROTO_TCP ? 14 : 8) != 0) {
		return false;
	}
	const __be16 *port = (const __be16 *)l4;
	p->head = ip.protocol == IPPROTO_TCP ? (l4[12] >> 4) * 4 : 8;
	if (ip.protocol == IPPROTO_ICMP) {
		p->type = l4[0];
		p->code = l4[1];
		p->tuple.sport = l4[0] == ICMP_ECHO ? port[2] : 0;
		p->tuple.dport = l4[0] == ICMP_ECHO ? 0 : port[2];
		return l4[0] == ICMP_ECHO || l4[0] == ICMP_ECHOREPLY;
	}
	p->tuple.sport = port[0];
	p->tuple.dport = port[1];
	p->tcp_flags = ip.protocol == IPPROTO_TCP ? l4[13] : 0;
	w->sumless = ip.protocol == IPPROTO_UDP && port[3] == 0;
	return ip.protocol == IPPROTO_TCP || ip.protocol == IPPROTO_UDP;
}

/* Somebody of IPv4 begins: only by a mapping that is open to all (RFC 6146 3.5.1.2). */
static __always_inline int opened64(struct work6 *w)
{
	const struct nat_settings6 *s = settings6_get();
	__be32 public = w->p.tuple.dst.words[3];
	const struct nat_local *local = bpf_map_lookup_elem(&locals4, &public);
	if (s == NULL || local == NULL || local->public_slot >= NAT_PUBLICS ||
	    w->p.tuple.proto == IPPROTO_ICMP || s->nat64_bits == 0) {
		return tc_drop(NAT_C_DROP_UNASKED);
	}
	const __u32 *word = port_word(local->public_slot, space6_of(w->p.tuple.proto),
				      bpf_ntohs(w->p.tuple.dport));
	if (word == NULL || *word >> 30 != 1) {
		return tc_drop(NAT_C_DROP_UNASKED);
	}
	struct nat_mapping6 *mapping = mapping6_get(*word & ~NAT_PORT_SIX);
	if (mapping == NULL || (mapping->flags & NAT_MAPPING_OPEN) == 0 || !opens6(&w->p)) {
		return tc_drop(NAT_C_DROP_FILTERED);
	}
	if (!mapping6_hold(mapping)) {
		return tc_drop(NAT_C_DROP_UNASKED);
	}
	w->mapping = *word & ~NAT_PORT_SIX;
	w->tuple = w->p.tuple;
	w->answer = mapping->in;
	w->answer.pool = 0;
	nat64_embed(&s->nat64, s->nat64_bits, w->p.tuple.src.words[3], &w->answer.dst);
	w->answer.dport = w->p.tuple.sport;
	w->flow_flags = NAT_FLOW_FORWARD;
	w->flow = flow6_begin(w);
	if (w->flow == 0) {
		mapping6_leave(w->mapping);
		return TC_ACT_SHOT;
	}
	w->side = 0;
	sweep6_start(false);
	return TC_ACT_OK;
}

static __always_inline bool find_fragment64(struct work6 *w)
{
	const struct nat_settings *s = settings_get();
	const struct packet6 *p = &w->p;
	struct fragment6_key key = {
		.src = p->tuple.src, .dst = p->tuple.dst, .id = p->id, .zone = p->tuple.zone};
	const struct fragment6 *note = bpf_map_lookup_elem(&fragments6, &key);
	if (note == NULL || s == NULL) {
		return false;
	}
	w->flow = note->flow;
	w->side = (__u8)note->side;
	const struct nat_flow6 *flow = flow6_get(w->flow);
	return w->now - note->seen <= s->idle[NAT_IDLE_FRAGMENT] && p->offset >= note->first &&
	       flow != NULL && flow->life == NAT_LIVE &&
	       address6_is(&flow->tuple[w->side & 1].src, &p->tuple.src) &&
	       address6_is(&flow->tuple[w->side & 1].dst, &p->tuple.dst);
}

/* RFC 7915 4.4: tells the sender what fits, by the address that it has sent to. */
static __always_inline int too_big64(struct __sk_buff *skb, struct work6 *w, __u32 mtu)
{
	struct iphdr *ip = (struct iphdr *)w->made;
	struct icmp_head6 *icmp = (struct icmp_head6 *)(ip + 1);
	count(NAT_C_DROP_MTU);
	if (w->p.offset != 0 || !answer6_may()) {
		return TC_ACT_SHOT;
	}
	__u32 n = made6_copy(skb, w, w->p.l3, HEAD4 + 8, 576 - HEAD4 - 8);
	if (n == 0) {
		return TC_ACT_SHOT;
	}
	head4_make(ip, HEAD4 + 8 + n, IPPROTO_ICMP, w->p.tuple.dst.words[3],
		   w->p.tuple.src.words[3]);
	ip->check = ~sum_fold(ip_sum(ip));
	*icmp = (struct icmp_head6){.type = ICMP_DEST_UNREACH, .code = 4};
	icmp->value = bpf_htonl(mtu);
	icmp->checksum = ~sum_fold(made6_sum(w, HEAD4, 8 + n));
	count(NAT_C_MTU_ANSWERED);
	return made6_put(skb, w, w->p.l3, HEAD4 + 8 + n) ? answer6_send(skb, w) : TC_ACT_SHOT;
}

__noinline int deliver64(struct __sk_buff *skb, struct work6 *w)
{
	if (w == NULL) {
		return TC_ACT_SHOT;
	}
	struct nat_flow6 *flow = flow6_get(w->flow);
	if (flow == NULL) {
		return tc_drop(NAT_C_DROP_NO_FLOW);
	}
	int side = w->side & 1;
	const struct nat_tuple6 *out = &flow->tuple[side ^ 1];
	if (w->p.hops <= 1 || address6_is_mapped(&out->src)) {
		return tc_drop(NAT_C_DROP_TTL);
	}
	enum hop_way way = flow6_hop(skb, w, flow);
	if (way != HOP_SEND && way != HOP_NEIGHBOUR) {
		return tc_drop(NAT_C_DROP_NO_ROUTE);
	}
	bool cut = w->p.more != 0 || w->p.offset != 0;
	/* A segment of GSO gets smaller by what its header grows. */
	__u32 grows = skb->gso_size != 0 ? 0 : HEAD6 - HEAD4 + (cut ? FRAGMENT_HEAD6 : 0);
	if (wire4(skb, &w->p) + grows > w->hop.mtu) {
		return too_big64(skb, w, w->hop.mtu - (HEAD6 - HEAD4));
	}
	if (w->p.more != 0 && w->p.offset == 0) {
		fragment6_note(w, w->flow);
	}
	flow6_refresh(flow, &w->p, side, w->now);
	if (w->sumless != 0 && (cut || !udp64_sum(skb, w))) {
		return tc_drop(NAT_C_DROP_CHECKSUM); /* RFC 7915 4.5: nobody has all of it */
	}
	if (!four_to_six_skb(skb, w, out)) {
		return tc_drop(NAT_C_DROP_PROTOCOL);
	}
	return send6(skb, w, way == HOP_NEIGHBOUR, ETH_P_IPV6);
}

static __always_inline int four_to_six(struct __sk_buff *skb)
{
	struct work6 *w = work6_get(WORK6_IN);
	const struct nat_device *in = device_get(skb->ifindex);
	if (w == NULL || in == NULL) {
		return TC_ACT_SHOT;
	}
	work6_begin(w, in->ifindex, tc_l3(in), in->zone);
	if (!read4(skb, w)) {
		return tc_drop(NAT_C_DROP_FORMAT);
	}
	if (w->p.offset != 0) {
		return find_fragment64(w) ? deliver64(skb, w) : tc_drop(NAT_C_DROP_FRAGMENT);
	}
	w->flow = index6_flow(&w->p.tuple, 0);
	const struct nat_flow6 *flow = flow6_get(w->flow);
	if (w->flow != 0 && flow != NULL && flow->life == NAT_LIVE) {
		w->side = tuple6_is(&flow->tuple[0], &w->p.tuple) ? 0 : 1;
		return deliver64(skb, w);
	}
	int opened = opened64(w);
	return opened == TC_ACT_OK ? deliver64(skb, w) : opened;
}

/* What an ICMP error quotes: w->tuple, as its answers come. */
static __always_inline bool quoted4(struct __sk_buff *skb, struct work6 *w, struct iphdr *q,
				    __u32 *ret_l4)
{
	__u32 at = w->p.l4 + 8;
	struct icmp_head6 l4;
	if (bpf_skb_load_bytes(skb, at, q, sizeof(*q)) != 0 || q->version != 4 || q->ihl < 5) {
		return false;
	}
	*ret_l4 = at + q->ihl * 4;
	if ((q->frag_off & bpf_htons(IP_OFFSET)) != 0 ||
	    bpf_skb_load_bytes(skb, *ret_l4, &l4, sizeof(l4)) != 0) {
		return false;
	}
	const __be16 *port = (const __be16 *)&l4;
	w->tuple.src = address6_map(q->daddr);
	w->tuple.dst = address6_map(q->saddr);
	w->tuple.sport = port[1];
	w->tuple.dport = port[0];
	w->tuple.proto = q->protocol;
	w->tuple.zone = w->p.tuple.zone;
	w->tuple.pool = 0;
	if (q->protocol == IPPROTO_ICMP) {
		w->tuple.sport = l4.type == ICMP_ECHO ? 0 : l4.id;
		w->tuple.dport = l4.type == ICMP_ECHO ? l4.id : 0;
		return l4.type == ICMP_ECHO || l4.type == ICMP_ECHOREPLY;
	}
	return true;
}

static __always_inline int error_four_to_six(struct __sk_buff *skb)
{
	struct work6 *w = work6_get(WORK6_IN);
	const struct nat_device *in = device_get(skb->ifindex);
	const struct nat_settings6 *s = settings6_get();
	struct iphdr q;
	__u32 at = 0, value = 0;
	if (w == NULL || in == NULL || s == NULL) {
		return TC_ACT_SHOT;
	}
	work6_begin(w, in->ifindex, tc_l3(in), in->zone);
	(void)read4(skb, w); /* an error is no query: only the header counts */
	if (!quoted4(skb, w, &q, &at) || w->p.hops <= 1) {
		return tc_drop(NAT_C_DROP_ICMP);
	}
	w->flow = index6_flow(&w->tuple, 0);
	const struct nat_flow6 *flow = flow6_get(w->flow);
	if (w->flow == 0 || flow == NULL || flow->life != NAT_LIVE ||
	    w->p.tuple.dst.words[3] != q.saddr) {
		return tc_drop(NAT_C_DROP_ICMP);
	}
	const struct nat_tuple6 *out = &flow->tuple[tuple6_is(&flow->tuple[0], &w->tuple) ? 1 : 0];
	struct nat_tuple6 sent = *out;
	w->to = out->src;
	nat64_embed(&s->nat64, s->nat64_bits, w->p.tuple.src.words[3], &w->answer.src);
	w->tuple.src = w->answer.src;
	enum hop_way way = hop6_ask(skb, w);
	if ((way != HOP_SEND && way != HOP_NEIGHBOUR) || w->zone != out->zone) {
		return tc_drop(NAT_C_DROP_NO_ROUTE);
	}
	bpf_skb_load_bytes(skb, w->p.l4 + 4, &value, 4);
	struct error64 e = {w->p.type, w->p.code, bpf_ntohl(value)};
	if (e.type == ICMP_DEST_UNREACH) {
		e.value &= 0xffff;
	}
	__u32 len = error_to_six(&e, w->hop.mtu) ? error_made_six(skb, w, &e, &sent, at, &q) : 0;
	if (len == 0 || bpf_skb_change_proto(skb, bpf_htons(ETH_P_IPV6), 0) != 0 ||
	    !made6_put(skb, w, w->p.l3, len)) {
		return tc_drop(NAT_C_DROP_ICMP);
	}
	return send6(skb, w, way == HOP_NEIGHBOUR, ETH_P_IPV6);
}

#endif
