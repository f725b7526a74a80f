#include "service/resolver/engine.h"

#include "proto/dns/type.h"
#include "proto/ip/prefix.h"
#include "service/resolver/walk.h"

#include <stdlib.h>

#define ROOM_FOR_WAITERS 2u /* for each walk */
#define ROOM_FOR_LINKS	 4u /* one in this many walks may be at an alias */
#define LEAP_US		 30000000

static size_t power_of_two_from(size_t n)
{
	size_t p = 16;
	while (p < n)
		p *= 2;
	return p;
}

static enum err tables_new(struct engine *e, size_t walks_max)
{
	e->slots_n = (uint32_t)walks_max;
	e->buckets_n = power_of_two_from(walks_max);
	e->slots = calloc(walks_max, sizeof(struct walk *));
	e->free_slots = calloc(walks_max, sizeof(*e->free_slots));
	e->buckets = calloc(e->buckets_n, sizeof(struct walk *));
	if (!e->slots || !e->free_slots || !e->buckets)
		return ENOMEM;
	for (uint32_t i = 0; i < e->slots_n; i++)
		e->free_slots[e->free_n++] = e->slots_n - 1 - i;
	return OK;
}

enum err engine_new(const struct engine_rules *rules, struct cache *cache, size_t walks_max,
		    const uint8_t seed[32], const struct engine_effects *effects,
		    struct engine **ret)
{
	struct engine *e = calloc(1, sizeof(*e));
	if (!e)
		return ENOMEM;
	e->rules = rules;
	e->cache = cache;
	e->effects = *effects;
	memcpy(e->seed, seed, sizeof(e->seed)); /* the caller's entropy */
	e->hash_key = hash_key_of(seed + 16);
	slab_init(&e->walks, sizeof(struct walk), walks_max);
	slab_init(&e->waiters, sizeof(struct waiter), walks_max * ROOM_FOR_WAITERS);
	slab_init(&e->interests, sizeof(struct interest), walks_max * ROOM_FOR_WAITERS);
	slab_init(&e->links, WALK_LINKS_BYTES, walks_max / ROOM_FOR_LINKS + 1);
	wheel_init(&e->wheel, 0);
	enum err err = servers_init(&e->servers, ENGINE_SERVERS, seed + 16);
	if (!err)
		err = tables_new(e, walks_max);
	if (err) {
		engine_free(e);
		return err;
	}
	*ret = e;
	return OK;
}

void engine_free(struct engine *e)
{
	if (!e)
		return;
	servers_done(&e->servers);
	slab_done(&e->walks);
	slab_done(&e->waiters);
	slab_done(&e->interests);
	slab_done(&e->links);
	free(e->slots);
	free(e->free_slots);
	free(e->buckets);
	free(e);
}

void engine_set_rules(struct engine *e, const struct engine_rules *rules)
{
	/* Each engine forgets whole answers after the last that it made by the old rules. */
	if (!dns64_rules_equal(e->rules->dns64, rules->dns64))
		(void)cache_flush(e->cache, (struct span){0}, 0, false);
	filter_forget(&e->filter);
	e->rules = rules;
}

void engine_wall_is(struct engine *e, uint64_t wall_s)
{
	e->filter.now_s = wall_s;
}

const struct engine_stats *engine_stats(const struct engine *e)
{
	return &e->stats;
}

const struct filter_stats *engine_filter_stats(const struct engine *e)
{
	return &e->filter.stats;
}

void engine_forget_servers(struct engine *e)
{
	servers_clear(&e->servers);
}

/* SipHash in counter mode under a secret key: nobody who sees ids learns the next. */
uint64_t engine_random(struct engine *e)
{
	e->drawn++;
	return siphash24(e->seed, &e->drawn, sizeof(e->drawn));
}

static struct walk **bucket_of(struct engine *e, const struct dns_name *name, uint16_t type)
{
	uint64_t hash =
		siphash13_of(e->hash_key, name->wire, name->len) + type * 0x9e3779b97f4a7c15u;
	return &e->buckets[(hash ^ hash >> 32) & (e->buckets_n - 1)];
}

struct walk *engine_walk_find(struct engine *e, const struct dns_name *name, uint16_t type,
			      bool dns64, uint8_t safe)
{
	struct walk *w = *bucket_of(e, name, type);
	for (; w; w = w->next_in_bucket)
		if (w->qtype == type && w->dns64 == dns64 && w->safe == safe && !w->trace &&
		    dns_name_equal(&w->qname, name))
			return w;
	return NULL;
}

enum err engine_walk_new(struct engine *e, const struct dns_name *name, uint16_t type,
			 struct walk **ret)
{
	struct walk *w = e->free_n ? slab_take(&e->walks) : NULL;
	if (!w) {
		e->stats.limit_walks++;
		return ERR_LIMIT;
	}
	struct walk **bucket = bucket_of(e, name, type);
	w->engine = e;
	w->slot = e->free_slots[--e->free_n];
	e->slots[w->slot] = w;
	w->qname = w->sname = *name;
	w->qtype = w->stype = type;
	w->hold_max_s = UINT32_MAX;
	w->started_us = e->now_us;
	w->next_in_bucket = *bucket;
	*bucket = w;
	e->stats.walks++;
	e->stats.walks_now++;
	walk_timer(w);
	engine_ready(w);
	*ret = w;
	return OK;
}

