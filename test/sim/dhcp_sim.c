/* why-long: one simulator, to be read from top to bottom.
 *
 * The address server's engine on a made-up network with a virtual clock: thousands of clients, one
 * server or two over one store, packets lost, repeated, late; servers that die at any instant and
 * come back with what was durable, stores that go away with a write half done. One seed makes one
 * run, always the same.
 *
 *	dhcp_sim			the runs of the test suite
 *	dhcp_sim SEED [CLIENTS [SERVERS]]	that one
 *
 * Fails when two clients hold one address at one time, when an ACK is sent for what is not durable,
 * when the store's row takes from a client what an ACK promised it, when a renewal of a lease that
 * stands is refused, when a client is left without an address though there is one, or when
 * exchanges are left over at the end. */
#include "proto/dhcp/build.h"
#include "service/dhcp/engine.h"
#include "service/dhcp/site_fake_test.h"
#include "test/random.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	CLIENTS_MAX = 10000,
	SERVERS_MAX = 2,
	SIZE_MAX_POOL = 16384,
	ROW_MAX = 96,
	EVENTS_MAX = 1 << 18,
	COMMIT_MAX = 64,
	CLOCKS_MS = 2000, /* by which two clocks may differ */
	CALM_MS = 400000, /* at the end: nothing is lost any more, and nobody dies */
};

#define SUBNET 0x0a000000u
#define FIRST  (SUBNET + 256)
#define ALL    0xffffffffu
#define START  1800000000000ull

enum client_state { OFF, INIT, SELECTING, REQUESTING, REBOOTING, BOUND, RENEWING, REBINDING };

struct client {
	enum client_state state;
	uint32_t xid, address, server_id, offered, lease_s;
	uint64_t sent_ms; /* when the first message of this xid was */
	uint64_t held_until_ms;
	uint32_t timer; /* generation: older timers are void */
	unsigned tries;
};

struct row {
	uint64_t version;
	uint8_t len, value[ROW_MAX];
};

/* What the last ACK for an address said. */
struct promise {
	uint32_t client; /* number + 1 */
	uint64_t until_ms;
	bool given_up; /* the client itself has said so */
};

struct write {
	uint64_t token, expected;
	uint32_t at; /* address - FIRST */
	uint8_t len, value[ROW_MAX];
};

struct server {
	struct dhcp_engine *engine; /* NULL: dead */
	struct sim *sim;
	uint32_t number, life;
	int64_t skew_ms;
	uint64_t turn_ms;
	struct write *queue[4096];
	size_t queue_n;
	bool committing, cut_off; /* cut off from the store */
};

enum event_kind {
	TO_SERVER,
	TO_CLIENT,
	TIMER,
	COMMIT,
	RESULT,
	FEED,
	TURN,
	ANSWER, /* to a probe */
	CRASH,
	RESTART,
	CUT_OFF,
	JOIN,
};

struct event {
	uint64_t at_ms, order;
	enum event_kind kind;
	uint32_t who, life; /* client or server; life, or generation of a timer */
	uint32_t number;    /* address - FIRST */
	uint64_t token, version;
	enum dhcp_stored result;
	bool unicast;
	uint16_t len;
	uint8_t *bytes; /* owned */
};

