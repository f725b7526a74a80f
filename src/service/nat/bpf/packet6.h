/* An IPv6 packet as it lies in a frame, its extension headers walked within a bound. Knows no map,
 * and nothing of what becomes of the packet.
 *
 * Headers are copied out by the kernel's call, which checks their bounds, and so one reader serves
 * XDP, tc, and what an ICMPv6 error quotes.
 */
#ifndef NAT_BPF_PACKET6_H
#define NAT_BPF_PACKET6_H

#include "service/nat/bpf/packet.h"
#include "service/nat/bpf/shared6.h"

enum packet6_kind {
	PACKET6_FLOW,	  /* its tuple is known; it may be a first fragment */
	PACKET6_ERROR,	  /* an ICMPv6 error: its tuple lies in what it quotes */
	PACKET6_LINK,	  /* ICMPv6 that never leaves a link: neighbours, routers, groups */
	PACKET6_FRAGMENT, /* not the first one: ports are 0 */
	PACKET6_ALIEN,	  /* no next header, or an ICMPv6 type that nobody may send through */
	PACKET6_FORMAT,	  /* torn, lying, or with headers in an order that hides something */
	PACKET6_TINY,	  /* a first fragment without all headers (RFC 7112 5) */
};

struct packet6 {
	__u32 l3, l4;	   /* where these headers begin in the frame */
	__u32 len;	   /* from the IPv6 header on, as that says */
	__u32 fragment_at; /* the fragment header; 0: none */
	__be32 id;
	__u16 offset; /* of the fragment, in octets */
	__u16 head;   /* octets of the L4 header that were read */
	__u8 more;    /* fragments follow */
	__u8 hops, class;
	__u8 extended; /* it has extension headers other than that of fragments */
	__u8 tcp_flags;
	__u8 type, code; /* of ICMPv6 */
	__u8 pad;
	__be32 label; /* the flow label */
	struct nat_tuple6 tuple;
};

struct head6 {
	__be32 first; /* version, class, label */
	__be16 len;
	__u8 next, hops;
	struct nat_address6 src, dst;
};

struct fragment_head6 {
	__u8 next, reserved;
	__be16 offset;
	__be32 id;
};

/* The first eight octets, of ICMPv4 as well. */
struct icmp_head6 {
	__u8 type, code;
	__sum16 checksum;
	union {
		struct {
			__be16 id, sequence;
		};
		__be32 value; /* of errors */
	};
};

enum {
	HEAD6 = sizeof(struct head6),
	FRAGMENT_HEAD6 = sizeof(struct fragment_head6),
	EXTENSIONS6 = 8, /* headers that are walked; who has more is dropped */
	NEXT_HOPS = 0,
	NEXT_ROUTING = 43,
	NEXT_FRAGMENT = 44,
	NEXT_ICMP6 = 58,
	NEXT_NONE = 59,
	NEXT_OPTIONS = 60,
	ROUTING_MOBILE = 2, /* RFC 6275 6.4: leads to another address of the same host */
	ICMP6_UNREACHABLE = 1,
	ICMP6_TOO_BIG = 2,
	ICMP6_TIME = 3,
	ICMP6_PARAMETER = 4,
	ICMP6_ECHO = 128,
	ICMP6_ECHO_REPLY = 129,
	ICMP6_GROUPS_FIRST = 130, /* and routers, neighbours, redirects up to 137 */
	ICMP6_ROUTER_FIRST = 133,
	ICMP6_NEIGHBOURS_LAST = 137,
	ICMP6_GROUPS2 = 143,
};

/* Where the headers are read from. */
enum packet6_in { PACKET6_SKB, PACKET6_XDP };

static __always_inline long frame_load(void *frame, enum packet6_in in, __u32 at, void *to,
				       __u32 len)
{
	return in == PACKET6_XDP ? bpf_xdp_load_bytes(frame, at, to, len)
				 : bpf_skb_load_bytes(frame, at, to, len);
}

struct walk6 {
	__u32 at, end;
	__u8 next;
	bool quoted; /* by an ICMPv6 error: its end may be cut off */
};

static __always_inline enum packet6_kind packet6_fragment(void *frame, enum packet6_in in,
							  struct walk6 *w, struct packet6 *p)
{
	struct fragment_head6 f;
	if (p->fragment_at != 0 || w->at + sizeof(f) > w->end ||
	    frame_load(frame, in, w->at, &f, sizeof(f)) != 0) {
		return PACKET6_FORMAT;
	}
	__u16 word = bpf_ntohs(f.offset);
	p->fragment_at = w->at;
	p->id = f.id;
	p->offset = word & 0xfff8;
	p->more = word & 1;
	w->at += sizeof(f);
	w->next = f.next;
	/* RFC 8200 4.5: all but the last are of multiples of 8 octets, and none ends beyond 65535.
	 */
	__u32 part = w->end - w->at;
	if (!w->quoted && ((p->more != 0 && (part & 7) != 0) || p->offset + part > 65535)) {
		return PACKET6_FORMAT;
	}
	return p->offset != 0 ? PACKET6_FRAGMENT : PACKET6_FLOW;
}

