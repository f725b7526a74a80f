/* What becomes of a packet that comes in and belongs to no flow: the order of decisions of
 * doc/design/nat.md. Knows nothing of how it is then sent.
 */
#ifndef NAT_BPF_DECIDE_H
#define NAT_BPF_DECIDE_H

#include "service/nat/bpf/foresee.h"
#include "service/nat/bpf/mapping.h"
#include "service/nat/bpf/owner64.h"
#include "service/nat/bpf/rule.h"
#include "service/nat/bpf/taken.h"

/* --- 1. does its source belong where it came in (RFC 2827) --- */

static __always_inline struct nat_source source_of(__be32 address)
{
	struct nat_source_key4 key = {.bits = 32, .address = address};
	const struct nat_source *found = bpf_map_lookup_elem(&sources4, &key);
	return found != NULL ? *found : (struct nat_source){.zone = NAT_ZONE_OUTSIDE};
}

static __always_inline int decide_source(const struct opening *o, struct nat_source source)
{
	if (source.zone == o->tuple[0].zone) {
		return OPEN_GO;
	}
	return source.zone == NAT_ZONE_BOGON ? NAT_C_DROP_BOGON : NAT_C_DROP_SPOOFED;
}

/* --- rules --- */

static __always_inline void question_of(struct rule_question *q, const struct opening *o, __u8 to)
{
	__builtin_memset(q, 0, sizeof(*q));
	q->src[2] = q->dst[2] = bpf_htonl(0xffff);
	q->src[3] = o->tuple[0].src;
	q->dst[3] = o->tuple[1].src;
	q->from = 1u << (o->tuple[0].zone & 31);
	q->to = 1u << (to & 31);
	q->proto = o->tuple[0].proto;
	q->sport = bpf_ntohs(o->tuple[0].sport);
	q->dport = bpf_ntohs(o->tuple[1].sport);
	if (q->proto == IPPROTO_ICMP) {
		q->dport = (__u16)(o->icmp_type << 8 | o->icmp_code);
	}
}

/* The rules from `first` on; otherwise: what is decided when none matches. */
__noinline int decide_rules_at(struct opening *o, __u32 to, __u32 first, __u32 n)
{
	if (o == NULL) {
		return NAT_DROP;
	}
	struct rule_question q;
	question_of(&q, o, (__u8)to);
	q.first = first;
	rule_walk(&q, n);
	o->rule = q.rule;
	o->log = q.log;
	return q.action;
}

static __always_inline int decision_of(int action, int otherwise)
{
	switch (action) {
	case 0: return otherwise;
	case NAT_ALLOW: return OPEN_GO;
	case NAT_REJECT: return OPEN_REJECT;
	default: return NAT_C_DROP_RULE;
	}
}

static __always_inline int decide_rules(struct opening *o, __u8 to, int otherwise)
{
	const struct nat_settings *s = settings_get();
	if (s == NULL) {
		return NAT_C_DROP_RULE;
	}
	o->tuple[1].zone = to;
	const struct nat_set *set = &s->sets[s->set & 1];
	return decision_of(set->rules_n != 0 ? decide_rules_at(o, to, set->rule_first, set->rules_n)
					     : 0,
			   otherwise);
}

/* From inside to another zone: where no rule says anything it is shut, so that guests reach nobody
 * by default, nor while the rules are not there yet. */
static __always_inline int decide_between(struct opening *o, __u8 to)
{
	return decide_rules(o, to, NAT_C_DROP_RULE);
}

/* --- 2. to the machine itself --- */

/* Its own connections are known by flows (nat_tc_out), so what arrives here is new. One that was
 * there before us is taken up from the middle, as nothing of it is translated. From inside there
 * are no flows, and rules only where its device says so. */
static __always_inline int decide_machine(struct opening *o)
{
	if (opening_inside(o)) {
		const struct nat_device *in = device_get(o->q.ifindex);
		if (!o->begins || in == NULL || (in->flags & NAT_DEVICE_JUDGED) == 0) {
			return OPEN_PASS;
		}
		int decision = decide_rules(o, NAT_ZONE_GATEWAY, NAT_C_DROP_RULE);
		return decision == OPEN_GO ? OPEN_PASS : decision;
	}
	o->flags |= NAT_FLOW_GATEWAY;
	return decide_rules(o, NAT_ZONE_GATEWAY, NAT_C_DROP_UNASKED);
}

