/* Where a packet goes next: the kernel's routes and neighbours, asked now and then for each
 * direction of a flow and remembered in between. Knows nothing of translation.
 */
#ifndef NAT_BPF_HOP_H
#define NAT_BPF_HOP_H

#include "service/nat/bpf/checksum.h"
#include "service/nat/bpf/maps.h"

/* A hop is believed for this long (8 s) when nobody moves nat_settings.hop_gen, as while the
 * service is down. */
#define HOP_TICKS 60

enum { FAMILY_4 = 2, FAMILY_6 = 10 };

enum hop_way {
	HOP_SEND,      /* by the hop as it is filled in */
	HOP_NEIGHBOUR, /* the device is known, and the kernel shall ask for the neighbour */
	HOP_STACK,     /* to the machine itself, or a device in no zone */
	HOP_NOWHERE,
};

/* A neighbour whose address only we use goes stale without anybody asking whether it still answers.
 * So now and then a packet goes to it by the kernel's own way, which does. Two that share a slot
 * are asked in turn. */
NAT_ARRAY(neighbours, 4096, __u32);

static __always_inline bool neighbour_due(const __u8 mac[6], __u32 now)
{
	__u32 slot = ((__u32)mac[4] << 8 | mac[5]) & 4095;
	__u32 *asked = bpf_map_lookup_elem(&neighbours, &slot);
	if (asked == NULL || now - *asked < HOP_TICKS) {
		return false;
	}
	return true;
}

static __always_inline void neighbour_asked(const __u8 mac[6], __u32 now)
{
	__u32 slot = ((__u32)mac[4] << 8 | mac[5]) & 4095;
	__u32 *asked = bpf_map_lookup_elem(&neighbours, &slot);
	if (asked != NULL) {
		*asked = now;
	}
}

static __always_inline bool hop_fresh(const struct nat_hop *hop, const struct nat_settings *s,
				      __u32 now)
{
	return hop->gen == s->hop_gen && (__u16)(now - hop->looked) < HOP_TICKS &&
	       hop->ifindex != 0;
}

/* What is asked, and the answer. */
struct hop_question {
	struct nat_tuple4 tuple; /* as it comes in, but with its destination after translation */
	__u32 ifindex;		 /* where it came in */
	__u32 now;
	__u8 tos;
	__u8 zone; /* of the answer: NAT_ZONE_OUTSIDE... */
	struct bpf_redir_neigh neighbour;
	struct nat_hop hop;
};

/* Too large for a stack that eight functions share. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct hop_question);
} questions SEC(".maps");

static __always_inline struct hop_question *question_get(void)
{
	__u32 zero = 0;
	return bpf_map_lookup_elem(&questions, &zero);
}

static __always_inline void hop_fill(struct hop_question *q, const struct bpf_fib_lookup *fib,
				     const struct nat_device *device, __u16 gen)
{
	q->hop.ifindex = device->ifindex;
	q->hop.mtu = fib->mtu_result != 0 ? fib->mtu_result : (__u16)device->mtu;
	q->hop.gen = gen;
	q->hop.looked = (__u16)q->now;
	q->hop.flags = device->flags;
	__builtin_memcpy(q->hop.dmac, fib->dmac, 6);
	__builtin_memcpy(q->hop.smac, fib->smac, 6);
	q->zone = device->zone;
}

/* Asks the kernel. HOP_NEIGHBOUR: the neighbour's address is not known, or asking is due. */
static __noinline enum hop_way hop_ask(void *packet, struct hop_question *q)
{
	struct bpf_fib_lookup fib = {
		.family = FAMILY_4,
		.l4_protocol = q->tuple.proto,
		.sport = q->tuple.sport,
		.dport = q->tuple.dport,
		.tot_len = 1, /* so that the route's MTU comes back */
		.ifindex = q->ifindex,
		.tos = q->tos,
		.ipv4_src = q->tuple.src,
		.ipv4_dst = q->tuple.dst,
	};
	const struct nat_settings *s = settings_get();
	long way = bpf_fib_lookup(packet, &fib, sizeof(fib), 0);
	if (s == NULL || way < 0) {
		return HOP_NOWHERE;
	}
	if (way == BPF_FIB_LKUP_RET_NOT_FWDED) {
		return HOP_STACK;
	}
	if (way != BPF_FIB_LKUP_RET_SUCCESS && way != BPF_FIB_LKUP_RET_NO_NEIGH) {
		return HOP_NOWHERE;
	}
	const struct nat_device *device = device_get(fib.ifindex);
	if (device == NULL) {
		return HOP_STACK;
	}
	/* The field is tot_len of the question; without a neighbour the kernel has not got to it.
	 */
	if (way == BPF_FIB_LKUP_RET_NO_NEIGH) {
		fib.mtu_result = 0;
	}
	hop_fill(q, &fib, device, s->hop_gen);
	if ((device->flags & NAT_DEVICE_ETHER) == 0) {
		return HOP_SEND;
	}
	q->neighbour.nh_family = fib.family; /* a gateway of IPv4 may be reached by IPv6 */
	__builtin_memcpy(q->neighbour.ipv6_nh, fib.ipv6_dst, sizeof(fib.ipv6_dst));
	return way == BPF_FIB_LKUP_RET_SUCCESS && !neighbour_due(fib.dmac, q->now) ? HOP_SEND
										   : HOP_NEIGHBOUR;
}

#endif
