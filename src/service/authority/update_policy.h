/* Who may change what by DNS UPDATE: by key, name and type. Knows no zone's data. */
#ifndef AUTHORITY_UPDATE_POLICY_H
#define AUTHORITY_UPDATE_POLICY_H

#include "base/span.h"
#include "proto/dns/name.h"

/* What one key may change. A name is one of those meant by any of self, below and exactly; without
 * these three, every name of the zone. */
struct update_rule {
	struct dns_name key; /* lower case */
	bool self;	     /* the name that the key has */
	struct dns_name *below, *exactly;
	size_t below_n, exactly_n;
	uint16_t *types; /* none: all but SOA and NS */
	size_t types_n;
};

struct update_policy {
	struct update_rule *rules; /* owned with what they hold */
	size_t n;		   /* 0: nobody may change the zone */
};

void update_policy_done(struct update_policy *p);
MUST enum err update_policy_copy(const struct update_policy *from, struct update_policy *ret);

/* Is there any rule for the key? Who has none is not told even what exists. */
bool update_policy_knows(const struct update_policy *p, const struct dns_name *key);
/* owner: lower case, in the zone. Types that only a signer writes (RRSIG, NSEC, NSEC3, NSEC3PARAM,
 * DNSKEY) are allowed to nobody. */
bool update_policy_allows(const struct update_policy *p, const struct dns_name *key,
			  const struct dns_name *owner, uint16_t type);
/* Some type at that name. */
bool update_policy_allows_name(const struct update_policy *p, const struct dns_name *key,
			       const struct dns_name *owner);

#endif
