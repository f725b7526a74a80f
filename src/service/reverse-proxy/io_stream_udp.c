#include "service/reverse-proxy/io_stream_udp.h"

#include "base/writer.h"
#include "crypto/random.h"
#include "os/counters.h"
#include "os/fd.h"
#include "os/udp_train.h"
#include "proto/proxy-header/header.h"
#include "service/reverse-proxy/balance/pool.h"
#include "service/reverse-proxy/flows.h"
#include "service/reverse-proxy/io_snapshot.h"
#include "service/reverse-proxy/io_stream.h"
#include "service/reverse-proxy/io_stream_log.h"
#include "service/reverse-proxy/io_worker.h"
#include "service/reverse-proxy/stream_end.h"

#include <stdlib.h>
#include <string.h>

enum {
	TRAINS_AT_ONCE = 16,
	RECEIVES_AT_ONCE = 4, /* of one socket in a turn */
	SERVER_RECEIVE_BYTES = 256 << 10,
	ECN = 3, /* of the type of service; what else is there is for the other network */
};

struct datagram_door {
	struct reverse_datagrams *of;
	struct ip_endpoint at;
	uint16_t number;
	struct udp_train_socket socket; /* fd borrowed; -1: not ours */
	struct loop_watch watch;
};

struct session {
	struct flow flow; /* first */
	struct datagram_door *door;
	struct reverse_view *view;		/* held */
	const struct reverse_stream_conf *conf; /* borrowed from the view */
	const struct pool *pool;		/* likewise */
	struct pool_place place;
	bool placed;
	struct pool_tried tried;
	struct ip_endpoint peer;
	struct ip_address local; /* that it came to; family 0: the door's */
	uint32_t ifindex;	 /* of link-local addresses, else 0 */
	int fd;			 /* to the server; -1: none */
	struct udp_train_socket server;
	struct loop_watch watch;
	bool header_due; /* in the next datagram to the server */
	uint64_t begun_us, latency_us, used_ms;
	uint64_t asked, answered; /* datagrams, of this server */
	uint64_t bytes_up, bytes_down;
	struct loop_timer timer;
	/* For the log, of all servers. */
	uint64_t first_us, all_up, all_down;
	const struct pool_member *last; /* borrowed from the view; NULL: none */
	struct session *next, *previous;
};

struct reverse_datagrams {
	struct reverse_datagrams_options options;
	struct datagram_door *doors;
	struct flows flows;
	struct session *first;
	struct udp_trains *in, *out; /* out: a datagram with its header, and what is after it */
	atomic_uint_fast64_t cells[DATAGRAMS_COUNTS];
};

static struct loop *loop_of(const struct session *s)
{
	return &s->door->of->options.worker->loop;
}

static void count(struct reverse_datagrams *d, enum reverse_datagrams_count which, uint64_t n)
{
	counter_add((struct counter_row){d->cells}, which, n);
}

static uint64_t datagrams_of(const struct udp_train *t)
{
	return (t->len + t->segment - 1u) / t->segment;
}

/* --- the end ---------------------------------------------------------------------------------- */

static void leave(struct session *s, enum pool_result_kind kind)
{
	const struct pool_result result = {.kind = kind,
					   .latency_us = s->latency_us,
					   .bytes_in = s->bytes_down,
					   .bytes_out = s->bytes_up};
	if (s->placed)
		pool_done(s->pool, &s->place, loop_now_ms(loop_of(s)), &result);
	s->placed = false;
	loop_remove(loop_of(s), &s->watch);
	fd_done(&s->fd);
	s->all_up += s->bytes_up;
	s->all_down += s->bytes_down;
	s->latency_us = s->asked = s->answered = s->bytes_up = s->bytes_down = 0;
}

static struct ip_address local_of(const struct session *s)
{
	return s->local.family ? s->local : s->door->at.address;
}

