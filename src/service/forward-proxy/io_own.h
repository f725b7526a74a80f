/* Is an address one of this machine's own? Asked of the kernel's routes, so that an address that
 * came an instant ago counts, and kept for a moment, so that it costs nothing for each request.
 * Knows no rule.
 */
#ifndef FORWARD_PROXY_IO_OWN_H
#define FORWARD_PROXY_IO_OWN_H

#include "proto/ip/address.h"

enum { FORWARD_OWN_KEPT = 256, FORWARD_OWN_MS = 1000 };

/* Of one worker; zeroed at first. */
struct forward_own {
	struct {
		struct ip_address address;
		uint64_t until_ms;
		bool own;
	} kept[FORWARD_OWN_KEPT];
};

/* What the kernel cannot be asked for, as there are no descriptors left, is taken for our own. */
bool forward_is_own(struct forward_own *o, uint64_t now_ms, const struct ip_address *a);

#endif
