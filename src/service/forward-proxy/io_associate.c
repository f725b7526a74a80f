/* Datagrams of clients of SOCKS (UDP ASSOCIATE, RFC 1928 7). */
#include "os/fd.h"
#include "os/udp.h"
#include "proto/socks/socks5.h"
#include "proxy/buffer.h"
#include "proxy/crowd.h"
#include "service/forward-proxy/io_face.h"

#include <stdlib.h>

enum {
	AT_ONCE = 32,	/* datagrams of a socket in a turn, then the others have theirs */
	PEERS_MAX = 64, /* from whom answers are taken: the last ones that were sent to */
	HEADER_MAX = 22,
};

/* A socket towards servers, of one family. */
struct outer {
	struct forward_association *of;
	struct udp_socket socket; /* fd -1: none yet */
	struct loop_watch watch;
};

struct forward_association {
	struct proxy_source source; /* first; what the exchange has for a body: none, ever */
	struct forward_exchange *e;
	struct udp_socket inner; /* the client's datagrams come here */
	struct loop_watch watch;
	struct outer outers[2];	   /* IPv4, IPv6 */
	struct ip_endpoint client; /* port 0: it has not sent anything yet */
	struct ip_endpoint peers[PEERS_MAX];
	size_t peers_next;
	uint64_t policies;	   /* of the worker, when the last one was seen */
	struct proxy_buffer *held; /* a datagram that waits for the address of a name */
	struct loop_timer idle;
	uint64_t used_ms;
	bool counted; /* among those that its client has */
};

static struct forward_worker *worker(const struct forward_association *a)
{
	return a->e->worker;
}

static struct proxy_buffers *buffers(const struct forward_association *a)
{
	return &proxy_io_worker(worker(a)->io)->buffers;
}

static void dropped(const struct forward_association *a)
{
	forward_count(worker(a), FORWARD_COUNT_DATAGRAMS_DROPPED);
}

/* There is no room to read one: what has come is dropped, as the socket would tell of it again and
 * again. */
static void drop_waiting(struct forward_association *a, const struct udp_socket *s)
{
	for (int i = 0; i < AT_ONCE; i++) {
		struct ip_endpoint from = {0};
		uint8_t none[1];
		size_t len = 0;
		if (udp_receive_one(s, none, sizeof(none), &len, &from, NULL))
			continue;
		if (!from.address.family)
			break;
		dropped(a);
	}
}

/* ---- reloads ---- */

/* May it go on by the configuration in force? */
static bool renew(struct forward_association *a, struct forward_view *now)
{
	struct forward_exchange *e = a->e;
	struct proxy_exchange *x = e->x;
	const struct forward_entry *entry = x->connection->door;
	const struct auth_user *user = NULL;
	if (!forward_may_come(now, x->connection) || !now->listens[entry->number]->udp)
		return false;
	if (e->user.len)
		user = forward_same_user(now->site, e->claim.user);
	if (e->user.len && !user)
		return false;
	e->claim.user = user;
	e->user = user ? span_text(user->name) : (struct span){0};
	e->rule = NULL;
	e->upstream = NULL;
	x->limits = x->verdict.limits = &now->site->hold_limits;
	/* Whom it may have written to is judged anew, by the next datagram to him. */
	memset(a->peers, 0, sizeof(a->peers));
	forward_view_leave(e->view);
	e->view = forward_view_use(now);
	return !forward_limit_datagrams(e);
}

/* What was reloaded since holds for the datagrams that come now, and a quota that was used up ends
 * it. False: it is over, and a gone. */
static bool follow(struct forward_association *a)
{
	struct forward_view *now = worker(a)->view;
	if (a->e->view != now && !renew(a, now)) {
		forward_count(worker(a), FORWARD_COUNT_REFUSED + REFUSAL_RULE);
		forward_cut(a->e, REFUSAL_RULE);
		return false;
	}
	if (!forward_is_spent(a->e))
		return true;
	proxy_exchange_end(a->e->x, PROXY_QUOTA);
	return false;
}