static void list_remove(struct walk **list, struct walk *w)
{
	while (*list != w)
		list = &(*list)->next_in_bucket;
	*list = w->next_in_bucket;
}

static void ready_remove(struct engine *e, struct walk *w)
{
	struct walk *before = NULL;
	for (struct walk *at = e->ready_first; at; before = at, at = at->next_ready) {
		if (at != w)
			continue;
		if (before)
			before->next_ready = w->next_ready;
		else
			e->ready_first = w->next_ready;
		if (e->ready_last == w)
			e->ready_last = before;
		return;
	}
}

/* Who waits for others, and who is charged, must not be found by them any more. */
static void forget_everywhere(struct engine *e, const struct walk *gone)
{
	for (uint32_t i = 0; i < e->slots_n && gone->lookups; i++) {
		struct walk *w = e->slots[i];
		if (!w || w == gone)
			continue;
		if (w->starter == gone)
			w->starter = NULL;
		for (struct interest **at = &w->interests; *at;) {
			struct interest *in = *at;
			if (in->walk == gone) {
				*at = in->next;
				slab_give(&e->interests, in);
			} else {
				at = &in->next;
			}
		}
	}
}

void engine_walk_free(struct walk *w)
{
	struct engine *e = w->engine;
	forget_everywhere(e, w);
	list_remove(bucket_of(e, &w->qname, w->qtype), w);
	if (w->ready)
		ready_remove(e, w);
	while (w->waiters) {
		struct waiter *next = w->waiters->next;
		slab_give(&e->waiters, w->waiters);
		w->waiters = next;
	}
	while (w->interests) {
		struct interest *next = w->interests->next;
		slab_give(&e->interests, w->interests);
		w->interests = next;
	}
	wheel_cancel(&e->wheel, &w->timer);
	slab_give(&e->links, w->links);
	e->slots[w->slot] = NULL;
	e->free_slots[e->free_n++] = w->slot;
	e->stats.walks_now--;
	slab_give(&e->walks, w);
}

void engine_ready(struct walk *w)
{
	struct engine *e = w->engine;
	if (w->ready || w->state == WALK_DONE)
		return;
	w->ready = true;
	w->next_ready = NULL;
	if (e->ready_last)
		e->ready_last->next_ready = w;
	else
		e->ready_first = w;
	e->ready_last = w;
}

/* While walks are under way, a timer is due every few seconds. When more time than that is gone,
 * the clock leapt (the machine slept): what is cached has aged, but who waits has not waited
 * longer. */
void engine_time_is(struct engine *e, uint64_t clock_us)
{
	uint64_t now_us = clock_us - e->leapt_us;
	int64_t more_us = (int64_t)(now_us - e->now_us);
	if (more_us < 0 || (more_us > LEAP_US && e->stats.walks_now > 0)) {
		e->leapt_us += (uint64_t)more_us;
		now_us = e->now_us;
	}
	e->now_us = now_us;
}

void engine_run(struct engine *e)
{
	while (e->ready_first) {
		struct walk *w = e->ready_first;
		e->ready_first = w->next_ready;
		if (!e->ready_first)
			e->ready_last = NULL;
		w->ready = false;
		walk_step(w);
	}
}

static struct walk *walk_of(struct engine *e, struct ask_ref ref)
{
	struct walk *w = ref.slot < e->slots_n ? e->slots[ref.slot] : NULL;
	return w && w->ask.active && w->ask.serial == ref.serial ? w : NULL;
}

bool engine_receive(struct engine *e, uint64_t now_us, struct ask_ref ref,
		    const struct ip_endpoint *from, struct span message)
{
	struct walk *w = walk_of(e, ref);
	engine_time_is(e, now_us);
	if (!w)
		return false;
	bool taken = walk_receive(w, from, message);
	engine_run(e);
	return taken;
}

void engine_ask_failed(struct engine *e, uint64_t now_us, struct ask_ref ref, bool sent)
{
	struct walk *w = walk_of(e, ref);
	engine_time_is(e, now_us);
	if (!w)
		return;
	walk_ask_unreachable(w, sent);
	engine_run(e);
}

static void due(struct wheel_timer *t, void *arg)
{
	struct engine *e = arg;
	struct walk *w = (struct walk *)(void *)((char *)t - offsetof(struct walk, timer));
	if (e->now_us >= w->started_us + WALK_TIME_US)
		walk_fail(w, DNS_EDE_NO_REACHABLE_AUTHORITY);
	else if (w->ask.active)
		walk_ask_timeout(w);
	else
		walk_timer(w); /* the question that it was set for has been answered */
}

void engine_tick(struct engine *e, uint64_t now_us)
{
	engine_time_is(e, now_us);
	wheel_advance(&e->wheel, e->now_us / 1000, due, e);
	engine_run(e);
}

uint64_t engine_next_us(const struct engine *e)
{
	/* The wheel may look for its next timer and note it: no change that anybody sees. */
	uint64_t ms = wheel_next_ms((struct wheel *)(uintptr_t)&e->wheel);
	return ms == UINT64_MAX ? UINT64_MAX : ms * 1000 + e->leapt_us;
}

enum err engine_trace(struct engine *e, uint64_t now_us, uint64_t trace,
		      const struct dns_name *name, uint16_t type)
{
	struct walk *w;
	engine_time_is(e, now_us);
	TRY(engine_walk_new(e, name, type, &w));
	w->trace = trace;
	engine_run(e);
	return OK;
}
