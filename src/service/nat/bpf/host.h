/* The hosts inside: their limits and their manners. Knows nothing of flows but how many there are.
 */
#ifndef NAT_BPF_HOST_H
#define NAT_BPF_HOST_H

#include "service/nat/bpf/maps.h"

#include <bpf/bpf_endian.h>

static __always_inline struct nat_host_key host_key4(__be32 address)
{
	struct nat_host_key key = {};
	__u32 *word = (__u32 *)key.address;
	word[2] = bpf_htonl(0xffff);
	word[3] = address;
	return key;
}

static __always_inline struct nat_host *host_get4(__be32 address)
{
	struct nat_host_key key = host_key4(address);
	return bpf_map_lookup_elem(&hosts, &key);
}

/* Its record, made when there is none; NULL: there is no room for one more. */
static __noinline struct nat_host *host_make(const struct nat_host_key *key)
{
	const struct nat_settings *s = settings_get();
	if (s == NULL) {
		return NULL;
	}
	struct nat_host host = {
		.flows_max = s->host_flows_max,
		.flags = s->host_flags,
		.public_slot = NAT_NO_PUBLIC,
	};
	bpf_map_update_elem(&hosts, key, &host, BPF_NOEXIST);
	return bpf_map_lookup_elem(&hosts, key);
}

static __always_inline struct nat_host *host_of4(__be32 address)
{
	struct nat_host_key key = host_key4(address);
	struct nat_host *host = bpf_map_lookup_elem(&hosts, &key);
	return host != NULL ? host : host_make(&key);
}

/* One flow more of its own; false: it has as many as it may. */
static __always_inline bool host_take(struct nat_host *host, __u32 now)
{
	if (__sync_fetch_and_add(&host->flows, 1) >= host->flows_max) {
		__sync_fetch_and_add(&host->flows, -1);
		__sync_fetch_and_add(&host->flows_refused, 1);
		return false;
	}
	__sync_fetch_and_add(&host->flows_begun, 1);
	host->seen = now;
	return true;
}

/* One less. A record that was forgotten meanwhile and made anew does not count below 0. */
static __always_inline void host_give(struct nat_host *host)
{
	__u32 flows = *(volatile __u32 *)&host->flows;
	if (flows != 0) {
		__sync_fetch_and_add(&host->flows, -1);
	}
}

/* What host_take has taken, for a flow that does not come to be. */
static __always_inline void host_untake(struct nat_host *host)
{
	__sync_fetch_and_add(&host->flows_begun, -1);
	host_give(host);
}

#endif