/* Is anybody there, as far as one can tell? */
static bool is_led(const struct session *s, enum proxy_cause cause)
{
	return s->all_down + s->bytes_down > 0 ||
	       (s->placed && cause != PROXY_CONNECT_FAILED && cause != PROXY_BACK_TIME);
}

static void log_end(const struct session *s, enum proxy_cause cause, enum stream_how how)
{
	struct stream_end e = {
		.kind = REVERSE_STREAM_UDP,
		.peer = s->peer,
		.at = {.address = local_of(s), .port = s->door->at.port},
		.cause = cause,
		.how = how,
		.pool = s->conf->udp.to,
		.server = s->last ? s->last->name : NULL,
		.led = is_led(s, cause),
		.tries = (uint8_t)s->tried.n,
		.up = s->all_up + s->bytes_up,
		.down = s->all_down + s->bytes_down,
		.begun_us = s->first_us,
	};
	reverse_stream_log(s->view, &e);
}

/* cause: what went wrong, or PROXY_FINE. */
static void session_end(struct session *s, enum proxy_cause cause, enum stream_how how)
{
	struct reverse_datagrams *d = s->door->of;
	log_end(s, cause, how);
	leave(s, s->answered ? POOL_RESULT_ANSWERED : POOL_RESULT_ABANDONED);
	loop_timer_cancel(loop_of(s), &s->timer);
	flows_leave(&d->flows, &s->flow);
	*(s->previous ? &s->previous->next : &d->first) = s->next;
	if (s->next)
		s->next->previous = s->previous;
	reverse_view_leave(s->view);
	free(s);
	counter_set_value((struct counter_row){d->cells}, DATAGRAMS_OPEN, flows_open(&d->flows));
	if (flows_open(&d->flows) == 0)
		d->options.emptied(d->options.worker);
}

/* Not all that was asked for has come; false where nobody knows what is to come. */
static bool is_owed(const struct session *s)
{
	return s->answered < s->asked * s->conf->udp.answers;
}

static void quiet(void *arg)
{
	struct session *s = arg;
	uint64_t until_ms = s->used_ms + s->conf->udp.idle_ms;
	if (until_ms > loop_now_ms(loop_of(s)))
		loop_timer_set(loop_of(s), &s->timer, until_ms);
	else
		session_end(s, is_owed(s) ? PROXY_BACK_TIME : PROXY_FINE, STREAM_IDLE);
}

/* --- to a server ------------------------------------------------------------------------------ */

static void answers_came(void *arg, uint32_t events);

static enum err open_server(struct session *s)
{
	TRY(udp_connect(&s->place.member->backend->at, NULL, 0, &s->fd));
	TRY(udp_train_prepare(s->fd, SERVER_RECEIVE_BYTES, true, &s->server));
	return loop_add(loop_of(s), &s->watch, s->fd, LOOP_READ, answers_came, s);
}

/* The next one that can be tried. */
static enum err lead(struct session *s)
{
	struct reverse_worker *w = s->door->of->options.worker;
	for (;;) {
		TRY(reverse_stream_pick(w, s->pool, &s->peer, &s->tried, &s->place));
		s->placed = true;
		s->last = s->place.member;
		s->begun_us = loop_now_us(&w->loop);
		s->header_due = s->conf->header != REVERSE_STREAM_HEADER_OFF;
		enum err e = open_server(s);
		if (!e)
			return OK;
		leave(s, err_is_shortage(e) ? POOL_RESULT_ABANDONED : POOL_RESULT_CONNECT_FAILED);
		if (err_is_shortage(e))
			return e;
	}
}

/* That it leads to now is one that it was led to before. */
static bool goes_round(const struct session *s, size_t tried_n)
{
	for (size_t i = 0; i < tried_n; i++)
		if (s->tried.items[i] == s->place.member->backend)
			return true;
	return false;
}

/* ICMP says that nobody is there. Before it has answered anything the client's next datagram goes
 * to another one; it will come, as this one was lost. */
