/* Programs for the tests of os/bpf*.c: they count packets in every kind of table that is asked
 * there. */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#include <bpf/bpf_helpers.h>

#define MMAPABLE 1024 /* BPF_F_MMAPABLE */

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8);
	__type(key, __u32);
	__type(value, __u64);
} flows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, __u32);
} counts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, MMAPABLE);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u64);
} shown SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} events SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, __u32);
} jumps SEC(".maps");

const volatile __u32 answer = 1;
__u64 seen;
__u64 worth = 40;

SEC("xdp")
int count(struct xdp_md *packet)
{
	const __u32 zero = 0;
	__u32 len = (__u32)(packet->data_end - packet->data);
	__u32 *n = bpf_map_lookup_elem(&counts, &zero);
	__u64 *show = bpf_map_lookup_elem(&shown, &zero);
	__u64 one = 1, *flow = bpf_map_lookup_elem(&flows, &len);
	seen++;
	if (n)
		++*n;
	if (show)
		++*show;
	if (flow)
		++*flow;
	else
		bpf_map_update_elem(&flows, &len, &one, BPF_ANY);
	bpf_ringbuf_output(&events, &len, sizeof(len), 0);
	return (int)answer;
}

/* Zeroes the first byte. */
SEC("xdp")
int change(struct xdp_md *packet)
{
	__u8 *data = (__u8 *)(long)packet->data;
	if (data + 1 > (__u8 *)(long)packet->data_end)
		return XDP_ABORTED;
	*data = 0;
	return XDP_TX;
}

SEC("xdp")
int jump(struct xdp_md *packet)
{
	bpf_tail_call(packet, &jumps, 1);
	return XDP_ABORTED; /* nobody is there */
}

SEC("tc")
int shot(struct __sk_buff *packet)
{
	packet->mark = packet->mark + 1;
	return TC_ACT_SHOT;
}

SEC("tc")
int pass(struct __sk_buff *packet)
{
	(void)packet;
	seen++;
	return TC_ACT_UNSPEC;
}

struct order {
	__u64 left, right, sum;
};

SEC("syscall")
int add(struct order *order)
{
	order->sum = order->left + order->right;
	return 7;
}

/* Its context's pointer leaves for a table, which needs CAP_PERFMON; and is wrong without bounds.
 */
SEC("xdp")
int refused(struct xdp_md *packet)
{
	return *(__u8 *)(long)packet->data;
}

const char program_license[] SEC("license") = "GPL";
