/* The `dhcp-client` section of the configuration as structs, its schema, and the rules that the
 * engine of an uplink takes from it. Knows nothing of sockets and reads no files. */
#ifndef DHCP_CLIENT_CONF_H
#define DHCP_CLIENT_CONF_H

#include "config/schema.h"
#include "service/dhcp-client/engine.h"
#include "service/dhcp-client/v6.h"

enum {
	CLIENT_UPLINKS_MAX = 16,
	CLIENT_DELEGATES_MAX = 16, /* of one uplink */
	CLIENT_INTERFACE_MAX = 15, /* octets: the kernel's */
};

/* Where a part of a delegated prefix goes. */
struct client_delegate_conf {
	const char *interface;
	uint32_t subnet_id, length;
};

struct client_v6_conf {
	bool address, prefix, rapid_commit, reconfigure;
	uint32_t prefix_length;
	struct config_list delegate;			    /* struct client_delegate_conf */
	struct config_list request;			    /* int64_t */
	struct config_list servers_allowed, leases_allowed; /* struct ip_prefix */
};

enum client_identity { CLIENT_IDENTITY_DUID, CLIENT_IDENTITY_MAC };

struct client_probing_conf {
	uint32_t probes;
	uint64_t wait_ms, min_ms, max_ms, settle_ms;
};

struct client_uplink_conf {
	const char *interface;
	uint32_t metric;
	int identity;			      /* enum client_identity */
	const char *host_name, *vendor_class; /* NULL: not sent */
	struct dns_name fqdn;		      /* len 0: not sent */
	struct config_list request;	      /* const char *: names or numbers of options */
	struct config_list servers_allowed;   /* struct ip_prefix, as the next two */
	struct config_list addresses_allowed, addresses_refused;
	uint64_t lease_ms; /* 0: not asked for */
	uint64_t start_delay_ms, offer_wait_ms;
	uint32_t message_max;
	bool broadcast, rapid_commit, force_renew, ipv6_only, keep_unconfirmed, release_on_stop;
	bool defend_always;
	bool routes, mtu, resolver; /* what of a lease is used */
	struct client_probing_conf probing;
	bool ipv4, has_v6;
	struct client_v6_conf v6; /* when has_v6 */
};

struct client_conf {
	struct config_list uplinks; /* struct client_uplink_conf */
	bool resolver_file, forwarders;
};

extern const struct config_map dhcp_client_conf_map;
extern const struct config_map client_v6_map; /* of `ipv6` */

/* The rules of one uplink with what they point to, but for what stays in the configuration, which
 * must outlive them. Must not move. */
struct client_rules {
	struct uplink_rules rules;
	uint8_t request[UPLINK_OPTIONS_MAX];
	uint8_t client_id[UPLINK_IDENTITY_MAX];
	uint8_t fqdn[3 + DNS_NAME_MAX];
};

/* duid: of this machine. */
void client_rules_fill(const struct client_uplink_conf *conf, const uint8_t mac[IP_MAC_LEN],
		       struct span duid, struct client_rules *ret);

struct client_rules6 {
	struct uplink6_rules rules;
	uint16_t request[UPLINK6_REQUEST_MAX];
};

/* conf->has_v6. duid must outlive the rules. */
void client_rules6_fill(const struct client_uplink_conf *conf, const uint8_t mac[IP_MAC_LEN],
			struct span duid, struct client_rules6 *ret);

/* Of a link; the same in both families (RFC 4361 6.1). */
uint32_t client_iaid(const uint8_t mac[IP_MAC_LEN]);

#endif
