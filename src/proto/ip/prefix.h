/* Prefixes and ranges of IP addresses, and their text. Knows no interface and no routing; many
 * prefixes at once are base/prefix_trie.h. */
#ifndef PROTO_IP_PREFIX_H
#define PROTO_IP_PREFIX_H

#include "proto/ip/address.h"

/* bits: 0 to 32 or 128; the address's bits beyond are zero. */
struct ip_prefix {
	struct ip_address address;
	uint8_t bits;
};

/* Both of one family, first <= last; both belong to it. */
struct ip_range {
	struct ip_address first, last;
};

/* With the NUL. */
enum { IP_PREFIX_TEXT_MAX = 50, IP_RANGE_TEXT_MAX = 92 };

/* ADDRESS/BITS, or ADDRESS for that one alone. ERR_FORMAT; ERR_REFUSED when it would be right but
 * for bits set beyond the length (10.0.0.1/8), which is mostly a slip of the hand. */
MUST enum err ip_prefix_parse(struct span text, struct ip_prefix *ret);
/* The same, but clears those bits. */
MUST enum err ip_prefix_parse_masked(struct span text, struct ip_prefix *ret);

/* The first `bits` bits of a; more than it has are as many as it has. */
struct ip_prefix ip_prefix_of(const struct ip_address *a, unsigned bits);

/* ADDRESS/BITS, always with the length; "none" without a family. Returns the length of the text. */
size_t ip_prefix_format(const struct ip_prefix *p, char ret[IP_PREFIX_TEXT_MAX]);

/* False when the families differ: unmap an IPv4-mapped address before. */
bool ip_prefix_contains(const struct ip_prefix *p, const struct ip_address *a);
bool ip_prefix_equal(const struct ip_prefix *a, const struct ip_prefix *b);

/* All of its addresses. */
struct ip_range ip_prefix_range(const struct ip_prefix *p);
/* Those that hosts may have: of IPv4 neither the network's own nor that of all hosts, but where
 * there are no more than two (RFC 3021). */
struct ip_range ip_prefix_hosts(const struct ip_prefix *p);

/* FIRST-LAST (blanks around the hyphen allowed), a prefix (all of it), or one address. ERR_FORMAT,
 * also when the families differ or last is below first; ERR_REFUSED as ip_prefix_parse. */
MUST enum err ip_range_parse(struct span text, struct ip_range *ret);
/* FIRST-LAST, or the address when both are the same. Returns the length of the text. */
size_t ip_range_format(const struct ip_range *r, char ret[IP_RANGE_TEXT_MAX]);
bool ip_range_contains(const struct ip_range *r, const struct ip_address *a);

#endif
