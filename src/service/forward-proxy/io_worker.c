#include "service/forward-proxy/io_worker.h"

#include "crypto/random.h"
#include "policy/io_follow.h"
#include "proxy/auth/io_auth.h"
#include "service/forward-proxy/io_face.h"
#include "service/forward-proxy/io_inspect.h"
#include "service/forward-proxy/io_revocation.h"

#include <stdlib.h>

/* --- views ------------------------------------------------------------------------------------ */

static enum err view_new(struct forward_worker *w, struct forward_site *s,
			 struct forward_view **ret)
{
	struct forward_door doors[FORWARD_ADDRESSES_MAX];
	const struct forward_listen_conf *listens = s->conf->listen.items;
	size_t n = forward_doors(s->conf, doors, FORWARD_ADDRESSES_MAX);
	struct forward_view *v = calloc(1, sizeof(*v));
	if (!v)
		return ENOMEM;
	v->worker = w;
	v->users = 1;
	v->site = forward_site_ref(s);
	v->listens = calloc(w->entries_n + 1, sizeof(struct forward_listen_conf *));
	if (!v->listens) {
		forward_view_leave(v);
		return ENOMEM;
	}
	for (size_t i = 0; i < w->entries_n; i++)
		for (size_t k = 0; k < n; k++)
			if (ip_endpoint_equal(&doors[k].at, &w->entries[i].at))
				v->listens[i] = &listens[doors[k].listen];
	*ret = v;
	return OK;
}

void forward_view_leave(struct forward_view *v)
{
	if (!v || --v->users)
		return;
	free(v->listens);
	forward_site_unref(v->site);
	free(v);
}

/* What is the worker's own follows the site. */
static void view_set(struct forward_worker *w, struct forward_view *v)
{
	const struct forward_conf *conf = v->site->conf;
	forward_view_leave(w->view);
	w->view = v;
	w->limits = v->site->limits;
	forward_names_set(w->names, conf->resolver.items, conf->resolver.n);
	atomic_store_explicit(&w->seen, v->site->number, memory_order_release);
}

/* Without memory the old one stays in force; the main thread sees that by `seen`. */
static void follow(struct forward_worker *w, struct forward_site *s)
{
	struct forward_view *v = NULL;
	if (view_new(w, s, &v) == OK) {
		view_set(w, v);
		forward_review_site(w);
	}
	forward_site_unref(s);
}

/* --- the loop --------------------------------------------------------------------------------- */

static void drained(void *arg)
{
	struct forward_worker *w = arg;
	atomic_store_explicit(&w->drained, true, memory_order_release);
	loop_wake(w->main);
}

static void unlisten(struct forward_worker *w)
{
	for (size_t i = 0; i < w->entries_n; i++) {
		if (w->listeners && w->listeners[i])
			proxy_io_unlisten(w->io, w->listeners[i]);
		if (w->listeners)
			w->listeners[i] = NULL;
	}
}

static void woken(void *arg)
{
	struct forward_worker *w = arg;
	struct forward_site *next = atomic_exchange_explicit(&w->next, NULL, memory_order_acq_rel);
	struct policy_held *policy =
		atomic_exchange_explicit(&w->next_policy, NULL, memory_order_acq_rel);
	if (next)
		follow(w, next);
	if (policy) {
		policy_held_unref(w->policy);
		w->policy = policy;
		w->policies++;
		forward_review_begin(w);
	}
	auth_desk_take(w->desk, forward_hashed, w);
	proxy_cache_turn(&w->cache);
	if (atomic_exchange_explicit(&w->drain, false, memory_order_acq_rel)) {
		unlisten(w);
		proxy_io_drain(w->io, drained, w);
	}
	if (atomic_load_explicit(&w->stop, memory_order_acquire))
		loop_stop(&w->loop);
}

/* --- life ------------------------------------------------------------------------------------- */

static enum err listen_all(struct forward_worker *w, const struct forward_worker_options *o)
{
	w->listeners = calloc(o->entries_n + 1, sizeof(struct proxy_listener *));
	if (!w->listeners)
		return ENOMEM;
	for (size_t i = 0; i < o->entries_n; i++) {
		/* The core hands the door back as it got it; nobody writes through it. */
		void *door = (void *)(uintptr_t)&o->entries[i];
		TRY(proxy_io_listen(w->io, o->fds[i], door, &w->listeners[i]));
	}
	return OK;
}

