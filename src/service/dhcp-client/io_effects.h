/* What an uplink's engine wants done, done: frames, the kernel's addresses, the file, events.
 * Private to the I/O of this folder; decides nothing. */
#ifndef DHCP_CLIENT_IO_EFFECTS_H
#define DHCP_CLIENT_IO_EFFECTS_H

struct client_uplink;
struct uplink_effects;

void client_effects(struct client_uplink *c, struct uplink_effects *ret);
/* The configuration has changed what a lease sets: it is set anew. */
void client_effects_again(struct client_uplink *c);

#endif
