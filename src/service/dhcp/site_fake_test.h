/* A site for tests of the engine, filled by hand instead of from a configuration. It answers
 * everything that site.h asks, as obviously as can be. */
#ifndef DHCP_SITE_FAKE_TEST_H
#define DHCP_SITE_FAKE_TEST_H

#include "service/dhcp/site.h"

enum { FAKE_NETWORKS = 8, FAKE_POOLS = 4, FAKE_RESERVATIONS = 16 };

struct dhcp_site {
	size_t refs;
	struct dhcp_network networks[FAKE_NETWORKS];
	struct dhcp_pool pools[FAKE_NETWORKS][FAKE_POOLS];
	const struct dhcp_network *links[FAKE_NETWORKS][FAKE_NETWORKS];
	size_t networks_n, pools_n;
	struct dhcp_reservation reservations[FAKE_RESERVATIONS];
	size_t reservations_n;
	uint32_t lease_s, lease_min_s, lease_max_s;
	uint32_t siaddr;
	const char *file;
	bool not_ours;
	const struct dhcp_pool *ipv6_only; /* the pool that has option 108, of 1800 s */
	size_t filler;			   /* octets of option 224, to make replies long */
};

/* One reference; lease time 3600 s. */
struct dhcp_site *site_fake_new(void);
struct dhcp_network *site_fake_network(struct dhcp_site *s, uint32_t subnet, uint8_t bits);
/* Both networks are on one link, in the order they were added. */
void site_fake_link(struct dhcp_site *s, size_t one, size_t other);
struct dhcp_pool *site_fake_pool(struct dhcp_site *s, struct dhcp_network *n, uint32_t first,
				 uint32_t last, enum dhcp_allocate allocate);
struct dhcp_reservation *site_fake_reserve(struct dhcp_site *s, enum dhcp_identity_kind kind,
					   struct span identity, uint32_t address);

#endif
