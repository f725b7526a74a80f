#include "proto/dns/rdata.h"
#include "proto/dns/type.h"
#include "service/resolver/walk.h"

uint32_t walk_ttl(const struct engine *e, uint32_t ttl_s)
{
	if (ttl_s < e->rules->ttl_min_s)
		ttl_s = e->rules->ttl_min_s;
	return ttl_s < e->rules->ttl_max_s ? ttl_s : e->rules->ttl_max_s;
}

static void clamp_ttls(const struct engine *e, struct said *s)
{
	for (uint16_t i = 0; i < s->sets_n; i++) {
		struct rrset *set = &s->sets[i].set;
		size_t at = (size_t)(set->packed.data - s->packed_room);
		set->ttl_s = walk_ttl(e, set->ttl_s);
		rrset_set_ttl(s->packed_room + at, set->packed.len, set->ttl_s);
	}
}

static void put(struct engine *e, enum cache_kind kind, struct span name, uint16_t type,
		uint32_t ttl_s, uint8_t rank, struct span row)
{
	struct cache_key key = {name, type, (uint8_t)kind};
	if (ttl_s > e->hold_max_s)
		ttl_s = e->hold_max_s;
	if (ttl_s == 0 && e->hold_max_s == 0)
		return;
	(void)cache_put(e->cache, &key, engine_now_ms(e), ttl_s * 1000ull, rank, row);
}

static void put_set(struct engine *e, const struct said_set *set, uint8_t rank)
{
	if (set && set->set.count)
		put(e, CACHE_RRSET, set->set.owner, set->set.type, set->set.ttl_s, rank,
		    set->set.packed);
}

static void add_proofs(struct writer *row, const struct said *s)
{
	for (uint16_t i = 0; i < s->sets_n; i++)
		if (s->sets[i].section == DNS_AUTHORITY && said_is_proof(&s->sets[i]))
			write_span(row, s->sets[i].set.packed);
}

/* RFC 4035 3.1.3.3: a wildcard's answer comes with the proof that nothing closer exists. */
struct span walk_answer_row(struct engine *e, const struct said *s, const struct said_set *final)
{
	struct writer row = writer_of(e->answer_row, ROW_MAX);
	write_span(&row, final->set.packed);
	add_proofs(&row, s);
	return row.bad ? final->set.packed : writer_span(&row);
}

/* RFC 2308 5: the lesser of the SOA's TTL and its minimum. */
static uint32_t denial_ttl(const struct engine *e, const struct said_set *soa)
{
	struct reader r = reader_of_span(soa->set.records);
	struct span rdata;
	struct dns_soa fields;
	if (!rrset_record_next(&r, &rdata) || dns_rdata_soa(rdata, &fields) != OK)
		return 0;
	uint32_t ttl_s = soa->set.ttl_s < fields.minimum_s ? soa->set.ttl_s : fields.minimum_s;
	return ttl_s < e->rules->negative_max_s ? ttl_s : e->rules->negative_max_s;
}

struct span walk_denial_row(struct engine *e, const struct said *s, const struct said_set *soa)
{
	struct writer row = writer_of(e->authority_row, ROW_MAX);
	if (!soa)
		return (struct span){0};
	write_span(&row, soa->set.packed);
	add_proofs(&row, s);
	if (row.bad)
		return (struct span){0};
	rrset_set_ttl(row.data, row.pos, denial_ttl(e, soa));
	return writer_span(&row);
}

/* Without an SOA nothing is kept: RFC 2308 5. */
static void store_denial(struct walk *w, const struct said *s, const struct verdict *v, bool name)
{
	struct engine *e = w->engine;
	if (!v->soa)
		return;
	struct span row = walk_denial_row(e, s, v->soa);
	uint32_t ttl_s = row.len ? rrset_least_ttl(row) : 0;
	if (name)
		put(e, CACHE_NXDOMAIN, dns_name_span(&v->target), 0, ttl_s, CACHE_RANK_ANSWER, row);
	else
		put(e, CACHE_NODATA, dns_name_span(&v->target), w->ask.type, ttl_s,
		    CACHE_RANK_ANSWER, row);
}

/* Addresses of the servers that an NS RRset names, and of nobody else (RFC 5452 6, bailiwick). */
static void store_glue(struct engine *e, const struct said *s, const struct said_set *ns)
{
	struct reader r = reader_of_span(ns->set.records);
	struct span rdata;
	struct dns_name name;
	for (uint16_t i = 0; i < ns->set.count && rrset_record_next(&r, &rdata); i++) {
		if (!dns_rdata_name(DNS_TYPE_NS, rdata, 0, &name))
			continue;
		put_set(e, said_find(s, DNS_ADDITIONAL, &name, DNS_TYPE_A), CACHE_RANK_GLUE);
		put_set(e, said_find(s, DNS_ADDITIONAL, &name, DNS_TYPE_AAAA), CACHE_RANK_GLUE);
	}
}

