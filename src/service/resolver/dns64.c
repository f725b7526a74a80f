#include "service/resolver/dns64.h"

#include "proto/dns/type.h"
#include "proto/ip/nat64.h"

static bool any_contains(const struct ip_prefix *list, size_t n, const struct ip_address *a)
{
	for (size_t i = 0; i < n; i++)
		if (ip_prefix_contains(&list[i], a))
			return true;
	return false;
}

bool dns64_serves(const struct dns64_rules *d, const struct ip_address *client)
{
	struct ip_address plain = ip_address_unmap(client);
	return any_contains(d->clients, d->clients_n, &plain);
}

uint16_t dns64_usable(const struct dns64_rules *d, const struct rrset *set, struct writer *row)
{
	struct reader r = reader_of_span(set->records);
	struct span rdata;
	uint16_t excluded = 0, usable = 0;
	size_t begin = row->pos, at = rrset_pack_begin(row, set->owner, set->type, set->ttl_s);
	for (uint16_t i = 0; i < set->count && rrset_record_next(&r, &rdata); i++) {
		struct ip_address a = ip_address_of(rdata);
		if (any_contains(d->exclude, d->exclude_n, &a)) {
			excluded++;
			continue;
		}
		rrset_pack_rdata(row, rdata);
		usable++;
	}
	if (excluded == 0 || usable == 0)
		writer_rewind(row, begin);
	else
		rrset_pack_end(row, at, usable, 0);
	return excluded ? usable : set->count;
}

/* RFC 7050 2.2: the two addresses of ipv4only.arpa, which is how hosts find out the prefix. They
 * are of no use in packets, and not global, but MUST be synthesized of (RFC 8880 7.1). */
static bool is_ipv4only(const struct ip_address *v4)
{
	static const struct ip_address wka = {.family = 4, .bytes = {192, 0, 0, 170}};
	struct ip_address even = *v4;
	even.bytes[3] &= 0xfe;
	return ip_address_equal(&even, &wka);
}

static bool maps(const struct dns64_map *map, const struct ip_address *v4)
{
	if (!ip_prefix_contains(&map->from, v4))
		return false;
	/* RFC 6052 3.1: "The Well-Known Prefix MUST NOT be used to represent non-global IPv4
	 * addresses." */
	return !ip_prefix_equal(&map->to, &ip_nat64_well_known) || ip_nat64_is_global(v4) ||
	       is_ipv4only(v4);
}

/* One AAAA for each map of the most specific range. */
static uint16_t synthesize_one(const struct dns64_rules *d, const struct ip_address *v4,
			       struct writer *row)
{
	int most = -1;
	uint16_t made = 0;
	if (any_contains(d->unmapped, d->unmapped_n, v4))
		return 0;
	for (size_t i = 0; i < d->maps_n; i++)
		if (maps(&d->maps[i], v4) && d->maps[i].from.bits > most)
			most = d->maps[i].from.bits;
	for (size_t i = 0; i < d->maps_n; i++) {
		if (d->maps[i].from.bits != most || !maps(&d->maps[i], v4))
			continue;
		struct ip_address v6 = ip_nat64_embed(&d->maps[i].to, v4);
		rrset_pack_rdata(row, ip_address_span(&v6));
		made++;
	}
	return made;
}

uint16_t dns64_synthesize(const struct dns64_rules *d, const struct rrset *a, uint32_t ttl_max_s,
			  struct writer *row)
{
	struct reader r = reader_of_span(a->records);
	struct span rdata;
	unsigned made = 0;
	uint32_t ttl_s = a->ttl_s < ttl_max_s ? a->ttl_s : ttl_max_s;
	size_t begin = row->pos, at = rrset_pack_begin(row, a->owner, DNS_TYPE_AAAA, ttl_s);
	for (uint16_t i = 0; i < a->count && rrset_record_next(&r, &rdata); i++) {
		struct ip_address v4 = ip_address_of(rdata);
		made += v4.family == 4 ? synthesize_one(d, &v4, row) : 0;
	}
	if (made == 0)
		writer_rewind(row, begin);
	else
		rrset_pack_end(row, at, (uint16_t)made, 0);
	return (uint16_t)made;
}

#define IP6_ARPA_LABELS 2u

bool dns64_reverse(const struct dns64_rules *d, const struct dns_name *name,
		   struct dns_name *ret_target, struct dns_name *ret_zone)
{
	struct ip_address v6, v4;
	if (dns_name_to_address(name, &v6) != OK || v6.family != 6)
		return false;
	for (size_t i = 0; i < d->maps_n; i++) {
		const struct ip_prefix *to = &d->maps[i].to;
		if (!ip_nat64_extract(to, &v6, &v4))
			continue;
		dns_name_from_address(&v4, ret_target);
		/* All lengths are whole nibbles. */
		dns_name_suffix(name, IP6_ARPA_LABELS + to->bits / 4u, ret_zone);
		return true;
	}
	return false;
}

static bool prefixes_equal(const struct ip_prefix *a, size_t a_n, const struct ip_prefix *b,
			   size_t b_n)
{
	if (a_n != b_n)
		return false;
	for (size_t i = 0; i < a_n; i++)
		if (!ip_prefix_equal(&a[i], &b[i]))
			return false;
	return true;
}

bool dns64_rules_equal(const struct dns64_rules *a, const struct dns64_rules *b)
{
	if (!a || !b)
		return a == b;
	if (a->maps_n != b->maps_n)
		return false;
	for (size_t i = 0; i < a->maps_n; i++)
		if (!ip_prefix_equal(&a->maps[i].from, &b->maps[i].from) ||
		    !ip_prefix_equal(&a->maps[i].to, &b->maps[i].to))
			return false;
	return prefixes_equal(a->clients, a->clients_n, b->clients, b->clients_n) &&
	       prefixes_equal(a->exclude, a->exclude_n, b->exclude, b->exclude_n) &&
	       prefixes_equal(a->unmapped, a->unmapped_n, b->unmapped, b->unmapped_n);
}
