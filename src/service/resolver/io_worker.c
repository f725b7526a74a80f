#include "service/resolver/io_worker.h"

#include "crypto/random.h"
#include "os/clock.h"
#include "service/resolver/rrset.h"

#include <stdlib.h>

#define BATCH_SLOTS	  64
#define BATCH_RX	  2048
#define BATCH_TX	  4096
#define TRACE_RECORDS_MAX (16u * 1024) /* bytes of records in a line */

static void answer(void *ctx, const struct asker *to, struct span message)
{
	struct resolver_worker *w = ctx;
	if (to->transport == ENGINE_TCP)
		resolver_tcp_answer(w, to, message);
	else
		resolver_udp_answer(w, to, message);
}

/* Whole RRsets, as many as fit. */
static size_t cut_row(struct span row)
{
	struct reader r = reader_of_span(row);
	struct rrset set;
	size_t len = 0;
	while (rrset_next(&r, &set) && len + set.packed.len <= TRACE_RECORDS_MAX)
		len += set.packed.len;
	return len;
}

static void trace(void *ctx, uint64_t number, const struct trace_step *step)
{
	struct resolver_worker *w = ctx;
	size_t len = cut_row(step->records);
	/* A trace is for a person who watches: it may allocate. */
	struct resolver_line *line = malloc(sizeof(*line) + len);
	if (!line)
		return;
	line->trace = number;
	line->step = *step;
	if (len)
		memcpy(line->records, step->records.data, len); /* counted by cut_row */
	line->step.records = span_of(line->records, len);
	if (spsc_queue_put(w->lines, &line) != OK)
		free(line);
	loop_wake(w->main);
}

static void take_orders(struct resolver_worker *w)
{
	struct resolver_order order;
	while (w->orders && spsc_queue_take(w->orders, &order)) {
		if (order.kind == RESOLVER_ORDER_FORGET_SERVERS) {
			engine_forget_servers(w->engine);
			continue;
		}
		struct trace_step none = {.kind = TRACE_SUMMARY,
					  .name = order.name,
					  .type = order.type,
					  .rcode = DNS_RCODE_SERVFAIL,
					  .ede = DNS_EDE_NOT_READY};
		if (engine_trace(w->engine, clock_ageing_us(), order.trace, &order.name,
				 order.type) != OK)
			trace(w, order.trace, &none);
		resolver_upstream_settle(w);
	}
}

static void count_filter(struct resolver_worker *w)
{
	const struct filter_stats *now = engine_filter_stats(w->engine);
	struct filter_stats *old = &w->filtered;
	counter_add(w->row, RESOLVER_ALLOWED, now->allowed - old->allowed);
	counter_add(w->row, RESOLVER_SAFE, now->safe - old->safe);
	old->allowed = now->allowed;
	old->safe = now->safe;
	if (now->blocked == old->blocked)
		return;
	counter_add(w->row, RESOLVER_BLOCKED, now->blocked - old->blocked);
	counter_add(w->row, RESOLVER_ALIASED, now->aliased - old->aliased);
	for (size_t i = 0; i < POLICY_LISTS_MAX; i++)
		if (now->lists[i] != old->lists[i])
			counter_add(w->listed, i, now->lists[i] - old->lists[i]);
	*old = *now;
}

static void woken(void *arg)
{
	struct resolver_worker *w = arg;
	struct resolver_rules *next =
		atomic_exchange_explicit(&w->next, NULL, memory_order_acq_rel);
	if (next) {
		count_filter(w); /* by the lists' numbers of the old policy */
		engine_set_rules(w->engine, &next->rules);
		resolver_rules_unref(w->rules);
		w->rules = next;
	}
	take_orders(w);
	if (atomic_load_explicit(&w->stop, memory_order_acquire))
		loop_stop(&w->loop);
}

static void timer_due(void *arg)
{
	struct resolver_worker *w = arg;
	engine_tick(w->engine, clock_ageing_us());
	resolver_upstream_settle(w);
}

