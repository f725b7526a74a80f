/* why-long: one simulator, to be read from top to bottom.
 *
 * The DHCPv6 engine on a made-up link with a virtual clock: clients with an address and a delegated
 * prefix each, one server or two over one store, packets lost, repeated, late; servers that die at
 *any instant and come back with what was durable, stores that go away with a write half done, or
 *keep silent. One seed makes one run, always the same.
 *
 *	dhcp6_sim			the runs of the test suite
 *	dhcp6_sim SEED [CLIENTS [SERVERS]]	that one
 *
 * Fails when two clients hold one lease at one time, when a Reply is sent for what is not durable,
 * when the store's row takes from a client what a Reply promised it, when a client is told that it
 * has not what it was promised, when one is left without though there is enough, or when exchanges
 * are left over at the end. */
#include "config/config.h"
#include "config/report.h"
#include "service/dhcp/conf6.h"
#include "service/dhcp/v6_inner.h"
#include "test/random.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	CLIENTS_MAX = 1000,
	SERVERS_MAX = 2,
	POOL = 256,	   /* addresses, and as many prefixes behind them */
	LEASES = 2 * POOL, /* numbers of leases */
	HOLDS_MAX = 8,
	ROW_MAX = 128,
	QUEUE_MAX = 1024,
	EVENTS_MAX = 1 << 16,
	COMMIT_MAX = 32,
	LATE_MS = 1500,	      /* a packet may be */
	CALM_MS = 300 * 1000, /* at the end: nothing is lost any more, and nobody dies */
};

#define START 1800000000000ull

enum client_state { OFF, SOLICITING, REQUESTING, BOUND, RENEWING, REBINDING };

struct hold {
	uint32_t at; /* number of the lease, + 1; 0: none */
	uint64_t until_ms;
};

struct client {
	enum client_state state;
	uint32_t xid, server, timer, t1_s, t2_s; /* timer: generation, older ones are void */
	uint64_t bound_ms;			 /* when the last Reply came */
	unsigned tries;
	struct hold holds[HOLDS_MAX];
};

struct row {
	uint64_t version; /* 0: no row */
	size_t len;
	uint8_t value[ROW_MAX];
};

/* What the last Reply for a lease said. */
struct promise {
	uint32_t client; /* number + 1 */
	uint64_t until_ms;
	bool given_up; /* the client itself has said so */
};

struct write {
	uint64_t token, expected;
	uint32_t at;
	size_t len;
	uint8_t value[ROW_MAX];
};

struct server {
	struct v6_engine *engine; /* NULL: dead */
	struct sim *sim;
	uint32_t number, life;
	int64_t skew_ms;
	uint64_t turn_ms;
	struct write queue[QUEUE_MAX];
	size_t queue_n;
	bool committing, cut_off;
};

enum event_kind {
	TO_SERVER,
	TO_CLIENT,
	TIMER,
	COMMIT,
	RESULT,
	FEED,
	TURN,
	CRASH,
	RESTART,
	CUT_OFF
};

struct event {
	uint64_t at_ms, order;
	enum event_kind kind;
	uint32_t who, life, at; /* client or server; its life, or generation of a timer; lease */
	uint64_t token, version;
	enum dhcp_stored result;
	size_t len;
	uint8_t *bytes; /* owned */
};

struct sim {
	uint64_t seed, now_ms, order, end_ms, last_version;
	struct test_random random;
	unsigned loss, repeats; /* percent */
	uint32_t clients_n, servers_n;
	struct v6_site *site;
	struct server servers[SERVERS_MAX];
	struct client clients[CLIENTS_MAX];
	struct row rows[LEASES];
	struct promise promises[LEASES];
	uint32_t holder[LEASES]; /* number + 1 */
	struct event *heap[EVENTS_MAX];
	size_t heap_n;
	uint64_t replies, from_memory, conflicts, crashes;
	bool failed;
};

__attribute__((format(printf, 2, 3))) static void fail(struct sim *s, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	printf("seed %llu at %.3f s: ", (unsigned long long)s->seed,
	       (double)(s->now_ms - START) / 1e3);
	vprintf(format, args);
	printf("\n");
	va_end(args);
	s->failed = true;
}

