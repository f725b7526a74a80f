/* A mapping made by hand, for a host that asked for it (PCP, NAT-PMP, UPnP), and kept open until it
 * is not renewed. Knows none of these protocols.
 */
#ifndef NAT_BPF_HOLD_H
#define NAT_BPF_HOLD_H

#include "service/nat/bpf/mapping.h"

static __always_inline void hold_set(const struct nat_hold *hold, struct nat_mapping4 *mapping)
{
	mapping->until = hold->until;
	mapping->filter = hold->filter;
	mapping->flags = NAT_MAPPING_HELD | (hold->open != 0 ? NAT_MAPPING_OPEN | NAT_MAPPING_RESTS
							     : mapping->flags & NAT_MAPPING_RESTS);
}

/* The decision; hold's answer is filled in when it is OPEN_GO. */
static __always_inline int hold_do(struct nat_hold *hold, struct opening *o,
				   const struct nat_device *out)
{
	struct nat_host *host = host_of4(hold->in.src);
	if (host == NULL) {
		return NAT_C_DROP_HOST_FULL;
	}
	int decision = mapping_take(o, host, out, NAT_NO_PUBLIC);
	struct nat_mapping4 *mapping = decision == OPEN_GO ? mapping_get(o->mapping) : NULL;
	if (mapping == NULL) {
		return decision != OPEN_GO ? decision : NAT_C_DROP_NO_PORT;
	}
	/* mapping_take has counted us, as its flow: that is kept by the first holder only. */
	bool held = (mapping->flags & NAT_MAPPING_HELD) != 0;
	hold_set(hold, mapping);
	if (held) {
		mapping_drop(o->mapping, o->q.now);
		host_untake(host);
	}
	hold->mapping = o->mapping;
	hold->address = mapping->address;
	hold->port_given = mapping->port;
	return OPEN_GO;
}

#endif