/* --- 3. to a public address --- */

static __always_inline void forward_to(struct opening *o, const struct nat_forward4 *forward)
{
	__u16 port = bpf_ntohs(o->tuple[0].dport);
	o->tuple[1].src = forward->to;
	if (forward->to_first != 0) {
		port = (__u16)(port - forward->first + bpf_ntohs(forward->to_first));
	}
	o->tuple[1].sport = bpf_htons(port);
	o->tuple[1].zone = forward->zone;
	o->flags |= NAT_FLOW_FORWARD;
	o->kind = OPENING_FORWARD;
}

static __always_inline void mapping_to(struct opening *o, const struct nat_mapping4 *mapping)
{
	o->tuple[1].src = mapping->in.src;
	o->tuple[1].sport = mapping->in.sport;
	o->tuple[1].zone = mapping->in.zone;
	o->flags |= NAT_FLOW_FORWARD;
	o->kind = OPENING_MAPPED;
}

static __always_inline int decide_port(struct opening *o, __u32 whose)
{
	if ((whose & NAT_PORT_FORWARD) != 0) {
		o->number = whose & ~NAT_PORT_FORWARD;
		const struct nat_forward4 *forward = forward_get(o->number);
		if (forward == NULL || forward->to == 0) {
			return NAT_C_DROP_UNASKED;
		}
		forward_to(o, forward);
		return o->begins ? OPEN_GO : NAT_C_DROP_NO_FLOW;
	}
	const struct nat_mapping4 *mapping = mapping_get(whose);
	o->number = whose;
	if (mapping == NULL || mapping->life != NAT_LIVE || mapping->address != o->tuple[0].dst) {
		return NAT_C_DROP_NO_FLOW;
	}
	if ((mapping->flags & NAT_MAPPING_SELF) != 0) {
		o->tuple[1].sport = mapping->in.sport;
		o->kind = OPENING_MACHINE;
		return OPEN_GO;
	}
	mapping_to(o, mapping);
	return o->begins ? OPEN_GO : NAT_C_DROP_NO_FLOW;
}

/* Whether it may be seen outside. */
static __always_inline bool local_is_public(const struct nat_local *local)
{
	return local->public_slot != NAT_NO_PUBLIC || (local->flags & NAT_LOCAL_OUTSIDE) != 0;
}

static __always_inline int decide_local(struct opening *o, const struct nat_local *local)
{
	/* Its answer would be a private source outside. */
	if (!opening_inside(o) && !local_is_public(local)) {
		return NAT_C_DROP_UNASKED;
	}
	__u32 space = space_of(o->tuple[0].proto);
	__u32 whose = NAT_PORT_FREE;
	/* A query of ICMP asks for the machine; an answer without a flow for nobody. */
	if (local->public_slot != NAT_NO_PUBLIC && space != NAT_SPACES &&
	    (space != NAT_SPACE_ICMP || !o->begins)) {
		o->slot = local->public_slot;
		const __u32 *word =
			port_word(local->public_slot, space, bpf_ntohs(o->tuple[0].dport));
		whose = word != NULL ? *word : NAT_PORT_FREE;
	}
	if (word_is_six(whose)) {
		return OPEN_SIX;
	}
	if (whose != NAT_PORT_FREE && whose != NAT_PORT_GATEWAY) {
		return decide_port(o, whose);
	}
	o->kind = OPENING_MACHINE;
	return (local->flags & NAT_LOCAL_HERE) != 0 ? OPEN_GO : NAT_C_DROP_UNASKED;
}

/* --- whom its source becomes --- */

/* A host's own traffic from a port to which a forward leads leaves by the forward's port. */
struct forward_search {
	struct opening *o;
	__u32 slot, space, first;
	bool found;
};

