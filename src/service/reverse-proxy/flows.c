#include "service/reverse-proxy/flows.h"

#include "proxy/crowd.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* While fewer than one of so many are unproven, one of the others yields: who is new must have room
 * to become proven. */
enum { FRESH_SHARE = 8 };

static_assert((int)FLOW_KEY_LEN >= 2 + 1 + 16 + 2 + 4 + 1 + 16, "all that makes a session one");

/* --- lists: the links of a flow are where `links` says --- */

typedef struct flow_links *links_of(struct flow *f);

static struct flow_links *of_all(struct flow *f)
{
	return &f->of_all;
}

static struct flow_links *of_client(struct flow *f)
{
	return &f->of_client;
}

static void append(struct flow_list *list, struct flow *f, links_of *links)
{
	*links(f) = (struct flow_links){.older = list->newest};
	if (list->newest)
		links(list->newest)->newer = f;
	else
		list->oldest = f;
	list->newest = f;
	list->n++;
}

static void take_out(struct flow_list *list, struct flow *f, links_of *links)
{
	struct flow_links *at = links(f);
	if (at->older)
		links(at->older)->newer = at->newer;
	else
		list->oldest = at->newer;
	if (at->newer)
		links(at->newer)->older = at->older;
	else
		list->newest = at->older;
	*at = (struct flow_links){0};
	list->n--;
}

/* --- keys --- */

static uint8_t *put(uint8_t *at, const void *bytes, size_t len)
{
	memcpy(at, bytes, len);
	return at + len;
}

static void write_key(const struct flow_key *key, uint8_t ret[FLOW_KEY_LEN])
{
	uint8_t *at = ret;
	memset(ret, 0, FLOW_KEY_LEN);
	at = put(at, &key->door, sizeof(key->door));
	at = put(at, &key->peer.port, sizeof(key->peer.port));
	at = put(at, &key->peer.scope, sizeof(key->peer.scope));
	*at++ = key->peer.address.family;
	(void)put(at, key->peer.address.bytes, ip_address_len(&key->peer.address));
	at += 16;
	*at++ = key->local.family;
	(void)put(at, key->local.bytes, key->local.family ? ip_address_len(&key->local) : 0);
}

static void write_client(const struct ip_address *a, uint8_t ret[FLOW_CLIENT_LEN])
{
	memset(ret, 0, FLOW_CLIENT_LEN);
	(void)crowd_client_key(a, ret);
}

static bool flow_is(const void *record, const void *key, size_t len)
{
	return memcmp(((const struct flow *)record)->key, key, len) == 0;
}

static bool client_is(const void *record, const void *key, size_t len)
{
	return memcmp(((const struct flow_client *)record)->key, key, len) == 0;
}

static struct flow_client *client_find(const struct flows *t, const uint8_t key[FLOW_CLIENT_LEN])
{
	uint32_t hash = table_hash(&t->clients, span_of(key, FLOW_CLIENT_LEN));
	return table_find(&t->clients, hash, key, FLOW_CLIENT_LEN);
}

/* --- the table --- */

void flows_init(struct flows *t, const struct hash_key keys[2], size_t flows_max, size_t client_max)
{
	*t = (struct flows){.flows_max = flows_max, .client_max = client_max};
	table_init(&t->flows, keys[0], flows_max, flow_is);
	table_init(&t->clients, keys[1], flows_max, client_is);
}

void flows_done(struct flows *t)
{
	table_done(&t->flows);
	table_done(&t->clients);
}

struct flow *flows_find(const struct flows *t, const struct flow_key *key)
{
	uint8_t bytes[FLOW_KEY_LEN];
	write_key(key, bytes);
	return table_find(&t->flows, table_hash(&t->flows, span_of(bytes, sizeof(bytes))), bytes,
			  sizeof(bytes));
}

struct flow *flows_in_the_way(const struct flows *t, const struct ip_address *client)
{
	uint8_t key[FLOW_CLIENT_LEN];
	write_client(client, key);
	const struct flow_client *c = t->client_max ? client_find(t, key) : NULL;
	if (c && c->flows.n >= t->client_max)
		return c->flows.oldest;
	if (flows_open(t) < t->flows_max)
		return NULL;
	if (t->proven.n == 0 || t->fresh.n * FRESH_SHARE > t->flows_max)
		return t->fresh.oldest;
	return t->proven.oldest;
}

static enum err client_take(struct flows *t, const struct ip_address *address,
			    struct flow_client **ret)
{
	uint8_t key[FLOW_CLIENT_LEN];
	write_client(address, key);
	*ret = client_find(t, key);
	if (*ret)
		return OK;
	struct flow_client *c = calloc(1, sizeof(*c));
	if (!c)
		return ENOMEM;
	memcpy(c->key, key, sizeof(key));
	enum err e = table_insert(&t->clients, table_hash(&t->clients, span_of(key, sizeof(key))),
				  c->key, sizeof(key), c);
	if (e) {
		free(c);
		return e;
	}
	*ret = c;
	return OK;
}

static void client_leave(struct flows *t, struct flow_client *c)
{
	if (c->flows.n > 0)
		return;
	(void)table_remove(&t->clients, table_hash(&t->clients, span_of(c->key, sizeof(c->key))),
			   c->key, sizeof(c->key));
	free(c);
}

enum err flows_enter(struct flows *t, const struct flow_key *key, struct flow *flow)
{
	struct flow_client *c = NULL;
	if (flows_in_the_way(t, &key->peer.address))
		return ERR_LIMIT;
	TRY(client_take(t, &key->peer.address, &c));
	write_key(key, flow->key);
	enum err e =
		table_insert(&t->flows, table_hash(&t->flows, span_of(flow->key, FLOW_KEY_LEN)),
			     flow->key, FLOW_KEY_LEN, flow);
	if (e) {
		client_leave(t, c);
		return e;
	}
	flow->client = c;
	flow->answered = flow->proven = false;
	append(&t->fresh, flow, of_all);
	append(&c->flows, flow, of_client);
	return OK;
}

void flows_leave(struct flows *t, struct flow *flow)
{
	take_out(flow->proven ? &t->proven : &t->fresh, flow, of_all);
	take_out(&flow->client->flows, flow, of_client);
	client_leave(t, TAKE(flow->client));
	(void)table_remove(&t->flows, table_hash(&t->flows, span_of(flow->key, FLOW_KEY_LEN)),
			   flow->key, FLOW_KEY_LEN);
}

void flows_used(struct flows *t, struct flow *flow)
{
	take_out(flow->proven ? &t->proven : &t->fresh, flow, of_all);
	take_out(&flow->client->flows, flow, of_client);
	flow->proven = flow->proven || flow->answered;
	append(flow->proven ? &t->proven : &t->fresh, flow, of_all);
	append(&flow->client->flows, flow, of_client);
}
