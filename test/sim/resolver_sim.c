/* why-long: one simulator, to be read from top to bottom.
 *
 * The resolver's engine on a made-up internet (world.h) with a virtual clock: latency, loss,
 *duplicates, reordering, forged answers, servers that misbehave. One seed makes one run, always the
 *same.
 *
 *	resolver_sim			the seeds of the test suite; SIM_SEEDS: as many
 *	resolver_sim SEED [COUNT]	these; a single one is told step by step
 *
 * Fails when an answer is wrong, when anything forged or out of its bailiwick comes back, when a
 *client is left without an answer, when one question costs more than its limit, or when something
 *is left over at the end. */
#include "proto/dns/message.h"
#include "proto/dns/rdata.h"
#include "proto/ip/prefix.h"
#include "service/resolver/hints.h"
#include "service/resolver/walk.h"
#include "test/sim/world.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define SEEDS_DEFAULT	200
#define EVENTS_MAX	8192
#define QUESTIONS_MAX	400
#define ASKS_MAX	4096
#define CACHE_BYTES	(1u << 20)
#define ANSWER_BY_US	(WALK_TIME_US + 500000u)
#define ANSWER_QUIET_US 7000000u /* where all servers are good and nothing is lost */

struct event {
	uint64_t at_us, order;
	enum { EVENT_REPLY, EVENT_FAILED, EVENT_QUESTION } kind;
	struct ask_ref ref;
	struct ip_endpoint from;
	uint16_t len;
	uint8_t *bytes; /* owned */
	int question;
};

struct question {
	struct dns_name name;
	uint16_t type;
	uint64_t asked_us;
	int answers;
	bool do_bit;
};

struct sim {
	uint64_t seed, now_us, order;
	struct test_random random;
	struct world world;
	struct cache *cache;
	struct engine *engine;
	struct engine_rules rules;
	struct delegation roots;
	struct ip_prefix access[1];
	unsigned loss, duplicates, forgeries; /* percent */
	struct event *heap[EVENTS_MAX];
	int heap_n;
	struct question questions[QUESTIONS_MAX];
	int questions_n;
	uint32_t open[ASKS_MAX]; /* by slot: serial of the question that is out, 0: none */
	uint64_t asks,
		fan_asks; /* fan: of servers that the evil one has named, and that do not exist */
	unsigned fan_questions;
	unsigned servfails, rights;
	bool told; /* step by step */
	bool failed;
};

static uint8_t buffer[65535];

__attribute__((format(printf, 2, 3))) static void fail(struct sim *s, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	printf("seed %llu at %.3f s: ", (unsigned long long)s->seed, (double)s->now_us / 1e6);
	vprintf(format, args);
	printf("\n");
	va_end(args);
	s->failed = true;
}

__attribute__((format(printf, 2, 3))) static void tell(struct sim *s, const char *format, ...)
{
	va_list args;
	if (!s->told)
		return;
	va_start(args, format);
	printf("%9.3f ", (double)s->now_us / 1e6);
	vprintf(format, args);
	printf("\n");
	va_end(args);
}

static const char *text_of(const struct dns_name *name)
{
	static char text[4][DNS_NAME_TEXT_MAX];
	static int at;
	at = (at + 1) % 4;
	return dns_name_format(name, text[at]);
}

static bool chance(struct sim *s, unsigned percent)
{
	return test_random_below(&s->random, 100) < percent;
}

/* --- events: a binary heap
 * ------------------------------------------------------------------------- */

static bool before(const struct event *a, const struct event *b)
{
	return a->at_us < b->at_us || (a->at_us == b->at_us && a->order < b->order);
}

static void swap(struct sim *s, int a, int b)
{
	struct event *t = s->heap[a];
	s->heap[a] = s->heap[b];
	s->heap[b] = t;
}