static long forward_try(__u32 i, struct forward_search *search)
{
	__u32 number = search->first + i;
	const struct nat_forward4 *f = forward_get(number);
	struct opening *o = search->o;
	if (f == NULL) {
		return 1;
	}
	if (f->to != o->tuple[0].src || f->space != search->space || f->zone != o->tuple[0].zone) {
		return 0;
	}
	__u32 first = f->to_first != 0 ? bpf_ntohs(f->to_first) : f->first;
	__u32 port = bpf_ntohs(o->tuple[0].sport) - first + f->first;
	if (port < f->first || port > f->last) {
		return 0;
	}
	const __u32 *word = port_word(search->slot, search->space, (__u16)port);
	if (word == NULL || *word != (NAT_PORT_FORWARD | number)) {
		return 0;
	}
	o->tuple[1].dport = bpf_htons((__u16)port);
	search->found = true;
	return 1;
}

static __always_inline bool decide_forward_back(struct opening *o, __u32 slot)
{
	const struct nat_settings *s = settings_get();
	struct forward_search search = {.o = o, .slot = slot, .space = space_of(o->tuple[0].proto)};
	if (s == NULL || search.space > NAT_SPACE_UDP) {
		return false;
	}
	const struct nat_set *set = &s->sets[s->set & 1];
	__u32 n = set->forwards_n;
	search.first = set->forward_first;
	bpf_loop(n < NAT_SET_FORWARDS ? n : NAT_SET_FORWARDS, forward_try, &search, 0);
	return search.found;
}

/* Who leaves by the uplink `out` becomes somebody public. */
static __always_inline int decide_public(struct opening *o, struct nat_host *host,
					 const struct nat_device *out)
{
	bool ports = space_of(o->tuple[0].proto) != NAT_SPACES;
	if (ports && (host->flags & NAT_HOST_FORWARDED) == 0) {
		return mapping_take(o, host, out, NAT_NO_PUBLIC);
	}
	__u32 slot = public_of(host, out, o->tuple[0].src);
	const struct nat_public *public = bpf_map_lookup_elem(&publics, &slot);
	if (public == NULL || public->address == 0) {
		return NAT_C_DROP_NO_PORT;
	}
	if (ports && !decide_forward_back(o, slot)) {
		return mapping_take(o, host, out, NAT_NO_PUBLIC);
	}
	o->tuple[1].dst = public->address;
	return OPEN_GO;
}

/* Hairpin: the source too becomes a public one, of the uplink whose address was called. */
static __always_inline int decide_hairpin_source(struct opening *o)
{
	__u32 at = o->slot;
	const struct nat_public *public = bpf_map_lookup_elem(&publics, &at);
	const struct nat_device *uplink = public != NULL ? device_get(public->ifindex) : NULL;
	if (uplink == NULL || space_of(o->tuple[0].proto) == NAT_SPACES) {
		return NAT_C_DROP_NO_PORT;
	}
	struct nat_host *host = host_of4(o->tuple[0].src);
	return host != NULL ? decide_public(o, host, uplink) : NAT_C_DROP_HOST_FULL;
}

static __always_inline bool peer_is(const struct nat_peer4 *peer, const struct nat_tuple4 *from)
{
	return peer->used != 0 && ((peer->address ^ from->src) & peer->mask) == 0 &&
	       (peer->port == 0 || peer->port == from->sport);
}

/* Whether the mapping is for that far end. */
static __always_inline bool mapping_is_for(const struct nat_mapping4 *mapping,
					   const struct nat_tuple4 *from)
{
	__u32 number = mapping->filter;
	if (number == 0) {
		return true;
	}
	const struct nat_filter4 *filter = bpf_map_lookup_elem(&filters4, &number);
	bool is = false;
	for (__u32 i = 0; filter != NULL && i < NAT_FILTER_PEERS; i++) {
		is = is || peer_is(&filter->peer[i], from);
	}
	return is;
}

/* To a mapping. From inside (RFC 4787 REQ-9, RFC 5382 REQ-8) may who may talk to that host anyway.
 */
