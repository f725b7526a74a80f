/* The rdata of DHCID (RFC 4701): a digest of who a DHCP client is and of the name that it holds, so
 * that others can tell whether it is the same client and cannot tell which. Knows nothing of DHCP
 * messages. */
#ifndef PROTO_DNS_DHCID_H
#define PROTO_DNS_DHCID_H

#include "base/span.h"
#include "proto/dns/name.h"

#define DNS_DHCID_LEN 35 /* octets of the rdata: identifier type, digest type 1, SHA-256 */

enum dns_dhcid_source {
	DNS_DHCID_HARDWARE = 0,	 /* one octet htype and the chaddr of hlen octets */
	DNS_DHCID_CLIENT_ID = 1, /* the data of option 61 that holds no DUID (RFC 4361) */
	DNS_DHCID_DUID = 2,	 /* of DHCPv6, or out of option 61 of type 255 */
};

/* identifier: as its source says. name: the complete one that the client holds; its case does not
 * matter (RFC 4701 3.5). */
void dns_dhcid_make(enum dns_dhcid_source source, struct span identifier,
		    const struct dns_name *name, uint8_t ret[DNS_DHCID_LEN]);

/* The same from what a DHCPv4 client sent: the DUID in client_id when that is of type 255 (RFC 4361
 * 6.1: four octets of IAID, then the DUID), else client_id, else the hardware address. So a client
 * with one DUID is one client over IPv4 and IPv6. */
void dns_dhcid_make_v4(struct span client_id, uint8_t htype, struct span chaddr,
		       const struct dns_name *name, uint8_t ret[DNS_DHCID_LEN]);

#endif
