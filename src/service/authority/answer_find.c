/* RFC 1034 4.3.2, with RFC 4592 (wildcards), RFC 6672 (DNAME) and RFC 4035 3.1 (what a signed zone
 * adds). */
#include "proto/dns/rdata.h"
#include "service/authority/answer_inner.h"

enum next { DONE, GO_ON };

static void put_soa(struct answer *a)
{
	answer_must_put(a, &(struct answer_rrset){
				   .section = DNS_AUTHORITY,
				   .owner = zone_node_at(a->zone, a->zone->apex),
				   .rrset = zone_rrset_at(a->zone, a->zone->soa_negative),
			   });
}

/* The child's servers (RFC 1034 4.2.1), whether it is signed (RFC 4035 3.1.4), and their addresses.
 */
static void refer(struct answer *a, const struct zone_node *cut)
{
	const struct zone_rrset *ns = zone_node_find(cut, DNS_TYPE_NS);
	const struct zone_rrset *ds =
		cut->flags & ZONE_NODE_DS ? zone_node_find(cut, DNS_TYPE_DS) : NULL;

	a->referral = true;
	if (a->first)
		a->flags &= (uint16_t)~DNS_FLAG_AA;
	answer_must_put(
		a, &(struct answer_rrset){.section = DNS_AUTHORITY, .owner = cut, .rrset = ns});
	if (a->dnssec && ds && ds->sigs)
		answer_must_put(a, &(struct answer_rrset){
					   .section = DNS_AUTHORITY, .owner = cut, .rrset = ds});
	else
		answer_prove_no_ds(a, cut);
	a->cut = cut;
}

/* The current name becomes the target; its zone is looked for anew. */
static enum next go_to(struct answer *a, struct span target)
{
	if (!a->target_at)
		return DONE; /* nothing later can point there; the client asks again */
	zone_path_set(&a->path, target.data, target.len);
	a->owner_at = a->target_at;
	a->first = false;
	return GO_ON;
}

/* A CNAME that was followed before leads round in a circle. A DNAME may be used twice (it is
 * bounded by ANSWER_CHAIN_MAX), but stands in the answer once. */
static bool was_followed(const struct answer *a, const struct zone_rrset *s)
{
	for (unsigned i = 0; i < a->chain_n; i++)
		if (a->chain[i] == s)
			return true;
	return false;
}

static void note_followed(struct answer *a, const struct zone_rrset *s)
{
	if (a->chain_n < ANSWER_CHAIN_MAX)
		a->chain[a->chain_n++] = s;
}

static enum next follow_cname(struct answer *a, const struct zone_rrset *cname)
{
	const uint8_t *data = zone_rrset_data(cname);

	if (was_followed(a, cname))
		return DONE;
	note_followed(a, cname);
	a->target_at = 0;
	answer_must_put(a, &(struct answer_rrset){
				   .section = DNS_ANSWER, .owner_at = a->owner_at, .rrset = cname});
	if (a->flags & DNS_FLAG_TC)
		return DONE;
	return go_to(a, span_of(data + 2, (size_t)(data[0] << 8 | data[1])));
}

/* Where the target of the DNAME that was written at pos stands: behind an owner that is a pointer,
 * type, class, TTL and length. */
static uint16_t dname_target_at(const struct answer *a, size_t pos)
{
	bool pointer = a->w.pos > pos + 12 && a->w.data[pos] >= 0xC0;

	return pointer && pos + 12 <= 0x3FFF ? (uint16_t)(pos + 12) : 0;
}

/* RFC 6672 3.1: the DNAME, and a CNAME made from it with the same TTL. */
static enum next follow_dname(struct answer *a, const struct zone_node *n)
{
	const struct zone_rrset *dname = zone_node_find(n, DNS_TYPE_DNAME);
	const uint8_t *data = zone_rrset_data(dname);
	struct answer_synthesis cname = {.prefix_len = a->path.at[n->labels],
					 .ttl_s = zone_rrset_ttl(dname)};
	size_t target_len = (size_t)(data[0] << 8 | data[1]), pos = a->w.pos;

