/* Option 81, the client's fully qualified domain name (RFC 4702): flags and a name in wire form or
 * in the old ASCII form. Knows nothing of who may have which name. */
#ifndef PROTO_DHCP_FQDN_H
#define PROTO_DHCP_FQDN_H

#include "base/err.h"
#include "base/span.h"
#include "base/writer.h"
#include "proto/dns/name.h"

/* RFC 4702 2.1. */
enum {
	DHCP_FQDN_S = 1, /* the server updates A */
	DHCP_FQDN_O = 2, /* the server overrode S */
	DHCP_FQDN_E = 4, /* wire form, RFC 1035 3.1 */
	DHCP_FQDN_N = 8, /* the server updates nothing */
};

enum { DHCP_FQDN_RCODE = 255 }; /* RFC 4702 2.2 */

struct dhcp_fqdn {
	uint8_t flags;	      /* the four above; others are dropped */
	uint8_t rcode;	      /* both of them; DHCP_FQDN_RCODE from a server, 0 from a client */
	bool partial;	      /* no domain was given: name is to be completed (3.1) */
	struct dns_name name; /* lower case; the root when there is none */
};

/* rcode becomes DHCP_FQDN_RCODE, for the answer: what was received there is ignored. ERR_FORMAT:
 * shorter than three octets, a torn name, ASCII that is none, S and N both set (2.1).
 */
MUST enum err dhcp_fqdn_read(struct span option, struct dhcp_fqdn *ret);

/* Encodes as the E flag says; partial: without the final root label, or dot. */
void dhcp_fqdn_write(struct writer *w, const struct dhcp_fqdn *fqdn);

#endif
