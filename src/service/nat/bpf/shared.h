/* What the data plane and the service share: the records that lie in the maps, for both to read and
 * write. Knows neither the kernel's helpers nor the service.
 *
 * Addresses and ports are in network order as they lie in packets; everything else is the host's.
 * Times are ticks of CLOCK_MONOTONIC: nanoseconds >> NAT_TICK_SHIFT (0.134 s), which 32 bits hold
 * for 18 years. Index 0 of flows, mappings and forwards is never used: 0 means none.
 *
 *	packet -> device (zone) -> tuple -> legs4: rewrite, next hop, send
 *	                                       | miss
 *	                                       v
 *	              source check, local?, mapping or forward or port, rules -> a new flow
 */
#ifndef NAT_BPF_SHARED_H
#define NAT_BPF_SHARED_H

#include <linux/types.h>

#define NAT_LAYOUT     2  /* of all pinned maps; another number, another folder of pins */
#define NAT_BUILD_LEN  32 /* of what names a build of the programs, for who takes them over */
#define NAT_TICK_SHIFT 27

#define NAT_DEVICES 4096 /* slots of map devices; a power of two */
#define NAT_PUBLICS 256	 /* public IPv4 addresses */
/* Rules, rates and forwards lie in two sets each, see struct nat_set. */
#define NAT_SET_RULES	 1024
#define NAT_SET_RATES	 256
#define NAT_SET_FORWARDS 1024
#define NAT_FORWARDS	 (2 * NAT_SET_FORWARDS)
#define NAT_RULES	 (2 * NAT_SET_RULES)
#define NAT_RATES	 (2 * NAT_SET_RATES)
#define NAT_PORTS	 65536u
#define NAT_ZONES	 32 /* their masks are 32 bits */

/* The skb's mark of what has been translated already, from where it was to nat_tc_out, which takes
 * it off. The service sets it on the sockets by which it sends on what the programs gave to it. */
#define NAT_MARK 0x6e617434

/* --- zones and devices ------------------------------------------------------------------------ */

enum nat_zone {
	NAT_ZONE_GATEWAY = 0, /* the machine itself */
	NAT_ZONE_OUTSIDE = 1,
	NAT_ZONE_INSIDE = 2, /* the first of the inside zones; others follow in the file's order */
	/* Only in map sources4, sources6: */
	NAT_ZONE_BOGON = 31, /* nobody outside may claim it: private, reserved, loopback */
};

/* Map sources4: the longest prefix says where an address belongs; who is not there is in the world,
 * outside. Our own and public addresses stand in it with all 32 bits, zone gateway; the network of
 * an uplink with zone outside where it is private (NAT behind NAT). */
struct nat_source_key4 {
	__u32 bits;
	__be32 address;
};

enum nat_source_flag {
	NAT_SOURCE_ROUTED = 1 << 0, /* known to the world: not translated on its way out; from
				     * outside the rules decide */
};

struct nat_source {
	__u8 zone, flags;
	__u16 pad;
};

/* Map locals4, by address: the machine's own and the public ones (which need not be its own). */
enum nat_local_flag {
	NAT_LOCAL_HERE = 1 << 0,    /* the machine has it on a device */
	NAT_LOCAL_OUTSIDE = 1 << 1, /* may be the source of what leaves by an outside device */
};

#define NAT_NO_PUBLIC 0xffff

struct nat_local {
	__u16 public_slot; /* in map publics; NAT_NO_PUBLIC */
	__u16 flags;
};

enum nat_device_flag {
	NAT_DEVICE_OUTSIDE = 1 << 0,
	NAT_DEVICE_ETHER = 1 << 1,    /* frames have an Ethernet header */
	NAT_DEVICE_XDP_SEND = 1 << 2, /* XDP may redirect to it: it stands in map xdp_ports */
	/* What comes from this inside device to the machine itself goes by the rules, without a
	 * flow: TCP only by its SYN, ICMP only by its queries, all else by each packet. Set where
	 * there are such rules; without it the machine is open to the device. */
	NAT_DEVICE_JUDGED = 1 << 3,
	/* A veth: tc puts what leaves by it straight into its other end, in another network
	 * namespace. Who stands on the way out of the device sees nothing of it, our guard neither:
	 * only what we have translated goes this way. */
	NAT_DEVICE_PEER = 1 << 4,
};

