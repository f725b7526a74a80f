/* The configuration compiled: everything is copied into one arena and never changes again. */
#include "base/writer.h"
#include "service/dhcp/conf.h"
#include "service/dhcp/conf_check.h"
#include "service/dhcp/site_inner.h"

#include <stdlib.h>

enum { RESERVED_MAX = 4 * 1024 * 1024 };
#define CONFIG_ARENA_MAX ((size_t)4 << 30)

static uint32_t seconds(uint64_t ms)
{
	return (uint32_t)((ms + 999) / 1000);
}

MUST static enum err copy_text(struct arena *a, const char *text, const char **ret)
{
	*ret = text ? arena_copy(a, span_text(text)) : NULL;
	return text && !*ret ? (enum err)ENOMEM : OK;
}

MUST static enum err copy_span(struct arena *a, struct span from, struct span *ret)
{
	const char *copy = arena_copy(a, from);

	if (!copy)
		return ENOMEM;
	*ret = span_of(copy, from.len);
	return OK;
}

/* --- pools --- */

static uint64_t class_bits(const struct config_list *names, const struct config_list *classes)
{
	const char *const *n = names->items;
	const struct dhcp_class_conf *c = classes->items;
	uint64_t bits = 0;

	for (size_t i = 0; i < names->n; i++) {
		for (size_t k = 0; k < classes->n; k++)
			bits |= strcmp(n[i], c[k].name) == 0 ? 1ULL << k : 0;
	}
	return bits;
}

static int compare_pools(const void *a, const void *b)
{
	const struct dhcp_pool *x = *(const struct dhcp_pool *const *)a;
	const struct dhcp_pool *y = *(const struct dhcp_pool *const *)b;

	return (x->first > y->first) - (x->first < y->first);
}

MUST static enum err add_pools(struct dhcp_site *s, const struct dhcp_conf *conf, size_t at)
{
	const struct dhcp_network_conf *n =
		&((const struct dhcp_network_conf *)conf->networks.items)[at];
	const struct dhcp_pool_conf *from = n->pools.items;
	struct dhcp_pool *pools = ARENA_ARRAY(&s->config, struct dhcp_pool, n->pools.n);
	const struct dhcp_pool **sorted =
		ARENA_ARRAY(&s->config, const struct dhcp_pool *, n->pools.n);

	if (!pools || !sorted)
		return ENOMEM;
	for (size_t i = 0; i < n->pools.n; i++) {
		pools[i] = (struct dhcp_pool){
			.first = dhcp_conf_v4(&from[i].range.first),
			.last = dhcp_conf_v4(&from[i].range.last),
			.allocate = (enum dhcp_allocate)from[i].allocate,
			.classes = class_bits(&from[i].classes, &conf->classes),
			.index = (uint32_t)s->pools_n++,
			.warn_percent = (uint16_t)from[i].warn_percent,
		};
		TRY(dhcp_scope_new(&from[i].scope, &s->config, &pools[i].scope));
		sorted[i] = &pools[i];
	}
	if (n->pools.n)
		qsort(sorted, n->pools.n, sizeof(const struct dhcp_pool *), compare_pools);
	s->networks[at].pools = pools;
	s->networks[at].pools_n = n->pools.n;
	s->inner[at].pools_by_first = sorted;
	return OK;
}

/* --- networks --- */

/* What is said in the network, else for all. */
#define MANNER(field) (own->said.field ? own->field : all->field)

static void set_manner(struct dhcp_network *n, const struct dhcp_manner_conf *own,
		       const struct dhcp_manner_conf *all)
{
	n->probe = MANNER(probe);
	n->probe_ms = (uint32_t)MANNER(probe_ms);
	n->decline_s = seconds(MANNER(decline_ms));
	n->offer_s = seconds(MANNER(offer_ms));
	n->rapid_commit = MANNER(rapid_commit);
	n->authoritative = MANNER(authoritative);
	n->per_second = MANNER(per_second);
	n->per_port = MANNER(per_port);
}

