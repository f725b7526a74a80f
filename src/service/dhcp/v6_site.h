/* The configuration of the DHCPv6 server as its engine asks it: links, networks, pools,
 * reservations and options, compiled into one immutable snapshot. Knows no lease and no socket. */
#ifndef DHCP_V6_SITE_H
#define DHCP_V6_SITE_H

#include "proto/dhcp6/ia.h"
#include "proto/dhcp6/message.h"
#include "proto/ip/prefix.h"
#include "service/dhcp/site.h"
#include "service/dhcp/v6_class.h"

struct v6_conf;

/* An address as a number, so that pools can be counted through. */
static inline unsigned __int128 v6_number(const struct ip_address *a)
{
	unsigned __int128 n = 0;
	for (unsigned i = 0; i < 16; i++)
		n = n << 8 | a->bytes[i];
	return n;
}

static inline struct ip_address v6_address(unsigned __int128 n)
{
	struct ip_address a = {.family = 6};
	for (unsigned i = 16; i > 0; i--, n >>= 8)
		a.bytes[i - 1] = (uint8_t)n;
	return a;
}

/* Addresses (bits 128) or prefixes of that length, one after another from first on. */
struct v6_pool {
	unsigned __int128 first;
	uint64_t size; /* leases; a larger pool counts as UINT64_MAX */
	uint8_t bits;
	uint8_t exclude_bits; /* RFC 6603; 0: none */
	enum dhcp_allocate allocate;
	uint16_t warn_percent; /* 0: none */
	uint64_t classes;      /* bits; 0: clients of any */
	uint32_t index;	       /* among all pools of the site, prefix pools too, from 0 */
};

/* The nth lease of a pool, and back: UINT64_MAX when it is none of them. */
struct ip_prefix v6_pool_nth(const struct v6_pool *p, uint64_t n);
uint64_t v6_pool_place(const struct v6_pool *p, const struct ip_prefix *lease);

/* Options of one place: code, length and value as on the wire, one after another, with a mark which
 * are always sent. */
struct v6_options {
	struct span wire;
	struct span always; /* codes, two octets each */
};

struct v6_reservation {
	struct span duid; /* empty: by mac */
	struct span mac;
	bool has_iaid;
	uint32_t iaid;
	struct ip_prefix address; /* family 0: none */
	struct ip_prefix prefix;  /* family 0: none */
	const char *name;	  /* NULL: none */
	struct v6_options options;
};

/* A lease that is reserved. */
struct v6_reserved {
	struct ip_prefix lease;
	const struct v6_reservation *of;
};

struct v6_times {
	uint32_t preferred_s, valid_s, renew_s, rebind_s; /* renew 0: by the preferred lifetime */
};

struct v6_network {
	struct ip_prefix subnet;
	const char *name, *interface; /* interface NULL: where the gateway has an address of it */
	uint32_t index;
	const struct v6_pool *pools; /* of addresses */
	size_t pools_n;
	const struct v6_pool *prefix_pools;
	size_t prefix_pools_n;
	const struct v6_reservation *reservations;
	size_t reservations_n;
	const struct v6_reserved *reserved; /* by lease */
	size_t reserved_n;
	/* All networks of the same link, itself among them, in the order of the file. */
	const struct v6_network *const *link;
	size_t link_n;
	struct v6_times times; /* see v6_site_times */
	struct v6_options options;
	bool rapid_commit, reconfigure, create_on_renew;
	uint8_t preference;
	uint32_t decline_s, per_second;
};

struct v6_site; /* immutable; counted */

/* Compiles a configuration that its checks have passed; conf may go afterwards. ENOMEM. */
MUST enum err v6_site_new(const struct v6_conf *conf, struct v6_site **ret);
struct v6_site *v6_site_ref(struct v6_site *s);
void v6_site_unref(struct v6_site *s); /* accepts NULL */

size_t v6_site_networks(const struct v6_site *s, const struct v6_network **ret);
size_t v6_site_pools(const struct v6_site *s);
uint32_t v6_site_leases_per_client(const struct v6_site *s);
/* The network whose subnet holds the address; NULL: none. */
const struct v6_network *v6_site_network_of(const struct v6_site *s, const struct ip_address *a);
/* The first of the file that names the interface; NULL: none. */
const struct v6_network *v6_site_network_on(const struct v6_site *s, const char *interface);

/* On the link of n: the pool (of either kind) that holds the lease; NULL: none. */
const struct v6_pool *v6_link_pool_of(const struct v6_network *n, const struct ip_prefix *lease);
/* Does one of its subnets, or prefix pools for what is shorter than 128 bits, hold it? Or is it
 * reserved there? */
bool v6_link_has(const struct v6_network *n, const struct ip_prefix *lease);
/* The network whose subnet, or for a prefix whose pool, holds that lease; NULL: none. */
const struct v6_network *v6_site_network_for(const struct v6_site *s,
					     const struct ip_prefix *lease);
/* Whose reservation a lease is on that link; NULL: nobody else's, either. */
const struct v6_reservation *v6_link_reserved(const struct v6_network *n,
					      const struct ip_prefix *lease);

/* Who asks. */
struct v6_client {
	struct span duid;
	struct span mac;  /* of a relay (RFC 6939) or of the DUID; empty: not known */
	uint64_t classes; /* bits, of v6_site_classes_of */
};

/* The reservation of a client's IA on the link: by DUID and IAID, by DUID, by link-layer address.
 */
const struct v6_reservation *v6_link_reservation(const struct v6_network *n,
						 const struct v6_client *c, uint32_t iaid);
bool v6_reservation_is_of(const struct v6_reservation *r, const struct v6_client *c, uint32_t iaid);

uint64_t v6_site_classes_of(const struct v6_site *s, const struct v6_told *t);

/* Each of them of the first class of the client that says it, else of the network. */
struct v6_times v6_site_times(const struct v6_site *s, const struct v6_network *n,
			      uint64_t classes);

/* Writes the configured options that oro asks for, and those that are always sent: of the
 * reservation (NULL: none), else of the first class of the client that has it, else of the network
 * (NULL: none), else of the site. */
void v6_site_write_options(const struct v6_site *s, const struct v6_network *n,
			   const struct v6_reservation *r, uint64_t classes, struct span oro,
			   struct writer *w);

#endif
