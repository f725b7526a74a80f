/* From the configuration to the rules of an engine. */
#include "service/resolver/conf.h"

#include "policy/io_follow.h"
#include "proto/ip/prefix.h"
#include "service/resolver/hints.h"

#include <stdlib.h>

struct parts {
	struct engine_zone *zones;
	struct ip_endpoint *endpoints;
	struct ip_prefix *access;
	struct ip_address *outgoing;
	struct dns64_map *maps;
	struct ip_prefix *clients, *exclude, *unmapped;
	char *identity;
};

static size_t endpoints_of(const struct config_list *list)
{
	const struct resolver_zone_conf *zones = list->items;
	size_t n = 0;
	for (size_t i = 0; i < list->n; i++)
		n += zones[i].to.n;
	return n;
}

/* n items of size from list (may be NULL) to at, which moves past them; aligned for any of them. */
static void *place(uint8_t **at, const void *items, size_t n, size_t size)
{
	void *placed = *at;
	if (n && items)
		memcpy(placed, items, n * size); /* the caller counted the room */
	*at += (n * size + 15) / 16 * 16;
	return placed;
}

static enum err memory_new(const struct resolver_conf *c, size_t told, void **ret, struct parts *p)
{
	size_t zones = c->forward.n + c->stub.n + 1;
	size_t endpoints = endpoints_of(&c->forward) + endpoints_of(&c->stub) + told;
	size_t identity = c->identity ? strlen(c->identity) + 1 : 1;
	const struct resolver_dns64_conf *d = &c->dns64;
	size_t prefixes = c->access.n + d->clients.n + d->exclude.n + d->unmapped.n;
	size_t maps = d->prefixes.n + d->ranges.n;
	uint8_t *at = calloc(
		1, zones * sizeof(struct engine_zone) + endpoints * sizeof(struct ip_endpoint) +
			   prefixes * sizeof(struct ip_prefix) + maps * sizeof(struct dns64_map) +
			   c->outgoing.n * sizeof(struct ip_address) + identity + 9 * 16);
	if (!at)
		return ENOMEM;
	*ret = at;
	p->zones = place(&at, NULL, zones, sizeof(struct engine_zone));
	p->endpoints = place(&at, NULL, endpoints, sizeof(struct ip_endpoint));
	p->access = place(&at, c->access.items, c->access.n, sizeof(struct ip_prefix));
	p->outgoing = place(&at, c->outgoing.items, c->outgoing.n, sizeof(struct ip_address));
	p->maps = place(&at, NULL, maps, sizeof(struct dns64_map));
	p->clients = place(&at, d->clients.items, d->clients.n, sizeof(struct ip_prefix));
	p->exclude = place(&at, d->exclude.items, d->exclude.n, sizeof(struct ip_prefix));
	p->unmapped = place(&at, d->unmapped.items, d->unmapped.n, sizeof(struct ip_prefix));
	p->identity = place(&at, c->identity, c->identity ? identity : 0, 1);
	return OK;
}

static bool is_here(const struct config_list *to)
{
	const struct ip_endpoint *at = to->items;
	for (size_t i = 0; i < to->n; i++)
		if (!ip_address_is_loopback(&at[i].address))
			return false;
	return true;
}

static void add_zones(const struct config_list *list, enum delegation_kind kind, struct parts *p)
{
	const struct resolver_zone_conf *zones = list->items;
	for (size_t i = 0; i < list->n; i++) {
		const struct config_list *to = &zones[i].to;
		*p->zones++ = (struct engine_zone){
			.name = zones[i].zone,
			.kind = kind,
			.to = p->endpoints,
			.to_n = to->n,
			.bounded =
				kind == DELEGATION_ITERATIVE && (zones[i].hold_own || is_here(to)),
			.hold_max_s = (uint32_t)((zones[i].hold_ms + 999) / 1000)};
		memcpy(p->endpoints, to->items, to->n * sizeof(struct ip_endpoint)); /* counted */
		p->endpoints += to->n;
	}
}

static void fill_dns64(const struct resolver_dns64_conf *c, const struct parts *p,
		       struct resolver_rules *r)
{
	const struct ip_prefix *prefixes = c->prefixes.items;
	const struct dns64_map *ranges = c->ranges.items;
	size_t n = 0;
	for (size_t i = 0; i < c->prefixes.n; i++)
		p->maps[n++] = (struct dns64_map){.from = {.address = {.family = 4}, .bits = 0},
						  .to = prefixes[i]};
	for (size_t i = 0; i < c->ranges.n; i++)
		p->maps[n++] = ranges[i];
	r->dns64 = (struct dns64_rules){.maps = p->maps,
					.maps_n = n,
					.clients = p->clients,
					.clients_n = c->clients.n,
					.exclude = p->exclude,
					.exclude_n = c->exclude.n,
					.unmapped = p->unmapped,
					.unmapped_n = c->unmapped.n};
	r->rules.dns64 = &r->dns64;
}

