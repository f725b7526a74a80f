#include "service/dhcp/v6_site.h"

#include "base/arena.h"
#include "proto/dhcp6/option.h"
#include "service/dhcp/conf6.h"

#include <stdlib.h>

struct v6_site {
	struct v6_classes classes;
	struct v6_options *class_options; /* one for each */
	struct v6_times *class_times;	  /* the same; 0: said elsewhere */
	struct arena arena;		  /* all that follows points into it */
	unsigned refs;
	struct v6_network *networks;
	size_t networks_n, pools_n;
	struct v6_options options;
	uint32_t leases_per_client;
};

/* --- pools as numbers --- */

struct ip_prefix v6_pool_nth(const struct v6_pool *p, uint64_t n)
{
	unsigned __int128 step = (unsigned __int128)1 << (128 - p->bits);
	return (struct ip_prefix){.address = v6_address(p->first + step * n), .bits = p->bits};
}

uint64_t v6_pool_place(const struct v6_pool *p, const struct ip_prefix *lease)
{
	unsigned __int128 n = v6_number(&lease->address);
	if (lease->bits != p->bits || n < p->first)
		return UINT64_MAX;
	n = (n - p->first) >> (128 - p->bits);
	return n < p->size ? (uint64_t)n : UINT64_MAX;
}

/* --- compiling --- */

static uint32_t seconds(uint64_t ms)
{
	return ms / 1000 < UINT32_MAX ? (uint32_t)(ms / 1000) : UINT32_MAX;
}

static struct v6_times times_of(const struct v6_scope_conf *c)
{
	return (struct v6_times){.preferred_s = seconds(c->preferred_ms),
				 .valid_s = seconds(c->valid_ms),
				 .renew_s = seconds(c->renew_ms),
				 .rebind_s = seconds(c->rebind_ms)};
}

static uint32_t nearest(uint32_t here, uint32_t above)
{
	return here ? here : above;
}

static struct v6_times nearest_times(const struct v6_times *here, const struct v6_times *above)
{
	return (struct v6_times){.preferred_s = nearest(here->preferred_s, above->preferred_s),
				 .valid_s = nearest(here->valid_s, above->valid_s),
				 .renew_s = nearest(here->renew_s, above->renew_s),
				 .rebind_s = nearest(here->rebind_s, above->rebind_s)};
}

static uint16_t code_of(const char *word)
{
	const struct dhcp6_option_info *info = dhcp6_option_by_name(span_text(word));
	uint64_t number = 0;
	if (info)
		return info->code;
	return span_to_u64(span_text(word), UINT16_MAX, &number) ? (uint16_t)number : 0;
}

static enum err compile_options(struct v6_site *s, const struct v6_scope_conf *scope,
				struct v6_options *ret)
{
	const struct v6_option_conf *options = scope->options.items;
	const char *const *always = scope->always.items;
	size_t len = 0;
	for (size_t i = 0; i < scope->options.n; i++)
		len += DHCP6_OPTION_HEADER_LEN + options[i].data.len;
	uint8_t *room = ARENA_ARRAY(&s->arena, uint8_t, len + scope->always.n * 2 + 1);
	if (!room)
		return ENOMEM;
	struct writer w = writer_of(room, len + scope->always.n * 2);
	for (size_t i = 0; i < scope->options.n; i++)
		dhcp6_write_option(&w, options[i].code, options[i].data);
	ret->wire = writer_span(&w);
	for (size_t i = 0; i < scope->always.n; i++)
		write_u16(&w, code_of(always[i]));
	ret->always = span_of(room + len, w.pos - len);
	return writer_check(&w);
}

static enum err copy_hex(struct v6_site *s, const char *text, struct span *ret)
{
	uint8_t buf[DHCP6_DUID_LEN_MAX];
	struct writer w = writer_of(buf, sizeof(buf));
	if (!text)
		return OK;
	TRY(dhcp6_option_from_text(DHCP6_OPTION_HEX, span_text(text), &w));
	const char *copy = arena_copy(&s->arena, writer_span(&w));
	if (!copy)
		return ENOMEM;
	*ret = span_of(copy, w.pos);
	return OK;
}

