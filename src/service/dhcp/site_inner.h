/* The compiled configuration as the files of site.h see it: who reads what is behind the public
 * structs. Knows no text of the configuration. */
#ifndef DHCP_SITE_INNER_H
#define DHCP_SITE_INNER_H

#include "base/arena.h"
#include "base/table.h"
#include "service/dhcp/class.h"
#include "service/dhcp/scope.h"
#include "service/dhcp/site.h"

/* What belongs to the network with the same index. */
struct dhcp_site_network {
	const struct dhcp_pool **pools_by_first;
	uint32_t link_index; /* the network that stands for the link */
};

struct dhcp_site_reserved {
	struct dhcp_reservation pub; /* first: what others point to */
	uint32_t link_index;
	struct span key; /* dhcp_site_key of it */
};

struct dhcp_site {
	unsigned refs; /* atomic */
	struct arena config;
	struct dhcp_network *networks; /* in the order of the file */
	struct dhcp_site_network *inner;
	const struct dhcp_network **networks_by_first;
	size_t networks_n, pools_n;
	struct table by_identity, by_address; /* struct dhcp_site_reserved */
	struct dhcp_classes classes;
	const struct dhcp_scope *const *class_scopes; /* of each class; NULL: says nothing */
	const struct dhcp_scope *scope;
	bool split;
	uint64_t buckets[4]; /* RFC 3074: those that are ours */
	uint16_t split_wait_s;
};

/* link, kind, length of the identity, identity, remote-id. */
enum { DHCP_SITE_KEY_MAX = 4 + 1 + 1 + 2 * DHCP_IDENTITY_MAX };
struct span dhcp_site_key(uint32_t link_index, enum dhcp_identity_kind kind, struct span identity,
			  struct span remote_id, uint8_t buf[DHCP_SITE_KEY_MAX]);

/* Places of the configuration that speak for a client, the nearest first. */
struct dhcp_chain {
	const struct dhcp_scope *at[DHCP_CLASSES_MAX + 4];
	unsigned n;
};
void dhcp_chain_of(const struct dhcp_site *s, const struct dhcp_client *c,
		   const struct dhcp_network *n, const struct dhcp_pool *pool,
		   struct dhcp_chain *ret);

#endif
