/* Options, times and boot fields of one place of the configuration, compiled: values are wire
 * bytes to copy. Knows no packet but the client's vendor class, and not which place is nearest. */
#ifndef DHCP_SCOPE_H
#define DHCP_SCOPE_H

#include "base/err.h"
#include "base/span.h"

struct arena;
struct dhcp_pattern;
struct dhcp_scope_conf;

/* Sub-options of option 43 for clients of a vendor class. */
struct dhcp_scope_vendor {
	const struct dhcp_pattern *patterns; /* patterns_n 0: all clients */
	size_t patterns_n;
	struct span value; /* of option 43 */
};

struct dhcp_scope {
	uint64_t present[4], always[4]; /* bits of codes */
	uint8_t before[4];		/* how many are present in the words before */
	const struct span *values;	/* of those present, by code; option 125 of vendors too */
	const struct dhcp_scope_vendor *vendors;
	size_t vendors_n;
	uint32_t lease_s, lease_min_s, lease_max_s, renew_s, rebind_s; /* 0: said elsewhere */
	uint32_t next_server;					       /* 0: said elsewhere */
	struct span server_name, boot_file;			       /* empty: said elsewhere */
};

/* All of it lies in a. *ret: NULL when conf says nothing. ENOMEM. */
MUST enum err dhcp_scope_new(const struct dhcp_scope_conf *conf, struct arena *a,
			     const struct dhcp_scope **ret);

static inline bool dhcp_codes_have(const uint64_t codes[4], uint8_t code)
{
	return codes[code / 64] >> code % 64 & 1;
}

/* NULL: not said here. A value may be empty. */
static inline const struct span *dhcp_scope_find(const struct dhcp_scope *s, uint8_t code)
{
	uint64_t word = s->present[code / 64], bit = 1ULL << code % 64;

	if (!(word & bit))
		return NULL;
	return &s->values[s->before[code / 64] + __builtin_popcountll(word & (bit - 1))];
}

/* Option 43 for a client of that vendor class (empty: it said none); NULL: none. */
const struct span *dhcp_scope_vendor(const struct dhcp_scope *s, struct span vendor_class);

#endif
