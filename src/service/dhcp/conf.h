/* The `dhcp` section of the configuration as structs, and its schema. Knows nothing of how it is
 * used: site.h compiles it. */
#ifndef DHCP_CONF_H
#define DHCP_CONF_H

#include "config/schema.h"
#include "proto/ip/prefix.h"
#include "service/dhcp/conf6.h"
#include "service/dhcp/conf_names.h"

/* One entry of a map `options`, its value in wire form. */
struct dhcp_option_conf {
	uint16_t code;
	struct span data; /* without code and length; may be longer than 255 octets */
};

/* Options inside an option of a vendor: sub-options of option 43 for clients whose vendor class
 * matches, or of option 125 (RFC 3925) for the enterprise. */
struct dhcp_vendor_conf {
	struct config_list vendor_class; /* const char *: patterns of option 60; empty: all */
	uint32_t enterprise;		 /* 0: option 43 */
	struct config_list options;	 /* struct dhcp_option_conf: codes of the vendor */
};

/* What each place of the configuration can say of options and times; the nearest place wins. */
struct dhcp_scope_conf {
	struct config_list options; /* struct dhcp_option_conf */
	struct config_list always;  /* const char *: names or numbers, sent also when not asked */
	struct config_list vendor;  /* struct dhcp_vendor_conf */
	/* Milliseconds; 0: said elsewhere. */
	uint64_t lease_ms, lease_min_ms, lease_max_ms, renew_ms, rebind_ms;
	struct ip_address next_server;	     /* family 0: said elsewhere */
	const char *server_name, *boot_file; /* NULL: said elsewhere */
};

/* How addresses are given away. In a network only what is `said` there counts. */
struct dhcp_manner_conf {
	bool probe, rapid_commit, authoritative;
	uint64_t probe_ms, decline_ms, offer_ms;
	uint32_t per_second, per_port; /* 0: no limit */
	struct {
		bool probe, rapid_commit, authoritative, probe_ms, decline_ms, offer_ms, per_second,
			per_port;
	} said;
};

struct dhcp_pool_conf {
	struct ip_range range;
	int allocate;		    /* enum dhcp_allocate */
	struct config_list classes; /* const char *; empty: clients of any */
	uint32_t warn_percent;	    /* 0: none */
	struct dhcp_scope_conf scope;
};

struct dhcp_reservation_conf {
	const char *mac, *client_id, *circuit_id, *remote_id; /* NULL: not by that */
	struct ip_address address;			      /* family 0: none */
	const char *name;				      /* NULL: none */
	struct dhcp_scope_conf scope;
};

struct dhcp_network_conf {
	struct ip_prefix subnet;
	const char *name, *interface, *link; /* NULL: none */
	struct config_list pools;	     /* struct dhcp_pool_conf */
	struct config_list reservations;     /* struct dhcp_reservation_conf */
	struct ip_address server_id;	     /* family 0: the address of the interface */
	struct dhcp_manner_conf manner;
	struct dhcp_scope_conf scope;
};

/* All that is written must match; of a list, any item. */
struct dhcp_match_conf {
	/* const char * each: patterns of pattern.h */
	struct config_list vendor_class, user_class, mac, client_id;
	struct config_list circuit_id, remote_id, subscriber_id;
	struct config_list architecture; /* const char *: words or numbers, see arch.h */
};

struct dhcp_class_conf {
	const char *name;
	struct dhcp_match_conf match;
	struct dhcp_scope_conf scope;
};

/* RFC 3074: which clients this server answers. */
struct dhcp_split_conf {
	struct config_list buckets; /* const char *: ranges of 0 to 255; empty: all */
	uint64_t wait_ms;	    /* who waits longer is answered by all */
};

struct dhcp_conf {
	struct config_list interfaces; /* const char *; empty: wherever a network is */
	const char *store;	       /* sqlite, or postgresql://… without a password */
	struct span store_password;    /* empty: none */
	uint32_t leases_max;	       /* 0: as dhcp_conf_leases counts */
	uint32_t waiting_max;	       /* exchanges that wait for a probe or the store */
	struct config_list networks;   /* struct dhcp_network_conf */
	struct config_list classes;    /* struct dhcp_class_conf, DHCP_CLASSES_MAX at most */
	struct dhcp_split_conf split;
	struct config_list relays; /* struct dhcp_relay_conf of conf_relay.h */
	struct dhcp_names_conf names;
	struct v6_conf v6;
	bool has_v6;
	struct dhcp_manner_conf manner;
	struct dhcp_scope_conf scope;
};

extern const struct config_map dhcp_conf_map;

/* Records for leases: leases_max, or as many as the pools and reservations have addresses. */
size_t dhcp_conf_leases(const struct dhcp_conf *c);

/* An IPv4 address as a number. a->family is 4. */
uint32_t dhcp_conf_v4(const struct ip_address *a);

#endif
