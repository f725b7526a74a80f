/* Tells this machine's resolver the DNS servers of the leases, and tells them again: one way,
 * without waiting, nothing kept that the next time would not say. Knows no lease. */
#ifndef DHCP_CLIENT_IO_FORWARDERS_H
#define DHCP_CLIENT_IO_FORWARDERS_H

#include "base/err.h"
#include "os/loop.h"
#include "proto/ip/address.h"

enum {
	CLIENT_FORWARDERS_MAX = 3,
	CLIENT_FORWARDERS_AGAIN_MS = 15000, /* told again; a resolver may have been started anew */
	CLIENT_FORWARDERS_RETRY_MS = 500,   /* doubled up to the above */
	CLIENT_FORWARDERS_WAIT_MS = 5000,   /* for an answer */
};

/* Zeroed: never begun, tells nothing. */
struct client_forwarders {
	struct loop *loop; /* borrowed */
	char path[108];
	struct ip_address servers[CLIENT_FORWARDERS_MAX];
	size_t n;
	int fd; /* of the question under way; -1 */
	struct loop_watch watch;
	struct loop_timer timer; /* of the next one, or of this one's patience */
	uint64_t retry_ms;
	bool begun, told_failure; /* the log knows that nobody takes them */
	uint64_t told;		  /* ever */
};

void client_forwarders_begin(struct client_forwarders *f, struct loop *loop, const char *run);
/* What is to be told from here on; an empty list once, others again and again. */
void client_forwarders_set(struct client_forwarders *f, const struct ip_address *servers, size_t n);
void client_forwarders_done(struct client_forwarders *f);

#endif
