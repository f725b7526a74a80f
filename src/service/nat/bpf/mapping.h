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

/* Most hosts get the public port that they have themselves. Such a mapping is at home: the word of
 * that port in map ports names it, and it stands in no index. The others stand in mapping_index,
 * and their host counts them. */
static __always_inline bool mapping_is_home(const struct nat_mapping4 *mapping)
{
	return mapping->port == mapping->in.sport;
}

/* Of who sends as `in`, at home at the public address `slot`; 0: none. */
static __always_inline __u32 mapping_home(const union tuple_words *in, __u32 slot)
{
	const __u32 *word = port_word(slot, space_of(in->tuple.proto), bpf_ntohs(in->tuple.sport));
	__u32 number = word != NULL ? *word : NAT_PORT_FREE;
	const struct nat_mapping4 *mapping = number != NAT_PORT_FREE ? mapping_get(number) : NULL;
	return mapping != NULL && mapping->life == NAT_LIVE && tuple_is(&mapping->in, in->word)
		       ? number
		       : 0;
}

/* Another one than `but`, in the index. host: NULL: the gateway itself, which is not counted. */
static __always_inline __u32 mapping_away(const union tuple_words *in, const struct nat_host *host,
					  __u32 but)
{
	if (host != NULL && *(const volatile __u32 *)&host->away == 0) {
		return 0;
	}
	return index_mapping(in, but);
}

static __always_inline void mapping_leave_index(const struct nat_mapping4 *mapping, __u32 number,
						const struct nat_settings *s)
{
	union tuple_words in = {.tuple = mapping->in};
	struct nat_host *host = in.tuple.zone != NAT_ZONE_GATEWAY ? host_get4(in.tuple.src) : NULL;
	index_take_from(&mapping_index, s->mapping_mask, tuple_hash(in.word, s->seed), number);
	/* A record that was forgotten and made anew does not count below 0. */
	if (host != NULL && *(volatile __u32 *)&host->away != 0) {
		__sync_fetch_and_add(&host->away, -1);
	}
}

/* To whoever is outside: filtering is endpoint-independent. */
static __always_inline bool mapping_is_open(const struct nat_mapping4 *mapping)
{
	const struct nat_host *host = host_get4(mapping->in.src);
	return (mapping->flags & NAT_MAPPING_OPEN) != 0 ||
	       (host != NULL && (host->flags & NAT_HOST_OPEN) != 0);
}

/* RFC 6888 REQ-8: what was sent to whoever had the port may still come, and an open host's next one
 * would get it; not where it was only tried, by a flow that did not come to be. Connections of TCP
 * and filters by the far end keep it out; a block stays its host's.
 */
static __always_inline bool mapping_rests(const struct nat_mapping4 *mapping,
					  const struct nat_settings *s)
{
	return mapping->in.proto == IPPROTO_UDP && s->block_n == 0 &&
	       mapping->seen != mapping->born && mapping->in.zone != NAT_ZONE_GATEWAY &&
	       ((mapping->flags & NAT_MAPPING_RESTS) != 0 || mapping_is_open(mapping));
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
	if (!mapping_is_home(mapping)) {
		mapping_leave_index(mapping, number, s);
	}
	if (mapping_rests(mapping, s)) {
		mapping->flags |= NAT_MAPPING_RESTS;
	} else {
		mapping->flags &= (__u8)~NAT_MAPPING_RESTS;
		port_give(mapping->public_slot, space_of(mapping->in.proto),
			  bpf_ntohs(mapping->port), number);
	}
	event_mapping(NAT_EVENT_MAPPING_ENDED, number);
	mapping->life = NAT_DEAD;
	return 1;
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

/* The record is complete and has its port: a decision. Who is at home can be found already; two
 * processors that make a mapping for one endpoint find out, as each looks after it has put its
 * own. */
static __always_inline int mapping_publish(const union tuple_words *in, struct nat_host *host,
					   const struct nat_mapping4 *mapping, __u32 number)
{
	if (mapping_is_home(mapping)) {
		return mapping_away(in, host, number) == 0 ? OPEN_GO : NAT_C_RACE;
	}
	if (host != NULL) {
		__sync_fetch_and_add(&host->away, 1);
	}
	if (!index_put_mapping(in, number)) {
		return NAT_C_DROP_TABLE_FULL;
	}
	return mapping_away(in, host, number) == 0 && mapping_home(in, mapping->public_slot) == 0
		       ? OPEN_GO
		       : NAT_C_RACE;
}

static __always_inline void mapping_fill(struct nat_mapping4 *mapping, const struct nat_tuple4 *in,
					 __be32 address, __u32 slot, __u32 now)
{
	mapping->in = *in;
	mapping->address = address;
	mapping->port = in->sport; /* if it is at home, which it is from the instant it has it */
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
	mapping_fill(mapping, &in->tuple, public->address, slot, o->q.now);
	int port = port_claim(o, host, slot, number);
	if (port < 0) {
		mapping->life = NAT_FREE; /* nobody has seen the number */
		pool_give(NAT_POOL_MAPPINGS4, number);
		return NAT_C_DROP_NO_PORT;
	}
	if (mapping->port != bpf_htons((__u16)port)) {
		mapping->port = bpf_htons((__u16)port);
	}
	event_mapping(NAT_EVENT_MAPPING_MADE, number);
	int decision = mapping_publish(in, host, mapping, number);
	if (decision != OPEN_GO) {
		mapping_drop(number, o->q.now);
		return decision;
	}
	o->mapping = number;
	return OPEN_GO;
}

static __always_inline int mapping_take_for(struct opening *o, struct nat_host *host,
					    const struct nat_device *out, __u32 slot)
{
	union tuple_words in = {.tuple = mapping_key(o, host, out->public_first)};
	slot = slot != NAT_NO_PUBLIC ? slot : public_of(host, out, in.tuple.src);
	__u32 number = mapping_home(&in, slot);
	if (number == 0) {
		number = mapping_away(&in, host, 0);
	}
	struct nat_mapping4 *mapping = number != 0 ? mapping_get(number) : NULL;
	if (mapping != NULL) {
		if (!mapping_hold(mapping)) {
			return NAT_C_RACE;
		}
		o->mapping = number;
	} else {
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

/* The mapping of the flow's source on one of the uplink's addresses: the one that it has, or a new
 * one. slot: NAT_NO_PUBLIC: whichever is the host's. The host, if there is one, counts the flow:
 * o->counted. */
__noinline int mapping_take(struct opening *o, struct nat_host *host, const struct nat_device *out,
			    __u32 slot)
{
	if (o == NULL || out == NULL) {
		return NAT_C_DROP_NO_PORT;
	}
	/* Before anything else is taken, so that who is over his limit costs nothing. */
	if (host != NULL && !host_take(host, o->q.now)) {
		return NAT_C_DROP_HOST_FULL;
	}
	int decision = mapping_take_for(o, host, out, slot);
	o->counted = host != NULL && decision == OPEN_GO;
	if (host != NULL && decision != OPEN_GO) {
		host_untake(host);
	}
	return decision;
}

#endif
