#include "service/reverse-proxy/io_sockets.h"

#include "os/fd.h"
#include "os/log.h"
#include "os/tcp.h"

#include <stdlib.h>

#define BACKLOG 4096

/* As many as were passed; workers beyond share them. False: none was. */
static bool use_passed(struct reverse_sockets *s, struct activation *passed,
		       const struct ip_endpoint *at, int *fds)
{
	size_t n = 0;
	/* Those taken before are not there any more, so the next is always the first. */
	for (struct activation_fd *found; n < s->workers; n++) {
		found = activation_find_at(passed, ACTIVATION_TCP, at, 0);
		if (!found)
			break;
		s->owned[s->owned_n++] = fds[n * s->endpoints] = fd_take(&found->fd);
	}
	for (size_t i = n; n && i < s->workers; i++)
		fds[i * s->endpoints] = fds[i % n * s->endpoints];
	return n > 0;
}

static enum err open_endpoint(struct reverse_sockets *s, struct activation *passed,
			      const struct ip_endpoint *at, int *fds)
{
	if (use_passed(s, passed, at, fds))
		return OK;
	for (size_t i = 0; i < s->workers; i++) {
		int fd = -1;
		enum err e = tcp_listen(at, s->workers > 1 ? TCP_REUSEPORT : 0, BACKLOG, &fd);
		if (e) {
			log_error("the address cannot be served", LOG_ENDPOINT("listen", at),
				  LOG_ERR(e));
			return e;
		}
		s->owned[s->owned_n++] = fds[i * s->endpoints] = fd;
	}
	return OK;
}

enum err reverse_sockets_open(struct activation *passed, const struct ip_endpoint *at,
			      size_t endpoints, size_t workers, struct reverse_sockets *ret)
{
	*ret = (struct reverse_sockets){.endpoints = endpoints, .workers = workers};
	ret->tcp = calloc(endpoints * workers + 1, sizeof(int));
	ret->owned = calloc(endpoints * workers + 1, sizeof(int));
	if (!ret->tcp || !ret->owned)
		return ENOMEM;
	for (size_t i = 0; i < endpoints; i++)
		TRY(open_endpoint(ret, passed, &at[i], ret->tcp + i));
	return OK;
}

void reverse_sockets_done(struct reverse_sockets *s)
{
	for (size_t i = 0; i < s->owned_n; i++)
		fd_done(&s->owned[i]);
	free(s->tcp);
	free(s->owned);
	*s = (struct reverse_sockets){0};
}
