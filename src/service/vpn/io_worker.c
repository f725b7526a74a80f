#include "service/vpn/io_worker_inner.h"

#include "crypto/random.h"
#include "os/clock.h"

#include <stdlib.h>

/* ---- the frame of a batch ---- */

static void lock(pthread_mutex_t *mutex)
{
	int failed = pthread_mutex_lock(mutex);
	ASSERT(!failed);
}

static void unlock(pthread_mutex_t *mutex)
{
	int failed = pthread_mutex_unlock(mutex);
	ASSERT(!failed);
}

void worker_begin(struct vpn_worker *worker)
{
	lock(&worker->turnstile);
	unlock(&worker->turnstile);
	lock(&worker->work);
	worker->now_ms = clock_ageing_us() / 1000;
}

void worker_end(struct worker_port *port)
{
	struct vpn_worker *worker = port->worker;
	worker_out_flush(port);
	bool wake = vpn_plane_take_wake(port->plane);
	unlock(&worker->work);
	if (wake)
		atomic_store(&worker->left_to_do, true);
	if (atomic_load_explicit(&worker->left_to_do, memory_order_relaxed))
		loop_wake(worker->workers->main);
}

void vpn_workers_begin(void *arg)
{
	struct vpn_workers *w = arg;
	for (size_t i = 0; i < w->workers_n; i++) {
		lock(&w->workers[i]->turnstile);
		lock(&w->workers[i]->work);
		unlock(&w->workers[i]->turnstile);
	}
}

void vpn_workers_end(void *arg)
{
	struct vpn_workers *w = arg;
	for (size_t i = 0; i < w->workers_n; i++)
		unlock(&w->workers[i]->work);
}

/* ---- workers ---- */

static void worker_free(struct vpn_worker *worker)
{
	if (!worker)
		return;
	loop_timer_cancel(&worker->loop, &worker->rest);
	loop_done(&worker->loop);
	free(worker->pace);
	spsc_queue_free(worker->handshakes);
	udp_trains_free(worker->in.trains);
	udp_trains_free(worker->out.trains[0]);
	udp_trains_free(worker->out.trains[1]);
	(void)pthread_mutex_destroy(&worker->turnstile);
	(void)pthread_mutex_destroy(&worker->work);
	free(worker);
}
DEFINE_AUTO(struct vpn_worker, worker_free)

static void stop_loop(void *arg)
{
	struct vpn_worker *worker = arg;
	if (atomic_load(&worker->stops))
		loop_stop(&worker->loop);
}

static enum err pace_new(struct vpn_pace **ret)
{
	uint8_t key[SIPHASH_KEY_LEN];
	TRY(crypto_random(key, sizeof(key)));
	*ret = calloc(1, sizeof(**ret));
	if (!*ret)
		return (enum err)ENOMEM;
	vpn_pace_init(*ret, hash_key_of(key), clock_ageing_us() / 1000);
	return OK;
}

static enum err worker_new(struct vpn_workers *w, size_t number, bool handshakes,
			   struct vpn_worker **ret)
{
	AUTO(worker_free) struct vpn_worker *worker = calloc(1, sizeof(*worker));
	if (!worker)
		return (enum err)ENOMEM;
	worker->workers = w;
	worker->number = number;
	(void)pthread_mutex_init(&worker->turnstile, NULL);
	(void)pthread_mutex_init(&worker->work, NULL);
	TRY(loop_init(&worker->loop));
	loop_on_wake(&worker->loop, stop_loop, worker);
	TRY(spsc_queue_new(sizeof(struct handshake_item), WORKER_HANDSHAKES, &worker->handshakes));
	loop_timer_init(&worker->rest, worker_rested, worker);
	if (handshakes)
		TRY(pace_new(&worker->pace));
	TRY(udp_trains_new(handshakes ? WORKER_TRAINS_HANDSHAKE : WORKER_TRAINS_IN,
			   &worker->in.trains));
	TRY(udp_trains_new(WORKER_TRAINS_OUT, &worker->out.trains[0]));
	TRY(udp_trains_new(WORKER_TRAINS_OUT, &worker->out.trains[1]));
	*ret = TAKE(worker);
	return OK;
}

