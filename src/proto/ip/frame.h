/* Ethernet II frames with ARP, and IPv4 with UDP or ICMP echo inside: what a DHCP server or client
 * needs to speak on a link before there are addresses (RFC 826, RFC 5227, RFC 791, RFC 768, RFC
 * 792). Knows no socket; IP fragments and options it refuses to look into. */
#ifndef PROTO_IP_FRAME_H
#define PROTO_IP_FRAME_H

#include "base/err.h"
#include "base/span.h"
#include "base/writer.h"

enum {
	IP_MAC_LEN = 6,
	IP_FRAME_HEAD_LEN = 14,
	IP_PACKET_HEAD_LEN = 20,
	IP_UDP_HEAD_LEN = 8,
	IP_ECHO_HEAD_LEN = 8,
	IP_ARP_LEN = 28,
	IP_FRAME_MIN = 60, /* without the check sequence; shorter ones the driver pads */
	/* Frame, IPv4 and UDP heads in front of a message. */
	IP_FRAME_UDP_HEAD_LEN = IP_FRAME_HEAD_LEN + IP_PACKET_HEAD_LEN + IP_UDP_HEAD_LEN,
};

enum { IP_ETHERTYPE_IPV4 = 0x0800, IP_ETHERTYPE_ARP = 0x0806, IP_ETHERTYPE_IPV6 = 0x86dd };
enum { IP_PROTOCOL_ICMP = 1, IP_PROTOCOL_UDP = 17, IP_PROTOCOL_ICMPV6 = 58 };

/* ff:ff:ff:ff:ff:ff */
extern const uint8_t ip_mac_broadcast[IP_MAC_LEN];

/* --- Ethernet II --- */

struct ip_frame {
	uint8_t to[IP_MAC_LEN], from[IP_MAC_LEN];
	uint16_t type;	     /* behind the tag, if there is one */
	uint16_t vlan;	     /* 1 to 4094 of an 802.1Q tag; 0: none, or a priority alone */
	struct span payload; /* view, padding and all */
};

/* ERR_FORMAT: torn, or a length instead of a type (IEEE 802.3). At most one tag is passed. */
MUST enum err ip_frame_read(struct span wire, struct ip_frame *ret);
/* to, from and type alone; the payload follows. */
void ip_frame_write_head(struct writer *w, const uint8_t to[IP_MAC_LEN],
			 const uint8_t from[IP_MAC_LEN], uint16_t type);

/* --- ARP for IPv4 on Ethernet --- */

enum { IP_ARP_REQUEST = 1, IP_ARP_REPLY = 2 };

struct ip_arp {
	uint16_t operation;
	uint8_t sender_mac[IP_MAC_LEN], target_mac[IP_MAC_LEN];
	uint32_t sender, target; /* host order */
};

/* Payload of a frame. ERR_FORMAT: torn; ERR_UNSUPPORTED: other hardware or another protocol. */
MUST enum err ip_arp_read(struct span wire, struct ip_arp *ret);
void ip_arp_write(struct writer *w, const struct ip_arp *arp); /* IP_ARP_LEN octets */

/* Whole frames, broadcast. RFC 5227 1.1: a probe's sender address is 0, so that no cache learns
 * anything; an announcement has the address as sender and as target. */
void ip_frame_write_arp_probe(struct writer *w, const uint8_t from[IP_MAC_LEN], uint32_t target);
void ip_frame_write_arp_announcement(struct writer *w, const uint8_t from[IP_MAC_LEN],
				     uint32_t address);
/* A whole frame with any ARP packet in it. */
void ip_frame_write_arp(struct writer *w, const uint8_t to[IP_MAC_LEN], const struct ip_arp *arp);

/* --- IPv4 --- */

struct ip_packet {
	uint32_t source, destination; /* host order */
	uint8_t protocol, ttl;
	struct span payload; /* view; cut to the packet's length: no padding of the frame */
};

/* ERR_FORMAT: torn, not version 4, a head shorter than 20 octets, a length beyond the wire, a wrong
 * checksum. ERR_UNSUPPORTED: a fragment. Options are passed over. */
MUST enum err ip_packet_read(struct span wire, struct ip_packet *ret);
/* The head for p->payload, which is not copied; TTL p->ttl, not to be fragmented, ident 0 (RFC 6864
 * 4.1). */
void ip_packet_write_head(struct writer *w, const struct ip_packet *p);

/* --- UDP over IPv4 --- */

struct ip_udp {
	uint16_t source_port, destination_port;
	struct span payload; /* view */
};

/* p: where it came in. verify: check the checksum; false for packets whose checksum the sender's
 * kernel left to the network card. A checksum of 0 is none. ERR_FORMAT; ERR_UNSUPPORTED when p is
 * of another protocol. */
MUST enum err ip_udp_read(const struct ip_packet *p, bool verify, struct ip_udp *ret);

struct ip_datagram {
	uint8_t to[IP_MAC_LEN], from[IP_MAC_LEN];
	uint32_t source, destination; /* host order */
	uint16_t source_port, destination_port;
	struct span payload; /* at most 65,507 octets */
};

/* IPv4 and UDP heads for d->payload (28 octets), for a socket that makes the frame itself. */
void ip_datagram_write_head(struct writer *w, const struct ip_datagram *d);
/* The same with the frame's head before it (IP_FRAME_UDP_HEAD_LEN octets); the payload follows. */
void ip_frame_write_udp_head(struct writer *w, const struct ip_datagram *d);
/* All of it, payload too. */
void ip_frame_write_udp(struct writer *w, const struct ip_datagram *d);
/* From a frame's bytes to the datagram in it. ERR_UNSUPPORTED: anything else than IPv4 and UDP. */
MUST enum err ip_frame_read_udp(struct span wire, bool verify, struct ip_datagram *ret);

/* --- ICMP echo over IPv4 --- */

enum { IP_ICMP_ECHO_REPLY = 0, IP_ICMP_ECHO_REQUEST = 8 };

struct ip_echo {
	bool reply;
	uint16_t ident, sequence;
	struct span payload; /* view */
};

/* wire: an ICMP message, as a raw or ping socket gives it or as a packet's payload. ERR_FORMAT:
 * torn, a wrong checksum; ERR_UNSUPPORTED: not an echo. */
MUST enum err ip_echo_read(struct span wire, struct ip_echo *ret);
void ip_echo_write(struct writer *w, const struct ip_echo *echo);
/* A whole frame. */
void ip_frame_write_echo(struct writer *w, const struct ip_datagram *d, const struct ip_echo *echo);

#endif