/* Map devices: at ifindex & (NAT_DEVICES - 1); the slot counts only if its ifindex is the same. */
struct nat_device {
	__u32 ifindex; /* 0: nobody */
	__u32 mtu;
	__u8 mac[6];
	__u16 flags;
	/* Outside devices: their public addresses are publics[first .. first + n). */
	__u16 public_first, public_n;
	__u8 zone;
	__u8 pad[7];
	__be32 address; /* its own: what we say of errors comes from it. 0: it has none */
};

/* Map publics: a public IPv4 address; its place is its number in map ports. */
struct nat_public {
	__be32 address; /* 0: the place is free */
	__u32 ifindex;
};

/* Which of n public addresses is a host's that had none: the upper bits of the product, as only
 * they depend on all of the address; what tells a network's hosts apart is its last octet, the
 * highest here. */
static inline __u32 nat_public_spread(__be32 address, __u32 n)
{
	__u32 spread = address * 0x9e3779b1u;
	return (__u32)((__u64)spread * n >> 32);
}

/* --- flows ------------------------------------------------------------------------------------ */

/* Who sends to whom, as a packet has it where it comes in. ICMP: a query goes from port identifier
 * to port 0, its answer from 0 to identifier, so that neither passes for the other. Compared and
 * hashed as two 64-bit words. */
struct nat_tuple4 {
	__be32 src, dst;
	__be16 sport, dport;
	__u8 proto;
	__u8 zone;  /* where it comes in: the far side cannot speak as somebody inside */
	__u16 pool; /* of a mapping: nat_device.public_first of its uplink; of a flow: 0 */
};

/* Map mapping_index: a tuple's hash (index.h) names two buckets, each one cache
 * line. A place holds 8 bits of the hash above the number; 0 is free. */
#define NAT_BUCKET_PLACES 15
#define NAT_NUMBER_BITS	  24
#define NAT_NUMBERS	  (1u << NAT_NUMBER_BITS) /* entries of a table of records, at most */

struct nat_bucket {
	__u32 place[NAT_BUCKET_PLACES];
	__u32 beyond; /* how many whose first bucket this is lie in their second */
};

/* Map pools: which numbers of a table are free. Those given back hang together by the record's
 * first word after its tuples (flows4: mapping; mappings4: address). */
enum nat_pool_of {
	NAT_POOL_FLOWS4,
	NAT_POOL_MAPPINGS4,
	NAT_POOL_FLOWS6, /* shared6.h */
	NAT_POOL_MAPPINGS6,
	NAT_POOLS
};

struct nat_pool {
	__u64 free;  /* the first of them; the upper half counts takings, against ABA */
	__u32 fresh; /* numbers up to this one have been used; begins with 0 */
	__u32 used;
};

enum nat_life {
	NAT_FREE = 0,
	NAT_LIVE,
	NAT_DEAD, /* out of the index; its number is given again at the sweep after the next */
};

/* Classes of idle times, in nat_settings.idle. */
enum nat_idle {
	NAT_IDLE_TCP_OPENING, /* before both sides have spoken, and half closed: RFC 5382 REQ-5,
				 7857 */
	NAT_IDLE_TCP,	      /* established */
	NAT_IDLE_TCP_CLOSING, /* both FIN, or RST */
	NAT_IDLE_UDP,
	NAT_IDLE_UDP_DNS, /* port 53 */
	NAT_IDLE_ICMP,
	NAT_IDLE_OTHER,
	NAT_IDLE_FRAGMENT, /* what is kept of a fragmented datagram */
	NAT_IDLE_N,
};