static enum err compile_reservation(struct v6_site *s, const struct v6_reservation_conf *c,
				    struct v6_reservation *r)
{
	TRY(copy_hex(s, c->duid, &r->duid));
	TRY(copy_hex(s, c->mac, &r->mac));
	r->has_iaid = c->has_iaid;
	r->iaid = c->iaid;
	r->prefix = c->prefix;
	if (c->address.family)
		r->address = (struct ip_prefix){.address = c->address, .bits = 128};
	if (c->name) {
		r->name = arena_copy(&s->arena, span_text(c->name));
		if (!r->name)
			return ENOMEM;
	}
	return compile_options(s, &c->scope, &r->options);
}

static uint64_t size_of(unsigned __int128 first, unsigned __int128 last, unsigned bits)
{
	unsigned __int128 n = (last - first) >> (128 - bits);
	return n >= UINT64_MAX - 1 ? UINT64_MAX : (uint64_t)n + 1;
}

static void compile_pool(struct v6_site *s, const struct v6_conf *conf,
			 const struct v6_pool_conf *c, const struct ip_prefix *subnet,
			 struct v6_pool *p)
{
	unsigned __int128 first = v6_number(&c->range.first), last = v6_number(&c->range.last);
	/* RFC 4291 2.6.1: the subnet's first address means all its routers. */
	if (first == v6_number(&subnet->address) && first < last)
		first++;
	*p = (struct v6_pool){.first = first,
			      .size = size_of(first, last, 128),
			      .bits = 128,
			      .allocate = (enum dhcp_allocate)c->allocate,
			      .warn_percent = (uint16_t)c->warn_percent,
			      .classes = v6_classes_named(&conf->classes, &c->classes),
			      .index = (uint32_t)s->pools_n++};
}

static void compile_prefix_pool(struct v6_site *s, const struct v6_conf *conf,
				const struct v6_prefix_pool_conf *c, struct v6_pool *p)
{
	unsigned more = (unsigned)(c->delegated_length - c->prefix.bits);
	*p = (struct v6_pool){.first = v6_number(&c->prefix.address),
			      .size = more >= 64 ? UINT64_MAX : UINT64_C(1) << more,
			      .bits = c->delegated_length,
			      .exclude_bits = c->exclude_length,
			      .allocate = (enum dhcp_allocate)c->allocate,
			      .warn_percent = (uint16_t)c->warn_percent,
			      .classes = v6_classes_named(&conf->classes, &c->classes),
			      .index = (uint32_t)s->pools_n++};
}

static enum err copy_text(struct v6_site *s, const char *text, const char **ret)
{
	if (!text)
		return OK;
	*ret = arena_copy(&s->arena, span_text(text));
	return *ret ? OK : ENOMEM;
}

static enum err compile_pools(struct v6_site *s, const struct v6_conf *conf,
			      const struct v6_network_conf *c, struct v6_network *n)
{
	const struct v6_pool_conf *pools = c->pools.items;
	const struct v6_prefix_pool_conf *prefixes = c->prefix_pools.items;
	struct v6_pool *all =
		ARENA_ARRAY(&s->arena, struct v6_pool, c->pools.n + c->prefix_pools.n);
	if (!all)
		return ENOMEM;
	for (size_t i = 0; i < c->pools.n; i++)
		compile_pool(s, conf, &pools[i], &c->subnet, &all[i]);
	for (size_t i = 0; i < c->prefix_pools.n; i++)
		compile_prefix_pool(s, conf, &prefixes[i], &all[c->pools.n + i]);
	n->pools = all;
	n->pools_n = c->pools.n;
	n->prefix_pools = all + c->pools.n;
	n->prefix_pools_n = c->prefix_pools.n;
	return OK;
}

static enum err index_reservations(struct v6_site *s, struct v6_network *n);

