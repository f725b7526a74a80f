/* Peers as those who obey the site's policy see them: which peer has a tunnel's address, who has
 * signed in there, and which users there are, in a table that they map (policy/io_devices.h). What
 * there is now is compared with what was told. Knows nobody who reads it. */
#ifndef VPN_IO_DEVICES_H
#define VPN_IO_DEVICES_H

#include "base/err.h"

struct vpn;
struct vpn_devices;
struct writer;

/* ENOMEM. */
MUST enum err vpn_devices_new(struct vpn *v, struct vpn_devices **ret);
void vpn_devices_free(struct vpn_devices *x); /* accepts NULL */

/* As the configuration in force says from now on: at the start, when peers and sessions are known,
 * and after a reload. Logs what cannot be. */
void vpn_devices_set(struct vpn *v);
/* Peers have changed: before the loop sleeps, they are told. */
void vpn_devices_follow(struct vpn *v);
/* At the end of each turn of the loop; it sees by itself that a session came or went. */
void vpn_devices_turn(struct vpn *v);

void vpn_devices_metrics(const struct vpn *v, struct writer *text);

#endif
