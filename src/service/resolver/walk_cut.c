#include "proto/dns/rdata.h"
#include "proto/dns/type.h"
#include "service/resolver/walk.h"

#define PRIME_AGAIN_MS 30000u
#define DEPENDS_DEPTH  (WALK_DEPTH_MAX + 2u)

static void set_cut(struct walk *w)
{
	struct engine *e = w->engine;
	w->cut_serial++;
	w->lookups_now = 0;
	w->cut_widened = false;
	w->cut_settled = false;
	w->zone_hash = siphash13_of(e->hash_key, w->cut.zone.wire, w->cut.zone.len);
	minimise_at_zone(&w->minimise, dns_name_labels(&w->cut.zone));
}

static void add_names(struct delegation *d, const struct rrset *ns)
{
	struct reader r = reader_of_span(ns->records);
	struct span rdata;
	struct dns_name name;
	for (uint16_t i = 0; i < ns->count && rrset_record_next(&r, &rdata); i++)
		if (dns_rdata_name(DNS_TYPE_NS, rdata, 0, &name))
			delegation_add_name(d, &name);
}

static void add_set(struct delegation *d, uint8_t name, const struct rrset *set, uint16_t port)
{
	struct reader r = reader_of_span(set->records);
	struct span rdata;
	if (set->type != DNS_TYPE_A && set->type != DNS_TYPE_AAAA)
		return;
	for (uint16_t i = 0; i < set->count && rrset_record_next(&r, &rdata); i++) {
		struct ip_endpoint at = {.address = ip_address_of(rdata), .port = port};
		delegation_add_address(d, name, &at);
	}
}

static const uint16_t address_types[2] = {DNS_TYPE_A, DNS_TYPE_AAAA};
static const uint8_t address_bits[2] = {DELEGATION_V4, DELEGATION_V6};

/* What the cache knows of the servers' addresses; glue is good for this (RFC 2181 5.4.1). */
static void add_cached(struct engine *e, struct delegation *d, enum cache_kind kind)
{
	for (uint8_t i = 0; i < d->names_n; i++) {
		for (size_t t = 0; t < 2; t++) {
			struct rrset set;
			struct span row =
				walk_cached_row(e, kind, dns_name_span(&d->names[i].name),
						address_types[t], 0, e->additional_row, ROW_MAX);
			if (!rrset_read(row, &set))
				continue;
			add_set(d, i, &set, e->rules->upstream_port);
			d->names[i].looked_up |= address_bits[t];
		}
	}
}

/* A cut whose servers all lie inside of it, and whose glue is gone, leads nowhere: its parent has
 * the glue. */
static bool is_usable(const struct delegation *d)
{
	if (d->addresses_n)
		return true;
	for (uint8_t i = 0; i < d->names_n; i++)
		if (!dns_name_is_under(&d->names[i].name, &d->zone))
			return true;
	return false;
}

static bool load(struct engine *e, struct span zone, struct delegation *d)
{
	struct rrset ns;
	struct dns_name name;
	struct span row =
		walk_cached_row(e, CACHE_DELEGATION, zone, 0, 0, e->additional_row, ROW_MAX);
	if (!rrset_read(row, &ns) || dns_name_from_wire(zone, &name) != OK)
		return false;
	delegation_init(d, &name, DELEGATION_ITERATIVE);
	add_names(d, &ns);
	add_cached(e, d, CACHE_RRSET);
	return is_usable(d);
}

/* The zone of the configuration that is closest to the name. */
static const struct engine_zone *configured_zone(const struct engine_rules *rules,
						 const struct dns_name *name)
{
	const struct engine_zone *best = NULL;
	for (size_t i = 0; i < rules->zones_n; i++) {
		const struct engine_zone *zone = &rules->zones[i];
		if (dns_name_is_under(name, &zone->name) &&
		    (!best || zone->name.len > best->name.len))
			best = zone;
	}
	return best;
}

