/* TUN devices of a plan, and what their links are. Knows no tunnel. */
#ifndef SUPERVISOR_DEVICES_H
#define SUPERVISOR_DEVICES_H

#include "supervisor/sockets.h"

/* A PLAN_TUN: its queues are opened; where this kernel has no such devices, missing. What is of a
 * link is done to it, or missing with its device, which set has already. Errors are logged; a route
 * that is taken is a warning. */
MUST enum err device_open(const struct plan_record *r, const struct socket_set *set,
			  struct socket_entry *ret);

/* What is of a link is undone, unless its device goes with it. keep: what stays; may be NULL. */
void device_unset(const struct plan_record *r, const struct socket_set *keep);

#endif