static enum err compile_classes(struct v6_site *s, const struct v6_conf *conf)
{
	const struct v6_class_conf *classes = conf->classes.items;
	TRY(v6_classes_init(&s->classes, &conf->classes, &s->arena));
	s->class_options = ARENA_ARRAY(&s->arena, struct v6_options, conf->classes.n);
	s->class_times = ARENA_ARRAY(&s->arena, struct v6_times, conf->classes.n);
	if (!s->class_options || !s->class_times)
		return ENOMEM;
	for (size_t i = 0; i < conf->classes.n; i++) {
		TRY(compile_options(s, &classes[i].scope, &s->class_options[i]));
		s->class_times[i] = times_of(&classes[i].scope);
	}
	return OK;
}

static enum err compile_network(struct v6_site *s, const struct v6_conf *conf,
				const struct v6_network_conf *c, struct v6_network *n)
{
	const struct v6_reservation_conf *reserved = c->reservations.items;
	char subnet[IP_PREFIX_TEXT_MAX];
	ip_prefix_format(&c->subnet, subnet);
	n->subnet = c->subnet;
	n->rapid_commit = c->rapid_commit;
	n->reconfigure = c->reconfigure;
	n->create_on_renew = c->create_on_renew;
	n->preference = c->preference;
	n->decline_s = seconds(c->decline_ms);
	n->per_second = c->per_second;
	struct v6_times here = times_of(&c->scope), above = times_of(&conf->scope);
	n->times = nearest_times(&here, &above);
	TRY(copy_text(s, c->name ? c->name : subnet, &n->name));
	TRY(copy_text(s, c->interface, &n->interface));
	TRY(compile_options(s, &c->scope, &n->options));
	TRY(compile_pools(s, conf, c, n));
	struct v6_reservation *all =
		ARENA_ARRAY(&s->arena, struct v6_reservation, c->reservations.n);
	if (!all)
		return ENOMEM;
	for (size_t i = 0; i < c->reservations.n; i++)
		TRY(compile_reservation(s, &reserved[i], &all[i]));
	n->reservations = all;
	n->reservations_n = c->reservations.n;
	return index_reservations(s, n);
}

static int compare_leases(const void *a, const void *b)
{
	const struct ip_prefix *p = a, *q = b;
	int order = ip_address_compare(&p->address, &q->address);
	return order ? order : (int)p->bits - (int)q->bits;
}

static int compare_reserved(const void *a, const void *b)
{
	const struct v6_reserved *p = a, *q = b;
	return compare_leases(&p->lease, &q->lease);
}

static enum err index_reservations(struct v6_site *s, struct v6_network *n)
{
	struct v6_reserved *all = ARENA_ARRAY(&s->arena, struct v6_reserved, n->reservations_n * 2);
	if (!all)
		return ENOMEM;
	for (size_t i = 0; i < n->reservations_n; i++) {
		const struct v6_reservation *r = &n->reservations[i];
		if (r->address.address.family)
			all[n->reserved_n++] = (struct v6_reserved){r->address, r};
		if (r->prefix.address.family)
			all[n->reserved_n++] = (struct v6_reserved){r->prefix, r};
	}
	if (n->reserved_n)
		qsort(all, n->reserved_n, sizeof(*all), compare_reserved);
	n->reserved = all;
	return OK;
}

static bool same_text(const char *a, const char *b)
{
	return a && b && strcmp(a, b) == 0;
}

/* Networks of one link: those of one `link`, or of one interface. */
static enum err join_links(struct v6_site *s, const struct v6_network_conf *conf)
{
	for (size_t i = 0; i < s->networks_n; i++) {
		const struct v6_network **link =
			ARENA_ARRAY(&s->arena, const struct v6_network *, s->networks_n);
		if (!link)
			return ENOMEM;
		size_t n = 0;
		for (size_t k = 0; k < s->networks_n; k++)
			if (k == i || same_text(conf[i].link, conf[k].link) ||
			    same_text(conf[i].interface, conf[k].interface))
				link[n++] = &s->networks[k];
		s->networks[i].link = link;
		s->networks[i].link_n = n;
	}
	return OK;
}

