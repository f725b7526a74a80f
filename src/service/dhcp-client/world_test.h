/* An uplink on a link that a test plays: its clock, a server's replies, and all that it did. Knows
 * what a right server says unless it is told otherwise. */
#ifndef DHCP_CLIENT_WORLD_TEST_H
#define DHCP_CLIENT_WORLD_TEST_H

#include "proto/dhcp/build.h"
#include "service/dhcp-client/engine.h"

enum { WORLD_SENT_MAX = 256, WORLD_LEASE_S = 3600 };

#define WORLD_START_MS UINT64_C(1700000000000)
#define WORLD_ALL      UINT32_C(0xffffffff)

#define WORLD_SERVER  UINT32_C(0xc0000201) /* 192.0.2.1 */
#define WORLD_OTHER   UINT32_C(0xc0000202) /* 192.0.2.2, a server too */
#define WORLD_ADDRESS UINT32_C(0xc0000263) /* 192.0.2.99 */

extern const uint8_t world_mac[IP_MAC_LEN], world_stranger[IP_MAC_LEN];

struct world_sent {
	uint64_t at_ms;
	uint32_t from, to;
	size_t len;
	uint8_t bytes[600];
};

struct world {
	struct uplink u;
	struct uplink_rules rules;
	uint64_t now_ms;
	struct world_sent sent[WORLD_SENT_MAX];
	size_t sent_n;
	struct {
		uint64_t at_ms;
		struct ip_arp arp;
	} arps[WORLD_SENT_MAX];
	size_t arps_n;
	bool is_set;
	struct lease set;
	uint64_t set_end_ms;
	unsigned sets, unsets;
	bool is_stored;
	struct lease stored;
	uint64_t stored_end_ms;
	unsigned events[UPLINK_EVENT_EXPIRED + 1];
	enum uplink_cause refused; /* of the last event that says so */
	uint8_t seed[16];
	struct dhcp_message read; /* of world_last */
};

/* Rules without delays and with the probing of RFC 5227; the link is down. */
struct world *world_new(uint8_t seed);
void world_free(struct world *w);
/* The link comes up, and all that is due within ms happens. */
void world_up(struct world *w, uint64_t ms);
void world_run(struct world *w, uint64_t ms);

/* The last message that was sent, read; NULL: none was. */
const struct dhcp_message *world_last(struct world *w);
/* How many of that type were sent. */
size_t world_count(struct world *w, uint8_t type);

/* A reply to the last message, changed by what is not zero here. */
struct world_reply {
	uint8_t type; /* OFFER unless given */
	uint32_t server, address, lease_s, xid_flip;
	uint32_t renew_s, rebind_s;
	bool no_server, no_address, no_lease_time, wrong_mac, request_op;
	struct span client_id; /* option 61 */
	uint8_t code;	       /* one more option */
	struct span value;
};
void world_reply(struct world *w, struct world_reply reply);
/* The bytes of it; returns the length. */
size_t world_reply_bytes(struct world *w, struct world_reply reply, uint8_t room[1500]);

/* DISCOVER to BOUND; w->now_ms is when that is. */
void world_bind(struct world *w);

/* DISCOVER and OFFER to REQUESTING. */
void world_choose(struct world *w);
/* From DISCOVER to T1 and, with rebind, on to T2. */
void world_renewing(struct world *w, bool rebind);
/* Another process that finds the lease of this one, a minute later; frees w. */
struct world *world_restored(struct world *w, bool in_force);

void world_arp(struct world *w, uint16_t operation, const uint8_t mac[IP_MAC_LEN], uint32_t sender,
	       uint32_t target);

#endif
