/* The text of a resolv.conf from leases. Reads no file and writes none. */
#ifndef DHCP_CLIENT_RESOLV_H
#define DHCP_CLIENT_RESOLV_H

#include "service/dhcp-client/lease.h"

enum {
	RESOLV_SERVERS_MAX = 3, /* what libc reads: MAXNS of resolv.conf(5) */
	RESOLV_TEXT_MAX = 8192,
};

/* leases: the dearest first. Each server and name once; of names only those of letters, digits,
 * hyphens and underscores, so that no server writes into the file what it likes. */
void resolv_text(const struct lease *const *leases, size_t n, struct writer *w);

#endif