static enum err compile(struct v6_site *s, const struct v6_conf *conf)
{
	const struct v6_network_conf *networks = conf->networks.items;
	s->leases_per_client = conf->leases_per_client;
	s->networks_n = conf->networks.n;
	s->networks = ARENA_ARRAY(&s->arena, struct v6_network, conf->networks.n);
	if (!s->networks)
		return ENOMEM;
	TRY(compile_classes(s, conf));
	TRY(compile_options(s, &conf->scope, &s->options));
	for (size_t i = 0; i < s->networks_n; i++) {
		s->networks[i].index = (uint32_t)i;
		TRY(compile_network(s, conf, &networks[i], &s->networks[i]));
	}
	return join_links(s, networks);
}

enum err v6_site_new(const struct v6_conf *conf, struct v6_site **ret)
{
	struct v6_site *s = calloc(1, sizeof(*s));
	if (!s)
		return ENOMEM;
	s->refs = 1;
	arena_init(&s->arena, (size_t)1 << 30);
	enum err err = compile(s, conf);
	if (err) {
		v6_site_unref(s);
		return err;
	}
	*ret = s;
	return OK;
}

struct v6_site *v6_site_ref(struct v6_site *s)
{
	s->refs++;
	return s;
}

void v6_site_unref(struct v6_site *s)
{
	if (!s || --s->refs)
		return;
	arena_done(&s->arena);
	free(s);
}

/* --- asking --- */

size_t v6_site_networks(const struct v6_site *s, const struct v6_network **ret)
{
	*ret = s->networks;
	return s->networks_n;
}

size_t v6_site_pools(const struct v6_site *s)
{
	return s->pools_n;
}

uint32_t v6_site_leases_per_client(const struct v6_site *s)
{
	return s->leases_per_client;
}

const struct v6_network *v6_site_network_of(const struct v6_site *s, const struct ip_address *a)
{
	for (size_t i = 0; i < s->networks_n; i++)
		if (ip_prefix_contains(&s->networks[i].subnet, a))
			return &s->networks[i];
	return NULL;
}

const struct v6_network *v6_site_network_on(const struct v6_site *s, const char *interface)
{
	for (size_t i = 0; i < s->networks_n; i++)
		if (same_text(s->networks[i].interface, interface))
			return &s->networks[i];
	return NULL;
}

const struct v6_pool *v6_link_pool_of(const struct v6_network *n, const struct ip_prefix *lease)
{
	for (size_t i = 0; i < n->link_n; i++) {
		const struct v6_network *each = n->link[i];
		for (size_t k = 0; k < each->pools_n; k++)
			if (v6_pool_place(&each->pools[k], lease) != UINT64_MAX)
				return &each->pools[k];
		for (size_t k = 0; k < each->prefix_pools_n; k++)
			if (v6_pool_place(&each->prefix_pools[k], lease) != UINT64_MAX)
				return &each->prefix_pools[k];
	}
	return NULL;
}

bool v6_link_has(const struct v6_network *n, const struct ip_prefix *lease)
{
	for (size_t i = 0; lease->bits == 128 && i < n->link_n; i++)
		if (ip_prefix_contains(&n->link[i]->subnet, &lease->address))
			return true;
	return v6_link_pool_of(n, lease) || v6_link_reserved(n, lease);
}

const struct v6_network *v6_site_network_for(const struct v6_site *s, const struct ip_prefix *lease)
{
	const struct v6_network *networks;
	size_t n = v6_site_networks(s, &networks);
	if (lease->bits == 128)
		return v6_site_network_of(s, &lease->address);
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < networks[i].prefix_pools_n; k++)
			if (v6_pool_place(&networks[i].prefix_pools[k], lease) != UINT64_MAX)
				return &networks[i];
	return NULL;
}

const struct v6_reservation *v6_link_reserved(const struct v6_network *n,
					      const struct ip_prefix *lease)
{
	for (size_t i = 0; i < n->link_n; i++) {
		const struct v6_network *each = n->link[i];
		const struct v6_reserved *found =
			each->reserved_n ? bsearch(lease, each->reserved, each->reserved_n,
						   sizeof(*each->reserved), compare_leases)
					 : NULL;
		if (found)
			return found->of;
	}
	return NULL;
}

