/* What a host's new flow is likely to look at, asked for before it is needed: the tables are larger
 * than any cache, and so the memory's answers come together, not one after the other. Nothing is
 * believed of what is read here, and nothing is changed.
 */
#ifndef NAT_BPF_FORESEE_H
#define NAT_BPF_FORESEE_H

#include "service/nat/bpf/leg.h"
#include "service/nat/bpf/pool.h"
#include "service/nat/bpf/port.h"

/* Nobody waits for a word that nobody uses. */
#define FORESEE(word) ((void)*(const volatile __u32 *)(word))

/* The records that the next takings will give. */
static __always_inline void foresee_records(void)
{
	const struct nat_pool *flows = pool_get(NAT_POOL_FLOWS4);
	const struct nat_pool *mappings = pool_get(NAT_POOL_MAPPINGS4);
	if (flows == NULL || mappings == NULL) {
		return;
	}
	__u32 number = (__u32)flows->free;
	const struct nat_flow4 *flow = flow_get(number != 0 ? number : flows->fresh + 1);
	number = (__u32)mappings->free;
	const struct nat_mapping4 *mapping =
		mapping_get(number != 0 ? number : mappings->fresh + 1);
	if (flow != NULL && mapping != NULL) {
		FORESEE(&flow->seen);
		FORESEE(&mapping->refs);
	}
}

/* o: of a flow that is to leave by the uplink `out`, by the public address and the port that its
 * host is likely to have. */
static __always_inline void foresee(const struct opening *o, const struct nat_device *out)
{
	const struct nat_settings *s = settings_get();
	__u32 slot = out->public_first + nat_public_spread(o->tuple[0].src, out->public_n);
	const struct nat_public *public = bpf_map_lookup_elem(&publics, &slot);
	if (s == NULL || public == NULL) {
		return;
	}
	const __u32 *port =
		port_word(slot, space_of(o->tuple[0].proto), bpf_ntohs(o->tuple[0].sport));
	union tuple_words answer = {.tuple = o->tuple[1]};
	answer.tuple.dst = public->address;
	const struct nat_pair4 *pair =
		pair_get(leg_pair((__u32)tuple_hash(answer.word, s->seed), s->flow_pairs));
	if (port != NULL && pair != NULL) {
		FORESEE(port);
		FORESEE(&pair->leg[0].flow);
		FORESEE(&pair->leg[1].flow);
	}
	foresee_records();
}

#endif