static void use_configured(struct walk *w, const struct engine_zone *zone)
{
	delegation_init(&w->cut, &zone->name, zone->kind);
	w->cut.configured = true;
	if (zone->bounded)
		w->cut.hold_max_s = zone->hold_max_s;
	for (size_t i = 0; i < zone->to_n; i++)
		delegation_add_address(&w->cut, DELEGATION_NAME_NONE, &zone->to[i]);
}

/* RFC 8109: the hints only say where to ask for the root's servers. The walk that needs them now
 * goes on with the hints meanwhile. */
static void prime(struct engine *e)
{
	static const struct dns_name root = DNS_NAME_ROOT;
	struct walk *w;
	if (!e->rules->prime || engine_now_ms(e) < e->prime_after_ms)
		return;
	e->prime_after_ms = engine_now_ms(e) + PRIME_AGAIN_MS;
	if (engine_walk_find(e, &root, DNS_TYPE_NS, false, 0) ||
	    engine_walk_new(e, &root, DNS_TYPE_NS, &w))
		return;
	w->prime = true;
}

void walk_cut_find(struct walk *w)
{
	struct engine *e = w->engine;
	struct dns_name name = w->sname;
	/* A DS is the parent's (RFC 4035 3.1.4.1). */
	if (w->stype == DNS_TYPE_DS)
		(void)dns_name_parent(&name, &name);
	const struct engine_zone *zone = configured_zone(e->rules, &name);
	size_t least = zone ? zone->name.len : 0; /* what is above it is not to be asked */
	bool found = zone && zone->kind == DELEGATION_FORWARD;
	if (found)
		use_configured(w, zone);
	for (struct span up = dns_name_span(&name); !found && up.len > least;
	     up = dns_name_parent_span(up))
		found = !(w->prime && up.len == 1) && load(e, up, &w->cut);
	w->cut_cached = found && !w->cut.configured;
	if (!found && zone) {
		use_configured(w, zone);
	} else if (!found) {
		w->cut = *e->rules->roots;
		prime(e);
	}
	set_cut(w);
}

bool walk_cut_retry(struct walk *w)
{
	struct engine *e = w->engine;
	struct cache_key key = {dns_name_span(&w->cut.zone), 0, CACHE_DELEGATION};
	if (w->cut_retried || !w->cut_cached || !cache_remove(e->cache, &key))
		return false;
	w->cut_retried = true;
	walk_cut_find(w);
	return true;
}

bool walk_cut_widen(struct walk *w)
{
	struct engine *e = w->engine;
	struct delegation *d = &w->cut;
	uint8_t names_n = d->names_n, addresses_n = d->addresses_n;
	struct rrset ns;
	if (w->cut_widened || d->configured)
		return false;
	w->cut_widened = true;
	if (rrset_read(walk_cached_row(e, CACHE_RRSET, dns_name_span(&d->zone), DNS_TYPE_NS,
				       CACHE_RANK_AUTHORITY, e->additional_row, ROW_MAX),
		       &ns))
		add_names(d, &ns);
	add_cached(e, d, CACHE_RRSET);
	add_cached(e, d, CACHE_GLUE);
	return d->names_n > names_n || d->addresses_n > addresses_n;
}

static void add_glue(struct engine *e, struct delegation *d, const struct said *s)
{
	for (uint8_t i = 0; i < d->names_n; i++) {
		for (size_t t = 0; t < 2; t++) {
			const struct said_set *set =
				said_find(s, DNS_ADDITIONAL, &d->names[i].name, address_types[t]);
			if (!set || set->set.count == 0)
				continue;
			add_set(d, i, &set->set, e->rules->upstream_port);
			d->names[i].looked_up |= address_bits[t];
		}
	}
}

void walk_cut_refer(struct walk *w, const struct said *s, const struct said_set *ns)
{
	struct dns_name zone;
	if (dns_name_from_wire(ns->set.owner, &zone) != OK)
		return;
	delegation_init(&w->cut, &zone, DELEGATION_ITERATIVE);
	add_names(&w->cut, &ns->set);
	add_glue(w->engine, &w->cut, s);
	add_cached(w->engine, &w->cut, CACHE_RRSET);
	w->cut_cached = false;
	set_cut(w);
}