enum nat_tcp { /* RFC 7857 section 2.2, after 6146 3.5.2 */
	       NAT_TCP_NONE = 0,
	       NAT_TCP_INIT,	    /* SYN of the originator seen */
	       NAT_TCP_ANSWERED,    /* and one of the other side */
	       NAT_TCP_ESTABLISHED, /* and the originator has acknowledged it: he is who he says */
	       NAT_TCP_FIN_0,	    /* the originator has ended */
	       NAT_TCP_FIN_1,	    /* the other side has */
	       NAT_TCP_FIN_BOTH,
	       NAT_TCP_TRANSITORY, /* a RST was seen */
};

enum nat_flow_flag {
	NAT_FLOW_HAIRPIN = 1 << 0,
	NAT_FLOW_GATEWAY = 1 << 1, /* one end is the machine itself */
	NAT_FLOW_FORWARD =
		1 << 2, /* begun from the far side, by a forward or a host's own mapping */
	NAT_FLOW_REPLIED = 1 << 3,
	NAT_FLOW_LOGGED = 1 << 4, /* its beginning was told, so its end is */
	NAT_FLOW_END = 1 << 5,	  /* set by the service: the sweep ends it, whoever sends */
};

/* Where a packet leaves. Valid while gen is nat_settings.hop_gen and the age is short.
 */
struct nat_hop {
	__u32 ifindex; /* 0: unknown */
	__u16 mtu;     /* of the route */
	__u16 gen;
	__u16 looked; /* lower half of the tick of the look-up */
	__u16 flags;  /* nat_device_flag of that device */
	__u8 dmac[6], smac[6];
};

/* The next hop of a leg: valid while gen is nat_settings.hop_gen and the age is short. */
struct nat_way4 {
	__u8 dmac[6];
	__u16 mtu; /* of the route; 0: the hop is unknown */
	__u16 gen;
	__u16 looked; /* lower half of the tick of the look-up */
	__u16 slot;   /* in map devices */
};

#define NAT_LEG_ANSWERS 0x80000000u

enum nat_leg_flag {
	NAT_LEG_QUIET = 1 << 0, /* its packets change nothing in the flow, unless TCP says so */
};

/* One direction of a flow: all that a packet of it reads and changes. Where it lies in map legs4
 * its tuple says (leg.h). It is given again only when it has been free for a while, so that nobody
 * who still holds it sees another one in it. */
struct nat_leg4 {
	struct nat_tuple4 in; /* as it comes in; src 0: nobody's */
	__be32 src, dst;      /* as it leaves */
	__be16 sport, dport;
	__u32 flow;  /* its number, with NAT_LEG_ANSWERS for who answers; 0: free */
	__u64 bytes; /* of IP */
	__u32 seen;  /* tick of its last packet, or of its end */
	__u8 zone;   /* where it goes */
	__u8 flags;  /* enum nat_leg_flag */
	/* Of the pair. In its first leg: how many whose first pair this is lie in others; in its
	 * second: in which of their pairs, one bit for each. */
	__u16 beyond;
	__u16 rules_gen; /* allowed under these rules */
	struct nat_way4 way;
};

/* Map legs4. Two legs are neighbours, as a processor fetches two lines at a time. */
struct nat_pair4 {
	struct nat_leg4 leg[2];
};

/* Map flows4: what both directions share. The two tuples say everything: a packet that comes in as
 * tuple[d] leaves with the other one's ends exchanged: src = tuple[!d].dst, dst = tuple[!d].src. */
struct nat_flow4 {
	struct nat_tuple4 tuple[2]; /* of the originator; of the answers */
	__u32 mapping;		    /* 0: no port is held for it */
	__u32 seen;		    /* no later than its legs' */
	__u8 life, tcp, idle, flags;
	__u16 rules_gen; /* allowed under these rules */
	__u16 rule;	 /* which one allowed it; 0: none had to */
	__u32 born;
	__be32 host;  /* in map hosts: whose limit it counts for; 0: nobody's */
	__u32 leg[2]; /* where they lie: the pair's number << 1 | which of it */
};

