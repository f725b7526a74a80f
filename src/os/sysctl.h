/* The kernel's settings of networking, below /proc/sys/net, of the network namespace of the calling
 * thread. Knows not what they mean.
 *
 * Reading takes no right; writing CAP_NET_ADMIN over the namespace, and the path among the writable
 * ones of a sandbox. That a kernel lacks one is ENOENT. */
#ifndef OS_SYSCTL_H
#define OS_SYSCTL_H

#include "base/err.h"

#include <stdint.h>

/* name: "ipv4/ip_forward". ERR_FORMAT: the name leads elsewhere, or what is there is no number. */
MUST enum err sysctl_read(const char *name, int64_t *ret);
MUST enum err sysctl_write(const char *name, int64_t value);

/* Of one link, or of "all" or "default": "rp_filter" of family 4, "accept_ra" of family 6. ENOENT:
 * no such link. */
MUST enum err sysctl_link_read(unsigned family, const char *link, const char *name, int64_t *ret);
MUST enum err sysctl_link_write(unsigned family, const char *link, const char *name, int64_t value);

/* Whether packets of a family are forwarded between links (net.ipv4.ip_forward,
 * net.ipv6.conf.all.forwarding). The kernel sets more with it: redirects and, for IPv6, router
 * advertisements are not heard any more (RFC 1122, 4861: a router), unless accept_ra is 2. */
MUST enum err sysctl_forwarding_read(unsigned family, int64_t *ret);
MUST enum err sysctl_forwarding_write(unsigned family, int64_t value);

#endif