static void schedule(struct sim *s, const struct event *what, struct span bytes)
{
	if (s->heap_n == EVENTS_MAX) {
		fail(s, "more events than the simulator holds");
		return;
	}
	struct event *e = malloc(sizeof(*e));
	*e = *what;
	e->order = ++s->order;
	e->len = (uint16_t)bytes.len;
	e->bytes = malloc(bytes.len + 1);
	if (bytes.len)
		memcpy(e->bytes, bytes.data, bytes.len);
	s->heap[s->heap_n] = e;
	for (int i = s->heap_n++; i && before(s->heap[i], s->heap[(i - 1) / 2]); i = (i - 1) / 2)
		swap(s, i, (i - 1) / 2);
}

static struct event *take(struct sim *s)
{
	struct event *first = s->heap[0];
	s->heap[0] = s->heap[--s->heap_n];
	for (int i = 0;;) {
		int least = i, left = 2 * i + 1;
		for (int c = left; c < left + 2; c++)
			if (c < s->heap_n && before(s->heap[c], s->heap[least]))
				least = c;
		if (least == i)
			return first;
		swap(s, i, least);
		i = least;
	}
}

/* --- the network
 * ------------------------------------------------------------------------------------ */

static void send_reply(struct sim *s, const struct event *e, struct span bytes)
{
	if (chance(s, s->loss))
		return;
	schedule(s, e, bytes);
	if (!chance(s, s->duplicates))
		return;
	struct event again = *e;
	again.at_us += test_random_below(&s->random, 400000);
	schedule(s, &again, bytes);
}

/* What somebody who sees nothing can send: a wrong id, another question, another sender. */
static void forge(struct sim *s, struct event e, struct span question)
{
	struct dns_message m;
	struct dns_build b;
	uint8_t room[512];
	if (dns_message_read(question, &m) != OK)
		return;
	for (unsigned i = 0; i < 3; i++) {
		bool id = i == 0, sender = i == 1;
		struct dns_name other;
		dns_build_init(
			&b, room, sizeof(room),
			id ? (uint16_t)(m.header.id + 1 + test_random_below(&s->random, 65534))
			   : m.header.id,
			DNS_FLAG_QR | DNS_FLAG_AA);
		if (id || sender)
			dns_build_question_echo(&b, m.question.wire);
		else if (dns_name_prepend_label(span_text("x"), &m.question.name, &other) == OK)
			dns_build_question(&b, dns_name_span(&other), m.question.type, 1);
		(void)!dns_build_record(&b, DNS_ANSWER, dns_name_span(&m.question.name), DNS_TYPE_A,
					DNS_CLASS_IN, 86400, span_of(world_poison, 4));
		if (sender)
			e.from.address.bytes[3] ^= 1;
		e.at_us = s->now_us + test_random_below(&s->random, 3000);
		schedule(s, &e, dns_build_finish(&b));
		if (sender)
			e.from.address.bytes[3] ^= 1;
	}
}

static void count_ask(struct sim *s, const struct ip_endpoint *to, struct span message)
{
	struct dns_message m;
	s->asks++;
	if (world_is_poison(ip_address_span(&to->address)))
		fail(s, "a forged address was asked");
	if (dns_message_read(message, &m) != OK || !m.has_question)
		fail(s, "a question that is none");
	else if (m.question.name.len > 3 && m.question.name.wire[1] == 'n' &&
		 m.question.name.wire[2] == 'x')
		s->fan_asks++;
	if (m.has_question)
		tell(s, "    ask %s type %u of 203.0.%u.%u", text_of(&m.question.name),
		     m.question.type, to->address.bytes[2], to->address.bytes[3]);
}