static uint64_t below(struct sim *s, uint64_t n)
{
	return test_random_below(&s->random, (size_t)n);
}

static bool calm(const struct sim *s)
{
	return s->now_ms + CALM_MS > s->end_ms;
}

static bool chance(struct sim *s, unsigned percent)
{
	return below(s, 100) < percent;
}

/* --- events: the earliest is at the root --- */

static bool is_before(const struct event *a, const struct event *b)
{
	return a->at_ms != b->at_ms ? a->at_ms < b->at_ms : a->order < b->order;
}

static void schedule(struct sim *s, struct event what, struct span bytes)
{
	struct event *e = malloc(sizeof(*e) + bytes.len);
	size_t i = s->heap_n++;
	if (!e || i == EVENTS_MAX)
		abort();
	*e = what;
	e->order = ++s->order;
	e->len = bytes.len;
	e->bytes = (uint8_t *)(e + 1);
	if (bytes.len)
		memcpy(e->bytes, bytes.data, bytes.len);
	for (; i && is_before(e, s->heap[(i - 1) / 2]); i = (i - 1) / 2)
		s->heap[i] = s->heap[(i - 1) / 2];
	s->heap[i] = e;
}

static struct event *next_event(struct sim *s)
{
	struct event *first = s->heap[0], *last = s->heap[--s->heap_n];
	size_t i = 0;
	for (size_t child; (child = 2 * i + 1) < s->heap_n; i = child) {
		if (child + 1 < s->heap_n && is_before(s->heap[child + 1], s->heap[child]))
			child++;
		if (!is_before(s->heap[child], last))
			break;
		s->heap[i] = s->heap[child];
	}
	s->heap[i] = last;
	return first;
}

/* A packet on its way: perhaps never there, perhaps twice, and not in order. */
static void carry(struct sim *s, struct event e, struct span bytes)
{
	bool rough = !calm(s);
	unsigned copies = rough && chance(s, s->loss) ? 0 : 1;
	copies += rough && chance(s, s->repeats);
	while (copies--) {
		e.at_ms = s->now_ms + 1 + below(s, rough && chance(s, 10) ? LATE_MS : 5);
		schedule(s, e, bytes);
	}
}

/* --- leases by number --- */

static struct ip_prefix lease_of(uint32_t at)
{
	struct ip_prefix p = {.address = {.family = 6, .bytes = {0x20, 1, 0x0d, 0xb8, 0, 7}},
			      .bits = 128};
	if (at < POOL) {
		p.address.bytes[14] = 1;
		p.address.bytes[15] = (uint8_t)at;
	} else {
		p.address.bytes[5] = 9;
		p.address.bytes[6] = (uint8_t)(at - POOL);
		p.bits = 56;
	}
	return p;
}

static uint32_t number_of(const struct ip_prefix *p)
{
	uint32_t at = p->bits == 128 ? p->address.bytes[15] : POOL + p->address.bytes[6];
	struct ip_prefix back = lease_of(at);
	return ip_prefix_equal(&back, p) ? at : LEASES;
}

enum { DUID_LEN = 10 };

static void duid_write(uint8_t kind, uint32_t number, uint8_t ret[DUID_LEN])
{
	const uint8_t duid[DUID_LEN] = {
		0, 3, 0, 1, 2, kind, 0, 0, (uint8_t)(number >> 8), (uint8_t)number};
	memcpy(ret, duid, DUID_LEN);
}

static uint32_t number_in(struct span duid)
{
	return duid.len == DUID_LEN ? (uint32_t)duid.data[8] << 8 | duid.data[9] : UINT32_MAX;
}

/* --- the store: what is in `rows` is durable --- */

static struct v6_lease_view row_of(const struct sim *s, uint32_t at)
{
	static uint8_t key[V6_LEASE_KEY_LEN];
	const struct row *r = &s->rows[at];
	struct ip_prefix p = lease_of(at);
	struct v6_lease_view l = {0};
	v6_lease_key(&p, key);
	if (r->version &&
	    v6_lease_read(span_of(key, sizeof(key)), span_of(r->value, r->len), &l) != OK)
		abort();
	return l;
}

