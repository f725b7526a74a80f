/* RFC 2136 3.2: prerequisites. */
#include "proto/dns/rdata.h"
#include "service/authority/update_inner.h"

#include <stdlib.h>

static const struct zone_node *node_of(const struct zone *z, const struct dns_name *owner)
{
	struct zone_path p;

	zone_path_set(&p, owner->wire, owner->len);
	return zone_lookup(z, &p, p.labels);
}

const struct zone_node *update_node(const struct zone *z, const struct dns_name *owner)
{
	const struct zone_node *n = node_of(z, owner);

	/* 2.4.4: "at least one RR"; an empty non-terminal is not in use. */
	return n && n->rrsets && (n->flags & ZONE_NODE_REAL) ? n : NULL;
}

/* The place of a record in the RRset, or its count. */
unsigned update_record_find(const struct zone_rrset *s, struct span rdata)
{
	struct reader r = reader_of(zone_rrset_data(s), s->size);
	uint16_t type = zone_rrset_type(s);
	unsigned i = 0;

	for (; i < s->count; i++)
		if (dns_rdata_compare(type, read_span(&r, read_u16(&r)), rdata) == 0)
			break;
	return i;
}

static int compare_matches(const void *a, const void *b)
{
	const struct update_match *x = a, *y = b;

	if (x->rrset != y->rrset)
		return x->rrset < y->rrset ? -1 : 1;
	return (x->index > y->index) - (x->index < y->index);
}

/* 3.2.3: each RRset that was named must consist of just the records that were. */
static bool sets_are_whole(const struct zone *z, struct update_match *m, size_t n)
{
	qsort(m, n, sizeof(*m), compare_matches);
	for (size_t i = 0; i < n;) {
		const struct zone_rrset *s = zone_rrset_at(z, m[i].rrset);
		unsigned distinct = 0;
		size_t k = i;
		for (; k < n && m[k].rrset == m[i].rrset; k++)
			distinct += k == i || m[k].index != m[k - 1].index;
		if (distinct != s->count)
			return false;
		i = k;
	}
	return true;
}

static enum dns_rcode one_holds(const struct zone *z, const struct dns_update_item *item,
				struct update_match *match)
{
	const struct zone_node *n = update_node(z, &item->owner);
	const struct zone_rrset *s = n ? zone_node_find(n, item->type) : NULL;

	switch ((enum dns_prerequisite_kind)item->kind) {
	case DNS_PREREQUISITE_NAME: return n ? DNS_RCODE_NOERROR : DNS_RCODE_NXDOMAIN;
	case DNS_PREREQUISITE_NO_NAME: return n ? DNS_RCODE_YXDOMAIN : DNS_RCODE_NOERROR;
	case DNS_PREREQUISITE_RRSET: return s ? DNS_RCODE_NOERROR : DNS_RCODE_NXRRSET;
	case DNS_PREREQUISITE_NO_RRSET: return s ? DNS_RCODE_YXRRSET : DNS_RCODE_NOERROR;
	case DNS_PREREQUISITE_RECORD: break;
	}
	if (!s)
		return DNS_RCODE_NXRRSET;
	match->rrset = zone_ref_of(z, s);
	match->index = (uint16_t)update_record_find(s, item->rdata);
	return match->index < s->count ? DNS_RCODE_NOERROR : DNS_RCODE_NXRRSET;
}

enum dns_rcode update_prerequisites_hold(const struct zone *z, const struct dns_update *u,
					 struct update_scratch *scratch)
{
	struct dns_update_iter it = dns_update_prerequisites(u);
	struct dns_update_item item;
	size_t n = 0;

	while (dns_update_next(u, &it, scratch->item, &item)) {
		enum dns_rcode rcode = one_holds(z, &item, &scratch->matches[n]);
		if (rcode)
			return rcode;
		n += item.kind == DNS_PREREQUISITE_RECORD;
	}
	return sets_are_whole(z, scratch->matches, n) ? DNS_RCODE_NOERROR : DNS_RCODE_NXRRSET;
}
