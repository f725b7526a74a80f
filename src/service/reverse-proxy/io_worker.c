#include "service/reverse-proxy/io_worker.h"

#include "crypto/random.h"
#include "proxy/auth/io_auth.h"
#include "service/reverse-proxy/io_cached.h"
#include "service/reverse-proxy/io_guard.h"
#include "service/reverse-proxy/io_line.h"
#include "service/reverse-proxy/io_snapshot.h"
#include "service/reverse-proxy/io_stream.h"
#include "service/reverse-proxy/io_stream_udp.h"

#include <stdlib.h>

uint64_t reverse_worker_random(struct reverse_worker *w)
{
	/* xoroshiro128+, Blackman and Vigna. */
	uint64_t a = w->random[0], b = w->random[1], sum = a + b;
	b ^= a;
	w->random[0] = (a << 24 | a >> 40) ^ b ^ b << 16;
	w->random[1] = b << 37 | b >> 27;
	return sum;
}

static void tell_drained(struct reverse_worker *w)
{
	if (!w->core_drained || reverse_streams_open(w->streams) > 0 ||
	    reverse_datagrams_open(w->datagrams) > 0)
		return;
	atomic_store_explicit(&w->drained, true, memory_order_release);
	loop_wake(w->main);
}

static void drained(void *arg)
{
	struct reverse_worker *w = arg;
	w->core_drained = true;
	tell_drained(w);
}

static void unlisten(struct reverse_worker *w)
{
	for (size_t i = 0; i < w->entries_n; i++) {
		if (w->listeners && w->listeners[i])
			proxy_io_unlisten(w->io, w->listeners[i]);
		if (w->listeners)
			w->listeners[i] = NULL;
	}
}

/* Without memory the old one stays in force; the main thread sees that by `seen`. */
static void follow(struct reverse_worker *w, struct reverse_snapshot *s)
{
	struct reverse_view *v = NULL;
	if (reverse_view_new(w, s, &v) == OK) {
		reverse_view_leave(w->view);
		w->view = v;
		w->limits = s->site->limits;
		atomic_store_explicit(&w->seen, s->number, memory_order_release);
	}
	reverse_snapshot_unref(s);
}

static void woken(void *arg)
{
	struct reverse_worker *w = arg;
	struct reverse_snapshot *next =
		atomic_exchange_explicit(&w->next, NULL, memory_order_acq_rel);
	if (next)
		follow(w, next);
	auth_desk_take(w->desk, reverse_guard_hashed, w);
	proxy_cache_turn(&w->cache);
	if (atomic_exchange_explicit(&w->drain, false, memory_order_acq_rel)) {
		unlisten(w);
		reverse_streams_unlisten(w->streams);
		reverse_datagrams_drain(w->datagrams);
		proxy_io_drain(w->io, drained, w);
	}
	if (atomic_load_explicit(&w->stop, memory_order_acquire))
		loop_stop(&w->loop);
}

static void before_sleep(void *arg)
{
	reverse_lines_look(arg);
}

static enum err listen_all(struct reverse_worker *w, const struct reverse_worker_options *o)
{
	w->listeners = calloc(o->entries_n + 1, sizeof(struct proxy_listener *));
	if (!w->listeners)
		return ENOMEM;
	w->entries = o->entries;
	w->entries_n = o->entries_n;
	for (size_t i = 0; i < o->entries_n; i++) {
		/* The core hands the door back as it got it; nobody writes through it. */
		void *door = (void *)(uintptr_t)&o->entries[i];
		TRY(proxy_io_listen(w->io, o->fds[i], door, &w->listeners[i]));
	}
	return OK;
}

static enum err make_core(struct reverse_worker *w, const struct reverse_worker_options *o)
{
	w->limits = o->snapshot->site->limits;
	struct proxy_io_options options = {
		.loop = &w->loop,
		.face = &reverse_face,
		.face_arg = w,
		.limits = &w->limits,
		.connections_max = o->connections_max,
		.exchanges_max = o->exchanges_max,
		.buffers_max = o->buffers_max,
		.ring = o->ring,
	};
	return proxy_io_new(&options, &w->io);
}

