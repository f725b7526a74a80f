/* Who a client says it is: client identifiers (RFC 2132 9.14, RFC 4361) and hardware addresses.
 * Knows nothing of leases, and DUIDs only through duid.h. */
#ifndef PROTO_DHCP_IDENTITY_H
#define PROTO_DHCP_IDENTITY_H

#include "base/err.h"
#include "base/span.h"
#include "proto/dhcp/duid.h"

struct writer;

enum dhcp_client_id_kind {
	DHCP_CLIENT_ID_OPAQUE,	 /* type 0, or of a type that does not hold what it says */
	DHCP_CLIENT_ID_HARDWARE, /* a hardware type and its address */
	DHCP_CLIENT_ID_DUID,	 /* type 255: IAID and DUID (RFC 4361 6.1) */
};

enum {
	DHCP_CLIENT_ID_MIN = 2,
	DHCP_CLIENT_ID_MAX = 255,
	DHCP_CLIENT_ID_TEXT_MAX = DHCP_CLIENT_ID_MAX * 4 + 32, /* with the NUL */
};

struct dhcp_client_id {
	enum dhcp_client_id_kind kind;
	uint8_t type;	   /* the first octet */
	uint32_t iaid;	   /* of DUID */
	struct span value; /* view: the address, the DUID, or what follows the type */
};

/* Never fails on what has two octets or more: identifiers are opaque (RFC 4361 6.3), and this is
 * for people. ERR_FORMAT below, or above 255. */
MUST enum err dhcp_client_id_read(struct span option, struct dhcp_client_id *ret);

/* RFC 4361 6.1: 255, IAID, DUID. */
void dhcp_client_id_write_duid(struct writer *w, uint32_t iaid, struct span duid);
/* RFC 2132 9.14: hardware type and address. */
void dhcp_client_id_write_hardware(struct writer *w, uint8_t htype, struct span address);

/* "02:00:00:00:00:01" for Ethernet, "duid 00:03:... iaid 1", "text name" for type 0 with printable
 * text, otherwise "hex ...". */
void dhcp_client_id_format(struct span option, struct writer *w);

/* Hex with colons; a hardware type other than Ethernet in front as "32/00:..". */
void dhcp_hardware_format(uint8_t htype, struct span address, struct writer *w);
/* Six octets of hex with colons or hyphens: ERR_FORMAT. */
MUST enum err dhcp_mac_parse(struct span text, uint8_t ret[6]);
/* Hex of any length up to max octets, with colons, hyphens or nothing between. ERR_FORMAT,
 * ERR_LIMIT of w; on failure w is as it was. */
MUST enum err dhcp_hex_parse(struct span text, struct writer *w);
void dhcp_hex_write(struct writer *w, struct span bytes); /* lower case, colons */

#endif
