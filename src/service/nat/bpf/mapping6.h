/* NAT64's mappings: an inside endpoint of IPv6 has one public port of IPv4, whomever it speaks to
 * (RFC 6146 3.5.1.1). Knows nothing of headers.
 */
#ifndef NAT_BPF_MAPPING6_H
#define NAT_BPF_MAPPING6_H

#include "service/nat/bpf/begin6.h"

/* Of this device's public addresses, always the same one for a host (RFC 4787 REQ-2); -1: it has
 * none. */
static __always_inline __s32 public6_slot(const struct nat_device *device,
					  const struct nat_address6 *host)
{
	__u32 n = device->public_n;
	if (n == 0) {
		return -1;
	}
	__u32 mix =
		(host->words[0] ^ host->words[1] ^ host->words[2] ^ host->words[3]) * 0x9e3779b9u;
	return (__s32)(device->public_first + (mix >> 16) % n);
}

/* The port that the host has, or any that is free (RFC 6056 3.3.2); 0: none was found. */
__noinline __u32 port6_take(__u32 slot, __u32 space, __u16 wanted, __u32 word)
{
	const struct nat_settings *s = settings_get();
	if (wanted != 0 && port_take(slot, space, wanted, word)) {
		count(NAT_C_PORT_KEPT);
		return wanted;
	}
	if (s == NULL || s->port_high < s->port_low) {
		return 0;
	}
	struct port_search search = {.slot = slot,
				     .space = space,
				     .mapping = word,
				     .low = s->port_low,
				     .n = (__u32)s->port_high - s->port_low + 1,
				     .parity = 2};
	__u32 port = port_find(&search);
	if (port != 0) {
		count(NAT_C_PORT_OTHER);
	}
	return port;
}

static __always_inline bool mapping6_hold(struct nat_mapping6 *mapping)
{
	for (int i = 0; i < POOL_TRIES; i++) {
		__u32 refs = mapping->refs;
		if (refs == 0 || mapping->life != NAT_LIVE) {
			return false; /* its last flow is just leaving */
		}
		if (__sync_val_compare_and_swap(&mapping->refs, refs, refs + 1) == refs) {
			return true;
		}
	}
	return false;
}

static __always_inline void mapping6_key(const struct work6 *w, struct nat_tuple6 *key)
{
	__builtin_memset(key, 0, sizeof(*key));
	key->src = w->p.tuple.src;
	key->sport = w->p.tuple.sport;
	key->proto = w->p.tuple.proto;
	key->zone = w->p.tuple.zone;
}

static __always_inline bool mapping6_fill(struct nat_mapping6 *mapping, const struct work6 *w,
					  __u32 number, __u32 slot)
{
	const struct nat_public *public = bpf_map_lookup_elem(&publics, &slot);
	const struct nat_settings *s = settings_get();
	if (public == NULL || public->address == 0 || s == NULL) {
		return false;
	}
	__u32 port = port6_take(slot, space6_of(w->p.tuple.proto), bpf_ntohs(w->p.tuple.sport),
				number | NAT_PORT_SIX);
	if (port == 0) {
		return false;
	}
	const struct nat_host *host = bpf_map_lookup_elem(&hosts, &w->p.tuple.src);
	__u32 flags = host != NULL ? host->flags : s->host_flags;
	mapping->in = w->answer;
	mapping->address = public->address;
	mapping->port = bpf_htons((__u16)port);
	mapping->flags = (flags & NAT_HOST_OPEN) != 0 ? NAT_MAPPING_OPEN : 0;
	mapping->public_slot = (__u16)slot;
	mapping->born = w->now;
	mapping->refs = 1;
	mapping->life = NAT_LIVE;
	return true;
}

/* The mapping of w->p's source, held once more; 0: none could be had, and that is counted. Uses
 * w->answer. */
__noinline __u32 mapping6_get_for(struct work6 *w, __s32 slot)
{
	const struct nat_settings6 *s = settings6_get();
	if (w == NULL) {
		return 0;
	}
	mapping6_key(w, &w->answer);
	w->full = 1;
	__u32 number = index6_mapping(&w->answer, 0);
	struct nat_mapping6 *mapping = mapping6_get(number);
	if (number != 0 && mapping != NULL && mapping6_hold(mapping)) {
		w->full = 0;
		return number;
	}
	if (s == NULL || slot < 0 || slot >= NAT_PUBLICS) {
		count(NAT_C_DROP_NO_PORT);
		return 0;
	}
	number = pool_take(NAT_POOL_MAPPINGS6, s->mappings_max);
	mapping = mapping6_get(number);
	if (number == 0 || mapping == NULL) {
		count(NAT_C_DROP_TABLE_FULL);
		return 0;
	}
	if (!mapping6_fill(mapping, w, number, (__u32)slot)) {
		mapping->seen = w->now;
		mapping->life = NAT_DEAD;
		count(NAT_C_DROP_NO_PORT);
		return 0;
	}
	w->full = 0;
	mapping6_told(NAT_EVENT_MAPPING6_MADE, number);
	if (index6_put(&w->answer, number, true) && index6_mapping(&w->answer, number) == 0) {
		return number;
	}
	count(NAT_C_RACE);
	mapping6_leave(number);
	return 0;
}

#endif