static void ask(void *ctx, struct ask_ref ref, enum engine_transport transport,
		const struct ip_endpoint *to, const struct ip_address *source, struct span message)
{
	struct sim *s = ctx;
	bool tcp = transport == ENGINE_TCP;
	int at = world_server_at(&s->world, to);
	(void)source;
	count_ask(s, to, message);
	s->open[ref.slot] = ref.serial;
	struct event e = {.kind = EVENT_REPLY, .ref = ref, .from = *to};
	if (!tcp && chance(s, s->forgeries))
		forge(s, e, message);
	if (at < 0)
		return; /* nobody is there */
	const struct world_server *server = &s->world.servers[at];
	uint64_t trips = tcp ? 2 : 1;
	e.at_us = s->now_us + trips * server->rtt_us +
		  test_random_below(&s->random, server->rtt_us / 4 + 1);
	if (server->manner == SERVER_UNREACHABLE) {
		e.kind = EVENT_FAILED;
		schedule(s, &e, (struct span){0});
		return;
	}
	if (!tcp && chance(s, s->loss))
		return;
	size_t len = world_answer(&s->world, at, message, tcp, buffer, sizeof(buffer));
	if (len == 0)
		return;
	if (tcp)
		schedule(s, &e, span_of(buffer, len));
	else
		send_reply(s, &e, span_of(buffer, len));
}

static void forget(void *ctx, struct ask_ref ref)
{
	struct sim *s = ctx;
	if (s->open[ref.slot] != ref.serial)
		fail(s, "a question was forgotten that is not out");
	s->open[ref.slot] = 0;
}

/* --- clients
 * ----------------------------------------------------------------------------------------- */

static bool is_evil(const struct dns_name *name)
{
	struct dns_name evil;
	return dns_name_from_text(span_text("evil.t0."), NULL, &evil) == OK &&
	       dns_name_is_under(name, &evil);
}

/* The aliases may lead to where the evil one has its say, whose word on itself is as good as any.
 */
static bool is_through_evil(const struct sim *s, const struct question *q)
{
	struct dns_name name = q->name;
	for (int i = 0; i < 20; i++) {
		struct world_truth t;
		if (is_evil(&name))
			return true;
		world_truth(&s->world, &name, DNS_TYPE_CNAME, &t);
		if (is_evil(&t.final))
			return true;
		if (t.made) {
			name = t.alias;
			continue;
		}
		if (t.records_n == 0 ||
		    dns_name_from_wire(span_of(t.records[0]->rdata, t.records[0]->len), &name) !=
			    OK)
			return false;
	}
	return false;
}

static bool has_rdata(const struct world_truth *t, struct span rdata)
{
	if (t->made)
		return dns_name_equal_nocase(rdata, dns_name_span(&t->alias));
	for (int i = 0; i < t->records_n; i++)
		if (dns_name_equal_nocase(rdata,
					  span_of(t->records[i]->rdata, t->records[i]->len)) ||
		    span_equal(rdata, span_of(t->records[i]->rdata, t->records[i]->len)))
			return true;
	return false;
}

/* A server that denies names which only hold others was believed; so RFC 8020 has it. */
static bool is_denied(const struct sim *s, const struct dns_name *name)
{
	bool liar = false, c = false;
	for (int i = 0; i < s->world.servers_n; i++)
		liar |= s->world.servers[i].manner == SERVER_NO_DENIAL;
	for (struct span up = dns_name_span(name); up.len > 1; up = dns_name_parent_span(up))
		c |= up.data[0] == 1 && up.data[1] == 'c';
	return liar && c;
}

/* Records of the type at the end of the aliases: each must be true, and all that are true must be
 * there. */
static void check_records(struct sim *s, const struct question *q, const struct dns_message *m,
			  const struct world_truth *t)
{
	struct dns_record_iter it = dns_record_iter_section(m, DNS_ANSWER);
	struct dns_record rec;
	int right = 0;
	while (dns_record_next(m, &it, &rec)) {
		uint8_t room[512];
		struct writer plain = writer_of(room, sizeof(room));
		struct reader rdata = dns_record_reader(&rec);
		if (dns_rdata_from_wire(rec.type, &rdata, dns_message_reader(m), &plain) != OK) {
			fail(s, "%s: torn rdata", text_of(&q->name));
			return;
		}
		if (rec.ttl > 86400)
			fail(s, "%s: a TTL of %u", text_of(&q->name), (unsigned)rec.ttl);
		if (rec.type != q->type || !dns_name_equal(&rec.owner, &t->final))
			continue;
		right++;
		if (!has_rdata(t, writer_span(&plain)))
			fail(s, "%s: an answer that nobody gave", text_of(&q->name));
	}
	if (right != (t->made ? 1 : t->records_n))
		fail(s, "%s type %u: %d records, should be %d", text_of(&q->name), q->type, right,
		     t->records_n);
}

