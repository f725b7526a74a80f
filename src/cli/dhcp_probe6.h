/* The half of `dhcp probe` for IPv6: a Solicit, and who advertises. Prints nothing. */
#ifndef CLI_DHCP_PROBE6_H
#define CLI_DHCP_PROBE6_H

#include "os/links.h"
#include "os/udp.h"
#include "proto/dhcp/duid.h"

struct outbox;

enum { PROBE6_SERVERS_MAX = 64, PROBE6_TEXT_MAX = 512 };

struct probe6_server {
	struct ip_address from;
	struct duid duid;
	uint8_t preference;
	char offers[PROBE6_TEXT_MAX], dns[PROBE6_TEXT_MAX]; /* with blanks between; may be empty */
};

/* Zeroed, with fd -1: nothing was opened. */
struct probe6 {
	int fd;
	uint32_t ifindex, transaction;
	struct duid duid;
	struct udp_socket socket;
	struct udp_batch *batch;
	struct outbox *outbox;
	size_t servers_n;
	struct probe6_server servers[PROBE6_SERVERS_MAX];
};

/* EADDRINUSE: a client runs here and has the port. */
MUST enum err probe6_open(struct probe6 *p, const struct link *link);
void probe6_done(struct probe6 *p);
MUST enum err probe6_ask(struct probe6 *p);
/* p->fd can be read. */
void probe6_heard(struct probe6 *p);

#endif
