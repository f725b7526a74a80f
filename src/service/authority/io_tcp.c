/* Clients over TCP: accepted up to a bound, closed when silent, the longest silent first when one
 * too many comes (RFC 7766 6.2.3). */
#include "base/slab.h"
#include "os/clock.h"
#include "os/fd.h"
#include "os/tcp.h"
#include "service/authority/io_worker.h"
#include "service/authority/tcp.h"

#include <stdlib.h>

#define ACCEPT_RETRY_MS 100

struct tcp_client {
	struct worker *worker;
	struct tcp_client *older, *newer;
	struct loop_watch watch;
	struct loop_timer idle;
	struct ip_endpoint peer;
	int fd;
	bool ended; /* the client has sent all */
	uint32_t events;
	struct update_job *job; /* the updater has it; NULL: none */
	struct tcp_conversation talk;
};

enum err worker_tcp_init(struct worker *w)
{
	w->clients = calloc(1, sizeof(*w->clients));
	if (!w->clients)
		return ENOMEM;
	slab_init(w->clients, sizeof(struct tcp_client), w->clients_max);
	return OK;
}

static void unlink_client(struct tcp_client *c)
{
	struct worker *w = c->worker;

	*(c->older ? &c->older->newer : &w->oldest) = c->newer;
	*(c->newer ? &c->newer->older : &w->newest) = c->older;
	c->older = c->newer = NULL;
}

static void link_newest(struct tcp_client *c)
{
	struct worker *w = c->worker;

	c->older = w->newest;
	c->newer = NULL;
	*(w->newest ? &w->newest->newer : &w->oldest) = c;
	w->newest = c;
}

static void close_client(struct tcp_client *c)
{
	struct worker *w = c->worker;

	if (c->job)
		c->job->client = NULL;
	unlink_client(c);
	loop_timer_cancel(&w->loop, &c->idle);
	loop_remove(&w->loop, &c->watch);
	fd_done(&c->fd);
	tcp_done(&c->talk);
	slab_give(w->clients, c);
	w->clients_n--;
	counter_set_value(w->row, COUNT_TCP_OPEN, w->clients_n);
}

void worker_tcp_done(struct worker *w)
{
	while (w->oldest)
		close_client(w->oldest);
	if (w->clients)
		slab_done(w->clients);
	free(TAKE(w->clients));
}

/* A whole query came, or bytes went: the client lives. Single bytes of a query are no sign of life.
 */
static void sign_of_life(struct tcp_client *c)
{
	struct worker *w = c->worker;

	loop_timer_set_after(&w->loop, &c->idle, w->generation->idle_ms);
	if (w->newest != c) {
		unlink_client(c);
		link_newest(c);
	}
}

static void idle(void *arg)
{
	struct tcp_client *c = arg;

	counter_add(c->worker->row, COUNT_TCP_IDLE, 1);
	close_client(c);
}

static void told(void *arg, const struct answer_facts *facts, bool answered)
{
	const struct tcp_client *c = arg;
	(void)answered;

	count_answer(c->worker->row, facts, true);
}

static bool update(void *arg, struct span packet, const struct answer_facts *facts)
{
	struct tcp_client *c = arg;

	c->job = worker_update_tcp(c->worker, c, &c->peer, packet, facts);
	return c->job != NULL;
}

static unsigned step(struct tcp_client *c)
{
	struct worker *w = c->worker;

	return tcp_step(&c->talk, &(struct tcp_surroundings){
					  .zones = w->generation->zones,
					  .conf = &w->generation->answers,
					  .client = &c->peer.address,
					  .now_s = (uint32_t)clock_wall_s(),
					  .random = worker_random(w),
					  .told = told,
					  .update = update,
					  .arg = c,
				  });
}

/* Reads what came, at most one buffer. */
static enum err receive(struct tcp_client *c)
{
	size_t room, len = 0;
	uint8_t *at = tcp_room(&c->talk, &room);

	if (room == 0 || c->ended)
		return OK;
	enum err e = tcp_read(c->fd, at, room, &len);
	if (e == ERR_CLOSED)
		c->ended = true;
	else if (e)
		return e;
	tcp_received(&c->talk, len);
	return OK;
}

