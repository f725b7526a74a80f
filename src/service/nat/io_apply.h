/* Writes tables into the data plane so that no packet meets half of them: rules and forwards into
 * the set that is not in force, then one store. Decides nothing. */
#ifndef NAT_IO_APPLY_H
#define NAT_IO_APPLY_H

#include "service/nat/io_plane.h"

struct nat_net;
struct nat_tables;

/* before: what was applied last by this process; NULL: nothing. sends: by the place in
 * net->devices, how packets may be sent there: NAT_DEVICE_XDP_SEND, NAT_DEVICE_PEER. */
MUST enum err nat_apply(struct nat_plane *p, const struct nat_tables *before,
			const struct nat_tables *now, const struct nat_net *net,
			const uint16_t *sends);

/* Where packets leave is to be looked up again. */
void nat_apply_hops(struct nat_plane *p);

/* The public addresses as they are in the table now. */
static inline const struct nat_public *nat_apply_public(const struct nat_plane *p, uint32_t slot)
{
	return nat_plane_at(p, NAT_ARRAY_PUBLICS, slot);
}

#endif
