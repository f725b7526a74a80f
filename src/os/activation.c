#include "os/activation.h"

#include "os/fd.h"
#include "os/tcp.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { FIRST_FD = 3 };

static void forget_environment(void)
{
	(void)unsetenv("LISTEN_PID");
	(void)unsetenv("LISTEN_FDS");
	(void)unsetenv("LISTEN_FDNAMES");
}

static enum activation_kind kind_of(int fd)
{
	int domain = 0, type = 0, listening = 0;
	socklen_t len = sizeof(int);
	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) < 0 ||
	    getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) < 0 ||
	    getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) < 0)
		return ACTIVATION_OTHER;
	bool ip = domain == AF_INET || domain == AF_INET6;
	if (domain == AF_PACKET || (ip && type == SOCK_RAW))
		return ACTIVATION_RAW;
	if (ip && type == SOCK_DGRAM)
		return ACTIVATION_UDP;
	if (ip && type == SOCK_STREAM && listening)
		return ACTIVATION_TCP;
	if (domain == AF_UNIX && type == SOCK_STREAM && listening)
		return ACTIVATION_UNIX;
	if (domain == AF_UNIX && type == SOCK_SEQPACKET)
		return ACTIVATION_PAIR;
	return ACTIVATION_OTHER;
}

/* Takes the next name off the colon-separated list. */
static enum err next_name(struct span *names, char ret[ACTIVATION_NAME_MAX + 1])
{
	size_t end = span_find(*names, ':');
	if (!span_to_cstr(span_sub(*names, 0, end), ret, ACTIVATION_NAME_MAX + 1))
		return ERR_FORMAT;
	*names = span_sub(*names, end + 1, names->len);
	return OK;
}

static enum err take_all(struct activation *a, size_t n, const char *names_text)
{
	struct span names = span_text(names_text ? names_text : "");
	bool named = names_text != NULL;
	size_t colons = 0;
	for (size_t i = 0; i < names.len; i++)
		colons += names.data[i] == ':';
	if (named && colons + 1 != n)
		return ERR_FORMAT;
	a->fds = calloc(n, sizeof(*a->fds));
	if (!a->fds)
		return (enum err)ENOMEM;
	for (size_t i = 0; i < n; i++) {
		struct activation_fd *x = &a->fds[i];
		*x = (struct activation_fd){.fd = FIRST_FD + (int)i, .name = "unknown"};
		a->fds_len = i + 1;
		TRY(fd_set_cloexec(x->fd, true)); /* EBADF: less was passed than promised */
		if (named)
			TRY(next_name(&names, x->name));
		x->kind = kind_of(x->fd);
		if (x->kind == ACTIVATION_UDP || x->kind == ACTIVATION_TCP)
			TRY(socket_local(x->fd, &x->local));
		if (x->kind == ACTIVATION_TCP) /* as tcp_listen */
			TRY(tcp_nodelay(x->fd, true));
		/* Others pass them blocking (systemd does): accept would then wait for a client
		 * that another worker got, or that has gone. */
		if (x->kind != ACTIVATION_OTHER)
			TRY(fd_set_nonblocking(x->fd, true));
	}
	return OK;
}

enum err activation_take(struct activation *ret)
{
	const char *pid_text = getenv("LISTEN_PID");
	const char *fds_text = getenv("LISTEN_FDS");
	struct activation a = {0};
	uint64_t pid = 0, n = 0;
	enum err e = OK;
	if (pid_text && fds_text) {
		if (!span_to_u64(span_text(pid_text), INT32_MAX, &pid) ||
		    !span_to_u64(span_text(fds_text), ACTIVATION_FDS_MAX, &n))
			e = ERR_FORMAT;
		else if (pid == (uint64_t)getpid() && n > 0)
			e = take_all(&a, n, getenv("LISTEN_FDNAMES"));
	}
	forget_environment();
	if (e) {
		activation_done(&a);
		return e;
	}
	*ret = a;
	return OK;
}

void activation_done(struct activation *activation)
{
	if (!activation)
		return;
	for (size_t i = 0; i < activation->fds_len; i++)
		fd_done(&activation->fds[i].fd);
	free(activation->fds);
	*activation = (struct activation){0};
}

struct activation_fd *activation_find(struct activation *activation, const char *name, size_t nth)
{
	for (size_t i = 0; i < activation->fds_len; i++) {
		struct activation_fd *x = &activation->fds[i];
		if (x->fd >= 0 && strcmp(x->name, name) == 0 && nth-- == 0)
			return x;
	}
	return NULL;
}

struct activation_fd *activation_find_at(struct activation *activation, enum activation_kind kind,
					 const struct ip_endpoint *at, size_t nth)
{
	for (size_t i = 0; i < activation->fds_len; i++) {
		struct activation_fd *x = &activation->fds[i];
		if (x->fd >= 0 && x->kind == kind && ip_endpoint_equal(&x->local, at) && nth-- == 0)
			return x;
	}
	return NULL;
}
