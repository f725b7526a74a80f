#include "service/reverse-proxy/lookup.h"

#include <stdlib.h>

enum {
	TTL_LEAST_S = 1,
	TTL_MOST_S = 3600,
	TTL_NONE_S = 60, /* of what there is none of */
	RETRY_FIRST_MS = 1000,
	RETRY_DOUBLINGS = 6,
	LEVEL_MOST = REVERSE_BACKUP_LEVEL - 1,
};

/* --- which there are -------------------------------------------------------------------------- */

static struct lookup *find(const struct lookups *l, const struct dns_name *name, bool srv)
{
	struct lookup *k = l->first;
	while (k && (k->srv != srv || !dns_name_equal(&k->name, name)))
		k = k->next;
	return k;
}

static enum err want(struct lookups *l, const struct dns_name *as_written, bool srv,
		     uint64_t now_ms, struct lookup **ret)
{
	struct dns_name name = *as_written;
	dns_name_lower(&name);
	struct lookup *k = find(l, &name, srv);
	if (!k) {
		if (l->n == LOOKUPS_MAX)
			return ERR_LIMIT;
		k = calloc(1, sizeof(*k));
		if (!k)
			return ENOMEM;
		*k = (struct lookup){.name = name, .srv = srv, .due_ms = now_ms, .next = l->first};
		l->first = k;
		l->n++;
	}
	k->wanted = true;
	*ret = k;
	return OK;
}

static enum err want_server(struct lookups *l, const struct reverse_server_conf *s, uint64_t now_ms)
{
	struct lookup *k, *target;
	if (s->name.len)
		return want(l, &s->name, false, now_ms, &k);
	if (!s->srv.len)
		return OK;
	TRY(want(l, &s->srv, true, now_ms, &k));
	for (size_t i = 0; k->services && i < k->services->n; i++)
		TRY(want(l, &k->services->items[i].target, false, now_ms, &target));
	return OK;
}

/* Those that are asked stay until they are answered. */
static void drop_unwanted(struct lookups *l)
{
	for (struct lookup **at = &l->first; *at;) {
		struct lookup *k = *at;
		if (k->wanted || k->due_ms == LOOKUP_ASKED) {
			k->wanted = false;
			at = &k->next;
			continue;
		}
		*at = k->next;
		l->n--;
		free(k->services);
		free(k);
	}
}

static enum err mark(struct lookups *l, uint64_t now_ms)
{
	enum err e = OK;
	for (size_t i = 0; i < l->pools_n; i++) {
		const struct reverse_server_conf *s = l->pools[i].servers.items;
		for (size_t k = 0; k < l->pools[i].servers.n; k++) {
			enum err one = want_server(l, &s[k], now_ms);
			e = e ? e : one;
		}
	}
	drop_unwanted(l);
	return e;
}

enum err lookups_set(struct lookups *l, const struct reverse_pool_conf *pools, size_t n,
		     uint64_t now_ms)
{
	l->pools = pools;
	l->pools_n = n;
	return mark(l, now_ms);
}

void lookups_done(struct lookups *l)
{
	while (l->first) {
		struct lookup *k = l->first;
		l->first = k->next;
		free(k->services);
		free(k);
	}
	*l = (struct lookups){0};
}

struct lookup *lookups_due(struct lookups *l, uint64_t now_ms)
{
	struct lookup *k = l->first;
	while (k && (k->due_ms == LOOKUP_ASKED || k->due_ms > now_ms))
		k = k->next;
	if (k)
		k->due_ms = LOOKUP_ASKED;
	return k;
}

bool lookups_settled(const struct lookups *l)
{
	for (const struct lookup *k = l->first; k; k = k->next)
		if (!k->failures && !k->services && !k->addresses[0].n && !k->addresses[1].n)
			return false;
	return true;
}

uint64_t lookups_next_ms(const struct lookups *l)
{
	uint64_t next_ms = LOOKUP_ASKED;
	for (const struct lookup *k = l->first; k; k = k->next)
		next_ms = k->due_ms < next_ms ? k->due_ms : next_ms;
	return next_ms;
}

/* --- answers ---------------------------------------------------------------------------------- */

static bool has_address(const struct dns_addresses *a, const struct ip_address *address)
{
	for (size_t i = 0; i < a->n; i++)
		if (ip_address_equal(&a->items[i], address))
			return true;
	return false;
}

/* Servers of the DNS turn the order with each answer, which says nothing. */
static bool same_addresses(const struct dns_addresses *a, const struct dns_addresses *b)
{
	for (size_t i = 0; i < a->n; i++)
		if (!has_address(b, &a->items[i]))
			return false;
	return a->n == b->n;
}

static bool has_service(const struct dns_services *s, const struct dns_service *one)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->items[i].priority == one->priority && s->items[i].weight == one->weight &&
		    s->items[i].port == one->port &&
		    dns_name_equal(&s->items[i].target, &one->target))
			return true;
	return false;
}

static bool same_services(const struct dns_services *a, const struct dns_services *b)
{
	for (size_t i = 0; i < a->n; i++)
		if (!has_service(b, &a->items[i]))
			return false;
	return a->n == b->n;
}

