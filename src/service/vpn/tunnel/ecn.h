/* What congestion marks become when a packet enters the tunnel and leaves it (RFC 6040 4). Knows
 * no tunnel: the marks are the two low bits of the IPv4 type of service or IPv6 traffic class. */
#ifndef VPN_TUNNEL_ECN_H
#define VPN_TUNNEL_ECN_H

#include <stdbool.h>
#include <stdint.h>

enum { ECN_NOT = 0, ECN_ECT1 = 1, ECN_ECT0 = 2, ECN_CE = 3 };

/* RFC 6040 4.1, normal mode: the outer header gets what the inner one has. The DSCP is not shown
 * outside: it would tell what kind of traffic is inside. packet: a whole IPv4 or IPv6 header. */
uint8_t ecn_of(const uint8_t *packet);

/* RFC 6040 4.2: writes into the packet what outer says, with its checksum. False: congestion was
 * met by a packet whose ends cannot be told so, it must be dropped. */
__attribute__((warn_unused_result)) bool ecn_decapsulate(uint8_t *packet, uint8_t outer);

#endif
