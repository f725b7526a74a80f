/* The maps of the data plane, by the names under which the service finds and pins them, and how one
 * of their records is reached. Knows nothing of packets; how large they are the service says before
 * it loads them. */
#ifndef NAT_BPF_MAPS_H
#define NAT_BPF_MAPS_H

#include "service/nat/bpf/shared.h"

#include <linux/bpf.h>
#include <stdbool.h>
#include <stddef.h>

#include <bpf/bpf_helpers.h>

/* Arrays that the service reads as memory, and that therefore begin at a page. */
#define NAT_ARRAY(name, entries, record)                                                           \
	struct {                                                                                   \
		__uint(type, BPF_MAP_TYPE_ARRAY);                                                  \
		__uint(map_flags, BPF_F_MMAPABLE);                                                 \
		__uint(max_entries, entries);                                                      \
		__type(key, __u32);                                                                \
		__type(value, record);                                                             \
	} name SEC(".maps")

NAT_ARRAY(settings, 1, struct nat_settings);
NAT_ARRAY(devices, NAT_DEVICES, struct nat_device);
NAT_ARRAY(publics, NAT_PUBLICS, struct nat_public);
NAT_ARRAY(legs4, 1 << 16, struct nat_pair4);
NAT_ARRAY(flows4, 1 << 16, struct nat_flow4);
NAT_ARRAY(mapping_index, 1 << 16, struct nat_bucket);
NAT_ARRAY(mappings4, 1 << 16, struct nat_mapping4);
NAT_ARRAY(pools, NAT_POOLS, struct nat_pool);
NAT_ARRAY(ports, NAT_PORT_AT(1, 0, 0) / 2, struct nat_ports);
NAT_ARRAY(blocks, NAT_BLOCK_AT(1, 0), __u32);
NAT_ARRAY(forwards4, NAT_FORWARDS, struct nat_forward4);
NAT_ARRAY(rules, NAT_RULES, struct nat_rule);
NAT_ARRAY(rates, NAT_RATES, struct nat_rate);
NAT_ARRAY(filters4, NAT_FILTERS, struct nat_filter4);

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 4096);
	__type(key, struct nat_source_key4);
	__type(value, struct nat_source);
} sources4 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __be32);
	__type(value, struct nat_local);
} locals4 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1 << 16);
	__type(key, struct nat_host_key);
	__type(value, struct nat_host);
} hosts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct nat_counts);
} counters SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} events SEC(".maps");

/* By ifindex, for those with NAT_DEVICE_XDP_SEND. */
struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP_HASH);
	__uint(max_entries, NAT_DEVICES);
	__type(key, __u32);
	__type(value, __u32);
} xdp_ports SEC(".maps");

/* What a program tells the one that it calls (calls.h): each processor has its own, and a packet is
 * not interrupted by another of the same hook. */
struct note {
	__u32 mtu, ifindex;  /* NAT_CALL_TOO_BIG: of the next hop */
	__be16 sport, dport; /* the same, of a later fragment: of its datagram */
	__u32 why;	     /* NAT_CALL_REJECT: enum nat_counter, to be counted */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct note);
} notes SEC(".maps");

static __always_inline struct note *note_get(void)
{
	__u32 zero = 0;
	return bpf_map_lookup_elem(&notes, &zero);
}

static __always_inline struct nat_settings *settings_get(void)
{
	__u32 zero = 0;
	return bpf_map_lookup_elem(&settings, &zero);
}

/* NULL: the device is in no zone. */
static __always_inline const struct nat_device *device_get(__u32 ifindex)
{
	__u32 slot = ifindex & (NAT_DEVICES - 1);
	const struct nat_device *device = bpf_map_lookup_elem(&devices, &slot);
	return device != NULL && device->ifindex == ifindex && ifindex != 0 ? device : NULL;
}

static __always_inline const struct nat_device *device_at(__u32 slot)
{
	slot &= NAT_DEVICES - 1;
	return bpf_map_lookup_elem(&devices, &slot);
}

static __always_inline struct nat_flow4 *flow_get(__u32 number)
{
	return bpf_map_lookup_elem(&flows4, &number);
}

static __always_inline struct nat_pair4 *pair_get(__u32 number)
{
	return bpf_map_lookup_elem(&legs4, &number);
}

static __always_inline struct nat_mapping4 *mapping_get(__u32 number)
{
	return bpf_map_lookup_elem(&mappings4, &number);
}

static __always_inline const struct nat_forward4 *forward_get(__u32 number)
{
	return bpf_map_lookup_elem(&forwards4, &number);
}

static __always_inline struct nat_counts *counts_get(void)
{
	__u32 zero = 0;
	return bpf_map_lookup_elem(&counters, &zero);
}

static __always_inline void count(enum nat_counter counter)
{
	struct nat_counts *counts = counts_get();
	__u32 at = counter;
	if (counts != NULL && at < NAT_C_N) {
		counts->n[at]++;
	}
}

/* enum nat_idle and nat_settings.idle count in these. Coarse: one step of it is 1 to 10 ms. */
static __always_inline __u32 tick_now(void)
{
	return bpf_ktime_get_coarse_ns() >> NAT_TICK_SHIFT;
}

#endif
