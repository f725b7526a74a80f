/* An IPv4 packet as it lies in a frame, read by the verifier's twin of the reader: each header is
 * checked against the end of what is there before a word of it is looked at. Knows no map, and
 * nothing of what becomes of the packet.
 */
#ifndef NAT_BPF_PACKET_H
#define NAT_BPF_PACKET_H

#include "service/nat/bpf/shared.h"

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <stdbool.h>
#include <stddef.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

/* A frame: data to end can be read at once; len counts all of it. */
struct view {
	void *data, *end;
	__u32 len;
};

enum packet_kind {
	PACKET_FLOW,	 /* its tuple is known */
	PACKET_ERROR,	 /* an ICMP error: its tuple lies in what it quotes */
	PACKET_FRAGMENT, /* no tuple, or not for all of it */
	PACKET_OPTIONS,	 /* of IP: only who asks for them gets to see them */
	PACKET_ALIEN,	 /* a protocol, or an ICMP type, that cannot be translated */
	PACKET_FORMAT,	 /* torn, or lying */
	PACKET_CHECKSUM, /* of the IP header */
};

struct packet {
	__u32 l3, l4; /* where these headers begin in the frame */
	__u32 len;    /* from the IP header on, as that says */
	__u32 heads;  /* octets of the IP and the L4 header; PACKET_FLOW of TCP and UDP only */
	__u8 ttl, tos;
	__u8 tcp_flags; /* of TCP: octet 13 */
	__u8 icmp_type, icmp_code;
	__be16 fragment; /* IP's flags and offset */
	struct nat_tuple4
		tuple; /* zone is the caller's; ports: unless PACKET_FLOW, 0 or of nobody */
};

/* <linux/icmp.h> wants a libc. */
struct icmphdr {
	__u8 type, code;
	__sum16 checksum;
	__be16 id, sequence;
};

enum {
	ICMP_ECHOREPLY = 0,
	ICMP_DEST_UNREACH = 3,
	ICMP_ECHO = 8,
	ICMP_TIME_EXCEEDED = 11,
	ICMP_PARAMETERPROB = 12,
	ICMP_TIMESTAMP = 13,
	ICMP_TIMESTAMPREPLY = 14,
};

enum {
	TCP_FIN = 0x01,
	TCP_SYN = 0x02,
	TCP_RST = 0x04,
	TCP_ACK = 0x10,
	IP_MORE = 0x2000,
	IP_DONT = 0x4000,
	IP_OFFSET = 0x1fff,
	IP_HEAD = sizeof(struct iphdr),
	OPTIONS_MAX = 40,
	L4_MASK = 0x7f, /* the L4 header begins before: the verifier forgets */
	OPTION_END = 0,
	OPTION_NOTHING = 1,
	OPTION_LOOSE_ROUTE = 131,
	OPTION_STRICT_ROUTE = 137,
};

static __always_inline struct view view_xdp(const struct xdp_md *xdp)
{
	void *data = (void *)(long)xdp->data, *end = (void *)(long)xdp->data_end;
	return (struct view){data, end, (__u32)(end - data)};
}

static __always_inline struct view view_skb(const struct __sk_buff *skb)
{
	return (struct view){(void *)(long)skb->data, (void *)(long)skb->data_end, skb->len};
}

/* What a checksum's sum comes to in 16 bits. */
static __always_inline __u16 sum_fold(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (__u16)((sum & 0xffff) + (sum >> 16));
}

static __always_inline __u64 ip_sum(const struct iphdr *ip)
{
	const __u32 *word = (const __u32 *)ip;
	return (__u64)word[0] + word[1] + word[2] + word[3] + word[4];
}

struct options_walk {
	__u32 next, len; /* where the next option begins */
	bool bad;
	union {
		__u8 octet[OPTIONS_MAX + 4];
		__u32 word[OPTIONS_MAX / 4 + 1];
	};
};

static long option_walk(__u32 i, struct options_walk *w)
{
	__u32 at = w->next;
	(void)i;
	if (at >= w->len || at >= OPTIONS_MAX) {
		return 1;
	}
	__u8 kind = w->octet[at], octets = w->octet[at + 1];
	if (kind == OPTION_END) {
		return 1;
	}
	if (kind == OPTION_NOTHING) {
		octets = 1;
	} else if (kind == OPTION_LOOSE_ROUTE || kind == OPTION_STRICT_ROUTE || octets < 2 ||
		   at + octets > w->len) {
		w->bad = true;
		return 1;
	}
	w->next = at + octets;
	return 0;
}

/* The sum of len octets of the IP header's options; negative: one of them routes (RFC
 * 7126 4.3, 4.4), or is torn. A global function: the verifier reads it once, and what calls it not
 * once again for each length that options can have. */
__noinline long packet_options(struct __sk_buff *skb, __u32 at, __u32 len)
{
	struct options_walk w = {.len = len};
	long sum = 0;
	if (len == 0 || len > OPTIONS_MAX || bpf_skb_load_bytes(skb, at, w.octet, len) != 0) {
		return -1;
	}
	bpf_loop(OPTIONS_MAX, option_walk, &w, 0);
	for (__u32 i = 0; i < OPTIONS_MAX / 4; i++) {
		sum += w.word[i];
	}
	return w.bad ? -1 : sum;
}

