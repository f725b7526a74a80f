/* The `vpn` section of the configuration as structs, and its schema. Knows nothing of how it is
 * used, and reads no files but what secrets name. */
#ifndef VPN_CONF_H
#define VPN_CONF_H

#include "config/schema.h"
#include "proto/dns/name.h"
#include "proto/ip/prefix.h"

#define VPN_INTERFACE_NAME_MAX 15 /* IFNAMSIZ without the NUL */
#define VPN_INTERFACES_MAX     16
#define VPN_CONF_PEERS_MAX     65536 /* of all interfaces */
#define VPN_ROUTES_MAX	       256   /* of one interface */
#define VPN_ADDRESSES_MAX      16    /* of one interface */
#define VPN_PORT	       51820

/* A part of what a peer may reach: addresses in `to`, and there `ports`. */
struct vpn_reach_conf {
	struct config_list to;	  /* struct ip_prefix */
	struct config_list ports; /* struct config_port; empty: all of every protocol */
};

/* vpn_text_rate each; NULL: no limit. */
struct vpn_bandwidth_conf {
	const char *up, *down; /* from the peer, to the peer */
};

enum vpn_signin { VPN_SIGNIN_OFF, VPN_SIGNIN_REQUIRED };

struct vpn_peer_conf {
	const char *name;
	const char *public_key;		/* base64 */
	struct span preshared_key;	/* base64; empty: none */
	struct config_list allowed_ips; /* struct ip_prefix */
	const char *endpoint;		/* vpn_text_remote; NULL: it comes to us */
	uint64_t keepalive_ms;		/* whole seconds; 0: off */
	const char *expires;		/* vpn_text_date; NULL: never */
	struct vpn_bandwidth_conf bandwidth;
	struct config_list reach;    /* struct vpn_reach_conf; empty: everything */
	bool to_peers, has_to_peers; /* not written: as the interface has it */
	bool hub;		     /* reaches all peers, and they it */
	int sign_in;		     /* enum vpn_signin */
	struct config_list users;    /* const char *: who may open it */
	struct config_list roles;    /* const char *: whose users may */
};

/* What `gatehouse vpn add` writes into a client's file. */
struct vpn_clients_conf {
	const char *endpoint;	    /* vpn_text_remote; NULL: none is known */
	struct config_list dns;	    /* struct ip_address */
	struct config_list allowed; /* struct ip_prefix: what goes into the tunnel */
	uint64_t keepalive_ms;	    /* 0: off */
	struct config_list pools;   /* struct ip_prefix: whence addresses are picked; empty: the
				     * interface's own networks */
};

struct vpn_interface_conf {
	const char *name;
	struct config_list listen; /* struct ip_endpoint: at most one of each family */
	bool has_listen;	   /* not written: IPv6 as far as the machine has it */
	struct span private_key;   /* base64; empty: made once, and kept in the state directory */
	struct config_list addresses; /* const char *: vpn_text_device_address */
	uint16_t mtu;
	struct config_list routes; /* struct ip_prefix */
	bool has_routes;	   /* not written: those of the peers' allowed IPs */
	bool to_peers;
	struct dns_name domain; /* len 0: peers have no names */
	struct vpn_clients_conf clients;
	struct config_list peers; /* struct vpn_peer_conf */
};

enum vpn_roaming { VPN_ROAMING_STRICT, VPN_ROAMING_SAME_ADDRESS, VPN_ROAMING_BROWSER_PROOF };

struct vpn_attempts_conf {
	uint32_t user, peer, address; /* failures before a pause */
	uint64_t delay_ms, delay_max_ms;
};

/* What a guess of a password costs who has its record. */
struct vpn_password_conf {
	uint64_t memory_bytes;
	uint32_t passes;
};

struct vpn_signin_conf {
	struct dns_name name;	      /* of the page */
	struct config_list addresses; /* struct ip_address; empty: the interfaces' own */
	uint16_t port, redirect_port;
	const char *certificate;	 /* path; NULL: of the gateway's own authority */
	struct span certificate_key;	 /* PEM; goes with certificate */
	uint64_t session_ms, idle_ms;	 /* idle 0: no such limit */
	int roaming;			 /* enum vpn_roaming */
	struct config_list time_servers; /* struct ip_address */
	struct vpn_attempts_conf attempts;
	struct vpn_password_conf password;
	const char *issuer; /* in authenticator apps */
};

/* Names of peers by DNS UPDATE (RFC 2136). */
struct vpn_names_conf {
	struct dns_name zone; /* len 0: the interface's domain */
	struct ip_endpoint server;
	struct config_list reverse; /* struct dns_name */
	struct dns_name key;	    /* len 0: unsigned */
	int algorithm;		    /* its place in vpn_names_algorithms */
	struct span secret;	    /* base64 */
	uint64_t ttl_ms;
};
extern const char *const vpn_names_algorithms[]; /* ended by NULL */

struct vpn_limits_conf {
	uint32_t peers;	     /* of all interfaces, with those that are added while it runs */
	uint32_t handshakes; /* a second, all sources together, before cookies are asked for */
	uint32_t source_handshakes; /* a second, of one source, while cookies are asked for */
};

struct vpn_conf {
	struct config_list interfaces; /* struct vpn_interface_conf */
	struct vpn_signin_conf sign_in;
	bool has_sign_in;
	struct vpn_names_conf names;
	bool has_names;
	struct config_list resolver; /* struct ip_endpoint */
	uint32_t workers;	     /* 0: one for each processor */
	const char *store;	     /* sqlite, or postgresql://… without a password */
	struct span store_password;  /* empty: none */
	struct span store_key;	     /* base64 of 32 octets: seals secrets; empty: made and kept in
				      * the state directory */
	bool serve_users;	     /* to other services of this gateway */
	const char *wg_sockets;	     /* the folder; "off" */
	struct vpn_limits_conf limits;
};

extern const struct config_map vpn_conf_map;
/* Of its keys, each with its own file. */
extern const struct config_map vpn_peer_conf_map, vpn_signin_conf_map, vpn_names_conf_map;

/* Judges the whole; the check of vpn_conf_map. */
void vpn_conf_check(const void *conf, struct config_at *at);

/* Base64 of the 32 octets of a key, blanks around it allowed. ERR_FORMAT. */
MUST enum err vpn_conf_key(struct span text, uint8_t ret[32]);
/* Whether text is base64 of what can be a secret of TSIG. */
bool vpn_conf_tsig_secret_is_right(struct span text);

#endif
