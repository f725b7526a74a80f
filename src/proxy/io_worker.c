#include "proxy/io_worker.h"

#include "os/clock.h"
#include "os/fd.h"
#include "os/file.h"
#include "os/pages.h"
#include "os/tcp.h"
#include "proxy/back1.h"
#include "proxy/back2.h"
#include "proxy/entry.h"
#include "proxy/front1.h"
#include "proxy/front2.h"
#include "proxy/hop.h"
#include "proxy/io_race.h"
#include "proxy/io_splice.h"
#include "proxy/io_tcp.h"
#include "proxy/transport_tls.h"

#include <stdlib.h>

enum {
	ACCEPTS_MAX = 32,      /* of one listener in a turn */
	ACCEPT_PAUSE_MS = 100, /* when the process has no descriptors left */
	TRIM_MS = 5 * 1000,    /* what a peak left is given back */
	SPLICE_MIN = 32 << 10, /* bytes; below, a pipe costs more calls than a copy */
};

struct proxy_listener {
	struct proxy_listener *next;
	struct proxy_io *io;
	struct loop_watch watch;
	struct loop_timer pause;
	int fd;	    /* borrowed */
	void *door; /* borrowed */
	struct ip_endpoint local;
	bool at_one;	  /* local is where all of its connections come to */
	bool transparent; /* they may be for others (TPROXY), and have their addresses */
};

struct proxy_io {
	struct proxy_worker w;
	struct loop *loop;
	struct proxy_tcps tcps;
	struct proxy_tlss tlss;
	struct proxy_splices splices;
	struct proxy_listener *listeners;
	struct loop_timer tick; /* of the worker's deadlines and what it put off */
	struct loop_timer trim;
	size_t connections_max;
	void (*drained)(void *arg);
	void *drained_arg; /* borrowed */
};

/* ---- time ---- */

/* After every event: what it put off is done in this turn, and the timer stands where the next
 * deadline is. */
static void turn_end(struct proxy_io *io)
{
	struct proxy_worker *w = &io->w;
	w->now_ms = loop_now_ms(io->loop);
	w->now_us = loop_now_us(io->loop);
	w->backlog = loop_has_backlog(io->loop);
	proxy_worker_turn(w);
	w->sends.open = false;
	uint64_t next = w->later.first ? w->now_ms : wheel_next_ms(&w->wheel);
	if (next != UINT64_MAX && (!io->tick.set || next < io->tick.at_ms))
		loop_timer_set(io->loop, &io->tick, next);
	if (io->drained && !proxy_count_get(&w->counts, PROXY_COUNT_OPEN)) {
		void (*drained)(void *arg) = TAKE(io->drained);
		drained(io->drained_arg);
	}
}

static void tick(void *arg)
{
	turn_end(arg);
}

static void trim(void *arg)
{
	struct proxy_io *io = arg;
	proxy_worker_trim(&io->w);
	loop_timer_set_after(io->loop, &io->trim, TRIM_MS);
}

static void before_event(void *arg)
{
	struct proxy_io *io = arg;
	io->w.now_ms = loop_now_ms(io->loop);
	io->w.now_us = loop_now_us(io->loop);
	io->w.sends.open = true;
}

static void after_events(void *arg)
{
	turn_end(arg);
}

/* ---- clients ---- */

static bool is_at(const struct proxy_listener *l, const struct ip_endpoint *at)
{
	return at->port == l->local.port && (ip_address_is_unspecified(&l->local.address) ||
					     ip_address_equal(&at->address, &l->local.address));
}

/* False: it was meant for the listener itself, or nobody knows. */
static bool find_meant(const struct proxy_listener *l, int fd, struct proxy_connection *c)
{
	struct ip_endpoint meant;
	if (l->transparent && !is_at(l, &c->local))
		return true;
	if (tcp_meant_for(fd, &meant) || ip_endpoint_equal(&meant, &c->local))
		return false;
	c->local = meant;
	return true;
}

static void admit(struct proxy_listener *l, int fd, const struct ip_endpoint *peer,
		  const struct ip_endpoint *local)
{
	struct proxy_io *io = l->io;
	struct proxy_worker *w = &io->w;
	struct proxy_connection c = {.worker = w,
				     .door = l->door,
				     .peer = *peer,
				     .local = *local,
				     .began_ms = w->now_ms};
	struct proxy_admission admission = {0};
	struct proxy_transport *t = NULL;
	proxy_count_add(&w->counts, PROXY_COUNT_CONNECTIONS, 1);
	if (proxy_count_get(&w->counts, PROXY_COUNT_OPEN) < io->connections_max)
		w->face->connection(w->face_arg, &c, &admission);
	else
		admission.refuse = true;
	bool let = !admission.refuse;
	if (let && admission.taken)
		admission.refuse = !find_meant(l, fd, &c);
	if (admission.refuse || proxy_tcp_new(&io->tcps, fd, &t)) {
		proxy_count_add(&w->counts, PROXY_COUNT_REFUSED, 1);
		if (let && w->face->disconnected)
			w->face->disconnected(w->face_arg, &c);
		if (admission.refuse) {
			err_ignore(tcp_reset_on_close(fd)); /* closed the other way, then */
			fd_done(&fd);
		}
		return;
	}
	proxy_entry_new(w, t, &c, &admission);
}

