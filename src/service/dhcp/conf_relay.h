/* The key `relay` of the section `dhcp` as structs, its schema, and as what the relay agent takes.
 * Knows no packet. */
#ifndef DHCP_CONF_RELAY_H
#define DHCP_CONF_RELAY_H

#include "config/schema.h"
#include "proto/ip/address.h"

struct config_at;
struct dhcp_conf;
struct relay_link;

struct dhcp_relay_conf {
	const char *interface;		   /* where the clients are */
	struct config_list servers;	   /* struct ip_address */
	struct ip_address gateway_address; /* giaddr; family 0: the interface's own */
	bool option_82, trusted, server_id_override;
	const char *circuit_id;		       /* NULL: the interface's name */
	const char *remote_id, *subscriber_id; /* NULL: not sent */
	uint32_t hops_max;
};

extern const struct config_map dhcp_relay_conf_map;

/* What two relays, or a relay and a network, must not have in common. */
void dhcp_check_relays(const struct dhcp_conf *c, struct config_at *at);

/* ret: room for RELAY_LINKS_MAX; returns how many. What it reads has passed its checks. */
size_t dhcp_conf_relays(const struct dhcp_conf *c, struct relay_link *ret);

#endif