static void check_poison(struct sim *s, const struct question *q, const struct dns_message *m)
{
	struct dns_record_iter it = dns_record_iter_all(m);
	struct dns_record rec;
	while (dns_record_next(m, &it, &rec))
		if (rec.type == DNS_TYPE_A && world_is_poison(rec.rdata) && !is_evil(&rec.owner))
			fail(s, "%s: poisoned", text_of(&q->name));
}

static void check_answer(struct sim *s, const struct question *q, const struct dns_message *m)
{
	struct world_truth t;
	unsigned rcode = dns_message_rcode(m);
	check_poison(s, q, m);
	world_truth(&s->world, &q->name, q->type, &t);
	bool excused = t.loops || t.through_broken || is_through_evil(s, q);
	if (rcode == DNS_RCODE_SERVFAIL) {
		s->servfails++;
		if (s->world.all_good && s->loss == 0 && !excused)
			fail(s, "%s type %u: SERVFAIL, and all is well", text_of(&q->name),
			     q->type);
		return;
	}
	if (is_through_evil(s, q))
		return;
	if (t.loops) {
		fail(s, "%s: an answer where aliases never end", text_of(&q->name));
		return;
	}
	if (rcode == DNS_RCODE_NXDOMAIN && t.rcode == DNS_RCODE_NOERROR && is_denied(s, &t.final))
		return;
	if (rcode != t.rcode) {
		fail(s, "%s type %u: rcode %u, should be %u", text_of(&q->name), q->type, rcode,
		     t.rcode);
		return;
	}
	s->rights++;
	check_records(s, q, m, &t);
}

static void answered(struct sim *s, int question, struct span message)
{
	struct question *q = &s->questions[question];
	struct dns_message m;
	if (++q->answers > 1)
		fail(s, "%s: answered twice", text_of(&q->name));
	if (dns_message_read(message, &m) != OK || !m.has_question ||
	    m.header.id != (uint16_t)question || m.question.type != q->type ||
	    !dns_name_equal(&m.question.name, &q->name)) {
		fail(s, "%s: an answer to something else", text_of(&q->name));
		return;
	}
	tell(s, "answer to %s type %u: rcode %u, %u records", text_of(&q->name), q->type,
	     dns_message_rcode(&m), m.header.ancount);
	if (m.header.flags & DNS_FLAG_TC)
		fail(s, "%s: truncated", text_of(&q->name));
	check_answer(s, q, &m);
	/* Who waits for himself waits to the very end. */
	bool quiet = s->world.all_good && s->loss == 0;
	if (s->now_us > q->asked_us + (quiet ? ANSWER_QUIET_US : ANSWER_BY_US))
		fail(s, "%s: answered after %.1f s", text_of(&q->name),
		     (double)(s->now_us - q->asked_us) / 1e6);
}

static void answer(void *ctx, const struct asker *to, struct span message)
{
	answered(ctx, (int)to->token, message);
}

static bool is_fan(const struct dns_name *name)
{
	struct dns_name fan;
	return dns_name_from_text(span_text("fan.evil.t0."), NULL, &fan) == OK &&
	       dns_name_is_under(name, &fan);
}

static void put_question(struct sim *s, int number)
{
	struct question *q = &s->questions[number];
	uint8_t room[512], out[65535];
	struct dns_build b;
	struct asker from = {.token = (uint64_t)number, .transport = ENGINE_TCP};
	from.peer.address = ip_address_v4(127, 0, 0, 1);
	from.peer.port = 4242;
	q->asked_us = s->now_us;
	s->fan_questions += is_fan(&q->name);
	tell(s, "question %s type %u", text_of(&q->name), q->type);
	dns_build_init(&b, room, sizeof(room), (uint16_t)number, DNS_FLAG_RD);
	dns_build_question(&b, dns_name_span(&q->name), q->type, DNS_CLASS_IN);
	if (q->do_bit)
		dns_build_opt(&b, 1232, 0, true, (struct span){0});
	size_t len =
		engine_query(s->engine, s->now_us, &from, dns_build_finish(&b), out, sizeof(out));
	if (len)
		answered(s, number, span_of(out, len));
}