bool v6_reservation_is_of(const struct v6_reservation *r, const struct v6_client *c, uint32_t iaid)
{
	if (r->has_iaid && r->iaid != iaid)
		return false;
	return r->duid.len ? span_equal(r->duid, c->duid)
			   : r->mac.len && span_equal(r->mac, c->mac);
}

/* How much a reservation says of its client: the most precise one counts. */
static unsigned precision(const struct v6_reservation *r)
{
	return (r->duid.len ? 2u : 0) + (r->has_iaid ? 1u : 0);
}

const struct v6_reservation *v6_link_reservation(const struct v6_network *n,
						 const struct v6_client *c, uint32_t iaid)
{
	const struct v6_reservation *best = NULL;
	for (size_t i = 0; i < n->link_n; i++)
		for (size_t k = 0; k < n->link[i]->reservations_n; k++) {
			const struct v6_reservation *r = &n->link[i]->reservations[k];
			if (v6_reservation_is_of(r, c, iaid) &&
			    (!best || precision(r) > precision(best)))
				best = r;
		}
	return best;
}

/* --- options --- */

/* Reservation, classes, network, site. */
enum { PLACES_MAX = DHCP_CLASSES_MAX + 3 };

struct places {
	const struct v6_options *at[PLACES_MAX];
	size_t n;
};

static struct span value_of(const struct places *p, uint16_t code)
{
	for (size_t i = 0; i < p->n; i++) {
		struct span value = dhcp6_option_find(p->at[i]->wire, code);
		if (value.data)
			return value;
	}
	return (struct span){0};
}

/* Writes what each code has, once. */
static void write_codes(const struct places *p, struct span codes, struct span before,
			struct writer *w)
{
	struct reader r = reader_of_span(codes);
	while (reader_left(&r) >= 2) {
		struct span earlier = span_sub(codes, 0, r.pos);
		uint16_t code = read_u16(&r);
		struct span value = value_of(p, code);
		if (value.data && !dhcp6_oro_has(earlier, code) && !dhcp6_oro_has(before, code))
			dhcp6_write_option(w, code, value);
	}
}

void v6_site_write_options(const struct v6_site *s, const struct v6_network *n,
			   const struct v6_reservation *r, uint64_t classes, struct span oro,
			   struct writer *w)
{
	struct places p = {.n = 0};
	if (r)
		p.at[p.n++] = &r->options;
	for (size_t i = 0; i < s->classes.n; i++)
		if (classes >> i & 1)
			p.at[p.n++] = &s->class_options[i];
	if (n)
		p.at[p.n++] = &n->options;
	p.at[p.n++] = &s->options;
	write_codes(&p, oro, (struct span){0}, w);
	for (size_t i = 0; i < p.n; i++) {
		uint8_t told[2 * DHCP6_OPTIONS_MAX];
		struct writer t = writer_of(told, sizeof(told));
		write_span(&t, span_sub(oro, 0, sizeof(told) / 2));
		for (size_t k = 0; k < i; k++)
			write_span(&t, p.at[k]->always);
		write_codes(&p, p.at[i]->always, writer_span(&t), w);
	}
}

uint64_t v6_site_classes_of(const struct v6_site *s, const struct v6_told *t)
{
	return v6_classes_of(&s->classes, t);
}

struct v6_times v6_site_times(const struct v6_site *s, const struct v6_network *n, uint64_t classes)
{
	struct v6_times t = {0};
	for (size_t i = 0; i < s->classes.n; i++)
		if (classes >> i & 1)
			t = nearest_times(&t, &s->class_times[i]);
	t = nearest_times(&t, &n->times);
	/* RFC 8415 21.6: a client discards a lease whose preferred lifetime is the longer one. Only
	 * `valid` said nearer than `preferred` makes it so. */
	if (t.preferred_s > t.valid_s)
		t.preferred_s = t.valid_s;
	return t;
}
