/* The text of a resolv.conf from leases. Reads no file and writes none. */
#ifndef DHCP_CLIENT_RESOLV_H
#define DHCP_CLIENT_RESOLV_H

#include "proto/ip/address.h"
#include "service/dhcp-client/lease.h"

enum {
	RESOLV_SERVERS_MAX = 3, /* what libc reads: MAXNS of resolv.conf(5) */
	RESOLV_NAMES_MAX = 6,	/* what older ones read */
	RESOLV_TEXT_MAX = 8192,
};

/* Gathered from leases, the dearest first; each server and name once. Zeroed: nothing. */
struct resolv {
	size_t servers_n, names_n;
	struct ip_address servers[RESOLV_SERVERS_MAX];
	struct dns_name names[RESOLV_NAMES_MAX];
};

void resolv_add_lease(struct resolv *r, const struct lease *l);
/* Options 23 and 24 of DHCPv6 (RFC 3646). What is torn is left out, and servers with link-local
 * addresses, which mean nothing without their link. */
void resolv_add_options6(struct resolv *r, struct span options);

/* Of names only those of letters, digits, hyphens and underscores, so that no server writes into
 * the file what it likes. */
void resolv_text(const struct resolv *r, struct writer *w);

#endif