/* May this row take the place of the last one? */
static void judge_write(struct sim *s, uint32_t at)
{
	const struct promise *p = &s->promises[at];
	struct v6_lease_view l = row_of(s, at);
	if (!p->client || p->given_up || p->until_ms <= s->now_ms)
		return;
	if (l.state != V6_LEASE_BOUND)
		fail(s, "lease %u of client %u is lost", at, p->client - 1);
	else if (number_in(l.duid) + 1 != p->client)
		fail(s, "lease %u of client %u is given to client %u", at, p->client - 1,
		     number_in(l.duid));
}

static void tell_other(struct sim *s, const struct server *from, uint32_t at)
{
	for (uint32_t i = 0; i < s->servers_n; i++) {
		struct event e = {.at_ms = s->now_ms + 1 + below(s, 2000),
				  .kind = FEED,
				  .who = i,
				  .life = s->servers[i].life,
				  .at = at,
				  .version = s->last_version};
		if (i != from->number && s->servers[i].engine)
			schedule(s, e, span_of(s->rows[at].value, s->rows[at].len));
	}
}

static void write_one(struct sim *s, struct server *v, const struct write *w)
{
	struct row *r = &s->rows[w->at];
	bool away = v->cut_off && !calm(s);
	/* Done, and the answer lost on the way; or neither. */
	bool lands = (!away || chance(s, 20)) && r->version == w->expected;
	struct span current = {0};
	struct event e = {.at_ms = s->now_ms + 1 + below(s, 10),
			  .kind = RESULT,
			  .who = v->number,
			  .life = v->life,
			  .token = w->token};
	if (lands) {
		memcpy(r->value, w->value, w->len);
		r->len = w->len;
		s->last_version++;
		r->version = w->len ? s->last_version : 0;
		judge_write(s, w->at);
		tell_other(s, v, w->at);
	} else if (!away) {
		s->conflicts++;
		current = span_of(r->value, r->version ? r->len : 0);
	}
	e.result = away ? DHCP_STORE_FAILED : lands ? DHCP_STORED : DHCP_STORE_CONFLICT;
	e.version = r->version;
	schedule(s, e, current);
}

static void plan_commit(struct server *v)
{
	struct sim *s = v->sim;
	bool silent = !calm(s) && below(s, 100) == 0;
	struct event e = {.at_ms = s->now_ms + 1 + below(s, silent ? 12000 : 8),
			  .kind = COMMIT,
			  .who = v->number,
			  .life = v->life};
	v->committing = true;
	schedule(s, e, (struct span){0});
}

static void commit(struct sim *s, struct server *v)
{
	size_t n = v->queue_n < COMMIT_MAX ? v->queue_n : COMMIT_MAX;
	for (size_t i = 0; i < n; i++)
		write_one(s, v, &v->queue[i]);
	v->queue_n -= n;
	memmove(v->queue, v->queue + n, v->queue_n * sizeof(v->queue[0]));
	v->committing = false;
	if (v->queue_n)
		plan_commit(v);
}

/* --- effects of an engine --- */

static enum err on_store(void *arg, const struct dhcp_store *st)
{
	struct server *v = arg;
	struct ip_prefix p = {.address = {.family = 6}};
	struct reader key = reader_of_span(st->key);
	if (v->queue_n == QUEUE_MAX)
		return ERR_LIMIT;
	reader_skip(&key, 1);
	read_bytes(&key, p.address.bytes, 16);
	p.bits = read_u8(&key);
	struct write *w = &v->queue[v->queue_n++];
	*w = (struct write){.token = st->token,
			    .expected = st->expected,
			    .at = number_of(&p),
			    .len = st->value.len};
	if (w->at == LEASES || w->len > ROW_MAX)
		abort();
	if (w->len)
		memcpy(w->value, st->value.data, w->len);
	if (!v->committing)
		plan_commit(v);
	return OK;
}

static uint64_t clock_of(const struct server *v)
{
	return v->sim->now_ms + (uint64_t)v->skew_ms;
}