/* Kept apart as well: what the zone itself says of its servers may be wrong, and replaces the
 * rest. */
static void store_parents_glue(struct engine *e, const struct said *s)
{
	for (uint16_t i = 0; i < s->sets_n; i++) {
		const struct rrset *set = &s->sets[i].set;
		if (s->sets[i].section == DNS_ADDITIONAL && set->count &&
		    (set->type == DNS_TYPE_A || set->type == DNS_TYPE_AAAA))
			put(e, CACHE_GLUE, set->owner, set->type, set->ttl_s, CACHE_RANK_GLUE,
			    set->packed);
	}
}

static void store_delegation(struct engine *e, const struct said *s, const struct said_set *ns)
{
	struct dns_name zone;
	put(e, CACHE_DELEGATION, ns->set.owner, 0, ns->set.ttl_s, CACHE_RANK_GLUE, ns->set.packed);
	store_glue(e, s, ns);
	store_parents_glue(e, s);
	/* The one set of a referral that is the sender's own (RFC 4035 3.1.4). */
	if (dns_name_from_wire(ns->set.owner, &zone) == OK)
		put_set(e, said_find(s, DNS_AUTHORITY, &zone, DNS_TYPE_DS), CACHE_RANK_ANSWER);
}

bool walk_believes_denial(const struct walk *w)
{
	return w->engine->rules->minimise == MINIMISE_STRICT || dns_name_is_root(&w->cut.zone);
}

static void store_answer(struct walk *w, const struct said *s, const struct verdict *v,
			 uint8_t rank)
{
	struct engine *e = w->engine;
	struct rrset first;
	struct span row = walk_answer_row(e, s, v->final);
	put(e, CACHE_RRSET, v->final->set.owner, v->final->set.type, v->final->set.ttl_s, rank,
	    row);
	if (v->final->set.type == DNS_TYPE_NS && rrset_read(row, &first)) {
		store_glue(e, s, v->final);
		/* RFC 8109 3.3: the answer to priming is the root's delegation. */
		if (dns_name_is_root(&w->cut.zone) && first.owner.len == 1)
			put(e, CACHE_DELEGATION, first.owner, 0, first.ttl_s, CACHE_RANK_GLUE,
			    first.packed);
	}
	/* The zone's own word on its servers, in passing. */
	const struct said_set *ns = said_find(s, DNS_AUTHORITY, &w->cut.zone, DNS_TYPE_NS);
	if (ns && ns->set.count && rank == CACHE_RANK_ANSWER_AA) {
		put_set(e, ns, CACHE_RANK_AUTHORITY);
		store_glue(e, s, ns);
	}
}

/* A zone that changes under our eyes (a stub of our own authority, where leases become names) is
 * asked each time. But whoever waits for a server's address finds it in the cache: that is held for
 * as long as the finding takes. */
static uint32_t hold_max(const struct walk *w)
{
	return w->interests && w->cut.hold_max_s == 0 ? 1 : w->cut.hold_max_s;
}

void walk_store(struct walk *w, struct said *s, const struct verdict *v)
{
	struct engine *e = w->engine;
	uint8_t rank = s->flags & DNS_FLAG_AA ? CACHE_RANK_ANSWER_AA : CACHE_RANK_ANSWER;
	bool part = w->ask.name.len != w->sname.len;
	clamp_ttls(e, s);
	e->hold_max_s = v->kind == SAID_REFERRAL ? UINT32_MAX : hold_max(w);
	if (v->kind != SAID_REFERRAL && w->cut.hold_max_s < w->hold_max_s)
		w->hold_max_s = w->cut.hold_max_s;
	for (size_t i = 0; i < v->links_n; i++)
		put_set(e, v->links[i].set, rank);
	switch (v->kind) {
	case SAID_ANSWER: store_answer(w, s, v, rank); break;
	case SAID_CNAME:
		if (v->negative)
			store_denial(w, s, v, v->denies_name);
		break;
	case SAID_NODATA: store_denial(w, s, v, false); break;
	case SAID_NXDOMAIN:
		if (!part || walk_believes_denial(w))
			store_denial(w, s, v, true);
		break;
	case SAID_REFERRAL: store_delegation(e, s, v->ns); break;
	case SAID_LAME:
	case SAID_FAILED: break;
	}
}
