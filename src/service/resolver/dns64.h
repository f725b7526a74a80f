/* DNS64 (RFC 6147): which clients get AAAA records made of A records, and how they are made. Knows
 * rows of RRsets and rules; neither how records are found nor where they are kept. */
#ifndef RESOLVER_DNS64_H
#define RESOLVER_DNS64_H

#include "proto/ip/prefix.h"
#include "service/resolver/rrset.h"

/* RFC 6147 5.1.7: when the denial of the AAAA brought no SOA. */
#define DNS64_TTL_MAX_S 600u

/* IPv4 addresses of one range become IPv6 addresses of one translator (RFC 6052). */
struct dns64_map {
	struct ip_prefix from; /* family 4 */
	struct ip_prefix to;   /* ip_nat64_prefix_is_valid */
};

/* What the configuration decides; borrowed as engine_rules are. */
struct dns64_rules {
	const struct dns64_map *maps;
	size_t maps_n;
	const struct ip_prefix *clients, *exclude, *unmapped;
	size_t clients_n, exclude_n, unmapped_n;
};

/* Is it for this client? An IPv4 address in an IPv6 one (of a socket) is the IPv4 address. */
bool dns64_serves(const struct dns64_rules *d, const struct ip_address *client);

/* RFC 6147 5.1.4: copies what of an AAAA RRset is not in the excluded ranges to row, the signatures
 * left behind when that is not all of it. Returns how many records; set.count means that nothing
 * was excluded, and nothing written. */
uint16_t dns64_usable(const struct dns64_rules *d, const struct rrset *set, struct writer *row);

/* RFC 6147 5.1.7: the AAAA RRset made of an A RRset, with a TTL of at most ttl_max_s, to row. By
 * the most specific ranges that hold an address; one record for each prefix, when there are
 * several. Returns how many records; with 0 nothing is written. A lack of room marks the writer. */
uint16_t dns64_synthesize(const struct dns64_rules *d, const struct rrset *a, uint32_t ttl_max_s,
			  struct writer *row);

/* RFC 6147 5.3.1: is it the reverse name of an address under one of the prefixes? Then ret_target
 * is that of the IPv4 address inside, and ret_zone that of the prefix. */
bool dns64_reverse(const struct dns64_rules *d, const struct dns_name *name,
		   struct dns_name *ret_target, struct dns_name *ret_zone);

/* Both may be NULL. */
bool dns64_rules_equal(const struct dns64_rules *a, const struct dns64_rules *b);

#endif
