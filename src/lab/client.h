/* udhcpc on the hosts of the lab that get their address by DHCP: its script, its start, and what it
 * was told. Knows no topology but a host's name. */
#ifndef LAB_CLIENT_H
#define LAB_CLIENT_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

struct spawn_child;

/* Where Debian's udhcpc looks for a script of its own accord. */
#define LAB_CLIENT_SCRIPT "/etc/udhcpc/default.script"

/* Writes the host's files: an empty resolv.conf, and the script that udhcpc runs there. */
MUST enum err lab_client_prepare(const char *host);

/* Starts udhcpc in that network; it asks until it is answered, renews, and lives as long as the
 * lab. ENOENT: it is not installed. */
MUST enum err lab_client_start(const char *host, int netns_fd, struct spawn_child *ret);

enum { LAB_LEASE_TEXT_MAX = 64 };

/* The address that it was given, "192.168.7.100/24"; false: none yet. */
bool lab_client_lease(const char *host, char ret[LAB_LEASE_TEXT_MAX]);

#endif
