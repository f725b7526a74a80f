/* IPv4 packets whose heads the caller writes, sent by the kernel's routes. Knows nothing of what
 * they say, and receives none. */
#ifndef OS_RAW_H
#define OS_RAW_H

#include "base/err.h"
#include "base/span.h"

#include <stdint.h>

/* Nonblocking, close-on-exec; all that it sends carries the mark, by which filters and programs
 * know it. EPERM without CAP_NET_RAW, with a mark (not 0) without CAP_NET_ADMIN as well. */
MUST enum err raw4_open(uint32_t mark, int *ret_fd);

/* A whole packet to the destination in its head. The kernel makes the head's checksum; an
 * identification of 0 becomes another one. ifindex: it leaves by this device, whatever the routes
 * say of others; 0: any. EMSGSIZE: too big for it; ENETUNREACH, EAGAIN... ERR_FORMAT: no head. */
MUST enum err raw4_send(int fd, uint32_t ifindex, struct span packet);

#endif