/* One header that is not the last: PACKET6_FLOW: go on. */
static __always_inline enum packet6_kind packet6_step(void *frame, enum packet6_in in,
						      struct walk6 *w, struct packet6 *p)
{
	__u8 head[4];
	if (w->next == NEXT_FRAGMENT) {
		return packet6_fragment(frame, in, w, p);
	}
	if (frame_load(frame, in, w->at, head, sizeof(head)) != 0) {
		return PACKET6_FORMAT;
	}
	/* RFC 5095: type 0 is gone. Any other that has a way to go would be judged by an address
	 * that it does not end at. */
	if (w->next == NEXT_ROUTING && head[3] != 0 && head[2] != ROUTING_MOBILE) {
		return PACKET6_FORMAT;
	}
	p->extended = 1;
	w->next = head[0];
	w->at += (head[1] + 1u) * 8;
	return w->at > w->end && !w->quoted ? PACKET6_FORMAT : PACKET6_FLOW;
}

static __always_inline enum packet6_kind packet6_tcp(void *frame, enum packet6_in in,
						     const struct walk6 *w, struct packet6 *p)
{
	struct tcphdr tcp;
	__u32 room = w->end - w->at;
	if (room < sizeof(tcp) || frame_load(frame, in, w->at, &tcp, sizeof(tcp)) != 0) {
		return PACKET6_FORMAT;
	}
	__u32 head = tcp.doff * 4u;
	p->tcp_flags = ((const __u8 *)&tcp)[13];
	p->tuple.sport = tcp.source;
	p->tuple.dport = tcp.dest;
	p->head = (__u16)head;
	__u32 ends = p->tcp_flags & (TCP_SYN | TCP_FIN | TCP_RST);
	if ((ends & (ends - 1)) != 0 && ends != (TCP_FIN | TCP_RST)) {
		return PACKET6_FORMAT;
	}
	if ((ends | (p->tcp_flags & TCP_ACK)) == 0 || tcp.source == 0 || tcp.dest == 0) {
		return PACKET6_FORMAT;
	}
	return head < sizeof(tcp) || head > room ? PACKET6_FORMAT : PACKET6_FLOW;
}

static __always_inline enum packet6_kind packet6_udp(void *frame, enum packet6_in in,
						     const struct walk6 *w, struct packet6 *p)
{
	struct udphdr udp;
	__u32 room = w->end - w->at;
	if (room < sizeof(udp) || frame_load(frame, in, w->at, &udp, sizeof(udp)) != 0) {
		return PACKET6_FORMAT;
	}
	__u32 len = bpf_ntohs(udp.len);
	p->tuple.sport = udp.source;
	p->tuple.dport = udp.dest;
	p->head = sizeof(udp);
	/* A fragment has less than its datagram says; a GSO packet has more than 16 bits can. */
	if (len != 0 && (len < sizeof(udp) || (len > room && p->more == 0))) {
		return PACKET6_FORMAT;
	}
	return udp.dest == 0 ? PACKET6_FORMAT : PACKET6_FLOW;
}

static __always_inline enum packet6_kind packet6_icmp(void *frame, enum packet6_in in,
						      const struct walk6 *w, struct packet6 *p)
{
	struct icmp_head6 icmp;
	__u32 room = w->end - w->at;
	if (room < sizeof(icmp) || frame_load(frame, in, w->at, &icmp, sizeof(icmp)) != 0) {
		return room >= 4 && room < sizeof(icmp) ? PACKET6_ALIEN : PACKET6_FORMAT;
	}
	p->type = icmp.type;
	p->code = icmp.code;
	p->head = sizeof(icmp);
	if (icmp.type == ICMP6_ECHO) {
		p->tuple.sport = icmp.id;
		return PACKET6_FLOW;
	}
	if (icmp.type == ICMP6_ECHO_REPLY) {
		p->tuple.dport = icmp.id;
		return PACKET6_FLOW;
	}
	if (icmp.type >= ICMP6_UNREACHABLE && icmp.type <= ICMP6_PARAMETER) {
		/* RFC 4443 2.4 c: an error about a fragment, or one in fragments, is none. */
		return p->fragment_at != 0 ? PACKET6_FORMAT : PACKET6_ERROR;
	}
	if ((icmp.type >= ICMP6_GROUPS_FIRST && icmp.type <= ICMP6_NEIGHBOURS_LAST) ||
	    icmp.type == ICMP6_GROUPS2) {
		return p->fragment_at != 0 ? PACKET6_FORMAT : PACKET6_LINK; /* RFC 6980 */
	}
	return PACKET6_ALIEN;
}

