/* The Internet checksum (RFC 1071), with the pseudo-headers of UDP and ICMPv6. Knows no header but
 * those. */
#ifndef PROTO_IP_CHECKSUM_H
#define PROTO_IP_CHECKSUM_H

#include "base/span.h"

/* The one's complement sum of several stretches: start with 0, add each (only the last may be of
 * odd length), finish. */
uint64_t ip_sum_add(uint64_t sum, struct span bytes);
/* The same while it copies them to `to`, which is not where they are. */
uint64_t ip_sum_copy(uint64_t sum, uint8_t *to, struct span bytes);
/* A number in host order, as if its two octets stood there. */
static inline uint64_t ip_sum_add_u16(uint64_t sum, uint16_t v)
{
	uint16_t wire = (uint16_t)(v >> 8 | v << 8);
	return sum + (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? wire : v);
}
static inline uint64_t ip_sum_add_u32(uint64_t sum, uint32_t v)
{
	return ip_sum_add_u16(ip_sum_add_u16(sum, (uint16_t)(v >> 16)), (uint16_t)v);
}
/* The checksum in host order: what write_u16 puts. 0 over data that carries its own right one. */
uint16_t ip_sum_finish(uint64_t sum);

/* The checksum of one stretch. */
uint16_t ip_checksum(struct span bytes);

/* Sum of the pseudo-header for IPv4 (RFC 768) or IPv6 (RFC 8200 8.1). Addresses: 4 or 16 octets
 * each, both alike. len: octets of the upper-layer packet. */
uint64_t ip_sum_pseudo(struct span source, struct span destination, uint8_t protocol, uint32_t len);

#endif
