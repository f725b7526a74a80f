/* Brings the addresses of an uplink and of the links that it delegates to, and the unreachable
 * routes for delegated prefixes, to what its leases say. Touches nothing that somebody else has
 * set: what is ours bears the protocol number of DHCP, and such routes a metric of their own. */
#ifndef DHCP_CLIENT_IO_NET6_H
#define DHCP_CLIENT_IO_NET6_H

#include "os/links.h"
#include "service/dhcp-client/conf.h"

enum {
	NET6_ADDRESSES_MAX = 128,
	NET6_METRIC = 2048, /* of the unreachable routes */
	/* A prefix that is gone stays so long with the LAN as deprecated (RFC 7084 L-13). */
	NET6_DEPRECATED_MS = 7200000,
};

struct net6_address {
	uint32_t ifindex;
	struct ip_address address;
	uint8_t bits;
	bool lan;				     /* of a delegated prefix */
	uint64_t preferred_until_ms, valid_until_ms; /* UINT64_MAX: for ever */
};

/* What an uplink has set. Zeroed: nothing. */
struct net6 {
	size_t addresses_n, prefixes_n;
	struct net6_address addresses[NET6_ADDRESSES_MAX];
	struct ip_prefix prefixes[UPLINK6_LEASES_MAX];
};

/* What the leases say is to be set now, with what the last state said and they no longer say: LAN
 * addresses of prefixes that are gone, as deprecated. Pure. */
void net6_wanted(const struct uplink6_lease *leases, size_t leases_n,
		 const struct client_v6_conf *conf, uint32_t ifindex, const struct links *links,
		 uint64_t now_ms, const struct net6 *last, struct net6 *ret);

/* What is to be set anew of wanted when something happened on the links: addresses that differ from
 * the last state's, or that their links have lost. False: none. Pure. */
bool net6_missing(const struct net6 *wanted, const struct net6 *last, const struct links *links,
		  struct net6 *ret);

/* Sets all of wanted and removes what is ours on these links and in none of `all` (what wanted
 * is of, among them). The first error is returned, and the rest is done all the same. */
MUST enum err net6_set(const struct net6 *wanted, const uint32_t *links, size_t links_n,
		       const struct net6 *const *all, size_t all_n, uint64_t now_ms);

#endif
