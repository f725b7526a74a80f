/* The programs of the translation's data plane: nat_xdp at a driver's receive path, nat_tc_in and
 * nat_tc_out at tc. What they have no flow for is done by those that they call (calls.h).
 */
#include "service/nat/bpf/answer.h"
#include "service/nat/bpf/begin.h"
#include "service/nat/bpf/calls.h"
#include "service/nat/bpf/decide.h"
#include "service/nat/bpf/decide_out.h"
#include "service/nat/bpf/flow.h"
#include "service/nat/bpf/fragment.h"
#include "service/nat/bpf/hold.h"
#include "service/nat/bpf/icmp.h"
#include "service/nat/bpf/maps.h"
#include "service/nat/bpf/programs64.h"
#include "service/nat/bpf/recheck.h"
#include "service/nat/bpf/sweep.h"
#include "service/nat/bpf/tc.h"
#include "service/nat/bpf/xdp.h"
#include "service/nat/bpf/xdp6.h"

int nat_xdp_new(struct xdp_md *xdp);
int nat_tc_new(struct __sk_buff *skb);
int nat_tc_out_new(struct __sk_buff *skb);
int nat_tc_options(struct __sk_buff *skb);
int nat_tc_error(struct __sk_buff *skb);
int nat_tc_out_error(struct __sk_buff *skb);
int nat_tc_fragment(struct __sk_buff *skb);
int nat_tc_out_fragment(struct __sk_buff *skb);
int nat_tc_ttl(struct __sk_buff *skb);
int nat_tc_too_big(struct __sk_buff *skb);
int nat_tc_reject(struct __sk_buff *skb);
int nat_xdp6(struct xdp_md *xdp);
int nat_in6(struct __sk_buff *skb);
int nat_out6(struct __sk_buff *skb);
int nat_new6(struct __sk_buff *skb);
int nat_fragment6(struct __sk_buff *skb);
int nat_error6(struct __sk_buff *skb);
int nat_hops6(struct __sk_buff *skb);
int nat_too_big6(struct __sk_buff *skb);
int nat_reject6(struct __sk_buff *skb);
int nat_six_to_four(struct __sk_buff *skb);
int nat_error_six_to_four(struct __sk_buff *skb);
int nat_four_to_six(struct __sk_buff *skb);
int nat_error_four_to_six(struct __sk_buff *skb);

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, NAT_CALLS);
	__uint(key_size, sizeof(__u32));
	__array(values, int(struct xdp_md *));
} calls_xdp SEC(".maps") = {
	.values =
		{
			[NAT_CALL_NEW] = nat_xdp_new,
			[NAT_CALL_IPV6] = nat_xdp6,
		},
};

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, NAT_CALLS);
	__uint(key_size, sizeof(__u32));
	__array(values, int(struct __sk_buff *));
} calls_tc SEC(".maps") = {
	.values =
		{
			[NAT_CALL_NEW] = nat_tc_new,
			[NAT_CALL_NEW_OUT] = nat_tc_out_new,
			[NAT_CALL_OPTIONS] = nat_tc_options,
			[NAT_CALL_ERROR] = nat_tc_error,
			[NAT_CALL_ERROR_OUT] = nat_tc_out_error,
			[NAT_CALL_FRAGMENT] = nat_tc_fragment,
			[NAT_CALL_FRAGMENT_OUT] = nat_tc_out_fragment,
			[NAT_CALL_TTL] = nat_tc_ttl,
			[NAT_CALL_TOO_BIG] = nat_tc_too_big,
			[NAT_CALL_REJECT] = nat_tc_reject,
			[NAT_CALL_IPV6] = nat_in6,
			[NAT_CALL_IPV6_OUT] = nat_out6,
			[NAT_CALL_NEW6] = nat_new6,
			[NAT_CALL_FRAGMENT6] = nat_fragment6,
			[NAT_CALL_ERROR6] = nat_error6,
			[NAT_CALL_HOPS6] = nat_hops6,
			[NAT_CALL_TOO_BIG6] = nat_too_big6,
			[NAT_CALL_REJECT6] = nat_reject6,
			[NAT_CALL_SIX_TO_FOUR] = nat_six_to_four,
			[NAT_CALL_ERROR_SIX_TO_FOUR] = nat_error_six_to_four,
			[NAT_CALL_FOUR_TO_SIX] = nat_four_to_six,
			[NAT_CALL_ERROR_FOUR_TO_SIX] = nat_error_four_to_six,
		},
};

