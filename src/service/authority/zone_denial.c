#include "service/authority/zone_denial.h"

#include "proto/dns/nsec3.h"
#include "proto/dns/rdata.h"
#include "proto/dns/type.h"

#include <stdlib.h>

/* Hashes that loading may compute ahead, so that a zone with many iterations still loads in time.
 */
#define DENIAL_AHEAD_MAX (UINT64_C(1) << 24)

static const struct zone_node *node_of(const struct zone *z, const void *entry)
{
	zone_ref ref;

	memcpy(&ref, entry, sizeof(ref));
	return zone_node_at(z, ref);
}

static int compare_nodes(const void *a, const void *b, void *zone)
{
	const struct zone_node *x = node_of(zone, a), *y = node_of(zone, b);

	return dns_name_compare(span_of(x->name, x->name_len), span_of(y->name, y->name_len));
}

static int compare_nsec3(const void *a, const void *b)
{
	const struct zone_nsec3 *x = a, *y = b;

	return memcmp(x->hash, y->hash, sizeof(x->hash));
}

static enum err index_nsec(struct zone *z)
{
	uint32_t n = 0;
	bool sorted = true;

	for (const struct zone_node *node = zone_next(z, NULL); node; node = zone_next(z, node))
		n += zone_node_find(node, DNS_TYPE_NSEC) != NULL;
	z->nsec = malloc(((size_t)n + 1) * sizeof(*z->nsec));
	if (!z->nsec)
		return ENOMEM;
	for (const struct zone_node *node = zone_next(z, NULL); node; node = zone_next(z, node)) {
		if (!zone_node_find(node, DNS_TYPE_NSEC))
			continue;
		z->nsec[z->nsec_n] = zone_ref_of(z, node);
		if (z->nsec_n && compare_nodes(&z->nsec[z->nsec_n - 1], &z->nsec[z->nsec_n], z) > 0)
			sorted = false;
		z->nsec_n++;
	}
	if (!sorted) /* signers write them in order */
		qsort_r(z->nsec, z->nsec_n, sizeof(*z->nsec), compare_nodes, z);
	return OK;
}

/* Takes the parameters of the chain that answers use: RFC 5155 4, the first NSEC3PARAM without
 * flags. */
static bool take_parameters(struct zone *z)
{
	const struct zone_rrset *s = zone_node_find(zone_node_at(z, z->apex), DNS_TYPE_NSEC3PARAM);
	const uint8_t *at = s ? zone_rrset_data(s) : NULL;

	for (unsigned i = 0; s && i < s->count; i++) {
		size_t len = (size_t)(at[0] << 8 | at[1]);
		struct dns_nsec3 p;
		if (!dns_rdata_nsec3param(span_of(at + 2, len), &p) &&
		    p.algorithm == DNS_NSEC3_SHA1 && p.flags == 0 &&
		    p.salt.len <= sizeof(z->salt)) {
			z->iterations = p.iterations;
			z->salt_len = (uint8_t)p.salt.len;
			memcpy(z->salt, p.salt.data, p.salt.len);
			return true;
		}
		at += 2 + len;
	}
	return false;
}

static bool in_chain(const struct zone *z, const struct zone_rrset *s)
{
	const uint8_t *at = zone_rrset_data(s);
	struct dns_nsec3 p;

	return s->count == 1 &&
	       !dns_rdata_nsec3(span_of(at + 2, (size_t)(at[0] << 8 | at[1])), &p) &&
	       p.algorithm == DNS_NSEC3_SHA1 && p.iterations == z->iterations &&
	       p.salt.len == z->salt_len && memcmp(p.salt.data, z->salt, z->salt_len) == 0;
}

static uint8_t base32hex_digit(uint8_t c)
{
	return (uint8_t)(c >= 'a' ? c - 'a' + 10 : c - '0');
}

/* The label was judged: 32 digits. */
static void hash_of_owner(const struct zone_node *node, uint8_t ret[20])
{
	for (unsigned group = 0; group < 4; group++) {
		uint64_t bits = 0;
		for (unsigned i = 0; i < 8; i++)
			bits = bits << 5 | base32hex_digit(node->name[1 + group * 8 + i]);
		for (unsigned i = 0; i < 5; i++)
			ret[group * 5 + i] = (uint8_t)(bits >> (32 - 8 * i));
	}
}

static enum err index_nsec3(struct zone *z)
{
	uint32_t n = 0;

