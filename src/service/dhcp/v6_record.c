#include "service/dhcp/v6_inner.h"

#include <stdlib.h>

/* --- leases --- */

struct ip_prefix v6_record_prefix(const struct v6_record *r)
{
	struct ip_prefix p = {.address = {.family = 6}, .bits = r->bits};
	memcpy(p.address.bytes, r->address, 16); /* why-reader-copy: a record of our own */
	return p;
}

/* The lease as the bytes that tables hash. */
struct lease_key {
	uint8_t bytes[V6_LEASE_KEY_LEN];
};

static struct lease_key key_of(const struct ip_prefix *p)
{
	struct lease_key key;
	v6_lease_key(p, key.bytes);
	return key;
}

static bool lease_equal(const void *record, const void *key, size_t key_len)
{
	const struct v6_record *r = record;
	const struct lease_key *k = key;
	return key_len == sizeof(*k) && memcmp(r->address, k->bytes + 1, 16) == 0 &&
	       r->bits == k->bytes[17];
}

static bool duid_equal(const void *record, const void *key, size_t key_len)
{
	const struct v6_holder *h = record;
	return h->duid_len == key_len && memcmp(h->duid, key, key_len) == 0;
}

void v6_records_init(struct v6_engine *e, uint64_t now_ms)
{
	size_t n = e->limits.leases;
	table_init(&e->by_lease, e->key, n, lease_equal);
	table_init(&e->by_duid, e->key, n, duid_equal);
	slab_init(&e->records, sizeof(struct v6_record), n);
	slab_init(&e->small_holders, sizeof(struct v6_holder) + V6_DUID_SMALL, n);
	slab_init(&e->large_holders, sizeof(struct v6_holder) + DHCP6_DUID_LEN_MAX, n);
	slab_init(&e->names, V6_NAME_MAX, n);
	slab_init(&e->paths, sizeof(struct v6_path), n);
	wheel_init(&e->ends, now_ms);
	wheel_init(&e->nudges, now_ms);
	wheel_init(&e->patience, now_ms);
}

void v6_records_done(struct v6_engine *e)
{
	table_done(&e->by_lease);
	table_done(&e->by_duid);
	slab_done(&e->records);
	slab_done(&e->small_holders);
	slab_done(&e->large_holders);
	slab_done(&e->names);
	slab_done(&e->paths);
	free(e->pools);
	free(e->rates);
}

struct v6_record *v6_record_find(const struct v6_engine *e, const struct ip_prefix *p)
{
	struct lease_key key = key_of(p);
	uint32_t hash = table_hash(&e->by_lease, span_of(key.bytes, sizeof(key)));
	return table_find(&e->by_lease, hash, &key, sizeof(key));
}

static uint32_t pool_index(const struct v6_engine *e, const struct ip_prefix *p)
{
	const struct v6_network *networks;
	size_t n = v6_site_networks(e->site, &networks);
	for (size_t i = 0; i < n; i++) {
		const struct v6_network *alone = &networks[i];
		for (size_t k = 0; k < alone->pools_n; k++)
			if (v6_pool_place(&alone->pools[k], p) != UINT64_MAX)
				return alone->pools[k].index;
		for (size_t k = 0; k < alone->prefix_pools_n; k++)
			if (v6_pool_place(&alone->prefix_pools[k], p) != UINT64_MAX)
				return alone->prefix_pools[k].index;
	}
	return UINT32_MAX;
}

struct v6_record *v6_record_new(struct v6_engine *e, const struct ip_prefix *p)
{
	struct lease_key key = key_of(p);
	uint32_t hash = table_hash(&e->by_lease, span_of(key.bytes, sizeof(key)));
	struct v6_record *r = slab_take(&e->records);
	if (!r)
		return NULL;
	memcpy(r->address, p->address.bytes, 16); /* why-reader-copy: a prefix of our own */
	r->bits = p->bits;
	r->state = V6_LEASE_PENDING;
	r->pool = pool_index(e, p);
	if (table_insert(&e->by_lease, hash, &key, sizeof(key), r) != OK) {
		slab_give(&e->records, r);
		return NULL;
	}
	e->counts.leases++;
	return r;
}

