/* UDP datagrams inside a tunnel, and the datagrams of WireGuard that carry them outside: which of
 * them belong together, by their order and their lengths. Knows no key, socket or device. */
#ifndef LAB_TUNNEL_H
#define LAB_TUNNEL_H

#include "lab/watch.h"

enum { LAB_TUNNEL_MAX = 32 };

/* One packet twice: as it is inside, and sealed on its way. */
struct lab_carried {
	struct lab_datagram inner, outer;
};

/* The last datagrams without their other half. Zeros: none yet. */
struct lab_tunnel {
	struct {
		enum lab_side side; /* LAB_INSIDE: inside the tunnel */
		bool here;
		struct lab_datagram datagram;
	} seen[LAB_TUNNEL_MAX];
	size_t next;
};

/* Takes one, in whatever order the two are heard. True: *ret is a packet seen on both sides now,
 * which is forgotten. Outside only transport messages count. mtu: of the tunnel. */
bool lab_tunnel_see(struct lab_tunnel *t, enum lab_side side, const struct lab_datagram *d,
		    size_t mtu, struct lab_carried *ret);

#endif
