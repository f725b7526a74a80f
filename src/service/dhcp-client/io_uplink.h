/* One uplink with its sockets: packets and ARP of its link to the engine, and what the engine wants
 * to the link, the kernel and the disk. Knows no configuration but its own. */
#ifndef DHCP_CLIENT_IO_UPLINK_H
#define DHCP_CLIENT_IO_UPLINK_H

#include "os/links.h"
#include "os/loop.h"
#include "service/dhcp-client/conf.h"
#include "service/dhcp-client/io_store.h"

struct client_uplink;
struct client_uplink6;
struct outbox;
struct service_life;

/* What all uplinks share; filled by main.c. */
struct client_env {
	struct service_life *life;
	struct links links;
	int udp_fd;  /* bound to port 68; only sends: what comes, the packet sockets hear */
	int udp6_fd; /* bound to port 546; -1: no uplink had IPv6 at the start */
	struct outbox *outbox;
	struct client_uplink *uplinks[CLIENT_UPLINKS_MAX];
	size_t uplinks_n;
	struct duid duid; /* len 0: not known yet */
	uint64_t owner;
	uint64_t wall_ms, ageing_us; /* both of one moment: the clock goes on from there */
	void (*changed)(void *arg);  /* leases have */
	void *arg;
};

/* Unix time in milliseconds that never goes back. */
uint64_t client_env_now_ms(const struct client_env *env);

enum client_count {
	CLIENT_COUNT_SEND_FAILED,
	CLIENT_COUNT_SET_FAILED,
	CLIENT_COUNT_STORE_FAILED,
	CLIENT_COUNTS,
};

struct client_uplink {
	struct client_env *env;		       /* borrowed */
	const struct client_uplink_conf *conf; /* borrowed from the configuration in force */
	char interface[LINK_NAME_MAX];
	struct client_rules rules[2]; /* in force, and of the reload under way */
	unsigned rules_at;
	struct uplink u;
	bool begun;	   /* the link was seen: u, ifindex and mac are right */
	bool told_strange; /* the log knows that the link is no Ethernet */
	uint32_t ifindex, mtu_before;
	uint8_t mac[IP_MAC_LEN];
	int ip_fd, arp_fd; /* owned */
	struct loop_watch ip_watch, arp_watch;
	struct loop_timer timer;
	struct store store;
	/* Of the frame that brought the lease: where its server, or the way there, is. */
	bool has_peer, receiving;
	uint8_t peer[IP_MAC_LEN], sender[IP_MAC_LEN];
	uint64_t counts[CLIENT_COUNTS];
	struct client_uplink6 *v6; /* NULL: no IPv6 is configured */
};

/* Takes the sockets. Begins with the link's first appearance. Must not move. */
MUST enum err client_uplink_init(struct client_uplink *c, struct client_env *env,
				 const struct client_uplink_conf *conf, int ip_fd, int arp_fd);
/* The links of env have changed. */
void client_uplink_links(struct client_uplink *c);
/* A reload: conf is of the new configuration, while the old one still is there. */
void client_uplink_reload(struct client_uplink *c, const struct client_uplink_conf *conf);
MUST enum err client_uplink_renew(struct client_uplink *c);
MUST enum err client_uplink_release(struct client_uplink *c);
/* Takes from the link what was set, unless another process has taken the uplink over. The lease is
 * given back if the configuration says so, and else kept on disk. */
void client_uplink_stop(struct client_uplink *c);
void client_uplink_done(struct client_uplink *c);

#endif