/* A lease in a Reply that leaves: is all that it says durable? */
static void judge_lease(struct sim *s, const struct server *v, uint32_t client,
			const struct dhcp6_lease *d)
{
	uint32_t at = number_of(&d->prefix);
	struct v6_lease_view l = at < LEASES ? row_of(s, at) : (struct v6_lease_view){0};
	if (d->valid_s == 0)
		return;
	if (l.state != V6_LEASE_BOUND || number_in(l.duid) != client ||
	    clock_of(v) + (uint64_t)d->valid_s * 1000 > (uint64_t)l.expires_s * 1000) {
		fail(s, "lease %u for client %u, which is not durable", at, client);
		return;
	}
	struct promise *p = &s->promises[at];
	uint64_t until_ms = s->now_ms + (uint64_t)d->valid_s * 1000;
	if (p->client != client + 1 || p->given_up || p->until_ms < until_ms)
		*p = (struct promise){.client = client + 1, .until_ms = until_ms};
}

/* Will the client take it? What is said to a message that was repeated on the way, when it has long
 * been asking for something else, promises nothing to anybody. */
static bool is_awaited(const struct client *c, const struct dhcp6_message *m)
{
	return c->xid == m->transaction_id &&
	       (c->state == REQUESTING || c->state == RENEWING || c->state == REBINDING);
}

static void on_send(void *arg, const struct v6_send *send)
{
	struct server *v = arg;
	struct sim *s = v->sim;
	struct dhcp6_message m;
	struct dhcp6_ia ia;
	struct dhcp6_lease d;
	if (dhcp6_message_read(send->message, &m) != OK || number_in(m.client_id) >= s->clients_n) {
		fail(s, "an answer that cannot be read");
		return;
	}
	uint32_t who = number_in(m.client_id);
	bool counts = m.type == DHCP6_REPLY && is_awaited(&s->clients[who], &m);
	for (unsigned i = 0; counts && i < m.ias_n; i++) {
		if (dhcp6_ia_read(&m.ias[i], &ia) != OK)
			abort();
		struct reader r = reader_of_span(ia.options);
		while (dhcp6_lease_next(&r, ia.kind, &d))
			judge_lease(s, v, who, &d);
	}
	s->replies += m.type == DHCP6_REPLY;
	carry(s, (struct event){.kind = TO_CLIENT, .who = who}, send->message);
}

static void on_name(void *arg, enum dhcp_name_change change, const struct v6_lease_view *l,
		    const struct v6_network *n)
{
	(void)arg, (void)change, (void)l, (void)n;
}

static void on_event(void *arg, const struct v6_event *e)
{
	(void)arg, (void)e;
}

/* --- servers --- */

static void plan_turn(struct sim *s, struct server *v)
{
	uint64_t next = v6_engine_next_ms(v->engine);
	if (next == UINT64_MAX)
		return;
	next -= (uint64_t)v->skew_ms;
	next = next > s->now_ms ? next : s->now_ms + 1;
	if (v->turn_ms > s->now_ms && v->turn_ms <= next)
		return;
	v->turn_ms = next;
	schedule(s, (struct event){.at_ms = next, .kind = TURN, .who = v->number, .life = v->life},
		 (struct span){0});
}

static void learn(struct sim *s, struct server *v, uint32_t at, struct span value, uint64_t version)
{
	uint8_t key[V6_LEASE_KEY_LEN];
	struct ip_prefix p = lease_of(at);
	v6_lease_key(&p, key);
	if (v6_engine_learn(v->engine, clock_of(v), span_of(key, sizeof(key)), value, version) !=
	    OK)
		fail(s, "a row is not learnt");
}

static void start(struct sim *s, struct server *v)
{
	const struct v6_limits limits = {.leases = 4 * LEASES, .waiting = 256};
	const struct v6_effects effects = {
		.arg = v, .send = on_send, .store = on_store, .name = on_name, .event = on_event};
	const struct hash_key key = {s->seed, v->number * 1000 + v->life};
	const uint8_t secret[32] = {1};
	const struct v6_link link = {.ifindex = 1, .name = "lan"};
	uint8_t duid[DUID_LEN];
	duid_write(0xff, v->number, duid);
	v->life++;
	v->turn_ms = 0;
	if (v6_engine_new(s->site, &limits, &effects, span_of(duid, DUID_LEN), secret, key,
			  &v->engine) != OK)
		abort();
	v6_engine_set_links(v->engine, &link, 1);
	for (uint32_t at = 0; at < LEASES; at++)
		if (s->rows[at].version)
			learn(s, v, at, span_of(s->rows[at].value, s->rows[at].len),
			      s->rows[at].version);
	plan_turn(s, v);
}

