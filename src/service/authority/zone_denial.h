/* The order of a signed zone's names and hashes, for proofs that something does not exist (RFC
 * 4035 3.1.3, RFC 5155 7.2). Knows nothing of messages. */
#ifndef AUTHORITY_ZONE_DENIAL_H
#define AUTHORITY_ZONE_DENIAL_H

#include "service/authority/zone.h"

/* Fills nsec, or nsec3 and its parameters, of a zone that is being built, and the nodes' denial. */
MUST enum err zone_denial_index(struct zone *z);

/* The NSEC RRset whose owner is the last at or before the name, in canonical order; NULL when the
 * zone has none. */
const struct zone_rrset *zone_nsec_before(const struct zone *z, const struct zone_path *p,
					  const struct zone_node **ret_owner);

/* The index of the NSEC3 whose hash is the last at or before this one (the last of all when none
 * is): *ret_match tells whether it is the same. The zone must have NSEC3. */
uint32_t zone_nsec3_before(const struct zone *z, const uint8_t hash[20], bool *ret_match);

/* The same for the hash of a name. ERR_FORMAT and the like never come for a name of a message. */
MUST enum err zone_nsec3_of_name(const struct zone *z, const uint8_t *wire, size_t len,
				 uint32_t *ret_index, bool *ret_match);

#endif
