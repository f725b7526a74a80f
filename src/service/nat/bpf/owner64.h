/* Whether what comes in by IPv4 is NAT64's: IPv4's own programs ask before they give up. Knows no
 * packet.
 */
#ifndef NAT_BPF_OWNER64_H
#define NAT_BPF_OWNER64_H

#include "service/nat/bpf/maps6.h"
#include "service/nat/bpf/port.h"

static __always_inline bool word_is_six(__u32 whose)
{
	return (whose & (NAT_PORT_FORWARD | NAT_PORT_SIX)) == NAT_PORT_SIX;
}

/* Its destination is a port of NAT64's. */
static __always_inline bool owner64_has(const struct nat_tuple4 *tuple)
{
	__be32 to = tuple->dst;
	const struct nat_local *local = bpf_map_lookup_elem(&locals4, &to);
	__u32 space = space_of(tuple->proto);
	if (local == NULL || local->public_slot == NAT_NO_PUBLIC || space == NAT_SPACES) {
		return false;
	}
	const __u32 *word = port_word(local->public_slot, space, bpf_ntohs(tuple->dport));
	return word != NULL && word_is_six(*word);
}

/* The first fragment of this datagram went to IPv6. id: of the IPv4 header. */
static __always_inline bool owner64_has_datagram(const struct nat_tuple4 *tuple, __be16 id)
{
	struct fragment6_key key = {.id = bpf_htonl(bpf_ntohs(id)), .zone = tuple->zone};
	key.src.words[2] = key.dst.words[2] = bpf_htonl(0xffff);
	key.src.words[3] = tuple->src;
	key.dst.words[3] = tuple->dst;
	return bpf_map_lookup_elem(&fragments6, &key) != NULL;
}

#endif