/* All that was not durable is gone. */
static void crash(struct sim *s, struct server *v)
{
	struct event e = {
		.at_ms = s->now_ms + 100 + below(s, 20000), .kind = RESTART, .who = v->number};
	if (!v->engine || calm(s))
		return;
	s->crashes++;
	v6_engine_free(v->engine);
	v->engine = NULL;
	v->life++;
	v->queue_n = 0;
	v->committing = v->cut_off = false;
	schedule(s, e, (struct span){0});
}

static void cut_off(struct sim *s, struct server *v)
{
	v->cut_off = v->engine && !v->cut_off && !calm(s);
	if (v->engine && chance(s, 50)) /* the connection says so; or only its silence */
		v6_engine_store_away(v->engine, v->cut_off);
}

/* --- clients: RFC 8415 18.2 --- */

static void set_timer(struct sim *s, uint32_t who, uint64_t in_ms)
{
	struct event e = {.at_ms = s->now_ms + in_ms,
			  .kind = TIMER,
			  .who = who,
			  .life = ++s->clients[who].timer};
	schedule(s, e, (struct span){0});
}

static void write_ia(const struct client *c, enum dhcp6_ia_kind kind, struct writer *w)
{
	size_t begin = dhcp6_ia_begin(w, kind, kind, 0, 0);
	for (size_t i = 0; i < HOLDS_MAX; i++)
		if (c->holds[i].at && (c->holds[i].at > POOL) == (kind == DHCP6_IA_PD)) {
			struct dhcp6_lease l = {.prefix = lease_of(c->holds[i].at - 1)};
			dhcp6_write_lease(w, kind, &l, NULL);
		}
	dhcp6_option_end(w, begin);
}

static void speak(struct sim *s, uint32_t who, uint8_t type)
{
	const struct client *c = &s->clients[who];
	uint8_t wire[1024], duid[DUID_LEN];
	struct writer w = writer_of(wire, sizeof(wire));
	dhcp6_write_header(&w, type, c->xid);
	duid_write(0, who, duid);
	dhcp6_write_option(&w, DHCP6_OPT_CLIENTID, span_of(duid, DUID_LEN));
	duid_write(0xff, c->server, duid);
	if (type != DHCP6_SOLICIT && type != DHCP6_REBIND)
		dhcp6_write_option(&w, DHCP6_OPT_SERVERID, span_of(duid, DUID_LEN));
	write_ia(c, DHCP6_IA_NA, &w);
	write_ia(c, DHCP6_IA_PD, &w);
	if (w.bad)
		abort();
	for (uint32_t i = 0; i < s->servers_n; i++)
		carry(s, (struct event){.kind = TO_SERVER, .who = i, .at = who}, writer_span(&w));
}

/* One message and its retransmissions, with one transaction id. */
static void say(struct sim *s, uint32_t who)
{
	static const uint8_t types[] = {[SOLICITING] = DHCP6_SOLICIT,
					[REQUESTING] = DHCP6_REQUEST,
					[RENEWING] = DHCP6_RENEW,
					[REBINDING] = DHCP6_REBIND};
	struct client *c = &s->clients[who];
	unsigned doublings = c->tries < 4 ? c->tries : 4;
	speak(s, who, types[c->state]);
	c->tries++;
	set_timer(s, who, (1000ull << doublings) - 100 + below(s, 200));
}

static void begin(struct sim *s, uint32_t who, enum client_state state)
{
	struct client *c = &s->clients[who];
	c->state = state;
	c->xid = (uint32_t)below(s, 1 << 24);
	c->tries = 0;
	say(s, who);
}