static void count(struct resolver_worker *w)
{
	const struct engine_stats *now = engine_stats(w->engine), *old = &w->counted;
	const struct {
		enum resolver_counter counter;
		uint64_t more;
	} rows[] = {
		{RESOLVER_QUERIES_UDP,
		 now->queries - now->queries_tcp - (old->queries - old->queries_tcp)},
		{RESOLVER_QUERIES_TCP, now->queries_tcp - old->queries_tcp},
		{RESOLVER_HITS, now->hits - old->hits},
		{RESOLVER_JOINED, now->joined - old->joined},
		{RESOLVER_WALKS, now->walks - old->walks},
		{RESOLVER_LIMIT, now->limit_walks - old->limit_walks},
		{RESOLVER_ANSWERED, now->answered - old->answered},
		{RESOLVER_NXDOMAIN, now->nxdomain - old->nxdomain},
		{RESOLVER_SERVFAIL, now->servfail - old->servfail},
		{RESOLVER_SYNTHESIZED, now->synthesized - old->synthesized},
		{RESOLVER_REFUSED, now->refused - old->refused},
		{RESOLVER_MALFORMED, now->malformed - old->malformed},
		{RESOLVER_DROPPED, now->dropped - old->dropped},
		{RESOLVER_ASKS_UDP, now->asks - now->asks_tcp - (old->asks - old->asks_tcp)},
		{RESOLVER_ASKS_TCP, now->asks_tcp - old->asks_tcp},
		{RESOLVER_TIMEOUTS, now->timeouts - old->timeouts},
		{RESOLVER_MISMATCHED, now->mismatched - old->mismatched},
		{RESOLVER_LAME, now->lame - old->lame},
		{RESOLVER_COOKIES_BAD, now->cookies_bad - old->cookies_bad},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].more)
			counter_add(w->row, rows[i].counter, rows[i].more);
	count_filter(w);
	counter_set_value(w->row, RESOLVER_WALKS_NOW, now->walks_now);
	w->counted = *now;
}

static void before_sleep(void *arg)
{
	struct resolver_worker *w = arg;
	uint64_t next_us = engine_next_us(w->engine);
	if (next_us != UINT64_MAX) { /* the loop's clock knows no leaps */
		uint64_t now_us = clock_ageing_us(),
			 wait_us = next_us > now_us ? next_us - now_us : 0;
		loop_timer_set(&w->loop, &w->timer, (clock_monotonic_us() + wait_us + 999) / 1000);
	} else {
		loop_timer_cancel(&w->loop, &w->timer);
	}
	count(w);
}

static enum err watch_all(struct resolver_worker *w, bool shared)
{
	uint32_t events = LOOP_READ | (shared ? (uint32_t)LOOP_EXCLUSIVE : 0);
	for (size_t i = 0; i < w->udp_n; i++)
		TRY(loop_add(&w->loop, &w->udp[i].watch, w->udp[i].socket.fd, events,
			     resolver_udp_ready, &w->udp[i]));
	for (size_t i = 0; i < w->tcp_n; i++) {
		loop_timer_init(&w->tcp[i].retry, resolver_tcp_retry, &w->tcp[i]);
		TRY(loop_add(&w->loop, &w->tcp[i].watch, w->tcp[i].fd, events, resolver_tcp_ready,
			     &w->tcp[i]));
	}
	return OK;
}

static enum err engine_make(struct resolver_worker *w,
			    const struct resolver_worker_options *options)
{
	uint8_t seed[32];
	struct engine_effects effects = {.ctx = w,
					 .answer = answer,
					 .ask = resolver_upstream_ask,
					 .forget = resolver_upstream_forget,
					 .trace = options->traces ? trace : NULL};
	TRY(crypto_random(seed, sizeof(seed)));
	TRY(resolver_upstream_init(w, options->walks_max));
	return engine_new(&w->rules->rules, options->cache, options->walks_max, seed, &effects,
			  &w->engine);
}