static enum err make_core(struct forward_worker *w, const struct forward_worker_options *o)
{
	uint64_t key[2];
	w->limits = o->site->limits;
	struct proxy_io_options options = {
		.loop = &w->loop,
		.face = &forward_face,
		.face_arg = w,
		.limits = &w->limits,
		.connections_max = o->connections_max,
		.exchanges_max = o->exchanges_max,
		.buffers_max = o->buffers_max,
		.ring = o->ring,
		.judge = forward_revocation_judge(w->revocation),
	};
	TRY(crypto_random(key, sizeof(key)));
	TRY(proxy_io_new(&options, &w->io));
	origins_init(&w->origins, (struct hash_key){key[0], key[1]}, o->origins_max,
		     proxy_io_worker(w->io));
	return OK;
}

enum err forward_worker_init(struct forward_worker *w, const struct forward_worker_options *o)
{
	struct forward_view *v = NULL;
	w->main = o->main;
	TRY(loop_init(&w->loop));
	loop_on_wake(&w->loop, woken, w);
	w->known = o->known;
	w->people_known = o->people_known;
	w->attempts = o->attempts;
	w->bandwidth = o->bandwidth;
	w->quotas = o->quotas;
	w->connected = o->connected;
	w->associated = o->associated;
	w->policy = policy_held_ref(o->policy);
	TRY(auth_desk_new(o->hasher, &w->loop, &w->desk));
	proxy_cache_desk_init(&w->cache, &w->loop, o->cache, o->number, &forward_cached_edits);
	w->access = o->access;
	TRY(access_out_init(w->access, &w->loop, o->main));
	TRY(forward_top_new(&w->top));
	TRY(forward_inspection_new(&w->inspection));
	TRY(forward_revocation_new(w, &w->revocation));
	TRY(make_core(w, o));
	TRY(forward_names_new(&w->loop, forward_name_told, w, &w->names));
	w->entries = o->entries;
	w->entries_n = o->entries_n;
	w->associations_max = o->associations_max;
	TRY(view_new(w, o->site, &v));
	view_set(w, v);
	forward_review_init(w);
	return listen_all(w, o);
}

static void run(void *arg)
{
	struct forward_worker *w = arg;
	/* The loop's own calls fail only when the process is beyond help. */
	enum err e = loop_run(&w->loop);
	ASSERT(!e);
	access_out_flush(w->access);
}

enum err forward_worker_start(struct forward_worker *w, const char *name, int cpu)
{
	return thread_start(&w->thread, name, cpu, run, w);
}

void forward_worker_publish(struct forward_worker *w, struct forward_site *s)
{
	struct forward_site *unseen =
		atomic_exchange_explicit(&w->next, forward_site_ref(s), memory_order_acq_rel);
	forward_site_unref(unseen);
	loop_wake(&w->loop);
}

bool forward_worker_follows(const struct forward_worker *w)
{
	return !atomic_load_explicit(&w->next, memory_order_acquire);
}

void forward_worker_obey(struct forward_worker *w, struct policy_held *held)
{
	policy_held_unref(atomic_exchange_explicit(&w->next_policy, policy_held_ref(held),
						   memory_order_acq_rel));
	loop_wake(&w->loop);
}

void forward_worker_drain(struct forward_worker *w)
{
	atomic_store_explicit(&w->drain, true, memory_order_release);
	loop_wake(&w->loop);
}

void forward_worker_stop(struct forward_worker *w)
{
	if (w->thread.state == THREAD_RUNS) {
		atomic_store_explicit(&w->stop, true, memory_order_release);
		loop_wake(&w->loop);
		thread_join(&w->thread);
	}
}

void forward_worker_done(struct forward_worker *w)
{
	forward_worker_stop(w);
	if (w->io)
		unlisten(w);
	forward_review_done(w);
	proxy_cache_desk_done(&w->cache);
	/* Kept connections end now, the others with their exchanges, which still need the core. */
	origins_close(&w->origins);
	proxy_io_free(TAKE(w->io));
	forward_revocation_free(TAKE(w->revocation)); /* nobody waits any more */
	origins_done(&w->origins);
	forward_names_free(w->names);
	auth_desk_free(w->desk);
	forward_view_leave(TAKE(w->view));
	forward_top_free(TAKE(w->top));
	forward_inspection_free(TAKE(w->inspection));
	forward_site_unref(atomic_load_explicit(&w->next, memory_order_relaxed));
	policy_held_unref(atomic_load_explicit(&w->next_policy, memory_order_relaxed));
	policy_held_unref(w->policy);
	free(w->listeners);
	loop_done(&w->loop);
}