void v6_record_free(struct v6_engine *e, struct v6_record *r)
{
	struct ip_prefix p = v6_record_prefix(r);
	struct lease_key key = key_of(&p);
	v6_record_set_state(e, r, V6_LEASE_PENDING);
	v6_holder_drop(e, r);
	v6_record_set_name(e, r, (struct span){0});
	table_remove(&e->by_lease, table_hash(&e->by_lease, span_of(key.bytes, sizeof(key))), &key,
		     sizeof(key));
	slab_give(&e->records, r);
	e->counts.leases--;
}

/* --- pools follow the state --- */

static void tell_use(struct v6_engine *e, uint32_t index)
{
	struct v6_pool_use use;
	struct v6_pool_state *p = &e->pools[index];
	if (!v6_pool_at(e, index, &use) || !use.pool->warn_percent)
		return;
	bool above = (unsigned __int128)(use.bound + use.resting) * 100 >=
		     (unsigned __int128)use.size * use.pool->warn_percent;
	if (above == p->above)
		return;
	p->above = above;
	v6_tell(e, &(struct v6_event){.kind = V6_EVENT_POOL,
				      .pool = use.pool,
				      .network = use.network,
				      .used = use.bound + use.resting,
				      .size = use.size});
}

static void leave_state(struct v6_engine *e, struct v6_record *r)
{
	struct v6_pool_state *p = r->pool == UINT32_MAX ? NULL : &e->pools[r->pool];
	if (r->state == V6_LEASE_BOUND || r->state == V6_LEASE_DECLINED)
		wheel_cancel(&e->ends, &r->timer);
	if (!p)
		return;
	if (r->state == V6_LEASE_BOUND)
		p->bound--;
	else if (r->state == V6_LEASE_DECLINED)
		p->resting--;
	else if (r->state == V6_LEASE_ENDED) {
		p->ended--;
		*(r->ended.newer ? &r->ended.newer->ended.older : &p->newest) = r->ended.older;
		*(r->ended.older ? &r->ended.older->ended.newer : &p->oldest) = r->ended.newer;
	}
}

static void enter_state(struct v6_engine *e, struct v6_record *r)
{
	struct v6_pool_state *p = r->pool == UINT32_MAX ? NULL : &e->pools[r->pool];
	if (r->state == V6_LEASE_ENDED)
		r->ended.newer = r->ended.older = NULL;
	else
		r->timer = (struct wheel_timer){0};
	if (!p)
		return;
	if (r->state == V6_LEASE_BOUND)
		p->bound++;
	else if (r->state == V6_LEASE_DECLINED)
		p->resting++;
	else if (r->state == V6_LEASE_ENDED) {
		p->ended++;
		r->ended.older = p->newest;
		*(p->newest ? &p->newest->ended.newer : &p->oldest) = r;
		p->newest = r;
	}
}

void v6_record_set_state(struct v6_engine *e, struct v6_record *r, enum v6_lease_state state)
{
	if (r->state == state)
		return;
	leave_state(e, r);
	r->state = (uint8_t)state;
	enter_state(e, r);
	if (r->pool != UINT32_MAX)
		tell_use(e, r->pool);
}

void v6_record_set_end(struct v6_engine *e, struct v6_record *r, uint32_t expires_s)
{
	r->expires_s = expires_s;
	if (expires_s == V6_NEVER)
		wheel_cancel(&e->ends, &r->timer);
	else
		wheel_add(&e->ends, &r->timer, ((uint64_t)expires_s + V6_REUSE_AFTER_S) * 1000);
}

void v6_record_set_name(struct v6_engine *e, struct v6_record *r, struct span name)
{
	if (name.len == 0 || name.len > V6_NAME_MAX) {
		slab_give(&e->names, r->name);
		r->name = NULL;
		r->name_len = 0;
		return;
	}
	if (!r->name)
		r->name = slab_take(&e->names);
	if (!r->name) {
		r->name_len = 0;
		return; /* a lease without its name is still a lease */
	}
	struct writer w = writer_of(r->name, V6_NAME_MAX);
	write_span(&w, name);
	r->name_len = (uint8_t)name.len;
}

void v6_record_view(const struct v6_record *r, struct v6_lease_view *ret)
{
	*ret = (struct v6_lease_view){
		.kind = (enum dhcp6_ia_kind)r->kind,
		.prefix = v6_record_prefix(r),
		.state = (enum v6_lease_state)r->state,
		.iaid = r->iaid,
		.granted_s = r->granted_s,
		.expires_s = r->expires_s,
		.preferred_s = r->preferred_s,
		.name = span_of(r->name, r->name_len),
		.fqdn_flags = r->fqdn_flags,
		.names = r->names,
		.version = r->version,
	};
	if (r->holder) {
		ret->duid = span_of(r->holder->duid, r->holder->duid_len);
		ret->mac = span_of(r->holder->mac, r->holder->mac_len);
	}
}