struct sim {
	uint64_t seed, now_ms, order, end_ms;
	struct test_random random;
	unsigned loss, repeats, delay_ms; /* percent, percent, at most */
	uint32_t clients_n, servers_n, pool_n, squatters;
	struct dhcp_site *site;
	struct server servers[SERVERS_MAX];
	struct client clients[CLIENTS_MAX];
	struct row rows[SIZE_MAX_POOL];
	struct promise promises[SIZE_MAX_POOL];
	uint32_t holder[SIZE_MAX_POOL]; /* number + 1 */
	uint64_t last_version;
	struct event **heap;
	size_t heap_n;
	uint64_t acks, naks, crashes, conflicts, from_memory;
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

static size_t below(struct sim *s, size_t n)
{
	return n ? test_random_below(&s->random, n) : 0;
}

static bool calm(const struct sim *s)
{
	return s->now_ms + CALM_MS > s->end_ms;
}

static bool chance(struct sim *s, unsigned percent)
{
	return below(s, 100) < percent;
}

/* --- events: a binary heap --- */

static bool before(const struct event *a, const struct event *b)
{
	return a->at_ms < b->at_ms || (a->at_ms == b->at_ms && a->order < b->order);
}

static void swap(struct sim *s, size_t a, size_t b)
{
	struct event *t = s->heap[a];
	s->heap[a] = s->heap[b];
	s->heap[b] = t;
}

static void schedule(struct sim *s, struct event what, struct span bytes)
{
	if (s->heap_n == EVENTS_MAX)
		abort();
	struct event *e = malloc(sizeof(*e) + bytes.len);
	*e = what;
	e->order = ++s->order;
	e->len = (uint16_t)bytes.len;
	e->bytes = (uint8_t *)(e + 1);
	if (bytes.len)
		memcpy(e->bytes, bytes.data, bytes.len);
	s->heap[s->heap_n] = e;
	for (size_t i = s->heap_n++; i && before(s->heap[i], s->heap[(i - 1) / 2]); i = (i - 1) / 2)
		swap(s, i, (i - 1) / 2);
}

static struct event *take(struct sim *s)
{
	struct event *first = s->heap[0];
	s->heap[0] = s->heap[--s->heap_n];
	for (size_t i = 0;;) {
		size_t least = i, left = 2 * i + 1;
		for (size_t c = left; c < left + 2; c++)
			if (c < s->heap_n && before(s->heap[c], s->heap[least]))
				least = c;
		if (least == i)
			return first;
		swap(s, i, least);
		i = least;
	}
}

static const struct span none;

/* A packet on its way: perhaps never there, perhaps twice, and not in order. */
static void carry(struct sim *s, struct event e, struct span bytes)
{
	unsigned copies = 1;
	if (!calm(s)) {
		copies = chance(s, s->loss) ? 0 : 1;
		copies += chance(s, s->repeats);
	}
	while (copies--) {
		e.at_ms = s->now_ms + 1 + below(s, chance(s, 10) ? s->delay_ms : 5);
		schedule(s, e, bytes);
	}
}

/* --- the store: what is in `rows` is durable --- */

static void read_row(const struct sim *s, uint32_t at, struct dhcp_lease *ret)
{
	uint8_t key[DHCP_LEASE_KEY_LEN];
	dhcp_lease_key(FIRST + at, key);
	if (dhcp_lease_read(span_of(key, sizeof(key)), span_of(s->rows[at].value, s->rows[at].len),
			    ret) != OK)
		abort();
}

static uint32_t client_of(const uint8_t *mac)
{
	return (uint32_t)mac[4] << 8 | mac[5];
}

/* May this row take the place of the last one? */
static void judge_write(struct sim *s, uint32_t at)
{
	const struct promise *p = &s->promises[at];
	struct dhcp_lease l;
	read_row(s, at, &l);
	if (!p->client || p->given_up || p->until_ms <= s->now_ms)
		return;
	if (client_of(l.mac) + 1 != p->client)
		fail(s, "address %u of client %u is given to client %u", at, p->client - 1,
		     client_of(l.mac));
	else if (l.state != DHCP_LEASE_BOUND ||
		 (uint64_t)l.expires_s * 1000 + CLOCKS_MS < p->until_ms)
		fail(s, "lease %u of client %u is lost", at, p->client - 1);
}

static void tell_others(struct sim *s, const struct server *from, uint32_t at)
{
	for (uint32_t i = 0; i < s->servers_n; i++)
		if (i != from->number && s->servers[i].engine) {
			struct event e = {.at_ms = s->now_ms + 1 + below(s, 2000),
					  .kind = FEED,
					  .who = i,
					  .life = s->servers[i].life,
					  .number = at,
					  .version = s->rows[at].version};
			schedule(s, e, span_of(s->rows[at].value, s->rows[at].len));
		}
}

static void answer_write(struct sim *s, const struct server *v, const struct write *w,
			 enum dhcp_stored result)
{
	struct event e = {.at_ms = s->now_ms + 1 + below(s, 10),
			  .kind = RESULT,
			  .who = v->number,
			  .life = v->life,
			  .token = w->token,
			  .result = result,
			  .version = s->rows[w->at].version};
	bool conflict = result == DHCP_STORE_CONFLICT;
	schedule(s, e, conflict ? span_of(s->rows[w->at].value, s->rows[w->at].len) : none);
}

static void write_one(struct sim *s, const struct server *v, const struct write *w)
{
	struct row *r = &s->rows[w->at];
	bool cut_off = v->cut_off && !calm(s);
	bool lands = !cut_off || chance(s, 20); /* done, and the answer lost on the way */
	if (lands && r->version == w->expected) {
		memcpy(r->value, w->value, w->len);
		r->len = w->len;
		r->version = ++s->last_version;
		judge_write(s, w->at);
		tell_others(s, v, w->at);
	} else if (!cut_off) {
		s->conflicts++;
		answer_write(s, v, w, DHCP_STORE_CONFLICT);
		return;
	}
	answer_write(s, v, w, cut_off ? DHCP_STORE_FAILED : DHCP_STORED);
}

/* Milliseconds; and now and then a store keeps silent for seconds. */
static uint64_t commit_ms(struct sim *s)
{
	bool silent = !calm(s) && below(s, 500) == 0;
	return 1 + below(s, silent ? 12000 : 8);
}

/* All that waits, up to a bound, in one commit. */
static void commit(struct sim *s, struct server *v)
{
	size_t n = v->queue_n < COMMIT_MAX ? v->queue_n : COMMIT_MAX;
	for (size_t i = 0; i < n; i++) {
		write_one(s, v, v->queue[i]);
		free(v->queue[i]);
	}
	v->queue_n -= n;
	memmove(v->queue, v->queue + n, v->queue_n * sizeof(v->queue[0]));
	v->committing = v->queue_n > 0;
	if (v->committing)
		schedule(s,
			 (struct event){.at_ms = s->now_ms + commit_ms(s),
					.kind = COMMIT,
					.who = v->number,
					.life = v->life},
			 none);
}

/* --- effects of an engine --- */

static enum err on_store(void *arg, const struct dhcp_store *st)
{
	struct server *v = arg;
	if (v->queue_n == sizeof(v->queue) / sizeof(v->queue[0]))
		return ERR_LIMIT;
	if (st->value.len > ROW_MAX)
		abort();
	struct reader key = reader_of_span(st->key);
	reader_skip(&key, 1);
	struct write *w = malloc(sizeof(*w));
	*w = (struct write){.token = st->token,
			    .expected = st->expected,
			    .at = read_u32(&key) - FIRST,
			    .len = (uint8_t)st->value.len};
	memcpy(w->value, st->value.data, st->value.len);
	v->queue[v->queue_n++] = w;
	if (!v->committing) {
		v->committing = true;
		schedule(v->sim,
			 (struct event){.at_ms = v->sim->now_ms + commit_ms(v->sim),
					.kind = COMMIT,
					.who = v->number,
					.life = v->life},
			 none);
	}
	return OK;
}

/* Will the client take it? Not when it has long been asking for something else: what is said to a
 * message that was repeated on the way promises nothing to anybody. */
static bool is_awaited(const struct sim *s, const struct dhcp_message *m)
{
	const struct client *c = &s->clients[client_of(m->head.chaddr)];
	return c->xid == m->head.xid && c->state != OFF && c->state != INIT && c->state != BOUND;
}

/* An ACK leaves: is all that it says durable? */
static void judge_ack(struct sim *s, const struct server *v, const struct dhcp_message *m)
{
	uint32_t at = m->head.yiaddr - FIRST, lease_s, client = client_of(m->head.chaddr);
	struct dhcp_lease l;
	s->acks++;
	if (!is_awaited(s, m))
		return;
	if (at >= s->pool_n || !s->rows[at].version ||
	    dhcp_message_u32(m, DHCP_OPT_LEASE_TIME, &lease_s) != OK) {
		fail(s, "an ACK without a row");
		return;
	}
	read_row(s, at, &l);
	uint64_t server_ms = s->now_ms + (uint64_t)v->skew_ms;
	if (l.state != DHCP_LEASE_BOUND || client_of(l.mac) != client ||
	    server_ms + (uint64_t)lease_s * 1000 > (uint64_t)l.expires_s * 1000 + CLOCKS_MS)
		fail(s, "an ACK to client %u that is not durable", client);
	s->from_memory += lease_s < s->site->lease_s;
	struct promise *p = &s->promises[at];
	uint64_t until_ms = s->now_ms + (uint64_t)lease_s * 1000;
	if (p->client == client + 1 && !p->given_up && p->until_ms > until_ms)
		return; /* an older promise goes further */
	*p = (struct promise){.client = client + 1, .until_ms = until_ms};
}

static void on_send(void *arg, const struct dhcp_send *send)
{
	struct server *v = arg;
	struct sim *s = v->sim;
	static struct dhcp_message m;
	if (dhcp_message_read(send->message, &m) != OK) {
		fail(s, "a reply that cannot be read");
		return;
	}
	if (m.type == DHCP_ACK)
		judge_ack(s, v, &m);
	s->naks += m.type == DHCP_NAK;
	carry(s, (struct event){.kind = TO_CLIENT, .who = client_of(m.head.chaddr)}, send->message);
}

/* Some addresses have a host that nobody knows of. */
static bool squatted(const struct sim *s, uint32_t at)
{
	return s->squatters && at % 97 == 5;
}

static void on_probe(void *arg, const struct dhcp_probe *p)
{
	const struct server *v = arg;
	struct sim *s = v->sim;
	if (squatted(s, p->address - FIRST) && !chance(s, s->loss))
		schedule(s,
			 (struct event){.at_ms = s->now_ms + 1 + below(s, 50),
					.kind = ANSWER,
					.who = v->number,
					.life = v->life,
					.number = p->address - FIRST},
			 none);
}

static void on_name(void *arg, enum dhcp_name_change change, const struct dhcp_lease *l,
		    const struct dhcp_network *n)
{
	(void)arg, (void)change, (void)l, (void)n;
}

static void on_event(void *arg, const struct dhcp_event *e)
{
	(void)arg, (void)e;
}

/* --- servers --- */

static uint32_t server_address(const struct server *v)
{
	return SUBNET + 1 + v->number;
}

static uint64_t clock_of(const struct server *v)
{
	return v->sim->now_ms + (uint64_t)v->skew_ms;
}

static void plan_turn(struct sim *s, struct server *v)
{
	uint64_t next = dhcp_engine_next_ms(v->engine);
	if (next == UINT64_MAX)
		return;
	next = next - (uint64_t)v->skew_ms;
	if (next <= s->now_ms)
		next = s->now_ms + 1;
	if (v->turn_ms > s->now_ms && v->turn_ms <= next)
		return;
	v->turn_ms = next;
	schedule(s, (struct event){.at_ms = next, .kind = TURN, .who = v->number, .life = v->life},
		 none);
}

static void learn(struct sim *s, struct server *v, uint32_t at, struct span value, uint64_t version)
{
	uint8_t key[DHCP_LEASE_KEY_LEN];
	dhcp_lease_key(FIRST + at, key);
	if (dhcp_engine_learn(v->engine, clock_of(v), span_of(key, sizeof(key)), value, version) !=
	    OK)
		fail(s, "a row is not learnt");
}

static void start(struct sim *s, struct server *v)
{
	const struct dhcp_limits limits = {.leases = SIZE_MAX_POOL, .waiting = 2048};
	const struct dhcp_effects effects = {.arg = v,
					     .send = on_send,
					     .store = on_store,
					     .probe = on_probe,
					     .name = on_name,
					     .event = on_event};
	const struct hash_key key = {s->seed, v->number * 1000 + v->life};
	const struct dhcp_link link = {
		.ifindex = 1, .name = "lan", .address = server_address(v), .bits = 16};
	v->life++;
	v->turn_ms = 0;
	if (dhcp_engine_new(s->site, &limits, &effects, key, &v->engine) != OK)
		abort();
	dhcp_engine_set_links(v->engine, &link, 1);
	for (uint32_t at = 0; at < s->pool_n; at++)
		if (s->rows[at].version)
			learn(s, v, at, span_of(s->rows[at].value, s->rows[at].len),
			      s->rows[at].version);
	plan_turn(s, v);
}

/* All that was not durable is gone: offers, probes, and writes that had not begun. */
static void crash(struct sim *s, struct server *v)
{
	if (!v->engine || calm(s))
		return;
	s->crashes++;
	dhcp_engine_free(v->engine);
	v->engine = NULL;
	v->life++;
	while (v->queue_n)
		free(v->queue[--v->queue_n]);
	v->committing = v->cut_off = false;
	schedule(s,
		 (struct event){.at_ms = s->now_ms + 100 + below(s, 20000),
				.kind = RESTART,
				.who = v->number},
		 none);
}

/* --- clients: RFC 2131 figure 5 --- */

static void set_timer(struct sim *s, uint32_t who, uint64_t in_ms)
{
	schedule(s,
		 (struct event){.at_ms = s->now_ms + in_ms,
				.kind = TIMER,
				.who = who,
				.life = ++s->clients[who].timer},
		 none);
}

static size_t write_message(const struct sim *s, uint32_t who, enum dhcp_type type, uint8_t *buf,
			    size_t size)
{
	const struct client *c = &s->clients[who];
	struct dhcp_head head = {.op = DHCP_OP_REQUEST,
				 .htype = DHCP_HTYPE_ETHERNET,
				 .hlen = 6,
				 .xid = c->xid,
				 .chaddr = {2, 0, 0, 0, (uint8_t)(who >> 8), (uint8_t)who}};
	const struct dhcp_build_rules rules = {.size_max = size};
	struct dhcp_build b;
	struct span message;
	bool has = c->state == RENEWING || c->state == REBINDING || type == DHCP_RELEASE;
	if (has)
		head.ciaddr = c->address;
	dhcp_build_init(&b, buf, size, &head, &rules);
	dhcp_build_u8(&b, DHCP_OPT_MESSAGE_TYPE, (uint8_t)type);
	if (who % 3 == 0) {
		uint8_t id[7] = {1, 2, 0, 0, 0, head.chaddr[4], head.chaddr[5]};
		dhcp_build_option(&b, DHCP_OPT_CLIENT_IDENTIFIER, span_of(id, sizeof(id)));
	}
	if (c->state == REQUESTING || type == DHCP_DECLINE)
		dhcp_build_u32(&b, DHCP_OPT_REQUESTED_ADDRESS, c->offered);
	if (c->state == REQUESTING || type == DHCP_DECLINE || type == DHCP_RELEASE)
		dhcp_build_u32(&b, DHCP_OPT_SERVER_IDENTIFIER, c->server_id);
	if (type == DHCP_DISCOVER && who % 5 == 0)
		dhcp_build_option(&b, DHCP_OPT_RAPID_COMMIT, none);
	if (c->address && (type == DHCP_DISCOVER || c->state == REBOOTING))
		dhcp_build_u32(&b, DHCP_OPT_REQUESTED_ADDRESS, c->address);
	if (dhcp_build_finish(&b, &message) != OK)
		abort();
	return message.len;
}

/* to: ALL, or a server's address. */
static void say(struct sim *s, uint32_t who, enum dhcp_type type, uint32_t to)
{
	uint8_t buf[400];
	size_t len = write_message(s, who, type, buf, sizeof(buf));
	for (uint32_t i = 0; i < s->servers_n; i++)
		if (to == ALL || to == server_address(&s->servers[i]))
			carry(s,
			      (struct event){.kind = TO_SERVER,
					     .who = i,
					     .unicast = to != ALL,
					     .number = who},
			      span_of(buf, len));
}

static void speak(struct sim *s, uint32_t who)
{
	const struct client *c = &s->clients[who];
	bool discover = c->state == SELECTING;
	say(s, who, discover ? DHCP_DISCOVER : DHCP_REQUEST,
	    c->state == RENEWING ? c->server_id : ALL);
	uint64_t backoff = 4000ull << (c->tries < 4 ? c->tries : 4);
	set_timer(s, who, backoff - 1000 + below(s, 2000));
}

static void begin(struct sim *s, uint32_t who, enum client_state state)
{
	struct client *c = &s->clients[who];
	c->state = state;
	c->xid = (uint32_t)test_random_next(&s->random);
	c->tries = 0;
	c->sent_ms = s->now_ms;
	speak(s, who);
}

static void let_go(struct sim *s, uint32_t who)
{
	struct client *c = &s->clients[who];
	c->held_until_ms = 0;
	c->state = INIT;
}

/* The client ends it of its own will. */
static void give_up(struct sim *s, uint32_t who, uint32_t address)
{
	struct promise *p = &s->promises[address - FIRST];
	if (p->client == who + 1)
		p->given_up = true;
	let_go(s, who);
}

static uint64_t lease_ms(const struct client *c)
{
	return (uint64_t)c->lease_s * 1000;
}

static void hold(struct sim *s, uint32_t who, const struct dhcp_message *m)
{
	struct client *c = &s->clients[who];
	uint32_t at = m->head.yiaddr - FIRST, other = s->holder[at];
	if (dhcp_message_u32(m, DHCP_OPT_LEASE_TIME, &c->lease_s) != OK ||
	    dhcp_message_u32(m, DHCP_OPT_SERVER_IDENTIFIER, &c->server_id) != OK)
		fail(s, "an ACK without a lease");
	bool fresh = c->state == SELECTING || c->state == REQUESTING;
	c->offered = m->head.yiaddr;
	if (fresh && squatted(s, at) && chance(s, 90)) { /* RFC 2131 4.4.1: it is in use */
		say(s, who, DHCP_DECLINE, ALL);
		give_up(s, who, m->head.yiaddr);
		c->address = 0;
		set_timer(s, who, 10000);
		return;
	}
	if (other && other != who + 1 && s->clients[other - 1].address == m->head.yiaddr &&
	    s->clients[other - 1].held_until_ms > s->now_ms)
		fail(s, "clients %u and %u hold address %u", other - 1, who, at);
	s->holder[at] = who + 1;
	c->address = m->head.yiaddr;
	c->held_until_ms = c->sent_ms + lease_ms(c);
	c->state = BOUND;
	set_timer(s, who, lease_ms(c) / 2 - below(s, 1 + lease_ms(c) / 20));
}

static void judge_refusal(struct sim *s, uint32_t who)
{
	const struct promise *p = &s->promises[s->clients[who].address - FIRST];
	if (p->client == who + 1 && !p->given_up && p->until_ms > s->now_ms)
		fail(s, "client %u is refused the lease that it has", who);
}

static void hear(struct sim *s, uint32_t who, struct span bytes)
{
	struct client *c = &s->clients[who];
	static struct dhcp_message m;
	if (dhcp_message_read(bytes, &m) != OK || m.head.xid != c->xid)
		return;
	bool waits = c->state == REQUESTING || c->state == REBOOTING || c->state == RENEWING ||
		     c->state == REBINDING;
	bool rapid = c->state == SELECTING && dhcp_message_has(&m, DHCP_OPT_RAPID_COMMIT);
	if (m.type == DHCP_OFFER && c->state == SELECTING) {
		c->offered = m.head.yiaddr;
		if (dhcp_message_u32(&m, DHCP_OPT_SERVER_IDENTIFIER, &c->server_id) != OK)
			fail(s, "an OFFER of nobody");
		c->state = REQUESTING;
		c->tries = 0;
		c->sent_ms = s->now_ms;
		speak(s, who);
	} else if (m.type == DHCP_ACK && (waits || rapid)) {
		hold(s, who, &m);
	} else if (m.type == DHCP_NAK && waits) {
		if (c->state == RENEWING || c->state == REBINDING)
			judge_refusal(s, who);
		let_go(s, who);
		c->address = 0;
		set_timer(s, who, 1000 + below(s, 1000));
	}
}

/* T1: mostly the client renews; some leave, and some start anew. */
static void at_half(struct sim *s, uint32_t who)
{
	struct client *c = &s->clients[who];
	size_t dice = calm(s) ? 99 : below(s, 100);
	if (dice < 10) {
		say(s, who, DHCP_RELEASE, c->server_id);
		give_up(s, who, c->address);
		c->state = OFF;
		set_timer(s, who, 10000 + below(s, 60000));
	} else if (dice < 20) { /* off without a word; what it had it asks for again */
		c->state = OFF;
		c->held_until_ms = 0;
		set_timer(s, who, 1000 + below(s, 100000));
	} else {
		begin(s, who, RENEWING);
	}
}

static void on_timer(struct sim *s, uint32_t who)
{
	struct client *c = &s->clients[who];
	bool over = c->held_until_ms && s->now_ms >= c->held_until_ms;
	c->tries++;
	switch (c->state) {
	case OFF: begin(s, who, c->address && chance(s, 60) ? REBOOTING : SELECTING); return;
	case INIT: begin(s, who, SELECTING); return;
	case BOUND: at_half(s, who); return;
	case RENEWING:
	case REBINDING:
		if (over) {
			let_go(s, who);
			begin(s, who, SELECTING);
		} else if (c->state == RENEWING && s->now_ms > c->held_until_ms - lease_ms(c) / 8) {
			begin(s, who, REBINDING);
		} else {
			c->xid = (uint32_t)test_random_next(&s->random);
			c->sent_ms = s->now_ms;
			speak(s, who);
		}
		return;
	default:
		if (c->state != SELECTING && c->tries >= 3)
			begin(s, who, SELECTING);
		else
			speak(s, who);
	}
}

/* --- the run --- */

static void serve(struct sim *s, struct server *v, const struct event *e)
{
	const struct dhcp_arrival a = {
		.ifindex = 1, .to = e->unicast ? server_address(v) : ALL, .from_port = 68};
	static const uint8_t stranger[6] = {6, 6, 6, 6, 6, 6};
	switch (e->kind) {
	case TO_SERVER:
		dhcp_engine_receive(v->engine, clock_of(v), &a, span_of(e->bytes, e->len));
		break;
	case RESULT:
		dhcp_engine_stored(v->engine, clock_of(v), e->token, e->result, e->version,
				   span_of(e->bytes, e->len));
		break;
	case FEED: learn(s, v, e->number, span_of(e->bytes, e->len), e->version); break;
	case ANSWER: dhcp_engine_probed(v->engine, clock_of(v), FIRST + e->number, stranger); break;
	default: dhcp_engine_turn(v->engine, clock_of(v));
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
	case JOIN: begin(s, e->who, SELECTING); return;
	case COMMIT:
		if (e->life == v->life)
			commit(s, v);
		return;
	case CRASH: crash(s, v); return;
	case RESTART: start(s, v); return;
	case CUT_OFF: v->cut_off = !v->cut_off && !calm(s) && v->engine; return;
	default:
		if (v->engine && (e->kind == TO_SERVER || e->life == v->life))
			serve(s, v, e);
	}
}

static void judge_end(struct sim *s)
{
	uint32_t without = 0;
	for (uint32_t i = 0; i < s->clients_n; i++)
		without += s->clients[i].held_until_ms <= s->now_ms;
	uint32_t addresses = s->pool_n - (s->squatters ? s->pool_n / 97 + 1 : 0);
	/* Those who join, or come back, in the last seconds are on their way. */
	if (addresses > s->clients_n && without > s->clients_n / 100 + 2)
		fail(s, "%u of %u clients are without an address", without, s->clients_n);
	for (uint32_t i = 0; i < s->servers_n; i++) {
		struct dhcp_counts c;
		if (!s->servers[i].engine)
			continue;
		dhcp_engine_counts(s->servers[i].engine, &c);
		if (c.waiting > 64)
			fail(s, "%llu exchanges are left over", (unsigned long long)c.waiting);
	}
}

static void set_scene(struct sim *s, uint32_t clients, uint32_t servers, unsigned crashes)
{
	s->clients_n = clients;
	s->servers_n = servers;
	s->loss = (unsigned)below(s, 25);
	s->repeats = (unsigned)below(s, 10);
	s->delay_ms = 20 + (unsigned)below(s, 3000);
	s->squatters = chance(s, 50);
	s->pool_n = chance(s, 30) ? clients - clients / 10 : clients + clients / 5 + 4;
	uint64_t troubled_ms = clients == CLIENTS_MAX ? 500000 : 900000;
	s->end_ms = START + CALM_MS + troubled_ms;
	s->site = site_fake_new();
	s->site->lease_s = clients < 1000 && chance(s, 40) ? 60 : 600;
	struct dhcp_network *n = site_fake_network(s->site, SUBNET, 16);
	n->probe = chance(s, 50);
	n->rapid_commit = chance(s, 50);
	n->offer_s = 30;
	n->decline_s = 120;
	site_fake_pool(s->site, n, FIRST, FIRST + s->pool_n - 1,
		       chance(s, 50) ? DHCP_AUTOMATIC : DHCP_DYNAMIC);
	for (uint32_t i = 0; i < servers; i++) {
		s->servers[i] = (struct server){.sim = s, .number = i};
		s->servers[i].skew_ms = (int64_t)below(s, 1800) - 900;
		start(s, &s->servers[i]);
	}
	for (uint32_t i = 0; i < clients; i++)
		schedule(s,
			 (struct event){.at_ms = START + below(s, 60000), .kind = JOIN, .who = i},
			 none);
	for (unsigned i = 0; i < crashes; i++) {
		struct event e = {.at_ms = START + below(s, troubled_ms),
				  .kind = CRASH,
				  .who = (uint32_t)below(s, servers)};
		schedule(s, e, none);
		e.at_ms = START + below(s, troubled_ms);
		e.kind = CUT_OFF;
		schedule(s, e, none);
	}
}

static void clean_up(struct sim *s)
{
	while (s->heap_n)
		free(s->heap[--s->heap_n]);
	for (uint32_t i = 0; i < s->servers_n; i++) {
		while (s->servers[i].queue_n)
			free(s->servers[i].queue[--s->servers[i].queue_n]);
		dhcp_engine_free(s->servers[i].engine);
	}
	dhcp_site_unref(s->site);
	free(s->heap);
}

static bool run(uint64_t seed, uint32_t clients, uint32_t servers, unsigned crashes)
{
	struct sim *s = calloc(1, sizeof(*s));
	s->heap = malloc(EVENTS_MAX * sizeof(struct event *));
	s->seed = seed;
	s->now_ms = START;
	s->random.state = seed * 1000003 + servers;
	set_scene(s, clients, servers, crashes);
	while (s->heap_n && !s->failed) {
		struct event *e = take(s);
		if (e->at_ms > s->end_ms) {
			free(e);
			break;
		}
		s->now_ms = e->at_ms;
		happen(s, e);
		free(e);
	}
	if (!s->failed)
		judge_end(s);
	bool ok = !s->failed;
	printf("seed %llu: %u clients, %u servers, %u addresses, loss %u%%: %llu ACKs (%llu from "
	       "memory), %llu NAKs, %llu conflicts, %llu crashes%s\n",
	       (unsigned long long)seed, clients, servers, s->pool_n, s->loss,
	       (unsigned long long)s->acks, (unsigned long long)s->from_memory,
	       (unsigned long long)s->naks, (unsigned long long)s->conflicts,
	       (unsigned long long)s->crashes, ok ? "" : ": FAILED");
	clean_up(s);
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
			    argc > 2 ? number(argv[2], CLIENTS_MAX) : 200,
			    argc > 3 ? number(argv[3], SERVERS_MAX) : 1, 20);
	bool ok = run(1, CLIENTS_MAX, 1, 10);
	ok = run(2, CLIENTS_MAX, 2, 10) && ok;
	for (uint64_t seed = 100; seed < 120; seed++)
		ok = run(seed, 200, 1 + seed % 2, 20) && ok;
	return !ok;
}
