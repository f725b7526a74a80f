#include "service/nat/portctl_inner.h"

#include <stdlib.h>

enum { KEY_MAX = 64 };

const char *portctl_origin_name(enum portctl_origin origin)
{
	static const char *const names[PORTCTL_ORIGINS] = {"pcp", "nat-pmp", "upnp"};
	return names[origin];
}

const char *portctl_verdict_name(enum portctl_verdict verdict)
{
	static const char *const names[PORTCTL_VERDICTS] = {
		"done", "forbidden",  "foreign",     "taken",	   "host-full",
		"full", "peers-full", "unsupported", "no-network", "absent"};
	return names[verdict];
}

/* --- keys --- */

static struct span key_write(uint8_t room[KEY_MAX], uint8_t protocol, const struct ip_endpoint *a,
			     const struct ip_endpoint *b)
{
	static const struct ip_endpoint none;
	const struct ip_endpoint *both[2] = {a, b ? b : &none};
	size_t at = 0;
	room[at++] = protocol;
	for (size_t i = 0; i < 2; i++) {
		room[at++] = both[i]->address.family;
		memcpy(room + at, both[i]->address.bytes, 16);
		at += 16;
		room[at++] = (uint8_t)(both[i]->port >> 8);
		room[at++] = (uint8_t)both[i]->port;
	}
	return span_of(room, at);
}

static struct span internal_key(uint8_t room[KEY_MAX], const struct portctl_mapping *m)
{
	return key_write(room, m->protocol, &m->internal, &m->remote);
}

static struct span external_key(uint8_t room[KEY_MAX], const struct portctl_mapping *m)
{
	return key_write(room, m->protocol, &m->external, NULL);
}

static bool equal_internal(const void *record, const void *key, size_t key_len)
{
	uint8_t room[KEY_MAX];
	return span_equal(internal_key(room, record), span_of(key, key_len));
}

static bool equal_external(const void *record, const void *key, size_t key_len)
{
	uint8_t room[KEY_MAX];
	return span_equal(external_key(room, record), span_of(key, key_len));
}

static bool equal_host(const void *record, const void *key, size_t key_len)
{
	const struct portctl_host *host = record;
	return key_len == sizeof(struct ip_address) && ip_address_equal(&host->address, key);
}

static void *find(const struct table *t, struct span key)
{
	return table_find(t, table_hash(t, key), key.data, key.len);
}

static enum err insert(struct table *t, struct span key, void *record)
{
	return table_insert(t, table_hash(t, key), key.data, key.len, record);
}

static void remove_key(struct table *t, struct span key)
{
	(void)table_remove(t, table_hash(t, key), key.data, key.len);
}

struct portctl_host *portctl_host_of(const struct portctl *p, const struct ip_address *address)
{
	return find(&p->by_host, span_of(address, sizeof(*address)));
}

/* --- hosts --- */

static struct portctl_host *host_take(struct portctl *p, const struct ip_address *address)
{
	struct portctl_host *host = portctl_host_of(p, address);
	if (host)
		return host;
	host = slab_take(&p->hosts);
	if (!host)
		return NULL;
	host->address = *address;
	if (insert(&p->by_host, span_of(&host->address, sizeof(host->address)), host)) {
		slab_give(&p->hosts, host);
		return NULL;
	}
	return host;
}

static void host_leave(struct portctl *p, struct portctl_host *host)
{
	if (host->n)
		return;
	remove_key(&p->by_host, span_of(&host->address, sizeof(host->address)));
	slab_give(&p->hosts, host);
}

static void host_add(struct portctl_host *host, struct portctl_mapping *m)
{
	m->host = host;
	m->next = NULL;
	m->previous = host->last;
	*(host->last ? &host->last->next : &host->first) = m;
	host->last = m;
	host->n++;
}

static void host_drop(struct portctl *p, struct portctl_mapping *m)
{
	struct portctl_host *host = m->host;
	*(m->previous ? &m->previous->next : &host->first) = m->next;
	*(m->next ? &m->next->previous : &host->last) = m->previous;
	host->n--;
	host_leave(p, host);
}

/* --- the list --- */

static uint32_t *used_of(struct portctl *p, const struct portctl_mapping *m)
{
	return m->internal.address.family == 4 ? &p->used_v4 : &p->used_v6;
}

void portctl_tell(const struct portctl *p, const char *what, const struct portctl_mapping *m)
{
	if (p->effects->told)
		p->effects->told(p->effects->arg, what, m);
}

void portctl_lose(struct portctl *p)
{
	p->epoch_at_ms = p->now_ms;
	p->epoch_base_s = 0;
	p->changes++;
	if (p->effects->lost)
		p->effects->lost(p->effects->arg);
}

/* One port may serve several far ends: it is nobody's alone. */
enum err portctl_list_external(struct portctl *p, struct portctl_mapping *m)
{
	uint8_t room[KEY_MAX];
	return m->remote.address.family ? OK : insert(&p->by_external, external_key(room, m), m);
}

void portctl_unlist_external(struct portctl *p, const struct portctl_mapping *m)
{
	uint8_t room[KEY_MAX];
	if (!m->remote.address.family)
		remove_key(&p->by_external, external_key(room, m));
}

void portctl_forget(struct portctl *p, struct portctl_mapping *m)
{
	portctl_unlist_external(p, m);
	wheel_cancel(&p->wheel, &m->timer);
	--*used_of(p, m);
	host_drop(p, m);
	slab_give(&p->mappings, m);
	p->changes++;
}

void portctl_shut(struct portctl *p, struct portctl_mapping *m, const char *why)
{
	uint8_t room[KEY_MAX];
	p->effects->map_close(p->effects->arg, m);
	portctl_tell(p, why, m);
	remove_key(&p->by_internal, internal_key(room, m));
	portctl_forget(p, m);
}