static __always_inline int decide_mapped(struct opening *o)
{
	struct nat_mapping4 *mapping = mapping_get(o->number);
	if (mapping == NULL || mapping->life != NAT_LIVE) {
		return NAT_C_DROP_NO_FLOW;
	}
	bool inside = opening_inside(o);
	if ((!inside && !mapping_is_open(mapping)) || !mapping_is_for(mapping, &o->tuple[0])) {
		return NAT_C_DROP_FILTERED;
	}
	int decision = inside ? decide_between(o, o->tuple[1].zone)
			      : decide_rules(o, o->tuple[1].zone, OPEN_GO);
	if (decision != OPEN_GO) {
		return decision;
	}
	if (inside) {
		o->flags = NAT_FLOW_HAIRPIN;
		o->host = o->tuple[0].src;
		return decide_hairpin_source(o);
	}
	o->host = o->tuple[1].src;
	if (!mapping_hold(mapping)) {
		return NAT_C_RACE;
	}
	o->mapping = o->number;
	return OPEN_GO;
}

/* The administrator's rules first, so that whom they refuse no forward lets in; then its own. */
static __always_inline int decide_forward_rules(struct opening *o,
						const struct nat_forward4 *forward)
{
	const struct nat_settings *s = settings_get();
	const struct nat_set *set = s != NULL ? &s->sets[s->set & 1] : NULL;
	int action = set != NULL && set->rules_own != 0
			     ? decide_rules_at(o, forward->zone, set->rule_first, set->rules_own)
			     : 0;
	if (action == 0 && forward->rules_n != 0) {
		action = decide_rules_at(o, forward->zone, forward->rule, forward->rules_n);
		return decision_of(action, NAT_C_DROP_RULE);
	}
	return decision_of(action, OPEN_GO);
}

/* By a forward. The source is rewritten only where the answer would else not come back this way:
 * when both are on one network. */
static __always_inline int decide_forward(struct opening *o)
{
	const struct nat_forward4 *forward = forward_get(o->number);
	if (forward == NULL) {
		return NAT_C_DROP_UNASKED;
	}
	int decision = decide_forward_rules(o, forward);
	if (decision != OPEN_GO) {
		return decision;
	}
	o->host = o->tuple[1].src;
	if (!opening_inside(o)) {
		return OPEN_GO;
	}
	o->host = o->tuple[0].src;
	o->flags |= NAT_FLOW_HAIRPIN;
	return o->q.hop.ifindex == o->q.ifindex ? decide_hairpin_source(o) : OPEN_GO;
}

/* --- 4. to the world, or another zone --- */

/* It leaves by an outside device and becomes somebody public. */
static __always_inline int decide_translate(struct opening *o)
{
	const struct nat_device *out = device_get(o->q.hop.ifindex);
	if (out == NULL) {
		return NAT_C_DROP_NO_ROUTE;
	}
	if (o->alien) {
		return NAT_C_DROP_PROTOCOL;
	}
	foresee(o, out);
	struct nat_host *host = host_of4(o->tuple[0].src);
	if (host == NULL) {
		return NAT_C_DROP_HOST_FULL;
	}
	return decide_public(o, host, out);
}

/* To whom nobody is translated (RFC 6888 REQ-6): it leaves as it is, by a flow, which is what the
 * guard lets out. */
static __always_inline bool decide_plain(struct opening *o)
{
	const struct nat_settings *s = settings_get();
	const struct nat_set *set = s != NULL ? &s->sets[s->set & 1] : NULL;
	if (set == NULL || set->plain_n == 0) {
		return false;
	}
	__u16 rule = o->rule;
	bool log = o->log;
	int action =
		decide_rules_at(o, NAT_ZONE_OUTSIDE, set->rule_first + set->rules_n, set->plain_n);
	o->rule = rule;
	o->log = log;
	return action == NAT_ALLOW;
}

