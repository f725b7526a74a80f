/* IP's identification of fragmented datagrams. Two hosts inside behind one address may use the same
 * one towards the same far end, whose pieces would then be put together crosswise: so each host's
 * are shuffled by a secret of its own (RFC 6864 5.3.1 asks for unique ones). Knows no packet.
 */
#ifndef NAT_BPF_IDENTITY_H
#define NAT_BPF_IDENTITY_H

#include "service/nat/bpf/shared.h"

/* Applied once more it takes itself back, for what errors quote. */
static __always_inline __be16 identity_shuffled(__be16 id, __be32 host,
						const struct nat_settings *s)
{
	__u64 hash = ((__u64)(__u32)host + s->seed[0]) * (s->seed[1] | 1);
	hash ^= hash >> 29;
	hash *= 0x9e3779b97f4a7c15u;
	return (__be16)(id ^ (__u16)(hash >> 48));
}

#endif
