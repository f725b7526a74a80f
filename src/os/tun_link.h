/* What makes the link of a TUN device a part of this machine's network: that it is up, its MTU, its
 * addresses and the routes into it. Needs CAP_NET_ADMIN; knows neither queues nor packets
 * (os/tun.h). */
#ifndef OS_TUN_LINK_H
#define OS_TUN_LINK_H

#include "base/err.h"
#include "proto/ip/prefix.h"

/* ENODEV: no such link, as from all below. */
MUST enum err tun_link_up(const char *name, uint32_t mtu);

/* An address of the device with its network's length; one that is there already is none of ours to
 * change, and no error. */
MUST enum err tun_link_address_add(const char *name, const struct ip_address *a, uint8_t bits);
MUST enum err tun_link_address_remove(const char *name, const struct ip_address *a, uint8_t bits);

/* EEXIST: that network is routed elsewhere. */
MUST enum err tun_link_route_add(const char *name, const struct ip_prefix *to);
MUST enum err tun_link_route_remove(const char *name, const struct ip_prefix *to);

#endif