static void pause_over(void *arg);

static void acceptable(void *arg, uint32_t events)
{
	struct proxy_listener *l = arg;
	(void)events;
	for (int i = 0; i < ACCEPTS_MAX; i++) {
		struct ip_endpoint peer, local;
		int fd;
		enum err e = tcp_accept(l->fd, &fd, &peer, l->at_one ? NULL : &local);
		if (e == (enum err)EAGAIN)
			return;
		if (e) {
			loop_remove(l->io->loop, &l->watch);
			loop_timer_set_after(l->io->loop, &l->pause, ACCEPT_PAUSE_MS);
			return;
		}
		admit(l, fd, &peer, l->at_one ? &l->local : &local);
	}
}

static void pause_over(void *arg)
{
	struct proxy_listener *l = arg;
	if (loop_add(l->io->loop, &l->watch, l->fd, LOOP_READ, acceptable, l))
		loop_timer_set_after(l->io->loop, &l->pause, ACCEPT_PAUSE_MS);
}

enum err proxy_io_listen(struct proxy_io *io, int fd, void *door, struct proxy_listener **ret)
{
	struct proxy_listener *l = calloc(1, sizeof(*l));
	if (!l)
		return (enum err)ENOMEM;
	l->io = io;
	l->fd = fd;
	l->door = door;
	/* What is bound to one address is reached at no other: the kernel is not asked each time.
	 */
	l->transparent = tcp_is_transparent(fd);
	l->at_one = !socket_local(fd, &l->local) && !l->transparent &&
		    !ip_address_is_unspecified(&l->local.address);
	loop_timer_init(&l->pause, pause_over, l);
	enum err e = loop_add(io->loop, &l->watch, fd, LOOP_READ, acceptable, l);
	if (e) {
		free(l);
		return e;
	}
	l->next = io->listeners;
	io->listeners = l;
	if (ret)
		*ret = l;
	return OK;
}

void proxy_io_unlisten(struct proxy_io *io, struct proxy_listener *l)
{
	struct proxy_listener **at = &io->listeners;
	while (*at && *at != l)
		at = &(*at)->next;
	ASSERT(*at);
	*at = l->next;
	loop_remove(io->loop, &l->watch);
	loop_timer_cancel(io->loop, &l->pause);
	free(l);
}

/* ---- back ends ---- */

enum { PORT_HTTP = 80, PORT_HTTPS = 443 };

/* HTTP and TLS are spoken by who connects, at once; what else is in a tunnel is not known. */
static bool we_speak(const struct proxy_hop *hop, const struct tls_peer *tls)
{
	return hop->protocol != PROXY_RAW || tls || hop->via_proxy || hop->socks || hop->connect ||
	       hop->to.port == PORT_HTTPS || hop->to.port == PORT_HTTP;
}

static enum err connect_many(struct proxy_io *io, const struct proxy_hop *hop, bool speaks,
			     struct span first, struct proxy_transport **ret)
{
	struct ip_endpoint to[PROXY_RACE_MAX] = {hop->to};
	size_t n = 1;
	for (size_t i = 0; i < hop->others_n && n < PROXY_RACE_MAX; i++)
		to[n++] = hop->others[i];
	const struct proxy_race_way way = {to, n, hop->from, speaks};
	return proxy_tcp_racing(&io->tcps, &way, first, ret);
}

static enum err connect_one(struct proxy_io *io, const struct proxy_hop *hop, bool speaks,
			    struct span first, struct proxy_transport **ret)
{
	int fd;
	TRY(speaks ? tcp_connect_to_speak(&hop->to, hop->from, &fd)
		   : tcp_connect(&hop->to, hop->from, &fd));
	return proxy_tcp_connecting(&io->tcps, fd, first, ret);
}

static enum err connect_hop(struct proxy_worker *w, const struct proxy_hop *hop,
			    struct tls_peer *tls, struct span first, struct proxy_transport **ret)
{
	struct proxy_io *io = w->io_arg;
	struct proxy_transport *tcp;
	TRY(hop->others_n ? connect_many(io, hop, we_speak(hop, tls), first, &tcp)
			  : connect_one(io, hop, we_speak(hop, tls), first, &tcp));
	if (tls)
		return proxy_tls_connect(&io->tlss, tcp, tls, ret);
	*ret = tcp;
	return OK;
}

