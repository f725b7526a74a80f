/* Mappings held in the data plane for hosts that asked for them: what port control's effects do.
 * Knows neither its protocols nor its rules. */
#ifndef NAT_IO_HOLDS_H
#define NAT_IO_HOLDS_H

#include "service/nat/bpf/shared.h"
#include "service/nat/portctl.h"

struct nat;

/* By which hosts' ports are reached: the outside device of the default route, or the first. */
struct nat_uplink {
	uint32_t ifindex; /* 0: there is none with an IPv4 address */
	uint16_t first, n;
	__be32 addresses[NAT_PUBLICS]; /* n of them */
};

struct nat_holds {
	int program_fd; /* nat_hold; the plane's */
	struct nat_uplink uplink;
	bool filters[NAT_FILTERS]; /* which of map filters4 are in use; [0] is nobody's */
};

/* effects: map_open, map_renew, map_close, external_address over n's data plane; n is the arg. */
MUST enum err nat_holds_open(struct nat *n, struct portctl_effects *effects);
/* Whether the uplink or its addresses are others than the last time. */
bool nat_holds_uplink_changed(struct nat *n);
/* Whether the mapping is in the data plane. */
bool nat_holds_has(const struct nat *n, const struct portctl_mapping *m);
/* Lets go of all that list (NULL: an empty one) does not know, or whose address is gone. Walks over
 * all mappings that there are. */
void nat_holds_settle(struct nat *n, const struct portctl *list);

#endif
