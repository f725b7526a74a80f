/* Unix sockets: control sockets, and descriptors that travel between processes. Knows nothing of
 * what is said over them. */
#ifndef OS_UNIX_H
#define OS_UNIX_H

#include "base/err.h"
#include "base/span.h"

#include <stddef.h>
#include <stdint.h>

/* A listening stream socket at path (at most 107 bytes; "@name" is abstract), file mode `mode`
 * (0660). A dead socket file that is in the way is replaced; ERR_EXISTS when somebody listens
 * there, or when what is there is not a socket. Nonblocking, close-on-exec. */
MUST enum err unix_listen(const char *path, unsigned mode, int *ret_fd);

/* The socket's file belongs to the group, whose members may connect as its mode lets them. */
MUST enum err unix_set_group(const char *path, uint32_t gid);

/* As tcp_accept. */
MUST enum err unix_accept(int listen_fd, int *ret_fd);

/* A connected stream socket; blocking unless set otherwise, close-on-exec. ENOENT, ECONNREFUSED:
 * nobody is there. */
MUST enum err unix_connect(const char *path, int *ret_fd);

/* The same, nonblocking, for who may not wait: EAGAIN when the queue of the other side is full. */
MUST enum err unix_connect_now(const char *path, int *ret_fd);

struct unix_peer {
	uint32_t uid, gid;
	int32_t pid; /* 0: in another PID namespace */
};

/* Who connected, as the kernel saw it at connect time. */
MUST enum err unix_peer(int fd, struct unix_peer *ret);

enum { UNIX_FDS_MAX = 16 };

/* Two ends that keep the bounds of messages (SOCK_SEQPACKET), close-on-exec, blocking. */
MUST enum err unix_pair(int ret_fds[2]);

/* One message with at most UNIX_FDS_MAX descriptors, which the receiver gets duplicates of. message
 * must not be empty. */
MUST enum err fd_send(int socket_fd, struct span message, const int *fds, size_t fds_len);

/* message_size: room; ret_fds: room for UNIX_FDS_MAX; the caller owns what arrives (close-on-exec).
 * ERR_CLOSED at the end; ERR_LIMIT, and nothing is kept, when message or descriptors did not fit;
 * EAGAIN on a nonblocking socket. */
MUST enum err fd_receive(int socket_fd, void *message, size_t message_size, size_t *ret_len,
			 int *ret_fds, size_t *ret_fds_len);

#endif