enum portctl_verdict portctl_verdict_of(enum err e)
{
	switch (e) {
	case OK: return PORTCTL_DONE;
	case ERR_EXISTS: return PORTCTL_TAKEN;
	case ERR_LIMIT: return PORTCTL_FULL;
	case ERR_REFUSED: return PORTCTL_FORBIDDEN;
	case ERR_UNSUPPORTED: return PORTCTL_UNSUPPORTED;
	default: return PORTCTL_NO_NETWORK;
	}
}

/* Into the tables; the external endpoint is the given one. */
static enum err enlist(struct portctl *p, struct portctl_mapping *m)
{
	uint8_t room[KEY_MAX];
	TRY(insert(&p->by_internal, internal_key(room, m), m));
	enum err e = portctl_list_external(p, m);
	if (e)
		remove_key(&p->by_internal, internal_key(room, m));
	return e;
}

enum portctl_verdict portctl_take(struct portctl *p, struct portctl_mapping *m, bool exact)
{
	struct ip_endpoint given;
	struct portctl_host *host = host_take(p, &m->internal.address);
	if (!host) {
		slab_give(&p->mappings, m);
		return PORTCTL_FULL;
	}
	enum portctl_verdict verdict =
		portctl_verdict_of(p->effects->map_open(p->effects->arg, m, exact, &given));
	if (!verdict) {
		m->external = given;
		if (enlist(p, m)) {
			p->effects->map_close(p->effects->arg, m);
			verdict = PORTCTL_FULL;
		}
	}
	if (verdict) {
		host_leave(p, host);
		slab_give(&p->mappings, m);
		return verdict;
	}
	host_add(host, m);
	++*used_of(p, m);
	wheel_add(&p->wheel, &m->timer, m->expires_ms);
	p->changes++;
	return PORTCTL_DONE;
}

/* --- looking --- */

struct portctl_mapping *portctl_mapping_of(const struct portctl *p, uint8_t protocol,
					   const struct ip_endpoint *internal,
					   const struct ip_endpoint *remote)
{
	uint8_t room[KEY_MAX];
	return find(&p->by_internal, key_write(room, protocol, internal, remote));
}

bool portctl_port_is_others(const struct portctl *p, uint8_t protocol,
			    const struct ip_endpoint *external, const struct ip_address *host)
{
	uint8_t room[KEY_MAX];
	const struct portctl_mapping *m =
		find(&p->by_external, key_write(room, protocol, external, NULL));
	return m && !ip_address_equal(&m->internal.address, host);
}

const struct portctl_mapping *portctl_find(const struct portctl *p, uint8_t protocol,
					   const struct ip_endpoint *internal,
					   const struct ip_endpoint *remote)
{
	return portctl_mapping_of(p, protocol, internal, remote);
}

const struct portctl_mapping *portctl_of_host(const struct portctl *p,
					      const struct ip_address *host,
					      const struct portctl_mapping *before)
{
	const struct portctl_host *h = before ? NULL : portctl_host_of(p, host);
	return before ? before->next : h ? h->first : NULL;
}

const struct portctl_mapping *portctl_next(const struct portctl *p, size_t *at)
{
	return table_next(&p->by_internal, at);
}

size_t portctl_used(const struct portctl *p, uint8_t family)
{
	return family == 4 ? p->used_v4 : p->used_v6;
}

uint32_t portctl_left_s(const struct portctl_mapping *m, uint64_t now_ms)
{
	uint64_t left_ms = m->expires_ms > now_ms ? m->expires_ms - now_ms : 0;
	return left_ms < 1000 ? 1 : (uint32_t)(left_ms / 1000);
}

uint32_t portctl_epoch_s(const struct portctl *p, uint64_t now_ms)
{
	return (uint32_t)(p->epoch_base_s + (now_ms - p->epoch_at_ms) / 1000);
}

enum err portctl_external_address(const struct portctl *p, const struct ip_address *internal,
				  uint8_t family, struct ip_address *ret)
{
	return p->effects->external_address(p->effects->arg, internal, family, ret);
}

bool portctl_third_party(const struct portctl *p, const struct ip_address *host)
{
	return portctl_rules_third_party(p->rules, host);
}

bool portctl_third_party_on(const struct portctl *p)
{
	return p->rules->third_party_n > 0;
}

uint64_t portctl_changes(const struct portctl *p)
{
	return p->changes;
}

uint64_t portctl_count(const struct portctl *p, enum portctl_origin origin,
		       enum portctl_verdict verdict)
{
	return p->counts[origin][verdict];
}

/* --- life --- */

enum err portctl_new(const struct portctl_start *start, struct portctl **ret)
{
	struct portctl *p = calloc(1, sizeof(*p));
	if (!p)
		return (enum err)ENOMEM;
	enum { ALL = 2 * PORTCTL_MAPPINGS_MAX };
	p->rules = start->rules;
	p->effects = start->effects;
	p->now_ms = p->epoch_at_ms = start->now_ms;
	slab_init(&p->mappings, sizeof(struct portctl_mapping), ALL);
	slab_init(&p->hosts, sizeof(struct portctl_host), ALL);
	table_init(&p->by_internal, start->key, ALL, equal_internal);
	table_init(&p->by_external, start->key, ALL, equal_external);
	table_init(&p->by_host, start->key, ALL, equal_host);
	wheel_init(&p->wheel, start->now_ms);
	*ret = p;
	return OK;
}

void portctl_free(struct portctl *p)
{
	if (!p)
		return;
	table_done(&p->by_internal);
	table_done(&p->by_external);
	table_done(&p->by_host);
	slab_done(&p->mappings);
	slab_done(&p->hosts);
	free(p);
}