/* --- one run
 * ------------------------------------------------------------------------------------------ */

static void set_up(struct sim *s)
{
	static const enum minimise modes[] = {MINIMISE_ON, MINIMISE_OFF, MINIMISE_ON};
	struct engine_effects effects = {.ctx = s, .answer = answer, .ask = ask, .forget = forget};
	uint8_t seed[32];
	unsigned trouble = chance(s, 40) ? 0 : (unsigned)test_random_below(&s->random, 90);
	bool quiet = chance(s, 50);
	s->loss = quiet ? 0 : (unsigned)test_random_below(&s->random, 25);
	s->duplicates = quiet ? 0 : 20;
	s->forgeries = chance(s, 50) ? 30 : 0;
	s->world.random.state = test_random_next(&s->random);
	world_make(&s->world, trouble);
	s->access[0] = (struct ip_prefix){.address = ip_address_v4(0, 0, 0, 0)};
	delegation_init(&s->roots, &DNS_NAME_ROOT, DELEGATION_ITERATIVE);
	for (int i = 0; i < 2; i++)
		delegation_add_address(&s->roots, DELEGATION_NAME_NONE, &s->world.servers[i].at);
	s->rules = (struct engine_rules){.roots = &s->roots,
					 .access = s->access,
					 .access_n = 1,
					 .minimise = modes[test_random_below(&s->random, 3)],
					 .prime = chance(s, 50),
					 .full_answers = chance(s, 30),
					 .special_names = true,
					 .upstream = {.ipv4 = true, .ipv6 = chance(s, 50)},
					 .ttl_max_s = 86400,
					 .negative_max_s = 3600,
					 .edns_size = 1232,
					 .upstream_port = 53};
	if (trouble == 0 && chance(s, 20))
		s->rules.minimise = MINIMISE_STRICT;
	test_random_fill(&s->random, seed, sizeof(seed));
	if (cache_new(CACHE_BYTES, seed, &s->cache) != OK ||
	    engine_new(&s->rules, s->cache, 256, seed, &effects, &s->engine) != OK)
		abort();
}

static void plan_questions(struct sim *s)
{
	static const uint16_t types[] = {DNS_TYPE_A,  DNS_TYPE_A,   DNS_TYPE_AAAA,
					 DNS_TYPE_NS, DNS_TYPE_SOA, DNS_TYPE_CNAME};
	s->questions_n = 40 + (int)test_random_below(&s->random, 80);
	uint64_t at_us = s->now_us, step_us = chance(s, 50) ? 4000000 : 60000;
	for (int i = 0; i < s->questions_n; i++) {
		struct question *q = &s->questions[i];
		q->name = s->world.names[test_random_below(&s->random, (size_t)s->world.names_n)];
		q->type = types[test_random_below(&s->random, 6)];
		q->do_bit = chance(s, 30);
		at_us += test_random_below(&s->random, step_us);
		schedule(s, &(struct event){.kind = EVENT_QUESTION, .question = i, .at_us = at_us},
			 (struct span){0});
	}
}

static void happen(struct sim *s, struct event *e)
{
	bool out = e->kind == EVENT_QUESTION || s->open[e->ref.slot] == e->ref.serial;
	uint64_t asks = s->asks;
	switch (e->kind) {
	case EVENT_QUESTION: put_question(s, e->question); break;
	case EVENT_REPLY:
		/* A closed socket gets nothing, but late answers are tried on the engine all the
		 * same. */
		if (out || chance(s, 20))
			(void)engine_receive(s->engine, s->now_us, e->ref, &e->from,
					     span_of(e->bytes, e->len));
		break;
	case EVENT_FAILED: engine_ask_failed(s->engine, s->now_us, e->ref, true); break;
	}
	if (s->asks > asks + 40)
		fail(s, "one event made %u questions", (unsigned)(s->asks - asks));
	free(e->bytes);
	free(e);
}