/* From outside: only to networks that are known to the world, and if a rule says so. */
static __always_inline int decide_inward(struct opening *o)
{
	struct nat_source to = source_of(o->tuple[0].dst);
	if (o->way != HOP_SEND && o->way != HOP_NEIGHBOUR) {
		return NAT_C_DROP_UNASKED;
	}
	if (o->q.zone == NAT_ZONE_OUTSIDE || (to.flags & NAT_SOURCE_ROUTED) == 0) {
		return NAT_C_DROP_UNASKED;
	}
	return o->begins ? decide_rules(o, o->q.zone, NAT_C_DROP_UNASKED) : NAT_C_DROP_NO_FLOW;
}

static __always_inline int decide_routed(struct opening *o)
{
	if (!opening_inside(o)) {
		return decide_inward(o);
	}
	if (o->way == HOP_STACK) {
		return OPEN_PASS;
	}
	if (o->way == HOP_NOWHERE) {
		return NAT_C_DROP_NO_ROUTE;
	}
	/* A proxy's has no flow, as nothing that goes to the machine itself from inside has. */
	bool taken = o->q.zone == NAT_ZONE_OUTSIDE && taken4(&o->tuple[0]);
	if (!o->begins) {
		return taken ? OPEN_PASS : NAT_C_DROP_NO_FLOW;
	}
	o->host = o->tuple[0].src;
	int decision = decide_between(o, o->q.zone);
	if (decision == OPEN_GO && taken) {
		return OPEN_PASS;
	}
	if (decision == OPEN_GO && o->q.zone == NAT_ZONE_OUTSIDE && passes_by4(&o->tuple[0])) {
		return NAT_C_DROP_QUIC;
	}
	if (decision != OPEN_GO || o->q.zone != NAT_ZONE_OUTSIDE || o->routed) {
		return decision;
	}
	return decide_plain(o) ? OPEN_GO : decide_translate(o);
}

/* A DHCP answer: whoever waits for it has no flow, and perhaps no address yet. */
static __always_inline bool decide_is_dhcp(const struct opening *o)
{
	return o->tuple[0].proto == IPPROTO_UDP && o->tuple[0].sport == bpf_htons(67) &&
	       o->tuple[0].dport == bpf_htons(68);
}

/* Whether its source is right, and where it goes: before the way there is known. */
__noinline int decide_where(struct opening *o)
{
	if (o == NULL) {
		return NAT_C_DROP_FORMAT;
	}
	struct nat_source source = source_of(o->tuple[0].src);
	o->routed = (source.flags & NAT_SOURCE_ROUTED) != 0;
	int decision = decide_source(o, source);
	if (decision != OPEN_GO) {
		return decision;
	}
	if (o->group) {
		o->kind = OPENING_MACHINE;
		return decide_is_dhcp(o) ? OPEN_PASS : OPEN_GO;
	}
	__be32 dst = o->tuple[0].dst;
	const struct nat_local *local = bpf_map_lookup_elem(&locals4, &dst);
	if (local != NULL) {
		return decide_local(o, local);
	}
	return o->alien && o->tuple[0].proto == IPPROTO_ICMP ? NAT_C_DROP_PROTOCOL : OPEN_GO;
}

/* Whether it may, and what becomes of its source. */
__noinline int decide_whether(struct opening *o)
{
	if (o == NULL) {
		return NAT_C_DROP_FORMAT;
	}
	if (o->kind == OPENING_MACHINE) {
		return decide_machine(o);
	}
	const struct nat_settings *s = settings_get();
	if (s == NULL || (s->flags & NAT_SETTING_FORWARDING) == 0) {
		return NAT_C_DROP_NO_ROUTE;
	}
	if (o->kind == OPENING_ROUTED) {
		return decide_routed(o);
	}
	/* To the network where that host is, and to no other that has its address. */
	if (o->way == HOP_NOWHERE || o->way == HOP_STACK || o->q.zone != o->tuple[1].zone) {
		return NAT_C_DROP_NO_ROUTE;
	}
	return o->kind == OPENING_FORWARD ? decide_forward(o) : decide_mapped(o);
}

static __always_inline int decide(void *packet, struct opening *o)
{
	int decision = decide_where(o);
	if (decision != OPEN_GO) {
		return decision;
	}
	if (o->kind != OPENING_MACHINE) {
		opening_hop(packet, o);
	}
	return decide_whether(o);
}

#endif
