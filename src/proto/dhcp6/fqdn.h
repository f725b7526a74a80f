/* The Client FQDN option (RFC 4704), both ways. Knows nothing of the DNS's contents or of who may
 * have which name. */
#ifndef PROTO_DHCP6_FQDN_H
#define PROTO_DHCP6_FQDN_H

#include "proto/dns/name.h"

struct writer;

/* RFC 4704 4.1. */
enum {
	DHCP6_FQDN_S = 1 << 0, /* the server updates the AAAA record */
	DHCP6_FQDN_O = 1 << 1, /* from a server: it did not as the client wished */
	DHCP6_FQDN_N = 1 << 2, /* the server updates nothing */
};

struct dhcp6_fqdn {
	uint8_t flags;
	bool partial;	      /* without the root label: a host name of the client's (4.2) */
	struct dns_name name; /* of a partial one with the root added; the root alone: none given */
};

/* ERR_FORMAT: torn, compressed or too long; S and N both set (4.1: such a client is in error). */
MUST enum err dhcp6_fqdn_read(struct span body, struct dhcp6_fqdn *ret);
/* The whole option. */
void dhcp6_write_fqdn(struct writer *w, const struct dhcp6_fqdn *f);

#endif
