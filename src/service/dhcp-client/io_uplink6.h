/* DHCPv6 of one uplink: datagrams of its link to the engine, and what the engine wants to the link,
 * the kernel and the disk. Knows no IPv4. */
#ifndef DHCP_CLIENT_IO_UPLINK6_H
#define DHCP_CLIENT_IO_UPLINK6_H

#include "service/dhcp-client/io_net6.h"
#include "service/dhcp-client/io_uplink.h"

struct client_uplink6 {
	struct client_uplink *uplink; /* borrowed: link, store, environment */
	struct client_rules6 rules[2];
	unsigned rules_at;
	struct uplink6 u;
	struct net6 net; /* what is set */
	struct loop_timer timer;
	char path[4096]; /* of its file */
	uint64_t failures;
	bool begun;
};

/* uplink->conf->has_v6. */
MUST enum err client_uplink6_new(struct client_uplink *uplink, struct client_uplink6 **ret);
void client_uplink6_free(struct client_uplink6 *c);

/* The link was seen, or is another one. */
void client_uplink6_begin(struct client_uplink6 *c);
void client_uplink6_end(struct client_uplink6 *c);
/* Its addresses or its carrier have changed. */
void client_uplink6_links(struct client_uplink6 *c, const struct link *link);
void client_uplink6_receive(struct client_uplink6 *c, const struct ip_address *from,
			    bool to_multicast, struct span datagram);
void client_uplink6_reload(struct client_uplink6 *c);
MUST enum err client_uplink6_renew(struct client_uplink6 *c);
MUST enum err client_uplink6_release(struct client_uplink6 *c);
/* Takes away what was set. */
void client_uplink6_stop(struct client_uplink6 *c);

#endif