void forward_associate_review(struct forward_exchange *e)
{
	struct forward_association *a = e->association;
	unsigned why;
	if (!follow(a))
		return;
	if (e->user.len && !forward_people_stay(e)) {
		forward_count(e->worker, FORWARD_COUNT_REFUSED + REFUSAL_RULE);
		e->detail = span_text("users");
		forward_cut(e, REFUSAL_RULE);
		return;
	}
	/* What servers send goes to who has asked them: he asks again, and is judged by that. */
	if (a->policies == e->worker->policies)
		return;
	a->policies = e->worker->policies;
	memset(a->peers, 0, sizeof(a->peers));
	if (!forward_limit_anew(e, &why))
		forward_cut(e, why);
}

/* ---- from servers ---- */

static bool is_peer(const struct forward_association *a, const struct ip_endpoint *from)
{
	for (size_t i = 0; i < PEERS_MAX; i++)
		if (ip_endpoint_equal(&a->peers[i], from))
			return true;
	return false;
}

/* "When a UDP relay server receives a reply datagram from a remote host, it MUST encapsulate that
 * datagram using the above UDP request header". b: the datagram stands behind HEADER_MAX. */
static void to_client(struct forward_association *a, const struct ip_endpoint *from,
		      struct proxy_buffer *b)
{
	const struct socks_address address = {.address = from->address, .port = from->port};
	uint8_t header[HEADER_MAX];
	struct writer w = writer_of(header, sizeof(header));
	struct proxy_exchange *x = a->e->x;
	socks5_datagram_write(&w, &address);
	b->start -= (uint32_t)w.pos;
	memcpy(b->data + b->start, header, w.pos);
	struct span whole = proxy_buffer_span(b);
	if (!forward_datagram_may(a->e, BANDWIDTH_DOWN, whole.len - w.pos)) {
		dropped(a);
		return;
	}
	if (udp_send_to(&a->inner, NULL, &a->client, whole)) {
		dropped(a);
		return;
	}
	a->used_ms = loop_now_ms(&worker(a)->loop);
	x->response_bytes += whole.len - w.pos;
	x->sent_bytes += whole.len - w.pos;
	forward_count(worker(a), FORWARD_COUNT_DATAGRAMS_DOWN);
}

static void outer_ready(void *arg, uint32_t events)
{
	struct outer *o = arg;
	struct forward_association *a = o->of;
	const size_t room = PROXY_BUFFER_SIZE - HEADER_MAX;
	(void)events;
	if (!follow(a))
		return;
	struct proxy_buffer *b = proxy_buffer_take(buffers(a));
	if (!b)
		drop_waiting(a, &o->socket);
	for (int i = 0; b && i < AT_ONCE; i++) {
		struct ip_endpoint from;
		size_t len = 0;
		/* An ICMP error of an earlier datagram is none of this one's. */
		if (udp_receive_one(&o->socket, b->data + HEADER_MAX, room, &len, &from, NULL))
			continue;
		if (!from.address.family)
			break;
		b->start = HEADER_MAX;
		b->end = HEADER_MAX + (uint32_t)(len < room ? len : room);
		if (len > room || !is_peer(a, &from))
			dropped(a);
		else
			to_client(a, &from, b);
	}
	proxy_buffer_give(buffers(a), b);
}

static enum err outer_open(struct outer *o, uint8_t family)
{
	const struct ip_endpoint any = {.address.family = family};
	int fd = -1;
	if (o->socket.fd >= 0)
		return OK;
	TRY(udp_open(&any, 0, &fd));
	enum err e = udp_prepare(fd, 0, &o->socket);
	if (!e)
		e = loop_add(&worker(o->of)->loop, &o->watch, fd, LOOP_READ, outer_ready, o);
	if (e) {
		fd_done(&fd);
		o->socket.fd = -1;
	}
	return e;
}

/* ---- from the client ---- */

static enum err send_to(struct forward_association *a, const struct ip_address *address,
			struct span data)
{
	const struct ip_endpoint to = {.address = *address, .port = a->e->to.port};
	struct outer *o = &a->outers[address->family == 6];
	TRY(outer_open(o, address->family));
	TRY(udp_send_to(&o->socket, NULL, &to, data));
	if (!is_peer(a, &to))
		a->peers[a->peers_next++ % PEERS_MAX] = to;
	return OK;
}

/* The way of a datagram is that of a request (io_face.c), but that nobody is answered why it goes
 * nowhere. */