/* --- addresses of servers
 * ------------------------------------------------------------------------- */

/* Does `other` wait for w, directly or through others? Then w must not wait for it. */
static bool depends_on(const struct walk *other, const struct walk *w, unsigned depth)
{
	if (other == w || depth == 0)
		return true;
	for (const struct interest *in = w->interests; in; in = in->next)
		if (depends_on(other, in->walk, depth - 1))
			return true;
	return false;
}

static bool charge_lookup(struct walk *w)
{
	bool within = true;
	for (struct walk *p = w; p; p = p->starter)
		within &= p->lookups++ < WALK_LOOKUPS_MAX;
	return within;
}

static bool add_interest(struct walk *w, struct walk *sub)
{
	struct interest *in = slab_take(&w->engine->interests);
	if (!in)
		return false;
	*in = (struct interest){.next = sub->interests, .walk = w, .cut = w->cut_serial};
	sub->interests = in;
	w->lookups_now++;
	return true;
}

static bool look_up(struct walk *w, const struct dns_name *name, uint16_t type)
{
	struct engine *e = w->engine;
	struct walk *sub = engine_walk_find(e, name, type, false, 0);
	if (sub && (depends_on(sub, w, DEPENDS_DEPTH) || sub->cache_only))
		return false;
	for (const struct walk *p = w; p; p = p->starter) /* watched walks are not found by name */
		if (p->stype == type && dns_name_equal(&p->qname, name))
			return false;
	if (!sub) {
		if (engine_walk_new(e, name, type, &sub) != OK)
			return false;
		sub->starter = w;
		sub->depth = (uint8_t)(w->depth + 1);
		sub->trace = w->trace;
	}
	return add_interest(w, sub);
}

/* One family at a time: the other is looked up only if this one leads to no answer. */
static bool look_up_name(struct walk *w, struct delegation_name *name)
{
	const struct delegation_rules *rules = &w->engine->rules->upstream;
	const bool wanted[2] = {rules->ipv4, rules->ipv6};
	for (size_t t = 0; t < 2; t++) {
		bool known = name->looked_up & address_bits[t];
		name->looked_up |= address_bits[t];
		if (wanted[t] && !known && look_up(w, &name->name, address_types[t]))
			return true;
	}
	return false;
}

bool walk_cut_look_up(struct walk *w)
{
	unsigned begun = 0;
	if (w->lookups_now || w->depth >= WALK_DEPTH_MAX)
		return false;
	for (uint8_t i = 0; i < w->cut.names_n && begun < WALK_LOOKUPS_AT_ONCE; i++) {
		struct delegation_name *name = &w->cut.names[i];
		if (name->looked_up == (DELEGATION_V4 | DELEGATION_V6))
			continue;
		/* Its own zone would have to be asked for it: only glue helps. */
		if (dns_name_is_under(&name->name, &w->cut.zone)) {
			name->looked_up = DELEGATION_V4 | DELEGATION_V6;
			continue;
		}
		if (!charge_lookup(w))
			break;
		begun += look_up_name(w, name);
	}
	return begun > 0;
}

void walk_cut_tell(struct walk *sub, struct span row)
{
	struct engine *e = sub->engine;
	struct rrset set = {0};
	bool found = row.len && rrset_read(row, &set);
	while (sub->interests) {
		struct interest *in = sub->interests;
		struct walk *w = in->walk;
		sub->interests = in->next;
		if (in->cut == w->cut_serial) {
			uint8_t name = delegation_find_name(&w->cut, &sub->qname);
			if (found)
				add_set(&w->cut, name, &set, e->rules->upstream_port);
			w->lookups_now--;
			if (w->state == WALK_WAITING) {
				w->state = WALK_READY;
				engine_ready(w);
			}
		}
		slab_give(&e->interests, in);
	}
}