	if (!was_followed(a, dname)) {
		answer_must_put(a, &(struct answer_rrset){
					   .section = DNS_ANSWER, .owner = n, .rrset = dname});
		cname.suffix_at = dname_target_at(a, pos);
	}
	note_followed(a, dname);
	if (a->flags & DNS_FLAG_TC)
		return DONE;
	cname.len = cname.prefix_len + target_len;
	if (cname.len > DNS_NAME_MAX) {
		a->rcode = DNS_RCODE_YXDOMAIN;
		return DONE;
	}
	memcpy(cname.name, a->path.wire, cname.prefix_len);
	memcpy(cname.name + cname.prefix_len, data + 2, target_len);
	if (!answer_put_synthesized(a, &cname)) {
		a->flags |= DNS_FLAG_TC;
		return DONE;
	}
	/* Who asks for the CNAME itself has it. */
	return a->type == DNS_TYPE_CNAME ? DONE : go_to(a, span_of(cname.name, cname.len));
}

/* The types that a question about `type` is answered with when they are at the node. */
static bool wants(uint16_t type, uint16_t have)
{
	/* RFC 5155 7.2.8: NSEC3 is nobody's data. */
	return have != DNS_TYPE_NSEC3 && (type == DNS_TYPE_ANY || type == have);
}

static void put_answer(struct answer *a, const struct zone_node *n, const struct zone_rrset *s)
{
	uint16_t type = zone_rrset_type(s);

	answer_must_put(a, &(struct answer_rrset){
				   .section = DNS_ANSWER, .owner_at = a->owner_at, .rrset = s});
	if (!a->conf->minimal && zone_type_links(type) == 1 && type != DNS_TYPE_CNAME) {
		a->additional = s;
		a->additional_owner = n;
	}
}

/* All RRsets over TCP; over UDP one of them, which RFC 8482 4.1 allows, so that ANY amplifies
 * nothing. */
static unsigned put_any(struct answer *a, const struct zone_node *n)
{
	const struct zone_rrset *s = zone_node_rrsets(n);
	unsigned found = 0;

	for (unsigned i = n->rrsets; i > 0; i--, s = zone_rrset_next(s)) {
		if (!wants(DNS_TYPE_ANY, zone_rrset_type(s)))
			continue;
		found++;
		answer_must_put(a, &(struct answer_rrset){.section = DNS_ANSWER,
							  .owner_at = a->owner_at,
							  .rrset = s});
		if (!a->in->tcp)
			break;
	}
	return found;
}

/* The signatures; over UDP those of one RRset, for the same reason (RFC 8482 7). */
static unsigned put_rrsigs(struct answer *a, const struct zone_node *n)
{
	const struct zone_rrset *s = zone_node_rrsets(n);
	unsigned found = 0;

	for (unsigned i = n->rrsets; i > 0; i--, s = zone_rrset_next(s)) {
		struct answer_rrset set = {
			.section = DNS_ANSWER, .owner_at = a->owner_at, .rrset = s};
		if (s->sigs == 0 || !wants(DNS_TYPE_ANY, zone_rrset_type(s)))
			continue;
		found++;
		if (!answer_put_sigs(a, &set))
			a->flags |= DNS_FLAG_TC;
		if (!a->in->tcp)
			break;
	}
	return found;
}

/* Data at the name. False: there is none of that type. */
static bool put_data(struct answer *a, const struct zone_node *n)
{
	const struct zone_rrset *s;

	if (a->type == DNS_TYPE_ANY)
		return put_any(a, n) > 0;
	if (a->type == DNS_TYPE_RRSIG)
		return put_rrsigs(a, n) > 0;
	s = zone_node_find(n, a->type);
	if (!s || !wants(a->type, zone_rrset_type(s)))
		return false;
	put_answer(a, n, s);
	return true;
}