static void let_go(struct sim *s, uint32_t who, bool give_up)
{
	struct client *c = &s->clients[who];
	for (size_t i = 0; i < HOLDS_MAX; i++) {
		struct promise *p = c->holds[i].at ? &s->promises[c->holds[i].at - 1] : NULL;
		if (p && p->client == who + 1)
			p->given_up = p->given_up || give_up;
		c->holds[i] = (struct hold){0};
	}
}

static struct hold *hold_of(struct client *c, uint32_t at, bool make)
{
	struct hold *unused = NULL;
	for (size_t i = 0; i < HOLDS_MAX; i++) {
		if (c->holds[i].at == at + 1)
			return &c->holds[i];
		if (!c->holds[i].at)
			unused = &c->holds[i];
	}
	return make ? unused : NULL;
}

static void judge_refusal(struct sim *s, uint32_t who, uint32_t at)
{
	const struct promise *p = &s->promises[at];
	if (p->client == who + 1 && !p->given_up && p->until_ms > s->now_ms)
		fail(s, "client %u is refused lease %u that it has", who, at);
}

static void take_lease(struct sim *s, uint32_t who, const struct dhcp6_lease *l)
{
	struct client *c = &s->clients[who];
	uint32_t at = number_of(&l->prefix);
	struct hold *h = hold_of(c, at, l->valid_s > 0);
	if (l->valid_s == 0 && h) {
		judge_refusal(s, who, at);
		*h = (struct hold){0};
	}
	if (l->valid_s == 0 || !h)
		return;
	uint32_t other = s->holder[at];
	struct hold *held =
		other && other != who + 1 ? hold_of(&s->clients[other - 1], at, false) : NULL;
	if (held && held->until_ms > s->now_ms)
		fail(s, "clients %u and %u hold lease %u", other - 1, who, at);
	s->holder[at] = who + 1;
	*h = (struct hold){.at = at + 1, .until_ms = s->now_ms + (uint64_t)l->valid_s * 1000};
}

/* What has run out is not held any more. Has it both kinds still? */
static bool has_both(struct sim *s, struct client *c)
{
	bool address = false, prefix = false;
	for (size_t i = 0; i < HOLDS_MAX; i++) {
		struct hold *h = &c->holds[i];
		if (h->at && h->until_ms <= s->now_ms)
			*h = (struct hold){0};
		address = address || (h->at && h->at <= POOL);
		prefix = prefix || h->at > POOL;
	}
	return address && prefix;
}

static void take_reply(struct sim *s, uint32_t who, const struct dhcp6_message *m)
{
	struct client *c = &s->clients[who];
	bool renewal = c->state != REQUESTING;
	c->t1_s = c->t2_s = 0;
	for (unsigned i = 0; i < m->ias_n; i++) {
		struct dhcp6_ia ia;
		struct dhcp6_lease l;
		if (dhcp6_ia_read(&m->ias[i], &ia) != OK)
			abort();
		struct reader r = reader_of_span(ia.options);
		while (dhcp6_lease_next(&r, ia.kind, &l))
			take_lease(s, who, &l);
		for (size_t k = 0; k < HOLDS_MAX; k++) /* NoBinding */
			if (renewal && ia.has_status && c->holds[k].at &&
			    (c->holds[k].at > POOL) == (ia.kind == DHCP6_IA_PD))
				judge_refusal(s, who, c->holds[k].at - 1);
		if (ia.t1_s) {
			c->t1_s = ia.t1_s;
			c->t2_s = ia.t2_s;
		}
	}
	c->server = number_in(m->server_id);
	if (!has_both(s, c)) {
		let_go(s, who, false);
		c->state = OFF;
		set_timer(s, who, 1000 + below(s, 1000));
		return;
	}
	c->state = BOUND;
	c->bound_ms = s->now_ms;
	s->from_memory += c->t1_s < 30;
	set_timer(s, who, (uint64_t)c->t1_s * 1000 + 1);
}