static __always_inline enum packet_kind packet_tcp(struct view view, struct packet *p, __u32 room)
{
	const struct tcphdr *tcp = view.data + (p->l4 & L4_MASK);
	if ((void *)(tcp + 1) > view.end || room < sizeof(*tcp)) {
		return PACKET_FORMAT;
	}
	const __u8 *octets = (const __u8 *)tcp;
	p->tcp_flags = octets[13];
	p->tuple.sport = tcp->source;
	p->tuple.dport = tcp->dest;
	__u32 ends = p->tcp_flags & (TCP_SYN | TCP_FIN | TCP_RST);
	/* Two of these at once is nothing that TCP says (and the way past careless filters). */
	if ((ends & (ends - 1)) != 0 && ends != (TCP_FIN | TCP_RST)) {
		return PACKET_FORMAT;
	}
	if ((ends | (p->tcp_flags & TCP_ACK)) == 0 || tcp->dest == 0 || tcp->source == 0) {
		return PACKET_FORMAT;
	}
	__u32 head = tcp->doff * 4u;
	p->heads = p->l4 - p->l3 + head;
	return head < sizeof(*tcp) || head > room ? PACKET_FORMAT : PACKET_FLOW;
}

static __always_inline enum packet_kind packet_udp(struct view view, struct packet *p, __u32 room)
{
	const struct udphdr *udp = view.data + (p->l4 & L4_MASK);
	if ((void *)(udp + 1) > view.end || room < sizeof(*udp)) {
		return PACKET_FORMAT;
	}
	p->tuple.sport = udp->source;
	p->tuple.dport = udp->dest;
	p->heads = p->l4 - p->l3 + sizeof(*udp);
	__u32 len = bpf_ntohs(udp->len);
	return len < sizeof(*udp) || len > room || udp->dest == 0 ? PACKET_FORMAT : PACKET_FLOW;
}

static __always_inline enum packet_kind packet_icmp(struct view view, struct packet *p, __u32 room)
{
	const struct icmphdr *icmp = view.data + (p->l4 & L4_MASK);
	if ((void *)(icmp + 1) > view.end || room < sizeof(*icmp)) {
		return PACKET_FORMAT;
	}
	p->icmp_type = icmp->type;
	p->icmp_code = icmp->code;
	switch (icmp->type) {
	case ICMP_ECHO:
	case ICMP_TIMESTAMP: p->tuple.sport = icmp->id; return PACKET_FLOW;
	case ICMP_ECHOREPLY:
	case ICMP_TIMESTAMPREPLY: p->tuple.dport = icmp->id; return PACKET_FLOW;
	case ICMP_DEST_UNREACH:
	case ICMP_TIME_EXCEEDED:
	case ICMP_PARAMETERPROB: return PACKET_ERROR;
	/* Of no query: an identifier of 0 must not make a redirect pass for the answer to a ping.
	 */
	default: p->tuple.sport = p->tuple.dport = 0xffff; return PACKET_ALIEN;
	}
}

static __always_inline enum packet_kind packet_ports(struct view view, struct packet *p, __u32 room)
{
	switch (p->tuple.proto) {
	case IPPROTO_TCP: return packet_tcp(view, p, room);
	case IPPROTO_UDP: return packet_udp(view, p, room);
	case IPPROTO_ICMP: return packet_icmp(view, p, room);
	/* Their checksums, if any, do not cover IP's addresses: one host at a time can speak them
	 * with one far address. */
	case IPPROTO_ESP:
	case IPPROTO_GRE:
	case IPPROTO_IPIP:
	case IPPROTO_IPV6:
	case IPPROTO_SCTP: return PACKET_FLOW;
	default: return PACKET_ALIEN;
	}
}

/* Reads the IPv4 packet at l3. gso: its length field may be 0, then it is as long as the frame.
 * options: whose options are looked at; NULL: none's. */
static __always_inline enum packet_kind packet_read(struct view view, __u32 l3, bool gso,
						    struct __sk_buff *options, struct packet *p)
{
	const struct iphdr *ip = view.data + l3;
	if ((void *)(ip + 1) > view.end || ip->version != 4 || ip->ihl < 5) {
		return PACKET_FORMAT;
	}
	if (ip->ihl != 5 && options == NULL) {
		return PACKET_OPTIONS;
	}
	__u32 head = options != NULL ? ip->ihl * 4u : IP_HEAD, len = bpf_ntohs(ip->tot_len);
	if (gso && len == 0) {
		len = view.len - l3;
	}
	if (len < head || len > view.len - l3) {
		return PACKET_FORMAT;
	}
	p->l3 = l3;
	p->l4 = l3 + head;
	p->len = len;
	p->heads = head;
	p->ttl = ip->ttl;
	p->tos = ip->tos;
	p->fragment = ip->frag_off;
	p->tuple.src = ip->saddr;
	p->tuple.dst = ip->daddr;
	p->tuple.sport = 0;
	p->tuple.dport = 0;
	p->tuple.proto = ip->protocol;
	p->tuple.pool = 0;
	p->tcp_flags = 0;
	p->icmp_type = 0;
	p->icmp_code = 0;
	__u64 sum = ip_sum(ip);
	if (options != NULL && head > IP_HEAD) {
		long more = packet_options(options, l3 + IP_HEAD, head - IP_HEAD);
		if (more < 0) {
			return PACKET_FORMAT;
		}
		sum += (__u64)more;
	}
	if (sum_fold(sum) != 0xffff) {
		return PACKET_CHECKSUM;
	}
	if ((ip->frag_off & bpf_htons(IP_MORE | IP_OFFSET)) != 0) {
		return PACKET_FRAGMENT;
	}
	return packet_ports(view, p, len - head);
}

#endif
