/* What the client's control socket shows and does: states, leases, counters, renew and release.
 * Knows no packets. */
#ifndef DHCP_CLIENT_CONTROL_H
#define DHCP_CLIENT_CONTROL_H

#include "control/control.h"
#include "service/dhcp-client/io_uplink.h"

struct client_control {
	struct client_env *env;
	void (*reload)(void *arg, struct control_reply *reply);
	void *arg;
};

/* The face of the control socket; borrows c. */
void client_control_face(struct client_control *c, struct control_face *ret);

#endif