/* Map mappings4: an inside endpoint has this public one (RFC 4787 REQ-1). refs counts flows, and
 * one for whoever keeps it open without any (a mapping made by PCP). */
struct nat_mapping4 {
	/* As the inside host sends; dst and dport 0 where the mapping is endpoint-independent,
	 * dport 0 where it is address-dependent. */
	struct nat_tuple4 in;
	__be32 address;
	__be16 port;
	__u8 life, flags; /* enum nat_mapping_flag */
	__u32 refs;	  /* 0: it is ending */
	__u32 born, seen; /* seen: the last flow began, or it ended */
	__u32 until;	  /* kept open by its maker until this tick; 0: lives with its flows */
	__u16 public_slot;
	__u16 filter; /* in map filters4: who of those outside may send to it; 0: as flags say */
	__u32 pads[5];
};

/* Map filters4: the far ends that a held mapping is for (RFC 6887 13.3). Number 0 is nobody's. */
#define NAT_FILTERS	 1024
#define NAT_FILTER_PEERS 8

struct nat_filter4 {
	struct nat_peer4 {
		__be32 address, mask;
		__be16 port; /* 0: any */
		__u16 used;
	} peer[NAT_FILTER_PEERS];
};

enum nat_mapping_flag {
	NAT_MAPPING_OPEN = 1 << 0, /* endpoint-independent filtering */
	NAT_MAPPING_HELD = 1 << 1, /* made by PCP, NAT-PMP, UPnP or an administrator */
	NAT_MAPPING_SELF = 1 << 2, /* the gateway's own socket */
	/* Was open for a while. Where it has ended: its port rests (RFC 6888 REQ-8), whose word
	 * still names it. */
	NAT_MAPPING_RESTS = 1 << 3,
};

/* What nat_hold, a program of type syscall, is run with: a mapping for a host that asked for one is
 * made, or the one that is there is kept open. To end it the service writes a tick that is past
 * into nat_mapping4.until, and the sweep does the rest. */
struct nat_hold {
	struct nat_tuple4 in; /* as in nat_mapping4, pool 0 */
	__u32 ifindex;	      /* the uplink */
	__u32 until;	      /* tick; 0: for ever */
	__u32 now;	      /* tick */
	__u16 port;	      /* wanted, host order; another when it is taken */
	__u16 filter;	      /* as in nat_mapping4 */
	__u8 open;	      /* endpoint-independent filtering */
	__u8 pad[3];
	/* The answer. */
	__be32 address;
	__be16 port_given;
	__u16 why; /* enum nat_counter; 0: it is there */
	__u32 mapping;
};

/* What nat_ask, a program of type syscall, is run with: whether a packet would belong to a flow. */
struct nat_asked {
	struct nat_tuple4 tuple;
	__u32 found; /* the answer */
};

/* Map ports: for each public address and each of these three, NAT_PORTS entries; value as below. */
enum nat_port_space { NAT_SPACE_TCP, NAT_SPACE_UDP, NAT_SPACE_ICMP, NAT_SPACES };
#define NAT_PORT_AT(slot, space, port) (((__u32)(slot)*NAT_SPACES + (space)) * NAT_PORTS + (port))
/* Two ports in each record of the map, so that its memory is an array of __u32 by NAT_PORT_AT. */
struct nat_ports {
	__u32 whose[2];
};
#define NAT_PORT_FREE	 0u
#define NAT_PORT_GATEWAY 0xffffffffu /* kept for the machine's own services */
#define NAT_PORT_FORWARD 0x80000000u /* | the number in map forwards4 */
/* else the number in map mappings4 */