static __always_inline enum packet6_kind
packet6_quoted_ports(void *frame, enum packet6_in in, const struct walk6 *w, struct packet6 *p)
{
	struct icmp_head6 icmp; /* eight octets of whatever it is */
	if (frame_load(frame, in, w->at, &icmp, sizeof(icmp)) != 0) {
		return PACKET6_FORMAT;
	}
	const __be16 *port = (const __be16 *)&icmp;
	switch (w->next) {
	case IPPROTO_TCP:
	case IPPROTO_UDP:
		p->tuple.sport = port[0];
		p->tuple.dport = port[1];
		return PACKET6_FLOW;
	case NEXT_ICMP6:
		p->type = icmp.type;
		p->code = icmp.code;
		if (icmp.type != ICMP6_ECHO && icmp.type != ICMP6_ECHO_REPLY) {
			return PACKET6_ALIEN; /* RFC 4443 2.4 e: no error about an error */
		}
		p->tuple.sport = icmp.type == ICMP6_ECHO ? icmp.id : 0;
		p->tuple.dport = icmp.type == ICMP6_ECHO ? 0 : icmp.id;
		return PACKET6_FLOW;
	default: return PACKET6_FLOW;
	}
}

static __always_inline enum packet6_kind packet6_ports(void *frame, enum packet6_in in,
						       const struct walk6 *w, struct packet6 *p)
{
	p->l4 = w->at;
	p->tuple.proto = w->next;
	if (w->quoted) {
		return packet6_quoted_ports(frame, in, w, p);
	}
	switch (w->next) {
	case IPPROTO_TCP: return packet6_tcp(frame, in, w, p);
	case IPPROTO_UDP: return packet6_udp(frame, in, w, p);
	case NEXT_ICMP6: return packet6_icmp(frame, in, w, p);
	case IPPROTO_ICMP: /* of the other family: nobody may mean it */
	case NEXT_NONE: return PACKET6_ALIEN;
	default: return PACKET6_FLOW;
	}
}

static __always_inline bool is_extension6(__u8 next)
{
	return next == NEXT_HOPS || next == NEXT_ROUTING || next == NEXT_FRAGMENT ||
	       next == NEXT_OPTIONS;
}

/* p->l3 says where it begins; room: octets from there on, quoted or not. gso: its length field may
 * be 0, then it is as long as the frame. p->tuple.zone is left to the caller. */
static __always_inline enum packet6_kind packet6_read(void *frame, enum packet6_in in, __u32 room,
						      bool gso, bool quoted, struct packet6 *p)
{
	struct head6 head;
	__u32 l3 = p->l3;
	if (frame_load(frame, in, l3, &head, sizeof(head)) != 0) {
		return PACKET6_FORMAT;
	}
	__u32 first = bpf_ntohl(head.first);
	__u32 len = HEAD6 + bpf_ntohs(head.len);
	if (first >> 28 != 6) {
		return PACKET6_FORMAT;
	}
	if (gso && head.len == 0) {
		len = room;
	}
	if (len > room && !quoted) {
		return PACKET6_FORMAT;
	}
	p->len = len;
	p->fragment_at = 0;
	p->id = 0;
	p->offset = 0;
	p->head = 0;
	p->more = 0;
	p->hops = head.hops;
	p->class = (__u8)(first >> 20);
	p->label = head.first & bpf_htonl(0xfffff);
	p->extended = 0;
	p->tcp_flags = 0;
	p->type = 0;
	p->code = 0;
	p->tuple.src = head.src;
	p->tuple.dst = head.dst;
	p->tuple.sport = 0;
	p->tuple.dport = 0;
	p->tuple.pool = 0;
	struct walk6 w = {.at = l3 + HEAD6, .end = l3 + len, .next = head.next, .quoted = quoted};
	for (int i = 0; i < EXTENSIONS6; i++) {
		if (!is_extension6(w.next)) {
			break;
		}
		if (w.next == NEXT_HOPS && i != 0) {
			return PACKET6_FORMAT; /* RFC 8200 4.1: the first, or nowhere */
		}
		enum packet6_kind kind = packet6_step(frame, in, &w, p);
		if (kind != PACKET6_FLOW) {
			p->l4 = w.at;
			p->tuple.proto = w.next;
			return kind == PACKET6_FORMAT && p->more != 0 ? PACKET6_TINY : kind;
		}
	}
	if (is_extension6(w.next)) {
		return PACKET6_FORMAT;
	}
	enum packet6_kind kind = packet6_ports(frame, in, &w, p);
	return kind == PACKET6_FORMAT && p->more != 0 ? PACKET6_TINY : kind;
}

#endif