/* --- clients --- */

struct v6_holder *v6_holder_find(const struct v6_engine *e, struct span duid)
{
	return table_find(&e->by_duid, table_hash(&e->by_duid, duid), duid.data, duid.len);
}

struct v6_holder *v6_holder_get(struct v6_engine *e, struct span duid)
{
	struct v6_holder *h = v6_holder_find(e, duid);
	bool large = duid.len > V6_DUID_SMALL;
	struct slab *slab = large ? &e->large_holders : &e->small_holders;
	if (h)
		return h;
	h = slab_take(slab);
	if (!h)
		return NULL;
	h->large = large;
	h->duid_len = (uint8_t)duid.len;
	struct writer w = writer_of(h->duid, duid.len);
	write_span(&w, duid);
	if (table_insert(&e->by_duid, table_hash(&e->by_duid, duid), duid.data, duid.len, h) !=
	    OK) {
		slab_give(slab, h);
		return NULL;
	}
	return h;
}

void v6_holder_take(struct v6_holder *h, struct v6_record *r)
{
	r->holder = h;
	r->next_of_holder = h->leases;
	h->leases = r;
	h->leases_n++;
}

void v6_holder_drop(struct v6_engine *e, struct v6_record *r)
{
	struct v6_holder *h = r->holder;
	struct v6_record **at;
	if (!h)
		return;
	for (at = &h->leases; *at != r; at = &(*at)->next_of_holder)
		;
	*at = r->next_of_holder;
	r->next_of_holder = NULL;
	r->holder = NULL;
	if (--h->leases_n)
		return;
	v6_path_drop(e, h);
	table_remove(&e->by_duid, table_hash(&e->by_duid, span_of(h->duid, h->duid_len)), h->duid,
		     h->duid_len);
	slab_give(h->large ? &e->large_holders : &e->small_holders, h);
}

/* --- the engine's tables --- */

bool v6_pool_at(const struct v6_engine *e, uint32_t index, struct v6_pool_use *ret)
{
	const struct v6_network *networks;
	size_t n = v6_site_networks(e->site, &networks);
	for (size_t i = 0; i < n; i++) {
		size_t both = networks[i].pools_n + networks[i].prefix_pools_n;
		const struct v6_pool *first = networks[i].pools; /* prefix pools follow */
		if (both == 0 || index < first->index || index >= first->index + both)
			continue;
		const struct v6_pool *p = &first[index - first->index];
		*ret = (struct v6_pool_use){.network = &networks[i],
					    .pool = p,
					    .size = p->size,
					    .bound = e->pools[index].bound,
					    .resting = e->pools[index].resting};
		return true;
	}
	return false;
}

enum err v6_records_regroup(struct v6_engine *e)
{
	const struct v6_network *networks;
	size_t networks_n = v6_site_networks(e->site, &networks), n = v6_site_pools(e->site);
	struct v6_pool_state *pools = calloc(n + 1, sizeof(*pools));
	struct v6_rate *rates = calloc(networks_n + 1, sizeof(*rates));
	if (!pools || !rates) {
		free(pools);
		free(rates);
		return ENOMEM;
	}
	free(e->pools);
	free(e->rates);
	e->pools = pools;
	e->pools_n = n;
	e->rates = rates;
	struct v6_record *r;
	for (size_t at = 0; (r = table_next(&e->by_lease, &at));) {
		struct ip_prefix p = v6_record_prefix(r);
		struct wheel_timer timer = r->timer;
		r->pool = pool_index(e, &p);
		enter_state(e, r);
		if (r->state != V6_LEASE_ENDED)
			r->timer = timer; /* it is set, and its place in the wheel stays */
	}
	for (size_t i = 0; i < n; i++)
		tell_use(e, (uint32_t)i);
	return OK;
}

void v6_tell(struct v6_engine *e, const struct v6_event *event)
{
	if (event->cause)
		e->counts.causes[event->cause]++;
	e->effects.event(e->effects.arg, event);
}