/* Map forwards4: what is sent to a public port goes to a host inside. */
struct nat_forward4 {
	__be32 to;	   /* 0: the place is free, or its host has no address now */
	__be16 to_first;   /* the inside port that the first outside one goes to; 0: the same */
	__u16 first, last; /* host order: outside ports */
	__u8 space;	   /* enum nat_port_space */
	__u8 zone;	   /* of the host */
	/* A new flow by it is judged by the set's first rules_own, so that who is dropped there
	 * is dropped here. Where none matches, rules[rule .. rule + rules_n) say who may; rules_n
	 * 0: everybody. */
	__u16 rule;
	__u16 rules_n;
};

/* --- hosts ------------------------------------------------------------------------------------ */

/* IPv4 addresses are mapped: ::ffff:a.b.c.d. */
struct nat_host_key {
	__u8 address[16];
};

enum nat_host_flag {
	NAT_HOST_OPEN = 1 << 0,		/* full cone: filtering is endpoint-independent */
	NAT_HOST_MAP_ADDRESS = 1 << 1,	/* mapping depends on the far address */
	NAT_HOST_MAP_ENDPOINT = 1 << 2, /* and on its port */
	NAT_HOST_CONFIGURED = 1 << 3,	/* stands in the configuration: is not forgotten */
	NAT_HOST_PARITY = 1 << 4,	/* RFC 4787 REQ-4: a port of the same parity */
	NAT_HOST_FORWARDED = 1 << 5,	/* a forward goes to it */
};

/* Map hosts. Made at the first flow from settings' defaults, or by the service; forgotten by the
 * sweep when it has had no flow for a while. flows counts mappings that are held as well. */
struct nat_host {
	__u32 flows, flows_max;
	__u32 flags;
	__u32 block;	   /* port-block allocation: first port << 16 | ports; 0: none */
	__u16 public_slot; /* paired pooling: its public address; NAT_NO_PUBLIC: none yet */
	__u16 pad;
	__u64 bytes_out, bytes_in; /* of ended flows */
	__u64 flows_begun, flows_refused;
	__u32 seen;
	__u32 away; /* mappings whose public port is not the port that it has itself */
};

/* Map blocks: whether these ports of a public address are somebody's; settings.block_n of them from
 * port_low + block * block_n on. */
#define NAT_BLOCKS		  1024 /* of each public address, at most */
#define NAT_BLOCK_AT(slot, block) ((__u32)(slot)*NAT_BLOCKS + (block))

/* --- rules ------------------------------------------------------------------------------------ */

enum nat_action { NAT_ALLOW = 1, NAT_DROP, NAT_REJECT };

/* Map rules; the first of the set in force that matches decides, for the first packet of a flow and
 * again when rules_gen has moved; where none does, it is dropped. The first rules_own of them are
 * the administrator's, the others what holds without him; behind rules_n lie those of whom nobody
 * is translated to, then those of forwards.
 * Addresses as the packet has them after a forward's destination is known and
 * before its source is rewritten; IPv4 ones mapped. Number 0 is never used. */
struct nat_rule {
	__u32 from, to; /* masks of 1 << zone */
	__u8 src[16], dst[16];
	__u8 src_bits, dst_bits;   /* of 128; IPv4: 96 and more; 0: any, of both families */
	__u8 proto;		   /* 0: any */
	__u8 action;		   /* enum nat_action */
	__u16 src_first, src_last; /* ports in host order, 0 to 65535: any */
	__u16 dst_first, dst_last; /* ICMP: type << 8 | code */
	__u16 rate; /* number in map rates; 0: none. Over the rate: as if not matched */
	__u16 line; /* of the configuration, for people */
	__u8 log;
	__u8 pad[7]; /* one cache line */
};

/* Map rates: token buckets. */
struct nat_rate {
	__u64 full_ns;	/* instant at which the bucket is full again */
	__u32 cost_us;	/* of one packet: microseconds, so that a few a minute can be said */
	__u32 depth_us; /* burst * cost_us */
};

/* --- settings and counts ---------------------------------------------------------------------- */

