#include "proto/dns/type.h"
#include "service/resolver/walk.h"

#define QUESTION_MAX 512u
#define NO_FAMILY_MS 10000u

struct server *walk_ask_server(struct walk *w)
{
	struct engine *e = w->engine;
	return servers_get(&e->servers, &w->ask.at, engine_now_ms(e));
}

static struct delegation_address *address_of(struct walk *w)
{
	return &w->cut.addresses[w->ask.address];
}

void walk_ask_end(struct walk *w)
{
	struct engine *e = w->engine;
	if (!w->ask.active)
		return;
	w->ask.active = false;
	e->effects.forget(e->effects.ctx, (struct ask_ref){w->slot, w->ask.serial});
}

/* Everyone who started this walk, or who started that one, pays. */
static bool charge(struct walk *w)
{
	bool within = true;
	for (struct walk *p = w; p; p = p->starter)
		within &= p->asks++ < WALK_ASKS_MAX;
	return within;
}

static bool is_known_not_to_be_cut(struct walk *w, const struct dns_name *part)
{
	struct engine *e = w->engine;
	static const uint8_t kinds[2] = {CACHE_NODATA, CACHE_RRSET};
	for (size_t i = 0; i < 2; i++) {
		struct cache_key key = {dns_name_span(part), DNS_TYPE_A, kinds[i]};
		uint8_t rank = 0;
		/* Glue says nothing of where the zone ends. */
		if (cache_has(e->cache, &key, engine_now_ms(e), &rank) &&
		    (kinds[i] == CACHE_NODATA || rank >= CACHE_RANK_ANSWER))
			return true;
	}
	return false;
}

/* What to show to the servers of this zone: RFC 9156 2.3. */
static void choose_name(struct walk *w)
{
	struct ask *ask = &w->ask;
	unsigned labels = dns_name_labels(&w->sname);
	ask->name = w->sname;
	ask->type = w->stype;
	if (w->cut.kind == DELEGATION_FORWARD)
		return;
	for (;;) {
		unsigned n = minimise_next(&w->minimise, labels);
		if (n >= labels)
			break;
		dns_name_suffix(&w->sname, n, &ask->name);
		ask->type = DNS_TYPE_A; /* RFC 9156 2.1: a type that everybody asks for */
		if (!is_known_not_to_be_cut(w, &ask->name))
			return;
		minimise_passed(&w->minimise, n);
	}
	ask->name = w->sname;
	ask->type = w->stype;
}

static const struct ip_address *choose_source(struct engine *e, uint8_t family)
{
	const struct engine_rules *rules = e->rules;
	size_t n = 0, at;
	for (size_t i = 0; i < rules->outgoing_n; i++)
		n += rules->outgoing[i].family == family;
	if (n == 0)
		return NULL;
	at = engine_random(e) % n;
	for (size_t i = 0;; i++)
		if (rules->outgoing[i].family == family && at-- == 0)
			return &rules->outgoing[i];
}

static void write_options(struct walk *w, const struct server *s, struct writer *options)
{
	uint8_t client[DNS_COOKIE_CLIENT_LEN];
	servers_client_cookie(&w->engine->servers, &w->ask.at, client);
	dns_edns_write_cookie(options, client, span_of(s->cookie, s->cookie_len));
}

/* Sends the question that w->ask describes to the address in it. */
static void send_question(struct walk *w)
{
	struct engine *e = w->engine;
	struct ask *ask = &w->ask;
	struct server *s = walk_ask_server(w);
	uint8_t room[QUESTION_MAX], option_room[DNS_OPTION_LEN(DNS_COOKIE_MAX)];
	struct writer options = writer_of(option_room, sizeof(option_room));
	struct dns_build b;
	uint16_t flags = w->cut.kind == DELEGATION_FORWARD ? DNS_FLAG_RD : 0;
	ask->id = (uint16_t)engine_random(e);
	ask->edns = server_takes_edns(s, engine_now_ms(e)) && !ask->plain_next;
	ask->transport = ask->tcp_next ? ENGINE_TCP : ENGINE_UDP;
	ask->cookie = ask->edns && s->cookie_len > 0;
	dns_build_init(&b, room, sizeof(room), ask->id, flags);
	dns_build_question(&b, dns_name_span(&ask->name), ask->type, DNS_CLASS_IN);
	if (ask->edns) {
		write_options(w, s, &options);
		dns_build_opt(&b, e->rules->edns_size, 0, true, writer_span(&options));
	}
	ask->active = true;
	ask->serial = ++e->serial;
	ask->mismatches = 0;
	ask->sent_us = e->now_us;
	w->state = WALK_ASKING;
	e->stats.asks++;
	e->stats.asks_tcp += ask->transport == ENGINE_TCP;
	walk_timer(w);
	e->effects.ask(e->effects.ctx, (struct ask_ref){w->slot, ask->serial}, ask->transport,
		       &ask->at, choose_source(e, ask->at.address.family), dns_build_finish(&b));
}

