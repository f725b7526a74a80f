/* Links, addresses and routes by rtnetlink, in the network namespace of the calling thread. Knows
 * no topology.
 *
 * Each call is one request and its acknowledgement on a socket of its own. Names of links: 1..15
 * bytes (ERR_FORMAT otherwise). The kernel's errors come through: EEXIST, ENODEV, EPERM… */
#ifndef OS_NETLINK_H
#define OS_NETLINK_H

#include "base/err.h"
#include "proto/ip/address.h"

#include <stdint.h>

/* A pair of linked Ethernet devices. peer_netns_fd: the namespace that peer is made in, -1: this
 * one. */
MUST enum err link_add_veth(const char *name, const char *peer, int peer_netns_fd);
MUST enum err link_add_bridge(const char *name);
MUST enum err link_add_dummy(const char *name);
MUST enum err link_delete(const char *name);

MUST enum err link_index(const char *name, uint32_t *ret); /* ENODEV: no such link */
MUST enum err link_up(const char *name);
MUST enum err link_down(const char *name);
MUST enum err link_rename(const char *name, const char *new_name); /* must be down */
MUST enum err link_set_master(const char *name, const char *bridge);
MUST enum err link_set_mtu(const char *name, uint32_t mtu);
MUST enum err link_move(const char *name, int netns_fd);

/* bits: length of the prefix. IPv6 addresses are usable at once (no duplicate address detection).
 */
MUST enum err address_add(const char *link, const struct ip_address *address, uint8_t bits);
MUST enum err address_delete(const char *link, const struct ip_address *address, uint8_t bits);

/* A route to prefix/bits (bits 0: the default route) through the neighbour via (NULL: it is on the
 * link) and the link (NULL: the kernel finds it by via). One of the two is given. */
MUST enum err route_add(const struct ip_address *prefix, uint8_t bits, const struct ip_address *via,
			const char *link);
MUST enum err route_delete(const struct ip_address *prefix, uint8_t bits,
			   const struct ip_address *via, const char *link);

#endif
