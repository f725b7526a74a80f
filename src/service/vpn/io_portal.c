#include "service/vpn/io_portal.h"

#include "crypto/tls.h"
#include "os/fd.h"
#include "os/tcp.h"
#include "service/vpn/io_portal_inner.h"

#include <stdlib.h>

enum { ACCEPTS_MAX = 16, ACCEPT_RETRY_MS = 100 };

enum err portal_io_new(const struct portal_io_options *options, struct portal_io **ret)
{
	struct portal_io *io = calloc(1, sizeof(*io));
	if (!io)
		return ENOMEM;
	io->options = *options;
	if (io->options.times.request_ms == 0)
		io->options.times = PORTAL_TIMES;
	*ret = io;
	return OK;
}

void portal_shown_unref(struct portal_shown *s)
{
	if (!s || --s->users)
		return;
	tls_server_unref(s->tls);
	free(s);
}

void portal_io_free(struct portal_io *io)
{
	if (!io)
		return;
	while (io->connections)
		portal_connection_free(io->connections);
	for (size_t i = 0; i < io->listeners_n; i++) {
		loop_remove(io->options.loop, &io->listeners[i].watch);
		loop_timer_cancel(io->options.loop, &io->listeners[i].again);
		fd_done(&io->listeners[i].fd);
	}
	portal_shown_unref(io->shown);
	free(io);
}

enum err portal_io_show(struct portal_io *io, struct tls_server *tls)
{
	struct portal_shown *s = calloc(1, sizeof(*s));
	if (!s) {
		tls_server_unref(tls);
		return ENOMEM;
	}
	*s = (struct portal_shown){.tls = tls, .users = 1};
	portal_shown_unref(io->shown);
	io->shown = s;
	return OK;
}

void portal_io_use(struct portal_io *io, struct portal *portal)
{
	while (io->connections)
		portal_connection_free(io->connections);
	io->options.portal = portal;
}

/* --- listening ---------------------------------------------------------------------------------
 */

static bool has_room(const struct portal_io *io, const struct ip_address *peer)
{
	unsigned of_one = 0;
	for (const struct portal_connection *x = io->connections; x; x = x->next)
		of_one += ip_address_equal(&x->peer, peer);
	return io->counts.open < PORTAL_CONNECTIONS_MAX && of_one < PORTAL_CONNECTIONS_OF_ONE;
}

static void admit(struct portal_listener *l, int fd, const struct ip_address *peer)
{
	struct portal_io *io = l->io;
	if (!has_room(io, peer) || (l->https && !io->shown)) {
		io->counts.refused++;
		err_ignore(tcp_reset_on_close(fd)); /* it is closed either way */
		fd_done(&fd);
		return;
	}
	io->counts.accepted++;
	if (portal_connection_new(io, fd, peer, l->https) != OK)
		io->counts.refused++;
}

static void ready(void *arg, uint32_t events)
{
	struct portal_listener *l = arg;
	(void)events;
	for (unsigned i = 0; i < ACCEPTS_MAX; i++) {
		struct ip_endpoint peer;
		int fd = -1;
		enum err e = tcp_accept(l->fd, &fd, &peer, NULL);
		if (e == (enum err)EAGAIN)
			return;
		if (e) { /* the queue stays, so do not spin on it */
			loop_remove(l->io->options.loop, &l->watch);
			loop_timer_set_after(l->io->options.loop, &l->again, ACCEPT_RETRY_MS);
			return;
		}
		admit(l, fd, &peer.address);
	}
}

static void listen_again(void *arg)
{
	struct portal_listener *l = arg;
	struct loop *loop = l->io->options.loop;
	if (loop_add(loop, &l->watch, l->fd, LOOP_READ, ready, l) != OK)
		loop_timer_set_after(loop, &l->again, ACCEPT_RETRY_MS);
}

enum err portal_io_listen(struct portal_io *io, int fd, bool https)
{
	enum err e = ERR_LIMIT;
	struct portal_listener *l = &io->listeners[io->listeners_n];
	if (io->listeners_n < PORTAL_LISTENERS_MAX) {
		*l = (struct portal_listener){.io = io, .fd = fd, .https = https};
		loop_timer_init(&l->again, listen_again, l);
		e = loop_add(io->options.loop, &l->watch, fd, LOOP_READ, ready, l);
	}
	if (e)
		fd_done(&fd);
	else
		io->listeners_n++;
	return e;
}

void portal_io_counts(const struct portal_io *io, struct portal_io_counts *ret)
{
	*ret = io->counts;
}
