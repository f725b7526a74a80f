/* The relay agent for IPv4 (RFC 1542 4.1, RFC 3046 2, RFC 3527, RFC 5107): one datagram in, at most
 * one for each server or one for the client out. Keeps no state but counters; knows no socket.
 *
 * What the caller must do: UDP port 67 on the clients' interfaces and on those towards the servers;
 * where a server is configured too, an interface belongs to one of them. What goes to servers
 * leaves from port 67. */
#ifndef DHCP_RELAY_H
#define DHCP_RELAY_H

#include "base/err.h"
#include "base/span.h"
#include "proto/dhcp/message.h"
#include "service/dhcp/engine.h"

enum {
	RELAY_LINKS_MAX = 64,
	RELAY_SERVERS_MAX = 8,
	RELAY_ID_MAX = 64,
	RELAY_HOPS_MAX = 16,	/* RFC 1542 4.1.1: more are never relayed */
	RELAY_HOPS_DEFAULT = 4, /* the same section's default */
	RELAY_SIZE_MAX = 1472,	/* octets of a message on an Ethernet of 1,500 */
};

/* One link with clients, as configured. */
struct relay_link {
	char interface[16];
	uint32_t servers[RELAY_SERVERS_MAX];
	size_t servers_n;
	uint32_t giaddr; /* 0: our address on the interface. Another one of ours: the servers answer
			  * there, and the link is named by link selection (RFC 3527) */
	uint8_t hops_max;	 /* at most RELAY_HOPS_MAX */
	bool option_82;		 /* add it where there is none */
	bool trusted;		 /* a bridge on the link may have added option 82 itself */
	bool server_id_override; /* RFC 5107: clients renew by way of this relay */
	uint8_t circuit_id[RELAY_ID_MAX], remote_id[RELAY_ID_MAX], subscriber_id[RELAY_ID_MAX];
	uint8_t circuit_id_len;			  /* 0: the interface's name */
	uint8_t remote_id_len, subscriber_id_len; /* 0: not sent */
};

enum relay_cause {
	RELAY_CAUSE_NONE,
	RELAY_CAUSE_TORN,
	RELAY_CAUSE_LINK, /* from a link without clients of ours, or to a giaddr that is not ours */
	RELAY_CAUSE_HOPS, /* RFC 1542 4.1.1 */
	RELAY_CAUSE_FORGED, /* giaddr is ours, yet it came from a client (RFC 3046 2.1) */
	RELAY_CAUSE_OPTION, /* option 82 of a client that is not trusted, or not the one we sent */
	RELAY_CAUSES,
};

struct relay_effects {
	void *arg;
	void (*send)(void *arg, const struct dhcp_send *s);
};

struct relay {
	struct relay_link links[RELAY_LINKS_MAX];
	struct dhcp_link present[RELAY_LINKS_MAX]; /* as links; ifindex 0: not there now */
	size_t links_n;
	struct relay_effects effects;
	struct dhcp_message message; /* scratch */
	uint8_t out[DHCP_MESSAGE_MAX];
	/* too_long: sent on without option 82, for which there was no room (RFC 3046 2.1). */
	uint64_t forwarded, returned, too_long, refused[RELAY_CAUSES];
};

/* Copies links and effects; counters start at 0. ERR_LIMIT: more than RELAY_LINKS_MAX. */
MUST enum err relay_init(struct relay *r, const struct relay_link *links, size_t n,
			 const struct relay_effects *effects);
/* Links of the machine that there are now, each with the address that names it to the servers;
 * those that no relay_link names are passed over. */
void relay_set_links(struct relay *r, const struct dhcp_link *links, size_t n);

/* A datagram that came to port 67. Whatever it holds costs a counter at most. */
void relay_receive(struct relay *r, const struct dhcp_arrival *a, struct span packet);

/* "torn", "hops": for counters. */
const char *relay_cause_name(enum relay_cause cause);

#endif