/* A hash of this object, set before it is loaded: by it the service after this one knows whether
 * these programs are its own (os/bpf.h: bpf_set_adopt). No program reads it. */
const volatile __u8 nat_build[NAT_BUILD_LEN];

SEC("xdp")
int nat_xdp(struct xdp_md *xdp)
{
	const struct nat_settings *s = settings_get();
	const struct nat_device *in = device_get(xdp->ingress_ifindex);
	struct view view = view_xdp(xdp);
	const struct ethhdr *eth = view.data;
	if (s == NULL || in == NULL || (void *)(eth + 1) > view.end || !xdp_is_ours(eth, in)) {
		return XDP_PASS;
	}
	if (eth->h_proto != bpf_htons(ETH_P_IP)) {
		if (eth->h_proto == bpf_htons(ETH_P_IPV6)) {
			bpf_tail_call(xdp, &calls_xdp, NAT_CALL_IPV6);
		}
		return XDP_PASS;
	}
	struct packet p;
	enum packet_kind kind = xdp_read(xdp, in->zone, &p);
	if (kind != PACKET_FLOW) {
		return xdp_unread(kind);
	}
	struct nat_leg4 *leg = leg_of(&p.tuple, s);
	if (leg == NULL || leg->rules_gen != s->rules_gen) {
		bpf_tail_call(xdp, &calls_xdp, NAT_CALL_NEW);
		return XDP_PASS;
	}
	return xdp_known(xdp, &p, leg, s);
}

/* What tc tells is left to it. */
static __always_inline bool xdp_leaves_answer(const struct nat_device *in, int decision)
{
	return in->zone != NAT_ZONE_OUTSIDE && answer_is_wanted(decision) && answer_could();
}

/* A decision that is none to go on; the packet has not been changed. */
static __always_inline int xdp_decided(int decision)
{
	return decision > 0 ? xdp_drop(decision) : XDP_PASS;
}

SEC("xdp")
int nat_xdp_new(struct xdp_md *xdp)
{
	const struct nat_settings *s = settings_get();
	const struct nat_device *in = device_get(xdp->ingress_ifindex);
	struct packet p;
	if (s == NULL || in == NULL || xdp_read(xdp, in->zone, &p) != PACKET_FLOW) {
		return XDP_PASS;
	}
	__u32 now = tick_now();
	struct nat_leg4 *leg = leg_look(&p.tuple);
	if (leg != NULL) {
		int decision = recheck(leg);
		if (decision == OPEN_GO) {
			return xdp_known(xdp, &p, leg, s);
		}
		return xdp_leaves_answer(in, decision) ? XDP_PASS : xdp_decided(decision);
	}
	struct opening *o = opening_get();
	if (o == NULL) {
		return XDP_PASS;
	}
	opening_init(o, &p, in->ifindex, now);
	if (decide_is_dhcp(o)) {
		return XDP_PASS;
	}
	int decision = decide(xdp, o);
	if (decision == OPEN_GO) {
		leg = begin_leg_of(begin(o));
		decision = o->why;
	}
	if (xdp_leaves_answer(in, decision)) {
		return XDP_PASS;
	}
	if (decision > 0) {
		event_refused(view_xdp(xdp), p.l3, in->ifindex, &p.tuple, decision);
	}
	return leg != NULL && decision == OPEN_GO ? xdp_known(xdp, &p, leg, s)
						  : xdp_decided(decision);
}

/* options: they are looked at here, and not by another program. */
static __always_inline int tc_in(struct __sk_buff *skb, bool options)
{
	const struct nat_settings *s = settings_get();
	const struct nat_device *in = device_get(skb->ifindex);
	if (s == NULL || in == NULL || tc_is_alien(skb, in)) {
		return TC_ACT_UNSPEC;
	}
	if (skb->protocol != bpf_htons(ETH_P_IP)) {
		if (skb->protocol == bpf_htons(ETH_P_IPV6)) {
			bpf_tail_call(skb, &calls_tc, NAT_CALL_IPV6);
		}
		return TC_ACT_UNSPEC;
	}
	if (!options) {
		count(NAT_C_PACKETS);
	}
	struct packet p;
	enum packet_kind kind =
		options ? tc_read(skb, in, in->zone, &p) : tc_read_plain(skb, in, in->zone, &p);
	if (kind != PACKET_FLOW) {
		return tc_unread(skb, &calls_tc, kind, false);
	}
	struct nat_leg4 *leg = leg_of(&p.tuple, s);
	if (leg == NULL || leg->rules_gen != s->rules_gen) {
		bpf_tail_call(skb, &calls_tc, NAT_CALL_NEW);
		return tc_drop(NAT_C_DROP_NO_FLOW);
	}
	return tc_known(skb, &calls_tc, in, &p, leg);
}