	for (const struct zone_node *node = zone_next(z, NULL); node; node = zone_next(z, node))
		n += zone_node_find(node, DNS_TYPE_NSEC3) != NULL;
	z->nsec3 = malloc(((size_t)n + 1) * sizeof(*z->nsec3));
	if (!z->nsec3)
		return ENOMEM;
	for (const struct zone_node *node = zone_next(z, NULL); node; node = zone_next(z, node)) {
		const struct zone_rrset *s = zone_node_find(node, DNS_TYPE_NSEC3);
		if (!s || !in_chain(z, s))
			continue;
		struct zone_nsec3 *entry = &z->nsec3[z->nsec3_n++];
		hash_of_owner(node, entry->hash);
		entry->rrset = zone_ref_of(z, s);
		entry->node = zone_ref_of(z, node);
	}
	qsort(z->nsec3, z->nsec3_n, sizeof(*z->nsec3), compare_nsec3);
	return OK;
}

/* Each name's own proof is found now, so that a referral or a NODATA costs no hash later. */
static enum err hash_ahead(struct zone *z)
{
	if ((uint64_t)z->nodes * ((uint64_t)z->iterations + 1) > DENIAL_AHEAD_MAX)
		return OK;
	for (const struct zone_node *node = zone_next(z, NULL); node; node = zone_next(z, node)) {
		struct zone_node *n =
			(struct zone_node *)(void *)(z->region +
						     (size_t)zone_ref_of(z, node) * ZONE_UNIT);
		uint32_t index;
		bool match;
		if (!(n->flags & ZONE_NODE_REAL) || (n->cut && !(n->flags & ZONE_NODE_CUT)))
			continue;
		TRY(zone_nsec3_of_name(z, n->name, n->name_len, &index, &match));
		n->denial = index + 1;
		if (!match)
			n->flags |= ZONE_NODE_COVERED;
	}
	return OK;
}

enum err zone_denial_index(struct zone *z)
{
	if (zone_node_find(zone_node_at(z, z->apex), DNS_TYPE_NSEC))
		return index_nsec(z);
	if (!take_parameters(z))
		return OK;
	TRY(index_nsec3(z));
	return z->nsec3_n ? hash_ahead(z) : OK;
}

const struct zone_rrset *zone_nsec_before(const struct zone *z, const struct zone_path *p,
					  const struct zone_node **ret_owner)
{
	struct span name = span_of(p->wire, p->len);
	uint32_t low = 0, high = z->nsec_n;

	if (high == 0)
		return NULL;
	while (high - low > 1) { /* [low] is at or before the name: the apex is */
		uint32_t middle = low + (high - low) / 2;
		const struct zone_node *n = zone_node_at(z, z->nsec[middle]);
		if (dns_name_compare(span_of(n->name, n->name_len), name) <= 0)
			low = middle;
		else
			high = middle;
	}
	*ret_owner = zone_node_at(z, z->nsec[low]);
	return zone_node_find(*ret_owner, DNS_TYPE_NSEC);
}

static uint32_t hash_head(const uint8_t *hash)
{
	return (uint32_t)hash[0] << 24 | (uint32_t)hash[1] << 16 | (uint32_t)hash[2] << 8 | hash[3];
}

/* Hashes are spread evenly, so their place can be guessed; the search then widens around the guess.
 */
static void narrow(const struct zone *z, const uint8_t hash[20], uint32_t *low, uint32_t *high)
{
	uint32_t n = z->nsec3_n, guess = (uint32_t)((uint64_t)hash_head(hash) * n >> 32);

	for (uint32_t step = 16;; step *= 4) {
		uint32_t from = guess > step ? guess - step : 0;
		uint32_t to = n - guess > step ? guess + step : n;
		bool low_ok = from == 0 || memcmp(z->nsec3[from].hash, hash, 20) <= 0;
		bool high_ok = to == n || memcmp(z->nsec3[to].hash, hash, 20) > 0;
		if (low_ok && high_ok) {
			*low = from;
			*high = to;
			return;
		}
	}
}

uint32_t zone_nsec3_before(const struct zone *z, const uint8_t hash[20], bool *ret_match)
{
	uint32_t low, high, n = z->nsec3_n;

	*ret_match = false;
	if (memcmp(z->nsec3[0].hash, hash, 20) > 0)
		return n - 1; /* the last covers what is before the first */
	narrow(z, hash, &low, &high);
	while (high - low > 1) {
		uint32_t middle = low + (high - low) / 2;
		if (memcmp(z->nsec3[middle].hash, hash, 20) <= 0)
			low = middle;
		else
			high = middle;
	}
	*ret_match = memcmp(z->nsec3[low].hash, hash, 20) == 0;
	return low;
}

enum err zone_nsec3_of_name(const struct zone *z, const uint8_t *wire, size_t len,
			    uint32_t *ret_index, bool *ret_match)
{
	struct dns_name name = {.len = (uint8_t)len};
	uint8_t hash[20];

	memcpy(name.wire, wire, len);
	TRY(dns_nsec3_hash(&name, z->iterations, span_of(z->salt, z->salt_len), hash));
	*ret_index = zone_nsec3_before(z, hash, ret_match);
	return OK;
}
