/* A flow that is about to begin: what is known of it while it is being decided, and the words in
 * which a decision ends. Knows no table.
 */
#ifndef NAT_BPF_OPENING_H
#define NAT_BPF_OPENING_H

#include "service/nat/bpf/hop.h"
#include "service/nat/bpf/tcp.h"

/* Functions here that are not static are judged by the verifier once, by themselves, and not anew
 * on each way that leads to them: so they may be given NULL, and believe nothing of what they are
 * given.
 *
 * A decision is one of these, or enum nat_counter of why the packet is dropped (all are above 0).
 */
enum {
	OPEN_GO = 0,
	OPEN_PASS = -1,	  /* to the machine's own stack, without a flow */
	OPEN_REJECT = -2, /* dropped by a rule that tells so */
	OPEN_TTL = -3,	  /* allowed, but its time is over */
	OPEN_SIX = -4,	  /* NAT64's, by its port */
};

enum opening_kind {
	OPENING_ROUTED,
	OPENING_MACHINE, /* to the machine itself */
	OPENING_MAPPED,	 /* to the mapping `number` */
	OPENING_FORWARD, /* by the forward `number` */
};

struct opening {
	/* As the packet has it, and as an answer to it will come in: what is translated is the
	 * second one's dst and dport (source) and src and sport (destination). */
	struct nat_tuple4 tuple[2];
	struct hop_question q;
	enum hop_way way;
	enum opening_kind kind;
	__u32 number;
	__u32 slot;    /* of the public address that it came to */
	__u32 mapping; /* held for it */
	__u16 wanted;  /* public port, host order */
	int why;       /* begin: none came to be */
	__be32 host;   /* whose limit it counts for */
	__u16 rule;
	__u8 flags; /* enum nat_flow_flag */
	bool log;
	bool counted; /* by the host */
	bool begins;  /* TCP: a SYN; ICMP: a query */
	bool alien;   /* its protocol cannot be translated */
	bool routed;  /* its source is known to the world */
	bool group;   /* to a broadcast or multicast address of the link */
	__u8 icmp_type, icmp_code, ttl;
};

static __always_inline void opening_init(struct opening *o, const struct packet *p, __u32 ifindex,
					 __u32 now)
{
	__builtin_memset(o, 0, sizeof(*o));
	o->tuple[0] = p->tuple;
	o->tuple[1] = (struct nat_tuple4){
		.src = p->tuple.dst,
		.dst = p->tuple.src,
		.sport = p->tuple.dport,
		.dport = p->tuple.sport,
		.proto = p->tuple.proto,
	};
	o->q.tuple = p->tuple;
	o->q.ifindex = ifindex;
	o->q.now = now;
	o->q.tos = p->tos;
	o->wanted = bpf_ntohs(p->tuple.sport);
	o->icmp_type = p->icmp_type;
	o->icmp_code = p->icmp_code;
	o->ttl = p->ttl;
	o->begins = true;
	if (p->tuple.proto == IPPROTO_TCP) {
		o->begins = tcp_opens(p->tcp_flags);
	} else if (p->tuple.proto == IPPROTO_ICMP) {
		o->begins = p->icmp_type == ICMP_ECHO || p->icmp_type == ICMP_TIMESTAMP;
	}
}

/* Too large for a stack that eight functions share. One packet at a time is opened on a processor.
 */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct opening);
} openings SEC(".maps");

static __always_inline struct opening *opening_get(void)
{
	__u32 zero = 0;
	return bpf_map_lookup_elem(&openings, &zero);
}

static __always_inline bool opening_inside(const struct opening *o)
{
	return o->tuple[0].zone != NAT_ZONE_OUTSIDE;
}

/* enum nat_port_space, or NAT_SPACES: it has no ports. */
static __always_inline __u32 space_of(__u8 proto)
{
	switch (proto) {
	case IPPROTO_TCP: return NAT_SPACE_TCP;
	case IPPROTO_UDP: return NAT_SPACE_UDP;
	case IPPROTO_ICMP: return NAT_SPACE_ICMP;
	default: return NAT_SPACES;
	}
}

/* Asks for the way to where it now goes. */
static __always_inline enum hop_way opening_hop(void *packet, struct opening *o)
{
	o->q.tuple.dst = o->tuple[1].src;
	o->q.tuple.dport = o->tuple[1].sport;
	o->way = hop_ask(packet, &o->q);
	return o->way;
}

#endif