MUST static enum err add_network(struct dhcp_site *s, const struct dhcp_conf *conf, size_t at)
{
	const struct dhcp_network_conf *from =
		&((const struct dhcp_network_conf *)conf->networks.items)[at];
	struct dhcp_network *n = &s->networks[at];
	char text[IP_PREFIX_TEXT_MAX];

	(void)ip_prefix_format(&from->subnet, text);
	*n = (struct dhcp_network){
		.site = s,
		.subnet = dhcp_conf_v4(&from->subnet.address),
		.bits = from->subnet.bits,
		.index = (uint32_t)at,
		.server_id = from->server_id.family == 4 ? dhcp_conf_v4(&from->server_id) : 0,
	};
	TRY(copy_text(&s->config, from->name ? from->name : text, &n->name));
	TRY(copy_text(&s->config, from->interface, &n->interface));
	set_manner(n, &from->manner, &conf->manner);
	TRY(dhcp_scope_new(&from->scope, &s->config, &n->scope));
	s->inner[at].link_index = (uint32_t)dhcp_conf_link(conf, at);
	return add_pools(s, conf, at);
}

/* Networks of one link share one list of it. */
MUST static enum err add_links(struct dhcp_site *s)
{
	for (size_t i = 0; i < s->networks_n; i++) {
		size_t n = 0, first = s->inner[i].link_index;
		const struct dhcp_network **link;
		if (first != i) {
			s->networks[i].link = s->networks[first].link;
			s->networks[i].link_n = s->networks[first].link_n;
			continue;
		}
		for (size_t k = i; k < s->networks_n; k++)
			n += s->inner[k].link_index == i;
		link = ARENA_ARRAY(&s->config, const struct dhcp_network *, n);
		if (!link)
			return ENOMEM;
		s->networks[i].link = link;
		s->networks[i].link_n = n;
		n = 0;
		for (size_t k = i; k < s->networks_n; k++) {
			if (s->inner[k].link_index == i)
				link[n++] = &s->networks[k];
		}
	}
	return OK;
}

static int compare_networks(const void *a, const void *b)
{
	const struct dhcp_network *x = *(const struct dhcp_network *const *)a;
	const struct dhcp_network *y = *(const struct dhcp_network *const *)b;

	return (x->subnet > y->subnet) - (x->subnet < y->subnet);
}

MUST static enum err add_networks(struct dhcp_site *s, const struct dhcp_conf *conf)
{
	size_t n = conf->networks.n;

	s->networks_n = n;
	s->networks = ARENA_ARRAY(&s->config, struct dhcp_network, n);
	s->inner = ARENA_ARRAY(&s->config, struct dhcp_site_network, n);
	s->networks_by_first = ARENA_ARRAY(&s->config, const struct dhcp_network *, n);
	if (!s->networks || !s->inner || !s->networks_by_first)
		return ENOMEM;
	for (size_t i = 0; i < n; i++) {
		TRY(add_network(s, conf, i));
		s->networks_by_first[i] = &s->networks[i];
	}
	if (n)
		qsort(s->networks_by_first, n, sizeof(const struct dhcp_network *),
		      compare_networks);
	return add_links(s);
}

/* --- reservations --- */

MUST static enum err fill_reserved(struct dhcp_site *s, const struct dhcp_reservation_conf *from,
				   uint32_t link_index, struct dhcp_site_reserved *r)
{
	uint8_t buf[2 * DHCP_IDENTITY_MAX], key[DHCP_SITE_KEY_MAX];
	struct writer w = writer_of(buf, sizeof(buf));
	struct span identity, remote_id;
	int kind;

	TRY(dhcp_reservation_identity(from, &w, &kind, &identity, &remote_id));
	r->pub.kind = (enum dhcp_identity_kind)kind;
	r->link_index = link_index;
	TRY(copy_span(&s->config, identity, &r->pub.identity));
	TRY(copy_span(&s->config, remote_id, &r->pub.remote_id));
	TRY(copy_span(&s->config, dhcp_site_key(link_index, r->pub.kind, identity, remote_id, key),
		      &r->key));
	r->pub.address = from->address.family == 4 ? dhcp_conf_v4(&from->address) : 0;
	TRY(copy_text(&s->config, from->name, &r->pub.name));
	return dhcp_scope_new(&from->scope, &s->config, &r->pub.scope);
}

MUST static enum err index_reserved(struct dhcp_site *s, struct dhcp_site_reserved *r)
{
	uint32_t hash = table_hash(&s->by_identity, r->key);

	TRY(table_insert(&s->by_identity, hash, r->key.data, r->key.len, r));
	if (r->pub.address == 0)
		return OK;
	hash = table_hash(&s->by_address, span_of(&r->pub.address, sizeof(r->pub.address)));
	return table_insert(&s->by_address, hash, &r->pub.address, sizeof(r->pub.address), r);
}

