#include "service/reverse-proxy/balance/pool.h"
#include "service/reverse-proxy/io_snapshot.h"
#include "service/reverse-proxy/io_worker.h"

#include "service/reverse-proxy/io_way.h"

#include <stdlib.h>

/* What leads to it: a server, and how it is spoken to. */
struct key {
	const struct backend *backend;
	const struct reverse_way *way;
};

static bool is_of(const void *record, const void *key, size_t key_len)
{
	const struct reverse_hop *h = record;
	const struct key *k = key;
	(void)key_len;
	return h->backend == k->backend && h->way == k->way;
}

static uint32_t hash_of(const struct reverse_worker *w, const struct key *k)
{
	return table_hash(&w->hops, span_of(k, sizeof(*k)));
}

static void hop_free(struct reverse_hop *h)
{
	reverse_way_hop_done(&h->hop);
	reverse_way_unref(h->way);
	backend_unref(h->backend);
	free(h);
}

/* Nobody's view leads there any more. */
static void forget(struct reverse_worker *w, struct reverse_hop *h)
{
	const struct key k = {h->backend, h->way};
	(void)table_remove(&w->hops, hash_of(w, &k), &k, sizeof(k));
	if (h->hop.open_n == 0)
		hop_free(h);
	else /* reverse_hop_empty follows, maybe before this returns */
		proxy_hop_close(proxy_io_worker(w->io), &h->hop);
}

void reverse_hop_empty(struct reverse_hop *h)
{
	hop_free(h);
}

static enum err hop_new(const struct pool_member *m, struct reverse_way *way,
			struct reverse_hop **ret)
{
	struct reverse_hop *h = calloc(1, sizeof(*h));
	if (!h)
		return ENOMEM;
	h->backend = backend_ref(m->backend);
	h->way = reverse_way_ref(way);
	h->hop.to = m->backend->at;
	h->hop.owner = h;
	enum err e = reverse_way_hop_set(way, m->host, &h->hop);
	if (e)
		hop_free(h);
	else
		*ret = h;
	return e;
}

static enum err hop_to(struct reverse_worker *w, const struct pool_member *m,
		       struct reverse_way *way, struct reverse_hop **ret)
{
	const struct key k = {m->backend, way};
	if (!w->hops.equal)
		table_init(&w->hops, (struct hash_key){w->random[0], w->random[1]},
			   TABLE_RECORDS_MAX, is_of);
	struct reverse_hop *h = table_find(&w->hops, hash_of(w, &k), &k, sizeof(k));
	if (!h) {
		TRY(hop_new(m, way, &h));
		enum err e = table_insert(&w->hops, hash_of(w, &k), &k, sizeof(k), h);
		if (e) {
			hop_free(h);
			return e;
		}
	}
	*ret = h;
	return OK;
}

/* What a reload may change without a new connection. */
static void hop_follow(struct reverse_hop *h, const struct reverse_conf *conf)
{
	h->hop.limits = (struct proxy_hop_limits){
		.connect_ms = (uint32_t)conf->timeouts.connect_ms,
		.idle_ms = (uint32_t)conf->timeouts.back_idle_ms,
		.idle_max = 256,
		.streams_max = 100,
	};
}

static enum err fill_pool(struct reverse_view *v, size_t number)
{
	const struct pool *p = v->snapshot->pools[number];
	const struct reverse_site *site = v->snapshot->site;
	struct reverse_way *way = number < site->conf->pools.n ? site->ways[number] : NULL;
	struct reverse_hop **hops = calloc(p->members_n + 1, sizeof(struct reverse_hop *));
	v->hops[number] = hops;
	if (!hops)
		return ENOMEM;
	for (size_t i = 0; i < p->members_n; i++) {
		TRY(hop_to(v->worker, &p->members[i], way, &hops[i]));
		hops[i]->views++;
		hop_follow(hops[i], site->conf);
	}
	return OK;
}

static enum err fill_listens(struct reverse_view *v)
{
	struct reverse_door doors[REVERSE_ADDRESSES_MAX];
	const struct reverse_worker *w = v->worker;
	const struct reverse_conf *conf = v->snapshot->site->conf;
	const struct reverse_listen_conf *listens = conf->listen.items;
	size_t n = reverse_doors(conf, doors, REVERSE_ADDRESSES_MAX);
	v->listens = calloc(w->entries_n + 1, sizeof(struct reverse_listen_conf *));
	if (!v->listens)
		return ENOMEM;
	for (size_t i = 0; i < w->entries_n; i++)
		for (size_t k = 0; k < n; k++)
			if (ip_endpoint_equal(&doors[k].at, &w->entries[i].at))
				v->listens[i] = &listens[doors[k].listen];
	return OK;
}

enum err reverse_view_new(struct reverse_worker *w, struct reverse_snapshot *s,
			  struct reverse_view **ret)
{
	struct reverse_view *v = calloc(1, sizeof(*v));
	if (!v)
		return ENOMEM;
	v->worker = w;
	v->users = 1;
	v->snapshot = reverse_snapshot_ref(s);
	v->hops = calloc(s->pools_n + 1, sizeof(struct reverse_hop **));
	enum err e = v->hops ? fill_listens(v) : (enum err)ENOMEM;
	for (size_t i = 0; !e && i < s->pools_n; i++)
		e = fill_pool(v, i);
	if (e)
		reverse_view_leave(v);
	else
		*ret = v;
	return e;
}

void reverse_view_leave(struct reverse_view *v)
{
	if (!v || --v->users)
		return;
	for (size_t p = 0; v->hops && p < v->snapshot->pools_n; p++) {
		for (size_t i = 0; v->hops[p] && v->hops[p][i]; i++)
			if (--v->hops[p][i]->views == 0)
				forget(v->worker, v->hops[p][i]);
		free(v->hops[p]);
	}
	free(v->hops);
	free(v->listens);
	reverse_snapshot_unref(v->snapshot);
	free(v);
}

static bool drop(void *record, void *arg)
{
	(void)arg;
	hop_free(record);
	return true;
}

void reverse_hops_done(struct reverse_worker *w)
{
	if (w->hops.equal)
		(void)table_sweep(&w->hops, drop, NULL);
	table_done(&w->hops);
}
