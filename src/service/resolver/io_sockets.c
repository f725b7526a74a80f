#include "service/resolver/io_sockets.h"

#include "os/fd.h"
#include "os/log.h"
#include "os/tcp.h"
#include "os/udp.h"

#include <stdlib.h>

#define BACKLOG 512

/* The nth socket of that kind that was passed; -1: there is none. */
static int take_passed(struct activation *passed, enum activation_kind kind,
		       const struct ip_endpoint *at)
{
	/* Those taken before are not there any more, so the next is always the first. */
	struct activation_fd *found = activation_find_at(passed, kind, at, 0);
	return found ? fd_take(&found->fd) : -1;
}

static enum err open_own(enum activation_kind kind, const struct ip_endpoint *at, bool several,
			 int *ret_fd)
{
	if (kind == ACTIVATION_UDP)
		return udp_open(at, several ? UDP_REUSEPORT : 0, ret_fd);
	return tcp_listen(at, several ? TCP_REUSEPORT : 0, BACKLOG, ret_fd);
}

/* As many as were passed, the workers beyond sharing them; false: none was. */
static bool use_passed(struct resolver_sockets *s, struct activation *passed,
		       enum activation_kind kind, const struct ip_endpoint *at, int *fds)
{
	size_t n = 0;
	for (int fd; n < s->workers && (fd = take_passed(passed, kind, at)) >= 0; n++)
		s->owned[s->owned_n++] = fds[n * s->endpoints] = fd;
	for (size_t i = n; n && i < s->workers; i++) {
		fds[i * s->endpoints] = fds[i % n * s->endpoints];
		s->shared = true;
	}
	return n > 0;
}

/* One endpoint, one transport, for all workers. */
static enum err open_endpoint(struct resolver_sockets *s, struct activation *passed,
			      enum activation_kind kind, const struct ip_endpoint *at, int *fds)
{
	if (use_passed(s, passed, kind, at, fds))
		return OK;
	for (size_t i = 0; i < s->workers; i++) {
		int fd = -1;
		enum err err = open_own(kind, at, s->workers > 1, &fd);
		if (err) {
			log_error("the address cannot be served", LOG_ENDPOINT("listen", at),
				  LOG_TEXT("transport", kind == ACTIVATION_UDP ? "udp" : "tcp"),
				  LOG_ERR(err));
			return err;
		}
		s->owned[s->owned_n++] = fds[i * s->endpoints] = fd;
	}
	return OK;
}

enum err resolver_sockets_open(struct activation *passed, const struct ip_endpoint *listen,
			       size_t listen_n, size_t workers, struct resolver_sockets *ret)
{
	struct resolver_sockets *s = ret;
	*s = (struct resolver_sockets){.endpoints = listen_n, .workers = workers};
	s->udp = calloc(listen_n * workers, sizeof(int));
	s->tcp = calloc(listen_n * workers, sizeof(int));
	s->owned = calloc(2 * listen_n * workers, sizeof(int));
	if (!s->udp || !s->tcp || !s->owned)
		return ENOMEM;
	for (size_t i = 0; i < listen_n; i++) {
		TRY(open_endpoint(s, passed, ACTIVATION_UDP, &listen[i], s->udp + i));
		TRY(open_endpoint(s, passed, ACTIVATION_TCP, &listen[i], s->tcp + i));
	}
	return OK;
}

void resolver_sockets_done(struct resolver_sockets *s)
{
	for (size_t i = 0; i < s->owned_n; i++)
		fd_done(&s->owned[i]);
	free(s->udp);
	free(s->tcp);
	free(s->owned);
	*s = (struct resolver_sockets){0};
}