static enum forward_step judge(struct forward_exchange *e)
{
	static enum forward_step (*const steps[])(struct forward_exchange *,
						  struct proxy_verdict *) = {
		forward_choose_way,   forward_judge_written, forward_judge_rules,
		forward_judge_policy, forward_resolve,	     forward_judge_addresses,
		forward_judge_rules,
	};
	enum forward_step s = FORWARD_STEP_ON;
	e->allowed = false;
	e->addresses.n = 0;
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]) && s == FORWARD_STEP_ON; i++) {
		s = steps[i](e, NULL);
		/* A proxy of others takes connections only; to go there otherwise would tell who
		 * asks. */
		if (e->upstream)
			return FORWARD_STEP_ANSWERED;
	}
	return s;
}

static bool destination_of(const struct socks_address *to, struct destination *ret)
{
	char text[IP_ADDRESS_TEXT_MAX];
	struct span host = to->name;
	if (!host.len)
		host = span_of(text, ip_address_format(&to->address, text));
	return destination_read_host(host, to->port, ret) == OK;
}

/* The datagram in b, and b with it; where its name's address is not known it waits, and all behind
 * it. */
static void to_server(struct forward_association *a, struct proxy_buffer *b)
{
	struct forward_exchange *e = a->e;
	struct socks_address to;
	struct span data;
	enum forward_step s = FORWARD_STEP_ANSWERED;
	if (!socks5_datagram_read(proxy_buffer_span(b), &to, &data) && destination_of(&to, &e->to))
		s = judge(e);
	if (s == FORWARD_STEP_WAIT) {
		loop_remove(&worker(a)->loop, &a->watch);
		a->held = proxy_buffer_ref(b);
		return;
	}
	enum err error = ERR_REFUSED;
	if (s == FORWARD_STEP_ON && !forward_datagram_may(e, BANDWIDTH_UP, data.len))
		s = FORWARD_STEP_ANSWERED;
	for (size_t i = 0; s == FORWARD_STEP_ON && error && i < e->addresses.n; i++)
		error = send_to(a, &e->addresses.items[i], data);
	if (error) {
		dropped(a);
		return;
	}
	a->used_ms = loop_now_ms(&worker(a)->loop);
	e->x->request_bytes += data.len;
	forward_count(worker(a), FORWARD_COUNT_DATAGRAMS_UP);
}

/* "It MUST drop any datagrams arriving from any source IP address other than the one recorded for
 * the particular association." The port is recorded with the first one. */
static bool is_client(struct forward_association *a, const struct ip_endpoint *from)
{
	if (!ip_address_equal(&from->address, &a->client.address))
		return false;
	if (!a->client.port)
		a->client = *from;
	return a->client.port == from->port;
}

static void inner_ready(void *arg, uint32_t events)
{
	struct forward_association *a = arg;
	(void)events;
	if (!follow(a))
		return;
	for (int i = 0; !a->held && i < AT_ONCE; i++) {
		struct proxy_buffer *b = proxy_buffer_take(buffers(a));
		struct ip_endpoint from = {0};
		size_t len = 0;
		if (!b) {
			drop_waiting(a, &a->inner);
			return;
		}
		enum err e =
			udp_receive_one(&a->inner, b->data, PROXY_BUFFER_SIZE, &len, &from, NULL);
		b->end = (uint32_t)(len < PROXY_BUFFER_SIZE ? len : PROXY_BUFFER_SIZE);
		bool none = !e && !from.address.family;
		if (!e && !none && (len > PROXY_BUFFER_SIZE || !is_client(a, &from)))
			dropped(a);
		else if (!e && !none)
			to_server(a, b);
		proxy_buffer_give(buffers(a), b);
		if (none)
			return;
	}
}

void forward_associate_told(struct forward_exchange *e)
{
	struct forward_association *a = e->association;
	if (!a->held || !follow(a))
		return;
	struct proxy_buffer *b = TAKE(a->held);
	if (loop_add(&worker(a)->loop, &a->watch, a->inner.fd, LOOP_READ, inner_ready, a)) {
		proxy_buffer_give(buffers(a), b);
		proxy_exchange_end(e->x, PROXY_BUSY);
		return;
	}
	to_server(a, b);
	proxy_buffer_give(buffers(a), b);
}

/* ---- its life ---- */

static enum err peek(struct proxy_source *s, struct span *ret, bool *ret_end)
{
	(void)s;
	*ret = (struct span){0};
	*ret_end = false;
	return OK;
}

static void taken(struct proxy_source *s, size_t len)
{
	(void)s;
	ASSERT(len == 0);
}