static enum err accept_tls(struct proxy_worker *w, struct proxy_transport *lower,
			   struct tls_server *server, struct proxy_transport **ret)
{
	struct proxy_io *io = w->io_arg;
	return proxy_tls_accept(&io->tlss, lower, server, ret);
}

static enum err connect_tls(struct proxy_worker *w, struct proxy_transport *lower,
			    struct tls_peer *peer, struct proxy_transport **ret)
{
	struct proxy_io *io = w->io_arg;
	return proxy_tls_connect(&io->tlss, lower, peer, ret);
}

static enum err read_file(struct proxy_worker *w, int fd, uint64_t offset, void *buf, size_t size,
			  size_t *ret_len)
{
	(void)w;
	return file_read_at(fd, offset, buf, size, ret_len);
}

static struct proxy_splice *take_splice(struct proxy_worker *w)
{
	struct proxy_io *io = w->io_arg;
	return proxy_splice_take(&io->splices);
}

static void give_splice(struct proxy_worker *w, struct proxy_splice *s)
{
	struct proxy_io *io = w->io_arg;
	proxy_splice_give(&io->splices, s);
}

static void send_many(struct proxy_worker *w, struct proxy_sending *list, size_t n)
{
	struct proxy_io *io = w->io_arg;
	proxy_tcps_send_many(&io->tcps, list, n);
}

static const struct proxy_worker_io ways = {
	.wall_ms = clock_wall_ms,
	.splice_take = take_splice,
	.splice_give = give_splice,
	.connect = connect_hop,
	.tls_accept = accept_tls,
	.tls_connect = connect_tls,
	.file_read = read_file,
	.send_many = send_many,
};

enum err proxy_io_accepted(struct proxy_io *io, int fd, struct proxy_transport **ret)
{
	return proxy_tcp_new(&io->tcps, fd, ret);
}

/* ---- its life ---- */

enum err proxy_io_new(const struct proxy_io_options *o, struct proxy_io **ret)
{
	struct proxy_io *io = calloc(1, sizeof(*io));
	if (!io)
		return (enum err)ENOMEM;
	proxy_worker_init(&io->w, loop_now_ms(o->loop), o->connections_max, o->exchanges_max,
			  o->buffers_max);
	io->w.buffers.memory.advise = io->w.exchanges_memory.advise = pages_large;
	io->loop = o->loop;
	io->connections_max = o->connections_max;
	io->w.face = o->face;
	io->w.face_arg = o->face_arg;
	io->w.limits = o->limits;
	io->w.io = &ways;
	io->w.io_arg = io;
	io->w.splice_min = o->splice_min ? o->splice_min : SPLICE_MIN;
	/* A connection has two sides; and others than HTTP's are of a number as large. What is
	 * inspected has TLS on both. */
	proxy_tcps_init(&io->tcps, o->loop, &io->w.buffers, o->connections_max * 4);
	proxy_tlss_init(&io->tlss, o->connections_max * 2);
	io->tlss.judge = o->judge;
	loop_timer_init(&io->tick, tick, io);
	loop_timer_init(&io->trim, trim, io);
	loop_timer_set_after(o->loop, &io->trim, TRIM_MS);
	loop_around(o->loop, before_event, after_events, io);
	if (o->ring)
		proxy_tcps_ring(&io->tcps, o->ring, &io->w.counts);
	*ret = io;
	return OK;
}

void proxy_io_free(struct proxy_io *io)
{
	if (!io)
		return;
	while (io->listeners)
		proxy_io_unlisten(io, io->listeners);
	proxy_entry_end_all(&io->w);
	proxy_front1_end_all(&io->w);
	proxy_front2_end_all(&io->w);
	proxy_back2_end_all(&io->w);
	proxy_back1_end_last(&io->w);
	loop_around(io->loop, NULL, NULL, NULL);
	loop_timer_cancel(io->loop, &io->tick);
	loop_timer_cancel(io->loop, &io->trim);
	proxy_worker_done(&io->w);
	proxy_splices_done(&io->splices);
	proxy_tlss_done(&io->tlss);
	proxy_tcps_done(&io->tcps);
	free(io);
}

struct proxy_worker *proxy_io_worker(struct proxy_io *io)
{
	return &io->w;
}

struct loop *proxy_io_loop(struct proxy_worker *w)
{
	struct proxy_io *io = w->io_arg;
	return io->loop;
}

void proxy_io_drain(struct proxy_io *io, void (*drained)(void *arg), void *arg)
{
	while (io->listeners)
		proxy_io_unlisten(io, io->listeners);
	io->w.draining = true;
	io->drained = drained;
	io->drained_arg = arg;
	proxy_front1_drain(&io->w);
	proxy_front2_drain(&io->w);
	loop_timer_set_after(io->loop, &io->tick, 0);
}