static void run_events(struct sim *s)
{
	for (unsigned turns = 0; turns < 200000 && !s->failed; turns++) {
		uint64_t next_us = engine_next_us(s->engine);
		bool event = s->heap_n && s->heap[0]->at_us <= next_us;
		if (!event && next_us == UINT64_MAX)
			return;
		uint64_t then_us = event ? s->heap[0]->at_us : next_us;
		if (then_us > s->now_us)
			s->now_us = then_us;
		if (event)
			happen(s, take(s));
		else
			engine_tick(s->engine, s->now_us);
	}
	if (!s->failed)
		fail(s, "it does not come to an end");
}

static void check_end(struct sim *s)
{
	const struct engine *e = s->engine;
	struct cache_stats cache;
	unsigned unanswered = 0;
	for (int i = 0; i < s->questions_n; i++)
		unanswered += s->questions[i].answers == 0;
	if (unanswered)
		fail(s, "%u clients got no answer", unanswered);
	if (e->stats.walks_now || slab_used(&e->walks) || slab_used(&e->waiters) ||
	    slab_used(&e->interests) || slab_used(&e->links))
		fail(s, "left over: %u walks, %u waiters, %u interests, %u links",
		     (unsigned)slab_used(&e->walks), (unsigned)slab_used(&e->waiters),
		     (unsigned)slab_used(&e->interests), (unsigned)slab_used(&e->links));
	/* Each question pays for itself and what it starts; priming walks pay for themselves. */
	if (s->asks > (uint64_t)(s->questions_n + 60) * WALK_ASKS_MAX)
		fail(s, "%u questions to servers for %d of clients", (unsigned)s->asks,
		     s->questions_n);
	/* NXNSAttack: one question of a client must not become thirty for a victim. */
	if (s->world.all_good && s->loss == 0 && s->fan_asks > s->fan_questions * WALK_LOOKUPS_MAX)
		fail(s, "%u questions for servers that do not exist, after %u of clients",
		     (unsigned)s->fan_asks, s->fan_questions);
	cache_stats(s->cache, &cache);
	if (cache.bytes > CACHE_BYTES)
		fail(s, "the cache holds %u bytes", (unsigned)cache.bytes);
}

static bool run(uint64_t seed, bool told, unsigned *rights, unsigned *servfails)
{
	struct sim *s = calloc(1, sizeof(*s));
	if (!s)
		abort();
	s->seed = seed;
	s->told = told;
	s->random.state = seed * 0x9e3779b97f4a7c15ull + 1;
	s->now_us = 1000000 + test_random_below(&s->random, 1000000000);
	set_up(s);
	plan_questions(s);
	run_events(s);
	if (!s->failed)
		check_end(s);
	while (s->heap_n) {
		struct event *e = take(s);
		free(e->bytes);
		free(e);
	}
	*rights += s->rights;
	*servfails += s->servfails;
	bool failed = s->failed;
	engine_free(s->engine);
	cache_free(s->cache);
	free(s);
	return !failed;
}

int main(int argc, char **argv)
{
	const char *seeds = getenv("SIM_SEEDS");
	uint64_t suite = seeds ? strtoull(seeds, NULL, 10) : SEEDS_DEFAULT;
	uint64_t first = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
	uint64_t count = argc > 2 ? strtoull(argv[2], NULL, 10) : argc > 1 ? 1 : suite;
	unsigned failures = 0, rights = 0, servfails = 0;
	for (uint64_t seed = first; seed < first + count; seed++)
		failures += !run(seed, count == 1, &rights, &servfails);
	printf("%llu seeds: %u answers were right, %u SERVFAIL, %u seeds failed\n",
	       (unsigned long long)count, rights, servfails, failures);
	return failures ? 1 : 0;
}
