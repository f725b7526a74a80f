/* The programs of the translation's data plane: nat_xdp at a driver's receive path, nat_tc_in and
 * nat_tc_out at tc. What they have no flow for is done by those that they call (calls.h).
 */
#include "service/nat/bpf/calls.h"
#include "service/nat/bpf/flow.h"
#include "service/nat/bpf/maps.h"
#include "service/nat/bpf/tc.h"
#include "service/nat/bpf/xdp.h"

int nat_tc_options(struct __sk_buff *skb);

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, NAT_CALLS);
	__uint(key_size, sizeof(__u32));
	__array(values, int(struct xdp_md *));
} calls_xdp SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, NAT_CALLS);
	__uint(key_size, sizeof(__u32));
	__array(values, int(struct __sk_buff *));
} calls_tc SEC(".maps") = {
	.values =
		{
			[NAT_CALL_OPTIONS] = nat_tc_options,
		},
};

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
	struct nat_flow4 *flow = flow_of(&p, s);
	if (flow == NULL || flow->rules_gen != s->rules_gen) {
		bpf_tail_call(xdp, &calls_xdp, NAT_CALL_NEW);
		return XDP_PASS;
	}
	return xdp_known(xdp, &p, flow, s);
}

/* options: they are looked at here, and not by another program. */
static __always_inline int tc_in(struct __sk_buff *skb, bool options)
{
	const struct nat_settings *s = settings_get();
	const struct nat_device *in = device_get(skb->ifindex);
	if (s == NULL || in == NULL || skb->pkt_type != 0 || skb->vlan_present != 0) {
		return TC_ACT_UNSPEC; /* nobody's, somebody else's, a group's, another device's */
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
	enum packet_kind kind = tc_read(skb, in, in->zone, options, &p);
	if (kind != PACKET_FLOW) {
		return tc_unread(skb, &calls_tc, kind, false);
	}
	struct nat_flow4 *flow = flow_of(&p, s);
	if (flow == NULL || flow->rules_gen != s->rules_gen) {
		bpf_tail_call(skb, &calls_tc, NAT_CALL_NEW);
		return tc_drop(NAT_C_DROP_NO_FLOW);
	}
	return tc_known(skb, &calls_tc, in, &p, flow);
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

/* SPDX: Apache-2.0 OR GPL-2.0-only, all of this folder. The kernel keeps some of its calls, such as
 * bpf_fib_lookup, to programs that declare the latter. */
const char program_license[] SEC("license") = "GPL";