bool walk_ask_settle(struct walk *w)
{
	bool found = false;
	if (w->cut_settled)
		return false;
	for (uint8_t i = 0; i < w->cut.addresses_n; i++) {
		if (!w->cut.addresses[i].recursive)
			continue;
		w->cut.addresses[i].bad = false;
		found = true;
	}
	w->cut_settled = found;
	return found;
}

static void wait_or_fail(struct walk *w)
{
	if (walk_cut_look_up(w) || w->lookups_now) {
		w->state = WALK_WAITING;
		walk_timer(w); /* no question is out: only the walk's own end is left */
		return;
	}
	if (walk_cut_widen(w) || walk_ask_settle(w) || walk_cut_retry(w)) {
		w->state = WALK_READY;
		engine_ready(w);
		return;
	}
	walk_fail(w, DNS_EDE_NO_REACHABLE_AUTHORITY);
}

/* A family over which nothing could be sent a moment ago is only asked when the other has no
 * servers left. */
static struct delegation_address *choose_address(struct walk *w)
{
	struct engine *e = w->engine;
	uint64_t now_ms = engine_now_ms(e);
	struct delegation_rules rules = e->rules->upstream;
	for (uint8_t i = 0; w->cut_settled && i < w->cut.addresses_n; i++) {
		struct delegation_address *a = &w->cut.addresses[i];
		if (a->recursive && !a->bad && a->tries < DELEGATION_TRIES_MAX)
			return a;
	}
	rules.ipv4 &= e->no_ipv4_until_ms <= now_ms;
	rules.ipv6 &= e->no_ipv6_until_ms <= now_ms;
	struct delegation_address *a = delegation_choose(&w->cut, &e->servers, &rules, w->zone_hash,
							 now_ms, engine_random(e));
	return a ? a
		 : delegation_choose(&w->cut, &e->servers, &e->rules->upstream, w->zone_hash,
				     now_ms, engine_random(e));
}

void walk_ask(struct walk *w)
{
	struct ask *ask = &w->ask;
	struct delegation_address *a;
	bool same = ask->tcp_next || ask->plain_next;
	if (same) {
		a = address_of(w);
	} else {
		choose_name(w);
		a = choose_address(w);
		/* The silent are not waited for twice while somebody has an answer. */
		if (a && a->tries && ask->vain && walk_ask_settle(w))
			a = choose_address(w);
	}
	if (!a) {
		wait_or_fail(w);
		return;
	}
	if (!charge(w)) {
		walk_fail(w, DNS_EDE_OTHER);
		return;
	}
	a->tries++;
	ask->at = a->at;
	ask->address = (uint8_t)(a - w->cut.addresses);
	send_question(w);
	ask->tcp_next = ask->plain_next = false;
}

void walk_ask_timeout(struct walk *w)
{
	struct engine *e = w->engine;
	struct server *s = walk_ask_server(w);
	uint64_t wait_us = w->ask.transport == ENGINE_TCP ? WALK_TCP_US : s->rto_us;
	if (w->ask.sent_us + wait_us > e->now_us) { /* the wheel is coarser than we are */
		walk_timer(w);
		return;
	}
	e->stats.timeouts++;
	server_timed_out(s, engine_now_ms(e));
	walk_trace_silence(w, TRACE_TIMEOUT, true);
	w->ask.vain++;
	walk_ask_end(w);
	w->state = WALK_READY;
	engine_ready(w);
}

void walk_ask_unreachable(struct walk *w, bool sent)
{
	struct engine *e = w->engine;
	if (!sent && w->ask.at.address.family == 4)
		e->no_ipv4_until_ms = engine_now_ms(e) + NO_FAMILY_MS;
	else if (!sent)
		e->no_ipv6_until_ms = engine_now_ms(e) + NO_FAMILY_MS;
	server_unreachable(walk_ask_server(w), engine_now_ms(e));
	address_of(w)->bad = true;
	walk_trace_silence(w, TRACE_UNREACHABLE, sent);
	w->ask.vain++;
	walk_ask_end(w);
	w->state = WALK_READY;
	engine_ready(w);
}
