/* The DNS servers and search lists of all leases as a resolv.conf, replaced as a whole. Knows no
 * resolver. */
#ifndef DHCP_CLIENT_IO_RESOLV_H
#define DHCP_CLIENT_IO_RESOLV_H

#include "service/dhcp-client/io_uplink.h"

struct resolv;
/* What the leases name, of the uplink with the lowest metric first. ret: zeroed. */
void resolv_gather(struct client_uplink *const *uplinks, size_t n, struct resolv *ret);

/* The same as a file. */
MUST enum err resolv_write(const char *folder, struct client_uplink *const *uplinks, size_t n);

#endif
