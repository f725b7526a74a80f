/* Descriptors that whoever started us passed by LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES
 * (sd_listen_fds(3)). Knows neither what they are for nor who that was. */
#ifndef OS_ACTIVATION_H
#define OS_ACTIVATION_H

#include "base/err.h"
#include "proto/ip/address.h"

#include <stddef.h>

enum {
	ACTIVATION_NAME_MAX = 255,
	ACTIVATION_FDS_MAX = 4096,
};

enum activation_kind {
	ACTIVATION_OTHER, /* a file, a device… */
	ACTIVATION_UDP,
	ACTIVATION_TCP,	 /* listening */
	ACTIVATION_UNIX, /* a listening stream socket */
	ACTIVATION_PAIR, /* a SOCK_SEQPACKET end */
	ACTIVATION_RAW,	 /* a packet socket, or a raw IP one */
};

struct activation_fd {
	int fd; /* owned until somebody takes it by fd_take(&x->fd) */
	enum activation_kind kind;
	struct ip_endpoint local; /* UDP and TCP: where it is bound (getsockname); else family 0 */
	char name[ACTIVATION_NAME_MAX + 1]; /* "unknown" when it was passed without a name */
};

struct activation {
	struct activation_fd *fds; /* in the order they were passed */
	size_t fds_len;
};

/* Takes what was passed to this process, makes it close-on-exec and sockets non-blocking, and
 * removes the three variables from the environment. Nothing passed, or passed to another PID: OK
 * with fds_len 0. ERR_FORMAT: the variables contradict each other. */
MUST enum err activation_take(struct activation *ret);
/* Closes what nobody took. */
void activation_done(struct activation *activation);

/* The nth (from 0) descriptor that is still there under this name. NULL: no more. Names may repeat.
 */
struct activation_fd *activation_find(struct activation *activation, const char *name, size_t nth);

/* The nth of that kind bound to exactly that address and port. NULL: no more. */
struct activation_fd *activation_find_at(struct activation *activation, enum activation_kind kind,
					 const struct ip_endpoint *at, size_t nth);

#endif
