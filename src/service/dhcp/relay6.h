/* The relay agent for DHCPv6 (RFC 8415 19): one datagram in, at most one for each server out. Keeps
 * no state but counters; knows no socket.
 *
 * What the caller must do (front rooms): UDP port 547 with ff02::1:2 joined on the clients'
 * interfaces, as for the server; where both are configured, an interface belongs to one of them.
 * Messages go out from port 547; to a multicast address with a hop limit of 8 (RFC 8415 19). */
#ifndef DHCP_RELAY6_H
#define DHCP_RELAY6_H

#include "proto/dhcp6/relay.h"
#include "service/dhcp/v6_engine.h"

struct v6_conf;

enum { RELAY6_LINKS_MAX = 64, RELAY6_SERVERS_MAX = 8, RELAY6_ID_MAX = 128 };

/* One client link. */
struct relay6_link {
	char interface[16], upstream[16]; /* upstream "": by the routes */
	struct ip_address servers[RELAY6_SERVERS_MAX];
	size_t servers_n;
	struct ip_address link_address; /* family 0: the interface's first global address */
	uint8_t interface_id[RELAY6_ID_MAX], remote_id[RELAY6_ID_MAX], subscriber_id[RELAY6_ID_MAX];
	uint8_t interface_id_len, remote_id_len, subscriber_id_len; /* 0: not sent */
	bool link_layer; /* RFC 6939: tell the client's link-layer address */
};

enum relay6_cause {
	RELAY6_CAUSE_NONE,
	RELAY6_CAUSE_TORN,
	RELAY6_CAUSE_TYPE, /* a type that only goes to clients or relays */
	RELAY6_CAUSE_HOPS, /* RFC 8415 19.1.2 */
	RELAY6_CAUSE_LINK, /* not from or to a client link of ours */
	RELAY6_CAUSE_LENGTH,
	RELAY6_CAUSES,
};

struct relay6_effects {
	void *arg;
	/* ifindex 0: routed. */
	void (*send)(void *arg, uint32_t ifindex, const struct ip_address *to, uint16_t port,
		     struct span message);
};

struct relay6 {
	struct relay6_link links[RELAY6_LINKS_MAX];
	size_t links_n;
	struct v6_link present[RELAY6_LINKS_MAX]; /* ifindex 0: not there now; as links */
	uint32_t upstream[RELAY6_LINKS_MAX];	  /* ifindex; 0: by the routes, or not there */
	struct relay6_effects effects;
	uint64_t forwarded, returned, refused[RELAY6_CAUSES];
};

/* The relays of the configuration; effects are copied. ERR_LIMIT: more than RELAY6_LINKS_MAX. */
MUST enum err relay6_init(struct relay6 *r, const struct v6_conf *conf,
			  const struct relay6_effects *effects);
/* Links that there are now. */
void relay6_set_links(struct relay6 *r, const struct v6_link *links, size_t n);

/* A datagram that came to port 547. mac: the sender's, where the caller knows it (a neighbour
 * entry); empty: an EUI-64 in the source address is taken. */
void relay6_receive(struct relay6 *r, const struct v6_arrival *a, struct span mac,
		    struct span packet);

#endif