enum nat_setting_flag {
	NAT_SETTING_ANSWER = 1 << 0,	 /* tell who is refused by ICMP, unless silent */
	NAT_SETTING_FORWARDING = 1 << 1, /* off: nothing new begins (the service says why) */
	NAT_SETTING_LOG =
		1 << 2, /* every mapping made and ended goes to the ring, whatever the rate */
	NAT_SETTING_LOG_FLOWS = 1 << 4, /* the same for flows begun and ended */
};

/* The rules and forwards of one configuration: rules[rule_first .. + rules_n), and so on. The
 * service writes the set that is not in force, then puts nat_settings.set to it: one store, so that
 * nobody meets half of one. Ports go to the new set's forwards after that, one by one. */
struct nat_set {
	__u32 rule_first, rules_n;
	__u16 rules_own; /* the first of them, which hold for forwards too */
	__u16 plain_n;	 /* behind rules_n: to whom nobody is translated; action is of no matter */
	__u32 forward_first;
	__u16 forwards_n;
	/* Behind plain_n: what a proxy takes. NAT_ALLOW: it does; NAT_REJECT: it would pass by
	 * the proxy (QUIC), and is refused; NAT_DROP: it is left alone. */
	__u16 taken_n;
};

/* Map settings: one, rewritten by the service at any time, each field for itself. The first 64
 * octets are what every packet needs. */
struct nat_settings {
	__u64 seed[2];	    /* of the index's hash; never changes while flows live */
	__u32 flow_pairs;   /* of map legs4 */
	__u32 mapping_mask; /* buckets of mapping_index, less one */
	__u16 hop_gen, rules_gen;
	__u32 flags;
	__u32 idle[NAT_IDLE_N]; /* ticks */
	struct nat_set sets[2];
	__u32 set;			  /* 0 or 1: which is in force */
	__u32 flows_max, mappings_max;	  /* less than the maps' size: number 0 is not used */
	__u32 host_flows_max, host_flags; /* of hosts without a record */
	__u16 block_n;			  /* port-block allocation: ports for each host; 0: off */
	__u16 port_low, port_high;	  /* range of fallback ports, host order */
	__u16 events_s;			  /* events a second at most */
	__u8 ttl_answers_s;		  /* TTL exceeded a second at most, in tens */
	__u8 pad[3];
	__u32 sweep_n;	/* flows looked at in each turn of the sweep */
	__u32 sweep_ns; /* between turns */
};

/* Map counters: one struct nat_counts for each processor. The text is nat_counter_name's
 * (service/nat/counter.h). */
enum nat_counter {
	NAT_C_PACKETS,	  /* seen on any device */
	NAT_C_TRANSLATED, /* sent on by us */
	NAT_C_PASSED,	  /* left to the machine's own stack */
	NAT_C_FLOWS_BEGUN,
	NAT_C_FLOWS_ENDED,
	NAT_C_PORT_KEPT,
	NAT_C_PORT_OTHER,
	/* dropped, each for one cause */
	NAT_C_DROP_FORMAT, /* torn, lying lengths, impossible header */
	NAT_C_DROP_CHECKSUM,
	NAT_C_DROP_SPOOFED, /* a source that cannot come from there */
	NAT_C_DROP_BOGON,
	NAT_C_DROP_RULE,     /* refused by a rule */
	NAT_C_DROP_UNASKED,  /* from outside, to nobody: default deny */
	NAT_C_DROP_FILTERED, /* to a mapping that this sender was not asked by */
	NAT_C_DROP_NO_FLOW,  /* TCP without a SYN, an error or answer about nothing we know */
	NAT_C_DROP_TABLE_FULL,
	NAT_C_DROP_HOST_FULL,
	NAT_C_DROP_NO_PORT,
	NAT_C_DROP_TTL,
	NAT_C_DROP_MTU,	     /* too big with DF set: told by ICMP */
	NAT_C_DROP_FRAGMENT, /* tiny, overlapping, too many, too late */
	NAT_C_DROP_ICMP,     /* an error with forged insides */
	NAT_C_DROP_NO_ROUTE,
	NAT_C_DROP_LEAK,     /* a private source on its way out, not translated */
	NAT_C_DROP_PROTOCOL, /* one that cannot be translated */
	NAT_C_DROP_QUIC,     /* UDP to ports of which a proxy takes TCP */
	NAT_C_RACE,	     /* two processors began the same flow: one packet was dropped */
	NAT_C_EVENTS_LOST,
	NAT_C_TTL_ANSWERED,
	NAT_C_MTU_ANSWERED,
	NAT_C_REFUSAL_ANSWERED, /* by ICMP or a RST, of what a rule rejects, QUIC too */
	NAT_C_FRAGMENTS_HELD,
	NAT_C_N,
};