static void add_told(struct resolver_told told, struct parts *p, struct engine_rules *r)
{
	if (told.n == 0)
		return;
	*p->zones++ = (struct engine_zone){.name = DNS_NAME_ROOT,
					   .kind = DELEGATION_FORWARD,
					   .to = p->endpoints,
					   .to_n = told.n};
	memcpy(p->endpoints, told.at,
	       told.n * sizeof(struct ip_endpoint)); /* memory_new has room */
	p->endpoints += told.n;
	r->zones_n++;
}

static uint32_t seconds(uint64_t ms)
{
	return (uint32_t)(ms / 1000);
}

static void fill(const struct resolver_conf *c, const char *version, struct parts *p,
		 struct resolver_rules *r)
{
	r->idle_ms = c->tcp.idle_ms;
	r->rules = (struct engine_rules){
		.zones = p->zones,
		.zones_n = c->forward.n + c->stub.n,
		.roots = &r->roots,
		.access = p->access,
		.access_n = c->access.n,
		.outgoing = p->outgoing,
		.outgoing_n = c->outgoing.n,
		.minimise = c->minimise,
		.prime = c->prime,
		.full_answers = c->answers == RESOLVER_ANSWERS_FULL,
		.special_names = c->special_names,
		.upstream = {.ipv4 = c->upstream_ipv4,
			     .ipv6 = c->upstream_ipv6,
			     .loopback = c->ask_loopback},
		.ttl_min_s = seconds(c->ttl.min_ms),
		.ttl_max_s = seconds(c->ttl.max_ms),
		.negative_max_s = seconds(c->ttl.negative_max_ms),
		.edns_size = (uint16_t)c->edns_size,
		.upstream_port = c->upstream_port,
		.version = c->version ? version : NULL,
		.identity = c->identity ? p->identity : NULL,
	};
	if (c->dns64_on)
		fill_dns64(&c->dns64, p, r);
	add_zones(&c->forward, DELEGATION_FORWARD, p);
	add_zones(&c->stub, DELEGATION_ITERATIVE, p);
}

enum err resolver_rules_new(const struct resolver_conf *conf, struct span hints,
			    struct resolver_told told, const char *version,
			    struct resolver_rules **ret, uint32_t *ret_line, char *ret_message,
			    size_t message_size)
{
	struct resolver_rules *r = calloc(1, sizeof(*r));
	struct parts parts;
	if (!r)
		return ENOMEM;
	atomic_init(&r->refs, 1);
	enum err err = memory_new(conf, told.n, &r->memory, &parts);
	if (!err && hints.len)
		err = hints_read(hints, conf->upstream_port, &r->roots, ret_line, ret_message,
				 message_size);
	else if (!err && conf->roots.n)
		hints_of_addresses(conf->roots.items, conf->roots.n, conf->upstream_port,
				   &r->roots);
	else if (!err)
		hints_builtin(conf->upstream_port, &r->roots);
	if (err) {
		resolver_rules_unref(r);
		return err;
	}
	r->roots.configured = true;
	fill(conf, version, &parts, r);
	add_told(told, &parts, &r->rules);
	*ret = r;
	return OK;
}

void resolver_rules_obey(struct resolver_rules *r, const struct resolver_conf *conf,
			 struct policy_held *held)
{
	const struct ip_address *page = conf->policy.page.items;
	if (!held || !conf->policy_on)
		return;
	r->held = policy_held_ref(held);
	r->filter = (struct filter_rules){.policy = policy_held_policy(held),
					  .pauses = policy_held_pauses(held),
					  .tables = policy_held_tables(held),
					  .answer = conf->policy.answer,
					  .ttl_s = seconds(conf->policy.ttl_ms)};
	for (size_t i = 0; i < conf->policy.page.n; i++)
		*(page[i].family == 4 ? &r->filter.page4 : &r->filter.page6) = page[i];
	r->rules.filter = &r->filter;
}

struct resolver_rules *resolver_rules_ref(struct resolver_rules *r)
{
	atomic_fetch_add_explicit(&r->refs, 1, memory_order_relaxed);
	return r;
}

void resolver_rules_unref(struct resolver_rules *r)
{
	if (!r || atomic_fetch_sub_explicit(&r->refs, 1, memory_order_acq_rel) != 1)
		return;
	policy_held_unref(r->held);
	free(r->memory);
	free(r);
}