static void gone(struct session *s)
{
	struct reverse_datagrams *d = s->door->of;
	bool answered = s->answered > 0;
	size_t tried_n = s->tried.n;
	count(d, DATAGRAMS_UNREACHABLE, 1);
	leave(s, answered ? POOL_RESULT_RESET : POOL_RESULT_CONNECT_FAILED);
	if (answered || lead(s) != OK || goes_round(s, tried_n))
		session_end(s, answered ? PROXY_BACK_TORN : PROXY_CONNECT_FAILED, STREAM_IDLE);
}

/* --- datagrams -------------------------------------------------------------------------------- */

static bool may_pass(const struct udp_train *t)
{
	return t->len <= UDP_TRAIN_MAX && datagrams_of(t) <= UDP_TRAIN_DATAGRAMS_MAX;
}

/* Moves the first datagram of t, with the header in front, to the room of the first train out. It
 * is counted and missing where the two are too long for one. */
static void put_header(struct session *s, struct udp_train *t)
{
	struct udp_train *first = &s->door->of->out->trains[0];
	size_t len = t->len < t->segment ? t->len : t->segment;
	struct writer w = writer_of(first->data, UDP_TRAIN_MAX);
	const struct proxy_header header = {
		.version = 2,
		.transport = PROXY_HEADER_DATAGRAM,
		.source = s->peer,
		.destination = {.address = local_of(s), .port = s->door->at.port}};
	proxy_header_write(&w, &header);
	write_bytes(&w, t->data, len);
	t->data += len;
	t->len -= (uint32_t)len;
	first->len = 0;
	if (writer_check(&w) != OK) {
		count(s->door->of, DATAGRAMS_BAD, 1);
		return;
	}
	first->len = (uint32_t)w.pos;
	first->segment = (uint16_t)w.pos;
	s->header_due = false;
}

/* Sends and counts. */
static void send_trains(struct reverse_datagrams *d, struct udp_trains *trains,
			struct udp_train_socket *socket, enum reverse_datagrams_count as)
{
	uint64_t sent = socket->sent, lost = socket->lost;
	udp_trains_send(trains, socket);
	count(d, as, socket->sent - sent);
	count(d, DATAGRAMS_LOST, socket->lost - lost);
}

static void pass_up(struct session *s, struct udp_train *t)
{
	struct reverse_datagrams *d = s->door->of;
	struct udp_trains *out = d->out;
	uint64_t refused = s->server.refused;
	uint8_t *room = out->trains[1].data;
	s->used_ms = loop_now_ms(loop_of(s));
	s->asked += datagrams_of(t);
	s->bytes_up += t->len;
	out->trains[0].len = 0;
	if (s->header_due)
		put_header(s, t);
	for (size_t i = 0; i < 2; i++) {
		out->trains[i].peer = s->place.member->backend->at;
		out->trains[i].local = (struct ip_address){0};
		out->trains[i].ifindex = 0;
		out->trains[i].tos = t->tos & ECN;
	}
	out->trains[1].data = t->data;
	out->trains[1].len = t->len;
	out->trains[1].segment = t->segment;
	uint8_t *header_room = out->trains[0].data;
	out->count = 2;
	send_trains(d, out, &s->server, DATAGRAMS_UP);
	/* They may have changed places. */
	out->trains[0].data = header_room;
	out->trains[1].data = room;
	if (s->server.refused > refused)
		gone(s);
}

static void pass_down(struct session *s, struct udp_trains *in)
{
	struct reverse_datagrams *d = s->door->of;
	for (size_t i = 0; i < in->count; i++) {
		struct udp_train *t = &in->trains[i];
		s->answered += datagrams_of(t);
		s->bytes_down += t->len;
		t->peer = s->peer;
		t->local = s->local;
		t->ifindex = s->ifindex;
		t->tos &= ECN;
		if (!may_pass(t)) {
			count(d, DATAGRAMS_BAD, datagrams_of(t));
			t->len = 0;
		}
	}
	if (in->count == 0)
		return;
	if (!s->latency_us)
		s->latency_us = loop_now_us(loop_of(s)) - s->begun_us + 1;
	s->flow.answered = true;
	s->used_ms = loop_now_ms(loop_of(s));
	send_trains(d, in, &s->door->socket, DATAGRAMS_DOWN);
}