static void hear(struct sim *s, uint32_t who, struct span bytes)
{
	struct client *c = &s->clients[who];
	struct dhcp6_message m;
	struct dhcp6_ia ia;
	if (dhcp6_message_read(bytes, &m) != OK || m.transaction_id != c->xid)
		return;
	if (m.type == DHCP6_REPLY && is_awaited(c, &m)) {
		take_reply(s, who, &m);
		return;
	}
	if (m.type != DHCP6_ADVERTISE || c->state != SOLICITING)
		return;
	for (unsigned i = 0; i < m.ias_n; i++)
		if (dhcp6_ia_read(&m.ias[i], &ia) != OK || ia.has_status)
			return; /* RFC 8415 18.2.9: such an Advertise is ignored */
	c->server = number_in(m.server_id);
	begin(s, who, REQUESTING);
}

/* T1: mostly the client renews; some leave, and some start anew. */
static void at_t1(struct sim *s, uint32_t who)
{
	struct client *c = &s->clients[who];
	uint64_t dice = calm(s) ? 99 : below(s, 100);
	if (dice >= 16) {
		begin(s, who, RENEWING);
		return;
	}
	if (dice < 8) {
		c->xid = (uint32_t)below(s, 1 << 24);
		speak(s, who, DHCP6_RELEASE);
	}
	let_go(s, who, dice < 8); /* or off without a word */
	c->state = OFF;
	set_timer(s, who, 5000 + below(s, 60000));
}

static void on_timer(struct sim *s, uint32_t who)
{
	struct client *c = &s->clients[who];
	switch (c->state) {
	case OFF: begin(s, who, SOLICITING); return;
	case SOLICITING: say(s, who); return;
	case REQUESTING: c->tries < 4 ? say(s, who) : begin(s, who, SOLICITING); return;
	case BOUND: at_t1(s, who); return;
	default: break;
	}
	if (!has_both(s, c)) {
		let_go(s, who, false);
		begin(s, who, SOLICITING);
	} else if (c->state == RENEWING && s->now_ms > c->bound_ms + (uint64_t)c->t2_s * 1000) {
		begin(s, who, REBINDING);
	} else {
		say(s, who);
	}
}

/* --- the run --- */

static void serve(struct sim *s, struct server *v, const struct event *e)
{
	struct v6_arrival a = {
		.ifindex = 1,
		.from = {.family = 6,
			 .bytes = {0xfe,
				   0x80, [14] = (uint8_t)(e->at >> 8), [15] = (uint8_t)e->at}},
		.to = {.family = 6, .bytes = {0xff, 2, [13] = 1, [15] = 2}}};
	struct span bytes = span_of(e->bytes, e->len);
	switch (e->kind) {
	case TO_SERVER: v6_engine_receive(v->engine, clock_of(v), &a, bytes); break;
	case RESULT:
		v6_engine_stored(v->engine, clock_of(v), e->token, e->result, e->version, bytes);
		break;
	case FEED: learn(s, v, e->at, bytes, e->version); break;
	default: v6_engine_turn(v->engine, clock_of(v));
	}
	plan_turn(s, v);
}

static void happen(struct sim *s, const struct event *e)
{
	struct server *v = &s->servers[e->who < SERVERS_MAX ? e->who : 0];
	switch (e->kind) {
	case TO_CLIENT: hear(s, e->who, span_of(e->bytes, e->len)); return;
	case TIMER:
		if (e->life == s->clients[e->who].timer)
			on_timer(s, e->who);
		return;
	case CRASH: crash(s, v); return;
	case RESTART: start(s, v); return;
	case CUT_OFF: cut_off(s, v); return;
	default: break;
	}
	if (!v->engine || (e->kind != TO_SERVER && e->life != v->life))
		return;
	if (e->kind == COMMIT)
		commit(s, v);
	else
		serve(s, v, e);
}

static void judge_end(struct sim *s)
{
	unsigned without = 0;
	for (uint32_t i = 0; i < s->clients_n; i++)
		without += !has_both(s, &s->clients[i]);
	if (s->clients_n <= POOL * 3 / 4 && without)
		fail(s, "%u of %u clients are without a lease", without, s->clients_n);
	for (uint32_t i = 0; i < s->servers_n; i++) {
		struct v6_counts c;
		v6_engine_counts(s->servers[i].engine, &c);
		if (c.waiting > 16)
			fail(s, "%llu exchanges are left over", (unsigned long long)c.waiting);
	}
}

