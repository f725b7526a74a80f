/* Neighbour Discovery (RFC 4861 4): router solicitations and advertisements, and neighbour
 * solicitations and advertisements as far as duplicate address detection needs them. Knows no
 * socket, no interface and no timer; addresses and the hop limit of a packet are arguments. */
#ifndef PROTO_NDP_MESSAGE_H
#define PROTO_NDP_MESSAGE_H

#include "base/err.h"
#include "base/reader.h"
#include "proto/ip/address.h"

struct writer;

enum ndp_type {
	NDP_ROUTER_SOLICIT = 133,
	NDP_ROUTER_ADVERT = 134,
	NDP_NEIGHBOUR_SOLICIT = 135,
	NDP_NEIGHBOUR_ADVERT = 136,
};

enum { NDP_HOP_LIMIT = 255, NDP_NEXT_HEADER = 58, NDP_OPTIONS_MAX = 256 };

/* RFC 4191 2.1; the reserved value reads as MEDIUM (2.2). */
enum ndp_preference { NDP_MEDIUM = 0, NDP_HIGH = 1, NDP_LOW = 3 };

/* How a packet came. */
struct ndp_arrival {
	struct ip_address source, destination;
	uint8_t hop_limit;
};

struct ndp_message {
	uint8_t type;	     /* enum ndp_type */
	struct span options; /* whole ones, for ndp_option_next */
	/* ROUTER_ADVERT */
	uint8_t hop_limit; /* 0: not said */
	bool managed, other;
	enum ndp_preference preference;
	uint16_t lifetime_s; /* 0: no default router */
	uint32_t reachable_ms, retrans_ms;
	/* NEIGHBOUR_SOLICIT, NEIGHBOUR_ADVERT */
	struct ip_address target;
	bool router, solicited, override;
	/* Of either link-layer address option (the one that this type may carry), len 0: absent. */
	struct span link_layer;
};

/* Reads an ICMPv6 message and makes all of the checks of RFC 4861 6.1.1, 6.1.2, 7.1.1 and 7.1.2 but
 * for the checksum where checked is set (the kernel's raw sockets verify it). ERR_FORMAT: one of
 * them fails. ERR_UNSUPPORTED: another type. */
MUST enum err ndp_message_read(struct span icmp, const struct ndp_arrival *a, bool checked,
			       struct ndp_message *ret);

/* The four types; each begins a message, options are written next. The checksum is left 0: raw
 * ICMPv6 sockets fill it in, ndp_checksum_fill does elsewhere. */
void ndp_write_router_solicit(struct writer *w);
void ndp_write_router_advert(struct writer *w, const struct ndp_message *m);
void ndp_write_neighbour_solicit(struct writer *w, const struct ip_address *target);
/* router, solicited and override of m hold. */
void ndp_write_neighbour_advert(struct writer *w, const struct ndp_message *m);

/* RFC 4443 2.3: over the pseudo-header and the message, its checksum field as it is; 0: a message
 * whose field is filled in is intact. */
uint16_t ndp_checksum(const struct ip_address *source, const struct ip_address *destination,
		      struct span icmp);
/* icmp: at least 4 octets, the checksum field among them is overwritten. */
void ndp_checksum_fill(const struct ip_address *source, const struct ip_address *destination,
		       uint8_t *icmp, size_t len);

/* ff02::1:ffXX:XXXX of that address (RFC 4291 2.7.1). */
struct ip_address ndp_solicited_node(const struct ip_address *target);

#endif
