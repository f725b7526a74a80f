/* Addresses with lifetimes and routes with metrics, each marked with who set it, in the network
 * namespace of the calling thread. Knows no lease; what is simpler is in os/netlink.h.
 *
 * Setting replaces what is there of the same address, or of the same destination, table and metric.
 * The kernel's errors come through. */
#ifndef OS_NETLINK_ROUTE_H
#define OS_NETLINK_ROUTE_H

#include "base/err.h"
#include "proto/ip/prefix.h"

enum {
	NETLINK_PROTOCOL_ANY = 0, /* of netlink_routes: all */
	NETLINK_PROTOCOL_KERNEL = 2,
	NETLINK_PROTOCOL_DHCP = 16, /* RTPROT_DHCP; for addresses too */
};
#define NETLINK_FOREVER UINT32_MAX /* of lifetimes in seconds */

struct netlink_address {
	uint32_t ifindex;
	struct ip_address address;
	uint8_t bits;
	uint32_t valid_s, preferred_s; /* preferred 0: deprecated */
	uint32_t metric;	       /* of the route to its prefix; 0: the kernel's choice */
	uint8_t protocol;	       /* who set it; 0 from a kernel before 5.18 */
	bool no_prefix_route;	       /* the kernel makes no route to its prefix */
	bool tentative, duplicate;     /* read only: duplicate address detection (RFC 4862 5.4) */
};

MUST enum err netlink_address_set(const struct netlink_address *a);
/* EADDRNOTAVAIL: it is not there. */
MUST enum err netlink_address_remove(uint32_t ifindex, const struct ip_address *address,
				     uint8_t bits);
/* Those of a link, of both families; ifindex 0: of all. */
MUST enum err netlink_addresses(uint32_t ifindex,
				void (*call)(void *arg, const struct netlink_address *a),
				void *arg);

enum netlink_route_kind { NETLINK_ROUTE_UNICAST, NETLINK_ROUTE_UNREACHABLE };

struct netlink_route {
	struct ip_prefix to;
	struct ip_address via;	  /* family 0: it is on the link */
	struct ip_address source; /* preferred, for packets that begin here; family 0: none */
	uint32_t ifindex;	  /* 0: with UNREACHABLE */
	uint32_t metric;
	uint32_t mtu; /* 0: the link's */
	uint8_t protocol;
	enum netlink_route_kind kind;
	bool on_link; /* via need not be within a prefix of the link */
};

MUST enum err netlink_route_set(const struct netlink_route *r);
/* That with the same destination, metric, protocol, kind, link and via. ESRCH: it is not there. */
MUST enum err netlink_route_remove(const struct netlink_route *r);
/* Those of the main table by that protocol, of both families; ifindex 0: of all links. */
MUST enum err netlink_routes(uint32_t ifindex, uint8_t protocol,
			     void (*call)(void *arg, const struct netlink_route *r), void *arg);

/* Of a link. */
struct netlink_link {
	uint32_t mtu, mtu_min, mtu_max; /* the bounds are 0 where the kernel does not tell */
	bool up, carrier;
};
MUST enum err netlink_link_get(uint32_t ifindex, struct netlink_link *ret);
MUST enum err netlink_link_set_mtu(uint32_t ifindex, uint32_t mtu);

#endif
