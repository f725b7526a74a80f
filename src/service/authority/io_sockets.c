#include "service/authority/io_sockets.h"

#include "os/activation.h"
#include "os/fd.h"
#include "os/log.h"
#include "os/tcp.h"
#include "os/udp.h"

#include <stdlib.h>

#define BACKLOG 1024

static enum err open_one(enum activation_kind kind, const struct ip_endpoint *at, int *ret)
{
	return kind == ACTIVATION_UDP ? udp_open(at, UDP_REUSEPORT, ret)
				      : tcp_listen(at, TCP_REUSEPORT, BACKLOG, ret);
}

/* The descriptors of one endpoint and transport into column i of a table. */
static enum err fill(struct sockets *s, struct activation *activation, enum activation_kind kind,
		     const struct ip_endpoint *at, int *column)
{
	size_t passed = 0, first = s->owned_n;
	struct activation_fd *found;

	/* Taking one makes the next the first of those left. */
	while (passed < s->workers && (found = activation_find_at(activation, kind, at, 0))) {
		s->owned[s->owned_n++] = fd_take(&found->fd);
		passed++;
	}
	if (passed > 0 && passed < s->workers)
		s->shared = true;
	for (size_t w = 0; w < s->workers; w++) {
		if (passed == 0) {
			int fd = -1;
			enum err e = open_one(kind, at, &fd);
			if (e) {
				log_error(kind == ACTIVATION_UDP ? "cannot listen on UDP"
								 : "cannot listen on TCP",
					  LOG_ENDPOINT("address", at), LOG_ERR(e));
				return e;
			}
			s->owned[s->owned_n++] = fd;
		}
		column[w * s->endpoints] = s->owned[first + (passed ? w % passed : w)];
	}
	return OK;
}

enum err sockets_open(struct activation *activation, const struct ip_endpoint *listen,
		      size_t listen_n, size_t workers, struct sockets *ret)
{
	enum err e = OK;
	struct sockets s = {.endpoints = listen_n, .workers = workers};

	s.udp = calloc(listen_n * workers + 1, sizeof(int));
	s.tcp = calloc(listen_n * workers + 1, sizeof(int));
	s.owned = calloc(2 * listen_n * workers + 1, sizeof(int));
	if (!s.udp || !s.tcp || !s.owned)
		e = ENOMEM;
	for (size_t i = 0; !e && i < listen_n; i++) {
		e = fill(&s, activation, ACTIVATION_UDP, &listen[i], s.udp + i);
		if (!e)
			e = fill(&s, activation, ACTIVATION_TCP, &listen[i], s.tcp + i);
	}
	if (e) {
		sockets_done(&s);
		return e;
	}
	*ret = s;
	return OK;
}

void sockets_done(struct sockets *s)
{
	for (size_t i = 0; i < s->owned_n; i++)
		fd_done(&s->owned[i]);
	free(s->udp);
	free(s->tcp);
	free(s->owned);
	*s = (struct sockets){0};
}
