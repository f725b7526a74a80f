#include "proxy/io_sockets.h"

#include "os/fd.h"
#include "os/log.h"
#include "os/tcp.h"
#include "os/udp.h"

#include <stdlib.h>

#define BACKLOG 4096

/* As many as were passed; workers beyond share them. False: none was. */
static bool use_passed(struct proxy_sockets *s, struct activation *passed,
		       enum activation_kind kind, const struct ip_endpoint *at, int *fds)
{
	size_t n = 0;
	/* Those taken before are not there any more, so the next is always the first. */
	for (struct activation_fd *found; n < s->workers; n++) {
		found = activation_find_at(passed, kind, at, 0);
		if (!found)
			break;
		s->owned[s->owned_n++] = fds[n * s->endpoints] = fd_take(&found->fd);
	}
	for (size_t i = n; n && i < s->workers; i++)
		fds[i * s->endpoints] = kind == ACTIVATION_TCP ? fds[i % n * s->endpoints] : -1;
	return n > 0;
}

static enum err open_one(const struct proxy_sockets *s, enum activation_kind kind, bool transparent,
			 const struct ip_endpoint *at, int *ret)
{
	bool shared = s->workers > 1;
	if (kind == ACTIVATION_UDP)
		return udp_open(at, shared ? UDP_REUSEPORT : 0, ret);
	return tcp_listen(at, (shared ? TCP_REUSEPORT : 0U) | (transparent ? TCP_TRANSPARENT : 0U),
			  BACKLOG, ret);
}

static enum err open_endpoint(struct proxy_sockets *s, struct activation *passed,
			      enum activation_kind kind, const struct ip_endpoint *at, int *fds)
{
	bool transparent = s->transparent && s->transparent[fds - s->fds];
	if (use_passed(s, passed, kind, at, fds))
		return OK;
	for (size_t i = 0; i < s->workers; i++) {
		int fd = -1;
		enum err e = open_one(s, kind, transparent, at, &fd);
		if (e) {
			log_error("the address cannot be served", LOG_ENDPOINT("listen", at),
				  LOG_ERR(e));
			return e;
		}
		s->owned[s->owned_n++] = fds[i * s->endpoints] = fd;
	}
	return OK;
}

enum err proxy_sockets_open(struct activation *passed, enum activation_kind kind,
			    const struct ip_endpoint *at, struct proxy_sockets *ret)
{
	size_t n = ret->endpoints * ret->workers;
	ret->fds = calloc(n + 1, sizeof(int));
	ret->owned = calloc(n + 1, sizeof(int));
	if (!ret->fds || !ret->owned)
		return ENOMEM;
	for (size_t i = 0; i < ret->endpoints; i++)
		TRY(open_endpoint(ret, passed, kind, &at[i], ret->fds + i));
	return OK;
}

void proxy_sockets_done(struct proxy_sockets *s)
{
	for (size_t i = 0; i < s->owned_n; i++)
		fd_done(&s->owned[i]);
	free(s->fds);
	free(s->owned);
	*s = (struct proxy_sockets){0};
}
