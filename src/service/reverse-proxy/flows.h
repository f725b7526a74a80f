/* Sessions of datagrams as a table: what one client's port sends to one of our addresses, at most
 * so many, and so many of one client (an IPv4 address, an IPv6 /64). Knows no socket and no clock:
 * order of use stands for time.
 *
 * Who comes when there is no room takes that of another: of the same client when he has as many as
 * he may, else of the one that was quiet for longest among those that sent nothing after an answer,
 * as senders of false addresses cannot; only while these are few it is one of all the others.
 *
 *	flow = flows_find(t, &key)
 *	none:	while ((old = flows_in_the_way(t, &key.peer.address))) end it, with flows_leave
 *		TRY(flows_enter(t, &key, flow))
 *	else:	flows_used(t, flow)
 */
#ifndef REVERSE_PROXY_FLOWS_H
#define REVERSE_PROXY_FLOWS_H

#include "base/table.h"
#include "proto/ip/address.h"

enum { FLOW_KEY_LEN = 48, FLOW_CLIENT_LEN = 17 };

struct flow_key {
	uint16_t door; /* where it came in */
	struct ip_endpoint peer;
	struct ip_address local; /* family 0: the door's own */
};

/* One of the table's lists, oldest first. */
struct flow_list {
	struct flow *oldest, *newest;
	size_t n;
};

struct flow_links {
	struct flow *older, *newer;
};

struct flow_client {
	uint8_t key[FLOW_CLIENT_LEN];
	struct flow_list flows;
};

/* Storage is the caller's, from flows_enter to flows_leave. */
struct flow {
	uint8_t key[FLOW_KEY_LEN];
	struct flow_client *client;
	struct flow_links of_all, of_client;
	bool answered; /* by the server: set by the caller */
	bool proven;   /* the client went on after that */
};

struct flows {
	struct table flows, clients;
	struct flow_list fresh, proven;
	size_t flows_max, client_max;
};

/* client_max 0: no limit. keys: random. */
void flows_init(struct flows *t, const struct hash_key keys[2], size_t flows_max,
		size_t client_max);
/* When all have left; accepts zeroed storage. */
void flows_done(struct flows *t);

struct flow *flows_find(const struct flows *t, const struct flow_key *key);
/* The one that has to leave before another one of that client can enter; NULL: none. */
struct flow *flows_in_the_way(const struct flows *t, const struct ip_address *client);
/* The key is not there. ERR_LIMIT while somebody is in the way, ENOMEM. */
MUST enum err flows_enter(struct flows *t, const struct flow_key *key, struct flow *flow);
void flows_leave(struct flows *t, struct flow *flow);
/* Its client has sent. */
void flows_used(struct flows *t, struct flow *flow);
static inline size_t flows_open(const struct flows *t)
{
	return t->fresh.n + t->proven.n;
}

#endif