static struct v6_site *make_site(void)
{
	static const struct config_section section = {"ipv6", &v6_conf_map};
	static const struct config_sections sections = {&section, 1};
	static const char text[] = "ipv6:\n"
				   "  preferred: 60s\n"
				   "  valid: 100s\n"
				   "  networks:\n"
				   "    - subnet: 2001:db8:7::/64\n"
				   "      interface: lan\n"
				   "      pools: {range: \"2001:db8:7::100-2001:db8:7::1ff\"}\n"
				   "      prefix-pools: {prefix: \"2001:db8:9::/48\", "
				   "delegated-length: 56, allocate: dynamic}\n";
	struct config_input in = {.text = span_text(text), .file_name = "sim.yaml"};
	struct config_report report = {0};
	struct config *c = NULL;
	struct v6_site *site = NULL;
	if (config_parse(&sections, &in, &c, &report) != OK ||
	    v6_site_new(config_section(c, "ipv6"), &site) != OK)
		abort();
	config_report_done(&report);
	config_free(c);
	return site;
}

static void set_scene(struct sim *s, uint32_t clients, uint32_t servers)
{
	uint64_t troubled_ms = 600 * 1000;
	s->clients_n = clients;
	s->servers_n = servers;
	s->loss = (unsigned)below(s, 30);
	s->repeats = (unsigned)below(s, 20);
	s->end_ms = START + troubled_ms + CALM_MS;
	s->site = make_site();
	for (uint32_t i = 0; i < servers; i++) {
		s->servers[i].sim = s;
		s->servers[i].number = i;
		s->servers[i].skew_ms = (int64_t)below(s, 1800) - 900;
		start(s, &s->servers[i]);
	}
	for (uint32_t i = 0; i < clients; i++)
		set_timer(s, i, below(s, 30000));
	for (unsigned i = 0; i < 24; i++) {
		struct event e = {.at_ms = START + below(s, troubled_ms),
				  .kind = i % 2 ? CRASH : CUT_OFF,
				  .who = (uint32_t)below(s, servers)};
		schedule(s, e, (struct span){0});
	}
}

static bool run(uint64_t seed, uint32_t clients, uint32_t servers)
{
	struct sim *s = calloc(1, sizeof(*s));
	if (!s)
		abort();
	s->seed = seed;
	s->now_ms = START;
	s->random.state = seed * 1000003 + servers;
	set_scene(s, clients, servers);
	while (s->heap_n && !s->failed && s->now_ms < s->end_ms) {
		struct event *e = next_event(s);
		s->now_ms = e->at_ms;
		happen(s, e);
		free(e);
	}
	if (!s->failed)
		judge_end(s);
	bool ok = !s->failed;
	printf("seed %llu: %u clients, %u servers, loss %u%%: %llu Replies (%llu from memory), "
	       "%llu conflicts, %llu crashes%s\n",
	       (unsigned long long)seed, clients, servers, s->loss, (unsigned long long)s->replies,
	       (unsigned long long)s->from_memory, (unsigned long long)s->conflicts,
	       (unsigned long long)s->crashes, ok ? "" : ": FAILED");
	while (s->heap_n)
		free(s->heap[--s->heap_n]);
	for (uint32_t i = 0; i < servers; i++)
		v6_engine_free(s->servers[i].engine);
	v6_site_unref(s->site);
	free(s);
	return ok;
}

static uint32_t number(const char *text, uint32_t most)
{
	unsigned long n = strtoul(text, NULL, 10);
	return n < 1 ? 1 : n > most ? most : (uint32_t)n;
}

int main(int argc, char **argv)
{
	if (argc > 1)
		return !run(strtoull(argv[1], NULL, 10),
			    argc > 2 ? number(argv[2], CLIENTS_MAX) : 180,
			    argc > 3 ? number(argv[3], SERVERS_MAX) : 1);
	bool ok = true;
	for (uint64_t seed = 1; seed <= 12; seed++) /* every third with more than the pools hold */
		ok = run(seed, seed % 3 ? 180 : 300, 1 + seed % 2) && ok;
	return !ok;
}