static void answers_came(void *arg, uint32_t events)
{
	struct session *s = arg;
	struct reverse_datagrams *d = s->door->of;
	(void)events;
	for (int i = 0; i < RECEIVES_AT_ONCE; i++) {
		uint64_t refused = s->server.refused, left_out = s->server.left_out;
		enum err e = udp_trains_receive(d->in, &s->server);
		bool full = d->in->count == d->in->trains_max;
		count(d, DATAGRAMS_BAD, s->server.left_out - left_out);
		if (e || s->server.refused > refused) {
			gone(s);
			return;
		}
		pass_down(s, d->in);
		if (s->conf->udp.answers && s->answered > 0 && !is_owed(s)) {
			session_end(s, PROXY_FINE, STREAM_ANSWERED);
			return;
		}
		if (!full)
			return;
	}
}

/* --- from clients ----------------------------------------------------------------------------- */

static struct session *session_new(struct datagram_door *door, const struct flow_key *key,
				   const struct reverse_stream_conf *conf)
{
	struct reverse_datagrams *d = door->of;
	struct reverse_view *view = d->options.worker->view;
	struct session *s = calloc(1, sizeof(*s));
	if (!s || flows_enter(&d->flows, key, &s->flow) != OK) {
		free(s);
		return NULL;
	}
	s->door = door;
	s->view = reverse_view_use(view);
	s->conf = conf;
	s->pool =
		view->snapshot->pools[reverse_pool_find(view->snapshot->site->conf, conf->udp.to)];
	s->peer = key->peer;
	s->local = key->local;
	s->fd = -1;
	loop_timer_init(&s->timer, quiet, s);
	s->next = d->first;
	if (d->first)
		d->first->previous = s;
	d->first = s;
	return s;
}

static struct session *begin(struct datagram_door *door, const struct udp_train *t,
			     const struct flow_key *key)
{
	struct reverse_datagrams *d = door->of;
	const struct reverse_conf *conf = d->options.worker->view->snapshot->site->conf;
	const struct reverse_stream_conf *mine =
		reverse_stream_at(conf, REVERSE_STREAM_UDP, &door->at);
	struct flow *old;
	if (!mine)
		return NULL;
	while ((old = flows_in_the_way(&d->flows, &key->peer.address))) {
		session_end((struct session *)(void *)old, PROXY_BUSY, STREAM_IDLE);
		count(d, DATAGRAMS_YIELDED, 1);
	}
	struct session *s = session_new(door, key, mine);
	if (!s)
		return NULL;
	if (ip_address_is_link_local(&key->local) && key->local.family == 6)
		s->ifindex = t->ifindex;
	s->first_us = loop_now_us(loop_of(s));
	enum err e = lead(s);
	if (e) {
		session_end(s,
			    err_is_shortage(e) ? PROXY_BUSY
			    : s->tried.n       ? PROXY_CONNECT_FAILED
					       : PROXY_NO_BACK,
			    STREAM_IDLE);
		return NULL;
	}
	count(d, DATAGRAMS_SESSIONS, 1);
	counter_set_value((struct counter_row){d->cells}, DATAGRAMS_OPEN, flows_open(&d->flows));
	loop_timer_set_after(loop_of(s), &s->timer, mine->udp.idle_ms);
	return s;
}

static void take(struct datagram_door *door, struct udp_train *t)
{
	struct reverse_datagrams *d = door->of;
	struct flow_key key = {.door = door->number, .peer = t->peer};
	if (!may_pass(t)) {
		count(d, DATAGRAMS_BAD, datagrams_of(t));
		return;
	}
	if (door->socket.udp.wild && !ip_address_is_multicast(&t->local))
		key.local = t->local;
	struct session *s = (struct session *)(void *)flows_find(&d->flows, &key);
	if (s)
		flows_used(&d->flows, &s->flow);
	else
		s = begin(door, t, &key);
	if (s)
		pass_up(s, t);
	else
		count(d, DATAGRAMS_NOWHERE, datagrams_of(t));
}

