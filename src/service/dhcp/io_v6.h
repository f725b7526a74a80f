/* The half of the service for IPv6: DHCPv6's server and relay on port 547, and router
 * advertisements. Knows the sockets, the links and the store; what is said is the engines'
 * business. */
#ifndef DHCP_IO_V6_H
#define DHCP_IO_V6_H

#include "os/loop.h"
#include "os/udp.h"
#include "service/dhcp/ra.h"
#include "service/dhcp/relay6.h"
#include "service/dhcp/v6_engine.h"

struct activation;
struct dhcp_conf;
struct dhcp_service;
struct outbox;
struct store_row;
struct v6_conf;

enum { V6_SECRET_LEN = 32, V6_DUID_LEN = 18 };

struct dhcp_v6 {
	struct v6_site *site;
	struct v6_engine *engine; /* NULL: no network of IPv6 */
	struct relay6 *relay;	  /* NULL: no relay */
	struct ra *ra;		  /* NULL: nothing is advertised */
	int udp_fd, icmp_fd;	  /* -1: not needed when we started */
	struct udp_socket udp;
	struct udp_batch *batch;
	struct outbox *datagrams;
	struct loop_watch udp_watch, icmp_watch;
	uint8_t duid[V6_DUID_LEN], secret[V6_SECRET_LEN];
	uint64_t dropped_in, dropped_out;
	uint64_t told; /* hash of what the file says that hosts were told of prefixes */
};

/* What conf asks for. */
bool dhcp_v6_serves(const struct v6_conf *conf);     /* port 547 */
bool dhcp_v6_advertises(const struct v6_conf *conf); /* a raw ICMPv6 socket */

MUST enum err dhcp_v6_open(struct dhcp_service *d);
/* After the sandbox: who we are, then the engines. */
MUST enum err dhcp_v6_begin(struct dhcp_service *d);
MUST enum err dhcp_v6_watch(struct dhcp_service *d);
/* A new configuration: the site that is compiled first, so that nothing has changed when that
 * fails. */
MUST enum err dhcp_v6_site_make(struct dhcp_service *d, const struct dhcp_conf *conf,
				struct v6_site **ret);
/* The stored reservations have changed: the same with another site. */
void dhcp_v6_site_take(struct dhcp_service *d, struct v6_site *site);
void dhcp_v6_take(struct dhcp_service *d, const struct v6_conf *conf, struct v6_site *site);
void dhcp_v6_links_tell(struct dhcp_service *d);
uint64_t dhcp_v6_next_ms(struct dhcp_service *d);
void dhcp_v6_turn(struct dhcp_service *d);
void dhcp_v6_flush(struct dhcp_service *d);
/* The last words of router advertisements. */
void dhcp_v6_stop(struct dhcp_service *d);
void dhcp_v6_done(struct dhcp_service *d);

/* io_v6_told.c: what hosts were told of prefixes, kept in the state directory. */
void dhcp_v6_told_recall(struct dhcp_service *d);
/* Writes it when it has changed. */
void dhcp_v6_told_keep(struct dhcp_service *d);

/* io_v6_identity.c: this server's DUID and secret, made once and kept in the state directory. */
MUST enum err dhcp_v6_identity(struct dhcp_service *d);

#endif
