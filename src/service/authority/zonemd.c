#include "service/authority/zonemd.h"

#include "base/writer.h"
#include "crypto/hash.h"
#include "proto/dns/code.h"
#include "proto/dns/rdata.h"

#include <stdlib.h>

#define SCHEME_SIMPLE 1
#define HASH_SHA384   1
#define HASH_SHA512   2
#define RECORD_MAX    (DNS_NAME_MAX + 10 + DNS_RDATA_MAX)

struct digesting {
	const struct zone *zone;
	struct crypto_hash hash;
	uint8_t *record;	 /* RECORD_MAX */
	const uint8_t **records; /* rdlength and rdata of those of one RRset */
	size_t records_cap;
	uint16_t type; /* of those records, for their order */
};

static int compare_nodes(const void *a, const void *b)
{
	const struct zone_node *const *x = a, *const *y = b;

	return dns_name_compare(span_of((*x)->name, (*x)->name_len),
				span_of((*y)->name, (*y)->name_len));
}

static int compare_records(const void *a, const void *b, void *digesting)
{
	const struct digesting *d = digesting;
	const uint8_t *const *x = a, *const *y = b;

	return dns_rdata_compare(d->type, span_of(*x + 2, (size_t)((*x)[0] << 8 | (*x)[1])),
				 span_of(*y + 2, (size_t)((*y)[0] << 8 | (*y)[1])));
}

/* Records of one owner, type and TTL in canonical order (RFC 8976 3.3.1, RFC 4034 6.3). */
static enum err add_records(struct digesting *d, const struct zone_node *n, uint32_t ttl_s,
			    const uint8_t *data, unsigned count)
{
	struct dns_name owner = {.len = n->name_len};

	memcpy(owner.wire, n->name, n->name_len);
	if (count > d->records_cap) {
		const uint8_t **records = realloc(d->records, count * sizeof(*records));
		if (!records)
			return ENOMEM;
		d->records = records;
		d->records_cap = count;
	}
	for (unsigned i = 0; i < count; i++) {
		d->records[i] = data;
		data += 2 + (size_t)(data[0] << 8 | data[1]);
	}
	qsort_r(d->records, count, sizeof(*d->records), compare_records, d);
	for (unsigned i = 0; i < count; i++) {
		const uint8_t *at = d->records[i];
		struct writer w = writer_of(d->record, RECORD_MAX);
		dns_record_canonical(&owner, d->type, DNS_CLASS_IN, ttl_s,
				     span_of(at + 2, (size_t)(at[0] << 8 | at[1])), &w);
		TRY(writer_check(&w));
		crypto_hash_add(&d->hash, writer_span(&w));
	}
	return OK;
}

/* All signatures at the node are one RRset there; in the snapshot each lies behind what it covers.
 */
static enum err add_signatures(struct digesting *d, const struct zone_node *n, bool apex)
{
	const struct zone_rrset *s = zone_node_rrsets(n);
	size_t len = 0;
	uint8_t *all;
	unsigned count = 0;
	enum err e = OK;

	for (unsigned i = n->rrsets; i > 0; i--, s = zone_rrset_next(s))
		len += s->sigs_size;
	if (len == 0)
		return OK;
	all = malloc(len);
	if (!all)
		return ENOMEM;
	d->type = DNS_TYPE_RRSIG;
	/* Their TTLs may differ from set to set, and the TTL is digested: one TTL at a time is no
	 * loss of order, since RRSIG rdata begins with the type covered. */
	s = zone_node_rrsets(n);
	for (unsigned i = n->rrsets; !e && i > 0; i--, s = zone_rrset_next(s)) {
		if (s->sigs == 0 || (apex && zone_rrset_type(s) == DNS_TYPE_ZONEMD))
			continue; /* RFC 8976 3.3.1: its own signature is left out */
		memcpy(all, zone_rrset_data(s) + s->size, s->sigs_size);
		count = s->sigs;
		e = add_records(d, n, s->sigs_ttl, all, count);
	}
	free(all);
	return e;
}

static enum err add_node(struct digesting *d, const struct zone_node *n)
{
	bool apex = zone_ref_of(d->zone, n) == d->zone->apex, signatures = false;
	const struct zone_rrset *s = zone_node_rrsets(n);

	/* RRsets lie in the order of their types; RRSIG has its place among them. */
	for (unsigned i = n->rrsets; i > 0; i--, s = zone_rrset_next(s)) {
		uint16_t type = zone_rrset_type(s);
		if (type > DNS_TYPE_RRSIG && !signatures) {
			TRY(add_signatures(d, n, apex));
			signatures = true;
		}
		if (apex && type == DNS_TYPE_ZONEMD)
			continue;
		d->type = type;
		TRY(add_records(d, n, zone_rrset_ttl(s), zone_rrset_data(s), s->count));
	}
	return signatures ? OK : add_signatures(d, n, apex);
}

static enum err digest_zone(struct digesting *d)
{
	const struct zone *z = d->zone;
	const struct zone_node **nodes =
		malloc(((size_t)z->nodes + 1) * sizeof(struct zone_node *));
	size_t n = 0;
	enum err e = OK;

	if (!nodes)
		return ENOMEM;
	for (const struct zone_node *node = zone_next(z, NULL); node; node = zone_next(z, node))
		if (node->rrsets)
			nodes[n++] = node;
	qsort(nodes, n, sizeof(*nodes), compare_nodes);
	for (size_t i = 0; !e && i < n; i++)
		e = add_node(d, nodes[i]);
	free(nodes);
	return e;
}

static enum err check_one(const struct zone *z, const struct dns_zonemd *md,
			  enum zonemd_verdict *ret)
{
	struct digesting d = {.zone = z};
	uint8_t digest[CRYPTO_HASH_LEN_MAX];
	enum err e;

	crypto_hash_init(&d.hash, md->algorithm == HASH_SHA384 ? CRYPTO_SHA384 : CRYPTO_SHA512);
	size_t len = crypto_hash_len(d.hash.kind);
	d.record = malloc(RECORD_MAX);
	e = d.record ? digest_zone(&d) : ENOMEM;
	free(d.record);
	free(d.records);
	if (e)
		return e;
	crypto_hash_end(&d.hash, digest);
	*ret = span_equal(md->digest, span_of(digest, len)) ? ZONEMD_GOOD : ZONEMD_BAD_DIGEST;
	return OK;
}

enum err zonemd_check(const struct zone *z, enum zonemd_verdict *ret)
{
	const struct zone_rrset *s = zone_node_find(zone_node_at(z, z->apex), DNS_TYPE_ZONEMD);
	const uint8_t *at = s ? zone_rrset_data(s) : NULL;
	enum zonemd_verdict verdict = s ? ZONEMD_UNSUPPORTED : ZONEMD_NONE;

	for (unsigned i = 0; s && i < s->count && verdict != ZONEMD_GOOD; i++) {
		size_t len = (size_t)(at[0] << 8 | at[1]);
		struct dns_zonemd md;
		if (!dns_rdata_zonemd(span_of(at + 2, len), &md) && md.scheme == SCHEME_SIMPLE &&
		    (md.algorithm == HASH_SHA384 || md.algorithm == HASH_SHA512)) {
			if (md.serial != z->serial)
				verdict = ZONEMD_BAD_SERIAL;
			else
				TRY(check_one(z, &md, &verdict));
		}
		at += 2 + len;
	}
	*ret = verdict;
	return OK;
}