SEC("tc")
int nat_tc_in(struct __sk_buff *skb)
{
	return tc_in(skb, false);
}

SEC("tc")
int nat_tc_options(struct __sk_buff *skb)
{
	return tc_in(skb, true);
}

static __always_inline int tc_reject(struct __sk_buff *skb, enum nat_counter why)
{
	struct note *note = note_get();
	if (note != NULL) {
		note->why = why;
		bpf_tail_call(skb, &calls_tc, NAT_CALL_REJECT);
	}
	return tc_drop(why);
}

/* A decision that is none to go on. */
static __always_inline int tc_decided(struct __sk_buff *skb, int decision)
{
	if (decision == OPEN_PASS) {
		return tc_pass();
	}
	if (decision == OPEN_SIX) {
		bpf_tail_call(skb, &calls_tc, NAT_CALL_FOUR_TO_SIX);
		return tc_drop(NAT_C_DROP_PROTOCOL);
	}
	if (decision == OPEN_REJECT) {
		return tc_reject(skb, NAT_C_DROP_RULE);
	}
	if (decision == OPEN_TTL) {
		bpf_tail_call(skb, &calls_tc, NAT_CALL_TTL);
		return tc_drop(NAT_C_DROP_TTL);
	}
	return tc_drop(decision);
}

SEC("tc")
int nat_tc_new(struct __sk_buff *skb)
{
	const struct nat_settings *s = settings_get();
	const struct nat_device *in = device_get(skb->ifindex);
	struct packet p;
	if (s == NULL || in == NULL) {
		return TC_ACT_UNSPEC;
	}
	enum packet_kind kind = tc_read(skb, in, in->zone, &p);
	kind = fragment_or_whole(view_skb(skb), kind, &p);
	if (kind != PACKET_FLOW && kind != PACKET_ALIEN) {
		return tc_drop(NAT_C_DROP_FORMAT);
	}
	__u32 now = tick_now();
	struct nat_leg4 *leg = leg_look(&p.tuple);
	int decision = OPEN_GO;
	if (leg != NULL) {
		decision = recheck(leg);
	} else {
		struct opening *o = opening_get();
		if (o == NULL) {
			return tc_drop(NAT_C_DROP_FORMAT);
		}
		opening_init(o, &p, in->ifindex, now);
		o->alien = kind == PACKET_ALIEN;
		o->group = skb->pkt_type != 0;
		decision = decide(skb, o);
		leg = decision == OPEN_GO ? begin_leg_of(begin(o)) : NULL;
		decision = decision == OPEN_GO ? o->why : decision;
	}
	if (decision > 0) {
		event_refused(view_skb(skb), tc_l3(in), in->ifindex, &p.tuple, decision);
	}
	if (in->zone != NAT_ZONE_OUTSIDE && answer_is_wanted(decision)) {
		return tc_reject(skb, decision);
	}
	if (leg == NULL || decision != OPEN_GO) {
		return tc_decided(skb, decision);
	}
	if (fragment_has_more(&p)) {
		bpf_tail_call(skb, &calls_tc, NAT_CALL_FRAGMENT);
		return tc_drop(NAT_C_DROP_FRAGMENT);
	}
	return tc_known(skb, &calls_tc, in, &p, leg);
}

/* Where the machine's own has no tuple, its source is all that matters. */
static __always_inline int tc_out_unread(struct __sk_buff *skb, enum packet_kind kind,
					 const struct packet *p)
{
	if (kind == PACKET_FORMAT || kind == PACKET_CHECKSUM) {
		return tc_unread(skb, &calls_tc, kind, true);
	}
	int decision = decide_leak(&p->tuple);
	if (decision > 0) {
		return tc_drop(decision);
	}
	if (kind == PACKET_ERROR) {
		bpf_tail_call(skb, &calls_tc, NAT_CALL_ERROR_OUT);
	} else if (kind == PACKET_FRAGMENT) {
		bpf_tail_call(skb, &calls_tc, NAT_CALL_FRAGMENT_OUT);
	}
	return TC_ACT_UNSPEC;
}

