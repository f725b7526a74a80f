/* The flows that the kernel's own connection tracking knows, in the network namespace of the
 * calling thread. Knows no ruleset.
 *
 * Takes CAP_NET_ADMIN. Octets are counted only while net.netfilter.nf_conntrack_acct is 1. */
#ifndef OS_CONNTRACK_H
#define OS_CONNTRACK_H

#include "base/err.h"
#include "proto/ip/address.h"

enum conntrack_status {
	CONNTRACK_ANSWERED = 1 << 1,
	CONNTRACK_SOURCE = 1 << 4,	/* is translated */
	CONNTRACK_DESTINATION = 1 << 5, /* likewise */
};

/* Who sends to whom, as its packets come in. ICMP: the identifier stands for the port of who asks.
 */
struct conntrack_way {
	struct ip_endpoint from, to;
	uint64_t bytes;
};

enum conntrack_tcp { CONNTRACK_OPENING, CONNTRACK_OPEN, CONNTRACK_CLOSING };

struct conntrack_flow {
	uint8_t proto;
	struct conntrack_way way[2]; /* of who began; of the answers */
	uint32_t status;	     /* enum conntrack_status, and others of the kernel's */
	enum conntrack_tcp tcp;
	uint32_t left_s; /* until it ends, if nothing comes */
};

/* Those of both families; family 4 or 6: of that one. False of call: enough. */
MUST enum err conntrack_list(unsigned family,
			     bool (*call)(void *arg, const struct conntrack_flow *flow), void *arg);
/* It ends. ENOENT: it has. */
MUST enum err conntrack_remove(const struct conntrack_flow *flow);

#endif