MUST static enum err add_reservations(struct dhcp_site *s, const struct dhcp_conf *conf)
{
	const struct dhcp_network_conf *networks = conf->networks.items;
	size_t n = 0;

	for (size_t i = 0; i < conf->networks.n; i++)
		n += networks[i].reservations.n;
	struct dhcp_site_reserved *r = ARENA_ARRAY(&s->config, struct dhcp_site_reserved, n);
	if (!r)
		return ENOMEM;
	TRY(table_reserve(&s->by_identity, n));
	TRY(table_reserve(&s->by_address, n));
	for (size_t i = 0; i < conf->networks.n; i++) {
		const struct dhcp_reservation_conf *from = networks[i].reservations.items;
		for (size_t k = 0; k < networks[i].reservations.n; k++, r++) {
			TRY(fill_reserved(s, &from[k], s->inner[i].link_index, r));
			TRY(index_reserved(s, r));
		}
	}
	return OK;
}

static bool identity_is(const void *record, const void *key, size_t key_len)
{
	const struct dhcp_site_reserved *r = record;

	return span_equal(r->key, span_of(key, key_len));
}

static bool address_is(const void *record, const void *key, size_t key_len)
{
	const struct dhcp_site_reserved *r = record;

	return key_len == sizeof(r->pub.address) && memcmp(&r->pub.address, key, key_len) == 0;
}

/* --- the site --- */

MUST static enum err add_classes(struct dhcp_site *s, const struct dhcp_conf *conf)
{
	const struct dhcp_class_conf *classes = conf->classes.items;
	const struct dhcp_scope **scopes =
		ARENA_ARRAY(&s->config, const struct dhcp_scope *, conf->classes.n);

	if (!scopes)
		return ENOMEM;
	for (size_t i = 0; i < conf->classes.n; i++)
		TRY(dhcp_scope_new(&classes[i].scope, &s->config, &scopes[i]));
	s->class_scopes = scopes;
	return dhcp_classes_init(&s->classes, &conf->classes, &s->config);
}

MUST static enum err add_split(struct dhcp_site *s, const struct dhcp_split_conf *conf)
{
	const char *const *texts = conf->buckets.items;
	unsigned first, last;

	s->split = conf->buckets.n > 0;
	s->split_wait_s = (uint16_t)seconds(conf->wait_ms);
	for (size_t i = 0; i < conf->buckets.n; i++) {
		TRY(dhcp_bucket_parse(span_text(texts[i]), &first, &last));
		for (unsigned k = first; k <= last; k++)
			s->buckets[k / 64] |= 1ULL << k % 64;
	}
	return OK;
}

static void site_free(struct dhcp_site *s)
{
	if (!s)
		return;
	table_done(&s->by_identity);
	table_done(&s->by_address);
	dhcp_classes_done(&s->classes);
	arena_done(&s->config);
	free(s);
}
DEFINE_AUTO(struct dhcp_site, site_free)

enum err dhcp_site_new(const struct dhcp_conf *conf, struct dhcp_site **ret)
{
	AUTO(site_free) struct dhcp_site *s = calloc(1, sizeof(*s));
	/* Only what the configuration names is in these tables: nobody can make them collide. */
	const struct hash_key key = {.k0 = 1, .k1 = 2};

	if (!s)
		return ENOMEM;
	s->refs = 1;
	arena_init(&s->config, CONFIG_ARENA_MAX);
	table_init(&s->by_identity, key, RESERVED_MAX, identity_is);
	table_init(&s->by_address, key, RESERVED_MAX, address_is);
	TRY(dhcp_scope_new(&conf->scope, &s->config, &s->scope));
	TRY(add_classes(s, conf));
	TRY(add_networks(s, conf));
	TRY(add_reservations(s, conf));
	TRY(add_split(s, &conf->split));
	*ret = TAKE(s);
	return OK;
}

struct dhcp_site *dhcp_site_ref(struct dhcp_site *s)
{
	(void)__atomic_add_fetch(&s->refs, 1, __ATOMIC_RELAXED);
	return s;
}

void dhcp_site_unref(struct dhcp_site *s)
{
	if (s && __atomic_sub_fetch(&s->refs, 1, __ATOMIC_ACQ_REL) == 0)
		site_free(s);
}