static enum err queues_make(struct resolver_worker *w,
			    const struct resolver_worker_options *options)
{
	w->main = options->main;
	if (!options->traces)
		return OK;
	TRY(spsc_queue_new(sizeof(struct resolver_order), RESOLVER_TRACES_MAX, &w->orders));
	return spsc_queue_new(sizeof(struct resolver_line *), RESOLVER_LINES_MAX, &w->lines);
}

enum err resolver_worker_init(struct resolver_worker *w,
			      const struct resolver_worker_options *options, const int *udp,
			      size_t udp_n, const int *tcp, size_t tcp_n)
{
	if (udp_n > RESOLVER_SOCKETS_MAX || tcp_n > RESOLVER_SOCKETS_MAX)
		return ERR_LIMIT;
	w->row = options->row;
	w->listed = options->listed;
	w->askers_max = options->clients_max;
	w->rules = resolver_rules_ref(options->rules);
	TRY(loop_init(&w->loop));
	loop_on_wake(&w->loop, woken, w);
	loop_before_sleep(&w->loop, before_sleep, w);
	loop_timer_init(&w->timer, timer_due, w);
	TRY(queues_make(w, options));
	TRY(engine_make(w, options));
	TRY(udp_batch_new(BATCH_SLOTS, BATCH_RX, BATCH_TX, &w->batch));
	TRY(resolver_tcp_init(w));
	for (size_t i = 0; i < udp_n; i++) {
		w->udp[i].worker = w;
		TRY(udp_prepare(udp[i], 0, &w->udp[i].socket));
		w->udp_n++;
	}
	for (size_t i = 0; i < tcp_n; i++) {
		w->tcp[i].worker = w;
		w->tcp[i].fd = tcp[i];
		w->tcp_n++;
	}
	return watch_all(w, options->shared);
}

static void run(void *arg)
{
	struct resolver_worker *w = arg;
	/* The loop's own calls fail only when the process is beyond help. */
	enum err e = loop_run(&w->loop);
	ASSERT(!e);
}

enum err resolver_worker_start(struct resolver_worker *w, const char *name, int cpu)
{
	return thread_start(&w->thread, name, cpu, run, w);
}

void resolver_worker_publish(struct resolver_worker *w, struct resolver_rules *rules)
{
	struct resolver_rules *unseen =
		atomic_exchange_explicit(&w->next, resolver_rules_ref(rules), memory_order_acq_rel);
	resolver_rules_unref(unseen);
	loop_wake(&w->loop);
}

bool resolver_worker_follows(const struct resolver_worker *w)
{
	return !atomic_load_explicit(&w->next, memory_order_acquire);
}

enum err resolver_worker_order(struct resolver_worker *w, const struct resolver_order *order)
{
	TRY(spsc_queue_put(w->orders, order));
	loop_wake(&w->loop);
	return OK;
}

static void lines_free(struct resolver_worker *w)
{
	struct resolver_line *line;
	while (w->lines && spsc_queue_take(w->lines, &line))
		free(line);
	spsc_queue_free(TAKE(w->lines));
	spsc_queue_free(TAKE(w->orders));
}

void resolver_worker_done(struct resolver_worker *w)
{
	if (w->thread.state == THREAD_RUNS) {
		atomic_store_explicit(&w->stop, true, memory_order_release);
		loop_wake(&w->loop);
		thread_join(&w->thread);
	}
	resolver_tcp_done(w);
	resolver_upstream_done(w);
	for (size_t i = 0; i < w->udp_n; i++)
		loop_remove(&w->loop, &w->udp[i].watch);
	for (size_t i = 0; i < w->tcp_n; i++) {
		loop_timer_cancel(&w->loop, &w->tcp[i].retry);
		loop_remove(&w->loop, &w->tcp[i].watch);
	}
	udp_batch_free(TAKE(w->batch));
	engine_free(TAKE(w->engine));
	loop_done(&w->loop);
	lines_free(w);
	resolver_rules_unref(atomic_exchange_explicit(&w->next, NULL, memory_order_acq_rel));
	resolver_rules_unref(TAKE(w->rules));
}