static uint64_t after_ms(uint64_t now_ms, uint32_t ttl_s)
{
	uint32_t s = ttl_s < TTL_LEAST_S ? TTL_LEAST_S : ttl_s > TTL_MOST_S ? TTL_MOST_S : ttl_s;
	return now_ms + s * UINT64_C(1000);
}

static void fail(struct lookup *k, uint64_t now_ms)
{
	unsigned doublings = k->failures < RETRY_DOUBLINGS ? k->failures : RETRY_DOUBLINGS;
	k->failures++;
	k->due_ms = now_ms + ((uint64_t)RETRY_FIRST_MS << doublings);
}

static bool take_addresses(struct lookup *k, uint64_t now_ms, const struct lookup_answer *answer)
{
	bool changed = false, all = true;
	size_t n = 0;
	uint32_t ttl_s = TTL_MOST_S;
	for (size_t i = 0; i < LOOKUP_TYPES; i++) {
		n += answer->told[i] ? answer->addresses[i].n : 0;
		all &= answer->told[i];
	}
	if (n == 0) {
		fail(k, now_ms);
		return false;
	}
	for (size_t i = 0; i < LOOKUP_TYPES; i++) {
		const struct dns_addresses *a = &answer->addresses[i];
		uint32_t mine_s = a->n ? a->ttl_s : TTL_NONE_S;
		if (!answer->told[i])
			continue;
		ttl_s = mine_s < ttl_s ? mine_s : ttl_s;
		if (same_addresses(&k->addresses[i], a))
			continue;
		k->addresses[i] = *a;
		changed = true;
	}
	if (all) {
		k->failures = 0;
		k->due_ms = after_ms(now_ms, ttl_s);
	} else {
		fail(k, now_ms);
	}
	return changed;
}

static bool take_services(struct lookup *k, uint64_t now_ms, const struct lookup_answer *answer)
{
	struct dns_services *s = k->services ? k->services : calloc(1, sizeof(*s));
	if (!s || !answer->told[0] || answer->services.n == 0) {
		if (!k->services)
			free(s);
		fail(k, now_ms);
		return false;
	}
	bool changed = !k->services || !same_services(s, &answer->services);
	k->services = s;
	if (changed)
		*s = answer->services;
	k->failures = 0;
	k->due_ms = after_ms(now_ms, answer->services.ttl_s);
	return changed;
}

bool lookups_take(struct lookups *l, struct lookup *k, uint64_t now_ms,
		  const struct lookup_answer *answer)
{
	bool changed =
		k->srv ? take_services(k, now_ms, answer) : take_addresses(k, now_ms, answer);
	/* Without memory for one of its targets, that one is missing until the next time. */
	err_ignore(mark(l, now_ms));
	return changed;
}

/* --- where they lead -------------------------------------------------------------------------- */

/* The nth address of the host; *nth is what is left of it. */
static const struct ip_address *nth_address(const struct lookup *k, size_t *nth)
{
	for (size_t i = 0; k && i < LOOKUP_TYPES; i++) {
		if (*nth < k->addresses[i].n)
			return &k->addresses[i].items[*nth];
		*nth -= k->addresses[i].n;
	}
	return NULL;
}

/* RFC 2782: a lower priority is asked first. */
static uint16_t level_of(const struct dns_services *s, size_t index)
{
	unsigned level = 0;
	for (size_t i = 1; i <= index; i++)
		level += s->items[i].priority != s->items[i - 1].priority;
	return (uint16_t)(level < LEVEL_MOST ? level : LEVEL_MOST);
}

/* In proportion among those of its priority; RFC 2782 gives weight 0 a very small share. */
static uint16_t weight_of(const struct dns_services *s, size_t index)
{
	uint32_t most = 0, mine = s->items[index].weight;
	for (size_t i = 0; i < s->n; i++)
		if (s->items[i].priority == s->items[index].priority && s->items[i].weight > most)
			most = s->items[i].weight;
	if (most > POOL_WEIGHT_MAX)
		mine = mine * POOL_WEIGHT_MAX / most;
	return (uint16_t)(mine ? mine : 1);
}

static bool service_target(const struct lookups *l, const struct dns_services *s, size_t nth,
			   struct reverse_target *ret)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct lookup *host = find(l, &s->items[i].target, false);
		const struct ip_address *a = nth_address(host, &nth);
		if (!a)
			continue;
		*ret = (struct reverse_target){
			.at = {.address = *a, .port = s->items[i].port},
			.weight = weight_of(s, i),
			.level = level_of(s, i),
		};
		return true;
	}
	return false;
}

bool lookups_target(void *arg, const struct reverse_server_conf *server, size_t nth,
		    struct reverse_target *ret)
{
	const struct lookups *l = arg;
	bool srv = server->srv.len != 0;
	struct dns_name name = srv ? server->srv : server->name;
	dns_name_lower(&name);
	const struct lookup *k = find(l, &name, srv);
	if (k && srv)
		return k->services && service_target(l, k->services, nth, ret);
	const struct ip_address *a = nth_address(k, &nth);
	if (!a)
		return false;
	*ret = (struct reverse_target){.at = {.address = *a, .port = server->port},
				       .weight = (uint16_t)server->weight};
	return true;
}