SEC("tc")
int nat_tc_out(struct __sk_buff *skb)
{
	const struct nat_settings *s = settings_get();
	const struct nat_device *out = device_get(skb->ifindex);
	if (s == NULL || out == NULL) {
		return TC_ACT_UNSPEC;
	}
	if (skb->mark == NAT_MARK) {
		skb->mark = 0;
		return TC_ACT_UNSPEC;
	}
	if (skb->protocol != bpf_htons(ETH_P_IP)) {
		if (skb->protocol == bpf_htons(ETH_P_IPV6)) {
			bpf_tail_call(skb, &calls_tc, NAT_CALL_IPV6_OUT);
		}
		return TC_ACT_UNSPEC;
	}
	struct packet p;
	enum packet_kind kind = tc_read(skb, out, NAT_ZONE_GATEWAY, &p);
	if (kind != PACKET_FLOW) {
		return tc_out_unread(skb, kind, &p);
	}
	struct nat_leg4 *leg = leg_of(&p.tuple, s);
	if (leg == NULL || leg->rules_gen != s->rules_gen) {
		bpf_tail_call(skb, &calls_tc, NAT_CALL_NEW_OUT);
		return tc_drop(NAT_C_DROP_NO_FLOW);
	}
	return tc_out_known(skb, &p, leg);
}

SEC("tc")
int nat_tc_out_new(struct __sk_buff *skb)
{
	const struct nat_settings *s = settings_get();
	const struct nat_device *out = device_get(skb->ifindex);
	struct packet p;
	if (s == NULL || out == NULL) {
		return TC_ACT_UNSPEC;
	}
	enum packet_kind kind = tc_read(skb, out, NAT_ZONE_GATEWAY, &p);
	if (fragment_or_whole(view_skb(skb), kind, &p) != PACKET_FLOW) {
		return tc_drop(NAT_C_DROP_FORMAT);
	}
	__u32 now = tick_now();
	struct nat_leg4 *leg = leg_look(&p.tuple);
	int decision = OPEN_GO;
	if (leg != NULL) {
		decision = recheck(leg);
	} else {
		struct opening *o = opening_get();
		if (o == NULL) {
			return tc_drop(NAT_C_DROP_FORMAT);
		}
		opening_init(o, &p, out->ifindex, now);
		decision = decide_out(o, out);
		leg = decision == OPEN_GO ? begin_leg_of(begin(o)) : NULL;
		decision = decision == OPEN_GO ? o->why : decision;
	}
	if (decision == OPEN_PASS) {
		return TC_ACT_UNSPEC;
	}
	/* Its socket hears of it at once; an ICMP error would go out to the world. */
	if (decision == OPEN_REJECT) {
		return tc_drop(NAT_C_DROP_RULE);
	}
	return leg != NULL && decision == OPEN_GO ? tc_out_known(skb, &p, leg)
						  : tc_decided(skb, decision);
}

/* Run once when the maps are filled: from here on the sweep goes by itself. A sweep that is there
 * goes on with this object's program. */
SEC("tc")
int nat_sweep_start(struct __sk_buff *skb)
{
	__u32 zero = 0;
	struct sweep *sweep = bpf_map_lookup_elem(&sweeps, &zero);
	(void)skb;
	if (sweep == NULL) {
		return 1;
	}
	bpf_timer_init(&sweep->timer, &sweeps, CLOCK_MONOTONIC);
	if (bpf_timer_set_callback(&sweep->timer, sweep_turn) != 0) {
		return 1;
	}
	return bpf_timer_start(&sweep->timer, 0, 0) != 0 || sweep6_start(true) != 0;
}

SEC("syscall")
int nat_hold(struct nat_hold *hold)
{
	const struct nat_device *out = device_get(hold->ifindex);
	struct opening o = {};
	o.tuple[0] = hold->in;
	o.q.now = hold->now;
	o.wanted = hold->port;
	hold->mapping = 0;
	hold->why = out == NULL ? NAT_C_DROP_NO_ROUTE : (__u16)hold_do(hold, &o, out);
	return 0;
}

SEC("syscall")
int nat_ask(struct nat_asked *asked)
{
	const struct nat_settings *s = settings_get();
	struct nat_tuple4 tuple = asked->tuple;
	asked->found = s != NULL && leg_of(&tuple, s) != NULL;
	return 0;
}

SEC("tc")
int nat_tc_error(struct __sk_buff *skb)
{
	const struct nat_settings *s = settings_get();
	const struct nat_device *in = device_get(skb->ifindex);
	return s != NULL && in != NULL ? error_in(skb, &calls_tc, in, s) : TC_ACT_SHOT;
}

SEC("tc")
int nat_tc_out_error(struct __sk_buff *skb)
{
	const struct nat_settings *s = settings_get();
	const struct nat_device *out = device_get(skb->ifindex);
	return s != NULL && out != NULL ? error_out(skb, out, s) : TC_ACT_SHOT;
}

