/* The key `ipv6` of the section `dhcp` as structs, and its schema: DHCPv6, router advertisements
 * and the relay agent for IPv6. Knows nothing of how it is used: v6_site.h, ra.h and relay6.h are.
 */
#ifndef DHCP_CONF6_H
#define DHCP_CONF6_H

#include "config/schema.h"
#include "proto/ip/prefix.h"

/* One entry of a map `options`, its value in wire form. */
struct v6_option_conf {
	uint16_t code;
	struct span data; /* without code and length */
};

/* What each place can say; the nearest wins: reservation, class, network, ipv6. */
struct v6_scope_conf {
	struct config_list options; /* struct v6_option_conf */
	struct config_list
		always; /* const char *: names or numbers, sent also when not asked for */
	uint64_t preferred_ms, valid_ms, renew_ms, rebind_ms; /* 0: said elsewhere */
};

/* All that is written must match; of a list, any item. const char * each: patterns of pattern.h. */
struct v6_match_conf {
	struct config_list vendor_class, user_class, mac, duid;
	struct config_list interface_id, remote_id, subscriber_id;
};

struct v6_class_conf {
	const char *name;
	struct v6_match_conf match;
	struct v6_scope_conf scope;
};

struct v6_pool_conf {
	struct ip_range range;
	struct config_list classes; /* const char *; empty: clients of any */
	int allocate;		    /* enum dhcp_allocate of site.h */
	uint32_t warn_percent;	    /* 0: none */
};

struct v6_prefix_pool_conf {
	struct ip_prefix prefix;
	struct config_list classes; /* const char *; empty: clients of any */
	uint8_t delegated_length;
	uint8_t exclude_length; /* RFC 6603: the first subnet of that length; 0: none */
	int allocate;
	uint32_t warn_percent;
};

struct v6_reservation_conf {
	const char *duid, *mac; /* hex; one of them */
	bool has_iaid;
	uint32_t iaid;
	struct ip_address address; /* family 0: none */
	struct ip_prefix prefix;   /* family 0: none */
	const char *name;	   /* NULL: none */
	struct v6_scope_conf scope;
};

struct v6_network_conf {
	struct ip_prefix subnet;
	const char *name, *interface, *link; /* NULL: none */
	struct config_list pools;	     /* struct v6_pool_conf */
	struct config_list prefix_pools;     /* struct v6_prefix_pool_conf */
	struct config_list reservations;     /* struct v6_reservation_conf */
	bool rapid_commit, reconfigure, create_on_renew;
	uint8_t preference;
	uint64_t decline_ms;
	uint32_t per_second; /* new leases a second of the link; 0: no limit */
	struct v6_scope_conf scope;
};

struct v6_route_conf {
	struct ip_prefix prefix;
	int preference; /* of {medium, high, low}: its place there */
	uint64_t lifetime_ms;
};

struct v6_advertised_conf {
	struct ip_prefix prefix;
	bool on_link, autonomous;
	uint64_t valid_ms, preferred_ms;
};

/* Router advertisements of one interface. */
struct v6_advertise_conf {
	const char *interface;
	bool managed, other;
	/* Prefixes of the interface's own global addresses, with what is left of their lifetimes,
	 * beside those that are listed: so a delegated prefix reaches the hosts. */
	bool automatic;
	struct config_list prefixes; /* struct v6_advertised_conf */
	struct config_list routes;   /* struct v6_route_conf */
	struct config_list rdnss;    /* struct ip_address */
	struct config_list dnssl;    /* struct dns_name */
	struct config_list pref64;   /* struct ip_prefix */
	const char *captive_portal;  /* NULL: none */
	int preference;		     /* as of a route */
	uint32_t mtu;		     /* 0: not said */
	uint8_t hop_limit;	     /* 0: not said */
	uint64_t lifetime_ms;	     /* of the default route; 0: none */
	uint64_t min_interval_ms, max_interval_ms;
	uint64_t reachable_ms, retrans_ms; /* 0: not said */
};

struct v6_relay_conf {
	const char *interface;	    /* where the clients are */
	struct config_list servers; /* struct ip_address; empty: ff05::1:3 */
	const char *upstream;	    /* the interface for multicast servers; NULL: by the routes */
	const char *interface_id;   /* NULL: the interface's name */
	const char *remote_id;	    /* hex behind the number; NULL: none */
	uint32_t enterprise;	    /* of remote_id */
	const char *subscriber_id;  /* NULL: none */
	bool link_layer;	    /* RFC 6939 */
	struct ip_address link_address; /* family 0: the interface's global address */
};

struct v6_conf {
	struct config_list networks;  /* struct v6_network_conf */
	struct config_list classes;   /* struct v6_class_conf, DHCP_CLASSES_MAX at most */
	struct config_list advertise; /* struct v6_advertise_conf */
	struct config_list relays;    /* struct v6_relay_conf */
	uint32_t leases_max, waiting_max;
	uint32_t leases_per_client;
	struct v6_scope_conf scope;
};

/* For the key `ipv6` (CONFIG_MAP, a struct v6_conf) of the section dhcp. */
extern const struct config_map v6_conf_map;

#endif