enum err vpn_workers_new(size_t workers_n, struct loop *main, struct vpn_workers **ret)
{
	ASSERT(workers_n > 0 && workers_n < VPN_WORKERS_MAX);
	AUTO(vpn_workers_free) struct vpn_workers *w = calloc(1, sizeof(*w));
	if (!w)
		return (enum err)ENOMEM;
	w->main = main;
	w->workers = calloc(workers_n + 1, sizeof(*w->workers));
	if (!w->workers)
		return (enum err)ENOMEM;
	TRY(udp_trains_new(1, &w->main_out));
	for (; w->workers_n <= workers_n; w->workers_n++)
		TRY(worker_new(w, w->workers_n, w->workers_n == workers_n,
			       &w->workers[w->workers_n]));
	*ret = TAKE(w);
	return OK;
}

void vpn_workers_free(struct vpn_workers *w)
{
	if (!w)
		return;
	vpn_workers_stop(w);
	while (w->links_n)
		vpn_workers_remove(w, w->links[0]);
	for (size_t i = 0; i < w->workers_n; i++)
		worker_free(w->workers[i]);
	udp_trains_free(w->main_out);
	free(w->workers);
	free(w);
}

size_t vpn_workers_n(const struct vpn_workers *w)
{
	return w->workers_n;
}

static void worker_run(void *arg)
{
	struct vpn_worker *worker = arg;
	/* epoll_wait on descriptors of our own has no error that another try would not have too. */
	enum err e = loop_run(&worker->loop);
	ASSERT(!e);
}

enum err vpn_workers_start(struct vpn_workers *w)
{
	for (size_t i = 0; i < w->workers_n; i++) {
		struct vpn_worker *worker = w->workers[i];
		char name[16] = "vpn-worker-";
		struct writer text = writer_of(name + 11, sizeof(name) - 12);
		if (worker->pace)
			write_format(&text, "hs");
		else
			write_format(&text, "%zu", i);
		atomic_store(&worker->stops, false);
		enum err e = thread_start(&worker->thread, name, -1, worker_run, worker);
		w->run = true;
		if (e) {
			vpn_workers_stop(w);
			return e;
		}
	}
	return OK;
}

void vpn_workers_stop(struct vpn_workers *w)
{
	for (size_t i = 0; w->run && i < w->workers_n; i++) {
		atomic_store(&w->workers[i]->stops, true);
		loop_wake(&w->workers[i]->loop);
	}
	for (size_t i = 0; w->run && i < w->workers_n; i++)
		thread_join(&w->workers[i]->thread);
	w->run = false;
}

/* ---- the main thread's part ---- */

/* Of one link, that came one after another. */
struct delivery {
	uint32_t link;
	size_t n;
	struct vpn_handshake_message messages[VPN_RECEIVE_MAX];
};

static void deliver_all(struct vpn_workers *w, struct delivery *d, uint64_t now_ms)
{
	if (d->n && d->link < w->links_n)
		vpn_engine_receive(w->links[d->link]->engine, now_ms, d->messages, d->n);
	d->n = 0;
}

static void deliver(struct vpn_workers *w, struct vpn_worker *worker, uint64_t now_ms)
{
	struct handshake_item item;
	struct delivery d = {0};
	while (spsc_queue_take(worker->handshakes, &item)) {
		if (item.link != d.link || d.n == VPN_RECEIVE_MAX)
			deliver_all(w, &d, now_ms);
		d.link = item.link;
		d.messages[d.n++] = item.message;
	}
	deliver_all(w, &d, now_ms);
}

void vpn_workers_turn(struct vpn_workers *w, uint64_t now_ms)
{
	for (size_t i = 0; i < w->workers_n; i++) {
		atomic_store(&w->workers[i]->left_to_do, false);
		deliver(w, w->workers[i], now_ms);
	}
	for (size_t i = 0; i < w->links_n; i++)
		vpn_engine_turn(w->links[i]->engine, now_ms);
}

uint64_t vpn_workers_next_ms(struct vpn_workers *w)
{
	uint64_t next_ms = UINT64_MAX;
	for (size_t i = 0; i < w->links_n; i++) {
		uint64_t ms = vpn_engine_next_ms(w->links[i]->engine);
		next_ms = ms < next_ms ? ms : next_ms;
	}
	return next_ms;
}