static void come(void *arg, uint32_t events)
{
	struct datagram_door *door = arg;
	struct reverse_datagrams *d = door->of;
	(void)events;
	for (int i = 0; i < RECEIVES_AT_ONCE; i++) {
		uint64_t left_out = door->socket.left_out;
		/* Errors are told once and gone then; the next turn reads on. */
		enum err e = udp_trains_receive(d->in, &door->socket);
		size_t n = d->in->count;
		count(d, DATAGRAMS_BAD, door->socket.left_out - left_out);
		for (size_t k = 0; k < n; k++) {
			uint8_t *room = d->in->trains[k].data;
			take(door, &d->in->trains[k]);
			d->in->trains[k].data = room;
		}
		if (e || n < d->in->trains_max)
			return;
	}
}

/* --- life ------------------------------------------------------------------------------------- */

static enum err open_doors(struct reverse_datagrams *d)
{
	d->doors = calloc(d->options.n + 1, sizeof(*d->doors));
	if (!d->doors)
		return ENOMEM;
	for (size_t i = 0; i < d->options.n; i++) {
		struct datagram_door *door = &d->doors[i];
		*door = (struct datagram_door){
			.of = d, .at = d->options.at[i], .number = (uint16_t)i};
		if (d->options.fds[i] < 0)
			continue;
		TRY(udp_train_prepare(d->options.fds[i], 0, true, &door->socket));
		TRY(loop_add(&d->options.worker->loop, &door->watch, d->options.fds[i], LOOP_READ,
			     come, door));
	}
	return OK;
}

static enum err make(struct reverse_datagrams *d)
{
	struct hash_key keys[2];
	TRY(crypto_random(keys, sizeof(keys)));
	flows_init(&d->flows, keys, d->options.sessions_max, d->options.client_sessions_max);
	if (d->options.n == 0)
		return OK;
	TRY(udp_trains_new(TRAINS_AT_ONCE, &d->in));
	TRY(udp_trains_new(2, &d->out));
	return open_doors(d);
}

enum err reverse_datagrams_new(const struct reverse_datagrams_options *options,
			       struct reverse_datagrams **ret)
{
	struct reverse_datagrams *d = calloc(1, sizeof(*d));
	if (!d)
		return ENOMEM;
	d->options = *options;
	enum err e = make(d);
	if (e) {
		reverse_datagrams_free(d);
		return e;
	}
	*ret = d;
	return OK;
}

static void close_doors(struct reverse_datagrams *d)
{
	for (size_t i = 0; d->doors && i < d->options.n; i++)
		loop_remove(&d->options.worker->loop, &d->doors[i].watch);
}

void reverse_datagrams_drain(struct reverse_datagrams *d)
{
	if (!d)
		return;
	close_doors(d);
	for (struct session *s = d->first, *next; s; s = next) {
		next = s->next;
		if (!is_owed(s))
			session_end(s, PROXY_DRAINED, STREAM_IDLE);
	}
}

size_t reverse_datagrams_open(const struct reverse_datagrams *d)
{
	return d ? flows_open(&d->flows) : 0;
}

uint64_t reverse_datagrams_count(const struct reverse_datagrams *d,
				 enum reverse_datagrams_count which)
{
	return d ? atomic_load_explicit(&d->cells[which], memory_order_relaxed) : 0;
}

void reverse_datagrams_free(struct reverse_datagrams *d)
{
	if (!d)
		return;
	close_doors(d);
	while (d->first)
		session_end(d->first, PROXY_DRAINED, STREAM_IDLE);
	flows_done(&d->flows);
	udp_trains_free(d->in);
	udp_trains_free(d->out);
	free(d->doors);
	free(d);
}
