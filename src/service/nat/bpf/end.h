/* How a flow ends: out of the index, its port, its host's share and its number given back. Only the
 * sweep ends flows; who wants one ended makes it look long idle.
 */
#ifndef NAT_BPF_END_H
#define NAT_BPF_END_H

#include "service/nat/bpf/begin.h"

static __always_inline void end_host(const struct nat_flow4 *flow)
{
	struct nat_host *host = flow->host != 0 ? host_get4(flow->host) : NULL;
	if (host == NULL) {
		return;
	}
	bool inward = (flow->flags & (NAT_FLOW_FORWARD | NAT_FLOW_HAIRPIN)) == NAT_FLOW_FORWARD;
	__sync_fetch_and_add(&host->bytes_out, flow_bytes(flow, inward));
	__sync_fetch_and_add(&host->bytes_in, flow_bytes(flow, !inward));
	host_give(host);
}

__noinline int end(__u32 number, __u32 now)
{
	struct nat_flow4 *flow = flow_get(number);
	if (flow == NULL) {
		return 0;
	}
	begin_take_out(flow, number, 0, now);
	begin_take_out(flow, number, 1, now);
	if ((flow->flags & NAT_FLOW_LOGGED) != 0) {
		event_flow(NAT_EVENT_FLOW_ENDED, number, true);
	}
	end_host(flow);
	if (flow->mapping != 0) {
		mapping_drop(flow->mapping, now);
	}
	count(NAT_C_FLOWS_ENDED);
	flow->seen = now;
	flow->life = NAT_DEAD;
	return 1;
}

#endif
