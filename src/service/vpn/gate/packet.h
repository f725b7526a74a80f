/* What the gate needs to know of an inner packet: addresses, the upper protocol behind options,
 * extension headers and fragments, its ports. Verifies no checksum, and knows no peer and no rule.
 */
#ifndef VPN_GATE_PACKET_H
#define VPN_GATE_PACKET_H

#include "base/err.h"
#include "base/span.h"

/* Extension headers that are passed; a longer chain is malformed. */
enum { GATE_EXTENSIONS_MAX = 8 };

enum {
	GATE_ICMP = 1,
	GATE_TCP = 6,
	GATE_UDP = 17,
	GATE_ICMPV6 = 58,
};

enum gate_fragment {
	GATE_WHOLE, /* RFC 6946: a fragment header with all of it behind is whole, too */
	GATE_FIRST, /* with all of the upper header that is looked at (RFC 7112, RFC 3128) */
	GATE_LATER, /* no upper header */
};

/* Views of the packet. */
struct gate_packet {
	uint8_t family;	  /* 4 or 6 */
	uint8_t protocol; /* the upper one */
	uint8_t fragment; /* enum gate_fragment */
	bool steered;	  /* source routing: it goes elsewhere than `destination` says */
	uint8_t icmp_type, icmp_code; /* of ICMP and ICMPv6 */
	uint8_t tcp_flags;
	uint16_t source_port, destination_port; /* of TCP and UDP, host order; else 0 */
	uint16_t len;				/* as the head says; padding lies behind */
	uint16_t upper_at; /* offset of the upper header, or of a later fragment's data */
	struct span source, destination; /* 4 or 16 octets */
	struct span upper;		 /* from its header to the end */
};

/* ERR_FORMAT: torn, neither IPv4 nor IPv6, a length beyond the octets, a head without its upper
 * header (also of a first fragment), a later fragment of TCP that would overwrite the header, a
 * jumbogram, too many extension headers. len may be more than the packet is. */
MUST enum err gate_packet_read(struct span bytes, struct gate_packet *ret);

/* The packet that an ICMP error quotes (RFC 792, RFC 4443 3.1), of p's family: as above, but it may
 * end after the ports. ERR_UNSUPPORTED when p is no ICMP error. */
MUST enum err gate_packet_read_quoted(const struct gate_packet *p, struct gate_packet *ret);

/* Is it an ICMP or ICMPv6 error (RFC 1122 3.2.2, RFC 4443 2.1)? */
bool gate_packet_is_error(const struct gate_packet *p);

#endif
