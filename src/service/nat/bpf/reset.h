/* The RST that a TCP segment to nobody is answered by (RFC 9293 3.10.7.1), both for IPv4 and IPv6:
 * what is refused by a rule ends at once and is not tried again. Knows neither rules nor headers
 * below TCP's.
 */
#ifndef NAT_BPF_RESET_H
#define NAT_BPF_RESET_H

#include "service/nat/bpf/packet.h"

/* skb, at: where the segment's TCP header lies; data: octets behind that header. False: there is
 * none, or it is itself a RST. The checksum is left 0. */
static __always_inline bool reset_make(struct __sk_buff *skb, __u32 at, __u32 data,
				       struct tcphdr *ret)
{
	struct tcphdr about;
	if (bpf_skb_load_bytes(skb, at, &about, sizeof(about)) != 0 || about.rst) {
		return false;
	}
	*ret = (struct tcphdr){
		.source = about.dest, .dest = about.source, .doff = sizeof(*ret) / 4, .rst = 1};
	if (about.ack) {
		ret->seq = about.ack_seq;
	} else {
		ret->ack = 1;
		ret->ack_seq = bpf_htonl(bpf_ntohl(about.seq) + data + about.syn + about.fin);
	}
	return true;
}

/* The sum of its words, with that of the pseudo header's addresses. */
static __always_inline __u64 reset_sum(const struct tcphdr *tcp, __u64 addresses)
{
	const __u32 *word = (const __u32 *)tcp;
	return addresses + word[0] + word[1] + word[2] + word[3] + word[4] +
	       bpf_htonl(sizeof(*tcp)) + bpf_htonl(IPPROTO_TCP);
}

#endif
