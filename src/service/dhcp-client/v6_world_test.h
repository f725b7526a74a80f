/* The world around the DHCPv6 client's engine for tests: servers that say what a test writes down,
 * time, and what the client did, as text. Knows nothing of what the client decides. */
#ifndef DHCP_CLIENT_V6_WORLD_TEST_H
#define DHCP_CLIENT_V6_WORLD_TEST_H

#include "base/writer.h"
#include "service/dhcp-client/v6_inner.h"

struct world6 {
	struct uplink6 u;
	struct uplink6_rules rules;
	struct ip_prefix servers[2], leases[2];
	uint16_t request[2];
	uint64_t now_ms;
	unsigned sent_n, set_n, states[UPLINK6_STATES], expired;
	uint64_t sent_ms[64];
	uint8_t sent[UPLINK6_MESSAGE_MAX], stored[UPLINK6_STORED_MAX];
	size_t sent_len, stored_len;
	struct dhcp6_message m; /* the last that was sent */
};
extern struct world6 world;

/* A client that asks for an address and a prefix; change world.rules before world_up. */
void world_begin(void);
void world_up(void); /* the link is, and the client begins */
/* Turns it until then. */
void world_run(uint64_t ms);
/* Until the next message, or the end of the test's patience: that message's type, 0 for none. */
uint8_t world_next(void);

/* An answer of server `who` (its DUID's last octet) to the last message. */
struct answer {
	struct writer w;
	uint8_t wire[1400];
};
void answer_begin(struct answer *a, uint8_t type, uint8_t who);
/* leases: "2001:db8::1=60/100 2001:db8:f::/56=0/0"; t1, t2: of the IA. */
void answer_ia(struct answer *a, enum dhcp6_ia_kind kind, uint32_t t1_s, uint32_t t2_s,
	       const char *leases);
void answer_ia_status(struct answer *a, enum dhcp6_ia_kind kind, uint16_t status);
void answer_send(struct answer *a);
/* Advertise and Reply of server 1 with one address of 100/200 s and one prefix: the client is
 * bound. */
void world_bind(void);

/* Leases in force: "2001:db8::1 2001:db8:f::/56". */
const char *world_leases(void);

#endif