struct nat_counts {
	__u64 n[NAT_C_N];
};

/* Ring events. */
enum nat_event_kind {
	NAT_EVENT_FLOW_BEGUN = 1,
	NAT_EVENT_FLOW_ENDED,
	NAT_EVENT_MAPPING_MADE,
	NAT_EVENT_MAPPING_ENDED,
	NAT_EVENT_REFUSED, /* counter says why; packet as below */
	/* From outside to nobody, or filtered; a SYN is answered after 6 s (RFC 5382 REQ-4).
	 * packet: 40 octets from its IP header on; of these shorter than that nothing is told. */
	NAT_EVENT_UNASKED,
	/* A later fragment came before its datagram's first: packet holds it, from its IP header
	 * on, as it came; tuple: addresses, protocol, zone, and its IP identification as sport. */
	NAT_EVENT_FRAGMENT,
	NAT_EVENT_BLOCK, /* a host (tuple.src) was given a block of ports of answer.dst */
	NAT_EVENT_BLOCK_ENDED,
	NAT_EVENT_FLOW6_BEGUN,
	NAT_EVENT_FLOW6_ENDED,
	/* The first has come, before or after the NAT_EVENT_FRAGMENTs of the same tuple: they go to
	 * answer.src from answer.dst, with answer.sport as identification. mtu, ifindex: as below.
	 * flow: 1 when they are for the machine itself. */
	NAT_EVENT_FRAGMENT_FIRST,
	/* packet, translated, may be cut in pieces of mtu octets to leave by ifindex. */
	NAT_EVENT_CUT,
	/* Of NAT64, as NAT_EVENT_FLOW6_BEGUN and _ENDED struct nat_event6 of shared6.h. */
	NAT_EVENT_MAPPING6_MADE,
	NAT_EVENT_MAPPING6_ENDED,
};

#define NAT_EVENT_PACKET_MAX 9216

struct nat_event {
	__u8 kind;
	__u8 counter; /* NAT_EVENT_REFUSED */
	__u16 packet_len;
	__u32 ifindex; /* came in here */
	__u32 flow, mapping;
	__u64 time_ns;
	struct nat_tuple4 tuple, answer; /* as in the flow */
	__u64 bytes[2];
	__u16 rule;
	__u16 block_first, block_n;
	__u16 mtu;
	/* packet_len octets follow */
};

/* An array's record is padded to 8 octets where it is read as memory: none of them needs that. */
#define NAT_PADS(type) (sizeof(type) % 8 != 0)
_Static_assert(!NAT_PADS(struct nat_settings) && !NAT_PADS(struct nat_device) &&
		       !NAT_PADS(struct nat_public) && !NAT_PADS(struct nat_forward4) &&
		       !NAT_PADS(struct nat_rule) && !NAT_PADS(struct nat_rate),
	       "an array of the service would not be the kernel's");
_Static_assert(sizeof(struct nat_bucket) == 64 && sizeof(struct nat_flow4) == 64 &&
		       sizeof(struct nat_leg4) == 64 && sizeof(struct nat_mapping4) == 64 &&
		       sizeof(struct nat_pool) == 16,
	       "cache lines");

#endif