static enum next at_wildcard(struct answer *a, const struct zone_node *encloser,
			     const struct zone_node *w)
{
	if (put_data(a, w)) {
		answer_prove_wildcard(a, encloser);
		return DONE;
	}
	if (w->flags & ZONE_NODE_CNAME) {
		answer_prove_wildcard(a, encloser); /* while the name is still this one */
		return follow_cname(a, zone_node_find(w, DNS_TYPE_CNAME));
	}
	put_soa(a);
	answer_prove_wildcard_nodata(a, encloser, w);
	return DONE;
}

static enum next at_node(struct answer *a, const struct zone_node *n)
{
	if (put_data(a, n))
		return DONE;
	if (n->flags & ZONE_NODE_CNAME)
		return follow_cname(a, zone_node_find(n, DNS_TYPE_CNAME));
	put_soa(a);
	answer_prove_nodata(a, n);
	return DONE;
}

static void no_name(struct answer *a, const struct zone_node *encloser)
{
	a->rcode = DNS_RCODE_NXDOMAIN; /* of the last name of a chain: RFC 6604 3 */
	put_soa(a);
	answer_prove_nxdomain(a, encloser);
}

static enum next find_in_zone(struct answer *a)
{
	const struct zone_node *n, *wildcard;
	bool exact = zone_find(a->zone, &a->path, &n);

	if (n->cut) {
		const struct zone_node *cut = zone_current(a->zone, n->cut);
		if (!(cut->flags & ZONE_NODE_CUT)) {
			exact = false; /* below a DNAME nothing exists, RFC 6672 2.3 */
			n = cut;
		} else if (!exact || n != cut || a->type != DNS_TYPE_DS) {
			a->encloser = n;
			refer(a, cut);
			return DONE;
		}
	}
	a->encloser = n;
	if (exact)
		return at_node(a, n);
	if (n->flags & ZONE_NODE_DNAME)
		return follow_dname(a, n);
	wildcard = zone_wildcard(a->zone, n);
	if (wildcard)
		return at_wildcard(a, n, wildcard);
	no_name(a, n);
	return DONE;
}

/* The zone with the longest match; DS belongs to the parent's side of a cut (RFC 4035 3.1.4.1). */
static const struct zones_entry *zone_of(const struct answer *a)
{
	const struct zones_entry *e = zones_find(a->zones, &a->path, a->path.labels);

	if (a->type == DNS_TYPE_DS && e && e->origin.len == a->path.len && a->path.labels > 0) {
		const struct zones_entry *parent =
			zones_find(a->zones, &a->path, a->path.labels - 1U);
		if (parent)
			return parent;
	}
	return e;
}

static void follow(struct answer *a)
{
	enum next next = GO_ON;

	for (unsigned step = 0; next == GO_ON && step < ANSWER_CHAIN_MAX; step++) {
		const struct zones_entry *e = zone_of(a);
		if (!e && a->first)
			answer_fail(a, DNS_RCODE_REFUSED, DNS_EDE_NOT_AUTHORITATIVE);
		else if (e && !e->zone && a->first)
			answer_fail(a, DNS_RCODE_SERVFAIL, DNS_EDE_NOT_READY);
		if (!e || !e->zone)
			return;
		if (a->first)
			a->flags |= DNS_FLAG_AA;
		if (a->entry != e) {
			a->entry = e;
			answer_enter_zone(a, zone_now(e->zone));
		}
		next = find_in_zone(a);
	}
}

void answer_find(struct answer *a)
{
	follow(a);
	if (a->proofs_n)
		answer_put_proofs(a);
	if (a->flags & DNS_FLAG_TC)
		return;
	if (a->cut)
		answer_put_glue(a, zone_node_find(a->cut, DNS_TYPE_NS), a->cut);
	else if (a->additional)
		answer_put_addresses(a, a->additional, a->additional_owner);
}
