/* Mappings: an inside endpoint keeps one public endpoint as long as flows use it, whoever they go
 * to (RFC 4787 REQ-1, RFC 5382 REQ-1, RFC 5508 REQ-1). Knows nothing of rules.
 */
#ifndef NAT_BPF_MAPPING_H
#define NAT_BPF_MAPPING_H

#include "service/nat/bpf/event.h"
#include "service/nat/bpf/index.h"
#include "service/nat/bpf/pool.h"
#include "service/nat/bpf/port.h"

/* One flow more; false: it is ending. */
static __always_inline bool mapping_hold(struct nat_mapping4 *mapping)
{
	if (__sync_fetch_and_add(&mapping->refs, 1) != 0) {
		return true;
	}
	__sync_fetch_and_add(&mapping->refs, -1);
	return false;
}

/* The last one ends it: 1. Its number is given back by the sweep. */
__noinline int mapping_drop(__u32 number, __u32 now)
{
	struct nat_mapping4 *mapping = mapping_get(number);
	const struct nat_settings *s = settings_get();
	if (mapping == NULL || s == NULL) {
		return 0;
	}
	mapping->seen = now;
	if (__sync_fetch_and_add(&mapping->refs, -1) != 1) {
		return 0;
	}
	union tuple_words in = {.tuple = mapping->in};
	index_take_from(&mapping_index, s->mapping_mask, tuple_hash(in.word, s->seed), number);
	port_give(mapping->public_slot, space_of(in.tuple.proto), bpf_ntohs(mapping->port), number);
	event_mapping(NAT_EVENT_MAPPING_ENDED, number);
	mapping->life = NAT_DEAD;
	return 1;
}

/* To whoever is outside: filtering is endpoint-independent. */
static __always_inline bool mapping_is_open(const struct nat_mapping4 *mapping)
{
	const struct nat_host *host = host_get4(mapping->in.src);
	return (mapping->flags & NAT_MAPPING_OPEN) != 0 ||
	       (host != NULL && (host->flags & NAT_HOST_OPEN) != 0);
}

static __always_inline struct nat_tuple4 mapping_key(const struct opening *o,
						     const struct nat_host *host, __u16 pool)
{
	__u32 flags = host != NULL ? host->flags : 0;
	struct nat_tuple4 in = o->tuple[0];
	in.pool = pool;
	if ((flags & (NAT_HOST_MAP_ADDRESS | NAT_HOST_MAP_ENDPOINT)) == 0) {
		in.dst = 0;
	}
	if ((flags & NAT_HOST_MAP_ENDPOINT) == 0) {
		in.dport = 0;
	}
	return in;
}

/* Puts the record, complete, where others find it; a decision. */
static __always_inline int mapping_publish(const union tuple_words *in, __u32 number,
					   const struct nat_settings *s)
{
	__u64 hash = tuple_hash(in->word, s->seed);
	if (!index_put_in(&mapping_index, s->mapping_mask, hash, number)) {
		return NAT_C_DROP_TABLE_FULL;
	}
	if (index_mapping(in->word, hash, s->mapping_mask, number) != 0) {
		index_take_from(&mapping_index, s->mapping_mask, hash, number);
		return NAT_C_RACE;
	}
	return OPEN_GO;
}

static __always_inline void mapping_fill(struct nat_mapping4 *mapping, const struct nat_tuple4 *in,
					 __u32 slot, __u32 now)
{
	mapping->in = *in;
	mapping->port = 0; /* with it a record that is not complete is found out */
	mapping->refs = 1;
	mapping->born = now;
	mapping->seen = now;
	mapping->until = 0;
	mapping->public_slot = (__u16)slot;
	mapping->filter = 0;
	mapping->flags = in->zone == NAT_ZONE_GATEWAY ? NAT_MAPPING_SELF : 0;
	mapping->life = NAT_LIVE;
}

/* A new one, at a port of the public address `slot`. */
static __always_inline int mapping_make(struct opening *o, const union tuple_words *in,
					struct nat_host *host, __u32 slot)
{
	const struct nat_settings *s = settings_get();
	__u32 at = slot;
	const struct nat_public *public = bpf_map_lookup_elem(&publics, &at);
	if (o == NULL || in == NULL || s == NULL || public == NULL || public->address == 0) {
		return NAT_C_DROP_NO_PORT;
	}
	__u32 number = pool_take(NAT_POOL_MAPPINGS4, s->mappings_max);
	struct nat_mapping4 *mapping = number != 0 ? mapping_get(number) : NULL;
	if (mapping == NULL) {
		return NAT_C_DROP_TABLE_FULL;
	}
	mapping_fill(mapping, &in->tuple, slot, o->q.now);
	int port = port_claim(o, host, slot, number);
	if (port < 0) {
		mapping->life = NAT_FREE; /* nobody has seen the number */
		pool_give(NAT_POOL_MAPPINGS4, number);
		return NAT_C_DROP_NO_PORT;
	}
	mapping->address = public->address;
	mapping->port = bpf_htons((__u16)port);
	int decision = mapping_publish(in, number, s);
	if (decision != OPEN_GO) {
		port_give(slot, space_of(in->tuple.proto), (__u16)port, number);
		mapping->life = NAT_DEAD;
		return decision;
	}
	o->mapping = number;
	event_mapping(NAT_EVENT_MAPPING_MADE, number);
	return OPEN_GO;
}

/* The mapping of the flow's source on one of the uplink's addresses: the one that it has, or a new
 * one. slot: NAT_NO_PUBLIC: whichever is the host's. */
__noinline int mapping_take(struct opening *o, struct nat_host *host, const struct nat_device *out,
			    __u32 slot)
{
	const struct nat_settings *s = settings_get();
	if (s == NULL || o == NULL || out == NULL) {
		return NAT_C_DROP_NO_PORT;
	}
	/* Before anything is taken, so that who is over his limit costs nothing. */
	if (host != NULL && host->flows >= host->flows_max) {
		__sync_fetch_and_add(&host->flows_refused, 1);
		return NAT_C_DROP_HOST_FULL;
	}
	union tuple_words in = {.tuple = mapping_key(o, host, out->public_first)};
	__u32 number = index_mapping(in.word, tuple_hash(in.word, s->seed), s->mapping_mask, 0);
	struct nat_mapping4 *mapping = number != 0 ? mapping_get(number) : NULL;
	if (mapping != NULL) {
		if (!mapping_hold(mapping)) {
			return NAT_C_RACE;
		}
		o->mapping = number;
	} else {
		slot = slot != NAT_NO_PUBLIC ? slot : public_of(host, out, in.tuple.src);
		int decision = mapping_make(o, &in, host, slot);
		mapping = mapping_get(o->mapping);
		if (decision != OPEN_GO || mapping == NULL) {
			return decision != OPEN_GO ? decision : NAT_C_DROP_NO_PORT;
		}
	}
	mapping->seen = o->q.now;
	o->tuple[1].dst = mapping->address;
	o->tuple[1].dport = mapping->port;
	return OPEN_GO;
}

#endif
