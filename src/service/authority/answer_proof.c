/* Proofs that something is not there: NSEC (RFC 4035 3.1.3) or NSEC3 (RFC 5155 7.2). */
#include "service/authority/answer_inner.h"
#include "service/authority/zone_denial.h"

static bool is_signed(const struct answer *a)
{
	return a->dnssec && (a->zone->nsec_n || a->zone->nsec3_n);
}

static void put_proof(struct answer *a, const struct zone_node *owner, const struct zone_rrset *s)
{
	if (!s)
		return;
	for (unsigned i = 0; i < a->proofs_n; i++)
		if (a->proofs[i].rrset == s)
			return;
	if (a->proofs_n < ANSWER_PROOFS)
		a->proofs[a->proofs_n++] =
			(struct answer_proof){.zone = a->zone, .owner = owner, .rrset = s};
}

void answer_put_proofs(struct answer *a)
{
	const struct zone *last = a->zone;

	for (unsigned i = 0; i < a->proofs_n; i++) {
		const struct answer_proof *p = &a->proofs[i];
		if (a->zone != p->zone)
			answer_enter_zone(a, p->zone);
		answer_must_put(a, &(struct answer_rrset){.section = DNS_AUTHORITY,
							  .owner = p->owner,
							  .rrset = p->rrset});
	}
	if (a->zone != last)
		answer_enter_zone(a, last);
}

/* --- NSEC --- */

static void put_nsec_covering(struct answer *a, const struct zone_path *name)
{
	const struct zone_node *owner = NULL;
	const struct zone_rrset *s = zone_nsec_before(a->zone, name, &owner);

	put_proof(a, owner, s);
}

/* Of the name itself, or of the one before an empty non-terminal. */
static void put_nsec_at(struct answer *a, const struct zone_node *n)
{
	const struct zone_rrset *s = zone_node_find(n, DNS_TYPE_NSEC);
	struct zone_path p;

	if (s) {
		put_proof(a, n, s);
		return;
	}
	zone_path_set(&p, n->name, n->name_len);
	put_nsec_covering(a, &p);
}

/* `*` in front of the encloser. */
static void wildcard_path(const struct zone_node *encloser, struct zone_path *ret)
{
	uint8_t wire[DNS_NAME_MAX + 2] = {1, '*'};

	memcpy(wire + 2, encloser->name, encloser->name_len);
	zone_path_set(ret, wire, (size_t)encloser->name_len + 2);
}

/* --- NSEC3 --- */

static void put_nsec3(struct answer *a, uint32_t index)
{
	const struct zone_nsec3 *e = &a->zone->nsec3[index];

	put_proof(a, zone_node_at(a->zone, e->node), zone_rrset_at(a->zone, e->rrset));
}

/* The NSEC3 that matches the name, or that covers it: *ret_match. */
static bool nsec3_of_wire(const struct answer *a, const uint8_t *wire, size_t len,
			  uint32_t *ret_index, bool *ret_match)
{
	return !zone_nsec3_of_name(a->zone, wire, len, ret_index, ret_match);
}

static bool nsec3_of_node(const struct answer *a, const struct zone_node *n, uint32_t *ret_index,
			  bool *ret_match)
{
	if (!n->denial)
		return nsec3_of_wire(a, n->name, n->name_len, ret_index, ret_match);
	*ret_index = n->denial - 1;
	*ret_match = !(n->flags & ZONE_NODE_COVERED);
	return true;
}

static void put_nsec3_of_suffix(struct answer *a, const struct zone_path *p, unsigned labels)
{
	uint32_t index;
	bool match;

	if (labels <= p->labels && nsec3_of_wire(a, p->wire + p->at[labels],
						 (size_t)p->len - p->at[labels], &index, &match))
		put_nsec3(a, index);
}

/* RFC 5155 7.2.1 for the name at p: the closest encloser that has an NSEC3 (opt-out may leave some
 * without), and what covers the next closer name. Returns that encloser: it is what a validator
 * will find. */
static const struct zone_node *put_closest_encloser(struct answer *a, const struct zone_path *p,
						    const struct zone_node *n)
{
	uint32_t index;
	bool match;

	for (;; n = zone_node_at(a->zone, n->parent)) {
		if (!nsec3_of_node(a, n, &index, &match))
			return n;
		if (match || n->labels <= a->zone->apex_labels)
			break;
	}
	put_nsec3(a, index);
	put_nsec3_of_suffix(a, p, n->labels + 1U);
	return n;
}

/* RFC 5155 7.2.3, and 7.2.4 when opt-out left the name without an NSEC3. */
static void put_nsec3_nodata(struct answer *a, const struct zone_node *n)
{
	struct zone_path p;
	uint32_t index;
	bool match;

	if (!nsec3_of_node(a, n, &index, &match))
		return;
	if (match) {
		put_nsec3(a, index);
		return;
	}
	zone_path_set(&p, n->name, n->name_len);
	(void)put_closest_encloser(a, &p, zone_node_at(a->zone, n->parent));
}

/* --- what the search asks for --- */

void answer_prove_nodata(struct answer *a, const struct zone_node *n)
{
	if (!is_signed(a))
		return;
	if (a->zone->nsec3_n)
		put_nsec3_nodata(a, n);
	else
		put_nsec_at(a, n);
}

void answer_prove_no_ds(struct answer *a, const struct zone_node *cut)
{
	answer_prove_nodata(a, cut); /* RFC 4035 3.1.4, RFC 5155 7.2.7 */
}

void answer_prove_nxdomain(struct answer *a, const struct zone_node *encloser)
{
	struct zone_path wildcard;

	if (!is_signed(a))
		return;
	if (a->zone->nsec3_n) { /* RFC 5155 7.2.2 */
		wildcard_path(put_closest_encloser(a, &a->path, encloser), &wildcard);
		put_nsec3_of_suffix(a, &wildcard, wildcard.labels);
	} else { /* RFC 4035 3.1.3.2 */
		wildcard_path(encloser, &wildcard);
		put_nsec_covering(a, &a->path);
		put_nsec_covering(a, &wildcard);
	}
}

void answer_prove_wildcard(struct answer *a, const struct zone_node *encloser)
{
	if (!is_signed(a))
		return;
	if (a->zone->nsec3_n) /* RFC 5155 7.2.6 */
		put_nsec3_of_suffix(a, &a->path, encloser->labels + 1U);
	else /* RFC 4035 3.1.3.3 */
		put_nsec_covering(a, &a->path);
}

void answer_prove_wildcard_nodata(struct answer *a, const struct zone_node *encloser,
				  const struct zone_node *wildcard)
{
	if (!is_signed(a))
		return;
	if (a->zone->nsec3_n) { /* RFC 5155 7.2.5 */
		(void)put_closest_encloser(a, &a->path, encloser);
		put_nsec3_nodata(a, wildcard);
	} else { /* RFC 4035 3.1.3.4 */
		put_nsec_at(a, wildcard);
		put_nsec_covering(a, &a->path);
	}
}
