#include "service/authority/io_worker.h"

#include "crypto/random.h"
#include "service/authority/answer.h"

#define BATCH_SLOTS 64
#define BATCH_RX    2048

static void take_published(struct worker *w)
{
	struct generation *next = atomic_exchange_explicit(&w->next, NULL, memory_order_acq_rel);

	if (!next)
		return;
	generation_unref(w->generation);
	w->generation = next;
}

static void woken(void *arg)
{
	struct worker *w = arg;

	take_published(w);
	worker_updates_ready(w);
	if (atomic_load_explicit(&w->stop, memory_order_acquire))
		loop_stop(&w->loop);
}

static enum err watch_all(struct worker *w, const struct worker_options *options)
{
	uint32_t events = LOOP_READ | (options->shared ? (uint32_t)LOOP_EXCLUSIVE : 0);

	for (size_t i = 0; i < w->udp_n; i++)
		TRY(loop_add(&w->loop, &w->udp[i].watch, w->udp[i].socket.fd, events,
			     worker_udp_ready, &w->udp[i]));
	for (size_t i = 0; i < w->tcp_n; i++) {
		loop_timer_init(&w->tcp[i].retry, worker_tcp_retry, &w->tcp[i]);
		TRY(loop_add(&w->loop, &w->tcp[i].watch, w->tcp[i].fd, events, worker_tcp_ready,
			     &w->tcp[i]));
	}
	return OK;
}

enum err worker_init(struct worker *w, const struct worker_options *options, const int *udp,
		     size_t udp_n, const int *tcp, size_t tcp_n)
{
	if (udp_n > WORKER_SOCKETS_MAX || tcp_n > WORKER_SOCKETS_MAX)
		return ERR_LIMIT;
	w->row = options->row;
	w->clients_max = options->clients_max;
	w->updater = options->updater;
	w->port = options->port;
	w->generation = generation_ref(options->generation);
	TRY(crypto_random(&w->random, sizeof(w->random)));
	w->random |= 1;
	TRY(loop_init(&w->loop));
	loop_on_wake(&w->loop, woken, w);
	if (w->updater)
		updater_listen(w->updater, w->port, &w->loop);
	TRY(udp_batch_new(BATCH_SLOTS, BATCH_RX, ANSWER_UDP_MAX, &w->batch));
	TRY(worker_tcp_init(w));
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
	return watch_all(w, options);
}

static void run(void *arg)
{
	struct worker *w = arg;

	/* The loop's own calls fail only when the process is beyond help. */
	enum err e = loop_run(&w->loop);
	ASSERT(!e);
}

enum err worker_start(struct worker *w, const char *name, int cpu)
{
	return thread_start(&w->thread, name, cpu, run, w);
}

void worker_publish(struct worker *w, struct generation *g)
{
	struct generation *unseen =
		atomic_exchange_explicit(&w->next, generation_ref(g), memory_order_acq_rel);

	generation_unref(unseen);
	loop_wake(&w->loop);
}

bool worker_follows(const struct worker *w)
{
	return !atomic_load_explicit(&w->next, memory_order_acquire);
}

void worker_done(struct worker *w)
{
	if (w->thread.state == THREAD_RUNS) {
		atomic_store_explicit(&w->stop, true, memory_order_release);
		loop_wake(&w->loop);
		thread_join(&w->thread);
	}
	worker_tcp_done(w);
	for (size_t i = 0; i < w->udp_n; i++)
		loop_remove(&w->loop, &w->udp[i].watch);
	for (size_t i = 0; i < w->tcp_n; i++) {
		loop_timer_cancel(&w->loop, &w->tcp[i].retry);
		loop_remove(&w->loop, &w->tcp[i].watch);
	}
	udp_batch_free(TAKE(w->batch));
	loop_done(&w->loop);
	generation_unref(atomic_exchange_explicit(&w->next, NULL, memory_order_acq_rel));
	generation_unref(TAKE(w->generation));
}