SEC("tc")
int nat_tc_fragment(struct __sk_buff *skb)
{
	const struct nat_device *in = device_get(skb->ifindex);
	return in != NULL ? fragment_in(skb, &calls_tc, in) : TC_ACT_SHOT;
}

SEC("tc")
int nat_tc_out_fragment(struct __sk_buff *skb)
{
	const struct nat_settings *s = settings_get();
	const struct nat_device *out = device_get(skb->ifindex);
	return s != NULL && out != NULL ? fragment_out(skb, &calls_tc, out, s) : TC_ACT_SHOT;
}

SEC("tc")
int nat_tc_ttl(struct __sk_buff *skb)
{
	const struct nat_device *in = device_get(skb->ifindex);
	return in != NULL ? answer_ttl(skb, in) : TC_ACT_SHOT;
}

SEC("tc")
int nat_tc_too_big(struct __sk_buff *skb)
{
	const struct nat_device *in = device_get(skb->ifindex);
	struct packet p;
	if (in == NULL) {
		return TC_ACT_SHOT;
	}
	enum packet_kind kind = tc_read(skb, in, in->zone, &p);
	if (kind != PACKET_FLOW && kind != PACKET_FRAGMENT) {
		return tc_drop(NAT_C_DROP_MTU);
	}
	if ((p.fragment & bpf_htons(IP_DONT)) != 0) {
		return answer_too_big(skb, in, &p, kind);
	}
	if (fragment_or_whole(view_skb(skb), kind, &p) == PACKET_FORMAT) {
		return tc_drop(NAT_C_DROP_MTU);
	}
	return fragment_cut(skb, &p);
}

SEC("tc")
int nat_tc_reject(struct __sk_buff *skb)
{
	const struct nat_device *in = device_get(skb->ifindex);
	return in != NULL ? answer_reject(skb, in) : TC_ACT_SHOT;
}

/* ---- IPv6 ---- */

SEC("xdp")
int nat_xdp6(struct xdp_md *xdp)
{
	return in6_xdp(xdp);
}

SEC("tc")
int nat_in6(struct __sk_buff *skb)
{
	return in6(skb, &calls_tc);
}

SEC("tc")
int nat_new6(struct __sk_buff *skb)
{
	return new6(skb, &calls_tc);
}

SEC("tc")
int nat_fragment6(struct __sk_buff *skb)
{
	return fragment6(skb, &calls_tc);
}

SEC("tc")
int nat_error6(struct __sk_buff *skb)
{
	return error6(skb, &calls_tc);
}

SEC("tc")
int nat_out6(struct __sk_buff *skb)
{
	return out6(skb);
}

SEC("tc")
int nat_hops6(struct __sk_buff *skb)
{
	const struct saying6 say = {ICMP6_TIME, 0, 0, NAT_C_TTL_ANSWERED};
	struct work6 *w = work6_get(WORK6_IN);
	count(NAT_C_DROP_TTL);
	return w != NULL ? answer6(skb, w, &say) : TC_ACT_SHOT;
}

SEC("tc")
int nat_too_big6(struct __sk_buff *skb)
{
	struct work6 *w = work6_get(WORK6_IN);
	const struct saying6 say = {ICMP6_TOO_BIG, 0, w != NULL ? w->mtu : 0, NAT_C_MTU_ANSWERED};
	count(NAT_C_DROP_MTU);
	return w != NULL ? answer6(skb, w, &say) : TC_ACT_SHOT;
}

SEC("tc")
int nat_reject6(struct __sk_buff *skb)
{
	struct work6 *w = work6_get(WORK6_IN);
	return w != NULL ? answer6_reject(skb, w) : tc_drop(NAT_C_DROP_RULE);
}

SEC("tc")
int nat_six_to_four(struct __sk_buff *skb)
{
	return six_to_four(skb, &calls_tc);
}

SEC("tc")
int nat_error_six_to_four(struct __sk_buff *skb)
{
	return error_six_to_four(skb);
}

SEC("tc")
int nat_four_to_six(struct __sk_buff *skb)
{
	return four_to_six(skb);
}

SEC("tc")
int nat_error_four_to_six(struct __sk_buff *skb)
{
	return error_four_to_six(skb);
}

/* SPDX: Apache-2.0 OR GPL-2.0-only, all of this folder. The kernel keeps some of its calls,
 * such as bpf_fib_lookup, to programs that declare the latter. */
const char program_license[] SEC("license") = "GPL";