/* Sends until the kernel takes no more; *ret_progress: something went. */
static enum err send_output(struct tcp_client *c, bool *ret_progress)
{
	for (;;) {
		struct span out = tcp_output(&c->talk);
		size_t len = 0;
		if (out.len == 0)
			return OK;
		TRY(tcp_write(c->fd, out, &len));
		if (len == 0)
			return OK;
		tcp_sent(&c->talk, len);
		*ret_progress = true;
	}
}

/* Waits for what can go on. more: this turn's share is used up, and work is left. */
static enum err wait_for(struct tcp_client *c, bool more)
{
	size_t room;
	uint32_t events = 0;

	(void)tcp_room(&c->talk, &room);
	if (more || tcp_can_write(&c->talk))
		events |= LOOP_WRITE;
	if (room && !c->ended)
		events |= LOOP_READ;
	if (events == c->events)
		return OK;
	c->events = events;
	return loop_modify(&c->worker->loop, &c->watch, events);
}

#define STEPS_MAX 16 /* buffers for one client in a row, before the others have their turn */

static void client_ready(void *arg, uint32_t events)
{
	struct tcp_client *c = arg;
	bool progress = false;
	enum err e = events & (LOOP_READ | LOOP_HANGUP | LOOP_ERROR) ? receive(c) : OK;

	bool more = true;
	for (unsigned i = 0; !e && more && i < STEPS_MAX; i++) {
		unsigned answered = step(c);
		more = false;
		e = send_output(c, &more);
		progress |= more || answered;
	}
	if (!e && progress)
		sign_of_life(c);
	if (!e && (c->ended || c->talk.bad) && tcp_is_idle(&c->talk))
		e = ERR_CLOSED;
	if (!e)
		e = wait_for(c, more);
	if (!e)
		return;
	if (c->talk.bad)
		counter_add(c->worker->row, COUNT_DROP_LONG, 1);
	close_client(c);
}

void worker_tcp_updated(struct tcp_client *c, struct span answer)
{
	c->job = NULL;
	tcp_answer_update(&c->talk, answer);
	client_ready(c, 0);
}

/* A place for one more: the longest silent client that is owed nothing makes room. */
static struct tcp_client *take_client(struct worker *w)
{
	if (w->clients_n >= w->clients_max) {
		struct tcp_client *c = w->oldest;
		while (c && !tcp_is_idle(&c->talk))
			c = c->newer;
		if (!c)
			return NULL;
		counter_add(w->row, COUNT_TCP_IDLE, 1);
		close_client(c);
	}
	return slab_take(w->clients);
}

static void admit(struct worker *w, int fd, const struct ip_endpoint *peer)
{
	struct tcp_client *c = take_client(w);

	if (!c) {
		counter_add(w->row, COUNT_TCP_REFUSED, 1);
		fd_done(&fd);
		return;
	}
	c->worker = w;
	c->fd = fd;
	c->peer = *peer;
	c->events = LOOP_READ;
	tcp_init(&c->talk);
	loop_timer_init(&c->idle, idle, c);
	link_newest(c);
	w->clients_n++;
	counter_add(w->row, COUNT_TCP_ACCEPTED, 1);
	counter_set_value(w->row, COUNT_TCP_OPEN, w->clients_n);
	loop_timer_set_after(&w->loop, &c->idle, w->generation->idle_ms);
	if (loop_add(&w->loop, &c->watch, fd, c->events, client_ready, c))
		close_client(c);
}

void worker_tcp_ready(void *arg, uint32_t events)
{
	struct worker_tcp *t = arg;
	struct worker *w = t->worker;
	(void)events;

	for (unsigned i = 0; i < STEPS_MAX; i++) {
		struct ip_endpoint peer;
		int fd = -1;
		enum err e = tcp_accept(t->fd, &fd, &peer, NULL);
		if (e == (enum err)EAGAIN)
			return;
		if (e) { /* out of descriptors: the queue stays, so do not spin on it */
			loop_remove(&w->loop, &t->watch);
			loop_timer_set_after(&w->loop, &t->retry, ACCEPT_RETRY_MS);
			return;
		}
		admit(w, fd, &peer);
	}
}

void worker_tcp_retry(void *arg)
{
	struct worker_tcp *t = arg;

	if (loop_add(&t->worker->loop, &t->watch, t->fd, LOOP_READ, worker_tcp_ready, t))
		loop_timer_set_after(&t->worker->loop, &t->retry, ACCEPT_RETRY_MS);
}