static enum err make_datagrams(struct reverse_worker *w, const struct reverse_worker_options *o)
{
	const struct reverse_datagrams_options options = {.worker = w,
							  .at = o->datagrams_at,
							  .fds = o->datagram_fds,
							  .n = o->datagrams_n,
							  .sessions_max = o->sessions_max,
							  .client_sessions_max =
								  o->client_sessions_max,
							  .emptied = tell_drained};
	return reverse_datagrams_new(&options, &w->datagrams);
}

enum err reverse_worker_init(struct reverse_worker *w, const struct reverse_worker_options *o)
{
	w->main = o->main;
	TRY(crypto_random(w->random, sizeof(w->random)));
	TRY(loop_init(&w->loop));
	loop_on_wake(&w->loop, woken, w);
	loop_before_sleep(&w->loop, before_sleep, w);
	reverse_lines_init(w);
	w->guard = o->guard;
	w->proofs = o->proofs;
	proxy_cache_desk_init(&w->cache, &w->loop, o->cache, o->number, &reverse_cached_edits);
	TRY(auth_desk_new(o->hasher, &w->loop, &w->desk));
	w->access = o->access;
	TRY(access_out_init(w->access, &w->loop, o->main));
	TRY(make_core(w, o));
	w->entries = o->entries;
	w->entries_n = o->entries_n;
	TRY(reverse_view_new(w, o->snapshot, &w->view));
	atomic_store_explicit(&w->seen, o->snapshot->number, memory_order_relaxed);
	TRY(listen_all(w, o));
	const struct reverse_streams_options streams = {.worker = w,
							.at = o->streams_at,
							.fds = o->stream_fds,
							.n = o->streams_n,
							.streams_max = o->connections_max,
							.emptied = tell_drained};
	TRY(reverse_streams_new(&streams, &w->streams));
	return make_datagrams(w, o);
}

static void run(void *arg)
{
	struct reverse_worker *w = arg;
	/* The loop's own calls fail only when the process is beyond help. */
	enum err e = loop_run(&w->loop);
	ASSERT(!e);
	access_out_flush(w->access);
}

enum err reverse_worker_start(struct reverse_worker *w, const char *name, int cpu)
{
	return thread_start(&w->thread, name, cpu, run, w);
}

void reverse_worker_publish(struct reverse_worker *w, struct reverse_snapshot *s)
{
	struct reverse_snapshot *unseen =
		atomic_exchange_explicit(&w->next, reverse_snapshot_ref(s), memory_order_acq_rel);
	reverse_snapshot_unref(unseen);
	loop_wake(&w->loop);
}

bool reverse_worker_follows(const struct reverse_worker *w)
{
	return !atomic_load_explicit(&w->next, memory_order_acquire);
}

void reverse_worker_drain(struct reverse_worker *w)
{
	atomic_store_explicit(&w->drain, true, memory_order_release);
	loop_wake(&w->loop);
}

void reverse_worker_stop(struct reverse_worker *w)
{
	if (w->thread.state == THREAD_RUNS) {
		atomic_store_explicit(&w->stop, true, memory_order_release);
		loop_wake(&w->loop);
		thread_join(&w->thread);
	}
}

void reverse_worker_done(struct reverse_worker *w)
{
	reverse_worker_stop(w);
	if (w->io)
		unlisten(w);
	w->core_drained = false; /* nobody waits to be told */
	proxy_cache_desk_done(&w->cache);
	reverse_streams_free(TAKE(w->streams));
	reverse_datagrams_free(TAKE(w->datagrams));
	/* The connections to back ends that nobody uses end with the view, the others with their
	 * exchanges, which still need the core. */
	reverse_view_leave(TAKE(w->view));
	proxy_io_free(TAKE(w->io));
	/* What has ended only now is told as well. */
	if (w->access && w->access->full)
		access_out_flush(w->access);
	auth_desk_free(w->desk);
	compression_pool_done(&w->compression);
	reverse_hops_done(w);
	reverse_lines_done(w);
	reverse_snapshot_unref(atomic_load_explicit(&w->next, memory_order_relaxed));
	free(w->listeners);
	loop_done(&w->loop);
}
