/* Unix socket addresses as the kernel writes them. Private to this folder; knows no messages. */
#ifndef OS_UNIX_ADDRESS_H
#define OS_UNIX_ADDRESS_H

#include "base/err.h"

#include <sys/socket.h>
#include <sys/un.h>

/* A path, or "@name" for an abstract one. ENAMETOOLONG: empty, or over 107 bytes. */
MUST enum err unix_address(const char *path, struct sockaddr_un *ret, socklen_t *ret_len);

/* A bound socket, nonblocking and close-on-exec; a dead socket file in its way is replaced. */
MUST enum err unix_bound(const char *path, int type, unsigned mode, int *ret_fd);

#endif