static struct ip_address client_of(const struct forward_exchange *e)
{
	return ip_address_unmap(&e->x->connection->peer.address);
}

static void close_all(struct proxy_source *s)
{
	struct forward_association *a = (struct forward_association *)s;
	struct forward_worker *w = worker(a);
	a->e->association = NULL;
	loop_timer_cancel(&w->loop, &a->idle);
	loop_remove(&w->loop, &a->watch);
	fd_done(&a->inner.fd);
	for (size_t i = 0; i < 2; i++) {
		loop_remove(&w->loop, &a->outers[i].watch);
		fd_done(&a->outers[i].socket.fd);
	}
	proxy_buffer_give(buffers(a), a->held);
	w->associations--;
	if (a->counted) {
		const struct ip_address client = client_of(a->e);
		crowd_leaves(w->associated, &client);
	}
	free(a);
}

static void idle(void *arg)
{
	struct forward_association *a = arg;
	struct forward_worker *w = worker(a);
	uint64_t end_ms = a->used_ms + a->e->view->site->conf->timeouts.tunnel_ms;
	if (end_ms > loop_now_ms(&w->loop))
		loop_timer_set(&w->loop, &a->idle, end_ms);
	else
		proxy_exchange_end(a->e->x, PROXY_FINE);
}

static enum err open_inner(struct forward_association *a)
{
	const struct proxy_connection *c = a->e->x->connection;
	struct ip_endpoint at = {.address = c->local.address, .scope = c->local.scope};
	struct forward_worker *w = worker(a);
	int fd = -1;
	a->client = (struct ip_endpoint){.address = c->peer.address, .scope = c->peer.scope};
	TRY(udp_open(&at, 0, &fd));
	a->inner.fd = fd;
	TRY(udp_prepare(fd, 0, &a->inner));
	a->e->x->bound = a->inner.local;
	return loop_add(&w->loop, &a->watch, fd, LOOP_READ, inner_ready, a);
}

/* ERR_REFUSED: its client has as many as it may. */
static enum err begin(struct forward_exchange *e)
{
	struct forward_worker *w = e->worker;
	const struct forward_conf *conf = e->view->site->conf;
	const struct ip_address client = client_of(e);
	uint64_t idle_ms = conf->timeouts.tunnel_ms;
	uint32_t most = conf->limits.client_associations;
	if (w->associations >= w->associations_max)
		return ERR_LIMIT;
	if (most && !crowd_enters(w->associated, &client, most))
		return ERR_REFUSED;
	struct forward_association *a = calloc(1, sizeof(*a));
	if (!a) {
		if (most)
			crowd_leaves(w->associated, &client);
		return (enum err)ENOMEM;
	}
	a->counted = most != 0;
	w->associations++;
	a->source = (struct proxy_source){.peek = peek, .taken = taken, .close = close_all};
	a->e = e;
	e->association = a;
	a->used_ms = loop_now_ms(&w->loop);
	a->policies = w->policies;
	a->inner.fd = -1;
	for (size_t i = 0; i < 2; i++) {
		a->outers[i].of = a;
		a->outers[i].socket.fd = -1;
	}
	loop_timer_init(&a->idle, idle, a);
	enum err error = open_inner(a);
	if (error)
		close_all(&a->source);
	else if (idle_ms)
		loop_timer_set_after(&w->loop, &a->idle, idle_ms);
	return error;
}

enum forward_step forward_associate(struct forward_exchange *e, struct proxy_verdict *ret)
{
	struct proxy_head *r = &e->x->response;
	enum forward_step s = forward_sign_in(e, ret);
	if (s != FORWARD_STEP_ON)
		return s;
	if (forward_limit_datagrams(e))
		return forward_refuse(e, REFUSAL_BUSY, (struct span){0}, ret);
	if (forward_is_spent(e))
		return forward_refuse_spent(e, ret);
	enum err error = begin(e);
	if (error)
		return forward_refuse(e, error == ERR_REFUSED ? REFUSAL_CROWD : REFUSAL_BUSY,
				      (struct span){0}, ret);
	proxy_head_reset(r);
	r->status = 200;
	ret->kind = PROXY_SOURCE;
	ret->source = &e->association->source;
	ret->limits = &e->view->site->hold_limits;
	forward_count(e->worker, FORWARD_COUNT_ASSOCIATIONS);
	return FORWARD_STEP_ANSWERED;
}
