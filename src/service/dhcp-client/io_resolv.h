/* The DNS servers and search lists of all leases as a resolv.conf, replaced as a whole. Knows no
 * resolver. */
#ifndef DHCP_CLIENT_IO_RESOLV_H
#define DHCP_CLIENT_IO_RESOLV_H

#include "service/dhcp-client/io_uplink.h"

/* The uplinks that are in force, the lowest metric first. */
MUST enum err resolv_write(const char *folder, struct client_uplink *const *uplinks, size_t n);

#endif
