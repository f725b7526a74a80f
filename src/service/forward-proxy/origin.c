#include "service/forward-proxy/origin.h"

#include "crypto/tls.h"

#include <stdlib.h>
#include <string.h>

static bool is_of(const void *record, const void *key, size_t key_len)
{
	const struct origin *g = record;
	const struct origin_key *k = key;
	(void)key_len;
	return g->port == k->port && g->protocol == k->protocol && g->by == k->by &&
	       span_equal(span_of(g->host, g->host_len), k->host);
}

static uint32_t hash_of(const struct origins *o, const struct origin_key *k)
{
	uint8_t bytes[ORIGIN_HOST_MAX + 3];
	ASSERT(k->host.len <= ORIGIN_HOST_MAX);
	bytes[0] = (uint8_t)(k->port >> 8);
	bytes[1] = (uint8_t)k->port;
	bytes[2] = (uint8_t)k->protocol;
	memcpy(bytes + 3, k->host.data, k->host.len);
	return table_hash(&o->table, span_of(bytes, k->host.len + 3));
}

void origins_init(struct origins *o, struct hash_key key, size_t max, struct proxy_worker *worker)
{
	*o = (struct origins){.max = max, .worker = worker};
	table_init(&o->table, key, TABLE_RECORDS_MAX, is_of);
}

/* --- those that nobody uses ------------------------------------------------------------------- */

static void unused_add(struct origins *o, struct origin *g)
{
	g->previous = NULL;
	g->next = o->first;
	if (g->next)
		g->next->previous = g;
	else
		o->last = g;
	o->first = g;
}

static void unused_remove(struct origins *o, struct origin *g)
{
	if (g->previous)
		g->previous->next = g->next;
	else
		o->first = g->next;
	if (g->next)
		g->next->previous = g->previous;
	else
		o->last = g->previous;
	g->next = g->previous = NULL;
}

static void origin_free(struct origins *o, struct origin *g)
{
	o->n--;
	tls_peer_unref(g->tls);
	tls_peer_unref(g->tls1);
	free(g);
}

/* Nobody finds it any more; it goes when its last connection has. */
static void forget(struct origins *o, struct origin *g)
{
	const struct origin_key k = {span_of(g->host, g->host_len), g->port,
				     (enum proxy_protocol)g->protocol, g->by};
	unused_remove(o, g);
	(void)table_remove(&o->table, hash_of(o, &k), &k, sizeof(k));
	g->forgotten = true;
	if (g->hop.open_n == 0)
		origin_free(o, g);
	else /* origins_empty follows, maybe before this returns */
		proxy_hop_close(o->worker, &g->hop);
}

void origins_empty(struct origins *o, struct origin *g)
{
	if (g->forgotten)
		origin_free(o, g);
}

void origins_close(struct origins *o)
{
	while (o->last)
		forget(o, o->last);
}

static bool drop(void *record, void *arg)
{
	origin_free(arg, record);
	return true;
}

void origins_done(struct origins *o)
{
	if (o->table.equal)
		(void)table_sweep(&o->table, drop, o);
	table_done(&o->table);
	*o = (struct origins){0};
}

/* --- use -------------------------------------------------------------------------------------- */

static struct origin *origin_new(struct origins *o, const struct origin_key *k)
{
	while (o->n >= o->max && o->last)
		forget(o, o->last);
	struct origin *g = o->n < o->max ? calloc(1, sizeof(*g)) : NULL;
	if (!g)
		return NULL;
	g->port = k->port;
	g->protocol = (uint8_t)k->protocol;
	g->by = k->by;
	g->host_len = (uint16_t)k->host.len;
	memcpy(g->host, k->host.data, k->host.len);
	g->hop.protocol = k->protocol;
	g->hop.owner = g;
	if (table_insert(&o->table, hash_of(o, k), k, sizeof(*k), g)) {
		free(g);
		return NULL;
	}
	o->n++;
	return g;
}

struct origin *origins_use(struct origins *o, const struct origin_key *key)
{
	struct origin *g = table_find(&o->table, hash_of(o, key), key, sizeof(*key));
	if (!g)
		g = origin_new(o, key);
	else if (!g->users)
		unused_remove(o, g);
	if (g)
		g->users++;
	return g;
}

void origin_lead(struct origin *g, const struct ip_endpoint *to, size_t n)
{
	size_t others = n - 1 < ORIGIN_OTHERS_MAX ? n - 1 : ORIGIN_OTHERS_MAX;
	ASSERT(n > 0);
	g->hop.to = to[0];
	memcpy(g->others, to + 1, others * sizeof(*to));
	g->hop.others = g->others;
	g->hop.others_n = others;
}

enum err origin_secure(struct origin *g, struct tls_client *client, const char *name)
{
	AUTO(tls_peer_unref) struct tls_peer *tls = NULL;
	AUTO(tls_peer_unref) struct tls_peer *tls1 = NULL;
	if (g->tls)
		return OK;
	TRY(tls_peer_new(client, name, &tls));
	TRY(tls_peer_new(client, name, &tls1));
	TRY(tls_peer_offer(tls1, "http/1.1"));
	g->hop.tls = g->tls = TAKE(tls);
	g->hop.tls1 = g->tls1 = TAKE(tls1);
	return OK;
}

void origins_leave(struct origins *o, struct origin *g)
{
	ASSERT(g->users > 0);
	if (--g->users)
		return;
	unused_add(o, g);
	/* Without a connection it is good for nothing. */
	if (g->hop.open_n == 0)
		forget(o, g);
}
