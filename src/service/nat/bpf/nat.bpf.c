/* The programs of the translation's data plane, for XDP and tc: they let every packet pass. */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#include <bpf/bpf_helpers.h>

SEC("xdp")
int nat_xdp(struct xdp_md *packet)
{
	(void)packet;
	return XDP_PASS;
}

SEC("tc")
int nat_tc(struct __sk_buff *packet)
{
	(void)packet;
	return TC_ACT_UNSPEC;
}

/* SPDX: Apache-2.0 OR GPL-2.0-only, all of this folder. The kernel keeps some of its calls, such as
 * bpf_fib_lookup, to programs that declare the latter. */
const char program_license[] SEC("license") = "GPL";
