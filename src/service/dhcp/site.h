/* The configuration of the address server as its engine asks it: networks, pools, classes,
 * reservations, options, compiled into one immutable snapshot. Knows no lease and no socket.
 *
 * IPv4 addresses are uint32_t in host order throughout this service, so that ranges are numbers. */
#ifndef DHCP_SITE_H
#define DHCP_SITE_H

#include "base/err.h"
#include "base/span.h"

struct dhcp_build;
struct dhcp_conf;
struct dhcp_message;
struct dhcp_relay_info; /* proto/dhcp/relay.h */

enum {
	DHCP_CLASSES_MAX = 64,
	DHCP_MAC_MAX = 16,	 /* chaddr */
	DHCP_IDENTITY_MAX = 255, /* of a client identifier, circuit-id or remote-id */
	DHCP_POOL_ADDRESSES_MAX = 1 << 24,
};

/* The three ways to allocate. */
enum dhcp_allocate {
	DHCP_DYNAMIC,	/* from the range; a lease that ended is anybody's again */
	DHCP_AUTOMATIC, /* the same, but who had an address gets it back whenever it can */
	DHCP_FIXED,	/* only who has a reservation is answered */
};

struct dhcp_scope; /* options of one place in the configuration */

struct dhcp_pool {
	uint32_t first, last; /* both belong to it */
	enum dhcp_allocate allocate;
	uint64_t classes; /* only clients of one of these; 0: of any */
	const struct dhcp_scope *scope;
	uint32_t index;	       /* among all pools of the site, from 0 */
	uint16_t warn_percent; /* of use: an event when it is passed; 0: none */
};

enum dhcp_identity_kind { DHCP_IDENTITY_MAC, DHCP_IDENTITY_CLIENT_ID, DHCP_IDENTITY_CIRCUIT };

struct dhcp_reservation {
	enum dhcp_identity_kind kind;
	struct span
		identity; /* MAC without htype; option 61 whole; circuit-id (and then remote-id) */
	struct span remote_id; /* DHCP_IDENTITY_CIRCUIT: empty is any */
	uint32_t address;      /* 0: none, only options and a name */
	const char *name;      /* host name, or NULL */
	const struct dhcp_scope *scope;
};

struct dhcp_site; /* immutable; counted */

struct dhcp_network {
	const struct dhcp_site *site; /* that it belongs to */
	uint32_t subnet;	      /* its first address */
	uint8_t bits;
	uint32_t index;	       /* among all networks of the site, from 0 */
	const char *name;      /* as configured, else "192.168.7.0/24" */
	const char *interface; /* served there; NULL: where the gateway has an address of it */
	const struct dhcp_pool *pools;
	size_t pools_n;
	/* All networks of the same link (itself among them), in the order of the file: an address
	 * comes from the first that has one. */
	const struct dhcp_network *const *link;
	size_t link_n;
	const struct dhcp_scope *scope;
	uint32_t server_id; /* 0: the address by which the client reaches us */
	bool probe;	    /* look for a holder before an address is offered */
	uint32_t probe_ms;  /* how long */
	uint32_t decline_s; /* an address that was declined, or answered a probe, rests this long */
	uint32_t offer_s;   /* an offer is kept this long */
	bool rapid_commit;
	bool authoritative;  /* NAK what is wrong for this link though we know no lease of it */
	uint32_t per_second; /* new clients a second by each relay port or interface; 0: no limit */
	uint32_t per_port;   /* leases of one relay port (circuit-id) at once; 0: no limit */
};

struct dhcp_times {
	uint32_t lease_s, renew_s, rebind_s; /* T1 and T2, RFC 2131 4.4.5 */
};

/* What a message says of its sender, and where that leads. */
struct dhcp_client {
	const struct dhcp_message *message; /* borrowed */
	const struct dhcp_network *network; /* the first of its link */
	uint32_t link_address; /* giaddr, or link or subnet selection (RFC 3527, 3011); 0: local */
	uint32_t ifindex;
	const struct dhcp_relay_info *relay; /* option 82, borrowed; NULL: there was none */
	struct span client_id;		     /* option 61; empty: none */
	uint8_t htype, mac_len;
	uint8_t mac[DHCP_MAC_MAX];
	uint64_t classes;			    /* bits, by the order of the configuration */
	const struct dhcp_reservation *reservation; /* of its link; NULL: none */
};

/* Compiles a configuration that its checks have passed; conf may go afterwards. ENOMEM. */
MUST enum err dhcp_site_new(const struct dhcp_conf *conf, struct dhcp_site **ret);
struct dhcp_site *dhcp_site_ref(struct dhcp_site *s);
void dhcp_site_unref(struct dhcp_site *s); /* accepts NULL */

size_t dhcp_site_networks(const struct dhcp_site *s, const struct dhcp_network **ret);
size_t dhcp_site_pools(const struct dhcp_site *s); /* of all networks together */
/* The network that an address lies in; NULL: none. */
const struct dhcp_network *dhcp_site_network_of(const struct dhcp_site *s, uint32_t address);
/* The pool of that network that an address lies in; NULL: none. */
const struct dhcp_pool *dhcp_network_pool_of(const struct dhcp_network *n, uint32_t address);

/* Fills classes and reservation; everything above them in the struct is filled already. */
void dhcp_site_judge(const struct dhcp_site *s, struct dhcp_client *c);
/* Whose reservation an address is (on the link of n), or NULL: nobody else may have it. */
const struct dhcp_reservation *dhcp_network_reserved(const struct dhcp_network *n,
						     uint32_t address);
/* A reservation of this very client? */
bool dhcp_reservation_is_of(const struct dhcp_reservation *r, const struct dhcp_client *c);

/* pool NULL: the address is reserved outside of the pools. asked_s: option 51 of the client, 0:
 * none. */
struct dhcp_times dhcp_site_times(const struct dhcp_site *s, const struct dhcp_client *c,
				  const struct dhcp_network *n, const struct dhcp_pool *pool,
				  uint32_t asked_s);

/* The fields of the fixed part that the configuration decides (RFC 2131 2: next server). */
struct dhcp_boot {
	uint32_t siaddr;
	struct span sname, file; /* at most 63 and 127 octets */
};
void dhcp_site_boot(const struct dhcp_site *s, const struct dhcp_client *c,
		    const struct dhcp_network *n, const struct dhcp_pool *pool,
		    struct dhcp_boot *ret);

/* Writes the configured options: subnet mask first (RFC 2132 3.3), then what the client asked for
 * in its order, then what is always sent. The nearest wins: reservation, class, pool, network,
 * site. The caller has written those that belong to the exchange (53, 54, 51, 58, 59) and writes
 * 61, 81 and 82 after it. */
void dhcp_site_options(const struct dhcp_site *s, const struct dhcp_client *c,
		       const struct dhcp_network *n, const struct dhcp_pool *pool,
		       struct dhcp_build *b);

/* Is option 108 configured for that client, in that place? */
bool dhcp_site_is_ipv6_only(const struct dhcp_site *s, const struct dhcp_client *c,
			    const struct dhcp_network *n, const struct dhcp_pool *pool);

/* Load split between servers (RFC 3074): does this server answer that client? secs: of the message;
 * a client that waits longer than the configuration says is answered by all. */
bool dhcp_site_ours(const struct dhcp_site *s, const struct dhcp_client *c, uint16_t secs);

#endif
